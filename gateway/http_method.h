/* SPDX-License-Identifier: Apache-2.0 */
#ifndef GATEWAY_HTTP_METHOD_H
#define GATEWAY_HTTP_METHOD_H

/* The methods that the gateway knows; every other one is answered 501. */

enum http_method {
    HTTP_METHOD_GET,
    HTTP_METHOD_HEAD, /* served by the route for GET, without the body */
    HTTP_METHOD_POST,
    HTTP_METHOD_PUT,
    HTTP_METHOD_DELETE,
    HTTP_METHOD_OPTIONS, /* answered by the server from the route table */
    /* Served by no route; known, so that the answer says what is allowed. */
    HTTP_METHOD_PATCH,
    HTTP_METHOD_TRACE,
    HTTP_METHOD_QUERY,
    HTTP_METHOD_COUNT
};

const char *http_method_name(enum http_method method);

#endif
