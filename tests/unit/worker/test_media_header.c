/* SPDX-License-Identifier: Apache-2.0 */

/* What headers say, from bytes made by hand. */

#include "tests/unit/worker/media_fixture.h"
#include "worker/media_mpeg.h"

#define FILE_BYTES_MAX 20000

struct file {
    uint8_t bytes[FILE_BYTES_MAX];
    size_t length;
};

static void add(struct file *file, const void *bytes, size_t length)
{
    assert_true(file->length + length <= sizeof(file->bytes));
    memcpy(file->bytes + file->length, bytes, length);
    file->length += length;
}

static void add_le(struct file *file, uint64_t value, size_t bytes)
{
    for (size_t i = 0; i < bytes; i++) {
        const uint8_t byte = (uint8_t)(value >> (8 * i));
        add(file, &byte, 1);
    }
}

static void add_zeros(struct file *file, size_t count)
{
    static const uint8_t ZEROS[FILE_BYTES_MAX];
    add(file, ZEROS, count);
}

struct fmt {
    uint16_t tag;
    uint16_t channels;
    uint32_t rate;
    uint16_t block_align;
    uint16_t bits;
    uint16_t extensible_tag; /* 0: a plain format */
};

static void add_fmt(struct file *file, struct fmt fmt)
{
    add(file, "fmt ", 4);
    add_le(file, fmt.extensible_tag != 0 ? 40 : 16, 4);
    add_le(file, fmt.extensible_tag != 0 ? 0xFFFE : fmt.tag, 2);
    add_le(file, fmt.channels, 2);
    add_le(file, fmt.rate, 4);
    add_le(file, (uint64_t)fmt.rate * fmt.block_align, 4);
    add_le(file, fmt.block_align, 2);
    add_le(file, fmt.bits, 2);
    if (fmt.extensible_tag != 0) {
        add_le(file, 22, 2);
        add_le(file, fmt.bits, 2);
        add_le(file, 0, 4);
        add_le(file, fmt.extensible_tag, 2);
        add(file, "\x00\x00\x00\x00\x10\x00\x80\x00\x00\xaa\x00\x38\x9b\x71", 14);
    }
}

static void begin_wav(struct file *file, const char *riff)
{
    file->length = 0;
    add(file, riff, 4);
    add_le(file, 0xFFFFFFFF, 4);
    add(file, "WAVE", 4);
}

static void add_data(struct file *file, uint32_t stated, size_t there)
{
    add(file, "data", 4);
    add_le(file, stated, 4);
    add_zeros(file, there);
}

static struct media_extent file_extent(const struct file *file, size_t length)
{
    return (struct media_extent){.length = (int64_t)length, .bytes = file->bytes};
}

static enum media_status read_file(const struct file *file, struct media_header *ret_header,
                                   struct err *err)
{
    struct media_need need;
    struct media_extent extent = file_extent(file, file->length);
    struct media_source *source = media_source_new((int64_t)file->length, &extent, 1);
    enum media_status status = media_header_read(source, ret_header, &need, err);
    media_source_free(source);
    return status;
}

static const struct fmt STEREO = {
    .tag = 1, .channels = 2, .rate = 44100, .block_align = 4, .bits = 16};

