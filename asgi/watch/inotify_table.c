/* See inotify_table.h. */

#include "inotify_table.h"

#include "io_thread.h"

#include <errno.h>
#include <limits.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

static const uint32_t FOLDER_MASK = IN_CLOSE_WRITE | IN_MOVED_TO | IN_MOVED_FROM
                                    | IN_DELETE | IN_CREATE | IN_DELETE_SELF
                                    | IN_MOVE_SELF | IN_ONLYDIR;
static const uint32_t FILE_MASK = IN_MODIFY | IN_DONT_FOLLOW;


/* Say once that a limit is reached. */
static void
table_complain(struct inotify_table *table, const char *limit)
{
    if (!table->complained) {
        table->complained = true;
        io_complain(table->io,
                    "Linux watches no more files for this user: raise "
                    "fs.inotify.%s (sysctl -w). Until a restart files are "
                    "polled instead.",
                    limit);
    }
}


int
table_init(struct inotify_table *table, struct io *io)
{
    table->io = io;
    pathset_init(&table->folders);
    pathset_init(&table->files);
    table->fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
    if (table->fd >= 0) {
        return 0;
    }
    int error = errno;
    int other = error == EMFILE ? dup(STDERR_FILENO) : -1;
    if (other < 0) {
        return -error;
    }
    close(other); /* so it is not this process that has too many files */
    return 0;
}


void
table_fini(struct inotify_table *table)
{
    if (table->fd >= 0) {
        close(table->fd);
    }
    pathset_fini(&table->folders);
    pathset_fini(&table->files);
}


/* Watches. */

static struct path_entry *
entry_of(const struct pathset *set, int descriptor)
{
    size_t at = 0;
    struct path_entry *entry;
    while ((entry = pathset_next(set, &at)) != NULL) {
        if (entry->value == descriptor) {
            return entry;
        }
    }
    return NULL;
}


struct path_entry *
folder_of(struct inotify_table *table, int descriptor)
{
    return entry_of(&table->folders, descriptor);
}


struct path_entry *
file_of(struct inotify_table *table, int descriptor)
{
    return entry_of(&table->files, descriptor);
}


/* Have the kernel watch it and note that in `set`: false if it cannot. */
static bool
entry_add(struct inotify_table *table, struct pathset *set, const char *path,
          size_t size, uint32_t mask)
{
    char name[PATH_MAX];
    if (size >= sizeof name) {
        return false;
    }
    memcpy(name, path, size);
    name[size] = '\0';
    int descriptor = inotify_add_watch(table->fd, name, mask);
    if (descriptor < 0) {
        if (errno == ENOSPC) {
            table_complain(table, "max_user_watches");
        }
        return false;
    }
    struct path_entry *entry = pathset_add(set, path, size);
    if (entry == NULL) {
        inotify_rm_watch(table->fd, descriptor);
        return false;
    }
    entry->value = descriptor;
    entry->stamp = table->turn;
    return true;
}


static void
entry_drop(struct inotify_table *table, struct path_entry *entry)
{
    if (entry->value > 0) {
        /* Fails where the kernel has dropped it already. */
        (void)inotify_rm_watch(table->fd, entry->value);
        entry->value = 0;
    }
}


/* Is it watched? Then it is needed. */
static bool
entry_keep(struct inotify_table *table, const struct pathset *set,
           const char *path, size_t size)
{
    struct path_entry *entry = pathset_find(set, path, size);
    if (entry == NULL || entry->value == 0) {
        return false;
    }
    entry->stamp = table->turn;
    return true;
}


/* Directories. */

size_t
folder_size(const struct path_entry *entry)
{
    if (entry->value & PATH_LISTED) {
        return entry->size;
    }
    return path_parent_size(entry->path, entry->size);
}


/* True if it exists. */
static bool
folder_add(struct inotify_table *table, const char *path, size_t size)
{
    return entry_keep(table, &table->folders, path, size)
           || entry_add(table, &table->folders, path, size, FOLDER_MASK);
}


/* Watch it or, while it does not exist, what is above it. The second try is for
 * a directory that came after the first and before its parent was watched. */
static bool
folder_need(struct inotify_table *table, const char *path, size_t size)
{
    if (folder_add(table, path, size)) {
        return true;
    }
    size_t parent = path_parent_size(path, size);
    if (parent == 0 || !folder_need(table, path, parent)) {
        return false;
    }
    return folder_add(table, path, size);
}


/* Files. */

/* Not one with several names: the end of a write to it shows at one of them
 * only, the beginning would at all. */
static void
file_need(struct inotify_table *table, const char *path, size_t size)
{
    struct stat stat;
    if (!entry_keep(table, &table->files, path, size) && lstat(path, &stat) == 0
        && S_ISREG(stat.st_mode) && stat.st_nlink == 1) {
        (void)entry_add(table, &table->files, path, size, FILE_MASK);
    } /* else its writes are seen when they end */
}


void
file_renew(struct inotify_table *table, const char *path, size_t size)
{
    struct path_entry *entry = pathset_find(&table->files, path, size);
    if (entry != NULL) {
        entry_drop(table, entry);
    }
    file_need(table, path, size);
}


/* All of them. */

void
table_need(struct inotify_table *table, const struct pathset *paths,
           const char *below, size_t below_size)
{
    if (table->fd < 0 && paths->count > 0) {
        table_complain(table, "max_user_instances");
        return;
    }
    size_t at = 0;
    struct path_entry *entry;
    while ((entry = pathset_next(paths, &at)) != NULL) {
        if (!path_is_below(entry->path, entry->size, below, below_size)) {
            continue;
        }
        if (entry->value & PATH_LISTED) {
            folder_need(table, entry->path, entry->size);
        }
        if (entry->value & PATH_FILE) {
            folder_need(table, entry->path,
                        path_parent_size(entry->path, entry->size));
            file_need(table, entry->path, entry->size);
        }
    }
}


static void
entries_forget(struct inotify_table *table, const struct pathset *set,
               const char *below, size_t below_size)
{
    size_t at = 0;
    struct path_entry *entry;
    while ((entry = pathset_next(set, &at)) != NULL) {
        if (path_is_below(entry->path, entry->size, below, below_size)) {
            entry_drop(table, entry);
        }
    }
}


void
table_forget(struct inotify_table *table, const char *below, size_t below_size)
{
    entries_forget(table, &table->folders, below, below_size);
    entries_forget(table, &table->files, below, below_size);
}


/* Drop what was not needed since table_begin. */
static void
entries_prune(struct inotify_table *table, struct pathset *set)
{
    struct pathset kept;
    pathset_init(&kept);
    size_t at = 0;
    struct path_entry *entry;
    while ((entry = pathset_next(set, &at)) != NULL) {
        struct path_entry *copy = NULL;
        if (entry->value > 0 && entry->stamp == table->turn) {
            copy = pathset_add(&kept, entry->path, entry->size);
        }
        if (copy != NULL) {
            copy->value = entry->value;
            copy->stamp = entry->stamp;
        }
        else {
            entry_drop(table, entry);
        }
    }
    pathset_fini(set);
    *set = kept;
}


void
table_begin(struct inotify_table *table)
{
    table->turn++;
}


void
table_end(struct inotify_table *table)
{
    entries_prune(table, &table->folders);
    entries_prune(table, &table->files);
}
