/* See watch_poll.h. */

#include "watch_poll.h"

#include "filetime.h"
#include "io_thread.h"
#include "watchlist.h"

#include <errno.h>
#include <fcntl.h>

enum {
    INTERVAL_LEAST = 250, /* milliseconds between two sweeps that nobody */
    INTERVAL_MOST = 1000, /* ... waits for */
    INTERVAL_COST = 50,   /* ... as many times what one costs: 2 % */
};

/* What a path was like when it was looked at. */
enum {
    STAMP_ABSENT = 0,
    STAMP_UNKNOWN = 1, /* the file system did not answer */
};


/* As the server or the host knows it now, not as it was cached here. */
static int
stat_fresh(const char *path, struct stat *stat_buffer)
{
#ifdef AT_STATX_FORCE_SYNC
    struct statx fresh;
    unsigned mask = STATX_TYPE | STATX_SIZE | STATX_MTIME | STATX_CTIME;
    if (statx(AT_FDCWD, path, AT_STATX_FORCE_SYNC, mask, &fresh) < 0) {
        return -1;
    }
    *stat_buffer = (struct stat){
        .st_mode = fresh.stx_mode,
        .st_size = (off_t)fresh.stx_size,
        .st_mtim = {fresh.stx_mtime.tv_sec, fresh.stx_mtime.tv_nsec},
        .st_ctim = {fresh.stx_ctime.tv_sec, fresh.stx_ctime.tv_nsec},
    };
    return 0;
#else
    return stat(path, stat_buffer);
#endif
}


static uint64_t
mix(uint64_t hash, uint64_t value)
{
    hash = (hash ^ value) * 0x9E3779B97F4A7C15u;
    return hash ^ hash >> 29;
}


/* No inode number: FUSE makes some up anew. Of a directory that was not listed
 * only that it is one. */
static uint64_t
stamp_take(const struct path_entry *entry, uint64_t *changed_at)
{
    struct stat stat;
    *changed_at = 0;
    if (stat_fresh(entry->path, &stat) < 0) {
        bool absent = errno == ENOENT || errno == ENOTDIR || errno == ELOOP;
        return absent ? STAMP_ABSENT : STAMP_UNKNOWN;
    }
    bool directory = S_ISDIR(stat.st_mode);
    uint64_t stamp = mix(1, stat.st_mode & S_IFMT);
    if (!directory || entry->value & PATH_LISTED) {
        *changed_at = file_changed_at(&stat);
        stamp = mix(stamp, *changed_at);
        stamp = mix(stamp, file_written_at(&stat));
        stamp = mix(stamp, directory ? 0 : (uint64_t)stat.st_size);
    }
    return stamp > STAMP_UNKNOWN ? stamp : STAMP_UNKNOWN + 1;
}


static void
path_report(struct poller *poller, const struct path_entry *entry)
{
    fence_ready(&poller->io->fence, entry->path, entry->size,
                entry->stamp == STAMP_ABSENT ? SETTLE_GONE : SETTLE_POLLED);
}


static void
on_timer(uv_timer_t *timer)
{
    poller_sweep(timer->data); /* the fence looks at the end of the turn */
}


static void
timer_set(struct poller *poller, uint64_t cost)
{
    uint64_t interval = cost * INTERVAL_COST / 1000000;
    if (interval < INTERVAL_LEAST) {
        interval = INTERVAL_LEAST;
    }
    if (interval > INTERVAL_MOST) {
        interval = INTERVAL_MOST;
    }
    /* Fails only when it is closing. */
    (void)uv_timer_start(&poller->timer, on_timer, interval, 0);
}


void
poller_sweep(struct poller *poller)
{
    if (poller->paths.count == 0) {
        return;
    }
    uint64_t began = uv_hrtime(), changed_at;
    size_t at = 0;
    struct path_entry *entry;
    while ((entry = pathset_next(&poller->paths, &at)) != NULL) {
        uint64_t stamp = stamp_take(entry, &changed_at);
        if (stamp != STAMP_UNKNOWN && stamp != entry->stamp) {
            entry->stamp = stamp;
            path_report(poller, entry);
        }
    }
    timer_set(poller, uv_hrtime() - began);
}


void
poller_set(struct poller *poller, struct pathset *paths, uint64_t since)
{
    struct pathset before = poller->paths;
    poller->paths = *paths;
    pathset_init(paths);
    size_t at = 0;
    struct path_entry *entry;
    while ((entry = pathset_next(&poller->paths, &at)) != NULL) {
        struct path_entry *known =
            pathset_find(&before, entry->path, entry->size);
        uint64_t changed_at = 0;
        if (known != NULL && known->value == entry->value) {
            entry->stamp = known->stamp; /* the next sweep compares */
            continue;
        }
        entry->stamp = stamp_take(entry, &changed_at);
        if (changed_at + CLOCK_SLACK >= since) {
            path_report(poller, entry);
        }
    }
    pathset_fini(&before);
    if (poller->paths.count > 0) {
        timer_set(poller, 0);
    }
    else {
        uv_timer_stop(&poller->timer);
    }
}


void
poller_init(struct poller *poller, struct io *io)
{
    poller->io = io;
    pathset_init(&poller->paths);
    uv_timer_init(&io->loop, &poller->timer);
    poller->timer.data = poller;
    io->open_handles++;
}


void
poller_close(struct poller *poller)
{
    uv_close((uv_handle_t *)&poller->timer, io_on_handle_closed);
}


void
poller_fini(struct poller *poller)
{
    pathset_fini(&poller->paths);
}
