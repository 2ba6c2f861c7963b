/* SPDX-License-Identifier: Apache-2.0 */
#include "worker/llm_post_process.h"

#include <string.h>

#include "common/event_correction.h"
#include "common/jsonread.h"
#include "common/mem.h"
#include "worker/correction.h"
#include "worker/llm_units.h"

#define TEXT_BYTES_MAX ((size_t)4 * 1024 * 1024)
#define WORDS_MAX 10000000

/* A part of the ordered text; words [first, last) of the reading are its own, without the words
 * that a task before has done. */
struct part {
    int32_t chunk_index;
    bool is_gap; /* which nobody corrects */
    size_t first;
    size_t last;
};

struct post_process {
    const struct correction_service *service; /* borrowed */
    struct job_task_ending ending;
    struct reading reading; /* the words as they stand in the text: their times mean nothing */
    struct part *parts;     /* owned */
    size_t part_count;
    char *head;       /* owned; of the first part: the words before, corrected */
    size_t from_word; /* of the first part */
    bool is_last;     /* there is no further text */
    size_t end;       /* words up to here are corrected: whole sentences */
    struct correction *correction;
    struct event *soon; /* what is over at once is told from the loop */
    struct err err;
    bool is_understood;
};

static void post_process_free(struct post_process *task)
{
    correction_free(task->correction);
    reading_done(&task->reading);
    event_free(task->soon);
    free(task->parts);
    free(task->head);
    free(task);
}

/* The answer */

static char *part_text(const struct post_process *task, const struct part *part, size_t last,
                       const char *head)
{
    struct buf text;

    buf_init(&text, SIZE_MAX / 2);
    buf_append_string(&text, head);
    for (size_t i = part->first; i < last; i++)
        buf_append_string(&text, reading_word_corrected(&task->reading.words[i]));
    return buf_take(&text);
}

static const char *head_of(const struct post_process *task, const struct part *part)
{
    return part == task->parts ? task->head : "";
}

static struct json_object *parts_json(const struct post_process *task)
{
    struct json_object *parts = json_object_new_array();

    for (size_t i = 0; i < task->part_count; i++) {
        const struct part *part = &task->parts[i];

        if (part->is_gap)
            continue;
        struct json_object *object = json_object_new_object();
        CLEANUP(mem_free_at) char *text = part_text(task, part, part->last, head_of(task, part));

        json_object_object_add(object, "chunk_index", json_object_new_int(part->chunk_index));
        json_object_object_add(object, "corrected", json_object_new_string(text));
        json_object_array_add(parts, object);
    }
    return parts;
}

/* The place behind the last sentence, which the next task begins at. */
static struct json_object *next_json(const struct post_process *task)
{
    struct json_object *next = json_object_new_object();
    const struct part *part = task->parts;

    while (part->last <= task->end && part + 1 < task->parts + task->part_count)
        part++;
    bool is_whole = part->last <= task->end;
    size_t done =
        is_whole ? 0 : task->end - part->first + (part == task->parts ? task->from_word : 0);
    CLEANUP(mem_free_at)
    char *head =
        is_whole ? mem_copy_string("") : part_text(task, part, task->end, head_of(task, part));
    json_object_object_add(next, "from_chunk",
                           json_object_new_int(part->chunk_index + (is_whole ? 1 : 0)));
    json_object_object_add(next, "from_word", json_object_new_int64((int64_t)done));
    json_object_object_add(next, "head", json_object_new_string(head));
    return next;
}

static char *result_of(const struct post_process *task, const struct event_correction *summary)
{
    CLEANUP(jsonread_put_at) struct json_object *result = json_object_new_object();

    json_object_object_add(result, "parts", parts_json(task));
    json_object_object_add(result, "next", task->is_last ? NULL : next_json(task));
    json_object_object_add(result, "correction", event_encode_correction(summary));
    return mem_copy_string(json_object_to_json_string_ext(result, JSON_C_TO_STRING_PLAIN));
}

/* Nobody could be asked: another attempt, or another worker, may be able to. */
static bool is_away(const struct event_correction *summary)
{
    static const char *const AWAY[] = {"unavailable", "limited", "timed_out", "not_configured"};

    for (size_t i = 0; i < ARRAY_LEN(AWAY); i++)
        if (strcmp(summary->reason, AWAY[i]) == 0)
            return summary->rejected == summary->pieces;
    return false;
}

static struct job_task_end end_of(const struct post_process *task)
{
    struct event_correction summary = correction_summary(task->correction);
    struct job_task_end end = {.is_done = true};
    struct err err;

