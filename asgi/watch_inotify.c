/* The watcher on Linux: an inotify descriptor of our own. See watch.h.
 *
 * Watched are the directories that hold what matters and, for what does not
 * exist, the nearest directory above it that does. A directory that appears is
 * watched at once, and what is already in it counts as changed.
 */

#include "watch.h"

#include "fence.h"
#include "io_thread.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

static const uint32_t MASK = IN_CLOSE_WRITE | IN_MOVED_TO | IN_MOVED_FROM
                             | IN_DELETE | IN_CREATE | IN_MODIFY
                             | IN_DELETE_SELF | IN_MOVE_SELF | IN_ONLYDIR;

enum {
    GONE = IN_DELETE | IN_MOVED_FROM,
    CAME = IN_CREATE | IN_MOVED_TO,
    SELF_GONE = IN_DELETE_SELF | IN_MOVE_SELF | IN_UNMOUNT,
    CLOCK_SLACK = 20 * 1000 * 1000, /* time stamps tick every 4 to 10 ms */
};

struct watch {
    struct io *io;
    int fd;
    uv_poll_t poll;
    bool complained;        /* about the limit of watches */
    struct pathset *paths;  /* what matters. Owned. */
    struct pathset folders; /* watched: value is the descriptor */
    uint64_t turn;          /* of the last watch_set: stamp of what it needs */
};


/* Watched directories. */

static struct path_entry *
folder_of(struct watch *watch, int descriptor)
{
    size_t at = 0;
    struct path_entry *folder;
    while ((folder = pathset_next(&watch->folders, &at)) != NULL) {
        if (folder->value == descriptor) {
            return folder;
        }
    }
    return NULL;
}


/* Have the kernel watch it: true if it exists. An entry with value -1 is a
 * directory that was watched once. */
static bool
folder_add(struct watch *watch, const char *path, size_t size)
{
    struct path_entry *folder = pathset_find(&watch->folders, path, size);
    if (folder != NULL && folder->value >= 0) {
        folder->stamp = watch->turn;
        return true;
    }
    char name[PATH_MAX];
    if (size >= sizeof name) {
        return false;
    }
    memcpy(name, path, size);
    name[size] = '\0';
    int descriptor = inotify_add_watch(watch->fd, name, MASK);
    if (descriptor < 0) {
        if (errno == ENOSPC && !watch->complained) {
            watch->complained = true;
            io_complain(watch->io,
                        "cannot watch %.300s: raise fs.inotify."
                        "max_user_watches",
                        name);
        }
        return false;
    }
    folder = pathset_add(&watch->folders, path, size);
    if (folder == NULL) {
        inotify_rm_watch(watch->fd, descriptor);
        return false;
    }
    folder->value = descriptor;
    folder->stamp = watch->turn;
    return true;
}


/* Watch it or, while it does not exist, what is above it. The second try is for
 * a directory that came after the first and before its parent was watched. */
static bool
folder_need(struct watch *watch, const char *path, size_t size)
{
    if (folder_add(watch, path, size)) {
        return true;
    }
    size_t parent = path_parent_size(path, size);
    if (parent == 0 || !folder_need(watch, path, parent)) {
        return false;
    }
    return folder_add(watch, path, size);
}


/* The directory in which changes of this path show. */
static size_t
folder_size(const struct path_entry *entry)
{
    if (entry->value & PATH_LISTED) {
        return entry->size;
    }
    return path_parent_size(entry->path, entry->size);
}


static void
folders_need(struct watch *watch, const char *below, size_t below_size)
{
    size_t at = 0;
    struct path_entry *entry;
    while ((entry = pathset_next(watch->paths, &at)) != NULL) {
        if (!path_is_below(entry->path, entry->size, below, below_size)) {
            continue;
        }
        if (entry->value & PATH_LISTED) {
            folder_need(watch, entry->path, entry->size);
        }
        if (entry->value & PATH_FILE) {
            folder_need(watch, entry->path,
                        path_parent_size(entry->path, entry->size));
        }
    }
}


/* Forget directories that the last watch_set did not need. */
static void
folders_prune(struct watch *watch)
{
    struct pathset kept;
    pathset_init(&kept);
    size_t at = 0;
    struct path_entry *folder;
    while ((folder = pathset_next(&watch->folders, &at)) != NULL) {
        struct path_entry *copy = NULL;
        if (folder->value >= 0 && folder->stamp == watch->turn) {
            copy = pathset_add(&kept, folder->path, folder->size);
        }
        if (copy != NULL) {
            copy->value = folder->value;
            copy->stamp = folder->stamp;
        }
        else if (folder->value >= 0) {
            inotify_rm_watch(watch->fd, folder->value);
        }
    }
    pathset_fini(&watch->folders);
    watch->folders = kept;
}


/* What changed while nobody watched. */

