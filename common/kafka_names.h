/* SPDX-License-Identifier: Apache-2.0 */
#ifndef COMMON_KAFKA_NAMES_H
#define COMMON_KAFKA_NAMES_H

/* The topics of one client by the names that we use and, with the prefix, Kafka's. */

#include <stddef.h>

#include "common/kafka_conf.h"

struct kafka_names {
    size_t count;
    char **full;          /* owned */
    const char **own;     /* inside `full`, behind the prefix; the array is owned */
    size_t prefix_length; /* of every full name */
};

/* Copies the names; `topics` ends with NULL. */
void kafka_names_init(struct kafka_names *names, const struct kafka_settings *settings,
                      const char *const *topics);
void kafka_names_done(struct kafka_names *names);
/* The index of one of our names; `count` when it is none of them. */
size_t kafka_names_find(const struct kafka_names *names, const char *own);

#endif
