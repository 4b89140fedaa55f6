/* The watcher where there is no inotify: uv_fs_event. See watch.h.
 *
 * Weaker than watch_inotify.c in what the platforms tell: not when a write
 * ends, so a file counts as ready when it has been quiet for SETTLE_QUIET; and
 * events cannot be drained, so a request that follows a save within a moment
 * may pass before it. Each directory that holds what matters has a handle; for
 * what does not exist, the nearest directory above it that does.
 */

#include "watch.h"

#include "fence.h"
#include "filetime.h"
#include "io_thread.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

enum {
    SETTLE_QUIET = 2, /* milliseconds without an event */
};

struct folder {
    uv_fs_event_t handle; /* .data is the folder */
    struct watch *watch;
    struct folder *next;
    uint64_t turn;
    bool fresh; /* was not watched before this turn */
    size_t size;
    char path[];
};

struct watch {
    struct io *io;
    struct pathset paths;   /* what matters */
    struct folder *folders; /* Owned; freed when closed. */
    uint64_t turn;
};

static void folders_need(struct watch *watch);


static struct folder *
folder_find(struct watch *watch, const char *path, size_t size)
{
    struct folder *folder = watch->folders;
    while (folder != NULL
           && (folder->size != size || memcmp(folder->path, path, size) != 0)) {
        folder = folder->next;
    }
    return folder;
}


static void
on_folder_closed(uv_handle_t *handle)
{
    struct folder *folder = handle->data;
    io_on_handle_closed(handle);
    free(folder);
}


static void
folder_close(struct watch *watch, struct folder *folder)
{
    struct folder **link = &watch->folders;
    while (*link != folder) {
        link = &(*link)->next;
    }
    *link = folder->next;
    uv_close((uv_handle_t *)&folder->handle, on_folder_closed);
}


static bool
exists(const char *path)
{
    struct stat stat;
    return lstat(path, &stat) == 0;
}


/* Report what is below a path and matters. */
static void
paths_report(struct watch *watch, const char *below, size_t size)
{
    size_t at = 0;
    struct path_entry *entry;
    while ((entry = pathset_next(&watch->paths, &at)) != NULL) {
        if (entry->value & (PATH_FILE | PATH_LISTED)
            && path_is_below(entry->path, entry->size, below, size)) {
            fence_ready(&watch->io->fence, entry->path, entry->size,
                        SETTLE_GONE);
        }
    }
}


/* Something happened to an entry of the folder; NULL: to which is not known. */
static void
on_event(uv_fs_event_t *handle, const char *name, int events, int status)
{
    struct folder *folder = handle->data;
    struct watch *watch = folder->watch;
    struct fence *fence = &watch->io->fence;
    char path[PATH_MAX];
    size_t size = folder->size;
    memcpy(path, folder->path, size + 1);
    if (status < 0 || name == NULL || !exists(path)) {
        paths_report(watch, path, size);
        folders_need(watch);
        return;
    }
    struct path_entry *list = pathset_find(&watch->paths, path, size);
    if (events & UV_RENAME && list != NULL && list->value & PATH_LISTED) {
        fence_ready(fence, path, size, SETTLE_QUIET);
    }
    size_t length = strlen(name);
    if (size + length + 2 > sizeof path) {
        return;
    }
    if (size > 1) {
        path[size++] = '/';
    }
    memcpy(path + size, name, length + 1);
    size += length;
    struct path_entry *entry = pathset_find(&watch->paths, path, size);
    int value = entry == NULL ? 0 : entry->value;
    if (value & PATH_FILE) {
        fence_ready(fence, path, size,
                    exists(path) ? SETTLE_QUIET : SETTLE_GONE);
    }
    if (events & UV_RENAME && value & (PATH_ABOVE | PATH_LISTED)) {
        paths_report(watch, path, size);
        folders_need(watch);
    }
}


