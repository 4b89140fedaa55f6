/* The fence: no request that starts after a save sees the code before it.
 *
 * Requests whose head is complete are held until the end of the loop turn. Then
 * the watcher is drained (the kernel queues a save's event before the request
 * that follows it, but poll may report the socket first), and only if no change
 * stands are they released to the application:
 *
 *          fence_raise, fence_ready            every file ready, and quiet
 *    OPEN -------------------------> STANDING ----------------------------+
 *     ^  ^                             |   ^                              |
 *     |  +-- given up after 1 s -------+   | changes came meanwhile:      v
 *     |                                    +---- the next serial --- REPORTED
 *     +------------------- release(serial), nothing came meanwhile -------+
 *
 * Runs on the I/O thread only.
 */

#ifndef HMR_ASGI_FENCE_H
#define HMR_ASGI_FENCE_H

#include "pathset.h"
#include "request.h"

#include <uv.h>

struct io;

/* How long all must be quiet before a change is reported, in milliseconds:
 * files saved together are one update, an editor that moves a file away is
 * about to put another in its place, and a checkout writes hundreds. */
enum {
    SETTLE_ONE = 1,
    SETTLE_MANY = 4,
    SETTLE_GONE = 10,
    SETTLE_POLLED = 10, /* the end of a write shows only as quiet */
    SETTLE_LIMIT = 50,  /* after which the change is reported as it is */
    SETTLE_BURST = 25,  /* of at least BURST_FILES */
    SETTLE_BURST_LIMIT = 1000,
    BURST_FILES = 8, /* a number of files */
};

/* After which a request behind a reported change is refused if it comes from
 * this very process: what applies the change may be waiting for it. */
enum {
    OWN_REQUEST_LIMIT = 1000,
};

/* How long the end of a write is waited for. */
enum {
    PATIENCE_FILE = 1000, /* a file that matters */
    PATIENCE_ENTRY = 50,  /* some new file in a directory that was listed */
};

struct fence {
    struct io *io;
    uv_timer_t timer;
    struct request *held; /* oldest first; each with the application's ref */
    struct request **held_end;
    struct request *unchecked; /* the first held one not asked whose it is */
    size_t n_fresh;            /* held, and not yet counted as fenced */
    struct pathset writing;    /* path -> state; stamp: when to give up */
    size_t n_writing;          /* of them still being written */
    size_t n_given_up;         /* of them never ready */
    struct pathset changed;    /* ready and not yet reported */
    uint64_t first;            /* when the first of them was ready */
    uint64_t last;             /* the last event */
    uint64_t settle;           /* how long after it to report */
    uint64_t delay;            /* ... at least: the user's wish */
    uint64_t serial;           /* of the last report */
    uint64_t reported_at;
    bool reported; /* it is not yet released */
};

void fence_init(struct fence *fence, struct io *io);
void fence_close(struct fence *fence);
void fence_fini(struct fence *fence);

/* A new request: it waits at least for the end of this turn. */
void fence_hold(struct fence *fence, struct request *request);

/* The end of a turn: look at the files, then let the requests pass or wait. */
void fence_pass(struct fence *fence);

/* From the watcher: a write began. `created`: it is a new file. */
void fence_raise(struct fence *fence, const char *path, size_t size,
                 bool created, uint64_t patience);

/* From the watcher: a file is complete, came, or went. */
void fence_ready(struct fence *fence, const char *path, size_t size,
                 uint64_t settle);

/* Is the end of a write to this path waited for? */
bool fence_awaits(const struct fence *fence, const char *path, size_t size);

/* From the application: the change `serial` was applied or given up. */
void fence_release(struct fence *fence, uint64_t serial);

#endif
