/* A descriptor that becomes readable when the other thread has put a letter.
 *
 * An eventfd on Linux, a pipe elsewhere. waker_ring writes at most once until
 * the reader has called waker_quiet, so a burst costs one system call.
 */

#ifndef HMR_ASGI_WAKER_H
#define HMR_ASGI_WAKER_H

#include <stdatomic.h>
#include <stdbool.h>

struct waker {
    int read_fd;
    int write_fd; /* the same as read_fd for an eventfd */
    atomic_bool rung;
};

/* Returns 0 or a negative errno. */
int waker_open(struct waker *waker);
void waker_close(struct waker *waker);

/* Any thread: make the descriptor readable unless it was rung already. */
void waker_ring(struct waker *waker);

/* The reader: empty the descriptor; the bell stays marked as rung. */
void waker_empty(struct waker *waker);

/* The reader: from now on a new letter rings again. Look into the mailbox once
 * more afterwards: a letter may have come just before. */
void waker_quiet(struct waker *waker);

#endif
