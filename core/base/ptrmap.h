/* A hash map from pointers to pointers. Keys and values are not owned. */

#ifndef HMR_CORE_PTRMAP_H
#define HMR_CORE_PTRMAP_H

#include <stddef.h>

typedef struct {
    const void *key; /* NULL: never used; PTRMAP_TOMB: removed */
    void *value;
} PtrMapSlot;

typedef struct {
    PtrMapSlot *slots; /* Owned; NULL while empty. */
    size_t mask;       /* number of slots - 1 */
    size_t used;       /* slots that are not NULL */
    size_t live;       /* entries */
} PtrMap;

/* Zero-initialised maps are valid and empty. No function needs the GIL. */
void ptrmap_fini(PtrMap *map);

/* The value of key, or NULL. */
void *ptrmap_get(const PtrMap *map, const void *key);

/* 0, or -1 without memory (no exception set). value must not be NULL. */
int ptrmap_set(PtrMap *map, const void *key, void *value);

/* The removed value, or NULL if there was none. */
void *ptrmap_pop(PtrMap *map, const void *key);

/* Iterate: start with *pos = 0; 1 while there is an entry. */
int ptrmap_next(const PtrMap *map, size_t *pos, const void **key, void **value);

#endif
