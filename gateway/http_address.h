/* SPDX-License-Identifier: Apache-2.0 */
#ifndef GATEWAY_HTTP_ADDRESS_H
#define GATEWAY_HTTP_ADDRESS_H

/* How many connections each client address has open. */

#include <stdbool.h>

struct http_addresses;

struct http_addresses *http_addresses_new(void);
void http_addresses_free(struct http_addresses *addresses);
/* Counts one more; gives how many the address has now. */
unsigned http_addresses_add(struct http_addresses *addresses, const char *address);
void http_addresses_remove(struct http_addresses *addresses, const char *address);

#endif
