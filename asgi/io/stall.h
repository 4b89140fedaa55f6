/* Does the application's thread go on? While there is traffic, the I/O thread
 * rings it a few times a second; if it does not answer for STALL_LIMIT, its
 * loop is blocked, and somebody who may wait for the GIL is told, once.
 *
 * All but stall_answer runs on the I/O thread.
 */

#ifndef HMR_ASGI_STALL_H
#define HMR_ASGI_STALL_H

#include "io.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

enum {
    STALL_TICK = 250,    /* milliseconds between two questions */
    STALL_LIMIT = 1000,  /* ... without an answer: it is blocked */
    STALL_QUIET = 10000, /* ... without traffic: no more questions */
};

struct stall {
    struct io *io;
    blocked_callback tell; /* or NULL: nobody wants to know */
    void *data;            /* ... its argument. Borrowed. */
    uv_timer_t timer;
    bool running; /* the timer */
    bool asked;
    bool told;
    uint64_t question; /* `answers` when it was asked */
    uint64_t asked_at;
    uint64_t last_active;
    atomic_uint_least64_t answers; /* the application's thread counts */
    uv_thread_t teller;
    bool has_teller;   /* to be joined */
    atomic_bool tells; /* it is still at it */
    uint64_t told_for; /* milliseconds, for the teller */
};

void stall_init(struct stall *stall, struct io *io);
void stall_close(struct stall *stall);

/* The I/O thread has ended: wait for who is told. Without the GIL. */
void stall_join(struct stall *stall);

/* The application has been rung. */
void stall_watch(struct stall *stall);

/* Is it still blocked as it was at that question? Any thread. */
bool stall_is_on(const struct stall *stall, uint64_t question);


/* The application's thread: it goes on. After waker_quiet, so that a bell that
 * was rung before the question is followed by an answer. */
static inline void
stall_answer(struct stall *stall)
{
    uint64_t n = atomic_load_explicit(&stall->answers, memory_order_relaxed);
    atomic_store(&stall->answers, n + 1); /* nobody else writes it */
}

#endif
