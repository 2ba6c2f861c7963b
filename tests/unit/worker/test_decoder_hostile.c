/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Hostile recordings through the real decoder process: each ends in an outcome with a clear error
 * or in audio, never in a crash, a forbidden call or a subverted stream, and the process takes the
 * next one as if nothing had been. This program is its own decoder parent.
 */

#include <event2/event.h>
#include <stdlib.h>

#include "tests/unit/worker/media_fixture.h"
#include "worker/decoder_client.h"
#include "worker/decoder_parent.h"

#define TEST_SECONDS_MAX 100
#define SPOILT_EACH 9
#define AAC "-ar 22050 -b:a 48k -c:a aac -aac_coder fast"

struct bench {
    struct event_base *base;
    struct decoder_client *client;
    size_t running; /* jobs that the loop waits for */
};

struct job {
    struct bench *bench;
    struct recording recording;
    int64_t pcm_samples;
    struct decoder_outcome outcome;
    int dones;
};

static void on_start(void *context UNUSED, const struct media_report *report UNUSED)
{
}

static void on_pcm(void *context, const int16_t *samples UNUSED, size_t count)
{
    ((struct job *)context)->pcm_samples += (int64_t)count;
}

static void on_done(void *context, const struct decoder_outcome *outcome)
{
    struct job *job = context;
    job->outcome = *outcome;
    job->dones++;
    if (--job->bench->running == 0) {
        (void)event_base_loopbreak(job->bench->base);
    }
}

static void on_too_late(evutil_socket_t none UNUSED, short what UNUSED, void *context UNUSED)
{
    fail_msg("the jobs did not end");
}

static void run_loop(struct bench *bench)
{
    struct event *watchdog = event_new(bench->base, -1, 0, on_too_late, NULL);
    const struct timeval limit = {.tv_sec = TEST_SECONDS_MAX};
    (void)event_add(watchdog, &limit);
    (void)event_base_dispatch(bench->base);
    event_free(watchdog);
}

/* Takes the recording. */
static void begin(struct bench *bench, struct job *job, struct recording recording,
                  int64_t max_seconds)
{
    static const struct decoder_callbacks CALLBACKS = {
        .on_start = on_start, .on_pcm = on_pcm, .on_done = on_done};
    *job = (struct job){.bench = bench, .recording = recording};
    const struct media_extent extent = extent_of(&recording, 0, recording.size);
    struct decoder_request request = {.total_size = recording.size,
                                      .range = {0, recording.size, .resync_from = -1},
                                      .extents = &extent,
                                      .extent_count = 1,
                                      .limits = DECODER_LIMITS_DEFAULT};
    request.limits.max_seconds = max_seconds;
    struct err err;
    bench->running++;
    assert_non_null(decoder_client_decode(bench->client, &request, &CALLBACKS, job, &err));
}

/* What one bad recording may lead to. */
static void check_outcome(const struct job *job)
{
    const struct err *err = &job->outcome.err;
    assert_int_equal(job->dones, 1);
    if (job->outcome.result == DECODER_DONE) {
        assert_int_equal(job->pcm_samples, job->outcome.pcm_samples);
        return;
    }
    /* All of the file was there: more of it can't be needed. */
    assert_int_equal(job->outcome.result, DECODER_FAILED);
    if (strcmp(err->domain, "media") != 0 || err->kind != ERR_REJECT || err->message[0] == '\0') {
        fail_msg("%s: %s", job->recording.name, err->message);
    }
}

static void check_refusal(struct bench *bench, struct recording recording, int64_t max_seconds,
                          const char *part)
{
    struct job job;
    begin(bench, &job, recording, max_seconds);
    run_loop(bench);
    check_outcome(&job);
    if (job.outcome.result != DECODER_FAILED || strstr(job.outcome.err.message, part) == NULL) {
        fail_msg("%s: not \"%s\" but \"%s\"", job.recording.name, part, job.outcome.err.message);
    }
    recording_done(&job.recording);
}

static int set_up(void **state)
{
    struct bench *bench = mem_new(sizeof(*bench));
    bench->base = event_base_new();
    bench->client = decoder_client_new(bench->base, NULL);
    *state = bench;
    return 0;
}

static int tear_down(void **state)
{
    struct bench *bench = *state;
    decoder_client_free(bench->client);
    event_base_free(bench->base);
    free(bench);
    return 0;
}

/* --- damaged files --- */

/* A generator whose every run is the same. */
static uint32_t next_random(uint32_t *seed)
{
    *seed = *seed * 1664525u + 1013904223u;
    return *seed >> 8;
}

