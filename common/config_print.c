/* SPDX-License-Identifier: Apache-2.0 */
#include "common/config_own.h"

/* What the table of options prints: help, its Markdown form for the documentation, and the values
 * in force. */

#include <stdio.h>
#include <string.h>

#include "common/buf.h"
#include "common/config_value.h"
#include "common/mem.h"

#define HELP_COLUMNS 92
#define HELP_INDENT "        "

/* Breaks at spaces before HELP_COLUMNS. */
static void print_wrapped(const char *text)
{
    size_t room = HELP_COLUMNS - strlen(HELP_INDENT);

    while (*text != '\0') {
        size_t length = strlen(text);
        if (length > room) {
            length = room;
            while (length > 0 && text[length] != ' ')
                length--;
            if (length == 0) /* one word longer than the line */
                length = strcspn(text, " ");
        }
        (void)printf(HELP_INDENT "%.*s\n", (int)length, text);
        text += length;
        text += strspn(text, " ");
    }
}

/* "Default 30s; 0s to 1h." and the like; nothing when there is nothing to say. */
static void append_rules(const struct config_option *option, struct buf *out)
{
    struct buf allowed;

    if ((option->flags & CONFIG_REQUIRED) != 0 && option->fallback == NULL)
        buf_append_string(out, " Required.");
    else if (option->fallback != NULL && *option->fallback != '\0')
        buf_append_format(out, " Default: %s.", option->fallback);
    buf_init(&allowed, 4096);
    config_value_format_allowed(option, &allowed);
    if (allowed.length > 0)
        buf_append_format(out, " Allowed: %s.", buf_string(&allowed));
    buf_done(&allowed);
    if ((option->flags & CONFIG_SECRET) != 0)
        buf_append_format(out, " Secret: better given by --%s-file=PATH.", option->name);
}

static void print_option(const struct config_option *option)
{
    CLEANUP(mem_free_at) char *variable = config_environment_name(option->name);
    struct buf text;

    buf_init(&text, 65536);
    buf_append_string(&text, option->help);
    append_rules(option, &text);
    (void)printf("\n    --%s=%s   %s\n", option->name, config_value_placeholder(option->type),
                 variable);
    print_wrapped(buf_string(&text));
    buf_done(&text);
}

void config_print_help(const struct config *config)
{
    (void)printf("Usage: %s [--name=value]...\n\n"
                 "Each option is a flag, an environment variable, or a line `name = value` of the\n"
                 "file named by --config, in this order of precedence. TIME needs a unit (ms, s,\n"
                 "min, h, d); SIZE is in bytes or has one (KiB, MiB, GiB).\n",
                 config->program);
    for (size_t i = 0; i < config->setting_count; i++)
        print_option(config->settings[i].option);
    (void)printf("\n    --check          check the configuration and exit (0: valid, 2: not)\n"
                 "    --print-config   print each value and where it comes from, and exit\n"
                 "    --version        print the version and exit\n"
                 "    --help           print this and exit; --help=markdown as a table\n");
}

/* A `|` would end the cell. */
static void print_cell(const char *text)
{
    for (; *text != '\0'; text++) {
        if (*text == '|')
            (void)putchar('\\');
        (void)putchar(*text);
    }
}

static void print_row(const struct config_option *option)
{
    struct buf allowed;

    buf_init(&allowed, 4096);
    config_value_format_allowed(option, &allowed);
    bool has_default = option->fallback != NULL && *option->fallback != '\0';
    (void)printf("| `%s` | %s%s%s | %s | ", option->name, has_default ? "`" : "",
                 has_default ? option->fallback : "", has_default ? "`" : "", buf_string(&allowed));
    print_cell(option->help);
    if ((option->flags & CONFIG_REQUIRED) != 0 && !has_default)
        print_cell(" Required.");
    if ((option->flags & CONFIG_SECRET) != 0)
        (void)printf(" Secret: also read from the file `%s-file`.", option->name);
    (void)printf(" |\n");
    buf_done(&allowed);
}

void config_print_help_markdown(const struct config *config)
{
    (void)printf("| option | default | allowed | what it does |\n|---|---|---|---|\n");
    for (size_t i = 0; i < config->setting_count; i++)
        print_row(config->settings[i].option);
}

void config_print_values(const struct config *config)
{
    for (size_t i = 0; i < config->setting_count; i++) {
        const struct config_setting *setting = &config->settings[i];
        bool is_secret = (setting->option->flags & CONFIG_SECRET) != 0;

        if (setting->text == NULL)
            (void)printf("%s: not set\n", setting->option->name);
        else
            (void)printf("%s = %s   (%s)\n", setting->option->name,
                         is_secret && *setting->text != '\0' ? "********" : setting->text,
                         setting->where);
    }
}
