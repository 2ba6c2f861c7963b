/* SPDX-License-Identifier: Apache-2.0 */
#ifndef COMMON_LOOP_H
#define COMMON_LOOP_H

/*
 * The event loop of a process: a libevent base with what libevent lacks. All calls on the loop's
 * thread except loop_post().
 */

#include <event2/event.h>
#include <stdint.h>

#include "common/attrs.h"

struct loop;

void loop_free(struct loop *loop);
struct loop *loop_new(void) FREED_BY(loop_free);
struct event_base *loop_base(struct loop *loop);
/* Until loop_stop(); not at all if that was called before. */
void loop_run(struct loop *loop);
void loop_stop(struct loop *loop);

/* Calls free_fn(object) after the present callback has returned: never free an object inside a
 * callback of its own. What is still deferred is freed by loop_free(). */
void loop_defer_free(struct loop *loop, void (*free_fn)(void *object), void *take_object);

/* Begins the time of a timer, anew if it was running. It can end early by what the present
 * callbacks have taken: libevent counts from when it began to call back. */
void loop_start_timer(struct event *timer, uint64_t delay_us);

/* From any thread: runs call(context) on the loop's thread, in the order posted. What hasn't run
 * when the loop is freed never runs. */
void loop_post(struct loop *loop, void (*call)(void *context), void *context);

/* The worst delay of the last 10 to 20 seconds by which the loop ran a timer that was due, in
 * microseconds: what one callback made all others wait. */
uint64_t loop_lag_us(const struct loop *loop);

#endif