/* Cut off, or with bits flipped, often in the first or the last few hundred bytes. */
static struct recording spoil(const struct recording *whole, int way, uint32_t *seed)
{
    int64_t size = whole->size;
    if (way % 3 == 0) {
        size = 1 + next_random(seed) % (uint32_t)size;
    }
    struct recording spoilt = {.size = size};
    uint8_t *bytes = mem_array(1, (size_t)size);
    memcpy(bytes, whole->bytes, (size_t)size);
    uint32_t flips = way % 3 == 0 ? 0 : 1 + next_random(seed) % 60;
    for (uint32_t i = 0; i < flips; i++) {
        uint32_t reach = way % 3 == 1 && size > 600 ? 600 : (uint32_t)size;
        uint32_t at = next_random(seed) % reach;
        at = way % 2 == 0 && reach == 600 ? (uint32_t)size - 1 - at : at;
        bytes[at] ^= (uint8_t)(1u << next_random(seed) % 8);
    }
    spoilt = recording_from_bytes(whole->name, bytes, size);
    free(bytes);
    return spoilt;
}

static void test_decoder_hostile__damage_fails_its_own_chunk_only(void **state)
{
    struct bench *bench = *state;
    static const char *const FILES[][2] = {
        {"d.wav", "-ar 22050 -c:a pcm_s24le"},
        {"d.mp3", "-ar 22050 -q:a 6"},
        {"d.flac", "-ar 22050 -sample_fmt s16"},
        {"d.aac", "-ar 22050 -b:a 48k -aac_coder fast"},
        {"d.opus", "-c:a libopus -page_duration 100000"},
        {"d.ogg", "-ar 22050 -c:a libvorbis"},
        {"d.m4a", AAC},
        {"first.m4a", AAC " -movflags +faststart"},
        {"lossless.m4a", "-ar 22050 -c:a alac"},
        {"d.mov", "-ar 22050 -c:a pcm_s16be"},
        {"d.mp4", AAC " -movflags +empty_moov -frag_duration 200000"},
        {"d.webm", "-c:a libopus -cluster_time_limit 500"},
        {"live.webm", "-c:a libopus -live 1"},
        {"d.mkv", "-ar 22050 -c:a libvorbis"},
    };
    struct job jobs[SPOILT_EACH + 1];
    uint32_t seed = 1;
    for (size_t i = 0; i < ARRAY_LEN(FILES); i++) {
        struct recording whole = recording_make(FILES[i][0], 3, FILES[i][1]);
        for (int way = 0; way < SPOILT_EACH; way++) {
            begin(bench, &jobs[way], spoil(&whole, way, &seed), 60);
        }
        begin(bench, &jobs[SPOILT_EACH], whole, 60);
        run_loop(bench);
        for (int way = 0; way <= SPOILT_EACH; way++) {
            check_outcome(&jobs[way]);
        }
        const struct job *sound = &jobs[SPOILT_EACH];
        assert_int_equal(sound->outcome.result, DECODER_DONE);
        assert_int_equal(sound->outcome.undecodable_units, 0);
        assert_in_range(sound->pcm_samples, 3 * 16000, 3 * 16000 + 4000);
        for (int way = 0; way <= SPOILT_EACH; way++) {
            recording_done(&jobs[way].recording);
        }
    }
}

/* --- files that are not what their name says --- */

static void test_decoder_hostile__playlists_and_scripts_are_no_audio(void **state)
{
    struct bench *bench = *state;
    static const char *const TEXTS[] = {
        "#EXTM3U\n#EXTINF:10,\nhttp://127.0.0.1:1/secret.ts\n#EXT-X-ENDLIST\n",
        "ffconcat version 1.0\nfile '/etc/passwd'\nfile 'http://127.0.0.1:1/'\n",
        "v=0\no=- 0 0 IN IP4 127.0.0.1\nc=IN IP4 127.0.0.1\nm=audio 5004 RTP/AVP 0\n",
        "<?xml version=\"1.0\"?><MPD><Period><BaseURL>file:///etc/</BaseURL></Period></MPD>",
        "[playlist]\nFile1=file:///etc/passwd\nNumberOfEntries=1\n",
        "<smil><body><audio src=\"file:///etc/passwd\"/></body></smil>",
    };
    for (size_t i = 0; i < ARRAY_LEN(TEXTS); i++) {
        check_refusal(
            bench,
            recording_from_bytes("x.mp4", (const uint8_t *)TEXTS[i], (int64_t)strlen(TEXTS[i])), 60,
            "not audio in a supported format");
    }
}

static void test_decoder_hostile__content_counts_and_not_the_name(void **state)
{
    struct bench *bench = *state;
    struct recording m4a = recording_make("x.m4a", 2, AAC);
    (void)snprintf(m4a.name, sizeof(m4a.name), "x.mp3");
    struct job job;
    begin(bench, &job, m4a, 60);
    run_loop(bench);
    assert_int_equal(job.outcome.result, DECODER_DONE);
    assert_string_equal(job.outcome.report.codec, "aac");
    recording_done(&job.recording);
}

/* --- numbers that lie --- */

static void set32(uint8_t *bytes, uint32_t value, bool is_big_endian)
{
    for (int i = 0; i < 4; i++) {
        bytes[i] = (uint8_t)(value >> (is_big_endian ? 24 - 8 * i : 8 * i));
    }
}

