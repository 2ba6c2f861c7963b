/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WORKER_MEDIA_EBML_H
#define WORKER_MEDIA_EBML_H

/* Elements of EBML (RFC 8794), of which Matroska and WebM consist. Pure. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/attrs.h"
#include "worker/media_source.h"

/* An id of four bytes and a size of eight. */
#define EBML_HEADER_BYTES_MAX 12

enum ebml_status {
    EBML_READY,
    EBML_UNKNOWN, /* its header is not there */
    EBML_INVALID  /* no element */
};

struct ebml_element {
    uint32_t id;
    int64_t start;
    int64_t content;
    int64_t end; /* at most the limit */
    /* It ends where its parent does, or where an element comes that it cannot hold: files that are
     * written live have such ones. */
    bool has_unknown_size;
    bool is_cut_off; /* it says that it ends beyond the limit */
};

/* A number as sizes are written, of at most eight bytes; 0: the `there` bytes do not hold one.
 * Returns its length. All bits set, the unknown size, is given as UINT64_MAX. */
size_t ebml_number(const uint8_t *bytes, size_t there, uint64_t *ret_number);

/* The element that begins at `offset` and ends at `limit` at the latest. */
enum ebml_status ebml_element_at(struct media_source *source, int64_t offset, int64_t limit,
                                 struct ebml_element *ret_element) MUST_CHECK;

/* The first child with the id among those from `offset` to `limit`; false: none is there. */
bool ebml_find(struct media_source *source, int64_t offset, int64_t limit, uint32_t id,
               struct ebml_element *ret_element) MUST_CHECK;

/* What an element holds; `otherwise` if it is missing or holds no such thing. */
uint64_t ebml_find_unsigned(struct media_source *source, const struct ebml_element *parent,
                            uint32_t id, uint64_t otherwise);
double ebml_find_float(struct media_source *source, const struct ebml_element *parent, uint32_t id,
                       double otherwise);
uint64_t ebml_unsigned(struct media_source *source, const struct ebml_element *element,
                       uint64_t otherwise);

#endif
