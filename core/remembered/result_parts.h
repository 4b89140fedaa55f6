/* What the parts of result.h share. GIL held. */

#ifndef HMR_CORE_RESULT_PARTS_H
#define HMR_CORE_RESULT_PARTS_H

#include "result.h"

/* Read what the function may read into a frame of its own. 1; 0 when it is not
 * one that this works for; -1 with an exception set. *state: caches.h. */
int result_scratch(Frame *scratch, Statement *statement, PyObject *function,
                   uint64_t *state);

/* That frame's trace, for the caller to keep. */
Trace *result_take(Frame *scratch);

/* The cell of a cache: new reference, or NULL with an exception set. */
ResultCell *result_get(Engine *engine, PyObject *cache);

/* The trace of the function as it is now. Stolen. */
void result_keep(ResultCell *cell, Trace *trace, Engine *engine);

/* The one record that the cache holds: new reference. NULL without an
 * exception: it holds none, and calling it would run the function. */
PyObject *result_peek(PyObject *cache);

#endif
