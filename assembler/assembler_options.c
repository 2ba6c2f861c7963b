/* SPDX-License-Identifier: Apache-2.0 */
#include "assembler/assembler_options.h"

#include <libgen.h>
#include <limits.h>
#include <stddef.h>
#include <unistd.h>

#include "assembler/lost_work.h"
#include "common/mem.h"

#define AT(member) offsetof(struct assembler_options, member)
#define YEAR_US (INT64_C(366) * 86400000000)

static const char *const DEAD_LETTER_VERBS[] = {"list", "show", NULL};

const struct config_option ASSEMBLER_OPTIONS[] = {
    {.name = "database-url",
     .type = CONFIG_STRING,
     .offset = AT(database_url),
     .flags = CONFIG_REQUIRED | CONFIG_SECRET,
     .help = "PostgreSQL, as a libpq connection string or URL."},
    {.name = "migrations",
     .type = CONFIG_STRING,
     .offset = AT(migrations),
     .help = "Directory of the numbered SQL files that make the tables; when not given, "
             "share/chunkscribe/sql beside the program's bin, else schemas/sql."},
    {.name = "migrate",
     .type = CONFIG_BOOL,
     .offset = AT(migrate),
     .help = "Apply the migrations that the database lacks, and exit."},
    {.name = "dead-letters",
     .type = CONFIG_STRING,
     .offset = AT(dead_letters),
     .choices = DEAD_LETTER_VERBS,
     .help =
         "list: print a line for each record of dead.letters, and exit; show: print the one that "
         "dead-letter names, and exit."},
    {.name = "dead-letter",
     .type = CONFIG_STRING,
     .offset = AT(dead_letter),
     .help = "Which record of dead.letters to show, as partition:offset."},
    {.name = "batch-records",
     .type = CONFIG_INT,
     .offset = AT(batch_records),
     .fallback = "1000",
     .minimum = 1,
     .maximum = 10000,
     .help = "The most records that are applied in one transaction."},
    {.name = "batch-bytes",
     .type = CONFIG_SIZE,
     .offset = AT(batch_bytes),
     .fallback = "8MiB",
     .minimum = 65536,
     .maximum = INT64_C(256) * 1024 * 1024,
     .help = "The most bytes of records that are applied in one transaction."},
    {.name = "max-starts",
     .type = CONFIG_INT,
     .offset = AT(max_starts),
     .fallback = "3",
     .minimum = 2,
     .maximum = 100,
     .help = "A chunk or task that was started this often without a result is held to kill its "
             "workers, and fails; starts that workers gave back, because the work went to another "
             "while they lived, do not count."},
    {.name = "retry-base",
     .type = CONFIG_TIME,
     .offset = AT(retry_base_us),
     .fallback = "1s",
     .minimum = 1000,
     .maximum = INT64_C(3600000000),
     .help = "The longest wait before the first retry; it doubles with each, and is random below."},
    {.name = "retry-ceiling",
     .type = CONFIG_TIME,
     .offset = AT(retry_ceiling_us),
     .fallback = "60s",
     .minimum = 1000,
     .maximum = INT64_C(86400000000),
     .help = "The longest wait before any retry, unless the speech service asks for more."},
    {.name = "hold-back",
     .type = CONFIG_TIME,
     .offset = AT(hold_back_us),
     .fallback = "6s",
     .minimum = 1000000,
     .maximum = INT64_C(60000000),
     .help = "Words nearer than this to the end of a chunk wait for the next chunk: the overlap of "
             "the workers' readings."},
    {.name = "lost-after",
     .type = CONFIG_TIME,
     .offset = AT(lost_after_us),
     .fallback = "60s",
     .minimum = 1000000,
     .maximum = LOST_AFTER_MAX_US,
     .help = "Work that the workers' group has passed is published again when no result has come "
             "for this long."},
    {.name = "silent-after",
     .type = CONFIG_TIME,
     .offset = AT(silent_after_us),
     .fallback = "5min",
     .minimum = 1000000,
     .maximum = INT64_C(86400000000),
     .help = "An attempt that was started and of which nothing was heard for this long has failed; "
             "workers tell every 30 s that they live."},
    {.name = "max-deferral",
     .type = CONFIG_TIME,
     .offset = AT(max_deferral_us),
     .fallback = "24h",
     .minimum = 1000000,
     .maximum = YEAR_US,
     .help = "A chunk fails when the speech service has held it back for this long, by limits or "
             "because it is away, without an answer about the chunk."},
    {.name = "expire-after",
     .type = CONFIG_TIME,
     .offset = AT(expire_after_us),
     .fallback = "24h",
     .minimum = 1000000,
     .maximum = YEAR_US,
     .help = "A job that still lacks chunks expires when none has been uploaded for this long."},
    {.name = "blob-retention",
     .type = CONFIG_TIME,
     .offset = AT(blob_retention_us),
     .fallback = "24h",
     .minimum = 0,
     .maximum = YEAR_US,
     .help =
         "How long the uploaded chunks of a job that is done or has failed are kept; those of a "
         "cancelled or expired job go at once. Later a retry needs them uploaded again."},
    {.name = "job-retention",
     .type = CONFIG_TIME,
     .offset = AT(job_retention_us),
     .fallback = "30d",
     .minimum = 0,
     .maximum = 10 * YEAR_US,
     .help = "How long after its end a job is kept with its transcript and events; then nothing of "
             "it is left."},
    {.name = NULL},
};

/* What the frontier passes in one transaction at the most. */
#define FRONTIER_CHUNKS 64
#define FRONTIER_TEXT_BYTES ((size_t)64 * 1024)

struct apply_settings assembler_options_apply(const struct assembler_options *options,
                                              struct metrics *metrics)
{
    return (struct apply_settings){
        .policy = {.max_starts = (int32_t)options->max_starts,
                   .backoff = {.base_us = (uint64_t)options->retry_base_us,
                               .ceiling_us = (uint64_t)options->retry_ceiling_us},
                   .max_deferral_us = options->max_deferral_us},
        .limits = {.chunks = FRONTIER_CHUNKS,
                   .text_bytes = FRONTIER_TEXT_BYTES,
                   .hold_back_ms = options->hold_back_us / 1000},
        .expire_after_ms = options->expire_after_us / 1000,
        .blob_retention_us = options->blob_retention_us,
        .job_retention_us = options->job_retention_us,
        .metrics = metrics,
    };
}

struct kafka_settings assembler_options_kafka(const struct assembler_options *options)
{
    return (struct kafka_settings){
        .brokers = options->common.kafka_brokers,
        .topic_prefix = options->common.topic_prefix,
        .client_id = "chunkscribe-assembler",
        .extra = options->common.kafka_config,
    };
}

#define INSTALLED_MIGRATIONS "../share/chunkscribe/sql"
#define SOURCE_MIGRATIONS "schemas/sql"

char *assembler_options_migrations(const struct assembler_options *options)
{
    char program[PATH_MAX];

    if (options->migrations != NULL)
        return mem_copy_string(options->migrations);
    ssize_t length = readlink("/proc/self/exe", program, sizeof program - 1);
    if (length > 0) {
        program[length] = '\0';
        CLEANUP(mem_free_at)
        char *installed = mem_format("%s/" INSTALLED_MIGRATIONS, dirname(program));

        if (access(installed, R_OK) == 0)
            return TAKE(installed);
    }
    return mem_copy_string(SOURCE_MIGRATIONS);
}
