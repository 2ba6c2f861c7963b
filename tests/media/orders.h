/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TESTS_MEDIA_ORDERS_H
#define TESTS_MEDIA_ORDERS_H

/*
 * What comes of a recording whose chunks arrive in every order. A chunk sees those neighbours that
 * came before it, so that an order matters by one bit for each border: which side came later.
 * Positions are then put together as the assembler does: from absolute times where they are told,
 * else from the sums. Chunks that own no audio are passed over.
 */

#include <stdint.h>

#include "tests/media/chunked.h"

/* A chunk's report in each state. */
struct orders_chunk {
    struct media_report reports[CHUNKED_STATES];
    int64_t true_start; /* of its first owned sample */
};

/* The worst of all orders. */
struct orders_result {
    int64_t orders;
    int64_t lost;    /* samples that no chunk owns */
    int64_t doubled; /* that two own */
    int64_t position_error;
    int64_t unspanned; /* borders that neither reading crosses */
    int64_t unjoined;  /* where one chunk ends on another byte than the next one begins */
};

/* All 2^(count - 1) of them if they are few, else some thousand. `true_end`: behind the last
 * sample. */
struct orders_result orders_try(const struct orders_chunk *chunks, int64_t count, int64_t true_end);

#endif
