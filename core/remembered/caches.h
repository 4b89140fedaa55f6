/* Caches of functions: what they hold was computed from code and names that an
 * edit may change. A cache is cleared, never replaced, so whoever refers to it
 * stays.
 *
 * GIL held. */

#ifndef HMR_CORE_CACHES_H
#define HMR_CORE_CACHES_H

#include "frame.h"

/* The function behind a functools.lru_cache or cache wrapper, or behind another
 * library's that has cache_clear(). Borrowed; NULL when the object is no such
 * wrapper, or none of a tracked function. */
PyObject *cache_function(PyObject *object);

/* What functools.partial calls in the end. Borrowed: the object keeps it. */
PyObject *cache_behind_partials(PyObject *object);

/* The binding holds `value` from now on, which may be a cache. The one before
 * it, of a library, may have its results in an object that stays
 * (`@cached(store)`): it is cleared. 0, or -1 with an exception set. */
int cache_note(Engine *engine, Binding *binding, PyObject *value);

/* Does a cache remember what functions of that code return? Sets no exception.
 */
int cache_is_of(const Engine *engine, PyObject *code);

/* A statement calls a cached function: it depends on all that the function may
 * read, whether it runs now or its result is remembered. In a transaction the
 * cache is cleared first when something it was computed from has changed.
 * 0, or -1 with an exception set. */
int cache_read(Frame *frame, PyObject *object);

/* What the function may read is read by the frame (NULL: by nobody). *state: a
 * number for the versions that it would read now; 0: what they were before the
 * transaction. 0, or -1 with an exception set. */
int cache_read_function(Frame *frame, PyObject *function, uint64_t *state);

/* The same of code, noted by the frame only. 0, or -1 with an exception set. */
int cache_read_code(Frame *frame, PyObject *code);

/* A number for the versions of all that the function would read now, by its
 * code. 0, or -1 with an exception set. */
int cache_state(PyObject *function, uint64_t *state);

/* The same of a function that the class calls: it may call what the class has
 * by its names. */
int cache_read_method(Frame *frame, PyTypeObject *type, PyObject *function,
                      uint64_t *state);

/* May the function read the cell, by its code? 1, 0, or -1 with an exception
 * set. */
int function_may_read(PyObject *function, const Cell *cell);

/* Clear the cache, unless it was cleared for this state already (what it holds
 * is what the statements that ran since have asked for), or the state is 0. 0,
 * or -1 with an exception set. */
int cache_expire(Engine *engine, PyObject *object, uint64_t state);

/* Call cache_clear(). 0, or -1 with an exception set. */
int cache_clear(Engine *engine, PyObject *object, uint64_t state);

/* The transaction is taken back: what was computed in it is forgotten. */
void caches_rollback(Engine *engine);

/* At the end of a transaction: clear the caches that requests have filled from
 * what has changed. 0, or -1 with an exception set. */
int caches_settle(Engine *engine);

#endif
