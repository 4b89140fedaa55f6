/* The fence: no request that starts after a save sees the code before it.
 *
 * Requests whose head is complete are held until the end of the loop turn. Then
 * the watcher is drained (the kernel queues a save's event before the request
 * that follows it, but poll may report the socket first), and only if no change
 * stands are they released to the application. From the first event of a save
 * until the application releases its serial, all new requests wait.
 *
 *      OPEN ---- raise ----> RAISED (a file is being written, or 1 ms quiet)
 *       ^                      |  every file ready and quiet: report serial
 *       +---- release(serial)--+- REPORTED; changes meanwhile: report the next
 *
 * Runs on the I/O thread only.
 */

#ifndef HMR_ASGI_FENCE_H
#define HMR_ASGI_FENCE_H

#include "request.h"

#include <uv.h>

struct io;

struct fence {
    struct io *io;
    struct request *held; /* oldest first; each with the application's ref */
    struct request **held_end;
};

int fence_init(struct fence *fence, struct io *io);
void fence_close(struct fence *fence);

/* A new request: it waits at least for the end of this turn. */
void fence_hold(struct fence *fence, struct request *request);

/* The end of a turn: look at the files, then let the requests pass or wait. */
void fence_pass(struct fence *fence);

#endif
