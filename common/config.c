/* SPDX-License-Identifier: Apache-2.0 */
#include "common/config.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "common/config_own.h"
#include "common/config_value.h"
#include "common/mem.h"

/* The file is named by a flag or a variable, so it is read last. */
static bool read_environment_and_file(struct config *config)
{
    bool is_file;

    if (!config_read_environment(config, environ))
        return false;
    const struct config_setting *setting = config_find(config, "config", &is_file);
    return setting == NULL || setting->text == NULL || config_read_file(config, setting->text);
}

static void set_default(struct config_setting *setting)
{
    if (setting->text == NULL && setting->option->fallback != NULL) {
        setting->text = mem_copy_string(setting->option->fallback);
        setting->where = mem_copy_string("default");
    }
}

static bool refuse_value(const struct config *config, const struct config_setting *setting,
                         const char *why)
{
    bool is_secret = (setting->option->flags & CONFIG_SECRET) != 0;

    return config_refuse(config, "%s (from %s): \"%s\" %s", setting->option->name, setting->where,
                         is_secret ? "..." : setting->text, why);
}

static void write_value(const struct config_setting *setting, struct config_value value,
                        char *values)
{
    void *target = values + setting->option->offset;

    switch (setting->option->type) {
    case CONFIG_STRING:
        *(char **)target = setting->text;
        break;
    case CONFIG_INT:
    case CONFIG_SIZE:
    case CONFIG_TIME:
        *(int64_t *)target = value.number;
        break;
    case CONFIG_BOOL:
        *(bool *)target = value.truth;
        break;
    }
}

/* Checks one setting and writes its value, which is NULL, 0 or false when unset. */
static bool apply(const struct config *config, const struct config_setting *setting, char *values)
{
    const struct config_option *option = setting->option;
    struct config_value value = {0};
    struct buf why;

    bool is_missing = setting->text == NULL || *setting->text == '\0';
    if (is_missing && (option->flags & CONFIG_REQUIRED) != 0) {
        CLEANUP(mem_free_at) char *variable = config_environment_name(option->name);
        return config_refuse(config, "%s is required: --%s, %s, or the file of --config",
                             option->name, option->name, variable);
    }
    buf_init(&why, 4096);
    bool is_good = setting->text == NULL ||
                   config_value_parse(option, setting->text, &value, &why) ||
                   refuse_value(config, setting, buf_string(&why));
    buf_done(&why);
    if (is_good)
        write_value(setting, value, values);
    return is_good;
}

static bool apply_all(struct config *config, void *ret_values)
{
    for (size_t i = 0; i < config->setting_count; i++) {
        set_default(&config->settings[i]);
        if (!apply(config, &config->settings[i], ret_values))
            return false;
    }
    return true;
}

/* Answers what needs no valid configuration. */
static bool answer_early(const struct config *config)
{
    if (config->request == CONFIG_ASK_HELP)
        config_print_help(config);
    else if (config->request == CONFIG_ASK_HELP_MARKDOWN)
        config_print_help_markdown(config);
    else if (config->request == CONFIG_ASK_VERSION)
        (void)printf("%s %s\n", config->program, CHUNKSCRIBE_VERSION);
    else
        return false;
    return true;
}

static enum config_outcome load(struct config *config, int argc, char **argv, void *ret_values)
{
    if (!config_read_flags(config, argc, argv))
        return CONFIG_EXIT_USAGE;
    if (answer_early(config))
        return CONFIG_EXIT_OK;
    if (!read_environment_and_file(config) || !apply_all(config, ret_values))
        return CONFIG_EXIT_USAGE;
    if (config->request == CONFIG_ASK_RUN)
        return CONFIG_RUN;
    if (config->request == CONFIG_ASK_PRINT)
        config_print_values(config);
    else
        (void)printf("%s: the configuration is valid\n", config->program);
    return CONFIG_EXIT_OK;
}

enum config_outcome config_load(const struct config_option *const *tables, const char *program,
                                int argc, char **argv, void *ret_values, struct config **ret_config)
{
    struct config *config = config_new(tables, program);
    enum config_outcome outcome = load(config, argc, argv, ret_values);

    if (outcome == CONFIG_RUN)
        *ret_config = config;
    else
        config_free(config);
    return outcome;
}
