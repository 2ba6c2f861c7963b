/* SPDX-License-Identifier: Apache-2.0 */
#include "assembler/assembly.h"

#include <assert.h>
#include <string.h>

#include "assembler/coverage_book.h"
#include "assembler/gap.h"
#include "assembler/seam_record.h"
#include "common/mem.h"

#define TEXT_BYTES_MAX ((size_t)1 << 30)
#define MS_PER_SECOND 1000

struct walk {
    struct job *job;
    const struct assembly_limits *limits;
    struct assembly_step *step;
    int32_t passed;
};

void assembly_step_done(struct assembly_step *step)
{
    buf_done(&step->delta);
    free(step->placed);
    step->placed = NULL;
}

static int32_t word_count(const struct chunk *chunk)
{
    return (int32_t)chunk->reading->word_count;
}

static int64_t word_middle(const struct reading_word *word)
{
    return word->start + (word->end - word->start) / 2;
}

/* The first word whose middle is at or after `position`. */
static int32_t first_word_at(const struct chunk *chunk, int64_t position)
{
    int32_t word = 0;

    while (word < word_count(chunk) && word_middle(&chunk->reading->words[word]) < position)
        word++;
    return word;
}

static int32_t at_least(int32_t value, int32_t minimum)
{
    return value < minimum ? minimum : value;
}

static bool is_last(const struct job *job, const struct chunk *chunk)
{
    return chunk->index == job->layout.total_chunks - 1;
}

struct chunk_words assembly_own_words(const struct job *job, const struct chunk *chunk)
{
    struct chunk_words words = {0, 0, word_count(chunk)};

    if (chunk->index > 0)
        words.first = first_word_at(chunk, 0);
    if (!is_last(job, chunk))
        words.last = at_least(first_word_at(chunk, chunk->audio.samples), words.first);
    words.emitted = words.first;
    return words;
}

/* Emitting */

static void touch(struct walk *walk, int32_t chunk_index)
{
    struct assembly_step *step = walk->step;

    if (step->from_chunk > step->to_chunk)
        step->from_chunk = chunk_index;
    step->to_chunk = chunk_index;
}

/* Consumes the text. A part is written even if empty: it says that the chunk has been passed. */
static void emit(struct walk *walk, struct job_part take_part)
{
    buf_append_string(&walk->step->delta,
                      take_part.corrected != NULL ? take_part.corrected : take_part.text);
    walk->step->raw_bytes += (int64_t)strlen(take_part.text);
    touch(walk, take_part.chunk_index);
    job_add_part(walk->job, take_part);
}

/* The transcript does not begin with the space that its first word brings along. */
static bool is_at_beginning(const struct walk *walk)
{
    return walk->job->transcript_bytes == 0 && walk->step->raw_bytes == 0;
}

/* Words [from, to) as they stand, but for the space at the beginning of the transcript. */
static char *words_text(const struct walk *walk, const struct chunk *chunk, int32_t from,
                        int32_t to, const char *(*text_of)(const struct reading_word *))
{
    struct buf text;

    buf_init(&text, TEXT_BYTES_MAX);
    for (int32_t i = from; i < to; i++) {
        const char *word = text_of(&chunk->reading->words[i]);
        bool is_first = is_at_beginning(walk) && text.length == 0;

        buf_append_string(&text, is_first && word[0] == ' ' ? word + 1 : word);
    }
    return buf_take(&text);
}

static bool is_corrected(const struct chunk *chunk, int32_t from, int32_t to)
{
    for (int32_t i = from; i < to; i++)
        if (chunk->reading->words[i].corrected != NULL)
            return true;
    return false;
}

/* Sends the words from `emitted` up to `end`. */
static void emit_words(struct walk *walk, struct chunk *chunk, int32_t end)
{
    int32_t from = chunk->words.emitted;

    chunk->words.emitted = end;
    chunk->is_changed = true;
    emit(walk, (struct job_part){
                   .chunk_index = chunk->index,
                   .text = words_text(walk, chunk, from, end, reading_word_heard),
                   .corrected = is_corrected(chunk, from, end)
                                    ? words_text(walk, chunk, from, end, reading_word_corrected)
                                    : NULL,
                   .start_sample = chunk->start_sample,
                   .end_sample = chunk->start_sample + chunk->audio.samples,
               });
}

