/* SPDX-License-Identifier: Apache-2.0 */

/*
 * media-chunks FILE CHUNK_BYTES REFERENCE [DECODE_EVERY [FIRST_CHUNK_BYTES]]
 *
 * Cuts FILE in chunks, decodes each of them alone and beside each of its neighbours, and compares
 * what comes of it with REFERENCE: another decoder's samples of the whole file, 16-bit, mono, at
 * the native rate. Prints the worst of all chunks and of all orders of arrival as a JSON object.
 * With DECODE_EVERY n only every n-th chunk is decoded; all of them are reported. With
 * FIRST_CHUNK_BYTES sizes double from there to CHUNK_BYTES.
 */

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/mem.h"
#include "tests/media/chunked.h"
#include "tests/media/compare.h"
#include "tests/media/orders.h"

#define MS_PER_S 1000
#define FITTING_SAMPLES 16384 /* longer than the silence that some recordings hold */

/* The worst of all readings. */
struct worst {
    int64_t lag;
    int64_t wrong; /* samples, all together, besides those at edges that no neighbour covers */
    int64_t head;  /* samples until a reading without its previous neighbour gets right */
    int64_t tail;  /* and from where one without its next is no longer right */
    int64_t undecodable_units;
};

static void raise_to(int64_t *value, int64_t least)
{
    if (*value < least) {
        *value = least;
    }
}

