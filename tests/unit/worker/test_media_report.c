/* SPDX-License-Identifier: Apache-2.0 */

/* Who owns what: units found from any byte, borders of chunks, and hostile bytes. */

#include "tests/unit/worker/media_fixture.h"

#define BORDER_BYTES 30000
#define BORDERS 1300
#define REST_BYTES 5
/* Of ffmpeg. */
#define FRAGMENTS "-movflags +empty_moov -frag_duration 100000"
#define VIDEO "-f lavfi -i testsrc=s=64x64:r=10:d=8 "

struct view {
    struct media_source *source;
    struct media_header header;
};

static struct view open_view(const struct recording *recording)
{
    struct view view;
    struct media_need need;
    struct err err;
    const struct media_extent extent = {.length = recording->size, .bytes = recording->bytes};
    view.source = media_source_new(recording->size, &extent, 1);
    assert_int_equal(media_header_read(view.source, &view.header, &need, &err), MEDIA_READY);
    return view;
}

/* The beginnings of all units, from the first on, none of them joined with others; -1 at the end.
 */
static int64_t *all_units(const struct view *view, size_t *ret_count)
{
    const struct media_framer *framer = view->header.framer;
    int64_t end = view->header.audio_end;
    size_t count = 0;
    int64_t *units = mem_array((size_t)end / 16 + 2, sizeof(*units));
    for (int64_t at = view->header.audio_start; at < end;) {
        struct media_unit unit;
        if (framer->unit_at(view->source, &view->header, at, at + 1, &unit) == MEDIA_UNIT_READY) {
            units[count++] = at;
            at += unit.length;
        } else if (!framer->sync(view->source, &view->header, at + 1, end, &at)) {
            break;
        }
    }
    units[count] = -1;
    *ret_count = count;
    return units;
}

static struct recording join(const struct recording *a, const struct recording *b)
{
    uint8_t *bytes = mem_array(1, (size_t)(a->size + b->size));
    memcpy(bytes, a->bytes, (size_t)a->size);
    memcpy(bytes + a->size, b->bytes, (size_t)b->size);
    struct recording joined = recording_from_bytes("joined.mp3", bytes, a->size + b->size);
    free(bytes);
    return joined;
}

/* Asks for the next unit from every byte, with and without what lies before it. */
static void check_sync(const struct recording *recording)
{
    struct view view = open_view(recording);
    size_t count = 0;
    int64_t *units = all_units(&view, &count);
    assert_true(count > 50);
    size_t next = 0;
    int64_t wrong = 0;
    for (int64_t at = view.header.audio_start; at < units[count - 1]; at++) {
        next += units[next] < at ? 1 : 0;
        int64_t found = -1;
        bool is_found =
            view.header.framer->sync(view.source, &view.header, at, recording->size, &found);
        wrong += !is_found || found != units[next] ? 1 : 0;
    }
    if (wrong != 0) {
        fail_msg("%s: wrong from %" PRId64 " bytes", recording->name, wrong);
    }
    free(units);
    media_source_free(view.source);
}

static void test_media_sync__is_the_same_from_every_byte(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        const char *encoding;
    } FILES[] = {
        {"cbr.mp3", "-ar 44100 -b:a 128k"},
        {"vbr.mp3", "-ar 48000 -q:a 3"},
        {"mono.mp3", "-ar 32000 -ac 1 -b:a 48k"},
        {"loud.mp3", "-ar 44100 -b:a 320k"},
        {"v2.mp3", "-ar 24000 -q:a 6"},
        {"v25.mp3", "-ar 11025 -ac 1 -b:a 16k"},
        {"tags.mp3", "-ar 44100 -write_id3v1 1 -metadata title=title"},
        {"s16.flac", "-ar 16000 -ac 1 -c:a flac"},
        {"pages.opus", "-ac 1 -c:a libopus -b:a 32k -page_duration 100000"},
        {"pages.ogg", "-ar 44100 -c:a libvorbis -q:a 2 -page_duration 100000"},
        {"stereo.aac", "-ar 44100 -b:a 96k -aac_coder fast"},
        {"mono.aac", "-ar 16000 -ac 1 -b:a 24k -aac_coder fast"},
        {"last.m4a", "-ar 16000 -ac 1 -b:a 24k -aac_coder fast"},
        {"parts.mp4", "-ar 16000 -ac 1 -b:a 24k -aac_coder fast " FRAGMENTS},
        {"opus.webm", "-ac 1 -c:a libopus -b:a 32k -cluster_time_limit 500"},
        {"live.webm", "-ac 1 -c:a libopus -b:a 32k -live 1 -cluster_time_limit 500"},
        {"video.webm", VIDEO "-c:a libvorbis -q:a 2 -c:v libvpx -b:v 60k"},
        {"video.mp4", VIDEO "-ar 16000 -ac 1 -b:a 24k -aac_coder fast -c:v mpeg4 -b:v 60k"},
    };
    for (size_t i = 0; i < ARRAY_LEN(FILES); i++) {
        struct recording recording = recording_make(FILES[i].name, 8, FILES[i].encoding);
        check_sync(&recording);
        recording_done(&recording);
    }
}