/* Decides where an open part ends. */
static void settle(struct walk *walk, struct chunk *chunk, int32_t last)
{
    chunk->words.last = at_least(last, chunk->words.emitted);
    if (chunk->words.last > chunk->words.emitted)
        emit_words(walk, chunk, chunk->words.last);
    chunk->is_changed = true;
    walk->job->settled_parts = chunk->index + 1;
}

/* Placing in time */

static void place(struct walk *walk, struct chunk *chunk, const struct chunk *previous,
                  int64_t samples)
{
    struct job *job = walk->job;
    struct assembly_step *step = walk->step;
    bool follows_estimate =
        previous != NULL && (previous->status == CHUNK_FAILED || previous->start_is_estimated);
    bool is_absolute = chunk_has_sound(chunk) && chunk->audio.has_absolute_start;

    chunk->start_sample = is_absolute ? chunk->audio.absolute_start : job->frontier_sample;
    chunk->start_is_estimated = !is_absolute && follows_estimate;
    chunk->is_placed = true;
    chunk->is_changed = true;
    job->frontier_sample = chunk->start_sample + samples;
    coverage_book_pass(job, chunk, samples);
    step->placed = mem_resize(step->placed, step->placed_count + 1, sizeof *step->placed);
    step->placed[step->placed_count++] =
        (struct assembly_place){chunk->index, job_ms(chunk->start_sample, job->sample_rate)};
}

/* Gaps */

static void pass_failed(struct walk *walk, struct chunk *chunk, struct chunk *previous)
{
    struct job *job = walk->job;
    int64_t samples = gap_samples(job, chunk);

    if (previous != NULL && job->settled_parts == previous->index)
        settle(walk, previous,
               chunk_has_sound(previous) ? first_word_at(previous, previous->audio.samples)
                                         : word_count(previous));
    coverage_book_gap(chunk, samples);
    place(walk, chunk, previous, samples);
    emit(walk, (struct job_part){
                   .chunk_index = chunk->index,
                   .text = gap_text(job, chunk->start_sample, is_at_beginning(walk)),
                   .is_gap = true,
                   .start_sample = chunk->start_sample,
                   .end_sample = job->frontier_sample,
               });
    chunk->words = (struct chunk_words){0, 0, 0};
    job->settled_parts = chunk->index + 1;
}

/* Seams */

/* Words of the chunk that no reading to come can change. */
static int32_t stable_end(const struct walk *walk, const struct chunk *chunk)
{
    int64_t hold_back = walk->limits->hold_back_ms * chunk->audio.sample_rate / MS_PER_SECOND;
    int64_t limit = chunk->audio.samples - hold_back;
    int32_t word = chunk->words.first;

    while (word < word_count(chunk) && chunk->reading->words[word].end <= limit)
        word++;
    return word;
}

static struct seam_choice cut_at_border(const struct chunk *earlier, const struct chunk *later)
{
    return (struct seam_choice){
        .method = SEAM_HARD_CUT,
        .earlier_end = (size_t)at_least(first_word_at(earlier, earlier->audio.samples),
                                        earlier->words.emitted),
        .later_start = (size_t)first_word_at(later, 0),
        .crossing = earlier->audio.samples,
    };
}

static struct seam_choice join(const struct chunk *earlier, const struct chunk *later)
{
    if (earlier->audio.sample_rate != later->audio.sample_rate)
        return cut_at_border(earlier, later);
    const struct seam_input input = seam_record_input(earlier, later);
    return seam_join(&input);
}

static void decide_seam(struct walk *walk, struct chunk *previous, struct chunk *chunk)
{
    struct seam_choice choice = join(previous, chunk);

    settle(walk, previous, (int32_t)choice.earlier_end);
    chunk->words.first = (int32_t)choice.later_start;
    job_add_seam(walk->job, (struct job_seam){
                                .chunk_index = chunk->index,
                                .record = seam_record(walk->job, previous, chunk, &choice),
                            });
    if (choice.method == SEAM_HARD_CUT)
        walk->step->hard_cuts++;
}