/* Writes a number so many bytes behind (or before) the first place where the tag stands. */
static struct recording with_number(struct recording take, const char *tag, int64_t offset,
                                    uint32_t value, bool is_big_endian)
{
    uint8_t *found = memmem(take.bytes, (size_t)take.size, tag, strlen(tag));
    assert_non_null(found);
    set32(found + offset, value, is_big_endian);
    struct recording changed = recording_from_bytes(take.name, take.bytes, take.size);
    recording_done(&take);
    return changed;
}

static void test_decoder_hostile__absurd_headers_are_refused(void **state)
{
    struct bench *bench = *state;
    static const char PCM[] = "-ar 8000 -c:a pcm_s16le";
    check_refusal(bench, with_number(recording_make("h.wav", 1, PCM), "fmt ", 12, 1, false), 60,
                  "a sample rate of 1 Hz is not supported");
    check_refusal(bench,
                  with_number(recording_make("r.wav", 1, PCM), "fmt ", 12, 2000000000, false), 60,
                  "a sample rate of 2000000000 Hz");
    check_refusal(bench, with_number(recording_make("c.wav", 1, PCM), "fmt ", 8, 0xFFFF0001, false),
                  60, "WAV header is damaged");
    check_refusal(bench, with_number(recording_make("m.m4a", 1, AAC), "moov", -4, 0xFFFFFFF0, true),
                  60, "its index (moov) is missing");
    check_refusal(bench, with_number(recording_make("t.m4a", 1, AAC), "mdhd", 16, 0, true), 60,
                  "the MP4 header is damaged");
    check_refusal(bench, with_number(recording_make("o.m4a", 1, AAC), "soun", 0, 0x76696465, true),
                  60, "no audio track");
}

static void test_decoder_hostile__lies_about_sizes_do_no_harm(void **state)
{
    struct bench *bench = *state;
    static const char FRAGMENTS[] = AAC " -movflags +empty_moov -frag_duration 200000";
    static const struct {
        const char *name;
        const char *encoding;
        const char *tag;
        int64_t offset;
        uint32_t value;
    } CASES[] = {
        {"sizes.m4a", AAC, "stsz", 12, 0xFFFFFFFF},
        {"all-one.m4a", AAC, "stsz", 8, 1},
        {"times.m4a", AAC, "stts", 12, 0xFFFFFFFF},
        {"long.m4a", AAC, "stts", 16, 0xFFFFFFFF},
        {"runs.m4a", AAC, "stsc", 16, 0xFFFFFFFF},
        {"chunks.m4a", AAC, "stco", 8, 0xFFFFFFFF},
        {"beyond.m4a", AAC, "stco", 12, 0x7FFFFFFF},
        {"trun.mp4", FRAGMENTS, "trun", 8, 0xFFFFFFFF},
        {"mdat.mp4", FRAGMENTS, "mdat", -4, 0x7FFFFFFF},
        {"data.wav", "-ar 8000 -c:a pcm_s16le", "data", 4, 0x7FFFFFFF},
    };
    struct job jobs[ARRAY_LEN(CASES)];
    for (size_t i = 0; i < ARRAY_LEN(CASES); i++) {
        struct recording recording = recording_make(CASES[i].name, 2, CASES[i].encoding);
        bool is_wav = strcmp(CASES[i].tag, "data") == 0;
        begin(bench, &jobs[i],
              with_number(recording, CASES[i].tag, CASES[i].offset, CASES[i].value, !is_wav), 60);
    }
    run_loop(bench);
    for (size_t i = 0; i < ARRAY_LEN(CASES); i++) {
        check_outcome(&jobs[i]);
        recording_done(&jobs[i].recording);
    }
}

/* --- little that becomes much --- */

static void test_decoder_hostile__bombs_are_refused_before_they_go_off(void **state)
{
    struct bench *bench = *state;
    static const char *const ENCODINGS[][2] = {
        {"silence.flac", "-af volume=0 -ar 8000 -ac 1 -sample_fmt s16"},
        {"silence.m4a", "-af volume=0 -ar 8000 -ac 1 -c:a alac"},
        {"silence.webm", "-af volume=0 -ac 1 -c:a libopus -b:a 6k"},
    };
    for (size_t i = 0; i < ARRAY_LEN(ENCODINGS); i++) {
        check_refusal(bench, recording_make(ENCODINGS[i][0], 90, ENCODINGS[i][1]), 60,
                      "s of audio, more than the limit of 60 s: use smaller chunks");
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(int argc, char **argv)
{
    if (decoder_parent_is_wanted(argc, argv)) {
        return decoder_parent_run();
    }
    const struct CMUnitTest tests[] = {
        TEST(test_decoder_hostile__damage_fails_its_own_chunk_only),
        TEST(test_decoder_hostile__playlists_and_scripts_are_no_audio),
        TEST(test_decoder_hostile__content_counts_and_not_the_name),
        TEST(test_decoder_hostile__absurd_headers_are_refused),
        TEST(test_decoder_hostile__lies_about_sizes_do_no_harm),
        TEST(test_decoder_hostile__bombs_are_refused_before_they_go_off),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
