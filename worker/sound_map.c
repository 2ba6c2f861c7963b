/* SPDX-License-Identifier: Apache-2.0 */
#include "worker/sound_map.h"

#include <assert.h>
#include <math.h>
#include <string.h>

#include "common/mem.h"
#include "worker/spectrum.h"

/* Silence. What is louder than LOUD_DB, or within QUIET_BELOW_PEAK_DB of the loudest, is never
 * silent; what is below FAINTEST_DB always is (see silence.h); between them the noise decides. */
#define FAINTEST_DB (-70.0F)
#define LOUD_DB (-45.0F)
#define QUIET_BELOW_PEAK_DB 25.0F
#define ABOVE_NOISE_DB 8.0F
#define HANGOVER_FRAMES 6        /* a sound's beginning and end are quieter than itself: 96 ms */
#define SHORTEST_PAUSE_FRAMES 19 /* 0.3 s; less is part of a word */

/* Classes. */
#define BLOCK_FRAMES 96       /* 1.5 s */
#define CHANGE_FRAMES 3       /* spectra 48 ms apart are compared */
#define SPREAD_RANGE_DB 40.0F /* below the loudest frame of a block, levels count as this */
#define ACTIVE_RANGE_DB 35.0F
#define SPEECH_SPREAD_DB 6.0F /* standard deviation of the level */
#define MIXED_CHANGE_DB 2.7F  /* median change of the bands */
#define NOISE_FLATNESS 0.5F
#define NOISE_SPREAD_DB 3.0F
#define SPEECH_SHARE_MIN 0.8 /* of the sounding blocks, for the whole window */
#define MUSIC_SHARE_MIN 0.9

static const char *const CLASS_NAMES[] = {
    [SOUND_SILENCE] = "silence",
    [SOUND_SPEECH] = "speech",
    [SOUND_MUSIC] = "music",
    [SOUND_MIXED] = "mixed",
};
static_assert(ARRAY_LEN(CLASS_NAMES) == SOUND_CLASS_COUNT, "a name for each class");

struct sound_map {
    size_t frame_count; /* frame i stands for samples [i, i + 1) * SPECTRUM_HOP */
    bool *is_active;
    size_t block_count;
    enum sound_class *blocks;
    enum sound_class class;
};

const char *sound_class_name(enum sound_class class)
{
    assert(class < SOUND_CLASS_COUNT);
    return CLASS_NAMES[class];
}

void sound_map_free(struct sound_map *map)
{
    if (map == NULL)
        return;
    free(map->is_active);
    free(map->blocks);
    free(map);
}

static size_t smaller(size_t a, size_t b)
{
    return a < b ? a : b;
}

/* The last frames look beyond the end, at zeros. */
static struct spectrum_frame *analyse(const int16_t *samples, size_t count, size_t frame_count)
{
    struct spectrum *spectrum = spectrum_new();
    struct spectrum_frame *frames = mem_array(frame_count, sizeof *frames);

    for (size_t i = 0; i < frame_count; i++) {
        int16_t padded[SPECTRUM_FRAME] = {0};
        size_t start = i * SPECTRUM_HOP;
        size_t there = smaller(SPECTRUM_FRAME, count - start);
        if (there < SPECTRUM_FRAME)
            memcpy(padded, samples + start, there * sizeof *padded);
        frames[i] = spectrum_analyse(spectrum, there < SPECTRUM_FRAME ? padded : samples + start);
    }
    spectrum_free(spectrum);
    return frames;
}

static int compare_floats(const void *a, const void *b)
{
    float one;
    float other;

    memcpy(&one, a, sizeof one);
    memcpy(&other, b, sizeof other);
    return (one > other) - (one < other);
}

/* Sorts the values. */
static float quantile(float *values, size_t count, double share)
{
    qsort(values, count, sizeof *values, compare_floats);
    return values[(size_t)(share * (double)(count - 1))];
}

