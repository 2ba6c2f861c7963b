/* SPDX-License-Identifier: Apache-2.0 */

/* Whether chunks decoded alone add up to the file, for files made by ffmpeg. */

#include "tests/unit/worker/media_fixture.h"

#define SECONDS 12
#define COVER_BYTES (300 * 1024)

static const struct {
    const char *name; /* its ending is the format's */
    const char *encoding;
    const char *codec;
    int32_t sample_rate;
    int32_t channels;
    int64_t cover_bytes; /* of an ID3v2 tag put in front */
} FILES[] = {
    {"s16.wav", "-ar 44100 -c:a pcm_s16le", "pcm_s16le", 44100, 2, 0},
    {"s24.wav", "-ar 48000 -ac 1 -c:a pcm_s24le", "pcm_s24le", 48000, 1, 0},
    {"s32.wav", "-ar 96000 -c:a pcm_s32le", "pcm_s32le", 96000, 2, 0},
    {"u8.wav", "-ar 11025 -ac 1 -c:a pcm_u8", "pcm_u8", 11025, 1, 0},
    {"f32.wav", "-ar 32000 -c:a pcm_f32le", "pcm_f32le", 32000, 2, 0},
    {"f64.wav", "-ar 22050 -c:a pcm_f64le", "pcm_f64le", 22050, 2, 0},
    {"mulaw.wav", "-ar 8000 -ac 1 -c:a pcm_mulaw", "pcm_mulaw", 8000, 1, 0},
    {"alaw.wav", "-ar 8000 -ac 2 -c:a pcm_alaw", "pcm_alaw", 8000, 2, 0},
    {"rf64.wav", "-ar 16000 -c:a pcm_s16le -rf64 always", "pcm_s16le", 16000, 2, 0},
    {"surround.wav", "-ar 48000 -ac 6 -c:a pcm_s16le", "pcm_s16le", 48000, 6, 0},
    {"cbr.mp3", "-ar 44100 -b:a 128k", "mp3", 44100, 2, 0},
    {"noxing.mp3", "-ar 44100 -b:a 96k -write_xing 0 -id3v2_version 0", "mp3", 44100, 2, 0},
    {"vbr.mp3", "-ar 44100 -q:a 5", "mp3", 44100, 2, 0},
    {"v1tag.mp3", "-ar 48000 -ac 1 -q:a 7 -write_id3v1 1 -metadata title=t", "mp3", 48000, 1, 0},
    {"loud.mp3", "-ar 48000 -b:a 320k", "mp3", 48000, 2, 0},
    {"low.mp3", "-ar 32000 -ac 1 -b:a 32k", "mp3", 32000, 1, 0},
    {"v2.mp3", "-ar 22050 -b:a 56k", "mp3", 22050, 2, 0},
    {"v25.mp3", "-ar 8000 -ac 1 -b:a 8k", "mp3", 8000, 1, 0},
    {"s16.flac", "-ar 44100 -sample_fmt s16", "flac", 44100, 2, 0},
    {"s24.flac", "-ar 48000 -ac 1 -sample_fmt s32", "flac", 48000, 1, 0},
    {"cover.mp3", "-ar 44100 -ac 1 -q:a 6", "mp3", 44100, 1, COVER_BYTES},
};

/* A tag of the given size whose content looks like MP3 frames everywhere. */
static void prepend_cover(struct recording *recording, int64_t cover_bytes)
{
    int64_t size = recording->size + cover_bytes;
    int64_t content = cover_bytes - 10;
    uint8_t *bytes = mem_array(1, (size_t)size);
    const uint8_t head[10] = {'I',
                              'D',
                              '3',
                              4,
                              0,
                              0,
                              (uint8_t)(content >> 21 & 127),
                              (uint8_t)(content >> 14 & 127),
                              (uint8_t)(content >> 7 & 127),
                              (uint8_t)(content & 127)};
    memcpy(bytes, head, sizeof(head));
    for (int64_t i = sizeof(head); i < cover_bytes; i++) {
        bytes[i] = i % 2 == 0 ? 0xFF : 0xFB;
    }
    memcpy(bytes + cover_bytes, recording->bytes, (size_t)recording->size);
    struct recording with_cover = recording_from_bytes(recording->name, bytes, size);
    free(bytes);
    recording_done(recording);
    *recording = with_cover;
}

