/* SPDX-License-Identifier: Apache-2.0 */
#ifndef GATEWAY_MEDIA_FORMATS_H
#define GATEWAY_MEDIA_FORMATS_H

/* Which recordings can be taken, told by the file name's extension alone: the gateway never looks
 * into the media. Pure. */

#include <stdbool.h>

#include "common/attrs.h"
#include "gateway/refusal.h"

#define MEDIA_EXTENSION_SIZE 8

/* The extension for the object keys, in lower case. Refuses any that the workers cannot decode and
 * names those that they can. */
bool media_formats_extension(const char *filename, char ret_extension[static MEDIA_EXTENSION_SIZE],
                             struct refusal *refusal) MUST_CHECK;
/* What browsers know a recording of this extension as. */
const char *media_formats_content_type(const char *extension);

/* Where a ramp of chunk sizes begins for a recording with this extension. */
int64_t media_formats_first_chunk_bytes(const char *extension);

/* Whether a recording with this extension may have its header at its end. */
bool media_formats_may_end_with_header(const char *extension);

#endif
