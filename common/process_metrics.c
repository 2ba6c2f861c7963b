/* SPDX-License-Identifier: Apache-2.0 */
#include "common/process_metrics.h"

#include <dirent.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "common/attrs.h"

/* The fields of proc(5) "stat" that follow the command's name, from 3 (state) on. */
#define STAT_FIRST_FIELD 3
#define STAT_USER_TICKS 14
#define STAT_SYSTEM_TICKS 15
#define STAT_START_TICKS 22
#define STAT_VIRTUAL_BYTES 23
#define STAT_RESIDENT_PAGES 24

struct process_stat {
    uint64_t field[STAT_RESIDENT_PAGES + 1];
};

static void append_head(struct buf *out, const char *name, const char *type, const char *help)
{
    buf_append_format(out, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

static void append_whole(struct buf *out, const char *name, const char *help, uint64_t value)
{
    append_head(out, name, "gauge", help);
    buf_append_format(out, "%s %" PRIu64 "\n", name, value);
}

/* The first line of a file of /proc that begins with `start`, without it. */
static bool read_line(const char *path, const char *start, char *ret_rest, size_t size)
{
    char line[1024];
    bool is_found = false;
    FILE *file = fopen(path, "re");

    if (file == NULL)
        return false;
    while (!is_found && fgets(line, sizeof line, file) != NULL)
        is_found = strncmp(line, start, strlen(start)) == 0;
    (void)fclose(file); /* only read */
    if (is_found)
        (void)snprintf(ret_rest, size, "%s", line + strlen(start));
    return is_found;
}

/* The command's name, in parentheses, may itself hold spaces and parentheses. */
static bool read_stat(struct process_stat *ret_stat)
{
    char line[1024];
    char *rest = NULL;

    if (!read_line("/proc/self/stat", "", line, sizeof line))
        return false;
    char *name_end = strrchr(line, ')');
    if (name_end == NULL)
        return false;
    char *text = strtok_r(name_end + 1, " ", &rest);
    for (size_t i = STAT_FIRST_FIELD; i < ARRAY_LEN(ret_stat->field); i++) {
        if (text == NULL)
            return false;
        ret_stat->field[i] = strtoull(text, NULL, 10);
        text = strtok_r(NULL, " ", &rest);
    }
    return true;
}

static bool read_boot_time(uint64_t *ret_seconds)
{
    char text[64];

    if (!read_line("/proc/stat", "btime ", text, sizeof text))
        return false;
    *ret_seconds = strtoull(text, NULL, 10);
    return true;
}

static void append_stat(const struct process_stat *stat, struct buf *out)
{
    double ticks_per_second = (double)sysconf(_SC_CLK_TCK);
    double cpu = (double)(stat->field[STAT_USER_TICKS] + stat->field[STAT_SYSTEM_TICKS]);
    uint64_t page_size = (uint64_t)sysconf(_SC_PAGESIZE);
    uint64_t boot_seconds;

    append_head(out, "process_cpu_seconds_total", "counter", "User and system CPU time.");
    buf_append_format(out, "process_cpu_seconds_total %.2f\n", cpu / ticks_per_second);
    append_whole(out, "process_resident_memory_bytes", "Resident memory.",
                 stat->field[STAT_RESIDENT_PAGES] * page_size);
    append_whole(out, "process_virtual_memory_bytes", "Virtual memory.",
                 stat->field[STAT_VIRTUAL_BYTES]);
    if (!read_boot_time(&boot_seconds))
        return;
    append_head(out, "process_start_time_seconds", "gauge", "Start of the process since 1970.");
    buf_append_format(out, "process_start_time_seconds %.2f\n",
                      (double)boot_seconds +
                          (double)stat->field[STAT_START_TICKS] / ticks_per_second);
}

static void append_open_files(struct buf *out)
{
    DIR *descriptors = opendir("/proc/self/fd");
    struct rlimit limit;
    uint64_t count = 0;

    if (descriptors != NULL) {
        for (const struct dirent *entry; (entry = readdir(descriptors)) != NULL;)
            count += entry->d_name[0] != '.';
        (void)closedir(descriptors);
        /* Less the one that this function had open. */
        append_whole(out, "process_open_fds", "Open file descriptors.", count - 1);
    }
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0)
        append_whole(out, "process_max_fds", "Limit of open file descriptors.", limit.rlim_cur);
}

void process_metrics_format(struct buf *out)
{
    struct process_stat stat;

    if (read_stat(&stat))
        append_stat(&stat, out);
    append_open_files(out);
}