static struct recording make_file(size_t index)
{
    struct recording recording = recording_make(FILES[index].name, SECONDS, FILES[index].encoding);
    if (FILES[index].cover_bytes > 0) {
        prepend_cover(&recording, FILES[index].cover_bytes);
    }
    return recording;
}

/* The stretches that a chunk's decoding needs besides the chunk, found by asking. */
static size_t header_extents(const struct recording *recording, struct media_extent *ret_extents,
                             struct media_header *ret_header)
{
    size_t count = 1;
    ret_extents[0] = extent_of(recording, 0, MEDIA_HEADER_FIRST_BYTES);
    for (int round = 0; round < 4; round++) {
        struct media_need need;
        struct err err;
        struct media_source *source = media_source_new(recording->size, ret_extents, count);
        enum media_status status = media_header_read(source, ret_header, &need, &err);
        media_source_free(source);
        if (status == MEDIA_READY) {
            return count;
        }
        assert_int_equal(status, MEDIA_NEED);
        assert_true(need.start < need.end && need.end <= recording->size);
        ret_extents[count++] = extent_of(recording, need.start, need.end);
    }
    fail_msg("%s: the header asks on and on", recording->name);
    return 0;
}

struct plan {
    const struct recording *recording;
    struct media_extent header[4];
    size_t header_count;
    int64_t before; /* bytes of the neighbours that are there */
    int64_t after;
    int64_t unit_bytes; /* of the largest */
};

static struct decoded decode_chunk(const struct plan *plan, int64_t start, int64_t end)
{
    struct media_extent extents[5];
    memcpy(extents, plan->header, sizeof(plan->header));
    extents[plan->header_count] =
        extent_of(plan->recording, start - plan->before, end + plan->after);
    struct media_range range = {start, end, .resync_from = -1};
    return decode_extents(plan->recording, extents, plan->header_count + 1,
                          (struct media_decode_options){.range = range});
}

/* How many samples at the edges of a chunk need not be right. */
struct tolerance {
    int64_t head;
    int64_t tail;
};

/* Counts samples that are more than one step off. */
static int64_t wrong_samples(const int16_t *got, const int16_t *wanted, int64_t count,
                             struct tolerance tolerance)
{
    int64_t wrong = 0;
    for (int64_t i = tolerance.head; i < count - tolerance.tail; i++) {
        int difference = got[i] - wanted[i];
        wrong += difference < -1 || difference > 1 ? 1 : 0;
    }
    return wrong;
}

static void check_reading(const struct decoded *chunk, const struct decoded *whole, int64_t start,
                          struct tolerance tolerance, const char *name)
{
    const struct media_report *report = &chunk->result.report;
    int64_t length = report->reading_end - report->reading_start;
    assert_int_equal(chunk->count, length);
    assert_int_equal(chunk->result.undecodable_units, 0);
    if (length == 0) {
        return;
    }
    assert_true(report->reading_start <= 0 && report->reading_end >= report->samples);
    assert_true(start + report->reading_start >= 0);
    assert_true(start + report->reading_end <= (int64_t)whole->count);
    int64_t wrong =
        wrong_samples(chunk->pcm, whole->pcm + start + report->reading_start, length, tolerance);
    if (wrong != 0) {
        fail_msg("%s: %" PRId64 " of %" PRId64 " samples are wrong, chunk at sample %" PRId64, name,
                 wrong, length, start);
    }
}

