/* SPDX-License-Identifier: Apache-2.0 */
#include "common/kafka_names.h"

#include <stdlib.h>
#include <string.h>

#include "common/mem.h"

void kafka_names_init(struct kafka_names *names, const struct kafka_settings *settings,
                      const char *const *topics)
{
    size_t count = 0;

    while (topics[count] != NULL)
        count++;
    *names = (struct kafka_names){
        .count = count,
        .full = mem_array(count, sizeof(char *)),
        .own = mem_array(count, sizeof(char *)),
    };
    for (size_t i = 0; i < count; i++) {
        names->full[i] = kafka_topic_name(settings, topics[i]);
        names->prefix_length = strlen(names->full[i]) - strlen(topics[i]);
        names->own[i] = names->full[i] + names->prefix_length;
    }
}

void kafka_names_done(struct kafka_names *names)
{
    for (size_t i = 0; i < names->count; i++)
        free(names->full[i]);
    free(names->own);
    free(names->full);
}

size_t kafka_names_find(const struct kafka_names *names, const char *own)
{
    size_t i = 0;

    while (i < names->count && strcmp(names->own[i], own) != 0)
        i++;
    return i;
}
