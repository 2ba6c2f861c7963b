/* SPDX-License-Identifier: Apache-2.0 */
/* chunkscribe-gateway: HTTP and event streams in front of Kafka and PostgreSQL. */
#include <stdio.h>
#include <string.h>

#include "common/config.h"
#include "common/fault_point.h"
#include "common/log.h"
#include "common/loop.h"
#include "common/service.h"
#include "gateway/gateway.h"
#include "gateway/gateway_options.h"
#include "gateway/publish.h"

struct process {
    struct service *service;
    struct gateway *gateway;
};

static void on_empty(void *context)
{
    struct process *process = context;

    service_drained(process->service);
}

static void on_drain(void *context)
{
    struct process *process = context;

    gateway_drain(process->gateway, on_empty, process);
}

static enum exit_code run(const struct gateway_options *options,
                          const struct listen_address *listen)
{
    struct process process = {0};
    struct loop *loop = loop_new();
    enum exit_code code = EXIT_DEPENDENCY;
    struct err err;

    process.service =
        service_new(loop, (uint64_t)options->common.shutdown_grace_us, on_drain, &process);
    if (gateway_start(loop, options, listen, &process.gateway, &err))
        code = service_run(process.service);
    else
        log_error("start_failed", "the gateway cannot start", LOG_ERR(&err));
    gateway_free(process.gateway);
    service_free(process.service);
    loop_free(loop);
    return code;
}

int main(int argc, char **argv)
{
    static const struct config_option *const TABLES[] = {CONFIG_COMMON_OPTIONS, GATEWAY_OPTIONS,
                                                         NULL};
    struct gateway_options options = {0};
    struct listen_address listen;
    struct config *config = NULL;
    struct err err;

    if (fault_points_listed(argc, argv, FAULT_OF_GATEWAY, PUBLISH_TOPICS))
        return EXIT_ASKED;
    enum config_outcome outcome =
        config_load(TABLES, "chunkscribe-gateway", argc, argv, &options, &config);
    if (outcome != CONFIG_RUN)
        return outcome == CONFIG_EXIT_OK ? EXIT_ASKED : EXIT_USAGE;
    if (!gateway_options_check(&options, &listen, &err)) {
        (void)fprintf(stderr, "chunkscribe-gateway: %s\n", err.message);
        config_free(config);
        return EXIT_USAGE;
    }
    log_init("gateway", log_level_from_name(options.common.log_level),
             strcmp(options.common.log_format, "json") == 0);
    enum exit_code code = run(&options, &listen);
    config_free(config);
    return (int)code;
}
