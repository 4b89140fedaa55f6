/* Shared by callbacks.c and dispose.c. GIL held. */

#ifndef HMR_CORE_CALLBACKS_PARTS_H
#define HMR_CORE_CALLBACKS_PARTS_H

#include "callbacks.h"

typedef struct {
    Statement **items; /* Owned array. */
    Py_ssize_t count, room;
} FoundStatements;

/* The kind of an entry of Trace.callbacks. */
CallbackKind callback_kind(PyObject *item);

/* Has the trace (NULL: none) anything of the kind? */
int callbacks_has(const Trace *trace, CallbackKind kind);

/* Statements of the applied revision whose trace has such a callback, in cold
 * order; the caller frees found->items. 0, or -1 with an exception set. */
int callbacks_find(Engine *engine, CallbackKind kind, FoundStatements *found);

/* Call what the trace has to dispose of: the last one first; each is forgotten
 * before it is called. */
void callbacks_dispose_trace(Trace *trace);

#endif