/* Gives all frames another header than the other file's have. */
static void set_original(struct recording *recording)
{
    struct view view = open_view(recording);
    size_t count = 0;
    int64_t *units = all_units(&view, &count);
    for (size_t i = 0; i < count; i++) {
        recording->bytes[units[i] + 3] ^= 0x04;
    }
    free(units);
    media_source_free(view.source);
    struct recording changed =
        recording_from_bytes(recording->name, recording->bytes, recording->size);
    recording_done(recording);
    *recording = changed;
}

/* Podcasts are joined from files of different encoders, each with its own tags. */
static void test_media_sync__finds_the_units_of_joined_files(void **state)
{
    (void)state;
    struct recording first = recording_make("a.mp3", 6, "-ar 44100 -b:a 96k");
    struct recording second = recording_make("b.mp3", 6, "-ar 44100 -ac 1 -q:a 5");
    set_original(&second);
    struct recording joined = join(&first, &second);
    struct decoded a = decode_whole(&first);
    struct decoded b = decode_whole(&second);
    struct decoded both = decode_whole(&joined);
    /* The second file's own tag frame counts: it is silent. */
    assert_in_range(both.count, a.count + b.count, a.count + b.count + 1152);

    struct media_extent extents[2] = {extent_of(&joined, 0, 16384),
                                      extent_of(&joined, first.size + 5000, joined.size)};
    struct decoded tail =
        decode_extents(&joined, extents, 2,
                       (struct media_decode_options){
                           .range = {first.size + 5000, joined.size, .resync_from = -1}});
    assert_int_equal(tail.status, MEDIA_READY);
    assert_true(tail.count > b.count / 2);
    decoded_done(&a);
    decoded_done(&b);
    decoded_done(&both);
    decoded_done(&tail);
    recording_done(&first);
    recording_done(&second);
    recording_done(&joined);
}

static struct media_report report_of(const struct recording *recording,
                                     const struct media_extent *extents, size_t count,
                                     struct media_range range)
{
    struct media_source *source = media_source_new(recording->size, extents, count);
    struct media_header header;
    struct media_need need;
    struct media_report report;
    struct err err;
    range.next_end = recording->size;
    assert_int_equal(media_header_read(source, &header, &need, &err), MEDIA_READY);
    assert_true(media_report_make(source, &header, &range, 100000, &report, &err));
    media_source_free(source);
    return report;
}

/* The first unit behind BORDER_BYTES. */
static int64_t border_unit(const struct recording *recording)
{
    struct view view = open_view(recording);
    int64_t unit = -1;
    assert_true(
        view.header.framer->sync(view.source, &view.header, BORDER_BYTES, recording->size, &unit));
    media_source_free(view.source);
    return unit;
}

