/* SPDX-License-Identifier: Apache-2.0 */
#include "assembler/gap.h"

#include <inttypes.h>
#include <stdio.h>

#include "assembler/job_state.h"
#include "common/mem.h"

#define TIME_SIZE 16
#define TEXT_SIZE 64

int64_t gap_job_samples(const struct job *job, const struct chunk *chunk)
{
    if (chunk->audio.sample_rate == job->sample_rate || chunk->audio.sample_rate == 0)
        return chunk->audio.samples;
    return (int64_t)((double)chunk->audio.samples * job->sample_rate / chunk->audio.sample_rate);
}

void gap_learn_rate(struct job *job, const struct chunk *chunk)
{
    if (!chunk_has_sound(chunk))
        return;
    if (job->sample_rate == 0)
        job->sample_rate = chunk->audio.sample_rate;
    if (chunk->audio.next_byte > chunk->audio.first_byte) {
        job->ratio_samples = gap_job_samples(job, chunk);
        job->ratio_bytes = chunk->audio.next_byte - chunk->audio.first_byte;
    }
}

static const struct chunk *first_sound_ahead(const struct job *job)
{
    for (int32_t index = job->frontier; index < job->layout.total_chunks; index++) {
        const struct chunk *chunk = job_chunk(job, index);

        if (chunk == NULL || !chunk_is_terminal(chunk))
            return NULL;
        if (chunk->status == CHUNK_DONE && chunk->audio.samples > 0)
            return chunk;
    }
    return NULL;
}

/* When all is over and nothing had sound, there are gaps without times. */
bool gap_can_estimate(struct job *job)
{
    if (job->ratio_bytes > 0)
        return true;
    const struct chunk *ahead = first_sound_ahead(job);

    if (ahead == NULL)
        return job_state_is_complete(job);
    gap_learn_rate(job, ahead);
    return true;
}

int64_t gap_samples(const struct job *job, const struct chunk *chunk)
{
    int64_t bytes = chunk_layout_size(&job->layout, chunk->index);

    if (job->ratio_bytes == 0)
        return 0;
    return (int64_t)((double)bytes * (double)job->ratio_samples / (double)job->ratio_bytes);
}

static void format_time(int64_t seconds, char ret_text[static TIME_SIZE])
{
    (void)snprintf(ret_text, TIME_SIZE, "%02" PRId64 ":%02" PRId64 ":%02" PRId64,
                   seconds / 3600 % 100000, seconds / 60 % 60, seconds % 60);
}

char *gap_text(const struct job *job, int64_t start_sample, bool is_at_beginning)
{
    char from[TIME_SIZE];
    char to[TIME_SIZE];
    char text[TEXT_SIZE] = " [gap]";
    int32_t rate = job->sample_rate;

    if (rate > 0) {
        format_time(start_sample / rate, from);
        format_time((job->frontier_sample + rate - 1) / rate, to);
        (void)snprintf(text, sizeof text, " [gap %s–%s]", from, to);
    }
    return mem_copy_string(text + (is_at_beginning ? 1 : 0));
}
