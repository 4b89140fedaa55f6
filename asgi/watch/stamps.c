/* See stamps.h. */

#include "stamps.h"

#include "fence.h"
#include "filetime.h"
#include "watchlist.h"

#include <errno.h>
#include <fcntl.h>

/* A bit of a path's value, beside the PATH_ bits: it had changed so shortly
 * before it was looked at that its times may not show the next change. */
enum {
    STAMP_RACY = 1 << 8,
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
entry_report(struct stamps *stamps, const struct path_entry *entry)
{
    fence_ready(stamps->fence, entry->path, entry->size,
                entry->stamp == STAMP_ABSENT ? SETTLE_GONE : SETTLE_POLLED);
}


static int
what_matters(const struct path_entry *entry)
{
    return entry->value & (PATH_FILE | PATH_LISTED);
}


/* Keep what it is like; returns whether that is something else than before. */
static bool
entry_look(struct path_entry *entry, uint64_t now)
{
    uint64_t changed_at;
    uint64_t stamp = stamp_take(entry, &changed_at);
    if (stamp == STAMP_UNKNOWN || stamp == entry->stamp) {
        return false;
    }
    entry->stamp = stamp;
    entry->value &= ~STAMP_RACY;
    if (changed_at + CLOCK_SLACK >= now) {
        entry->value |= STAMP_RACY;
    }
    return true;
}


void
stamps_look(struct stamps *stamps)
{
    uint64_t now = wall_clock();
    size_t at = 0;
    struct path_entry *entry;
    while ((entry = pathset_next(&stamps->paths, &at)) != NULL) {
        if (what_matters(entry) && entry_look(entry, now)) {
            entry_report(stamps, entry);
        }
    }
}


bool
stamps_look_at(struct stamps *stamps, struct path_entry *entry)
{
    bool racy = entry->value & STAMP_RACY;
    if (!entry_look(entry, wall_clock()) && !racy) {
        return false;
    }
    entry_report(stamps, entry);
    return true;
}


void
stamps_set(struct stamps *stamps, struct pathset *paths, uint64_t since)
{
    struct pathset before = stamps->paths;
    stamps->paths = *paths;
    pathset_init(paths);
    uint64_t now = wall_clock();
    size_t at = 0;
    struct path_entry *entry;
    while ((entry = pathset_next(&stamps->paths, &at)) != NULL) {
        struct path_entry *known =
            pathset_find(&before, entry->path, entry->size);
        if (!what_matters(entry)) {
            continue;
        }
        if (known != NULL && what_matters(known) == what_matters(entry)) {
            entry->value |= known->value & STAMP_RACY;
            entry->stamp = known->stamp;
            continue;
        }
        uint64_t changed_at;
        entry->stamp = stamp_take(entry, &changed_at);
        if (changed_at + CLOCK_SLACK >= now) {
            entry->value |= STAMP_RACY;
        }
        if (changed_at + CLOCK_SLACK >= since) {
            entry_report(stamps, entry);
        }
    }
    pathset_fini(&before);
}


void
stamps_init(struct stamps *stamps, struct fence *fence)
{
    stamps->fence = fence;
    pathset_init(&stamps->paths);
}


void
stamps_fini(struct stamps *stamps)
{
    pathset_fini(&stamps->paths);
}
