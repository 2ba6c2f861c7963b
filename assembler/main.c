/* SPDX-License-Identifier: Apache-2.0 */
/* chunkscribe-assembler: turns the workers' results into jobs, ordered text and events. Also
 * applies migrations, and shows people the dead letters. */
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "assembler/assembler.h"
#include "assembler/letter.h"
#include "assembler/letter_reader.h"
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

static enum exit_code show_letter(const struct assembler_options *options,
                                  const struct kafka_settings *kafka)
{
    struct kafka_position place;
    struct err err;

    if (options->dead_letter == NULL || !letter_parse_place(options->dead_letter, &place)) {
        log_error("bad_dead_letter", "dead-letter: partition:offset is expected, as in 3:17",
                  LOG_STR("dead_letter", options->dead_letter));
        return EXIT_USAGE;
    }
    if (letter_reader_show(kafka, place, &err))
        return EXIT_ASKED;
    log_error("dead_letter_not_shown", "nothing was printed", LOG_ERR(&err));
    return err.kind == ERR_REJECT ? EXIT_USAGE : EXIT_DEPENDENCY;
}

static enum exit_code read_letters(const struct assembler_options *options)
{
    const struct kafka_settings kafka = assembler_options_kafka(options);
    struct err err;

    if (strcmp(options->dead_letters, "show") == 0)
        return show_letter(options, &kafka);
    if (letter_reader_list(&kafka, &err))
        return EXIT_ASKED;
    log_error("dead_letters_not_read", "the list is not whole", LOG_ERR(&err));
    return EXIT_DEPENDENCY;
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
    enum exit_code code = options.migrate                ? migrate(&options)
                          : options.dead_letters != NULL ? read_letters(&options)
                                                         : run(&options);
    config_free(config);
    return (int)code;
}
