/* SPDX-License-Identifier: Apache-2.0 */
#include "common/fault_point.h"

#ifdef CHUNKSCRIBE_FAULT_POINTS

#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/attrs.h"

#define VARIABLE "CHUNKSCRIBE_FAULT"
#define FAULTS_MAX 16
#define NAME_SIZE 64

enum action { ACTION_KILL, ACTION_DELAY, ACTION_ERROR, ACTION_COUNT };

static const char *const ACTIONS[ACTION_COUNT] = {"kill", "delay", "error"};

struct fault {
    char point[NAME_SIZE];
    enum action action;
    unsigned passages_left; /* 0: has happened */
};

struct point {
    const char *name;
    unsigned owners;
    bool is_by_topic;
};

static const struct point POINTS[FAULT_POINT_COUNT] = {
#define POINT(identifier, name, owners, by_topic) {name, owners, by_topic},
    FAULT_POINTS(POINT)
#undef POINT
};

static pthread_once_t is_read = PTHREAD_ONCE_INIT;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct fault faults[FAULTS_MAX];
static size_t fault_count;

static void refuse(const char *what)
{
    (void)fprintf(stderr, VARIABLE ": %s\n", what);
    abort();
}

static enum action action_of(const char *name)
{
    for (int i = 0; i < ACTION_COUNT; i++)
        if (strcmp(ACTIONS[i], name) == 0)
            return (enum action)i;
    refuse(name);
    return ACTION_COUNT;
}

/* A name that no point has would make a test pass for nothing. */
static void check_point(const char *name)
{
    size_t length = strcspn(name, ".");

    for (size_t i = 0; i < ARRAY_LEN(POINTS); i++)
        if (strlen(POINTS[i].name) == length && strncmp(POINTS[i].name, name, length) == 0 &&
            POINTS[i].is_by_topic == (name[length] == '.'))
            return;
    refuse(name);
}

static void read_fault(const char *text)
{
    struct fault *fault = &faults[fault_count++];
    char action[8];

    fault->passages_left = 1;
    if (sscanf(text, "%63[^:]:%7[^:]:%u", fault->point, action, &fault->passages_left) < 2 ||
        fault->passages_left == 0)
        refuse(text);
    check_point(fault->point);
    fault->action = action_of(action);
}

static void read_faults(void)
{
    const char *value = getenv(VARIABLE);
    char *copy = strdup(value != NULL ? value : "");
    char *rest = NULL;

    for (char *text = strtok_r(copy, ",", &rest); text != NULL; text = strtok_r(NULL, ",", &rest)) {
        if (fault_count == FAULTS_MAX)
            refuse("too many");
        read_fault(text);
    }
    free(copy);
}

static struct fault *due_fault(const char *name)
{
    for (size_t i = 0; i < fault_count; i++)
        if (strcmp(faults[i].point, name) == 0 && faults[i].passages_left > 0 &&
            --faults[i].passages_left == 0)
            return &faults[i];
    return NULL;
}

static bool happen(const struct fault *fault)
{
    (void)fprintf(stderr, "fault_point %s %s\n", fault->point, ACTIONS[fault->action]);
    if (fault->action == ACTION_KILL)
        (void)raise(SIGKILL);
    if (fault->action == ACTION_DELAY)
        (void)usleep(FAULT_DELAY_MS * 1000);
    return fault->action == ACTION_ERROR;
}

bool fault_point(enum fault_point point, const char *topic)
{
    char name[NAME_SIZE];
    struct fault *fault;

    (void)pthread_once(&is_read, read_faults);
    (void)snprintf(name, sizeof name, "%s%s%s", POINTS[point].name, topic != NULL ? "." : "",
                   topic != NULL ? topic : "");
    (void)pthread_mutex_lock(&lock);
    fault = due_fault(name);
    (void)pthread_mutex_unlock(&lock);
    return fault != NULL && happen(fault);
}

bool fault_points_listed(int argc, char **argv, enum fault_owner owner, const char *const *topics)
{
    if (argc != 2 || strcmp(argv[1], "--list-fault-points") != 0)
        return false;
    for (size_t i = 0; i < ARRAY_LEN(POINTS); i++) {
        if ((POINTS[i].owners & owner) == 0)
            continue;
        if (!POINTS[i].is_by_topic)
            (void)printf("%s\n", POINTS[i].name);
        for (size_t j = 0; POINTS[i].is_by_topic && topics[j] != NULL; j++)
            (void)printf("%s.%s\n", POINTS[i].name, topics[j]);
    }
    return true;
}

#endif
