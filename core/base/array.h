/* Arrays that grow: doubled, and `least` items more. */

#ifndef HMR_CORE_ARRAY_H
#define HMR_CORE_ARRAY_H

#include <Python.h>

/* Make room for one more item of `size` bytes. The array, to be stored where
 * the old one was, or NULL when memory is short: no exception is set, and the
 * old array is as it was. */
static inline void *
array_grow(void *items, Py_ssize_t count, Py_ssize_t *room, size_t size,
           Py_ssize_t least)
{
    if (count < *room) {
        return items;
    }
    Py_ssize_t wanted = *room * 2 + least;
    void *grown = PyMem_Realloc(items, (size_t)wanted * size);
    if (grown != NULL) {
        *room = wanted;
    }
    return grown;
}


/* The same with MemoryError set. */
static inline void *
array_reserve(void *items, Py_ssize_t count, Py_ssize_t *room, size_t size,
              Py_ssize_t least)
{
    void *grown = array_grow(items, count, room, size, least);
    if (grown == NULL) {
        PyErr_NoMemory();
    }
    return grown;
}

#endif
