/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/config.h"
#include "tests/support/capture.h"

#define ARGUMENTS_MAX 8

struct values {
    struct config_common common;
    char *token;
    char *store;
    int64_t slots;
    int64_t patience_us;
    bool eager;
};

static const struct config_option OWN_OPTIONS[] = {
    {.name = "token",
     .type = CONFIG_STRING,
     .offset = offsetof(struct values, token),
     .flags = CONFIG_SECRET,
     .help = "What opens the door."},
    {.name = "store",
     .type = CONFIG_STRING,
     .offset = offsetof(struct values, store),
     .flags = CONFIG_REQUIRED,
     .help = "Where things are."},
    {.name = "slots",
     .type = CONFIG_INT,
     .offset = offsetof(struct values, slots),
     .fallback = "4",
     .minimum = 1,
     .maximum = 64,
     .help = "How many at once."},
    {.name = "patience",
     .type = CONFIG_TIME,
     .offset = offsetof(struct values, patience_us),
     .fallback = "10s",
     .help = "How long to wait."},
    {.name = "eager",
     .type = CONFIG_BOOL,
     .offset = offsetof(struct values, eager),
     .help = "Whether to hurry."},
    {.name = "listen",
     .type = CONFIG_STRING,
     .offset = offsetof(struct values, common.listen),
     .fallback = "127.0.0.1:8080",
     .help = "A default of its own."},
    {.name = NULL},
};
static const struct config_option *const TABLES[] = {CONFIG_COMMON_OPTIONS, OWN_OPTIONS, NULL};

struct run {
    enum config_outcome outcome;
    struct values values;
    struct config *config; /* on CONFIG_RUN */
    char *out;             /* standard output */
    char *errors;          /* standard error */
};

/* Arguments up to the first NULL; clears the environment of what a test put there. */
static struct run load(const char *const *arguments)
{
    char *argv[ARGUMENTS_MAX + 2] = {mem_copy_string("prog")};
    struct run run = {.outcome = CONFIG_RUN};
    int argc = 1;

    for (; arguments[argc - 1] != NULL; argc++)
        argv[argc] = mem_copy_string(arguments[argc - 1]);
    struct capture out = capture_start(STDOUT_FILENO);
    struct capture errors = capture_start(STDERR_FILENO);
    run.outcome = config_load(TABLES, "prog", argc, argv, &run.values, &run.config);
    run.errors = capture_end(errors);
    run.out = capture_end(out);
    for (int i = 0; i < argc; i++)
        free(argv[i]);
    return run;
}

#define LOAD(...) load((const char *const[ARGUMENTS_MAX + 1]){__VA_ARGS__})

static void finish(struct run *run)
{
    if (run->outcome == CONFIG_RUN)
        config_free(run->config);
    free(run->errors);
    free(run->out);
}

static void assert_refused(struct run run, const char *error)
{
    assert_string_equal(run.errors, error);
    assert_int_equal(run.outcome, CONFIG_EXIT_USAGE);
    finish(&run);
}

/* A file with this text; its name is the template that mkstemp() filled in. */
static void write_file(char *path_template, const char *text)
{
    int fd = mkstemp(path_template);

    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, strlen(text)), strlen(text));
    assert_int_equal(close(fd), 0);
}

static int clear_environment(void **state UNUSED)
{
    return clearenv();
}

static void test_config__defaults(void **state UNUSED)
{
    struct run run = LOAD("--store=here");

    assert_int_equal(run.outcome, CONFIG_RUN);
    assert_string_equal(run.errors, "");
    assert_string_equal(run.values.store, "here");
    assert_int_equal(run.values.slots, 4);
    assert_int_equal(run.values.patience_us, 10000000);
    assert_false(run.values.eager);
    assert_null(run.values.token);
    assert_string_equal(run.values.common.log_level, "info");
    assert_string_equal(run.values.common.log_format, "text");
    assert_string_equal(run.values.common.kafka_brokers, "127.0.0.1:9092");
    assert_string_equal(run.values.common.topic_prefix, "");
    assert_null(run.values.common.kafka_config);
    assert_null(run.values.common.config_file);
    assert_int_equal(run.values.common.shutdown_grace_us, 30000000);
    assert_string_equal(run.values.common.listen, "127.0.0.1:8080"); /* the later table's */
    finish(&run);
}

