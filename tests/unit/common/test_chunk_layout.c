/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "common/chunk_layout.h"

#define JOB "11111111-2222-4333-8444-abcdefabcdef"

static void test_chunk_layout__counts(void **state UNUSED)
{
    static const struct {
        int64_t total_size, chunk_size_bytes;
        int32_t total_chunks;
        int64_t last_size;
    } ROWS[] = {
        {1, 1, 1, 1},
        {1, 100, 1, 1},
        {100, 100, 1, 100},
        {101, 100, 2, 1},
        {200, 100, 2, 100},
        {999, 100, 10, 99},
        {INT64_MAX, INT64_MAX, 1, INT64_MAX},
        {INT64_C(1) << 40, INT64_C(1) << 30, 1024, INT64_C(1) << 30},
    };

    for (size_t i = 0; i < ARRAY_LEN(ROWS); i++) {
        struct chunk_layout layout =
            chunk_layout_of(ROWS[i].total_size, ROWS[i].chunk_size_bytes, ROWS[i].chunk_size_bytes);
        assert_int_equal(layout.total_chunks, ROWS[i].total_chunks);
        assert_true(chunk_layout_size(&layout, layout.total_chunks - 1) == ROWS[i].last_size);
    }
}

/* Ranges follow each other, none is empty, they cover the file, and chunk_at agrees; sizes grow up
 * to the regular one, but for the last. */
static void check_tiles(const struct chunk_layout *layout)
{
    int64_t byte = 0;
    int64_t size_before = 0;

    for (int32_t i = 0; i < layout->total_chunks; i++) {
        struct chunk_range range = chunk_layout_range(layout, i);
        int64_t size = chunk_layout_size(layout, i);
        assert_true(range.start == byte && range.end > byte && size == range.end - range.start);
        assert_true(size <= layout->chunk_size_bytes);
        if (i < layout->total_chunks - 1) {
            int64_t doubled = i == 0 ? layout->first_chunk_bytes : 2 * size_before;
            assert_true(size ==
                        (doubled < layout->chunk_size_bytes ? doubled : layout->chunk_size_bytes));
        }
        size_before = size;
        for (; byte < range.end; byte++)
            assert_int_equal(chunk_layout_chunk_at(layout, byte), i);
    }
    assert_true(byte == layout->total_size);
}

static void test_chunk_layout__ranges_tile_the_file(void **state UNUSED)
{
    for (int64_t total = 1; total <= 60; total++)
        for (int64_t size = 1; size <= 61; size++) {
            struct chunk_layout layout = chunk_layout_of(total, size, size);
            assert_int_equal(layout.total_chunks, (total - 1) / size + 1);
            check_tiles(&layout);
        }
}

static void test_chunk_layout__a_ramp_tiles_the_file(void **state UNUSED)
{
    for (int64_t total = 1; total <= 90; total++)
        for (int64_t size = 1; size <= 40; size++)
            for (int64_t first = 1; first <= size; first++) {
                struct chunk_layout layout = chunk_layout_of(total, size, first);
                check_tiles(&layout);
            }
}

static void test_chunk_layout__a_ramp_doubles(void **state UNUSED)
{
    static const int64_t ENDS[] = {3, 9, 21, 41, 61, 70};
    struct chunk_layout layout = chunk_layout_of(70, 20, 3);

    assert_int_equal(layout.total_chunks, ARRAY_LEN(ENDS));
    for (int32_t k = 0; k < layout.total_chunks; k++)
        assert_int_equal(chunk_layout_range(&layout, k).end, ENDS[k]);
}

static void test_chunk_layout__keys_round_trip(void **state UNUSED)
{
    static const struct {
        int32_t chunk_index;
        const char *extension, *key;
    } ROWS[] = {
        {0, "wav", "uploads/" JOB "/chunk.0.wav"},
        {10, "mp3", "uploads/" JOB "/chunk.10.mp3"},
        {9999, "webm2", "uploads/" JOB "/chunk.9999.webm2"},
    };

    for (size_t i = 0; i < ARRAY_LEN(ROWS); i++) {
        char key[CHUNK_KEY_SIZE];
        struct id job;
        int32_t chunk_index;
        const char *extension;

        chunk_object_key(JOB, ROWS[i].chunk_index, ROWS[i].extension, key);
        assert_string_equal(key, ROWS[i].key);
        assert_true(chunk_object_key_parse(key, &job, &chunk_index, &extension));
        assert_string_equal(job.text, JOB);
        assert_int_equal(chunk_index, ROWS[i].chunk_index);
        assert_string_equal(extension, ROWS[i].extension);
    }
}

static void test_chunk_layout__foreign_keys_are_refused(void **state UNUSED)
{
    static const char *const BAD[] = {
        "",
        "uploads/",
        "/uploads/" JOB "/chunk.0.wav",
        "uploads/../" JOB "/chunk.0.wav",
        "uploads/11111111-2222-4333-8444-ABCDEFABCDEF/chunk.0.wav",
        "uploads/11111111-2222-4333-8444-abcdefabcde/chunk.0.wav",
        "uploads/" JOB,
        "uploads/" JOB "/chunk.",
        "uploads/" JOB "/chunk..wav",
        "uploads/" JOB "/chunk.0",
        "uploads/" JOB "/chunk.0.",
        "uploads/" JOB "/chunk.00.wav",
        "uploads/" JOB "/chunk.01.wav",
        "uploads/" JOB "/chunk.-1.wav",
        "uploads/" JOB "/chunk.+1.wav",
        "uploads/" JOB "/chunk. 1.wav",
        "uploads/" JOB "/chunk.10000.wav",
        "uploads/" JOB "/chunk.99999999999999999999.wav",
        "uploads/" JOB "/chunk.0.WAV",
        "uploads/" JOB "/chunk.0.toolong",
        "uploads/" JOB "/chunk.0.wav/",
        "uploads/" JOB "/chunk.0.wav/../x",
        "uploads/" JOB "/chunk.0.w.v",
        "uploads/" JOB "/chunk.0.wav\n",
        "uploads/" JOB "//chunk.0.wav",
        "uploads/" JOB "/.chunk.0.wav",
    };
    struct id job;
    int32_t chunk_index;
    const char *extension;

    for (size_t i = 0; i < ARRAY_LEN(BAD); i++)
        assert_false(chunk_object_key_parse(BAD[i], &job, &chunk_index, &extension));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_chunk_layout__counts),
        cmocka_unit_test(test_chunk_layout__ranges_tile_the_file),
        cmocka_unit_test(test_chunk_layout__a_ramp_tiles_the_file),
        cmocka_unit_test(test_chunk_layout__a_ramp_doubles),
        cmocka_unit_test(test_chunk_layout__keys_round_trip),
        cmocka_unit_test(test_chunk_layout__foreign_keys_are_refused),
    };
    return cmocka_run_group_tests_name("chunk_layout", tests, NULL, NULL);
}
