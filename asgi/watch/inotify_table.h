/* What an inotify descriptor watches: the directories that hold what matters
 * and, for what does not exist, the nearest directory above it that does; and
 * each file that matters itself, since only that tells when a write to it
 * begins without waking us for every line of a log beside it. I/O thread only.
 */

#ifndef HMR_ASGI_INOTIFY_TABLE_H
#define HMR_ASGI_INOTIFY_TABLE_H

#include "watchlist.h"

struct io;

struct inotify_table {
    struct io *io;
    int fd;                 /* non-blocking. Owned; -1: there can be none */
    bool complained;        /* about a limit: not all is watched */
    struct pathset folders; /* value: the watch's descriptor, 0: it is gone */
    struct pathset files;   /* likewise */
    uint64_t turn;          /* of the last table_begin: what it needs */
};

/* 0 or a negative errno. */
int table_init(struct inotify_table *table, struct io *io);
void table_fini(struct inotify_table *table);

/* The directory or the file that an event is about, or NULL. */
struct path_entry *folder_of(struct inotify_table *table, int descriptor);
struct path_entry *file_of(struct inotify_table *table, int descriptor);

/* The size of the name of the directory in which changes of this path show. */
size_t folder_size(const struct path_entry *entry);

/* Watch what is needed for the paths below one of them. */
void table_need(struct inotify_table *table, const struct pathset *paths,
                const char *below, size_t below_size);

/* What is below is another now: its watches are worth nothing. */
void
table_forget(struct inotify_table *table, const char *below, size_t below_size);

/* The file at this path came, was replaced or went. */
void file_renew(struct inotify_table *table, const char *path, size_t size);

/* Between the two, table_need says what is needed; the rest is dropped. */
void table_begin(struct inotify_table *table);
void table_end(struct inotify_table *table);

#endif