/* Cuts the file in chunks and decodes each alone. */
static void check_chunks(const struct plan *plan, const struct decoded *whole, int64_t chunk_bytes,
                         struct tolerance tolerance)
{
    const char *name = plan->recording->name;
    int64_t samples = 0;
    int64_t expected_byte = -1;
    for (int64_t start = 0; start < plan->recording->size; start += chunk_bytes) {
        int64_t end = start + chunk_bytes;
        end = end < plan->recording->size ? end : plan->recording->size;
        struct decoded chunk = decode_chunk(plan, start, end);
        const struct media_report *report = &chunk.result.report;
        assert_int_equal(chunk.status, MEDIA_READY);
        if (expected_byte >= 0 && report->first_byte != expected_byte && report->samples > 0) {
            /* What the previous chunk could not see, this one's border unit completes. */
            assert_int_equal(plan->after, 0);
            assert_true(expected_byte < report->first_byte);
            struct plan with_previous = *plan;
            with_previous.before = plan->unit_bytes + 8192;
            struct decoded again = decode_chunk(&with_previous, start, end);
            assert_int_equal(again.result.report.border_byte, expected_byte);
            samples += again.result.report.border_samples;
            decoded_done(&again);
        }
        bool is_timed = strcmp(report->format, "mp3") != 0;
        bool is_first = samples == 0;
        if (report->samples > 0) {
            assert_int_equal(report->has_absolute_start, is_timed || is_first);
        }
        if (report->has_absolute_start) {
            int64_t skipped = whole->result.report.absolute_start;
            assert_int_equal(report->absolute_start, samples + skipped);
        }
        check_reading(&chunk, whole, samples, tolerance, name);
        assert_int_equal(report->spans_previous, report->reading_start < 0);
        assert_int_equal(report->spans_next, report->reading_end > report->samples);
        samples += report->samples;
        expected_byte = report->next_byte;
        assert_int_equal(chunk.starts, 1);
        decoded_done(&chunk);
    }
    assert_int_equal(samples, whole->count);
}

static int16_t *decode_by_ffmpeg(const struct recording *recording, int64_t *ret_count)
{
    char path[64];
    char command[512];
    (void)snprintf(path, sizeof(path), "/proc/%d/fd/%d", getpid(), recording->fd);
    (void)snprintf(command, sizeof(command),
                   "ffmpeg -nostdin -v error -flags2 +skip_manual -i %s -ac 1 -f s16le -", path);
    int64_t size = 0;
    uint8_t *bytes = command_output(command, &size);
    *ret_count = size / 2;
    return (int16_t *)(void *)bytes;
}

static void check_file(size_t index)
{
    struct recording recording = make_file(index);
    struct plan plan = {.recording = &recording};
    struct media_header header;
    plan.header_count = header_extents(&recording, plan.header, &header);
    assert_string_equal(header.codec, FILES[index].codec);
    assert_int_equal(header.sample_rate, FILES[index].sample_rate);
    assert_int_equal(header.channels, FILES[index].channels);
    plan.unit_bytes = header.largest_unit_bytes;

    struct decoded whole = decode_whole(&recording);
    assert_int_equal(whole.status, MEDIA_READY);
    assert_int_equal(whole.count, whole.result.report.samples);
    int64_t reference_count = 0;
    int16_t *reference = decode_by_ffmpeg(&recording, &reference_count);
    assert_int_equal(whole.count, reference_count);
    assert_int_equal(wrong_samples(whole.pcm, reference, reference_count, (struct tolerance){0, 0}),
                     0);
    free(reference);

    bool is_mp3 = strcmp(header.codec, "mp3") == 0;
    const int64_t chunk_bytes[] = {recording.size / 6 + 1237, recording.size / 17 + 1,
                                   is_mp3 ? 8209 : recording.size / 40 + 3};
    const struct tolerance alone = {
        header.preroll_bytes * header.sample_rate / header.bytes_per_second, is_mp3 ? 1152 : 1};
    for (size_t i = 0; i < ARRAY_LEN(chunk_bytes); i++) {
        plan.before = media_header_overlap_bytes(&header, 2000);
        plan.after = plan.before;
        check_chunks(&plan, &whole, chunk_bytes[i], (struct tolerance){0, 0});
        /* Alone, an MP3's first frames lack what they refer to, and the last unit may be cut. */
        plan.before = plan.after = 0;
        check_chunks(&plan, &whole, chunk_bytes[i], alone);
    }
    decoded_done(&whole);
    recording_done(&recording);
}

static void test_media_decode__chunks_add_up_to_the_file(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(FILES); i++) {
        print_message("%s\n", FILES[i].name);
        check_file(i);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_media_decode__chunks_add_up_to_the_file),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
