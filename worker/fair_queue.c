/* SPDX-License-Identifier: Apache-2.0 */
#include "worker/fair_queue.h"

#include <assert.h>
#include <string.h>
#include <uthash.h>
#include <utlist.h>

#include "common/mem.h"

/* One job's records, oldest first. */
struct lane {
    struct id job;
    struct work_item *items; /* owned */
    struct lane *prev, *next;
    UT_hash_handle hh;
};

struct fair_queue {
    struct lane *by_job; /* uthash */
    struct lane *turns;  /* utlist: whose turn it is first */
    size_t count;
};

struct fair_queue *fair_queue_new(void)
{
    return mem_new(sizeof(struct fair_queue));
}

void fair_queue_free(struct fair_queue *queue)
{
    if (queue == NULL)
        return;
    struct lane *lane, *next_lane;
    HASH_ITER(hh, queue->by_job, lane, next_lane)
    {
        struct work_item *item, *next_item;
        DL_FOREACH_SAFE(lane->items, item, next_item)
        work_item_free(item);
        HASH_DEL(queue->by_job, lane);
        free(lane);
    }
    free(queue);
}

static struct lane *lane_of(struct fair_queue *queue, const struct id *job)
{
    struct lane *lane;

    HASH_FIND_STR(queue->by_job, job->text, lane);
    if (lane == NULL) {
        lane = mem_new(sizeof *lane);
        lane->job = *job;
        HASH_ADD_STR(queue->by_job, job.text, lane);
        DL_APPEND(queue->turns, lane);
    }
    return lane;
}

void fair_queue_push(struct fair_queue *queue, struct work_item *take_item)
{
    struct lane *lane = lane_of(queue, &take_item->event.job);

    DL_APPEND(lane->items, take_item);
    queue->count++;
}

static void drop_lane_if_empty(struct fair_queue *queue, struct lane *lane)
{
    if (lane->items != NULL)
        return;
    DL_DELETE(queue->turns, lane);
    HASH_DEL(queue->by_job, lane);
    free(lane);
}

static void remove_item(struct fair_queue *queue, struct lane *lane, struct work_item *item)
{
    assert(queue->count > 0);
    DL_DELETE(lane->items, item);
    item->prev = NULL;
    item->next = NULL;
    queue->count--;
}

struct work_item *fair_queue_take(struct fair_queue *queue,
                                  bool (*may_start)(void *context, const struct work_item *item),
                                  void *context)
{
    struct lane *lane;

    DL_FOREACH(queue->turns, lane)
    {
        struct work_item *item;
        DL_FOREACH(lane->items, item)
        {
            if (!may_start(context, item))
                continue;
            remove_item(queue, lane, item);
            DL_DELETE(queue->turns, lane);
            DL_APPEND(queue->turns, lane);
            drop_lane_if_empty(queue, lane);
            return item;
        }
    }
    return NULL;
}

struct work_item *fair_queue_remove_of_partition(struct fair_queue *queue, int32_t partition)
{
    struct lane *lane;

    DL_FOREACH(queue->turns, lane)
    {
        struct work_item *item;
        DL_FOREACH(lane->items, item)
        {
            if (item->place.partition != partition)
                continue;
            remove_item(queue, lane, item);
            drop_lane_if_empty(queue, lane);
            return item;
        }
    }
    return NULL;
}

size_t fair_queue_count(const struct fair_queue *queue)
{
    return queue->count;
}
