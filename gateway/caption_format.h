/* SPDX-License-Identifier: Apache-2.0 */
#ifndef GATEWAY_CAPTION_FORMAT_H
#define GATEWAY_CAPTION_FORMAT_H

/* Captions as SubRip (.srt) and WebVTT (.vtt, W3C). Pure. */

#include <stdint.h>

#include "common/buf.h"
#include "gateway/caption.h"

/* `number` counts from 1. */
void caption_format_srt(const struct caption_cue *cue, int64_t number, struct buf *out);
/* Belongs behind "WEBVTT" and an empty line. */
void caption_format_vtt(const struct caption_cue *cue, int64_t number, struct buf *out);

#endif
