/* SPDX-License-Identifier: Apache-2.0 */
#ifndef COMMON_EVENT_CORRECTION_H
#define COMMON_EVENT_CORRECTION_H

/* What a language model did to a text, as the member `correction` of records and of the results of
 * tasks. */

#include <json-c/json.h>
#include <stdbool.h>

#include "common/event.h"

struct json_object *event_encode_correction(const struct event_correction *correction);
/* Of the object that has the member; without it there was none. On success the caller owns the
 * model's name. */
bool event_decode_correction(const struct json_object *parent, struct event_correction *correction,
                             struct err *err) MUST_CHECK;
/* It has the form of a reason: such words are put into JSON as they are. */
bool event_is_correction_reason(const char *word);

#endif
