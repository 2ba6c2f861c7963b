/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WORKER_MEDIA_CODEC_H
#define WORKER_MEDIA_CODEC_H

/*
 * libavcodec behind one call: a unit's bytes in, exactly its samples out, mono at the native rate.
 * What cannot be decoded becomes silence, so that time never shifts.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/attrs.h"
#include "common/err.h"
#include "worker/media_header.h"

struct media_codec;

void media_codec_free(struct media_codec *codec);
/* NULL: libav has no such decoder or refuses the parameters (ERR_REJECT). */
struct media_codec *media_codec_new(const struct media_header *header, struct err *err) MUST_CHECK;

/* Writes `samples` samples. False: (part of) the unit could not be decoded and is silent. */
bool media_codec_decode(struct media_codec *codec, const uint8_t *bytes, size_t length,
                        int64_t samples, int16_t *ret_samples);

/* libav's last complaint, "" if none; valid until its next one. Of the whole process. */
const char *media_codec_last_complaint(void);

#endif
