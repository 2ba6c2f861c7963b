/* SPDX-License-Identifier: Apache-2.0 */

/*
 * libFuzzer: any bytes as a recording. The first bytes of the input choose which stretches of it
 * are there and which of them the chunk owns; the rest is the file. Checks what a report and a unit
 * promise.
 */

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "common/buf.h"
#include "worker/media_report.h"
#include "worker/media_source.h"
#include "worker/media_walk.h"

#define CHOICE_BYTES 8
#define MAX_SECONDS 3600
#define SETUP_BYTES_MAX ((size_t)1 << 20)

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

/* The packets of one unit. */
struct packets {
    int64_t samples;
    unsigned sum; /* of their bytes, so that all of them are read */
};

static void on_packet(void *context, const struct media_packet *packet)
{
    struct packets *packets = context;
    require(packet->samples >= 0);
    packets->samples += packet->samples;
    for (size_t i = 0; packet->bytes != NULL && i < packet->length; i++) {
        packets->sum += packet->bytes[i];
    }
}

static void check_unit(struct media_source *source, const struct media_header *header,
                       const struct media_unit *unit)
{
    struct packets packets = {.samples = 0};
    const struct media_packet_sink sink = {.on_packet = on_packet, .context = &packets};
    if (header->framer->unpack != NULL) {
        header->framer->unpack(source, header, unit, &sink);
        require(packets.samples <= unit->samples);
    }
}

static void check_setup(struct media_source *source, const struct media_header *header)
{
    CLEANUP(buf_done) struct buf setup;
    buf_init(&setup, SETUP_BYTES_MAX);
    if (header->framer->write_setup != NULL &&
        header->framer->write_setup(source, header, &setup)) {
        require(setup.length <= SETUP_BYTES_MAX);
    }
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
        if (!step.is_cut) {
            check_unit(source, header, &step.unit);
        }
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
            check_setup(source, &header);
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
    struct media_range range = {.own_start = start + choose(data + 6, end - start + 1),
                                .own_end = end,
                                .resync_from = -1,
                                .next_end = data[7] % 2 == 0 ? total_size : end};
    if (data[7] % 8 == 0) {
        range.resync_from = start;
    }
    struct media_source *source = media_source_new(total_size, extents, 2);
    read_recording(source, &range);
    media_source_free(source);
    return 0;
}
