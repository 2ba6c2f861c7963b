/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Besides the single rules, a simulation of what the hub does: events are committed to a "database"
 * one after the other, reach the cursor late, doubled, out of order or never, while readers come at
 * any moment with any Last-Event-ID and read pages of the database. Whatever happens, each reader
 * gets every event from its place on, ids going up by exactly 1.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/attrs.h"
#include "common/mem.h"
#include "gateway/stream_cursor.h"

static size_t items_alive;

static void *item_new(uint64_t seq)
{
    uint64_t *item = mem_new(sizeof *item);
    *item = seq;
    items_alive++;
    return item;
}

static void item_free(void *item)
{
    free(item);
    items_alive--;
}

static uint64_t take(struct stream_cursor *cursor)
{
    uint64_t seq = 0;
    uint64_t *item = stream_cursor_take(cursor, &seq);

    if (item == NULL)
        return 0;
    assert_int_equal(*item, seq);
    item_free(item);
    return seq;
}

static void offer(struct stream_cursor *cursor, uint64_t seq)
{
    stream_cursor_offer(cursor, seq, item_new(seq), 100);
}

static void test_stream_cursor__holds_everything_until_its_start_is_known(void **state)
{
    (void)state;
    struct stream_cursor cursor;
    stream_cursor_init(&cursor, item_free);

    offer(&cursor, 8);
    offer(&cursor, 7);
    offer(&cursor, 6);
    assert_int_equal(take(&cursor), 0);
    assert_false(stream_cursor_has_gap(&cursor));
    stream_cursor_note(&cursor, 6);
    assert_int_equal(take(&cursor), 7);
    assert_int_equal(take(&cursor), 8);
    assert_int_equal(take(&cursor), 0);
    assert_false(stream_cursor_has_gap(&cursor));
    stream_cursor_done(&cursor);
    assert_int_equal(items_alive, 0);
}

static void test_stream_cursor__a_hole_stops_and_a_filler_frees(void **state)
{
    (void)state;
    struct stream_cursor cursor;
    stream_cursor_init(&cursor, item_free);

    stream_cursor_note(&cursor, 0);
    offer(&cursor, 3);
    offer(&cursor, 2);
    offer(&cursor, 3);
    assert_int_equal(take(&cursor), 0);
    assert_true(stream_cursor_has_gap(&cursor));
    offer(&cursor, 1);
    assert_int_equal(take(&cursor), 1);
    assert_int_equal(take(&cursor), 2);
    offer(&cursor, 2);
    assert_int_equal(take(&cursor), 3);
    assert_int_equal(take(&cursor), 0);
    assert_false(stream_cursor_has_gap(&cursor));
    stream_cursor_done(&cursor);
    assert_int_equal(items_alive, 0);
}

static void test_stream_cursor__the_database_knows_of_what_never_came(void **state)
{
    (void)state;
    struct stream_cursor cursor;
    stream_cursor_init(&cursor, item_free);

    stream_cursor_note(&cursor, 4);
    assert_false(stream_cursor_has_gap(&cursor));
    stream_cursor_note(&cursor, 5);
    assert_true(stream_cursor_has_gap(&cursor));
    assert_int_equal(take(&cursor), 0);
    stream_cursor_done(&cursor);
}

static void test_stream_cursor__holds_a_bounded_number_the_nearest_ones(void **state)
{
    (void)state;
    struct stream_cursor cursor;
    stream_cursor_init(&cursor, item_free);

    stream_cursor_note(&cursor, 0);
    for (uint64_t seq = 1000; seq > 1; seq--)
        offer(&cursor, seq);
    assert_int_equal(cursor.held_count, STREAM_HELD_MAX);
    assert_int_equal(items_alive, STREAM_HELD_MAX);
    offer(&cursor, 1);
    for (uint64_t seq = 1; seq <= STREAM_HELD_MAX; seq++)
        assert_int_equal(take(&cursor), seq);
    assert_true(stream_cursor_has_gap(&cursor));
    stream_cursor_done(&cursor);
    assert_int_equal(items_alive, 0);
}

static void test_stream_cursor__holds_a_bounded_number_of_bytes(void **state)
{
    (void)state;
    struct stream_cursor cursor;
    stream_cursor_init(&cursor, item_free);

    stream_cursor_note(&cursor, 0);
    for (uint64_t seq = 2; seq < 40; seq++)
        stream_cursor_offer(&cursor, seq, item_new(seq), 128 * 1024);
    assert_int_equal(cursor.held_bytes, STREAM_HELD_BYTES);
    stream_cursor_done(&cursor);
    assert_int_equal(items_alive, 0);
}

static const struct {
    uint64_t last_id;
    uint64_t last_seq;
    uint64_t next;
} PLACES[] = {
    {0, 9, 1}, {1, 9, 2}, {8, 9, 9}, {9, 9, 10}, {10, 9, 1}, {UINT64_MAX, 9, 1},
};

static void test_stream_place__an_impossible_id_starts_over(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(PLACES); i++) {
        struct stream_place place = stream_place_after(PLACES[i].last_id, PLACES[i].last_seq);
        assert_int_equal(place.next, PLACES[i].next);
    }
}

/* --- the simulation --- */

