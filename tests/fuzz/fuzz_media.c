/* SPDX-License-Identifier: Apache-2.0 */

/*
 * libFuzzer: any bytes as a recording. The first bytes of the input choose which stretches of it
 * are there and which of them the chunk owns; the rest is the file. Checks what a report promises.
 *
 *     clang -std=gnu17 -D_GNU_SOURCE -g -O1 -fsanitize=fuzzer,address,undefined -I. \
 *         tests/fuzz/fuzz_media.c worker/media_{source,header,wav,mp3,mpeg,walk,report}.c \
 *         common/{buf,err,mem}.c -o fuzz_media
 */

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "worker/media_report.h"
#include "worker/media_source.h"
#include "worker/media_walk.h"

#define CHOICE_BYTES 8
#define MAX_SECONDS 3600

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool holds)
{
    if (!holds) {
        abort();
    }
}

static int64_t choose(const uint8_t *choice, int64_t size)
{
    return size * (choice[0] << 8 | choice[1]) / 65536;
}

static void check_report(const struct media_report *report, const struct media_header *header,
                         int64_t total_size)
{
    require(report->samples >= 0 && report->reading_start <= 0);
    require(report->samples == 0 || report->reading_end >= report->samples);
    require((report->reading_end - report->reading_start) / header->sample_rate <= MAX_SECONDS);
    require(report->first_byte >= 0 && report->next_byte >= 0);
    require(report->first_byte <= total_size && report->next_byte <= total_size);
    require(report->samples == 0 || report->first_byte < report->next_byte);
}

static void check_walk(struct media_source *source, const struct media_header *header,
                       const struct media_range *range)
{
    struct media_walk walk;
    struct media_step step;
    int64_t last_end = 0;
    media_walk_init(&walk, source, header, range);
    while (media_walk_next(&walk, &step)) {
        require(step.unit.length > 0);
        require(step.unit.samples >= 0 && step.unit.offset >= last_end);
        last_end = step.unit.offset + step.unit.length;
        require(last_end <= header->audio_end);
        require(step.is_cut || media_source_available_end(source, step.unit.offset) >= last_end);
    }
}

static void read_recording(struct media_source *source, const struct media_range *range)
{
    struct media_header header;
    struct media_need need;
    struct media_report report;
    struct err err;
    int64_t total_size = media_source_total_size(source);
    switch (media_header_read(source, &header, &need, &err)) {
    case MEDIA_NEED:
        require(need.start >= 0 && need.start < need.end && need.end <= total_size);
        require(media_source_available_end(source, need.start) == need.start);
        return;
    case MEDIA_REFUSED:
        return;
    case MEDIA_READY:
        break;
    }
    if (media_report_make(source, &header, range, MAX_SECONDS, &report, &err)) {
        check_report(&report, &header, total_size);
        if (report.samples > 0) {
            check_walk(source, &header, range);
        }
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size <= CHOICE_BYTES) {
        return 0;
    }
    const uint8_t *bytes = data + CHOICE_BYTES;
    int64_t total_size = (int64_t)(size - CHOICE_BYTES);
    int64_t header_end = choose(data, total_size) + 1;
    int64_t start = choose(data + 2, total_size);
    int64_t end = start + choose(data + 4, total_size - start + 1);
    struct media_extent extents[2] = {
        {.length = header_end, .bytes = bytes},
        {.offset = start, .length = end - start, .bytes = bytes + start}};
    struct media_range range = {
        .own_start = start + choose(data + 6, end - start + 1), .own_end = end, .resync_from = -1};
    if (data[7] % 8 == 0) {
        range.resync_from = start;
    }
    struct media_source *source = media_source_new(total_size, extents, 2);
    read_recording(source, &range);
    media_source_free(source);
    return 0;
}
