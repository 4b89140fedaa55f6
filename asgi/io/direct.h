/* The short way of a small answer: the application's thread writes it to the
 * socket itself, instead of waking the I/O thread for it.
 *
 * The letter goes to the I/O thread all the same, with what is left to write:
 * usually nothing. So the order of all that happens to a connection stays the
 * I/O thread's. A lock for each request keeps the two from writing at once, and
 * the socket from being closed meanwhile; the I/O thread takes it only when it
 * closes or refuses what is being answered.
 */

#ifndef HMR_ASGI_DIRECT_H
#define HMR_ASGI_DIRECT_H

#include <pthread.h>
#include <stdbool.h>

struct output;

struct direct {
    pthread_mutex_t lock;
    bool shut; /* only the I/O thread writes. Under the lock. */
    bool used; /* the application's thread wrote something. Likewise. */
};

void direct_init(struct direct *direct);
void direct_fini(struct direct *direct);

/* The application's thread: write as much as the kernel takes at once, if the
 * output is of a kind for it; moves output->done. All before it was written. */
void direct_write(struct output *output);

/* The I/O thread: nothing more is written elsewhere. Was anything? */
bool direct_shut(struct direct *direct);

#endif