static void test_media_header__knows_the_codecs_of_wav(void **state)
{
    (void)state;
    static const struct {
        struct fmt fmt;
        const char *codec; /* NULL: refused */
    } CASES[] = {
        {{1, 1, 8000, 1, 8, 0}, "pcm_u8"},      {{1, 2, 8000, 4, 16, 0}, "pcm_s16le"},
        {{1, 1, 48000, 3, 24, 0}, "pcm_s24le"}, {{1, 8, 384000, 32, 32, 0}, "pcm_s32le"},
        {{3, 2, 48000, 8, 32, 0}, "pcm_f32le"}, {{3, 1, 48000, 8, 64, 0}, "pcm_f64le"},
        {{6, 1, 8000, 1, 8, 0}, "pcm_alaw"},    {{7, 1, 8000, 1, 8, 0}, "pcm_mulaw"},
        {{0, 2, 48000, 6, 24, 1}, "pcm_s24le"}, {{0, 1, 48000, 4, 32, 3}, "pcm_f32le"},
        {{1, 1, 4000, 2, 16, 0}, "pcm_s16le"},  {{1, 1, 3999, 2, 16, 0}, NULL},
        {{1, 1, 384001, 2, 16, 0}, NULL},       {{1, 1, 0, 2, 16, 0}, NULL},
        {{1, 1, 0xFFFFFFFF, 2, 16, 0}, NULL},   {{1, 9, 48000, 18, 16, 0}, NULL},
        {{1, 0, 48000, 4, 16, 0}, NULL},        {{1, 2, 48000, 0, 16, 0}, NULL},
        {{1, 2, 48000, 5, 16, 0}, NULL},        {{1, 1, 48000, 8, 64, 0}, NULL},
        {{2, 1, 48000, 1, 4, 0}, NULL},         {{0x11, 1, 48000, 1, 4, 0}, NULL},
        {{0x55, 2, 48000, 2, 0, 0}, NULL},
    };
    for (size_t i = 0; i < ARRAY_LEN(CASES); i++) {
        struct file file;
        struct media_header header;
        struct err err;
        begin_wav(&file, "RIFF");
        add_fmt(&file, CASES[i].fmt);
        add_data(&file, 1000, 1000);
        enum media_status status = read_file(&file, &header, &err);
        if (CASES[i].codec == NULL) {
            assert_int_equal(status, MEDIA_REFUSED);
            assert_int_equal(err.kind, ERR_REJECT);
            continue;
        }
        assert_int_equal(status, MEDIA_READY);
        assert_string_equal(header.codec, CASES[i].codec);
        assert_int_equal(header.bytes_per_second, CASES[i].fmt.rate * CASES[i].fmt.block_align);
        assert_true(header.has_fixed_units);
    }
}

static void test_media_header__finds_where_wav_data_ends(void **state)
{
    (void)state;
    static const struct {
        const char *riff;
        uint32_t stated;
        uint64_t long_size; /* of ds64; 0: no such chunk */
        int64_t length;     /* found, of 1003 bytes that are there */
    } CASES[] = {
        {"RIFF", 800, 0, 800},          {"RIFF", 0, 0, 1000},
        {"RIFF", 0xFFFFFFFF, 0, 1000},  {"RIFF", 803, 0, 800},
        {"RIFF", 1004, 0, 1000},        {"RF64", 0xFFFFFFFF, 600, 600},
        {"BW64", 0xFFFFFFFF, 600, 600}, {"RF64", 0xFFFFFFFF, UINT64_MAX, 1000},
        {"RF64", 400, 600, 400},
    };
    for (size_t i = 0; i < ARRAY_LEN(CASES); i++) {
        struct file file;
        struct media_header header;
        struct err err;
        begin_wav(&file, CASES[i].riff);
        if (CASES[i].long_size != 0) {
            add(&file, "ds64", 4);
            add_le(&file, 28, 4);
            add_le(&file, 0, 8);
            add_le(&file, CASES[i].long_size, 8);
            add_zeros(&file, 12);
        }
        add(&file, "LIST\x03\x00\x00\x00zzz", 12); /* odd: one byte of padding */
        add_fmt(&file, STEREO);
        size_t start = file.length + 8;
        add_data(&file, CASES[i].stated, 1003);
        assert_int_equal(read_file(&file, &header, &err), MEDIA_READY);
        assert_int_equal(header.audio_start, start);
        assert_int_equal(header.audio_end - header.audio_start, CASES[i].length);
    }
}