static void test_config__precedence(void **state UNUSED)
{
    char path[] = "/tmp/config-test-XXXXXX";

    write_file(path, "# a comment\n\n  store = from file \nslots=10\npatience = 1s\n");
    setenv("CHUNKSCRIBE_CONFIG", path, 1);
    setenv("CHUNKSCRIBE_SLOTS", "20", 1);
    setenv("CHUNKSCRIBE_PATIENCE", "2s", 1);
    struct run run = LOAD("--patience=3s", "--eager");
    assert_int_equal(run.outcome, CONFIG_RUN);
    assert_string_equal(run.values.store, "from file");
    assert_int_equal(run.values.slots, 20);
    assert_int_equal(run.values.patience_us, 3000000);
    assert_true(run.values.eager);
    finish(&run);
    assert_int_equal(unlink(path), 0);
}

static void test_config__forms_of_a_flag(void **state UNUSED)
{
    struct run run = LOAD("--store", "here", "--eager=no", "--slots", "1", "--slots=2");

    assert_int_equal(run.outcome, CONFIG_RUN);
    assert_string_equal(run.values.store, "here");
    assert_int_equal(run.values.slots, 2); /* the last one counts */
    assert_false(run.values.eager);
    finish(&run);
}

static void test_config__empty_variables_are_unset(void **state UNUSED)
{
    setenv("CHUNKSCRIBE_SLOTS", "", 1);
    struct run run = LOAD("--store=here");
    assert_int_equal(run.values.slots, 4);
    finish(&run);
}

static void test_config__refusals_name_key_source_and_bound(void **state UNUSED)
{
    assert_refused(LOAD("--store=x", "--slots=65"),
                   "prog: slots (from --slots): \"65\" must be 1 to 64\n");
    assert_refused(LOAD("--store=x", "--log-level=loud"),
                   "prog: log-level (from --log-level): \"loud\" must be one of debug, info, warn, "
                   "error\n");
    assert_refused(LOAD("--store=x", "--slot=5"),
                   "prog: --slot is not an option; did you mean --slots?\n");
    assert_refused(LOAD("--store=x", "--what-is-this=5"),
                   "prog: --what-is-this is not an option (see --help)\n");
    assert_refused(LOAD("--store=x", "--store-file=x"),
                   "prog: --store-file is not an option (see --help)\n");
    assert_refused(LOAD("--store"), "prog: --store needs a value\n");
    assert_refused(LOAD("--store=x", "stray"),
                   "prog: \"stray\" is no flag: options look like --name=value\n");
    assert_refused(LOAD("--store=x", "--"),
                   "prog: \"--\" is no flag: options look like --name=value\n");
    assert_refused(LOAD(NULL),
                   "prog: store is required: --store, CHUNKSCRIBE_STORE, or the file of "
                   "--config\n");
    assert_refused(LOAD("--store="), "prog: store is required: --store, CHUNKSCRIBE_STORE, or the "
                                     "file of --config\n");
    setenv("CHUNKSCRIBE_PATIENCE", "10", 1);
    assert_refused(LOAD("--store=x"),
                   "prog: patience (from CHUNKSCRIBE_PATIENCE): \"10\" must be a whole number with "
                   "a unit: ms, s, min, h or d, as in 30s\n");
}

