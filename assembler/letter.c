/* SPDX-License-Identifier: Apache-2.0 */
#include "assembler/letter.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>

#include "common/clock.h"

static bool parse_number(const char *text, char end, int64_t maximum, int64_t *ret_number,
                         const char **ret_rest)
{
    char *rest;

    if (*text < '0' || *text > '9')
        return false;
    errno = 0;
    *ret_number = strtoll(text, &rest, 10);
    *ret_rest = rest + 1;
    return errno == 0 && *rest == end && *ret_number <= maximum;
}

bool letter_parse_place(const char *text, struct kafka_position *ret_place)
{
    int64_t partition;
    int64_t offset;

    if (!parse_number(text, ':', INT32_MAX, &partition, &text) ||
        !parse_number(text, '\0', INT64_MAX - 1, &offset, &text))
        return false;
    *ret_place = (struct kafka_position){(int32_t)partition, offset};
    return true;
}

static bool is_printable(unsigned char byte)
{
    return byte >= 0x20 && byte != 0x7F && byte != '\\';
}

static void print_text(struct letter_text text, struct buf *ret_text)
{
    if (text.data == NULL)
        buf_append_string(ret_text, "-");
    for (size_t i = 0; text.data != NULL && i < text.length; i++) {
        unsigned char byte = (unsigned char)text.data[i];

        if (is_printable(byte))
            buf_append(ret_text, &text.data[i], 1);
        else
            buf_append_format(ret_text, "\\x%02X", byte);
    }
}

static void print_place(const struct letter *letter, struct buf *ret_text)
{
    buf_append_format(ret_text, "%" PRId32 ":%" PRId64, letter->place.partition,
                      letter->place.offset);
}

static void print_time(const struct letter *letter, struct buf *ret_text)
{
    char time[CLOCK_RFC3339_SIZE];

    clock_format_rfc3339(letter->wall_us, time);
    buf_append_string(ret_text, time);
}

void letter_print_line(const struct letter *letter, struct buf *ret_text)
{
    const struct letter_text columns[] = {letter->topic, letter->partition, letter->offset,
                                          letter->key, letter->reason};

    print_place(letter, ret_text);
    buf_append_string(ret_text, "\t");
    print_time(letter, ret_text);
    for (size_t i = 0; i < ARRAY_LEN(columns); i++) {
        buf_append_string(ret_text, "\t");
        print_text(columns[i], ret_text);
    }
    buf_append_string(ret_text, "\n");
}

void letter_print_whole(const struct letter *letter, struct buf *ret_text)
{
    const struct {
        const char *name;
        struct letter_text text;
    } rows[] = {
        {"topic", letter->topic},   {"partition", letter->partition},
        {"offset", letter->offset}, {"reason", letter->reason},
        {"key", letter->key},
    };

    buf_append_string(ret_text, "place: ");
    print_place(letter, ret_text);
    buf_append_string(ret_text, "\nwritten: ");
    print_time(letter, ret_text);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        buf_append_format(ret_text, "\n%s: ", rows[i].name);
        print_text(rows[i].text, ret_text);
    }
    buf_append_string(ret_text, "\n\n");
    if (letter->value.data != NULL)
        buf_append(ret_text, letter->value.data, letter->value.length);
    buf_append_string(ret_text, "\n");
}