static void test_media_header__refuses_damaged_wav(void **state)
{
    (void)state;
    struct file file;
    struct media_header header;
    struct err err;
    begin_wav(&file, "RIFF");
    add_data(&file, 100, 100);
    assert_int_equal(read_file(&file, &header, &err), MEDIA_REFUSED);
    assert_non_null(strstr(err.message, "before its format"));

    begin_wav(&file, "RIFF");
    add_fmt(&file, STEREO);
    assert_int_equal(read_file(&file, &header, &err), MEDIA_REFUSED);
    assert_non_null(strstr(err.message, "no data chunk"));

    begin_wav(&file, "RIFF");
    add(&file, "fmt \x0e\x00\x00\x00", 8);
    add_zeros(&file, 100);
    assert_int_equal(read_file(&file, &header, &err), MEDIA_REFUSED);
    assert_non_null(strstr(err.message, "too short"));
}

static void test_media_header__refuses_other_formats_by_name(void **state)
{
    (void)state;
    static const struct {
        const char *bytes;
        size_t length;
        const char *message;
    } CASES[] = {
        {"FORM\0\0\0\0AIFF", 12, "AIFF is not supported"},
        {"FORM\0\0\0\0AIFC", 12, "AIFF is not supported"},
        {"fLaC", 4, "the FLAC header is damaged"},
        {"OggS", 4, "the Ogg header is damaged"},
        {"\x1a\x45\xdf\xa3", 4, "the WebM or Matroska header is damaged"},
        {"\0\0\0\x0c"
         "ftypM4A ",
         12, "its index (moov) is missing"},
        {"caff", 4, "CAF is not supported"},
        {"#!AMR\n", 6, "AMR is not supported"},
        {"\xff\xf1\x50\x80\x24\x3f\xfc", 7, "AAC (ADTS) frames are damaged"},
        {"%PDF-1.7", 8, "PDF is not supported"},
        {"hello, world", 12, "not audio in a supported format"},
    };
    for (size_t i = 0; i < ARRAY_LEN(CASES); i++) {
        struct file file = {.length = 0};
        struct media_header header;
        struct err err;
        add(&file, CASES[i].bytes, CASES[i].length);
        add_zeros(&file, 300);
        assert_int_equal(read_file(&file, &header, &err), MEDIA_REFUSED);
        assert_int_equal(err.kind, ERR_REJECT);
        if (strstr(err.message, CASES[i].message) == NULL) {
            fail_msg("%s", err.message);
        }
    }
    struct file empty = {.length = 3};
    struct media_header header;
    struct err err;
    assert_int_equal(read_file(&empty, &header, &err), MEDIA_REFUSED);
}

/* However few bytes are there at first, following what is asked for leads to the same header. */
static void test_media_header__asks_for_what_it_needs(void **state)
{
    (void)state;
    struct file file;
    begin_wav(&file, "RIFF");
    add(&file, "JUNK\x58\x1b\x00\x00", 8);
    add_zeros(&file, 7000);
    add_fmt(&file, STEREO);
    add_data(&file, 4000, 4000);
    struct media_header wanted;
    struct err err;
    assert_int_equal(read_file(&file, &wanted, &err), MEDIA_READY);
    for (size_t first = 1; first <= file.length; first += 7) {
        struct media_extent extents[8];
        extents[0] = file_extent(&file, first);
        size_t count = 1;
        struct media_header header;
        struct media_need need;
        for (;;) {
            struct media_source *source = media_source_new((int64_t)file.length, extents, count);
            enum media_status status = media_header_read(source, &header, &need, &err);
            int64_t there = media_source_available_end(source, need.start);
            media_source_free(source);
            if (status == MEDIA_READY) {
                break;
            }
            assert_int_equal(status, MEDIA_NEED);
            assert_true(there == need.start && need.start < need.end);
            assert_true(need.end <= (int64_t)file.length && count < ARRAY_LEN(extents));
            extents[count++] = (struct media_extent){.offset = need.start,
                                                     .length = need.end - need.start,
                                                     .bytes = file.bytes + need.start};
        }
        assert_int_equal(header.audio_start, wanted.audio_start);
        assert_int_equal(header.audio_end, wanted.audio_end);
    }
}

