/* The file watcher: which directories hold what matters, and what happened.
 *
 * The paths that matter are a set of names: events of other files in the same
 * directories (logs, caches) end here and wake nobody. What matters goes to the
 * fence. Runs on the I/O thread only. watch_inotify.c on Linux (its own
 * descriptor, so that it can be drained at will), watch_uv.c elsewhere.
 */

#ifndef HMR_ASGI_WATCH_H
#define HMR_ASGI_WATCH_H

#include "pathset.h"

struct io;
struct watch;

/* The bits of a path's value in the set that io_watch takes. */
enum {
    PATH_FILE = 1,   /* its content matters, or that it does not exist */
    PATH_LISTED = 2, /* a directory whose entries matter */
    PATH_ABOVE = 4,  /* a directory above one of these */
};

/* Add a path and what is above it. 0, or -1 without memory. Any thread. */
int
watchlist_add(struct pathset *paths, const char *path, size_t size, int value);

/* A negative libuv code in *error on failure. */
struct watch *watch_new(struct io *io, int *error);

/* Replace the paths (steals them). What changed since `since` (nanoseconds of
 * the wall clock) in a directory that was not watched before is reported. */
void watch_set(struct watch *watch, struct pathset *paths, uint64_t since);

/* Take what the kernel has queued. Cheap when there is nothing. */
void watch_drain(struct watch *watch);

/* Close the handles (each ends with io_handle_closed), then free. */
void watch_close(struct watch *watch);
void watch_free(struct watch *watch);

#endif
