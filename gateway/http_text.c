/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/http_text.h"

#include <string.h>

#include "common/mem.h"

static const char UNRESERVED[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
                                 "-._~";

static int hex_value(char digit)
{
    if (digit >= '0' && digit <= '9')
        return digit - '0';
    if (digit >= 'a' && digit <= 'f')
        return digit - 'a' + 10;
    if (digit >= 'A' && digit <= 'F')
        return digit - 'A' + 10;
    return -1;
}

/* The byte of "%XX", or 0 if it is none or is a NUL. */
static unsigned char decode_escape(const char *text, size_t length)
{
    if (length < 3)
        return 0;
    int high = hex_value(text[1]), low = hex_value(text[2]);
    return high < 0 || low < 0 ? 0 : (unsigned char)(high * 16 + low);
}

char *http_text_decode(const char *text, size_t length, bool plus_is_space)
{
    char *decoded = mem_copy(text, length);
    size_t used = 0;
    for (size_t at = 0; at < length; at++) {
        unsigned char byte = (unsigned char)text[at];
        if (byte == '%') {
            byte = decode_escape(text + at, length - at);
            if (byte == 0) {
                free(decoded);
                return NULL;
            }
            at += 2;
        } else if (byte == '+' && plus_is_space) {
            byte = ' ';
        }
        memcpy(&decoded[used++], &byte, 1);
    }
    decoded[used] = '\0';
    return decoded;
}

bool http_text_find_parameter(const char *query, const char *name, const char **ret_value,
                              size_t *ret_length)
{
    size_t name_length = strlen(name);
    for (const char *at = query; *at != '\0';) {
        size_t length = strcspn(at, "&");
        if (length >= name_length && memcmp(at, name, name_length) == 0 &&
            (length == name_length || at[name_length] == '=')) {
            *ret_value = at + name_length + (length > name_length);
            *ret_length = length - name_length - (length > name_length);
            return true;
        }
        at += length + (at[length] == '&');
    }
    return false;
}

void http_text_append_escaped(const char *text, size_t length, struct buf *out)
{
    for (size_t i = 0; i < length; i++) {
        bool is_plain = memchr(UNRESERVED, text[i], sizeof UNRESERVED - 1) != NULL;

        buf_append_format(out, is_plain ? "%c" : "%%%02X", (unsigned char)text[i]);
    }
}

bool http_text_is_request_id(const char *text)
{
    size_t length =
        strspn(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-");
    return length > 0 && length <= 64 && text[length] == '\0';
}

/* `length` lower-case hexadecimal digits that are not all zero, followed by `after`. */
static bool is_trace_part(const char *text, size_t length, char after)
{
    return strspn(text, "0123456789abcdef") == length && strspn(text, "0") != length &&
           text[length] == after;
}

bool http_text_is_traceparent(const char *text)
{
    return strlen(text) == 55 && memcmp(text, "00-", 3) == 0 && is_trace_part(text + 3, 32, '-') &&
           is_trace_part(text + 36, 16, '-') && strspn(text + 53, "0123456789abcdef") == 2;
}

/* The length of the name or the bracketed literal at the start; 0 if there is none. */
static size_t host_name_length(const char *host)
{
    if (host[0] != '[')
        return strspn(host, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~");
    size_t inside = strspn(host + 1, "0123456789abcdefABCDEF:.");
    return inside > 0 && host[1 + inside] == ']' ? inside + 2 : 0;
}

bool http_text_is_host(const char *host)
{
    size_t length = host_name_length(host);
    if (length == 0 || length > 255)
        return false;
    if (host[length] == '\0')
        return true;
    size_t digits = strspn(host + length + 1, "0123456789");
    return host[length] == ':' && digits <= 5 && host[length + 1 + digits] == '\0';
}
