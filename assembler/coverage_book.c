/* SPDX-License-Identifier: Apache-2.0 */
#include "assembler/coverage_book.h"

void coverage_book_result(struct chunk *chunk, const struct event_hearing *hearing)
{
    int64_t samples = chunk->audio.samples;

    if (!hearing->is_told)
        chunk->covered = (struct coverage_sums){{[COVERAGE_TEXT] = samples}};
    else if (coverage_total(&hearing->sums) != samples)
        chunk->covered = (struct coverage_sums){{[COVERAGE_FAILED] = samples}};
    else
        chunk->covered = hearing->sums;
}

void coverage_book_gap(struct chunk *chunk, int64_t samples)
{
    chunk->covered = (struct coverage_sums){{[COVERAGE_FAILED] = samples}};
}

/* Rounding is made up for by what there is most of. */
static struct coverage_sums scaled(const struct coverage_sums *sums, int64_t samples)
{
    int64_t total = coverage_total(sums);
    struct coverage_sums result = *sums;
    size_t most = 0;

    if (total == samples || total == 0)
        return result;
    for (size_t kind = 0; kind < COVERAGE_KIND_COUNT; kind++) {
        result.samples[kind] =
            (int64_t)((double)sums->samples[kind] * (double)samples / (double)total);
        most = result.samples[kind] > result.samples[most] ? kind : most;
    }
    result.samples[most] += samples - coverage_total(&result);
    return result;
}

/* A container's own times can leave a hole before a chunk, or let it begin before the last one's
 * end, of which then so much less stands. */
static void balance(struct coverage_sums *sums, int64_t duration)
{
    int64_t missing = duration - coverage_total(sums);

    if (missing > 0)
        sums->samples[COVERAGE_FAILED] += missing;
    for (size_t kind = 0; missing < 0 && kind < COVERAGE_KIND_COUNT; kind++) {
        int64_t taken = sums->samples[kind] < -missing ? sums->samples[kind] : -missing;
        sums->samples[kind] -= taken;
        missing += taken;
    }
}

void coverage_book_pass(struct job *job, const struct chunk *chunk, int64_t samples)
{
    if (chunk != NULL) {
        struct coverage_sums more = scaled(&chunk->covered, samples);
        coverage_add(&job->covered, &more);
    }
    balance(&job->covered, job->frontier_sample);
}

void coverage_book_border(struct job *job, struct chunk *chunk, int64_t samples)
{
    chunk->covered.samples[COVERAGE_TEXT] += samples;
    job->covered.samples[COVERAGE_TEXT] += samples;
}
