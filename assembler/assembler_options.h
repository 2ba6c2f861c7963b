/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ASSEMBLER_ASSEMBLER_OPTIONS_H
#define ASSEMBLER_ASSEMBLER_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>

#include "assembler/apply.h"
#include "common/config.h"
#include "common/kafka_conf.h"
#include "common/metrics.h"

/* Filled by config_load() with the tables CONFIG_COMMON_OPTIONS and ASSEMBLER_OPTIONS. */
struct assembler_options {
    struct config_common common;
    char *database_url;
    char *migrations;
    bool migrate;
    char *dead_letters; /* what to do with them; NULL: nothing */
    char *dead_letter;  /* which one to show */
    int64_t batch_records;
    int64_t batch_bytes;
    int64_t max_starts;
    int64_t retry_base_us;
    int64_t retry_ceiling_us;
    int64_t hold_back_us;
    int64_t lost_after_us;
    int64_t silent_after_us;
    int64_t max_deferral_us;
    int64_t expire_after_us;
    int64_t blob_retention_us;
    int64_t job_retention_us;
};

/* The directory of migrations, found if it was not given; owned by the caller. */
char *assembler_options_migrations(const struct assembler_options *options);

/* Borrows from them. */
struct kafka_settings assembler_options_kafka(const struct assembler_options *options);

/* The part of them that decides what records do. */
struct apply_settings assembler_options_apply(const struct assembler_options *options,
                                              struct metrics *metrics);

extern const struct config_option ASSEMBLER_OPTIONS[];

#endif
