/* Watching by looking, where the file system tells nothing: all polled paths
 * are asked for their times and sizes before requests are released, so that the
 * fence holds there too, and a few times a second besides. Runs on the I/O
 * thread only. */

#ifndef HMR_ASGI_WATCH_POLL_H
#define HMR_ASGI_WATCH_POLL_H

#include "stamps.h"

#include <uv.h>

struct io;

struct poller {
    uv_timer_t timer; /* runs while there are paths */
    struct stamps stamps;
};

void poller_init(struct poller *poller, struct io *io);
void poller_close(struct poller *poller);
void poller_fini(struct poller *poller);

/* Replace the paths (takes them out of *paths). A new one that changed since
 * `since` (nanoseconds of the wall clock) is reported. */
void poller_set(struct poller *poller, struct pathset *paths, uint64_t since);

/* Look at all paths; what changed goes to the fence. */
void poller_sweep(struct poller *poller);

#endif
