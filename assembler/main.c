/* SPDX-License-Identifier: Apache-2.0 */
/* chunkscribe-assembler: turns the workers' results into jobs, ordered text and events. */
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "assembler/assembler.h"
#include "assembler/migrations.h"
#include "common/config.h"
#include "common/fault_point.h"
#include "common/log.h"

static volatile int stop;

/* The second signal does not wait any longer. */
static void on_signal(int number)
{
    (void)number;
    if (stop)
        _exit(EXIT_DRAIN_LATE);
    stop = 1;
}

static void handle_signals(void)
{
    const struct sigaction act = {.sa_handler = on_signal};
    const struct sigaction ignore = {.sa_handler = SIG_IGN};

    (void)sigaction(SIGTERM, &act, NULL);
    (void)sigaction(SIGINT, &act, NULL);
    (void)sigaction(SIGPIPE, &ignore, NULL);
}

static enum exit_code migrate(const struct assembler_options *options)
{
    char *directory = assembler_options_migrations(options);
    struct err err;
    bool is_done = migrations_apply(options->database_url, directory, &err);

    if (!is_done)
        log_error("migrate_failed", "the database is as it was", LOG_ERR(&err));
    free(directory);
    return is_done ? EXIT_ASKED : EXIT_DEPENDENCY;
}

static enum exit_code run(const struct assembler_options *options)
{
    struct assembler *assembler = assembler_new(options);
    enum exit_code code = EXIT_DEPENDENCY;
    struct err err;

    handle_signals();
    if (assembler_start(assembler, &err))
        code = assembler_run(assembler, &stop);
    else
        log_error("start_failed", "the assembler cannot start", LOG_ERR(&err));
    assembler_free(assembler);
    return code;
}

int main(int argc, char **argv)
{
    static const struct config_option *const TABLES[] = {CONFIG_COMMON_OPTIONS, ASSEMBLER_OPTIONS,
                                                         NULL};
    struct assembler_options options = {0};
    struct config *config = NULL;

    if (fault_points_listed(argc, argv, FAULT_OF_ASSEMBLER, ASSEMBLER_TOPICS))
        return EXIT_ASKED;
    enum config_outcome outcome =
        config_load(TABLES, "chunkscribe-assembler", argc, argv, &options, &config);

    if (outcome != CONFIG_RUN)
        return outcome == CONFIG_EXIT_OK ? EXIT_ASKED : EXIT_USAGE;
    log_init("assembler", log_level_from_name(options.common.log_level),
             strcmp(options.common.log_format, "json") == 0);
    enum exit_code code = options.migrate ? migrate(&options) : run(&options);
    config_free(config);
    return (int)code;
}