/* Moves the border of two chunks over a unit's beginning, `step` bytes at a time. */
static void check_borders(const char *name, const char *encoding, int step, int incomplete_max)
{
    struct recording file = recording_make(name, 6, encoding);
    struct media_extent whole = extent_of(&file, 0, file.size);
    int64_t total =
        report_of(&file, &whole, 1, (struct media_range){0, file.size, .resync_from = -1}).samples;
    int incomplete = 0;
    int64_t first_border = border_unit(&file) - BORDERS / 2;
    for (int64_t border = first_border; border < first_border + BORDERS; border += step) {
        struct media_extent alone = extent_of(&file, 0, border);
        struct media_report first =
            report_of(&file, &alone, 1, (struct media_range){0, border, .resync_from = -1});
        struct media_extent with_previous[HEADER_EXTENTS_MAX + 1];
        size_t count = header_extents(&file, with_previous);
        with_previous[count] = extent_of(&file, border - 12000, file.size);
        struct media_report second =
            report_of(&file, with_previous, count + 1,
                      (struct media_range){border, file.size, .resync_from = -1});
        assert_true(second.spans_previous && second.reading_start < 0);
        assert_false(first.spans_next);
        int64_t sum = first.samples + second.samples;
        if (first.tail_complete) {
            assert_int_equal(first.next_byte, second.first_byte);
        } else {
            incomplete++;
            assert_int_equal(first.next_byte, second.border_byte);
            sum += second.border_samples;
        }
        assert_int_equal(sum, total);

        /* With the next chunk's beginning there, nothing is left open. */
        struct media_extent with_next = extent_of(&file, 0, border + 12000);
        struct media_report settled =
            report_of(&file, &with_next, 1, (struct media_range){0, border, .resync_from = -1});
        assert_true(settled.tail_complete && settled.spans_next);
        assert_int_equal(settled.next_byte, second.first_byte);
        assert_int_equal(settled.samples + second.samples, total);
    }
    assert_in_range(incomplete, 1, incomplete_max);
    recording_done(&file);
}

static void test_media_report__a_cut_tail_is_completed_by_the_next_chunk(void **state)
{
    (void)state;
    /* Only where fewer than four bytes of a header are there. */
    check_borders("border.mp3", "-ar 44100 -b:a 128k", 1, 12);
    check_borders("border.aac", "-ar 44100 -b:a 128k -aac_coder fast", 1, 24);
    /* A page says nothing until all of it is there. */
    check_borders("border.opus", "-c:a libopus -page_duration 100000", 1, BORDERS);
    /* A frame's end is known by the next one's header. */
    check_borders("border.flac", "-ar 16000 -ac 1 -c:a flac", 1, BORDERS);
    check_borders("border.mp4", "-ar 44100 -b:a 128k -aac_coder fast " FRAGMENTS, 13, BORDERS);
    check_borders("border.webm", "-c:a libopus -cluster_time_limit 500", 13, BORDERS);
    /* A cluster's head ends where something else is seen to begin. */
    check_borders("clusters.webm", "-c:a libopus -b:a 64k -cluster_time_limit 100", 3, BORDERS);
}

/* The last chunk is the rest of the last unit, which begins in the one before. */
static void check_rest(const char *name, const char *encoding)
{
    struct recording file = recording_make(name, 6, encoding);
    struct media_extent whole = extent_of(&file, 0, file.size);
    int64_t border = file.size - REST_BYTES;
    struct media_range range = {border, file.size, .resync_from = -1};
    struct media_report rest = report_of(&file, &whole, 1, range);
    assert_int_equal(rest.samples, 0);
    assert_true(rest.border_samples > 0 && media_report_has_reading(&rest));
    assert_true(rest.spans_previous && rest.reading_start <= -rest.border_samples);
    assert_int_equal(rest.reading_end, 0);

    struct media_extent extents[HEADER_EXTENTS_MAX + 1];
    size_t count = header_extents(&file, extents);
    extents[count] = extent_of(&file, border, file.size);
    struct media_report alone = report_of(&file, extents, count + 1, range);
    assert_int_equal(alone.samples, 0);
    assert_false(media_report_has_reading(&alone));
    recording_done(&file);
}

static void test_media_report__a_chunk_that_owns_nothing_reads_the_unit_on_its_border(void **state)
{
    (void)state;
    check_rest("rest.mp3", "-ar 44100 -b:a 128k");
    check_rest("rest.aac", "-ar 44100 -b:a 128k -aac_coder fast");
    check_rest("rest.opus", "-c:a libopus -page_duration 100000");
    check_rest("rest.flac", "-ar 16000 -ac 1 -c:a flac");
}

/* The index of fragments at a file's end (mfra): one chunk has its beginning, the last one nothing
 * else. */
