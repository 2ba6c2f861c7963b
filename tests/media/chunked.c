/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/media/chunked.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/chunk_layout.h"
#include "common/mem.h"
#include "worker/media_decode.h"

#define OVERLAP_MS 2000
#define SECONDS_MAX ((int64_t)5 * 3600)
#define HEADER_EXTENTS_MAX (MEDIA_EXTENTS_MAX - 1)

struct chunked {
    int fd;
    int64_t size;
    struct chunk_layout layout;
    struct media_header header;
    struct media_extent header_extents[HEADER_EXTENTS_MAX];
    size_t header_extent_count;
};

static void give_up(const char *what, const char *detail)
{
    (void)fprintf(stderr, "%s: %s\n", what, detail);
    exit(1);
}

static struct media_extent extent_of(const struct chunked *file, int64_t start, int64_t end)
{
    start = start < 0 ? 0 : start;
    end = end > file->size ? file->size : end;
    return (struct media_extent){
        .offset = start, .length = end - start, .fd = file->fd, .fd_offset = start};
}

/* As a worker does: with no more than what is asked for. */
static void find_header(struct chunked *file)
{
    struct media_need need = {.start = 0, .end = MEDIA_HEADER_FIRST_BYTES};
    while (file->header_extent_count < HEADER_EXTENTS_MAX) {
        struct err err;
        file->header_extents[file->header_extent_count++] = extent_of(file, need.start, need.end);
        struct media_source *source =
            media_source_new(file->size, file->header_extents, file->header_extent_count);
        enum media_status status = media_decode_header(source, &file->header, &need, &err);
        media_source_free(source);
        if (status == MEDIA_READY) {
            return;
        }
        if (status == MEDIA_REFUSED) {
            give_up("refused", err.message);
        }
    }
    give_up("header", "it lies in too many places");
}

void chunked_close(struct chunked *file)
{
    (void)close(file->fd);
    free(file);
}

struct chunked *chunked_open(const char *path, int64_t chunk_bytes, int64_t first_chunk_bytes)
{
    struct chunked *file = mem_new(sizeof(*file));
    struct stat status;
    file->fd = open(path, O_RDONLY | O_CLOEXEC);
    if (file->fd < 0 || fstat(file->fd, &status) != 0) {
        give_up(path, "it cannot be read");
    }
    file->size = status.st_size;
    file->layout = chunk_layout_of(file->size, chunk_bytes, first_chunk_bytes);
    find_header(file);
    return file;
}

const struct media_header *chunked_header(const struct chunked *file)
{
    return &file->header;
}

int64_t chunked_count(const struct chunked *file)
{
    return file->layout.total_chunks;
}

static struct media_range range_of(const struct chunked *file, int64_t chunk)
{
    struct chunk_range own = chunk_layout_range(&file->layout, (int32_t)chunk);
    bool is_last = chunk == chunked_count(file) - 1;
    return (struct media_range){
        .own_start = own.start,
        .own_end = own.end,
        .resync_from = -1,
        .next_end = is_last ? own.end : chunk_layout_range(&file->layout, (int32_t)chunk + 1).end};
}

/* So many bytes of a chunk, which may not be there, or as many as it has. */
static int64_t of_chunk(const struct chunked *file, int64_t chunk, int64_t bytes)
{
    if (chunk < 0 || chunk >= chunked_count(file)) {
        return 0;
    }
    int64_t size = chunk_layout_size(&file->layout, (int32_t)chunk);
    return bytes < size ? bytes : size;
}

static struct media_source *open_source(const struct chunked *file, int64_t chunk, int state)
{
    struct media_extent extents[MEDIA_EXTENTS_MAX];
    struct media_range range = range_of(file, chunk);
    int64_t overlap = media_header_overlap_bytes(&file->header, OVERLAP_MS);
    int64_t before = (state & CHUNKED_AFTER_PREVIOUS) != 0 ? of_chunk(file, chunk - 1, overlap) : 0;
    int64_t after = (state & CHUNKED_AFTER_NEXT) != 0 ? of_chunk(file, chunk + 1, overlap) : 0;
    memcpy(extents, file->header_extents, sizeof(file->header_extents));
    extents[file->header_extent_count] =
        extent_of(file, range.own_start - before, range.own_end + after);
    return media_source_new(file->size, extents, file->header_extent_count + 1);
}

struct chunked_reading chunked_report(const struct chunked *file, int64_t chunk, int state)
{
    struct chunked_reading reading = {.samples = NULL};
    struct media_range range = range_of(file, chunk);
    struct media_source *source = open_source(file, chunk, state);
    struct err err;
    if (!media_report_make(source, &file->header, &range, SECONDS_MAX, &reading.report, &err)) {
        give_up("report", err.message);
    }
    media_source_free(source);
    return reading;
}

static void on_start(void *context, const struct media_report *report)
{
    struct chunked_reading *reading = context;
    reading->report = *report;
    reading->samples =
        mem_array((size_t)(report->reading_end - report->reading_start) + 1, sizeof(int16_t));
}

static bool on_pcm(void *context, const int16_t *samples, size_t count)
{
    struct chunked_reading *reading = context;
    const struct media_report *report = &reading->report;
    if ((int64_t)(reading->count + count) > report->reading_end - report->reading_start) {
        give_up("decode", "more samples than the report promised");
    }
    memcpy(reading->samples + reading->count, samples, count * sizeof(*samples));
    reading->count += count;
    return true;
}

struct chunked_reading chunked_decode(const struct chunked *file, int64_t chunk, int state)
{
    struct chunked_reading reading = {.samples = NULL};
    struct media_source *source = open_source(file, chunk, state);
    const struct media_decode_options options = {.range = range_of(file, chunk),
                                                 .max_seconds = SECONDS_MAX};
    const struct media_sink sink = {.on_start = on_start, .on_pcm = on_pcm, .context = &reading};
    struct media_decode_result result;
    struct err err = {.message = "bytes are missing"};
    if (media_decode(source, &options, &sink, &result, &err) != MEDIA_READY) {
        give_up("decode", err.message);
    }
    if ((int64_t)reading.count != reading.report.reading_end - reading.report.reading_start) {
        give_up("decode", "fewer samples than the report promised");
    }
    reading.undecodable_units = result.undecodable_units;
    media_source_free(source);
    return reading;
}

void chunked_reading_done(struct chunked_reading *reading)
{
    free(reading->samples);
}
