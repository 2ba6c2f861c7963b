/* SPDX-License-Identifier: Apache-2.0 */
#include "common/kafka_stats.h"

#include <json-c/json.h>
#include <limits.h>
#include <string.h>

static bool any_broker_is_up(struct json_object *root)
{
    struct json_object *brokers;
    struct json_object *state;
    struct json_object_iter broker;

    if (!json_object_object_get_ex(root, "brokers", &brokers) ||
        !json_object_is_type(brokers, json_type_object))
        return false;
    json_object_object_foreachC(brokers, broker)
    {
        if (json_object_object_get_ex(broker.val, "state", &state) &&
            json_object_is_type(state, json_type_string) &&
            strcmp(json_object_get_string(state), "UP") == 0)
            return true;
    }
    return false;
}

bool kafka_stats_is_up(const char *json, size_t length)
{
    struct json_tokener *tokener = json_tokener_new();
    struct json_object *root =
        length <= INT_MAX ? json_tokener_parse_ex(tokener, json, (int)length) : NULL;

    bool is_up = root != NULL && any_broker_is_up(root);
    json_object_put(root);
    json_tokener_free(tokener);
    return is_up;
}
