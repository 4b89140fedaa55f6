/* A hash table of path names with a few bits each. Owns its strings. */

#ifndef HMR_ASGI_PATHSET_H
#define HMR_ASGI_PATHSET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct path_entry {
    char *path; /* terminated by a zero. Owned. */
    size_t size;
    uint32_t hash;
    int value;      /* the table's owner decides */
    uint64_t stamp; /* likewise */
};

struct pathset {
    struct path_entry
        *slots;   /* open addressing; path == NULL is free. Owned. */
    size_t space; /* a power of two, or 0 */
    size_t count;
};

void pathset_init(struct pathset *set);
void pathset_fini(struct pathset *set);

/* On the heap, to be sent in a letter; NULL without memory. */
struct pathset *pathset_new(void);
void pathset_free(struct pathset *set); /* NULL is fine */

/* The entry, or NULL. Valid until the next add. */
struct path_entry *
pathset_find(const struct pathset *set, const char *path, size_t size);

/* The entry, made with value 0 if it is new; NULL without memory. */
struct path_entry *
pathset_add(struct pathset *set, const char *path, size_t size);

/* Add entries that have one of these bits, with these bits. Without memory some
 * stay out. */
void pathset_add_all(struct pathset *set, const struct pathset *from, int bits);

/* Walk: start with *at = 0; NULL at the end. Nothing may be added meanwhile. */
struct path_entry *pathset_next(const struct pathset *set, size_t *at);

/* "/a/b" -> 2 ("/a"), "/a" -> 1 ("/"), "/" -> 0: the size of the name of the
 * directory that holds it. */
size_t path_parent_size(const char *path, size_t size);

/* Is `path` the directory itself or below it? */
bool path_is_below(const char *path, size_t size, const char *directory,
                   size_t directory_size);

#endif
