/* SPDX-License-Identifier: Apache-2.0 */
#ifndef GATEWAY_PROGRESS_VIEW_H
#define GATEWAY_PROGRESS_VIEW_H

/*
 * How far along a progress_update is. The one that greets a reader comes from PostgreSQL, the
 * others from Kafka, where older ones may still be on their way: by their rank a reader tells which
 * to leave out, so that progress never falls. Pure.
 */

#include <stddef.h>
#include <stdint.h>

/* The steps done: chunks uploaded, plus chunks done or failed; 0 where the data has no counters. */
int64_t progress_view_rank(const char *data, size_t length);

#endif