static void test_media_report__an_index_at_the_end_belongs_to_no_fragment(void **state)
{
    (void)state;
    struct recording file = recording_make("index.mp4", 6, "-b:a 128k -aac_coder fast " FRAGMENTS);
    struct media_extent whole = extent_of(&file, 0, file.size);
    struct media_range all = {0, file.size, .resync_from = -1};
    int64_t border = file.size - REST_BYTES;
    struct media_extent most = extent_of(&file, 0, border);
    struct media_range before = {0, border, .resync_from = -1};
    struct media_report first = report_of(&file, &most, 1, before);
    assert_true(first.tail_complete);
    assert_int_equal(first.samples, report_of(&file, &whole, 1, all).samples);
    recording_done(&file);
}

static void test_media_report__resync_begins_where_it_is_told(void **state)
{
    (void)state;
    struct recording mp3 = recording_make("resync.mp3", 6, "-ar 44100 -b:a 128k");
    struct view view = open_view(&mp3);
    size_t count = 0;
    int64_t *units = all_units(&view, &count);
    int64_t unit = units[100];
    struct media_extent whole = extent_of(&mp3, 0, mp3.size);
    struct media_report plain =
        report_of(&mp3, &whole, 1, (struct media_range){unit + 1, mp3.size, .resync_from = -1});
    struct media_report told =
        report_of(&mp3, &whole, 1, (struct media_range){unit + 1, mp3.size, .resync_from = unit});
    assert_int_equal(plain.first_byte, units[101]);
    assert_int_equal(told.first_byte, unit);
    assert_int_equal(told.samples, plain.samples + 1152);
    assert_int_equal(told.reading_start, 0);
    assert_false(told.spans_previous);
    free(units);
    media_source_free(view.source);
    recording_done(&mp3);
}

/* Where units tell their time, what is lost stays where it was. */
static void test_media_report__damage_moves_nothing(void **state)
{
    (void)state;
    static const char *const FILES[][2] = {{"d.flac", "-ar 16000 -ac 1 -c:a flac"},
                                           {"d.opus", "-c:a libopus -page_duration 100000"},
                                           {"d.ogg", "-c:a libvorbis -page_duration 100000"}};
    for (size_t i = 0; i < ARRAY_LEN(FILES); i++) {
        struct recording file = recording_make(FILES[i][0], 6, FILES[i][1]);
        struct media_extent whole = {.length = file.size, .bytes = file.bytes};
        struct media_range range = {file.size * 2 / 3, file.size, .resync_from = -1};
        struct media_report intact = report_of(&file, &whole, 1, range);
        assert_true(intact.has_absolute_start);
        memset(file.bytes + file.size / 3, 0, 3000);
        struct media_report damaged = report_of(&file, &whole, 1, range);
        assert_int_equal(damaged.absolute_start, intact.absolute_start);
        assert_int_equal(damaged.samples, intact.samples);
        range.own_start = 0;
        struct media_report all = report_of(&file, &whole, 1, range);
        int64_t wanted = intact.absolute_start + intact.samples;
        assert_in_range(all.samples, wanted * 3 / 4, wanted - 1);
        recording_done(&file);
    }
}

static void test_media_report__chunks_without_audio_are_fine(void **state)
{
    (void)state;
    struct recording wav = recording_make("x.wav", 2, "-ar 8000 -c:a pcm_s16le");
    const int64_t audio_end = wav.size;
    uint8_t *bytes = mem_array(1, (size_t)wav.size + 5000);
    memcpy(bytes, wav.bytes, (size_t)wav.size); /* then a long chunk behind the data */
    struct recording longer = recording_from_bytes("longer.wav", bytes, wav.size + 5000);
    free(bytes);
    struct media_extent whole = extent_of(&longer, 0, longer.size);
    struct view view = open_view(&longer);
    int64_t audio_start = view.header.audio_start;
    media_source_free(view.source);

    struct media_report head =
        report_of(&longer, &whole, 1, (struct media_range){0, 20, .resync_from = -1});
    assert_int_equal(head.samples, 0);
    assert_int_equal(head.first_byte, audio_start);
    assert_int_equal(head.next_byte, audio_start);
    assert_false(head.spans_next);

    struct media_report last = report_of(
        &longer, &whole, 1, (struct media_range){audio_end, longer.size, .resync_from = -1});
    assert_int_equal(last.samples, 0);
    assert_int_equal(last.first_byte, audio_end);
    assert_int_equal(last.next_byte, audio_end);

    struct decoded decoded = decode_extents(
        &longer, &whole, 1,
        (struct media_decode_options){.range = {audio_end + 100, longer.size, .resync_from = -1}});
    assert_int_equal(decoded.status, MEDIA_READY);
    assert_int_equal(decoded.count, 0);
    assert_int_equal(decoded.starts, 1);
    decoded_done(&decoded);
    recording_done(&wav);
    recording_done(&longer);
}