    if (summary.rejected > 0 && is_away(&summary)) {
        (void)err_set(&err, ERR_RETRY, "llm", 0, "the language model gave no answer: %s",
                      summary.reason);
        end = job_task_failed(summary.reason, &err);
    } else {
        end.result = result_of(task, &summary);
    }
    free(summary.model);
    return end;
}

static void on_corrected(void *context)
{
    struct post_process *task = context;

    task->ending.on_end(task->ending.context, end_of(task));
}

static void on_soon(evutil_socket_t fd UNUSED, short what UNUSED, void *context)
{
    struct post_process *task = context;

    task->ending.on_end(task->ending.context, task->is_understood
                                                  ? end_of(task)
                                                  : job_task_failed("unreadable", &task->err));
}

/* The text */

static void add_words(struct post_process *task, const char *text, size_t skipped)
{
    struct llm_units units;

    llm_units_of_text(text, &units);
    for (size_t i = skipped; i < units.count; i++)
        reading_add_word(&task->reading,
                         &(struct reading_word){.text = units.items[i].text, .segment = -1});
    llm_units_done(&units);
}

static bool read_part(struct post_process *task, const struct json_object *object, struct err *err)
{
    CLEANUP(mem_free_at) char *text = NULL;
    struct part part = {.first = task->reading.word_count};
    int64_t chunk_index;

    if (!json_object_is_type(object, json_type_object))
        return err_set(err, ERR_REJECT, "task", 0, "parts: an object is expected");
    if (!jsonread_int(object, "chunk_index", 0, CHUNK_COUNT_MAX - 1, &chunk_index, err) ||
        !jsonread_bool(object, "is_gap", &part.is_gap, err) ||
        !jsonread_string(object, "text", TEXT_BYTES_MAX, &text, err))
        return false;
    if (!part.is_gap)
        add_words(task, text, task->part_count == 0 ? task->from_word : 0);
    else if (task->part_count == 0 && task->from_word > 0)
        return err_set(err, ERR_REJECT, "task", 0, "from_word: the first part is a gap");
    part.chunk_index = (int32_t)chunk_index;
    part.last = task->reading.word_count;
    task->parts = mem_resize(task->parts, task->part_count + 1, sizeof *task->parts);
    task->parts[task->part_count++] = part;
    return true;
}

static bool read_payload(struct post_process *task, const char *payload)
{
    CLEANUP(jsonread_put_at) struct json_object *object = NULL;
    struct json_object *parts;
    struct err *err = &task->err;
    int64_t from_word;

    if (!jsonread_parse(payload, strlen(payload), &object, err) ||
        !jsonread_int(object, "from_word", 0, WORDS_MAX, &from_word, err) ||
        !jsonread_bool(object, "is_last", &task->is_last, err) ||
        !jsonread_string(object, "head", TEXT_BYTES_MAX, &task->head, err) ||
        !jsonread_array(object, "parts", CHUNK_COUNT_MAX, &parts, err))
        return false;
    task->from_word = (size_t)from_word;
    for (size_t i = 0; i < json_object_array_length(parts); i++)
        if (!read_part(task, json_object_array_get_idx(parts, i), err))
            return false;
    return task->part_count > 0 || err_set(err, ERR_REJECT, "task", 0, "parts: there is none");
}

/* What follows the last sentence that ends here is left to the next task; a text without sentences
 * is taken as it comes. */
static size_t sentences_end(const struct post_process *task)
{
    if (task->is_last)
        return task->reading.word_count;
    for (size_t end = task->reading.word_count; end > 0; end--)
        if (llm_units_ends_sentence(task->reading.words[end - 1].text))
            return end;
    return task->reading.word_count;
}

static bool begin(struct post_process *task)
{
    const struct llm_span everywhere = {INT64_MIN, INT64_MAX};

    task->end = sentences_end(task);
    task->correction =
        correction_start(task->service, &task->reading, task->end, everywhere, on_corrected, task);
    return !correction_is_done(task->correction);
}

static void *start(const struct job_task_services *services, const struct event *work,
                   struct job_task_ending ending)
{
    struct post_process *task = mem_new(sizeof *task);

    task->service = services->correction;
    task->ending = ending;
    task->soon = event_new(loop_base(services->loop), -1, 0, on_soon, task);
    task->is_understood = read_payload(task, work->task.payload);
    if (!task->is_understood || !begin(task))
        event_active(task->soon, 0, 0);
    return task;
}

static void stop(void *work)
{
    post_process_free(work);
}

const struct job_task_handler LLM_POST_PROCESS_HANDLER = {
    .kind = "llm.post_process", .start = start, .stop = stop};