static uint64_t
stamp_of(const struct timespec *time)
{
    return (uint64_t)time->tv_sec * 1000000000u + (uint64_t)time->tv_nsec;
}


/* Report what matters and changed since then; `below` narrows it down. */
static void
paths_report_since(struct watch *watch, const char *below, size_t below_size,
                   uint64_t since, const struct pathset *except)
{
    size_t at = 0;
    struct path_entry *entry;
    while ((entry = pathset_next(watch->paths, &at)) != NULL) {
        struct stat stat;
        if (!(entry->value & (PATH_FILE | PATH_LISTED))
            || !path_is_below(entry->path, entry->size, below, below_size)
            || (except != NULL
                && pathset_find(except, entry->path, folder_size(entry))
                       != NULL)
            || lstat(entry->path, &stat) < 0) {
            continue;
        }
        if (stamp_of(&stat.st_ctim) + CLOCK_SLACK >= since) {
            fence_ready(&watch->io->fence, entry->path, entry->size,
                        SETTLE_GONE);
        }
    }
}


static void
paths_report_all(struct watch *watch, const char *below, size_t below_size)
{
    size_t at = 0;
    struct path_entry *entry;
    while ((entry = pathset_next(watch->paths, &at)) != NULL) {
        if (entry->value & (PATH_FILE | PATH_LISTED)
            && path_is_below(entry->path, entry->size, below, below_size)) {
            fence_ready(&watch->io->fence, entry->path, entry->size,
                        SETTLE_GONE);
        }
    }
}


/* Events. */

/* A directory above something that matters has come. */
static void
tree_came(struct watch *watch, const char *path, size_t size)
{
    folders_need(watch, path, size);
    paths_report_since(watch, path, size, 0, NULL);
}


/* A directory that held something that matters has gone. */
static void
tree_gone(struct watch *watch, const char *path, size_t size)
{
    size_t at = 0;
    struct path_entry *folder;
    while ((folder = pathset_next(&watch->folders, &at)) != NULL) {
        if (folder->value >= 0
            && path_is_below(folder->path, folder->size, path, size)) {
            inotify_rm_watch(watch->fd, folder->value);
            folder->value = -1;
        }
    }
    paths_report_all(watch, path, size);
    folders_need(watch, path, size);
}


/* A new file: its end is waited for, unless it was linked into place. */
static void
file_created(struct watch *watch, const char *path, size_t size,
             uint64_t patience)
{
    struct fence *fence = &watch->io->fence;
    struct stat stat;
    if (lstat(path, &stat) < 0) {
        fence_ready(fence, path, size, SETTLE_GONE);
    }
    else if (S_ISREG(stat.st_mode) && stat.st_nlink == 1) {
        fence_raise(fence, path, size, true, patience);
    }
    else {
        fence_ready(fence, path, size, SETTLE_ONE);
    }
}


static void
on_file(struct watch *watch, const char *path, size_t size, uint32_t mask)
{
    struct fence *fence = &watch->io->fence;
    if (mask & (IN_CLOSE_WRITE | IN_MOVED_TO)) {
        fence_ready(fence, path, size, SETTLE_ONE);
    }
    else if (mask & GONE) {
        fence_ready(fence, path, size, SETTLE_GONE);
    }
    else if (mask & IN_CREATE) {
        file_created(watch, path, size, PATIENCE_FILE);
    }
    else if (mask & IN_MODIFY) {
        fence_raise(fence, path, size, false, PATIENCE_FILE);
    }
}


/* Some entry of a directory whose entries matter. */
static void
on_listed(struct watch *watch, const struct path_entry *folder,
          const char *path, size_t size, uint32_t mask)
{
    struct fence *fence = &watch->io->fence;
    fence_ready(fence, folder->path, folder->size, SETTLE_ONE);
    if (mask & IN_ISDIR) {
        return;
    }
    if (mask & IN_CREATE) {
        file_created(watch, path, size, PATIENCE_ENTRY);
    }
    else {
        fence_ready(fence, path, size, SETTLE_ONE);
    }
}


static void
on_directory(struct watch *watch, const char *path, size_t size, uint32_t mask,
             int value)
{
    if (value & (PATH_ABOVE | PATH_LISTED)) {
        if (mask & GONE) {
            tree_gone(watch, path, size);
        }
        else if (mask & CAME) {
            tree_came(watch, path, size);
        }
    }
    if (value & PATH_FILE && mask & (GONE | CAME)) {
        fence_ready(&watch->io->fence, path, size, SETTLE_GONE);
    }
}


