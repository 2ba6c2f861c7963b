/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Joins the speech service's answers as worker and assembler do: windows of a stretch, then the
 * stretches. One JSON object a line in and out; positions are samples at 16 kHz of the recording.
 *
 *     {"stretches": [{"start": .., "end": .., "windows": [{"start": .., "count": .., "reply":
 * ..}]}]}
 *     -> {"words": [[text, start, end], ..], "seams": [{"method": .., "crossing": ..}]}
 *
 * `start` and `end` are what the stretch owns; its windows may begin earlier and end later.
 */
#include <json-c/json.h>
#include <stdio.h>
#include <string.h>

#include "common/jsonread.h"
#include "common/mem.h"
#include "common/seam.h"
#include "worker/media_report.h"
#include "worker/speech_reply.h"
#include "worker/window_join.h"

struct stretch {
    int64_t start;
    int64_t end;
    struct reading reading; /* relative to `start` */
    size_t first;           /* words [first, last) stand */
    size_t last;
};

static void die(const char *what)
{
    (void)fprintf(stderr, "bench-join: %s\n", what);
    exit(1);
}

static int64_t number(json_object *object, const char *name)
{
    json_object *value;

    if (!json_object_object_get_ex(object, name, &value))
        die(name);
    return json_object_get_int64(value);
}

static json_object *list(json_object *object, const char *name)
{
    json_object *value;

    if (!json_object_object_get_ex(object, name, &value) ||
        !json_object_is_type(value, json_type_array))
        die(name);
    return value;
}

static struct reading read_window(json_object *window, int64_t first_start, int64_t own_start)
{
    const struct window_scale scale = {.start = first_start - own_start,
                                       .sample_rate = MEDIA_PCM_RATE};
    struct speech_reply reply;
    json_object *json;
    struct err err;

    if (!json_object_object_get_ex(window, "reply", &json))
        die("reply");
    const char *text = json_object_to_json_string(json);
    if (!speech_reply_parse(text, strlen(text), number(window, "count"), &reply, &err))
        die(err.message);
    window_place(&reply.reading, scale, number(window, "start") - first_start);
    return reply.reading;
}

static struct stretch read_stretch(json_object *object)
{
    json_object *windows = list(object, "windows");
    size_t count = json_object_array_length(windows);
    CLEANUP(mem_free_at) struct reading *readings = mem_array(count, sizeof *readings);
    struct stretch stretch = {.start = number(object, "start"), .end = number(object, "end")};
    int64_t first_start = number(json_object_array_get_idx(windows, 0), "start");

    for (size_t i = 0; i < count; i++)
        readings[i] =
            read_window(json_object_array_get_idx(windows, i), first_start, stretch.start);
    window_join(readings, count, MEDIA_PCM_RATE, &stretch.reading, NULL);
    stretch.last = stretch.reading.word_count;
    for (size_t i = 0; i < count; i++)
        reading_done(&readings[i]);
    return stretch;
}

static void join(struct stretch *earlier, struct stretch *later, json_object *seams)
{
    int64_t border = earlier->end - earlier->start;
    json_object *seam = json_object_new_object();
    struct seam_choice choice = seam_join(&(struct seam_input){.earlier = {&earlier->reading, 0},
                                                               .later = {&later->reading, border},
                                                               .border = border,
                                                               .sample_rate = MEDIA_PCM_RATE,
                                                               .earlier_emitted = earlier->first});

    earlier->last = choice.earlier_end;
    later->first = choice.later_start;
    json_object_object_add(seam, "method", json_object_new_string(seam_method_name(choice.method)));
    json_object_object_add(seam, "crossing",
                           json_object_new_int64(choice.crossing + earlier->start));
    json_object_array_add(seams, seam);
}

static void add_words(const struct stretch *stretch, json_object *words)
{
    for (size_t i = stretch->first; i < stretch->last; i++) {
        const struct reading_word *word = &stretch->reading.words[i];
        json_object *item = json_object_new_array();

        json_object_array_add(item, json_object_new_string(word->text));
        json_object_array_add(item, json_object_new_int64(word->start + stretch->start));
        json_object_array_add(item, json_object_new_int64(word->end + stretch->start));
        json_object_array_add(words, item);
    }
}

static void answer(json_object *question)
{
    json_object *objects = list(question, "stretches");
    size_t count = json_object_array_length(objects);
    CLEANUP(mem_free_at) struct stretch *stretches = mem_array(count, sizeof *stretches);
    CLEANUP(jsonread_put_at) json_object *reply = json_object_new_object();
    json_object *words = json_object_new_array();
    json_object *seams = json_object_new_array();

    json_object_object_add(reply, "words", words);
    json_object_object_add(reply, "seams", seams);
    for (size_t i = 0; i < count; i++)
        stretches[i] = read_stretch(json_object_array_get_idx(objects, i));
    for (size_t i = 1; i < count; i++)
        join(&stretches[i - 1], &stretches[i], seams);
    for (size_t i = 0; i < count; i++) {
        add_words(&stretches[i], words);
        reading_done(&stretches[i].reading);
    }
    (void)puts(json_object_to_json_string_ext(reply, JSON_C_TO_STRING_PLAIN));
}

int main(void)
{
    char *line = NULL;
    size_t capacity = 0;
    ssize_t length;

    while ((length = getline(&line, &capacity, stdin)) > 0) {
        CLEANUP(jsonread_put_at) json_object *question = json_tokener_parse(line);
        if (question == NULL)
            die("the question is not JSON");
        answer(question);
        (void)fflush(stdout);
    }
    free(line);
    return 0;
}
