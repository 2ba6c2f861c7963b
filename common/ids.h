/* SPDX-License-Identifier: Apache-2.0 */
#ifndef COMMON_IDS_H
#define COMMON_IDS_H

/* UUIDs as lower-case text (RFC 9562). */

#include <stdbool.h>
#include <stdint.h>

#include "common/attrs.h"

#define ID_SIZE 37 /* 36 characters and the NUL */

struct id {
    char text[ID_SIZE];
};

/* Version 4, from getrandom(). */
struct id id_random(void);
/* Version 5 (SHA-1) in chunkscribe's own namespace: the same name always gives the same id. */
struct id id_from_name(const char *format, ...) PRINTF_LIKE(1, 2);
/* The sub-job of one chunk: version 5 of "<job>/<chunk_index>". */
struct id id_of_sub_job(const char *job_id, int32_t chunk_index);
/* Accepts any case, gives lower case; false unless it is 8-4-4-4-12 hexadecimal digits. */
bool id_parse(const char *text, struct id *ret_id) MUST_CHECK;

#endif