static void test_media_report__tells_the_encoder_s_delay(void **state)
{
    (void)state;
    struct recording tagged = recording_make("t.mp3", 3, "-ar 44100 -b:a 128k");
    struct recording bare = recording_make("b.mp3", 3, "-ar 44100 -b:a 128k -write_xing 0");
    struct media_extent extent = extent_of(&tagged, 0, tagged.size);
    struct media_report report =
        report_of(&tagged, &extent, 1, (struct media_range){0, 20000, .resync_from = -1});
    assert_true(report.has_absolute_start);
    assert_int_equal(report.absolute_start, -(576 + 529));
    report = report_of(&tagged, &extent, 1, (struct media_range){20000, 40000, .resync_from = -1});
    assert_false(report.has_absolute_start);
    extent = extent_of(&bare, 0, bare.size);
    report = report_of(&bare, &extent, 1, (struct media_range){0, 20000, .resync_from = -1});
    assert_true(report.has_absolute_start);
    assert_int_equal(report.absolute_start, 0);
    recording_done(&tagged);
    recording_done(&bare);
}

static void test_media_report__refuses_a_range_that_is_not_there(void **state)
{
    (void)state;
    struct recording wav = recording_make("x.wav", 2, "-ar 8000 -c:a pcm_s16le");
    const struct media_range ranges[] = {{5000, 9001, -1, 0},
                                         {-1, 10, -1, 0},
                                         {10, 9, -1, 0},
                                         {0, wav.size + 1, -1, 0},
                                         {0, 100, wav.size, 0}};
    struct media_extent extents[2] = {extent_of(&wav, 0, 5000), extent_of(&wav, 5001, 9000)};
    for (size_t i = 0; i < ARRAY_LEN(ranges); i++) {
        struct decoded decoded =
            decode_extents(&wav, extents, 2, (struct media_decode_options){.range = ranges[i]});
        assert_int_equal(decoded.status, MEDIA_REFUSED);
        assert_int_equal(decoded.err.kind, ERR_REJECT);
    }
    recording_done(&wav);
}

/* Nobody would ever see all of it. */
static void test_media_report__refuses_a_unit_that_no_reading_holds(void **state)
{
    (void)state;
    struct recording file =
        recording_make("long.mp4", 6, "-b:a 128k -movflags +empty_moov -frag_duration 3000000");
    struct view view = open_view(&file);
    int64_t start = view.header.audio_start;
    const struct media_extent extents[1] = {extent_of(&file, 0, 20000)};
    struct media_report report;
    struct err err;
    media_source_free(view.source);
    struct media_source *source = media_source_new(file.size, extents, 1);
    struct media_range range = {0, start + 10000, -1, start + 20000};
    assert_false(media_report_make(source, &view.header, &range, 100, &report, &err));
    assert_int_equal(err.kind, ERR_REJECT);
    assert_non_null(strstr(err.message, "use larger chunks"));
    range.next_end = file.size; /* the next chunk need not be as small */
    assert_true(media_report_make(source, &view.header, &range, 100, &report, &err));
    assert_false(report.tail_complete);
    media_source_free(source);
    recording_done(&file);
}

/* A generator whose every run is the same. */
static uint32_t next_random(uint32_t *seed)
{
    *seed = *seed * 1664525u + 1013904223u;
    return *seed >> 8;
}

static void spoil(struct recording *recording, uint32_t *seed)
{
    uint32_t flips = 1 + next_random(seed) % 40;
    int64_t reach = next_random(seed) % 2 == 0 ? 200 : recording->size; /* often the header */
    for (uint32_t i = 0; i < flips; i++) {
        recording->bytes[next_random(seed) % (uint32_t)reach] = (uint8_t)next_random(seed);
    }
    if (next_random(seed) % 4 == 0) {
        recording->size = 1 + next_random(seed) % (uint32_t)recording->size;
    }
}

