/* The file watcher: which directories hold what matters, and what happened.
 *
 * The paths that matter are a set of names: events of other files in the same
 * directories (logs, caches) end here and wake nobody. What matters goes to the
 * fence. Runs on the I/O thread only. watch_inotify.c on Linux (its own
 * descriptor, so that it can be drained at will), watch_uv.c elsewhere; what no
 * events tell of is watch_poll.c's.
 */

#ifndef HMR_ASGI_WATCH_H
#define HMR_ASGI_WATCH_H

#include "watchlist.h"

#include <stdint.h>

struct io;
struct watch;

/* A negative libuv code in *error on failure. */
struct watch *watch_new(struct io *io, int *error);

/* Replace the paths (takes them out of *paths). What changed since `since`
 * (nanoseconds of the wall clock) in a directory that was not watched before is
 * reported. */
void watch_set(struct watch *watch, struct pathset *paths, uint64_t since);

/* Where the kernel's limits are reached, it does not tell of everything: add
 * what matters to `polled`. Without memory it stays out. */
void watch_add_untold(const struct watch *watch, struct pathset *polled);

/* Take what has happened so far. inotify: cheap when that is nothing. */
void watch_drain(struct watch *watch);

/* Close the handles (each ends with io_on_handle_closed), then free. */
void watch_close(struct watch *watch);
void watch_free(struct watch *watch);

#endif
