/* SPDX-License-Identifier: Apache-2.0 */
#ifndef GATEWAY_HTTP_NEGOTIATE_H
#define GATEWAY_HTTP_NEGOTIATE_H

/* What a client says it can take, or has already: pure. Headers that are absent are NULL. */

#include <stdbool.h>

/* Whether Accept-Encoding takes gzip (RFC 9110, 12.5.3): named or by "*", and not with q=0. */
bool http_negotiate_gzip(const char *accept_encoding);

/* Whether If-None-Match names the entity tag, or is "*"; compared weakly (RFC 9110, 8.8.3.2): W/
 * before either does not count. */
bool http_negotiate_is_known(const char *if_none_match, const char *etag);

#endif
