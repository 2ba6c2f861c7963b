/* SPDX-License-Identifier: Apache-2.0 */
#ifndef GATEWAY_SSE_TURNS_H
#define GATEWAY_SSE_TURNS_H

/*
 * Turns to have a page of events in memory: only so many at a time, in the order of asking.
 * Thousands of readers that come back at once cost no more memory than a few.
 */

#include <stdbool.h>
#include <sys/queue.h>

/* Embedded by the one who asks; `on_turn` and `context` are set once. */
struct sse_turn {
    void (*on_turn)(void *context);
    void *context;
    bool is_waiting;
    TAILQ_ENTRY(sse_turn) link;
};

TAILQ_HEAD(sse_turn_queue, sse_turn);

struct sse_turns {
    struct sse_turn_queue waiting;
    unsigned free;
};

void sse_turns_init(struct sse_turns *turns, unsigned count);
/* Runs `on_turn` when its turn has come, perhaps inside this call; then sse_turns_give_back(). */
void sse_turns_ask(struct sse_turns *turns, struct sse_turn *turn);
/* If it still waits. */
void sse_turns_withdraw(struct sse_turns *turns, struct sse_turn *turn);
void sse_turns_give_back(struct sse_turns *turns);

#endif
