/* SPDX-License-Identifier: Apache-2.0 */
#include <stddef.h>
#include <string.h>

#include "common/fault_point.h"
#include "common/log.h"
#include "worker/decoder_parent.h"
#include "worker/emit.h"
#include "worker/worker.h"

static enum exit_code run(const struct worker_options *options)
{
    struct worker *worker = worker_new(options);
    enum exit_code code = EXIT_DEPENDENCY;
    struct err err;

    if (worker_start(worker, &err))
        code = worker_run(worker);
    else
        log_error("start_failed", "cannot start", LOG_ERR(&err));
    worker_free(worker);
    return code;
}

int main(int argc, char **argv)
{
    static const struct config_option *const TABLES[] = {CONFIG_COMMON_OPTIONS, WORKER_OPTIONS,
                                                         NULL};
    struct worker_options options = {.worker_id = NULL};
    struct config *config;

    if (fault_points_listed(argc, argv, FAULT_OF_WORKER, EMIT_TOPICS))
        return EXIT_ASKED;
    /* Another process of the same program, which decodes: it needs none of what follows. */
    if (decoder_parent_is_wanted(argc, argv))
        return decoder_parent_run();
    switch (config_load(TABLES, "chunkscribe-worker", argc, argv, &options, &config)) {
    case CONFIG_EXIT_OK:
        return EXIT_ASKED;
    case CONFIG_EXIT_USAGE:
        return EXIT_USAGE;
    case CONFIG_RUN:
        break;
    }
    log_init("worker", log_level_from_name(options.common.log_level),
             strcmp(options.common.log_format, "json") == 0);
    enum exit_code code = run(&options);
    config_free(config);
    return (int)code;
}
