/* SPDX-License-Identifier: Apache-2.0 */
#include "assembler/dead_letter.h"

#include <assert.h>
#include <string.h>

#include "assembler/assembler_metrics.h"
#include "common/log.h"

static void add_header(struct kafka_record *record, const char *name, const char *text)
{
    assert(record->header_count < KAFKA_HEADERS_MAX);
    record->headers[record->header_count++] = (struct kafka_header){name, text, strlen(text)};
}

void dead_letter_address(struct kafka_record *record, const struct dead_letter *letter)
{
    record->topic = "dead.letters";
    add_header(record, "topic", letter->topic);
    add_header(record, "partition", letter->partition);
    add_header(record, "offset", letter->offset);
    add_header(record, "reason", letter->reason);
}

void dead_letter_tell(struct metrics *metrics, const struct dead_letter *letter)
{
    metrics_add(metrics, METRIC_DEAD_LETTERS, 0, 1);
    log_warn("dead_letter", letter->reason, LOG_STR("topic", letter->topic),
             LOG_STR("partition", letter->partition), LOG_STR("offset", letter->offset));
}
