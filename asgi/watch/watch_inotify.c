/* The watcher on Linux: an inotify descriptor of our own. See watch.h.
 *
 * What is watched is inotify_table.c's; here is what its events mean. A
 * directory that appears is watched at once, and what is already in it counts
 * as changed.
 */

#include "watch.h"

#include "fence.h"
#include "filetime.h"
#include "inotify_table.h"
#include "io_thread.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <unistd.h>

enum {
    GONE = IN_DELETE | IN_MOVED_FROM,
    CAME = IN_CREATE | IN_MOVED_TO,
    SELF_GONE = IN_DELETE_SELF | IN_MOVE_SELF | IN_UNMOUNT,
};

struct watch {
    struct io *io;
    uv_poll_t poll;
    struct pathset paths; /* what matters */
    struct inotify_table table;
};


/* What changed while nobody watched. */

/* Report what matters and changed since then; `below` narrows it down. */
static void
paths_report_since(struct watch *watch, const char *below, size_t below_size,
                   uint64_t since, const struct pathset *except)
{
    size_t at = 0;
    struct path_entry *entry;
    while ((entry = pathset_next(&watch->paths, &at)) != NULL) {
        struct stat stat;
        if (!(entry->value & (PATH_FILE | PATH_LISTED))
            || !path_is_below(entry->path, entry->size, below, below_size)
            || (except != NULL
                && pathset_find(except, entry->path, folder_size(entry))
                       != NULL)
            || lstat(entry->path, &stat) < 0) {
            continue;
        }
        if (file_changed_at(&stat) + CLOCK_SLACK >= since) {
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
    while ((entry = pathset_next(&watch->paths, &at)) != NULL) {
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
    table_need(&watch->table, &watch->paths, path, size);
    paths_report_since(watch, path, size, 0, NULL);
}


/* A directory that held something that matters has gone. */
static void
tree_gone(struct watch *watch, const char *path, size_t size)
{
    table_forget(&watch->table, path, size);
    paths_report_all(watch, path, size);
    table_need(&watch->table, &watch->paths, path, size);
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
    if (mask & (GONE | CAME)) {
        file_renew(&watch->table, path, size);
    }
    if (mask & (IN_CLOSE_WRITE | IN_MOVED_TO)) {
        fence_ready(fence, path, size, SETTLE_ONE);
    }
    else if (mask & GONE) {
        fence_ready(fence, path, size, SETTLE_GONE);
    }
    else if (mask & IN_CREATE) {
        file_created(watch, path, size, PATIENCE_FILE);
    }
}


/* A write to a file that matters. Where several directories of the set are the
 * same one, the end of the write shows at the first of them. */
static void
on_modified(struct watch *watch, const struct path_entry *file)
{
    size_t parent = path_parent_size(file->path, file->size);
    struct path_entry *folder =
        pathset_find(&watch->table.folders, file->path, parent);
    if (folder != NULL && folder->value > 0
        && folder_of(&watch->table, folder->value) == folder) {
        fence_raise(&watch->io->fence, file->path, file->size, false,
                    PATIENCE_FILE);
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
    struct path_entry *entry = pathset_find(&watch->paths, path, size);
    struct path_entry *list =
        pathset_find(&watch->paths, folder->path, folder->size);
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
    table_forget(&watch->table, "/", 1);
    table_need(&watch->table, &watch->paths, "/", 1);
    paths_report_all(watch, "/", 1);
}


static void
on_event(struct watch *watch, const struct inotify_event *event)
{
    if (event->mask & IN_Q_OVERFLOW) {
        on_overflow(watch);
        return;
    }
    struct path_entry *file = file_of(&watch->table, event->wd);
    if (file != NULL && event->mask & IN_MODIFY) {
        on_modified(watch, file);
        return;
    }
    struct path_entry *folder = folder_of(&watch->table, event->wd);
    if (event->mask & IN_IGNORED && file != NULL) {
        file->value = 0;
    }
    if (folder == NULL) {
        return; /* or it was dropped: an event from before */
    }
    char path[PATH_MAX];
    if (event->mask & SELF_GONE) {
        size_t size = folder->size;
        memcpy(path, folder->path, size);
        tree_gone(watch, path, size);
        return;
    }
    if (event->mask & IN_IGNORED) {
        folder->value = 0;
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
    for (;;) {
        ssize_t size = read(watch->table.fd, buffer.bytes, sizeof buffer.bytes);
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
    /* At the end of the turn: letters come first, and one may say what matters
     * from now on. */
    watch->io->files_stirred = true;
}


/* Setting up. */

void
watch_set(struct watch *watch, struct pathset *paths, uint64_t since)
{
    /* By the old set, and by the new one what was saved since the application
     * told it: its answer may have been there before us (direct.h). */
    pathset_add_all(&watch->paths, paths, PATH_FILE);
    watch_drain(watch);
    struct pathset before; /* folders watched so far: nothing was missed */
    pathset_init(&before);
    size_t at = 0;
    struct path_entry *folder;
    while ((folder = pathset_next(&watch->table.folders, &at)) != NULL) {
        if (folder->value > 0) {
            (void)pathset_add(&before, folder->path, folder->size);
        }
    }
    pathset_fini(&watch->paths);
    watch->paths = *paths;
    pathset_init(paths);
    table_begin(&watch->table);
    table_need(&watch->table, &watch->paths, "/", 1);
    table_end(&watch->table);
    paths_report_since(watch, "/", 1, since, &before);
    pathset_fini(&before);
}


void
watch_add_untold(const struct watch *watch, struct pathset *polled)
{
    if (watch->table.complained) {
        pathset_add_all(polled, &watch->paths, PATH_FILE | PATH_LISTED);
    }
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
    pathset_init(&watch->paths);
    *error = table_init(&watch->table, io);
    if (*error == 0 && watch->table.fd >= 0) {
        *error = uv_poll_init(&io->loop, &watch->poll, watch->table.fd);
    }
    if (*error < 0) {
        watch_free(watch);
        return NULL;
    }
    if (watch->table.fd >= 0) {
        watch->poll.data = watch;
        *error = uv_poll_start(&watch->poll, UV_READABLE, on_poll);
        io->open_handles++;
    }
    return watch;
}


void
watch_close(struct watch *watch)
{
    if (watch != NULL && watch->table.fd >= 0) {
        uv_close((uv_handle_t *)&watch->poll, io_on_handle_closed);
    }
}


void
watch_free(struct watch *watch)
{
    if (watch != NULL) {
        table_fini(&watch->table);
        pathset_fini(&watch->paths);
        free(watch);
    }
}
