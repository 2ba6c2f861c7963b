/* SPDX-License-Identifier: Apache-2.0 */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "common/config_own.h"
#include "common/mem.h"
#include "common/spelling.h"

/* A later table's option takes the place of an earlier one's of the same name. */
static void add_option(struct config *config, const struct config_option *option)
{
    for (size_t i = 0; i < config->setting_count; i++)
        if (strcmp(config->settings[i].option->name, option->name) == 0) {
            config->settings[i].option = option;
            return;
        }
    config->settings =
        mem_resize(config->settings, config->setting_count + 1, sizeof *config->settings);
    config->settings[config->setting_count++] = (struct config_setting){.option = option};
}

struct config *config_new(const struct config_option *const *tables, const char *program)
{
    struct config *config = mem_new(sizeof *config);

    config->program = program;
    for (; *tables != NULL; tables++)
        for (const struct config_option *option = *tables; option->name != NULL; option++)
            add_option(config, option);
    return config;
}

void config_free(struct config *config)
{
    if (config == NULL)
        return;
    for (size_t i = 0; i < config->setting_count; i++) {
        free(config->settings[i].text);
        free(config->settings[i].where);
    }
    free(config->settings);
    free(config);
}

struct config_setting *config_find(const struct config *config, const char *name, bool *ret_is_file)
{
    for (size_t i = 0; i < config->setting_count; i++) {
        struct config_setting *setting = &config->settings[i];
        size_t length = strlen(setting->option->name);

        if (strncmp(name, setting->option->name, length) != 0)
            continue;
        *ret_is_file =
            (setting->option->flags & CONFIG_SECRET) != 0 && strcmp(name + length, "-file") == 0;
        if (name[length] == '\0' || *ret_is_file)
            return setting;
    }
    return NULL;
}

const char *config_nearest_name(const struct config *config, const char *name)
{
    struct spelling_guess guess = {0};

    for (size_t i = 0; i < config->setting_count; i++)
        spelling_offer(&guess, name, config->settings[i].option->name);
    return guess.name;
}

char *config_environment_name(const char *option_name)
{
    char *name = mem_format(ENVIRONMENT_PREFIX "%s", option_name);

    for (char *c = name; *c != '\0'; c++) {
        if (*c >= 'a' && *c <= 'z')
            *c = (char)(*c - 'a' + 'A');
        if (*c == '-')
            *c = '_';
    }
    return name;
}

bool config_refuse(const struct config *config, const char *format, ...)
{
    va_list args;

    (void)fprintf(stderr, "%s: ", config->program);
    va_start(args, format);
    (void)vfprintf(stderr, format, args);
    va_end(args);
    (void)fputc('\n', stderr);
    return false;
}