static struct pcm map_reference(const char *path)
{
    struct stat status;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    void *bytes = MAP_FAILED;
    if (fd >= 0 && fstat(fd, &status) == 0) {
        bytes = mmap(NULL, (size_t)status.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
    }
    if (bytes == MAP_FAILED) {
        perror(path);
        exit(1);
    }
    (void)close(fd);
    return (struct pcm){.samples = bytes, .count = status.st_size / (int64_t)sizeof(int16_t)};
}

/* Inexact samples at an edge that no neighbour covers count by how far they reach into the reading;
 * all others are wrong. */
static void compare_reading(const struct chunked_reading *reading, struct pcm reference,
                            int64_t true_start, bool is_head_open, bool is_tail_open,
                            struct worst *worst)
{
    int64_t place = true_start + reading->report.reading_start;
    int64_t count = (int64_t)reading->count;
    int64_t head_end = !is_head_open ? 0 : is_tail_open ? count / 2 : count;
    int64_t first_of_tail = is_tail_open ? head_end : count;
    int64_t wrong = 0;
    for (int64_t i = 0; i < count; i++) {
        bool is_there = place + i >= 0 && place + i < reference.count;
        if (is_there && compare_is_same(reading->samples[i], reference.samples[place + i])) {
            continue;
        }
        if (i < head_end) {
            raise_to(&worst->head, i + 1);
        } else if (i >= first_of_tail) {
            raise_to(&worst->tail, count - i);
        } else {
            wrong++;
        }
    }
    worst->wrong += wrong;
    if (wrong > 0) {
        const struct pcm piece = {.samples = reading->samples, .count = count};
        raise_to(&worst->lag, llabs(compare_lag(reference, piece, place)));
    }
    worst->undecodable_units += reading->undecodable_units;
}

/* Whether the middle of a reading is what the reference has there. */
static bool fits_at(const struct chunked_reading *reading, struct pcm reference, int64_t start)
{
    int64_t count = (int64_t)reading->count;
    int64_t compared = count / 2 < FITTING_SAMPLES ? count / 2 : FITTING_SAMPLES;
    int64_t from = (count - compared) / 2;
    int64_t place = start + reading->report.reading_start;
    for (int64_t i = from; i < from + compared; i++) {
        if (place + i < 0 || place + i >= reference.count ||
            !compare_is_same(reading->samples[i], reference.samples[place + i])) {
            return false;
        }
    }
    return true;
}

static void compare_chunk(const struct chunked *file, int64_t chunk,
                          const struct orders_chunk *facts, struct pcm reference,
                          struct worst *worst)
{
    int64_t last = chunked_count(file) - 1;
    for (int state = 0; state < CHUNKED_STATES; state++) {
        struct chunked_reading reading = chunked_decode(file, chunk, state);
        bool is_head_open = chunk > 0 && (state & CHUNKED_AFTER_PREVIOUS) == 0;
        bool is_tail_open = chunk < last && (state & CHUNKED_AFTER_NEXT) == 0;
        int64_t start = facts->true_start;
        const struct media_report *settled =
            &facts->reports[CHUNKED_AFTER_PREVIOUS | CHUNKED_AFTER_NEXT];
        /* A chunk that owns less at its head, for want of its neighbour, begins later. */
        if (reading.report.has_absolute_start && settled->has_absolute_start &&
            !fits_at(&reading, reference, start)) {
            start += reading.report.absolute_start - settled->absolute_start;
        }
        compare_reading(&reading, reference, start, is_head_open, is_tail_open, worst);
        chunked_reading_done(&reading);
    }
}

/* With both neighbours there, nothing is left open: the sums are the truth. */
static struct orders_chunk *report_all(const struct chunked *file, int64_t *ret_true_end)
{
    int64_t count = chunked_count(file);
    struct orders_chunk *chunks = mem_array((size_t)count, sizeof(*chunks));
    int64_t samples = 0;
    for (int64_t i = 0; i < count; i++) {
        for (int state = 0; state < CHUNKED_STATES; state++) {
            chunks[i].reports[state] = chunked_report(file, i, state).report;
        }
        chunks[i].true_start = samples;
        samples += chunks[i].reports[CHUNKED_STATES - 1].samples;
    }
    *ret_true_end = samples;
    return chunks;
}

static double in_ms(const struct chunked *file, int64_t samples)
{
    return (double)samples * MS_PER_S / chunked_header(file)->sample_rate;
}

int main(int argc, char **argv)
{
    if (argc < 4) {
        (void)fprintf(stderr, "usage: media-chunks FILE CHUNK_BYTES REFERENCE [DECODE_EVERY "
                              "[FIRST_CHUNK_BYTES]]\n");
        return 2;
    }
    int64_t chunk_bytes = strtoll(argv[2], NULL, 10);
    int64_t first_chunk_bytes = argc > 5 ? strtoll(argv[5], NULL, 10) : chunk_bytes;
    struct chunked *file = chunked_open(argv[1], chunk_bytes, first_chunk_bytes);
    struct pcm reference = map_reference(argv[3]);
    int64_t every = argc > 4 ? strtoll(argv[4], NULL, 10) : 1;
    int64_t samples;
    struct orders_chunk *chunks = report_all(file, &samples);
    struct worst worst = {.lag = 0};
    for (int64_t i = 0; i < chunked_count(file); i += every) {
        compare_chunk(file, i, &chunks[i], reference, &worst);
    }
    struct orders_result orders = orders_try(chunks, chunked_count(file), samples);
    (void)printf("{\"codec\": \"%s\", \"sample_rate\": %" PRId32 ", \"channels\": %" PRId32
                 ", \"chunks\": %" PRId64 ", \"orders\": %" PRId64 ", \"samples\": %" PRId64
                 ", \"reference_samples\": %" PRId64 ", \"lag\": %" PRId64 ", \"wrong\": %" PRId64
                 ", \"head_ms\": %.1f, \"tail_ms\": %.1f, \"undecodable_units\": %" PRId64
                 ", \"lost\": %" PRId64 ", \"doubled\": %" PRId64 ", \"position_error\": %" PRId64
                 ", \"unspanned\": %" PRId64 ", \"unjoined\": %" PRId64 "}\n",
                 chunked_header(file)->codec, chunked_header(file)->sample_rate,
                 chunked_header(file)->channels, chunked_count(file), orders.orders, samples,
                 reference.count, worst.lag, worst.wrong, in_ms(file, worst.head),
                 in_ms(file, worst.tail), worst.undecodable_units, orders.lost, orders.doubled,
                 orders.position_error, orders.unspanned, orders.unjoined);
    free(chunks);
    chunked_close(file);
    return 0;
}