#define READERS 6
#define EVENTS 400
#define PAGE 7

struct reader {
    bool is_there;
    struct stream_place place;
    uint64_t got; /* the last id */
};

struct world {
    unsigned seed;
    uint64_t committed;
    uint64_t in_flight[64]; /* on their way through Kafka */
    size_t in_flight_count;
    struct stream_cursor cursor;
    struct reader readers[READERS];
};

static unsigned dice(struct world *world, unsigned sides)
{
    return (unsigned)rand_r(&world->seed) % sides;
}

static void got(struct reader *reader, uint64_t seq)
{
    assert_int_equal(seq, reader->got + 1);
    reader->got = seq;
}

static void deliver(struct world *world)
{
    for (uint64_t seq = take(&world->cursor); seq != 0; seq = take(&world->cursor)) {
        for (size_t i = 0; i < READERS; i++) {
            struct reader *reader = &world->readers[i];
            if (reader->is_there && stream_place_take_live(&reader->place, seq))
                got(reader, seq);
        }
    }
}

static void commit(struct world *world)
{
    if (world->committed == EVENTS || world->in_flight_count + 2 > ARRAY_LEN(world->in_flight))
        return;
    world->committed++;
    unsigned fate = dice(world, 10); /* one in ten is lost, one comes twice */
    for (unsigned copies = fate == 0 ? 0 : fate == 1 ? 2 : 1; copies > 0; copies--)
        world->in_flight[world->in_flight_count++] = world->committed;
}

static void arrive(struct world *world)
{
    if (world->in_flight_count == 0)
        return;
    unsigned which = dice(world, dice(world, 3) == 0 ? (unsigned)world->in_flight_count : 1);
    uint64_t seq = world->in_flight[which];

    world->in_flight_count--;
    memmove(&world->in_flight[which], &world->in_flight[which + 1],
            (world->in_flight_count - which) * sizeof world->in_flight[0]);
    offer(&world->cursor, seq);
    deliver(world);
}

static void join_or_leave(struct world *world)
{
    struct reader *reader = &world->readers[dice(world, READERS)];

    if (reader->is_there) {
        reader->is_there = false; /* and comes back with the last id it got */
        return;
    }
    bool starts_over = dice(world, 4) == 0;
    stream_cursor_note(&world->cursor, world->committed);
    reader->place = stream_place_after(starts_over ? 0 : reader->got, world->committed);
    reader->got = reader->place.next - 1;
    reader->is_there = true;
    deliver(world);
}

static void replay_page(struct world *world, struct reader *reader)
{
    if (!reader->is_there || !stream_place_is_behind(reader->place, &world->cursor))
        return;
    uint64_t first = reader->place.next;
    for (uint64_t seq = first; seq < first + PAGE && seq <= world->committed; seq++) {
        if (stream_place_take_replayed(&reader->place, &world->cursor, seq))
            got(reader, seq);
    }
}

static void fill(struct world *world)
{
    stream_cursor_note(&world->cursor, world->committed);
    if (!stream_cursor_has_gap(&world->cursor))
        return;
    uint64_t first = world->cursor.next;
    for (uint64_t seq = first; seq < first + PAGE && seq <= world->committed; seq++)
        offer(&world->cursor, seq);
    deliver(world);
}

static void step(struct world *world)
{
    switch (dice(world, 16)) {
    case 0:
        join_or_leave(world);
        break;
    case 1:
        fill(world);
        break;
    case 2:
    case 3:
    case 4:
        replay_page(world, &world->readers[dice(world, READERS)]);
        break;
    case 5:
    case 6:
    case 7:
    case 8:
        commit(world);
        break;
    default:
        arrive(world);
        break;
    }
}

static void settle(struct world *world)
{
    for (size_t i = 0; i < 4 * EVENTS; i++) {
        fill(world);
        for (size_t r = 0; r < READERS; r++)
            replay_page(world, &world->readers[r]);
    }
    for (size_t r = 0; r < READERS; r++) {
        if (world->readers[r].is_there)
            assert_int_equal(world->readers[r].got, world->committed);
    }
}

static void test_stream_cursor__every_reader_gets_ids_that_go_up_by_one(void **state)
{
    (void)state;
    for (unsigned seed = 1; seed <= 300; seed++) {
        struct world world = {.seed = seed};

        stream_cursor_init(&world.cursor, item_free);
        for (size_t i = 0; i < 10 * EVENTS; i++)
            step(&world);
        settle(&world);
        stream_cursor_done(&world.cursor);
        assert_int_equal(items_alive, 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_stream_cursor__holds_everything_until_its_start_is_known),
        cmocka_unit_test(test_stream_cursor__a_hole_stops_and_a_filler_frees),
        cmocka_unit_test(test_stream_cursor__the_database_knows_of_what_never_came),
        cmocka_unit_test(test_stream_cursor__holds_a_bounded_number_the_nearest_ones),
        cmocka_unit_test(test_stream_cursor__holds_a_bounded_number_of_bytes),
        cmocka_unit_test(test_stream_place__an_impossible_id_starts_over),
        cmocka_unit_test(test_stream_cursor__every_reader_gets_ids_that_go_up_by_one),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
