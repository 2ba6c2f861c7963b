/* SPDX-License-Identifier: Apache-2.0 */
#ifndef GATEWAY_SSE_EVENT_H
#define GATEWAY_SSE_EVENT_H

/* An event as it goes out: encoded once, shared by reference by all its readers. Immutable. Loop
 * thread only. */

#include <stddef.h>
#include <stdint.h>

struct sse_event;

/* `seq` 0 means no id. `view` 0 is a durable event; any other number makes it a view that takes the
 * place of an older one of the same number still waiting on a stream. `data` is copied. */
struct sse_event *sse_event_new(uint64_t seq, const char *type, const char *data, size_t length,
                                uint64_t view);
/* `text` as it is, a comment or a `retry:` line with its line ends. */
struct sse_event *sse_event_new_raw(const char *text);
struct sse_event *sse_event_ref(struct sse_event *event);
void sse_event_unref(struct sse_event *event); /* NULL is fine */
const char *sse_event_text(const struct sse_event *event);
size_t sse_event_bytes(const struct sse_event *event);
uint64_t sse_event_view(const struct sse_event *event);

#endif