static void test_media_header__passes_over_a_large_cover(void **state)
{
    (void)state;
    static const uint8_t HEAD[64] = {'I', 'D', '3', 3, 0, 0, 1, 0x37, 0x1b, 0x00};
    const int64_t tag_bytes = 10 + (1 << 21 | 0x37 << 14 | 0x1b << 7);
    struct media_extent extent = {.length = sizeof(HEAD), .bytes = HEAD};
    struct media_source *source = media_source_new(10000000, &extent, 1);
    struct media_header header;
    struct media_need need;
    struct err err;
    assert_int_equal(media_header_read(source, &header, &need, &err), MEDIA_NEED);
    assert_int_equal(need.start, tag_bytes);
    assert_true(need.end - need.start < 65536);
    media_source_free(source);

    source = media_source_new(tag_bytes - 1, &extent, 1);
    assert_int_equal(media_header_read(source, &header, &need, &err), MEDIA_REFUSED);
    media_source_free(source);
}

static void test_media_header__overlap_follows_the_byte_rate(void **state)
{
    (void)state;
    const struct media_header header = {
        .bytes_per_second = 16000, .preroll_bytes = 4096, .largest_unit_bytes = 1441};
    assert_int_equal(media_header_overlap_bytes(&header, 6000), 96000 + 4096 + 1441);
}

static void test_media_mpeg__parses_headers(void **state)
{
    (void)state;
    static const struct {
        uint8_t bytes[4];
        int32_t length; /* 0: refused */
        int32_t samples;
        int32_t sample_rate;
        int32_t channels;
        int32_t bit_rate;
    } CASES[] = {
        {{0xFF, 0xFB, 0x90, 0x64}, 417, 1152, 44100, 2, 128000},
        {{0xFF, 0xFB, 0x92, 0x64}, 418, 1152, 44100, 2, 128000},
        {{0xFF, 0xFB, 0xE4, 0xC4}, 960, 1152, 48000, 1, 320000},
        {{0xFF, 0xF3, 0x84, 0xC4}, 192, 576, 24000, 1, 64000},
        {{0xFF, 0xE3, 0x18, 0xC4}, 72, 576, 8000, 1, 8000},
        {{0xFF, 0xE3, 0xE8, 0x00}, 1440, 576, 8000, 2, 160000},
        {{0xFF, 0xFD, 0x90, 0x64}, 0, 0, 0, 0, 0}, /* layer II */
        {{0xFF, 0xEB, 0x90, 0x64}, 0, 0, 0, 0, 0}, /* reserved version */
        {{0xFF, 0xFB, 0x00, 0x64}, 0, 0, 0, 0, 0}, /* free format */
        {{0xFF, 0xFB, 0xF0, 0x64}, 0, 0, 0, 0, 0},
        {{0xFF, 0xFB, 0x9C, 0x64}, 0, 0, 0, 0, 0},
        {{0xFF, 0xDB, 0x90, 0x64}, 0, 0, 0, 0, 0},
    };
    for (size_t i = 0; i < ARRAY_LEN(CASES); i++) {
        struct mpeg_frame frame;
        bool is_frame = mpeg_frame_parse(CASES[i].bytes, &frame);
        assert_int_equal(is_frame, CASES[i].length != 0);
        if (is_frame) {
            assert_int_equal(frame.length, CASES[i].length);
            assert_int_equal(frame.samples, CASES[i].samples);
            assert_int_equal(frame.sample_rate, CASES[i].sample_rate);
            assert_int_equal(frame.channels, CASES[i].channels);
            assert_int_equal(frame.bit_rate, CASES[i].bit_rate);
            assert_true(frame.length <= MPEG_FRAME_BYTES_MAX);
        }
    }
}