static void test_config__refusals_name_file_and_line(void **state UNUSED)
{
    static const struct {
        const char *text, *error;
    } ROWS[] = {
        {"store = x\n\nslots = 0\n", "prog: slots (from %s:3): \"0\" must be 1 to 64\n"},
        {"store = x\nsolts = 5\n", "prog: %s:2: solts is not an option; did you mean slots?\n"},
        {"store = x\nbad line\n", "prog: %s:2: expected `name = value`\n"},
        {"store = x\nstore = y\n", "prog: %s:2: store stands in %s:1 already\n"},
    };

    for (size_t i = 0; i < ARRAY_LEN(ROWS); i++) {
        char path[] = "/tmp/config-test-XXXXXX";
        char error[256];

        write_file(path, ROWS[i].text);
        CLEANUP(mem_free_at) char *flag = mem_format("--config=%s", path);
        for (size_t in = 0, out = 0; out < sizeof error; in++) {
            bool is_path = strncmp(ROWS[i].error + in, "%s", 2) == 0;
            if (is_path)
                memcpy(error + out, path, sizeof path);
            else
                error[out] = ROWS[i].error[in];
            out += is_path ? sizeof path - 1 : 1;
            in += is_path;
            if (!is_path && ROWS[i].error[in] == '\0')
                break;
        }
        assert_refused(LOAD(flag), error);
        assert_int_equal(unlink(path), 0);
    }
    assert_refused(LOAD("--config=/nowhere/at-all"),
                   "prog: /nowhere/at-all cannot be opened: No such file or directory\n");
}

static void test_config__misspelt_variables_are_told_others_are_not(void **state UNUSED)
{
    setenv("CHUNKSCRIBE_SLOT", "5", 1);
    setenv("CHUNKSCRIBE_SOMETHING_ELSE", "5", 1);
    struct run run = LOAD("--store=x");
    assert_int_equal(run.outcome, CONFIG_RUN);
    assert_int_equal(run.values.slots, 4);
    assert_string_equal(
        run.errors,
        "prog: warning: CHUNKSCRIBE_SLOT is ignored; did you mean CHUNKSCRIBE_SLOTS?\n");
    finish(&run);
}

static void test_config__secrets_come_from_files(void **state UNUSED)
{
    char path[] = "/tmp/config-test-XXXXXX";

    write_file(path, "open sesame\n");
    CLEANUP(mem_free_at) char *flag = mem_format("--token-file=%s", path);
    struct run run = LOAD("--store=x", flag);
    assert_int_equal(run.outcome, CONFIG_RUN);
    assert_string_equal(run.values.token, "open sesame");
    finish(&run);

    setenv("CHUNKSCRIBE_TOKEN_FILE", path, 1);
    run = LOAD("--store=x");
    assert_string_equal(run.values.token, "open sesame");
    finish(&run);
    assert_int_equal(unlink(path), 0);
    assert_refused(LOAD("--store=x", "--token-file=/nowhere"),
                   "prog: --token-file names /nowhere, which cannot be opened: No such file or "
                   "directory\n");
}

/* The limit of a line is the limit of a value: nothing is cut in silence. */
static void test_config__too_long_lines_are_refused(void **state UNUSED)
{
    char path[] = "/tmp/config-test-XXXXXX";
    char text[10000] = "store = ";

    memset(text + strlen(text), 'x', sizeof text - strlen(text) - 1);
    write_file(path, text);
    CLEANUP(mem_free_at) char *secret_flag = mem_format("--token-file=%s", path);
    CLEANUP(mem_free_at) char *file_flag = mem_format("--config=%s", path);
    CLEANUP(mem_free_at)
    char *secret_error = mem_format(
        "prog: --token-file names %s, whose first line is longer than 8190 bytes\n", path);
    CLEANUP(mem_free_at)
    char *file_error = mem_format("prog: %s:1: longer than 8190 bytes\n", path);
    assert_refused(LOAD("--store=x", secret_flag), secret_error);
    assert_refused(LOAD(file_flag), file_error);
    assert_int_equal(unlink(path), 0);
}

static void test_config__print_masks_secrets_and_names_origins(void **state UNUSED)
{
    setenv("CHUNKSCRIBE_SLOTS", "7", 1);
    struct run run = LOAD("--store=x", "--token=sesame", "--print-config");
    assert_int_equal(run.outcome, CONFIG_EXIT_OK);
    assert_null(strstr(run.out, "sesame"));
    assert_non_null(strstr(run.out, "token = ********   (--token)\n"));
    assert_non_null(strstr(run.out, "slots = 7   (CHUNKSCRIBE_SLOTS)\n"));
    assert_non_null(strstr(run.out, "patience = 10s   (default)\n"));
    assert_non_null(strstr(run.out, "kafka-config: not set\n"));
    finish(&run);
}

