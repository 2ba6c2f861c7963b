/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TESTS_UNIT_ASSEMBLER_RECORDING_FIXTURE_H
#define TESTS_UNIT_ASSEMBLER_RECORDING_FIXTURE_H

/*
 * A recording with a different word every second, in chunks of 20 s, and the readings that workers
 * would make of them. A job keeps all its chunks loaded.
 */

#include <stdio.h>
#include <string.h>

#include "assembler/assembly.h"
#include "assembler/job.h"
#include "common/mem.h"

#define RECORDING_JOB_ID "00000000-0000-4000-8000-000000000001"
#define RECORDING_RATE 1000
#define CHUNK_SECONDS 20
#define OVERLAP_SECONDS 6
#define CHUNK_BYTES 2000

static const struct assembly_limits LIMITS = {
    .chunks = 64, .text_bytes = 65536, .hold_back_ms = (int64_t)OVERLAP_SECONDS * 1000};

struct recording {
    struct job *job;
    struct reading *readings; /* one for each chunk */
    struct buf text;          /* the deltas so far */
};

static inline void recording_word(int second, char ret_text[static 32])
{
    static const char *const FIRST[] = {"ap", "bri", "can", "dra", "en", "fo", "gui", "ham"};
    static const char *const SECOND[] = {"lo", "mi", "nu", "po", "qua", "ri", "su", "ta"};
    static const char *const THIRD[] = {"x", "rk", "ng", "st", "ff", "ll", "mb", "zz"};

    (void)snprintf(ret_text, 32, " %s%s%s%s", FIRST[second % 8], SECOND[second / 8 % 8],
                   FIRST[second / 64 % 8], THIRD[(second * 5 + second / 8) % 8]);
}

static inline struct recording recording_new(int32_t chunk_count)
{
    struct recording recording = {.job = job_new(RECORDING_JOB_ID)};

    recording.job->layout =
        chunk_layout_of((int64_t)chunk_count * CHUNK_BYTES, CHUNK_BYTES, CHUNK_BYTES);
    recording.readings = mem_array((size_t)chunk_count, sizeof *recording.readings);
    buf_init(&recording.text, (size_t)1 << 24);
    for (int32_t i = 0; i < chunk_count; i++)
        (void)job_add_chunk(recording.job, i);
    return recording;
}

static inline void recording_free(struct recording *recording)
{
    for (int32_t i = 0; i < recording->job->layout.total_chunks; i++)
        reading_done(&recording->readings[i]);
    free(recording->readings);
    buf_done(&recording->text);
    job_free(recording->job);
}

/* The words of [from, to) s, as read in a chunk that begins at `zero` s. */
static inline void recording_read(struct reading *reading, int from, int to, int zero)
{
    reading->start = (int64_t)(from - zero) * RECORDING_RATE;
    reading->end = (int64_t)(to - zero) * RECORDING_RATE;
    for (int second = from; second < to; second++) {
        char text[32];
        int64_t start = (int64_t)(second - zero) * RECORDING_RATE + 200;

        recording_word(second, text);
        reading_add_word(reading, &(struct reading_word){.text = text,
                                                         .start = start,
                                                         .end = start + 500,
                                                         .probability = 1.0,
                                                         .segment = -1});
    }
}

/* The chunk's result, whose reading reaches into the neighbours as far as they are there. */
static inline void recording_finish(struct recording *recording, int32_t index)
{
    struct job *job = recording->job;
    struct chunk *chunk = job_chunk(job, index);
    struct reading *reading = &recording->readings[index];
    int zero = index * CHUNK_SECONDS;
    bool is_first = index == 0;
    bool is_last = index == job->layout.total_chunks - 1;

    if (chunk_is_terminal(chunk))
        return;
    recording_read(reading, is_first ? 0 : zero - OVERLAP_SECONDS,
                   zero + CHUNK_SECONDS + (is_last ? 0 : OVERLAP_SECONDS), zero);
    chunk->status = CHUNK_DONE;
    chunk->has_audio = true;
    chunk->audio = (struct event_audio){
        .sample_rate = RECORDING_RATE,
        .samples = (int64_t)CHUNK_SECONDS * RECORDING_RATE,
        .first_byte = (int64_t)index * CHUNK_BYTES,
        .next_byte = (int64_t)(index + 1) * CHUNK_BYTES,
        .tail_complete = true,
        .border_byte = -1,
    };
    chunk->reading = reading;
    job->completed_chunks++;
}

static inline void recording_fail(struct recording *recording, int32_t index)
{
    struct chunk *chunk = job_chunk(recording->job, index);

    if (chunk_is_terminal(chunk))
        return;
    chunk->status = CHUNK_FAILED;
    recording->job->failed_chunks++;
}

/* One step; what it adds is appended to the text. The rest of the step is the caller's to free. */
static inline struct assembly_step recording_advance(struct recording *recording)
{
    struct assembly_step step;

    assembly_advance(recording->job, &LIMITS, &step);
    buf_append(&recording->text, step.delta.data, step.delta.length);
    return step;
}

/* The words of [from, to) s as they stand in a transcript. */
static inline char *recording_truth(int from, int to)
{
    struct buf truth;

    buf_init(&truth, (size_t)1 << 24);
    for (int second = from; second < to; second++) {
        char text[32];

        recording_word(second, text);
        buf_append_string(&truth, second == from ? text + 1 : text);
    }
    return buf_take(&truth);
}

#endif
