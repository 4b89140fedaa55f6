/* A hash map from pointers to pointers: open addressing, linear probing. */

#include "ptrmap.h"

#include <stdint.h>
#include <stdlib.h>

#define PTRMAP_TOMB ((const void *)1)
#define PTRMAP_FIRST_SIZE 32


static size_t
ptr_hash(const void *key)
{
    uint64_t h = (uint64_t)(uintptr_t)key >> 4; /* allocations are aligned */
    return (size_t)((h * 0x9E3779B97F4A7C15u) >> 20);
}


void
ptrmap_fini(PtrMap *map)
{
    free(map->slots);
    *map = (PtrMap){0};
}


static PtrMapSlot *
ptrmap_find(const PtrMap *map, const void *key)
{
    if (map->slots == NULL) {
        return NULL;
    }
    for (size_t i = ptr_hash(key) & map->mask;; i = (i + 1) & map->mask) {
        PtrMapSlot *slot = &map->slots[i];
        if (slot->key == key) {
            return slot;
        }
        if (slot->key == NULL) {
            return NULL;
        }
    }
}


void *
ptrmap_get(const PtrMap *map, const void *key)
{
    PtrMapSlot *slot = ptrmap_find(map, key);
    return slot != NULL ? slot->value : NULL;
}


static void
ptrmap_insert_new(PtrMap *map, const void *key, void *value)
{
    size_t i = ptr_hash(key) & map->mask;
    while (map->slots[i].key != NULL) {
        i = (i + 1) & map->mask;
    }
    map->slots[i] = (PtrMapSlot){key, value};
    map->used++;
    map->live++;
}


/* Rebuild with room for twice the live entries; drops the tombs. */
static int
ptrmap_grow(PtrMap *map)
{
    size_t size = PTRMAP_FIRST_SIZE;
    while (size < map->live * 4) {
        size *= 2;
    }
    PtrMapSlot *slots = calloc(size, sizeof(*slots));
    if (slots == NULL) {
        return -1;
    }
    PtrMap grown = {.slots = slots, .mask = size - 1};
    size_t pos = 0;
    const void *key;
    void *value;
    while (ptrmap_next(map, &pos, &key, &value)) {
        ptrmap_insert_new(&grown, key, value);
    }
    free(map->slots);
    *map = grown;
    return 0;
}


int
ptrmap_set(PtrMap *map, const void *key, void *value)
{
    PtrMapSlot *slot = ptrmap_find(map, key);
    if (slot != NULL) {
        slot->value = value;
        return 0;
    }
    if (map->slots == NULL || (map->used + 1) * 4 > (map->mask + 1) * 3) {
        if (ptrmap_grow(map) < 0) {
            return -1;
        }
    }
    ptrmap_insert_new(map, key, value);
    return 0;
}


void *
ptrmap_pop(PtrMap *map, const void *key)
{
    PtrMapSlot *slot = ptrmap_find(map, key);
    if (slot == NULL) {
        return NULL;
    }
    void *value = slot->value;
    *slot = (PtrMapSlot){PTRMAP_TOMB, NULL};
    map->live--;
    return value;
}


int
ptrmap_next(const PtrMap *map, size_t *pos, const void **key, void **value)
{
    if (map->slots == NULL) {
        return 0;
    }
    for (; *pos <= map->mask; (*pos)++) {
        const PtrMapSlot *slot = &map->slots[*pos];
        if (slot->key != NULL && slot->key != PTRMAP_TOMB) {
            *key = slot->key;
            *value = slot->value;
            (*pos)++;
            return 1;
        }
    }
    return 0;
}