static bool
folder_add(struct watch *watch, const char *path, size_t size)
{
    struct folder *folder = folder_find(watch, path, size);
    if (folder != NULL && exists(folder->path)) {
        folder->turn = watch->turn;
        return true;
    }
    if (folder != NULL) {
        folder_close(watch, folder);
    }
    folder = calloc(1, sizeof *folder + size + 1);
    if (folder == NULL) {
        return false;
    }
    memcpy(folder->path, path, size);
    folder->size = size;
    folder->watch = watch;
    folder->turn = watch->turn;
    folder->fresh = true;
    struct stat stat;
    if (lstat(folder->path, &stat) < 0 || !S_ISDIR(stat.st_mode)
        || uv_fs_event_init(&watch->io->loop, &folder->handle) < 0) {
        free(folder);
        return false;
    }
    folder->handle.data = folder;
    folder->next = watch->folders;
    watch->folders = folder;
    watch->io->open_handles++;
    int status = uv_fs_event_start(&folder->handle, on_event, folder->path, 0);
    if (status < 0) {
        io_complain(watch->io, "cannot watch %.300s: %s", folder->path,
                    uv_strerror(status));
        folder_close(watch, folder);
        return false;
    }
    return true;
}


/* The second try is for a directory that came after the first. */
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


static void
folders_need(struct watch *watch)
{
    size_t at = 0;
    struct path_entry *entry;
    while ((entry = pathset_next(&watch->paths, &at)) != NULL) {
        if (entry->value & PATH_LISTED) {
            folder_need(watch, entry->path, entry->size);
        }
        if (entry->value & PATH_FILE) {
            folder_need(watch, entry->path,
                        path_parent_size(entry->path, entry->size));
        }
    }
}


static void
folders_prune(struct watch *watch)
{
    struct folder *folder = watch->folders;
    while (folder != NULL) {
        struct folder *next = folder->next;
        if (folder->turn != watch->turn) {
            folder_close(watch, folder);
        }
        folder = next;
    }
}


/* What changed in directories that were not watched before. */
static void
paths_report_missed(struct watch *watch, uint64_t since)
{
    size_t at = 0;
    struct path_entry *entry;
    while ((entry = pathset_next(&watch->paths, &at)) != NULL) {
        if (!(entry->value & (PATH_FILE | PATH_LISTED))) {
            continue;
        }
        size_t size = entry->value & PATH_LISTED
                          ? entry->size
                          : path_parent_size(entry->path, entry->size);
        struct folder *folder = folder_find(watch, entry->path, size);
        struct stat stat;
        if (folder != NULL && folder->fresh && lstat(entry->path, &stat) == 0
            && file_changed_at(&stat) + CLOCK_SLACK >= since) {
            fence_ready(&watch->io->fence, entry->path, entry->size,
                        SETTLE_GONE);
        }
    }
}


void
watch_set(struct watch *watch, struct pathset *paths, uint64_t since)
{
    pathset_fini(&watch->paths);
    watch->paths = *paths;
    pathset_init(paths);
    watch->turn++;
    struct folder *folder;
    for (folder = watch->folders; folder != NULL; folder = folder->next) {
        folder->fresh = false;
    }
    folders_need(watch);
    folders_prune(watch);
    paths_report_missed(watch, since);
}


void
watch_drain(struct watch *watch)
{
    (void)watch; /* libuv gives no way to */
}


struct watch *
watch_new(struct io *io, int *error)
{
    struct watch *watch = calloc(1, sizeof *watch);
    *error = watch == NULL ? UV_ENOMEM : 0;
    if (watch != NULL) {
        watch->io = io;
    }
    return watch;
}


void
watch_close(struct watch *watch)
{
    while (watch != NULL && watch->folders != NULL) {
        folder_close(watch, watch->folders);
    }
}


void
watch_free(struct watch *watch)
{
    if (watch != NULL) {
        pathset_fini(&watch->paths);
        free(watch);
    }
}
