/* SPDX-License-Identifier: Apache-2.0 */
#include "assembler/store_offsets.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>

#include "common/fault_point.h"

/* In order, so that two processes that hold some of the same partitions never wait in a ring. */
static const struct store_statement MOVE = {
    "move_offsets",
    "WITH move AS (SELECT * FROM unnest($1::text[], $2::int[], $3::bigint[], $4::bigint[])"
    "  AS m (topic, partition, expected, next)),"
    " locked AS MATERIALIZED (SELECT o.topic, o.partition FROM consumer_offsets o"
    "  JOIN move m ON m.topic = o.topic AND m.partition = o.partition"
    "  WHERE o.next_offset = m.expected ORDER BY o.topic, o.partition FOR NO KEY UPDATE OF o)"
    " UPDATE consumer_offsets o SET next_offset = m.next FROM move m"
    "  JOIN locked l ON l.topic = m.topic AND l.partition = m.partition"
    " WHERE o.topic = m.topic AND o.partition = m.partition AND o.next_offset = m.expected"
    " RETURNING o.topic, o.partition"};

static const struct store_statement OTHER_TOPIC = {
    "other_topic", "SELECT topic FROM consumer_offsets WHERE topic <> ALL ($1::text[]) LIMIT 1"};

static const struct store_statement INSERT = {
    "insert_offset", "INSERT INTO consumer_offsets (topic, partition, next_offset)"
                     " VALUES ($1, $2, 0) ON CONFLICT DO NOTHING"};

static const struct store_statement END_OWNER = {
    "end_owner", "SELECT pg_terminate_backend(a.pid) FROM consumer_offsets o"
                 " JOIN pg_stat_activity a ON a.pid = o.owner_pid"
                 "  AND a.backend_start = o.owner_backend_start"
                 " WHERE o.topic = $1 AND o.partition = $2 AND a.pid <> pg_backend_pid()"
                 "  AND a.xact_start IS NOT NULL"};

static const struct store_statement OWN = {
    "own_offset", "WITH before AS (SELECT owner_pid FROM consumer_offsets"
                  "  WHERE topic = $1 AND partition = $2)"
                  " UPDATE consumer_offsets o SET owner_pid = pg_backend_pid(),"
                  "  owner_backend_start = $3::timestamptz FROM before b"
                  " WHERE o.topic = $1 AND o.partition = $2"
                  " RETURNING o.next_offset, b.owner_pid IS NOT NULL,"
                  "  CASE WHEN o.stuck_offset = o.next_offset THEN o.stuck_count ELSE 0 END"};

static const struct store_statement RELEASE = {
    "release_offset", "UPDATE consumer_offsets SET owner_pid = NULL, owner_backend_start = NULL"
                      " WHERE topic = $1 AND partition = $2 AND owner_pid = pg_backend_pid()"
                      "  AND owner_backend_start = $3::timestamptz"};

static const struct store_statement NEXT = {
    "next_offset", "SELECT next_offset FROM consumer_offsets WHERE topic = $1 AND partition = $2"};

static const struct store_statement COUNT_TRY = {
    "count_try", "UPDATE consumer_offsets SET stuck_offset = next_offset, stuck_count ="
                 "  CASE WHEN stuck_offset = next_offset THEN stuck_count + 1 ELSE 1 END"
                 " WHERE topic = $1 AND partition = $2 RETURNING stuck_count"};

bool store_check_topics(struct store *store, const char *const *topics, size_t count,
                        struct err *err)
{
    CLEANUP(sql_rows_done) struct sql_rows rows;
    CLEANUP(store_clear_at) PGresult *result = NULL;

    sql_rows_init(&rows, 1);
    for (size_t i = 0; i < count; i++)
        sql_rows_text(&rows, topics[i]);
    store_send_rows(store, &OTHER_TOPIC, &rows, &result);
    if (!store_run(store, err))
        return false;
    return PQntuples(result) == 0 ||
           err_set(err, ERR_REJECT, "assembler", 0,
                   "this database is that of the topic %s: each --topic-prefix needs its own",
                   store_text(result, 0, 0));
}

void store_send_moves(struct store *store, const struct store_move *moves, size_t count,
                      PGresult **ret_result)
{
    CLEANUP(sql_rows_done) struct sql_rows rows;

    sql_rows_init(&rows, 4);
    for (size_t i = 0; i < count; i++) {
        sql_rows_text(&rows, moves[i].topic);
        sql_rows_int(&rows, moves[i].partition);
        sql_rows_int(&rows, moves[i].expected);
        sql_rows_int(&rows, moves[i].next);
    }
    store_send_rows(store, &MOVE, &rows, ret_result);
}

/* Topic, partition and our backend's start as parameters. */
struct place {
    char partition[16];
    const char *values[3];
};

static void place_init(struct place *place, const struct store *store, const char *topic,
                       int32_t partition)
{
    (void)snprintf(place->partition, sizeof place->partition, "%" PRId32, partition);
    place->values[0] = topic;
    place->values[1] = place->partition;
    place->values[2] = store_backend_start(store);
}

bool store_claim(struct store *store, const char *topic, int32_t partition,
                 struct store_claim *ret_claim, struct err *err)
{
    CLEANUP(store_clear_at) PGresult *result = NULL;
    struct place place;

    if (fault_point(FAULT_CLAIM, NULL))
        return store_lose(store, err);
    place_init(&place, store, topic, partition);
    store_send(store, &INSERT, 2, place.values, NULL);
    store_send(store, &END_OWNER, 2, place.values, NULL);
    store_send(store, &OWN, 3, place.values, &result);
    if (!store_run(store, err))
        return err_wrap(err, "claim %s %d", topic, partition);
    assert(PQntuples(result) == 1);
    ret_claim->next_offset = store_int(result, 0, 0);
    ret_claim->after_crash = store_bool(result, 0, 1);
    ret_claim->tries = (int32_t)store_int(result, 0, 2);
    return true;
}

bool store_release(struct store *store, const char *topic, int32_t partition, struct err *err)
{
    struct place place;

    place_init(&place, store, topic, partition);
    store_send(store, &RELEASE, 3, place.values, NULL);
    return store_run(store, err);
}

bool store_next_offset(struct store *store, const char *topic, int32_t partition,
                       int64_t *ret_next_offset, struct err *err)
{
    CLEANUP(store_clear_at) PGresult *result = NULL;
    struct place place;

    place_init(&place, store, topic, partition);
    store_send(store, &NEXT, 2, place.values, &result);
    if (!store_run(store, err))
        return false;
    *ret_next_offset = PQntuples(result) == 1 ? store_int(result, 0, 0) : 0;
    return true;
}

bool store_count_try(struct store *store, const char *topic, int32_t partition, int32_t *ret_tries,
                     struct err *err)
{
    CLEANUP(store_clear_at) PGresult *result = NULL;
    struct place place;

    place_init(&place, store, topic, partition);
    store_send(store, &COUNT_TRY, 2, place.values, &result);
    if (!store_run(store, err))
        return false;
    *ret_tries = PQntuples(result) == 1 ? (int32_t)store_int(result, 0, 0) : 0;
    return true;
}