static void decode_spoilt(const struct recording *recording, uint32_t *seed)
{
    int64_t start = next_random(seed) % (uint32_t)recording->size;
    int64_t end = start + next_random(seed) % (uint32_t)(recording->size - start + 1);
    const struct media_extent extents[2] = {
        {.length = recording->size < 4096 ? recording->size : 4096, .bytes = recording->bytes},
        {.offset = start, .length = end - start, .bytes = recording->bytes + start}};
    struct decoded decoded =
        decode_extents(recording, extents, 2,
                       (struct media_decode_options){.range = {start, end, .resync_from = -1},
                                                     .max_seconds = 60,
                                                     .pcm_rate = MEDIA_PCM_RATE});
    const struct media_report *report = &decoded.result.report;
    if (decoded.status == MEDIA_READY) {
        assert_true(report->samples >= 0 && report->reading_start <= 0);
        assert_true(report->reading_end >= report->samples || report->samples == 0);
        int64_t length = report->reading_end - report->reading_start;
        assert_true(length / report->sample_rate <= 60);
        assert_int_equal(decoded.count,
                         (length * MEDIA_PCM_RATE + report->sample_rate - 1) / report->sample_rate);
    }
    decoded_done(&decoded);
}

static void test_media_decode__survives_hostile_bytes(void **state)
{
    (void)state;
    static const char *const FILES[][2] = {{"h.wav", "-ar 22050 -c:a pcm_s24le"},
                                           {"h2.wav", "-ar 16000 -c:a pcm_s16le -rf64 always"},
                                           {"h.mp3", "-ar 44100 -q:a 5"},
                                           {"h2.mp3", "-ar 22050 -ac 1 -b:a 24k"},
                                           {"h.aac", "-ar 22050 -b:a 48k -aac_coder fast"},
                                           {"h.opus", "-c:a libopus -page_duration 100000"},
                                           {"h.ogg", "-c:a libvorbis -page_duration 100000"},
                                           {"h.flac", "-ar 22050 -sample_fmt s16 -c:a flac"},
                                           {"h.m4a", "-ar 22050 -b:a 48k -aac_coder fast"},
                                           {"h2.m4a", "-ar 22050 -c:a alac"},
                                           {"h.mov", "-ar 22050 -c:a pcm_s16be"},
                                           {"h.mp4", "-ar 16000 -aac_coder fast " FRAGMENTS},
                                           {"h.webm", "-c:a libopus -live 1"},
                                           {"h.mkv", "-ar 22050 -c:a libvorbis"}};
    uint32_t seed = 1;
    for (size_t i = 0; i < ARRAY_LEN(FILES); i++) {
        struct recording good = recording_make(FILES[i][0], 2, FILES[i][1]);
        for (int round = 0; round < 140; round++) {
            struct recording bad = recording_from_bytes("bad", good.bytes, good.size);
            spoil(&bad, &seed);
            decode_spoilt(&bad, &seed);
            recording_done(&bad);
        }
        recording_done(&good);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_media_sync__is_the_same_from_every_byte),
        cmocka_unit_test(test_media_sync__finds_the_units_of_joined_files),
        cmocka_unit_test(test_media_report__a_cut_tail_is_completed_by_the_next_chunk),
        cmocka_unit_test(test_media_report__a_chunk_that_owns_nothing_reads_the_unit_on_its_border),
        cmocka_unit_test(test_media_report__an_index_at_the_end_belongs_to_no_fragment),
        cmocka_unit_test(test_media_report__resync_begins_where_it_is_told),
        cmocka_unit_test(test_media_report__damage_moves_nothing),
        cmocka_unit_test(test_media_report__chunks_without_audio_are_fine),
        cmocka_unit_test(test_media_report__tells_the_encoder_s_delay),
        cmocka_unit_test(test_media_report__refuses_a_range_that_is_not_there),
        cmocka_unit_test(test_media_report__refuses_a_unit_that_no_reading_holds),
        cmocka_unit_test(test_media_decode__survives_hostile_bytes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
