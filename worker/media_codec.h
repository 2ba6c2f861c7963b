/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WORKER_MEDIA_CODEC_H
#define WORKER_MEDIA_CODEC_H

/*
 * libavcodec behind one call: a packet in, exactly its samples out, mono at the native rate.
 * What cannot be decoded becomes silence, so that time never shifts.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/attrs.h"
#include "common/err.h"
#include "worker/media_framer.h"

struct media_codec;

void media_codec_free(struct media_codec *codec);
/* `setup` is what the framer writes for the decoder. NULL: libav has no such decoder or refuses the
 * parameters (ERR_REJECT). */
struct media_codec *media_codec_new(const struct media_header *header, const struct buf *setup,
                                    struct err *err) MUST_CHECK;

/* Writes the packet's number of samples. False: (part of) it could not be decoded and is silent. */
bool media_codec_decode(struct media_codec *codec, const struct media_packet *packet,
                        int16_t *ret_samples);

/* Of what the last packet gave; 0 before the first. */
int32_t media_codec_sample_rate(const struct media_codec *codec);

/* libav's last complaint, "" if none; valid until its next one. Of the whole process. */
const char *media_codec_last_complaint(void);

#endif
