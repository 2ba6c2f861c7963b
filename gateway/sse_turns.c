/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/sse_turns.h"

#include <assert.h>
#include <stddef.h>

void sse_turns_init(struct sse_turns *turns, unsigned count)
{
    TAILQ_INIT(&turns->waiting);
    turns->free = count;
}

static void serve(struct sse_turns *turns)
{
    struct sse_turn *turn;

    while (turns->free > 0 && (turn = TAILQ_FIRST(&turns->waiting)) != NULL) {
        sse_turns_withdraw(turns, turn);
        turns->free--;
        turn->on_turn(turn->context);
    }
}

void sse_turns_ask(struct sse_turns *turns, struct sse_turn *turn)
{
    assert(!turn->is_waiting);
    turn->is_waiting = true;
    TAILQ_INSERT_TAIL(&turns->waiting, turn, link);
    serve(turns);
}

void sse_turns_withdraw(struct sse_turns *turns, struct sse_turn *turn)
{
    if (!turn->is_waiting)
        return;
    turn->is_waiting = false;
    TAILQ_REMOVE(&turns->waiting, turn, link);
}

void sse_turns_give_back(struct sse_turns *turns)
{
    turns->free++;
    serve(turns);
}
