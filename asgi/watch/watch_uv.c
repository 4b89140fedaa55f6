/* The watcher where there is no inotify: uv_fs_event. See watch.h.
 *
 * Its events cannot be drained, and may come long after the save (FSEvents
 * gathers them for 50 ms). So they only say when to look; and before requests
 * are released, all that matters is looked at. Weaker than watch_inotify.c in
 * one respect: nothing tells when a write ends, so a file counts as ready when
 * it has been quiet for SETTLE_POLLED. Each directory that holds what matters
 * has a handle; for what does not exist, the nearest directory above it that
 * does.
 */

#include "watch.h"

#include "fence.h"
#include "io_thread.h"
#include "stamps.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

struct folder {
    uv_fs_event_t handle; /* .data is the folder */
    struct watch *watch;
    struct folder *next;
    uint64_t turn;
    size_t size;
    char path[];
};

struct watch {
    struct io *io;
    struct stamps stamps;   /* of what matters */
    struct folder *folders; /* Owned; freed when closed. */
    uint64_t turn;
    bool complained; /* that there can be no more handles */
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


/* Directories above something that matters have come or gone. */
static void
tree_changed(struct watch *watch)
{
    folders_need(watch);
    stamps_look(&watch->stamps);
}


/* An entry of a directory whose entries matter has come or gone. */
static void
on_listed(struct watch *watch, struct path_entry *list, const char *path,
          size_t size)
{
    if (stamps_look_at(&watch->stamps, list)) {
        fence_ready(&watch->io->fence, path, size, SETTLE_POLLED);
    }
}


/* Something happened to an entry of the folder; NULL: to which is not known. */
static void
on_event(uv_fs_event_t *handle, const char *name, int events, int status)
{
    struct folder *folder = handle->data;
    struct watch *watch = folder->watch;
    struct pathset *paths = &watch->stamps.paths;
    char path[PATH_MAX];
    size_t size = folder->size;
    memcpy(path, folder->path, size + 1);
    if (status < 0 || name == NULL || !exists(path)) {
        tree_changed(watch);
        return;
    }
    struct path_entry *list = pathset_find(paths, path, size);
    size_t length = strlen(name);
    if (size + length + 2 > sizeof path) {
        return;
    }
    if (size > 1) {
        path[size++] = '/';
    }
    memcpy(path + size, name, length + 1);
    size += length;
    if (events & UV_RENAME && list != NULL && list->value & PATH_LISTED) {
        on_listed(watch, list, path, size);
    }
    struct path_entry *entry = pathset_find(paths, path, size);
    if (entry != NULL && entry->value & PATH_FILE) {
        stamps_look_at(&watch->stamps, entry);
    }
    if (events & UV_RENAME && entry != NULL
        && entry->value & (PATH_ABOVE | PATH_LISTED)) {
        tree_changed(watch);
    }
}


static void
complain(struct watch *watch, const char *path, int status)
{
    if (watch->complained) {
        return;
    }
    watch->complained = true;
    const char *what = status == UV_ENOSPC ? "raise fs.inotify.max_user_watches"
                       : status == UV_EMFILE || status == UV_ENFILE
                           ? "raise the limit of open files (ulimit -n)"
                           : uv_strerror(status);
    io_complain(watch->io, "cannot watch %.300s: %s", path, what);
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
        complain(watch, folder->path, status);
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
    while ((entry = pathset_next(&watch->stamps.paths, &at)) != NULL) {
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


void
watch_set(struct watch *watch, struct pathset *paths, uint64_t since)
{
    stamps_set(&watch->stamps, paths, since);
    watch->turn++;
    folders_need(watch);
    folders_prune(watch);
}


void
watch_add_untold(const struct watch *watch, struct pathset *polled)
{
    if (watch->complained) {
        pathset_add_all(polled, &watch->stamps.paths, PATH_FILE | PATH_LISTED);
    }
}


void
watch_drain(struct watch *watch)
{
    stamps_look(&watch->stamps);
}


struct watch *
watch_new(struct io *io, int *error)
{
    struct watch *watch = calloc(1, sizeof *watch);
    *error = watch == NULL ? UV_ENOMEM : 0;
    if (watch != NULL) {
        watch->io = io;
        stamps_init(&watch->stamps, &io->fence);
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
        stamps_fini(&watch->stamps);
        free(watch);
    }
}