/* Something happened to an entry of a watched directory. */
static void
on_entry(struct watch *watch, const struct path_entry *folder, const char *path,
         size_t size, uint32_t mask)
{
    struct path_entry *entry = pathset_find(watch->paths, path, size);
    struct path_entry *list =
        pathset_find(watch->paths, folder->path, folder->size);
    int value = entry == NULL ? 0 : entry->value;
    bool listed = list != NULL && list->value & PATH_LISTED;
    if (listed && mask & (GONE | CAME) && !(value & PATH_FILE)) {
        on_listed(watch, folder, path, size, mask);
    }
    else if (listed && mask & (GONE | CAME)) {
        fence_ready(&watch->io->fence, folder->path, folder->size, SETTLE_ONE);
    }
    if (mask & IN_ISDIR) {
        on_directory(watch, path, size, mask, value);
    }
    else if (value & PATH_FILE) {
        on_file(watch, path, size, mask);
    }
    else if (mask & IN_CLOSE_WRITE
             && fence_awaits(&watch->io->fence, path, size)) {
        fence_ready(&watch->io->fence, path, size, SETTLE_ONE);
    }
}


/* The kernel lost events: everything may have changed. */
static void
on_overflow(struct watch *watch)
{
    folders_need(watch, "/", 1);
    paths_report_all(watch, "/", 1);
}


static void
on_event(struct watch *watch, const struct inotify_event *event)
{
    if (event->mask & IN_Q_OVERFLOW) {
        on_overflow(watch);
        return;
    }
    struct path_entry *folder = folder_of(watch, event->wd);
    if (folder == NULL) {
        return; /* pruned: an event from before */
    }
    char path[PATH_MAX];
    if (event->mask & SELF_GONE) {
        size_t size = folder->size;
        memcpy(path, folder->path, size);
        tree_gone(watch, path, size);
        return;
    }
    if (event->mask & IN_IGNORED) {
        folder->value = -1;
        return;
    }
    size_t name = event->len > 0 ? strlen(event->name) : 0;
    if (name == 0 || folder->size + name + 2 > sizeof path) {
        return;
    }
    size_t size = folder->size;
    memcpy(path, folder->path, size);
    if (size > 1) {
        path[size++] = '/';
    }
    memcpy(path + size, event->name, name + 1);
    on_entry(watch, folder, path, size + name, event->mask);
}


void
watch_drain(struct watch *watch)
{
    union {
        struct inotify_event align;
        char bytes[16384];
    } buffer;
    if (watch->paths == NULL) {
        return;
    }
    for (;;) {
        ssize_t size = read(watch->fd, buffer.bytes, sizeof buffer.bytes);
        if (size <= 0) {
            if (size < 0 && errno == EINTR) {
                continue;
            }
            return; /* EAGAIN: it is empty */
        }
        const char *at = buffer.bytes;
        while (at < buffer.bytes + size) {
            const struct inotify_event *event = (const void *)at;
            at += sizeof *event + event->len;
            on_event(watch, event);
        }
    }
}


static void
on_poll(uv_poll_t *poll, int status, int events)
{
    struct watch *watch = poll->data;
    (void)status;
    (void)events;
    watch_drain(watch); /* the fence looks at the end of the turn */
}


/* Setting up. */

void
watch_set(struct watch *watch, struct pathset *paths, uint64_t since)
{
    watch_drain(watch);    /* by the old set */
    struct pathset before; /* folders watched so far: nothing was missed */
    pathset_init(&before);
    size_t at = 0;
    struct path_entry *folder;
    while ((folder = pathset_next(&watch->folders, &at)) != NULL) {
        if (folder->value >= 0) {
            (void)pathset_add(&before, folder->path, folder->size);
        }
    }
    pathset_free(watch->paths);
    watch->paths = paths;
    watch->turn++;
    folders_need(watch, "/", 1);
    folders_prune(watch);
    paths_report_since(watch, "/", 1, since, &before);
    pathset_fini(&before);
}


struct watch *
watch_new(struct io *io, int *error)
{
    *error = UV_ENOMEM;
    struct watch *watch = calloc(1, sizeof *watch);
    if (watch == NULL) {
        return NULL;
    }
    watch->io = io;
    watch->fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
    if (watch->fd < 0) {
        *error = -errno;
        free(watch);
        return NULL;
    }
    pathset_init(&watch->folders);
    *error = uv_poll_init(&io->loop, &watch->poll, watch->fd);
    if (*error < 0) {
        close(watch->fd);
        free(watch);
        return NULL;
    }
    watch->poll.data = watch;
    *error = uv_poll_start(&watch->poll, UV_READABLE, on_poll);
    io->open_handles++;
    return watch;
}


static void
on_closed(uv_handle_t *handle)
{
    struct watch *watch = handle->data;
    io_handle_closed(watch->io);
}


void
watch_close(struct watch *watch)
{
    if (watch != NULL) {
        uv_close((uv_handle_t *)&watch->poll, on_closed);
    }
}


void
watch_free(struct watch *watch)
{
    if (watch != NULL) {
        close(watch->fd);
        pathset_free(watch->paths);
        pathset_fini(&watch->folders);
        free(watch);
    }
}
