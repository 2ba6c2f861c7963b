/* SPDX-License-Identifier: Apache-2.0 */
#include "worker/media_ebml.h"

#include <string.h>

#include "worker/media_bytes.h"

#define ID_BYTES_MAX 4
#define NUMBER_BYTES_MAX 8
/* Of one level: what has more is no recording. */
#define ELEMENTS_MAX 4096

/* By how many zero bits come first; 0: more than `most`. */
static size_t number_length(uint8_t first, size_t most)
{
    size_t length = 1;
    while (length <= most && (first & 0x80u >> (length - 1)) == 0) {
        length++;
    }
    return length <= most ? length : 0;
}

size_t ebml_number(const uint8_t *bytes, size_t there, uint64_t *ret_number)
{
    size_t length = there == 0 ? 0 : number_length(bytes[0], NUMBER_BYTES_MAX);
    if (length == 0 || length > there) {
        return 0;
    }
    uint64_t number = bytes[0] & (0xFFu >> length);
    for (size_t i = 1; i < length; i++) {
        number = number << 8 | bytes[i];
    }
    uint64_t all_set = (UINT64_C(1) << 7 * length) - 1;
    *ret_number = number == all_set ? UINT64_MAX : number;
    return length;
}

/* Shows what is there of the longest possible header. */
static const uint8_t *header_at(struct media_source *source, int64_t offset, int64_t limit,
                                size_t *ret_there)
{
    int64_t there = media_source_available_end(source, offset) - offset;
    there = there < limit - offset ? there : limit - offset;
    *ret_there = there < EBML_HEADER_BYTES_MAX ? (size_t)there : EBML_HEADER_BYTES_MAX;
    return there <= 0 ? NULL : media_source_at(source, offset, *ret_there);
}

enum ebml_status ebml_element_at(struct media_source *source, int64_t offset, int64_t limit,
                                 struct ebml_element *ret_element)
{
    size_t there = 0;
    const uint8_t *bytes = offset < limit ? header_at(source, offset, limit, &there) : NULL;
    if (bytes == NULL) {
        return offset < limit ? EBML_UNKNOWN : EBML_INVALID;
    }
    bool is_all_there = there == EBML_HEADER_BYTES_MAX || offset + (int64_t)there == limit;
    size_t id_length = number_length(bytes[0], ID_BYTES_MAX);
    uint64_t size = 0;
    if (id_length == 0) {
        return EBML_INVALID;
    }
    size_t size_length =
        id_length < there ? ebml_number(bytes + id_length, there - id_length, &size) : 0;
    if (size_length == 0) {
        bool is_cut = id_length >= there || bytes[id_length] != 0;
        return is_cut && !is_all_there ? EBML_UNKNOWN : EBML_INVALID;
    }
    struct ebml_element element = {.start = offset,
                                   .content = offset + (int64_t)(id_length + size_length),
                                   .has_unknown_size = size == UINT64_MAX};
    for (size_t i = 0; i < id_length; i++) {
        element.id = element.id << 8 | bytes[i];
    }
    uint64_t rest = (uint64_t)(limit - element.content);
    element.is_cut_off = !element.has_unknown_size && size > rest;
    element.end = size > rest ? limit : element.content + (int64_t)size;
    *ret_element = element;
    return EBML_READY;
}

bool ebml_find(struct media_source *source, int64_t offset, int64_t limit, uint32_t id,
               struct ebml_element *ret_element)
{
    for (int i = 0; i < ELEMENTS_MAX; i++) {
        struct ebml_element element;
        if (ebml_element_at(source, offset, limit, &element) != EBML_READY) {
            return false;
        }
        if (element.id == id) {
            *ret_element = element;
            return true;
        }
        offset = element.end;
    }
    return false;
}

uint64_t ebml_unsigned(struct media_source *source, const struct ebml_element *element,
                       uint64_t otherwise)
{
    int64_t length = element->end - element->content;
    const uint8_t *bytes =
        length < 1 || length > 8 ? NULL : media_source_at(source, element->content, (size_t)length);
    if (bytes == NULL) {
        return otherwise;
    }
    uint64_t value = 0;
    for (int64_t i = 0; i < length; i++) {
        value = value << 8 | bytes[i];
    }
    return value;
}

uint64_t ebml_find_unsigned(struct media_source *source, const struct ebml_element *parent,
                            uint32_t id, uint64_t otherwise)
{
    struct ebml_element element;
    return ebml_find(source, parent->content, parent->end, id, &element)
               ? ebml_unsigned(source, &element, otherwise)
               : otherwise;
}

double ebml_find_float(struct media_source *source, const struct ebml_element *parent, uint32_t id,
                       double otherwise)
{
    struct ebml_element element;
    if (!ebml_find(source, parent->content, parent->end, id, &element)) {
        return otherwise;
    }
    int64_t length = element.end - element.content;
    uint64_t bits = ebml_unsigned(source, &element, 0);
    if (length == 4) {
        uint32_t short_bits = (uint32_t)bits;
        float value;
        memcpy(&value, &short_bits, sizeof(value));
        return (double)value;
    }
    double value = otherwise;
    if (length == 8) {
        memcpy(&value, &bits, sizeof(value));
    }
    return value;
}
