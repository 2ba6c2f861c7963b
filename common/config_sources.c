/* SPDX-License-Identifier: Apache-2.0 */
#include "common/config_own.h"

/* Where options come from: the command line, the environment, the file named by --config. */

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "common/mem.h"

#define FILE_LINE_LIMIT 8192

struct word {
    const char *name;
    enum config_request request;
};

static const struct word REQUEST_FLAGS[] = {
    {"--help", CONFIG_ASK_HELP},       {"-h", CONFIG_ASK_HELP},
    {"--version", CONFIG_ASK_VERSION}, {"--help=markdown", CONFIG_ASK_HELP_MARKDOWN},
    {"--check", CONFIG_ASK_CHECK},     {"--print-config", CONFIG_ASK_PRINT},
};

static void set(struct config_setting *setting, enum config_origin origin, char *take_text,
                char *take_where)
{
    free(setting->text);
    free(setting->where);
    setting->origin = origin;
    setting->text = take_text;
    setting->where = take_where;
}

/* The first line of a secret's file, which nearly always ends with a newline that isn't meant. */
static char *read_secret(const struct config *config, const char *path, const char *where)
{
    char line[FILE_LINE_LIMIT];
    FILE *file = fopen(path, "re");

    if (file == NULL) {
        (void)config_refuse(config, "%s names %s, which cannot be opened: %s", where, path,
                            strerror(errno));
        return NULL;
    }
    bool is_read = fgets(line, sizeof line, file) != NULL;
    (void)fclose(file); /* only read */
    if (!is_read) {
        (void)config_refuse(config, "%s names %s, which is empty", where, path);
        return NULL;
    }
    if (strlen(line) == sizeof line - 1) {
        (void)config_refuse(config, "%s names %s, whose first line is longer than %zu bytes", where,
                            path, sizeof line - 2);
        return NULL;
    }
    line[strcspn(line, "\r\n")] = '\0';
    return mem_copy_string(line);
}

/* Takes a value from a source unless a higher one has set the option. */
static bool offer(struct config *config, struct config_setting *setting, bool is_file,
                  enum config_origin origin, const char *text, const char *where)
{
    if (setting->text != NULL && setting->origin > origin)
        return true;
    char *value = is_file ? read_secret(config, text, where) : mem_copy_string(text);
    if (value == NULL)
        return false;
    set(setting, origin, value, mem_copy_string(where));
    return true;
}

static bool refuse_unknown(const struct config *config, const char *what, const char *prefix,
                           const char *name)
{
    const char *nearest = config_nearest_name(config, name);

    if (nearest == NULL)
        return config_refuse(config, "%s%s%s is not an option (see --help)", what, prefix, name);
    return config_refuse(config, "%s%s%s is not an option; did you mean %s%s?", what, prefix, name,
                         prefix, nearest);
}

static bool read_request(struct config *config, const char *argument)
{
    for (size_t i = 0; i < ARRAY_LEN(REQUEST_FLAGS); i++)
        if (strcmp(argument, REQUEST_FLAGS[i].name) == 0) {
            config->request = REQUEST_FLAGS[i].request;
            return true;
        }
    return false;
}

/* `*at` is the flag's index; moved to its value when that is an argument of its own. */
static bool read_flag(struct config *config, int argc, char **argv, int *at)
{
    const char *argument = argv[*at];
    bool is_file;

    if (strncmp(argument, "--", 2) != 0 || argument[2] == '\0')
        return config_refuse(config, "\"%s\" is no flag: options look like --name=value", argument);
    size_t length = strcspn(argument, "=");
    CLEANUP(mem_free_at) char *where = mem_copy(argument, length);
    struct config_setting *setting = config_find(config, where + 2, &is_file);
    if (setting == NULL)
        return refuse_unknown(config, "", "--", where + 2);
    const char *value = argument[length] == '=' ? argument + length + 1 : NULL;
    if (value == NULL && setting->option->type == CONFIG_BOOL)
        value = "true";
    if (value == NULL && *at + 1 < argc)
        value = argv[++*at];
    if (value == NULL)
        return config_refuse(config, "%s needs a value", where);
    return offer(config, setting, is_file, CONFIG_FROM_FLAG, value, where);
}