/* Beside a chunk without sound (a cover picture, an index) there is nothing to join. */
static void decide_left(struct walk *walk, struct chunk *previous, struct chunk *chunk)
{
    bool is_open = previous != NULL && walk->job->settled_parts == previous->index;

    if (is_open && chunk_has_sound(previous) && chunk_has_sound(chunk)) {
        decide_seam(walk, previous, chunk);
        return;
    }
    if (is_open)
        settle(walk, previous, word_count(previous));
    chunk->words.first =
        previous != NULL && previous->status == CHUNK_FAILED ? first_word_at(chunk, 0) : 0;
}

static void pass_done(struct walk *walk, struct chunk *chunk, struct chunk *previous)
{
    struct job *job = walk->job;

    gap_learn_rate(job, chunk);
    decide_left(walk, previous, chunk);
    place(walk, chunk, previous, gap_job_samples(job, chunk));
    job->available_chunks++;
    chunk->words.emitted = chunk->words.first;
    if (is_last(job, chunk)) {
        emit_words(walk, chunk, at_least(word_count(chunk), chunk->words.first));
        settle(walk, chunk, chunk->words.emitted);
    } else {
        emit_words(walk, chunk, stable_end(walk, chunk));
    }
}

/* The walk */

/* The chunk before could not measure its last unit; this one saw both of its ends. */
static void complete_border(struct job *job, struct chunk *previous, const struct chunk *chunk)
{
    const struct event_audio *audio = &chunk->audio;

    if (previous == NULL || !chunk_has_sound(previous) || !chunk_has_sound(chunk) ||
        previous->audio.tail_complete || previous->audio.next_byte != audio->border_byte)
        return;
    previous->audio.samples += audio->border_samples;
    previous->audio.next_byte = audio->first_byte;
    previous->audio.tail_complete = true;
    previous->is_changed = true;
    job->frontier_sample += audio->border_samples;
    coverage_book_border(job, previous, audio->border_samples);
}

static bool begins_elsewhere(const struct chunk *previous, const struct chunk *chunk)
{
    return previous != NULL && chunk_has_sound(previous) && chunk_has_sound(chunk) &&
           previous->audio.next_byte != chunk->audio.first_byte;
}

/* One more attempt, whose result alone counts from now on. */
static void resync(struct job *job, const struct chunk *previous, struct chunk *chunk)
{
    chunk->resync_from = previous->audio.next_byte;
    chunk->status = CHUNK_UPLOADED;
    chunk->attempt++;
    chunk->min_attempt = chunk->attempt;
    start_tally_forget(&chunk->starts);
    chunk->is_changed = true;
    job_add_task(job, &(struct job_task){.chunk_index = chunk->index, .attempt = chunk->attempt});
}

static bool is_loaded(const struct chunk *chunk)
{
    return chunk == NULL || chunk->status != CHUNK_DONE || chunk->reading != NULL;
}

/* False: the frontier stays where it is. */
static bool pass_one(struct walk *walk)
{
    struct job *job = walk->job;
    struct chunk *chunk = job_chunk(job, job->frontier);
    struct chunk *previous = job->frontier > 0 ? job_chunk(job, job->frontier - 1) : NULL;

    if (chunk == NULL || !chunk_is_terminal(chunk))
        return false;
    assert(job->frontier == 0 || previous != NULL);
    if (walk->passed >= walk->limits->chunks ||
        walk->step->delta.length >= walk->limits->text_bytes || !is_loaded(chunk) ||
        !is_loaded(previous)) {
        job->has_more = true;
        return false;
    }
    complete_border(job, previous, chunk);
    if (begins_elsewhere(previous, chunk)) {
        if (chunk->resync_from == 0) {
            resync(job, previous, chunk);
            return false;
        }
        walk->step->mismatches++;
    }
    if (chunk->status == CHUNK_DONE)
        pass_done(walk, chunk, previous);
    else if (gap_can_estimate(job))
        pass_failed(walk, chunk, previous);
    else
        return false;
    job->frontier++;
    walk->passed++;
    return true;
}

void assembly_advance(struct job *job, const struct assembly_limits *limits,
                      struct assembly_step *ret_step)
{
    struct walk walk = {.job = job, .limits = limits, .step = ret_step};

    *ret_step = (struct assembly_step){.from_chunk = 0, .to_chunk = -1};
    buf_init(&ret_step->delta, TEXT_BYTES_MAX);
    job->has_more = false;
    while (job->frontier < job->layout.total_chunks && pass_one(&walk))
        ;
    job->transcript_bytes += ret_step->raw_bytes;
}