static float silence_threshold(const struct spectrum_frame *frames, size_t count)
{
    CLEANUP(mem_free_at) float *levels = mem_array(count, sizeof *levels);

    for (size_t i = 0; i < count; i++)
        levels[i] = frames[i].level_db;
    float noise = quantile(levels, count, 0.1);
    float peak = levels[(size_t)(0.95 * (double)(count - 1))];
    float highest = fmaxf(FAINTEST_DB, fminf(LOUD_DB, peak - QUIET_BELOW_PEAK_DB));
    return fminf(fmaxf(noise + ABOVE_NOISE_DB, FAINTEST_DB), highest);
}

static void widen(const bool *is_loud, size_t count, bool *ret_is_active)
{
    for (size_t i = 0; i < count; i++) {
        size_t first = i < HANGOVER_FRAMES ? 0 : i - HANGOVER_FRAMES;
        size_t end = smaller(i + HANGOVER_FRAMES + 1, count);
        for (size_t j = first; is_loud[i] && j < end; j++)
            ret_is_active[j] = true;
    }
}

static void close_pauses(bool *is_active, size_t count)
{
    for (size_t start = 0; start < count;) {
        size_t end = start;
        while (end < count && !is_active[end])
            end++;
        bool is_inside = start > 0 && end < count;
        for (size_t i = start; is_inside && end - start < SHORTEST_PAUSE_FRAMES && i < end; i++)
            is_active[i] = true;
        start = end + 1;
    }
}

static void find_silence(struct sound_map *map, const struct spectrum_frame *frames)
{
    size_t count = map->frame_count;
    CLEANUP(mem_free_at) bool *is_loud = mem_array(count, sizeof *is_loud);
    float threshold = silence_threshold(frames, count);

    for (size_t i = 0; i < count; i++)
        is_loud[i] = frames[i].level_db > threshold;
    widen(is_loud, count, map->is_active);
    close_pauses(map->is_active, count);
}

/* What a block's frames have in common. */
struct block_figures {
    float spread_db;
    float change_db;
    float flatness;
};

static float loudest(const struct spectrum_frame *frames, size_t count)
{
    float peak = frames[0].level_db;

    for (size_t i = 1; i < count; i++)
        peak = fmaxf(peak, frames[i].level_db);
    return peak;
}

static float spread_of(const struct spectrum_frame *frames, size_t count, float peak)
{
    double sum = 0;
    double squares = 0;

    for (size_t i = 0; i < count; i++) {
        double level = (double)fmaxf(frames[i].level_db, peak - SPREAD_RANGE_DB);
        sum += level;
        squares += level * level;
    }
    double mean = sum / (double)count;
    return (float)sqrt(fmax(0, squares / (double)count - mean * mean));
}

/* Below the floor, in dB, nothing counts as a change. */
static float change_between(const struct spectrum_frame *one, const struct spectrum_frame *other,
                            float floor)
{
    float sum = 0;

    for (size_t band = 0; band < SPECTRUM_BANDS; band++)
        sum += fabsf(fmaxf(one->band_db[band], floor) - fmaxf(other->band_db[band], floor));
    return sum / SPECTRUM_BANDS;
}

static struct block_figures measure(const struct spectrum_frame *frames, size_t count)
{
    CLEANUP(mem_free_at) float *changes = mem_array(count, sizeof *changes);
    float peak = loudest(frames, count);
    float flatness = 0;
    size_t active = 0;
    size_t compared = 0;

    for (size_t i = 0; i < count; i++) {
        if (frames[i].level_db < peak - ACTIVE_RANGE_DB)
            continue;
        flatness += frames[i].flatness;
        active++;
        if (i >= CHANGE_FRAMES)
            changes[compared++] = change_between(&frames[i], &frames[i - CHANGE_FRAMES],
                                                 peak - SPREAD_RANGE_DB - ABOVE_NOISE_DB);
    }
    return (struct block_figures){
        .spread_db = spread_of(frames, count, peak),
        .change_db = compared == 0 ? 0 : quantile(changes, compared, 0.5),
        .flatness = flatness / (float)active,
    };
}

