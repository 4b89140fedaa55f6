/* A mailbox: many threads put, one thread takes everything at once.
 *
 * The two threads hand each other requests, responses and commands through two
 * of these. It is a lock-free stack whose reader takes the whole chain and
 * turns it round, so there is no ABA problem, no bound and no allocation: the
 * letter is embedded in what is sent. The one who takes owns it.
 */

#ifndef HMR_ASGI_MAILBOX_H
#define HMR_ASGI_MAILBOX_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>

#define CONTAINER_OF(pointer, type, member) \
    ((type *)((char *)(pointer)-offsetof(type, member)))

struct letter {
    struct letter *next;
    int kind; /* which struct holds this letter: the owner of the box decides */
};

struct mailbox {
    _Atomic(struct letter *) newest;
};


static inline void
mailbox_init(struct mailbox *box)
{
    atomic_init(&box->newest, NULL);
}


static inline bool
mailbox_is_empty(struct mailbox *box)
{
    return atomic_load(&box->newest) == NULL;
}


/* What makes the letter's contents visible to its reader. */
#ifdef HMR_PLANT_RACE
#define MAILBOX_HAND_OVER memory_order_relaxed /* ./dev tsan must report it */
#else
#define MAILBOX_HAND_OVER memory_order_seq_cst
#endif


/* Any thread. The letter belongs to the reader from here on. */
static inline void
mailbox_put(struct mailbox *box, struct letter *letter)
{
    struct letter *newest =
        atomic_load_explicit(&box->newest, memory_order_relaxed);
    do {
        letter->next = newest;
    } while (!atomic_compare_exchange_weak_explicit(&box->newest, &newest,
                                                    letter, MAILBOX_HAND_OVER,
                                                    memory_order_relaxed));
}


/* The reader only. Returns the chain of all letters, oldest first. */
static inline struct letter *
mailbox_take(struct mailbox *box)
{
    struct letter *letter = atomic_exchange(&box->newest, NULL);
    struct letter *oldest = NULL;
    while (letter != NULL) {
        struct letter *next = letter->next;
        letter->next = oldest;
        oldest = letter;
        letter = next;
    }
    return oldest;
}

#endif