bool config_read_flags(struct config *config, int argc, char **argv)
{
    for (int i = 1; i < argc; i++)
        if (!read_request(config, argv[i]) && !read_flag(config, argc, argv, &i))
            return false;
    return true;
}

/* "listen" for "LISTEN=..."; owned by the caller. */
static char *option_name_of(const char *assignment)
{
    char *name = mem_copy(assignment, strcspn(assignment, "="));

    for (char *c = name; *c != '\0'; c++) {
        if (*c >= 'A' && *c <= 'Z')
            *c = (char)(*c - 'A' + 'a');
        if (*c == '_')
            *c = '-';
    }
    return name;
}

/* An unknown variable may well be another process's option: it is worth a word only when it looks
 * misspelt. */
static void warn_of_variable(const struct config *config, const char *option_name)
{
    const char *nearest = config_nearest_name(config, option_name);

    if (nearest == NULL)
        return;
    CLEANUP(mem_free_at) char *unknown = config_environment_name(option_name);
    CLEANUP(mem_free_at) char *meant = config_environment_name(nearest);
    (void)config_refuse(config, "warning: %s is ignored; did you mean %s?", unknown, meant);
}

static bool read_variable(struct config *config, const char *assignment)
{
    CLEANUP(mem_free_at) char *name = option_name_of(assignment + strlen(ENVIRONMENT_PREFIX));
    CLEANUP(mem_free_at) char *where = mem_copy(assignment, strcspn(assignment, "="));
    const char *value = assignment + strlen(where) + 1;
    bool is_file;

    if (*value == '\0')
        return true; /* what is set but empty counts as unset, as in Compose's ${NAME:-} */
    struct config_setting *setting = config_find(config, name, &is_file);
    if (setting == NULL) {
        warn_of_variable(config, name);
        return true;
    }
    return offer(config, setting, is_file, CONFIG_FROM_ENVIRONMENT, value, where);
}

bool config_read_environment(struct config *config, char **environment)
{
    /* NULL after clearenv(). */
    for (char **variable = environment; variable != NULL && *variable != NULL; variable++)
        if (strncmp(*variable, ENVIRONMENT_PREFIX, strlen(ENVIRONMENT_PREFIX)) == 0 &&
            strchr(*variable, '=') != NULL && !read_variable(config, *variable))
            return false;
    return true;
}

/* Cuts white space off both ends, in place. */
static char *trim(char *text)
{
    text += strspn(text, " \t");
    size_t length = strlen(text);
    while (length > 0 && strchr(" \t\r\n", text[length - 1]) != NULL)
        text[--length] = '\0';
    return text;
}

static bool read_line(struct config *config, char *line, const char *where)
{
    char *name = trim(line);
    bool is_file;

    if (*name == '\0' || *name == '#')
        return true;
    char *equals = strchr(name, '=');
    if (equals == NULL)
        return config_refuse(config, "%s: expected `name = value`", where);
    *equals = '\0';
    name = trim(name);
    struct config_setting *setting = config_find(config, name, &is_file);
    if (setting == NULL) {
        CLEANUP(mem_free_at) char *what = mem_format("%s: ", where);
        return refuse_unknown(config, what, "", name);
    }
    if (setting->text != NULL && setting->origin == CONFIG_FROM_FILE)
        return config_refuse(config, "%s: %s stands in %s already", where, name, setting->where);
    return offer(config, setting, is_file, CONFIG_FROM_FILE, trim(equals + 1), where);
}

static bool read_lines(struct config *config, FILE *file, const char *path)
{
    char line[FILE_LINE_LIMIT];

    for (unsigned number = 1; fgets(line, sizeof line, file) != NULL; number++) {
        CLEANUP(mem_free_at) char *where = mem_format("%s:%u", path, number);
        if (strlen(line) == sizeof line - 1)
            return config_refuse(config, "%s: longer than %zu bytes", where, sizeof line - 2);
        if (!read_line(config, line, where))
            return false;
    }
    if (ferror(file))
        return config_refuse(config, "%s cannot be read: %s", path, strerror(errno));
    return true;
}

bool config_read_file(struct config *config, const char *path)
{
    FILE *file = fopen(path, "re");

    if (file == NULL)
        return config_refuse(config, "%s cannot be opened: %s", path, strerror(errno));
    bool is_read = read_lines(config, file, path);
    (void)fclose(file); /* only read */
    return is_read;
}