static void test_media_mpeg__reads_tag_frames(void **state)
{
    (void)state;
    uint8_t bytes[417] = {0xFF, 0xFB, 0x90, 0x64};
    struct mpeg_frame frame;
    struct mpeg_tag tag;
    assert_true(mpeg_frame_parse(bytes, &frame));
    assert_false(mpeg_tag_parse(&frame, bytes, sizeof(bytes), &tag));

    memcpy(bytes + 36, "Xing\0\0\0\x0f\0\0\x10\0\0\0\x20\0", 16);
    assert_true(mpeg_tag_parse(&frame, bytes, sizeof(bytes), &tag));
    assert_int_equal(tag.frames, 0x1000);
    assert_int_equal(tag.bytes, 0x2000);
    assert_int_equal(tag.encoder_delay, -1);
    memcpy(bytes + 36 + 16 + 100 + 4, "LAME3.100", 9);
    memcpy(bytes + 36 + 16 + 100 + 4 + 21, "\x24\x05\x6c", 3);
    assert_true(mpeg_tag_parse(&frame, bytes, sizeof(bytes), &tag));
    assert_int_equal(tag.encoder_delay, 576);

    memset(bytes + 4, 0, sizeof(bytes) - 4);
    memcpy(bytes + 36, "VBRI\0\1\0\0\0\0\0\0\x30\0\0\0\x01\0", 18);
    assert_true(mpeg_tag_parse(&frame, bytes, sizeof(bytes), &tag));
    assert_int_equal(tag.bytes, 0x3000);
    assert_int_equal(tag.frames, 0x100);
    for (size_t length = 0; length < sizeof(bytes); length++) {
        uint8_t *some = (uint8_t *)mem_copy(bytes, length); /* ASan sees reads beyond it */
        assert_int_equal(mpeg_tag_parse(&frame, some, length, &tag), length >= 36 + 18);
        free(some);
    }
}

/* Frames as an encoder pads them: of one length, every third a byte longer. */
static void add_free_format(struct file *file, int frames, size_t frame_bytes)
{
    for (int i = 0; i < frames; i++) {
        const uint8_t header[4] = {0xFF, 0xFB, i % 3 == 2 ? 2 : 0, 0x64};
        add(file, header, sizeof(header));
        add_zeros(file, frame_bytes - sizeof(header) + (i % 3 == 2 ? 1 : 0));
    }
}

static void test_media_header__refuses_mp3_of_free_format_by_name(void **state)
{
    (void)state;
    static const struct {
        int frames;
        size_t frame_bytes;
        size_t junk_bytes; /* in front */
        bool is_free_format;
    } CASES[] = {
        {12, 500, 0, true},  {12, 500, 3000, true}, {4, 1000, 0, true},
        {3, 5760, 0, false}, {3, 500, 0, false},    {4, 4500, 0, true},
    };
    for (size_t i = 0; i < ARRAY_LEN(CASES); i++) {
        struct file file = {.length = 0};
        struct media_header header;
        struct err err;
        add_zeros(&file, CASES[i].junk_bytes);
        add_free_format(&file, CASES[i].frames, CASES[i].frame_bytes);
        assert_int_equal(read_file(&file, &header, &err), MEDIA_REFUSED);
        assert_int_equal(err.kind, ERR_REJECT);
        bool is_named = strstr(err.message, "free-format MP3 is not supported") != NULL;
        assert_int_equal(is_named, CASES[i].is_free_format);
    }

    struct file uneven = {.length = 0}; /* headers that only happen to be there */
    struct media_header header;
    struct err err;
    for (size_t i = 0; i < 8; i++) {
        add_free_format(&uneven, 1, 400 + 7 * i);
    }
    assert_int_equal(read_file(&uneven, &header, &err), MEDIA_REFUSED);
    assert_non_null(strstr(err.message, "no MP3 frames found"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_media_header__knows_the_codecs_of_wav),
        cmocka_unit_test(test_media_header__finds_where_wav_data_ends),
        cmocka_unit_test(test_media_header__refuses_damaged_wav),
        cmocka_unit_test(test_media_header__refuses_other_formats_by_name),
        cmocka_unit_test(test_media_header__asks_for_what_it_needs),
        cmocka_unit_test(test_media_header__passes_over_a_large_cover),
        cmocka_unit_test(test_media_header__overlap_follows_the_byte_rate),
        cmocka_unit_test(test_media_header__refuses_mp3_of_free_format_by_name),
        cmocka_unit_test(test_media_mpeg__parses_headers),
        cmocka_unit_test(test_media_mpeg__reads_tag_frames),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
