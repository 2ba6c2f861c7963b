/* SPDX-License-Identifier: Apache-2.0 */
#include "worker/stop_list.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <uthash.h>

#include "common/mem.h"

#define KEY_SIZE (ID_SIZE + 32)

/* uthash keeps the order of insertion: the first is the oldest. */
struct stop {
    char key[KEY_SIZE]; /* "job", "job:chunk", or "job:task:id" */
    int32_t attempt;    /* the last that is to be left alone */
    UT_hash_handle hh;
};

struct stop_list {
    struct stop *jobs;
    struct stop *attempts; /* at chunks and tasks */
    size_t limit;
};

struct stop_list *stop_list_new(size_t limit)
{
    struct stop_list *list = mem_new(sizeof *list);

    list->limit = limit;
    return list;
}

static void remove_stop(struct stop **stops, struct stop *stop)
{
    HASH_DEL(*stops, stop);
    free(stop);
}

static void remove_all(struct stop **stops)
{
    struct stop *stop;
    struct stop *next;

    HASH_ITER(hh, *stops, stop, next)
    {
        remove_stop(stops, stop);
    }
}

void stop_list_free(struct stop_list *list)
{
    if (list == NULL)
        return;
    remove_all(&list->jobs);
    remove_all(&list->attempts);
    free(list);
}

static void attempt_key(const struct event *event, char ret_key[static KEY_SIZE])
{
    if (event->type == EVENT_TASK_WORK || event->type == EVENT_CONTROL_SKIP_TASK)
        (void)snprintf(ret_key, KEY_SIZE, "%s:task:%" PRId64, event->job.text, event->task.id);
    else
        (void)snprintf(ret_key, KEY_SIZE, "%s:%" PRId32, event->job.text, event->chunk_index);
}

static const struct stop *find(const struct stop *stops, const char *key)
{
    const struct stop *stop;

    HASH_FIND_STR(stops, key, stop);
    return stop;
}

static void add(struct stop_list *list, struct stop **stops, const char *key, int32_t attempt)
{
    struct stop *stop;

    HASH_FIND_STR(*stops, key, stop);
    if (stop == NULL) {
        if (*stops != NULL && HASH_COUNT(*stops) >= list->limit)
            remove_stop(stops, *stops);
        stop = mem_new(sizeof *stop);
        (void)snprintf(stop->key, sizeof stop->key, "%s", key);
        HASH_ADD_STR(*stops, key, stop);
    }
    if (attempt > stop->attempt)
        stop->attempt = attempt;
}

void stop_list_add(struct stop_list *list, const struct event *control)
{
    char key[KEY_SIZE];

    if (control->type == EVENT_CONTROL_CANCEL)
        add(list, &list->jobs, control->job.text, 0);
    if (control->type != EVENT_CONTROL_SKIP && control->type != EVENT_CONTROL_SKIP_TASK)
        return;
    attempt_key(control, key);
    add(list, &list->attempts, key, control->attempt);
}

bool stop_list_has(const struct stop_list *list, const struct event *work)
{
    char key[KEY_SIZE];

    if (work->type == EVENT_CHUNK_WORK && find(list->jobs, work->job.text) != NULL)
        return true;
    attempt_key(work, key);
    const struct stop *stop = find(list->attempts, key);
    return stop != NULL && work->attempt <= stop->attempt;
}
