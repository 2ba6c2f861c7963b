/* SPDX-License-Identifier: Apache-2.0 */
#ifndef COMMON_EVENT_BODY_H
#define COMMON_EVENT_BODY_H

/* The members of each type beyond the envelope: private to event*.c. */

#include <json-c/json.h>

#include "common/event.h"

#define EVENT_ATTEMPT_MAX 1000000

void event_body_encode(const struct event *event, struct json_object *object);
/* On failure what was already taken is in the event, for event_done(). */
bool event_body_decode(const struct json_object *object, struct event *event,
                       struct err *err) MUST_CHECK;

#endif