static void test_config__refusals_do_not_show_secrets(void **state UNUSED)
{
    setenv("CHUNKSCRIBE_TOKEN", "sesame", 1);
    struct run run = LOAD("--slots=0", "--store=x");
    assert_int_equal(run.outcome, CONFIG_EXIT_USAGE);
    assert_null(strstr(run.errors, "sesame"));
    finish(&run);
}

static void test_config__questions_end_the_process(void **state UNUSED)
{
    struct run run = LOAD("--check", "--store=x");
    assert_int_equal(run.outcome, CONFIG_EXIT_OK);
    assert_string_equal(run.out, "prog: the configuration is valid\n");
    finish(&run);

    run = LOAD("--check"); /* the required option is missing */
    assert_int_equal(run.outcome, CONFIG_EXIT_USAGE);
    finish(&run);

    run = LOAD("--version");
    assert_int_equal(run.outcome, CONFIG_EXIT_OK);
    assert_memory_equal(run.out, "prog ", 5);
    finish(&run);
}

/* Help needs nothing valid, names every option with its variable, and keeps to a terminal. */
static void test_config__help(void **state UNUSED)
{
    struct run run = LOAD("--help");

    assert_int_equal(run.outcome, CONFIG_EXIT_OK);
    assert_string_equal(run.errors, "");
    for (const struct config_option *const *table = TABLES; *table != NULL; table++)
        for (const struct config_option *option = *table; option->name != NULL; option++) {
            CLEANUP(mem_free_at) char *flag = mem_format("\n    --%s=", option->name);
            assert_non_null(strstr(run.out, flag));
        }
    assert_non_null(strstr(run.out, "CHUNKSCRIBE_SHUTDOWN_GRACE"));
    assert_non_null(strstr(run.out, "How many at once. Default: 4. Allowed: 1 to 64."));
    assert_non_null(strstr(run.out, "Where things are. Required."));
    assert_null(strstr(run.out, "empty: none")); /* the replaced row */
    char *rest = NULL;
    for (char *line = strtok_r(run.out, "\n", &rest); line != NULL;
         line = strtok_r(NULL, "\n", &rest))
        assert_true(strlen(line) <= 92);
    finish(&run);
}

static void test_config__help_as_markdown(void **state UNUSED)
{
    struct run run = LOAD("--help=markdown");

    assert_int_equal(run.outcome, CONFIG_EXIT_OK);
    assert_non_null(strstr(run.out, "| `slots` | `4` | 1 to 64 | How many at once. |\n"));
    assert_non_null(strstr(run.out, "| `store` |  |  | Where things are. Required. |\n"));
    finish(&run);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_config__defaults, clear_environment),
        cmocka_unit_test_setup(test_config__precedence, clear_environment),
        cmocka_unit_test_setup(test_config__forms_of_a_flag, clear_environment),
        cmocka_unit_test_setup(test_config__empty_variables_are_unset, clear_environment),
        cmocka_unit_test_setup(test_config__refusals_name_key_source_and_bound, clear_environment),
        cmocka_unit_test_setup(test_config__refusals_name_file_and_line, clear_environment),
        cmocka_unit_test_setup(test_config__misspelt_variables_are_told_others_are_not,
                               clear_environment),
        cmocka_unit_test_setup(test_config__secrets_come_from_files, clear_environment),
        cmocka_unit_test_setup(test_config__too_long_lines_are_refused, clear_environment),
        cmocka_unit_test_setup(test_config__print_masks_secrets_and_names_origins,
                               clear_environment),
        cmocka_unit_test_setup(test_config__refusals_do_not_show_secrets, clear_environment),
        cmocka_unit_test_setup(test_config__questions_end_the_process, clear_environment),
        cmocka_unit_test_setup(test_config__help, clear_environment),
        cmocka_unit_test_setup(test_config__help_as_markdown, clear_environment),
    };
    return cmocka_run_group_tests_name("config", tests, NULL, NULL);
}
