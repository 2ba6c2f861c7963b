/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WORKER_MEDIA_REPORT_H
#define WORKER_MEDIA_REPORT_H

/*
 * What one chunk owns of a recording and how far the audio decoded with it (the reading) reaches.
 * All of it is known before the first sample is decoded. Positions are samples per channel at the
 * native rate, relative to the first sample that the chunk owns.
 *
 * A unit (an MP3 frame, a PCM block) belongs to the chunk that holds its first byte. For all
 * chunks of a file next_byte(k - 1) = first_byte(k), and the sums of `samples` are the file's.
 *
 * The PCM that comes with a report is mono, 16-bit, 16 kHz and begins at reading_start: PCM sample
 * p lies at native position reading_start + p * sample_rate / 16000 (the resampler adds no delay),
 * and there are ceil((reading_end - reading_start) * 16000 / sample_rate) of them. A chunk in which
 * no unit begins reads what is around it if a unit ends in it, which the previous chunk may not
 * have heard; otherwise nothing.
 */

#include <stdbool.h>
#include <stdint.h>

#include "worker/media_header.h"

#define MEDIA_PCM_RATE 16000

/* Which bytes of the recording are the chunk's. */
struct media_range {
    int64_t own_start;
    int64_t own_end;
    /* Not -1: the first unit begins exactly here, as the previous chunk says; nothing before it is
     * looked at. It may lie before own_start. */
    int64_t resync_from;
    /* Of the next chunk, which hears what is cut at own_end; of the last one: own_end. */
    int64_t next_end;
};

struct media_report {
    char format[MEDIA_NAME_SIZE];
    char codec[MEDIA_NAME_SIZE];
    int32_t sample_rate; /* native */
    int32_t channels;
    int64_t bytes_per_second; /* estimate */

    int64_t first_byte; /* of the first owned unit; of the next chunk's if none is owned */
    int64_t next_byte;  /* of the first unit behind the owned ones */
    int64_t samples;    /* owned */
    /* False: the file went on but the last bytes at hand were too few to tell a unit's size.
     * `samples` and next_byte stop before that unit; the next chunk's border unit completes them.
     */
    bool tail_complete;

    /* The unit that began in the previous chunk and reaches into this one, with those that cannot
     * be told without it, if all of them were there: add border_samples to a previous chunk whose
     * next_byte is border_byte (never so where sizes are known without looking, as in WAV). */
    int64_t border_byte; /* -1: none seen */
    int64_t border_samples;

    /* The first owned sample's position in the recording. Of MP3 known only where the audio begins,
     * and there it is minus the delay that encoder and decoder add (0 if the file does not tell
     * it), so that start + sum of samples is right for every later chunk. */
    bool has_absolute_start;
    int64_t absolute_start;

    int64_t reading_start; /* <= 0; < 0 if audio of the previous chunk was decoded */
    int64_t reading_end;   /* >= samples; > if audio of the next chunk was decoded */
    bool spans_previous;
    bool spans_next;
};

/* Whether there is anything to decode and to listen to. */
bool media_report_has_reading(const struct media_report *report) MUST_CHECK;

/* Finds out without decoding. ERR_REJECT: the range is not there, or the reading would be longer
 * than max_seconds. */
bool media_report_make(struct media_source *source, const struct media_header *header,
                       const struct media_range *range, int64_t max_seconds,
                       struct media_report *ret_report, struct err *err) MUST_CHECK;

#endif
