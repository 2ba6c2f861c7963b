/* SPDX-License-Identifier: Apache-2.0 */

/*
 * bench-decode FILE CHUNK_BYTES
 *
 * Decodes every chunk of FILE as a worker's decoder does, to 16 kHz, with six seconds of both
 * neighbours, and prints a JSON object: what that cost in CPU time, how much was decoded for it,
 * how many bytes a chunk needs beside its own, and the memory at its highest.
 */

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/mem.h"
#include "worker/media_decode.h"
#include "worker/media_resample.h"

#define OVERLAP_MS 6000
#define SECONDS_MAX ((int64_t)5 * 3600)

struct file {
    int fd;
    int64_t size;
    struct media_extent header_extents[MEDIA_EXTENTS_MAX - 1];
    size_t header_extent_count;
    int64_t header_bytes;
    struct media_header header;
    struct media_resample_stock *resamplers;
};

/* Of all chunks. */
struct totals {
    int64_t pcm_samples;
    int64_t fetched_bytes;
    int64_t chunks;
};

static void give_up(const char *what)
{
    (void)fprintf(stderr, "bench-decode: %s\n", what);
    exit(1);
}

static struct media_extent extent_of(const struct file *file, int64_t start, int64_t end)
{
    start = start < 0 ? 0 : start;
    end = end > file->size ? file->size : end;
    return (struct media_extent){
        .offset = start, .length = end - start, .fd = file->fd, .fd_offset = start};
}

static void find_header(struct file *file)
{
    struct media_need need = {.start = 0, .end = MEDIA_HEADER_FIRST_BYTES};
    enum media_status status = MEDIA_NEED;
    while (status == MEDIA_NEED && file->header_extent_count < MEDIA_EXTENTS_MAX - 1) {
        struct err err;
        struct media_extent extent = extent_of(file, need.start, need.end);
        file->header_extents[file->header_extent_count++] = extent;
        file->header_bytes += extent.length;
        struct media_source *source =
            media_source_new(file->size, file->header_extents, file->header_extent_count);
        status = media_header_read(source, &file->header, &need, &err);
        media_source_free(source);
    }
    if (status != MEDIA_READY) {
        give_up("the header cannot be read");
    }
}

static void on_start(void *context UNUSED, const struct media_report *report UNUSED)
{
}

static bool on_pcm(void *context, const int16_t *samples UNUSED, size_t count)
{
    ((struct totals *)context)->pcm_samples += (int64_t)count;
    return true;
}

static void decode_chunk(const struct file *file, int64_t start, int64_t end, struct totals *totals)
{
    int64_t overlap = media_header_overlap_bytes(&file->header, OVERLAP_MS);
    int64_t chunk_bytes = end - start;
    overlap = overlap < chunk_bytes ? overlap : chunk_bytes;
    struct media_extent extents[MEDIA_EXTENTS_MAX];
    for (size_t i = 0; i < file->header_extent_count; i++) {
        extents[i] = file->header_extents[i];
    }
    extents[file->header_extent_count] = extent_of(file, start - overlap, end + overlap);
    totals->fetched_bytes += extents[file->header_extent_count].length;
    totals->chunks++;
    const struct media_decode_options options = {
        .range = {.own_start = start, .own_end = end, .resync_from = -1, .next_end = file->size},
        .max_seconds = SECONDS_MAX,
        .pcm_rate = MEDIA_PCM_RATE,
        .resamplers = file->resamplers};
    const struct media_sink sink = {.on_start = on_start, .on_pcm = on_pcm, .context = totals};
    struct media_decode_result result;
    struct err err = {.message = "bytes are missing"};
    struct media_source *source =
        media_source_new(file->size, extents, file->header_extent_count + 1);
    if (media_decode(source, &options, &sink, &result, &err) != MEDIA_READY) {
        give_up(err.message);
    }
    media_source_free(source);
}

static double seconds_of(struct timeval time)
{
    return (double)time.tv_sec + (double)time.tv_usec / 1e6;
}

static double cpu_seconds(void)
{
    struct rusage usage;
    (void)getrusage(RUSAGE_SELF, &usage);
    return seconds_of(usage.ru_utime) + seconds_of(usage.ru_stime);
}

int main(int argc, char **argv)
{
    struct stat status;
    struct file file = {.fd = argc == 3 ? open(argv[1], O_RDONLY | O_CLOEXEC) : -1};
    int64_t chunk_bytes = argc == 3 ? strtoll(argv[2], NULL, 10) : 0;
    if (file.fd < 0 || chunk_bytes <= 0 || fstat(file.fd, &status) != 0) {
        give_up("usage: bench-decode FILE CHUNK_BYTES");
    }
    file.size = status.st_size;
    file.resamplers = media_resample_stock_new(MEDIA_PCM_RATE);
    find_header(&file);
    struct totals totals = {.chunks = 0};
    double began = cpu_seconds();
    for (int64_t start = 0; start < file.size; start += chunk_bytes) {
        int64_t end = start + chunk_bytes < file.size ? start + chunk_bytes : file.size;
        decode_chunk(&file, start, end, &totals);
    }
    double took = cpu_seconds() - began;
    struct rusage usage;
    (void)getrusage(RUSAGE_SELF, &usage);
    (void)printf("{\"codec\": \"%s\", \"cpu_s\": %.4f, \"audio_s\": %.3f, \"chunks\": %" PRId64
                 ", \"file_bytes\": %" PRId64 ", \"fetched_bytes\": %" PRId64
                 ", \"header_bytes\": %" PRId64 ", \"overlap_bytes\": %" PRId64
                 ", \"rss_kib\": %ld}\n",
                 file.header.codec, took, (double)totals.pcm_samples / MEDIA_PCM_RATE,
                 totals.chunks, file.size, totals.fetched_bytes, file.header_bytes,
                 media_header_overlap_bytes(&file.header, OVERLAP_MS), usage.ru_maxrss);
    media_resample_stock_free(file.resamplers);
    (void)close(file.fd);
    return 0;
}
