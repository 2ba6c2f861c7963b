/* SPDX-License-Identifier: Apache-2.0 */

/* Whether chunks add up to the file. tests/media compares longer ones with ffmpeg, alone too. */

#include "tests/unit/worker/media_fixture.h"

#define SECONDS 6
#define CHUNKS 5
#define NEIGHBOUR_MS 300
#define AAC "-ar 44100 -c:a aac -aac_coder fast -aac_pns 0"

static const struct {
    const char *name; /* its ending is the format's */
    const char *encoding;
    const char *codec;
    int32_t sample_rate;
    int32_t channels;
} FILES[] = {
    {"s16.wav", "-ar 44100 -c:a pcm_s16le", "pcm_s16le", 44100, 2},
    {"f32.wav", "-ar 48000 -ac 6 -c:a pcm_f32le", "pcm_f32le", 48000, 6},
    {"cbr.mp3", "-ar 44100 -b:a 128k", "mp3", 44100, 2},
    {"vbr.mp3", "-ar 22050 -ac 1 -q:a 5", "mp3", 22050, 1},
    {"stereo.opus", "-c:a libopus -page_duration 100000", "opus", 48000, 2},
    {"mono.ogg", "-ar 44100 -ac 1 -c:a libvorbis -page_duration 100000", "vorbis", 44100, 1},
    {"s16.flac", "-ar 44100 -sample_fmt s16", "flac", 44100, 2},
    {"s24.flac", "-ar 48000 -ac 1 -sample_fmt s32", "flac", 48000, 1},
    {"stereo.aac", "-ar 44100 -aac_coder fast -aac_pns 0", "aac", 44100, 2},
    {"first.m4a", AAC " -movflags +faststart", "aac", 44100, 2},
    {"last.m4a", AAC, "aac", 44100, 2},
    {"parts.mp4", AAC " -movflags +empty_moov -frag_duration 200000", "aac", 44100, 2},
    {"lossless.m4a", "-ar 44100 -c:a alac", "alac", 44100, 2},
    {"pcm.mov", "-ar 48000 -c:a pcm_s24be", "pcm_s24be", 48000, 2},
    {"opus.mp4", "-c:a libopus", "opus", 48000, 2},
    {"opus.webm", "-c:a libopus -cluster_time_limit 500", "opus", 48000, 2},
    {"live.webm", "-c:a libopus -live 1 -cluster_time_limit 500", "opus", 48000, 2},
    {"vorbis.webm", "-ar 44100 -ac 1 -c:a libvorbis", "vorbis", 44100, 1},
    {"aac.mkv", AAC, "aac", 44100, 2},
    {"flac.mkv", "-ar 44100 -c:a flac", "flac", 44100, 2},
};

static struct media_header header_of(const struct recording *recording)
{
    struct media_extent extent = extent_of(recording, 0, recording->size);
    struct media_source *source = media_source_new(recording->size, &extent, 1);
    struct media_header header;
    struct media_need need;
    struct err err;
    assert_int_equal(media_header_read(source, &header, &need, &err), MEDIA_READY);
    media_source_free(source);
    return header;
}

/* Rounding may differ by one step. */
static int64_t wrong_samples(const int16_t *got, const int16_t *wanted, int64_t count)
{
    int64_t wrong = 0;
    for (int64_t i = 0; i < count; i++) {
        int difference = got[i] - wanted[i];
        wrong += difference < -1 || difference > 1 ? 1 : 0;
    }
    return wrong;
}

static struct decoded decode_chunk(const struct recording *recording, int chunk, int64_t neighbour)
{
    int64_t start = recording->size * chunk / CHUNKS;
    int64_t end = recording->size * (chunk + 1) / CHUNKS;
    struct media_extent extents[HEADER_EXTENTS_MAX + 1];
    size_t count = header_extents(recording, extents);
    extents[count] = extent_of(recording, start - neighbour, end + neighbour);
    return decode_extents(recording, extents, count + 1,
                          (struct media_decode_options){.range = {start, end, .resync_from = -1}});
}

static void check_file(const struct recording *recording, const struct media_header *header)
{
    struct decoded whole = decode_whole(recording);
    int64_t samples = 0;
    int64_t next_byte = header->audio_start;
    for (int i = 0; i < CHUNKS; i++) {
        struct decoded chunk =
            decode_chunk(recording, i, media_header_overlap_bytes(header, NEIGHBOUR_MS));
        const struct media_report *report = &chunk.result.report;
        int64_t start = samples + report->reading_start;
        assert_int_equal(chunk.status, MEDIA_READY);
        assert_int_equal(chunk.result.undecodable_units, 0);
        assert_int_equal(chunk.starts, 1);
        assert_int_equal(report->first_byte, next_byte);
        assert_int_equal(report->spans_previous, i > 0);
        assert_int_equal(report->spans_next, i + 1 < CHUNKS);
        assert_int_equal(chunk.count, report->reading_end - report->reading_start);
        assert_in_range(start, 0, whole.count - chunk.count);
        assert_int_equal(wrong_samples(chunk.pcm, whole.pcm + start, (int64_t)chunk.count), 0);
        samples += report->samples;
        next_byte = report->next_byte;
        decoded_done(&chunk);
    }
    assert_int_equal(samples, whole.count);
    decoded_done(&whole);
}

static void test_media_decode__chunks_add_up_to_the_file(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(FILES); i++) {
        print_message("%s\n", FILES[i].name);
        struct recording recording = recording_make(FILES[i].name, SECONDS, FILES[i].encoding);
        struct media_header header = header_of(&recording);
        assert_string_equal(header.codec, FILES[i].codec);
        assert_int_equal(header.sample_rate, FILES[i].sample_rate);
        assert_int_equal(header.channels, FILES[i].channels);
        check_file(&recording, &header);
        recording_done(&recording);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_media_decode__chunks_add_up_to_the_file),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