static enum sound_class classify(const struct spectrum_frame *frames, const bool *is_active,
                                 size_t count)
{
    size_t active = 0;

    for (size_t i = 0; i < count; i++)
        active += is_active[i];
    if (active * 4 < count)
        return active == 0 ? SOUND_SILENCE : SOUND_SPEECH; /* a word in a pause */
    struct block_figures figures = measure(frames, count);
    if (figures.spread_db >= SPEECH_SPREAD_DB)
        return SOUND_SPEECH;
    if (figures.flatness >= NOISE_FLATNESS && figures.spread_db < NOISE_SPREAD_DB)
        return SOUND_SILENCE;
    return figures.change_db >= MIXED_CHANGE_DB ? SOUND_MIXED : SOUND_MUSIC;
}

static enum sound_class class_of(const enum sound_class *blocks, size_t count)
{
    double counts[SOUND_CLASS_COUNT] = {0};

    for (size_t i = 0; i < count; i++)
        counts[blocks[i]]++;
    double sounding = (double)count - counts[SOUND_SILENCE];
    if (sounding <= 0)
        return SOUND_SILENCE;
    if (counts[SOUND_SPEECH] >= SPEECH_SHARE_MIN * sounding)
        return SOUND_SPEECH;
    return counts[SOUND_MUSIC] >= MUSIC_SHARE_MIN * sounding ? SOUND_MUSIC : SOUND_MIXED;
}

struct sound_map *sound_map_new(const int16_t *samples, size_t count)
{
    struct sound_map *map = mem_new(sizeof *map);

    map->frame_count = (count + SPECTRUM_HOP - 1) / SPECTRUM_HOP;
    map->block_count = (map->frame_count + BLOCK_FRAMES - 1) / BLOCK_FRAMES;
    map->is_active = mem_array(map->frame_count, sizeof *map->is_active);
    map->blocks = mem_array(map->block_count, sizeof *map->blocks);
    if (count == 0)
        return map;
    CLEANUP(mem_free_at)
    struct spectrum_frame *frames = analyse(samples, count, map->frame_count);
    find_silence(map, frames);
    for (size_t i = 0; i < map->block_count; i++) {
        size_t first = i * BLOCK_FRAMES;
        map->blocks[i] = classify(frames + first, map->is_active + first,
                                  smaller(BLOCK_FRAMES, map->frame_count - first));
    }
    map->class = class_of(map->blocks, map->block_count);
    return map;
}

enum sound_class sound_map_class(const struct sound_map *map)
{
    return map->class;
}

static bool may_be_speech(const struct sound_map *map, size_t frame)
{
    enum sound_class class = map->blocks[frame / BLOCK_FRAMES];

    return class == SOUND_SPEECH || class == SOUND_MIXED;
}

static int64_t count_samples(const struct sound_map *map, struct sound_span span, bool only_speech)
{
    int64_t total = 0;

    for (size_t i = span.from < 0 ? 0 : (size_t)(span.from / SPECTRUM_HOP);
         i < map->frame_count && (int64_t)i * SPECTRUM_HOP < span.to; i++) {
        int64_t first = (int64_t)i * SPECTRUM_HOP;
        int64_t from = span.from > first ? span.from : first;
        int64_t to = span.to < first + SPECTRUM_HOP ? span.to : first + SPECTRUM_HOP;
        if (from < to && map->is_active[i] && (!only_speech || may_be_speech(map, i)))
            total += to - from;
    }
    return total;
}

int64_t sound_map_active(const struct sound_map *map, struct sound_span span)
{
    return count_samples(map, span, false);
}

int64_t sound_map_speech(const struct sound_map *map, struct sound_span span)
{
    return count_samples(map, span, true);
}

bool sound_map_next_silence(const struct sound_map *map, int64_t at, int64_t shortest,
                            struct sound_span *ret_span)
{
    for (size_t start = (size_t)((at + SPECTRUM_HOP - 1) / SPECTRUM_HOP);
         start < map->frame_count;) {
        size_t end = start;
        while (end < map->frame_count && !map->is_active[end])
            end++;
        if ((int64_t)(end - start) * SPECTRUM_HOP >= shortest && end > start) {
            *ret_span =
                (struct sound_span){(int64_t)start * SPECTRUM_HOP, (int64_t)end * SPECTRUM_HOP};
            return true;
        }
        start = end + 1;
    }
    return false;
}
