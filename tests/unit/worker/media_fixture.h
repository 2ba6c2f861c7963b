/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TESTS_UNIT_WORKER_MEDIA_FIXTURE_H
#define TESTS_UNIT_WORKER_MEDIA_FIXTURE_H

/*
 * Recordings for tests, made by ffmpeg when asked for, and decoded in this process. Static
 * functions: each test program is one file.
 */

#include <fcntl.h>
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/attrs.h"
#include "common/mem.h"
#include "worker/media_decode.h"
#include "worker/media_walk.h"

struct recording {
    char name[64];
    uint8_t *bytes; /* owned */
    int64_t size;
    int fd; /* the same bytes as an anonymous file */
};

static UNUSED struct recording recording_from_bytes(const char *name, const uint8_t *bytes,
                                                    int64_t size)
{
    struct recording recording = {.size = size, .fd = memfd_create(name, MFD_CLOEXEC)};
    (void)snprintf(recording.name, sizeof(recording.name), "%s", name);
    recording.bytes = mem_array(1, (size_t)size + 1);
    if (size > 0) {
        memcpy(recording.bytes, bytes, (size_t)size);
    }
    assert_true(recording.fd >= 0);
    assert_int_equal(write(recording.fd, bytes, (size_t)size), size);
    return recording;
}

static UNUSED void recording_done(struct recording *recording)
{
    free(recording->bytes);
    (void)close(recording->fd);
}

/* Reads what a command writes. */
static UNUSED uint8_t *command_output(const char *command, int64_t *ret_size)
{
    FILE *pipe = popen(command, "re");
    assert_non_null(pipe);
    size_t capacity = 1 << 20;
    size_t size = 0;
    uint8_t *bytes = mem_array(1, capacity);
    size_t got;
    while ((got = fread(bytes + size, 1, capacity - size, pipe)) > 0) {
        size += got;
        if (size == capacity) {
            capacity *= 2;
            bytes = mem_resize(bytes, 1, capacity);
        }
    }
    assert_int_equal(pclose(pipe), 0);
    *ret_size = (int64_t)size;
    return bytes;
}

/* Pink noise with a tone: no two frames alike, all bands used. `encoding` are ffmpeg's options,
 * "{}" stands for the file's name. */
static UNUSED struct recording recording_make(const char *name, int seconds, const char *encoding)
{
    char path[64];
    char command[1024];
    (void)snprintf(path, sizeof(path), "/tmp/recording-%d.%s", getpid(), name);
    (void)snprintf(command, sizeof(command),
                   "ffmpeg -nostdin -v error -y -f lavfi -i "
                   "'anoisesrc=r=48000:c=pink:seed=7:d=%d:a=0.3[a];sine=f=330:r=48000:d=%d[b];"
                   "sine=f=1870:r=48000:d=%d[c];[a][b][c]amerge=inputs=3,pan=stereo|c0=c0+c1|"
                   "c1=c0+0.5*c2' %s %s && cat %s && rm %s",
                   seconds, seconds, seconds, encoding, path, path, path);
    int64_t size = 0;
    uint8_t *bytes = command_output(command, &size);
    assert_true(size > 0);
    struct recording recording = recording_from_bytes(name, bytes, size);
    free(bytes);
    return recording;
}

/* What a decoding gave. */
struct decoded {
    enum media_status status;
    struct media_decode_result result;
    struct err err;
    int starts;
    int16_t *pcm; /* owned */
    size_t count;
    size_t capacity;
};

static UNUSED void decoded_done(struct decoded *decoded)
{
    free(decoded->pcm);
}

static UNUSED void on_decoded_start(void *context, const struct media_report *report UNUSED)
{
    ((struct decoded *)context)->starts++;
}

static UNUSED bool on_decoded_pcm(void *context, const int16_t *samples, size_t count)
{
    struct decoded *decoded = context;
    if (decoded->count + count > decoded->capacity) {
        decoded->capacity = 2 * (decoded->count + count);
        decoded->pcm = mem_resize(decoded->pcm, decoded->capacity, sizeof(*decoded->pcm));
    }
    memcpy(decoded->pcm + decoded->count, samples, count * sizeof(*samples));
    decoded->count += count;
    return true;
}

/* Decodes [own_start, own_end) when the given extents are there; the next chunk is the rest. */
static UNUSED struct decoded decode_extents(const struct recording *recording,
                                            const struct media_extent *extents, size_t count,
                                            struct media_decode_options options)
{
    struct decoded decoded = {0};
    struct media_sink sink = {
        .on_start = on_decoded_start, .on_pcm = on_decoded_pcm, .context = &decoded};
    struct media_source *source = media_source_new(recording->size, extents, count);
    if (options.range.next_end == 0) {
        options.range.next_end = recording->size;
    }
    if (options.max_seconds == 0) {
        options.max_seconds = 4 * 3600;
    }
    decoded.status = media_decode(source, &options, &sink, &decoded.result, &decoded.err);
    media_source_free(source);
    return decoded;
}

static UNUSED struct media_extent extent_of(const struct recording *recording, int64_t start,
                                            int64_t end)
{
    start = start < 0 ? 0 : start;
    end = end > recording->size ? recording->size : end;
    return (struct media_extent){
        .offset = start, .length = end - start, .fd = recording->fd, .fd_offset = start};
}

#define HEADER_EXTENTS_MAX 8

/* The stretches that tell the header, as a worker finds them: by asking. Returns how many. */
static UNUSED size_t header_extents(const struct recording *recording,
                                    struct media_extent ret_extents[static HEADER_EXTENTS_MAX])
{
    struct media_need need = {.start = 0, .end = MEDIA_HEADER_FIRST_BYTES};
    enum media_status status = MEDIA_NEED;
    size_t count = 0;
    while (status == MEDIA_NEED) {
        struct media_header header;
        struct err err;
        assert_true(count < HEADER_EXTENTS_MAX);
        ret_extents[count++] = extent_of(recording, need.start, need.end);
        struct media_source *source = media_source_new(recording->size, ret_extents, count);
        status = media_header_read(source, &header, &need, &err);
        media_source_free(source);
    }
    assert_int_equal(status, MEDIA_READY);
    return count;
}

static UNUSED struct decoded decode_whole(const struct recording *recording)
{
    struct media_extent extent = extent_of(recording, 0, recording->size);
    return decode_extents(
        recording, &extent, 1,
        (struct media_decode_options){.range = {0, recording->size, .resync_from = -1}});
}

#endif
