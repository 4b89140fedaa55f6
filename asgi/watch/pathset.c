/* See pathset.h. */

#include "pathset.h"

#include <stdlib.h>
#include <string.h>


void
pathset_init(struct pathset *set)
{
    *set = (struct pathset){0};
}


void
pathset_fini(struct pathset *set)
{
    for (size_t i = 0; i < set->space; i++) {
        free(set->slots[i].path);
    }
    free(set->slots);
    pathset_init(set);
}


struct pathset *
pathset_new(void)
{
    return calloc(1, sizeof(struct pathset));
}


void
pathset_free(struct pathset *set)
{
    if (set != NULL) {
        pathset_fini(set);
        free(set);
    }
}


static uint32_t
path_hash(const char *path, size_t size)
{
    uint32_t hash = 2166136261u;
    for (size_t i = 0; i < size; i++) {
        hash = (hash ^ (unsigned char)path[i]) * 16777619u;
    }
    return hash;
}


/* The slot that holds the path, or the free one where it belongs. */
static struct path_entry *
slot_of(struct path_entry *slots, size_t space, const char *path, size_t size,
        uint32_t hash)
{
    size_t at = hash & (space - 1);
    while (slots[at].path != NULL
           && (slots[at].hash != hash || slots[at].size != size
               || memcmp(slots[at].path, path, size) != 0)) {
        at = (at + 1) & (space - 1);
    }
    return &slots[at];
}


struct path_entry *
pathset_find(const struct pathset *set, const char *path, size_t size)
{
    if (set->count == 0) {
        return NULL;
    }
    struct path_entry *slot =
        slot_of(set->slots, set->space, path, size, path_hash(path, size));
    return slot->path != NULL ? slot : NULL;
}


static int
pathset_grow(struct pathset *set)
{
    size_t space = set->space == 0 ? 64 : set->space * 2;
    struct path_entry *slots = calloc(space, sizeof *slots);
    if (slots == NULL) {
        return -1;
    }
    for (size_t i = 0; i < set->space; i++) {
        struct path_entry *old = &set->slots[i];
        if (old->path != NULL) {
            *slot_of(slots, space, old->path, old->size, old->hash) = *old;
        }
    }
    free(set->slots);
    set->slots = slots;
    set->space = space;
    return 0;
}


struct path_entry *
pathset_add(struct pathset *set, const char *path, size_t size)
{
    if (set->count * 2 >= set->space && pathset_grow(set) < 0) {
        return NULL;
    }
    uint32_t hash = path_hash(path, size);
    struct path_entry *slot = slot_of(set->slots, set->space, path, size, hash);
    if (slot->path == NULL) {
        char *copy = malloc(size + 1);
        if (copy == NULL) {
            return NULL;
        }
        memcpy(copy, path, size);
        copy[size] = '\0';
        *slot = (struct path_entry){.path = copy, .size = size, .hash = hash};
        set->count++;
    }
    return slot;
}


struct path_entry *
pathset_next(const struct pathset *set, size_t *at)
{
    while (*at < set->space) {
        struct path_entry *slot = &set->slots[(*at)++];
        if (slot->path != NULL) {
            return slot;
        }
    }
    return NULL;
}


size_t
path_parent_size(const char *path, size_t size)
{
    if (size <= 1) {
        return 0;
    }
    while (size > 1 && path[size - 1] != '/') {
        size--;
    }
    return size > 1 ? size - 1 : 1;
}


bool
path_is_below(const char *path, size_t size, const char *directory,
              size_t directory_size)
{
    if (size < directory_size || memcmp(path, directory, directory_size) != 0) {
        return false;
    }
    return size == directory_size || directory_size == 1
           || path[directory_size] == '/';
}


void
pathset_add_all(struct pathset *set, const struct pathset *from, int bits)
{
    size_t at = 0;
    const struct path_entry *entry;
    while ((entry = pathset_next(from, &at)) != NULL) {
        struct path_entry *copy =
            entry->value & bits ? pathset_add(set, entry->path, entry->size)
                                : NULL;
        if (copy != NULL) {
            copy->value |= entry->value & bits;
        }
    }
}
