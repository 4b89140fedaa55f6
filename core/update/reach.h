/* What suspended code can reach: does a coroutine still use an object that the
 * last revision replaced?
 *
 * A WebSocket's handler that waits for its next message may have put its socket
 * into a `manager` that was built anew: the new one will never know of it. GIL
 * held. */

#ifndef HMR_CORE_REACH_H
#define HMR_CORE_REACH_H

#include "engine.h"

/* The name ("module.name") of an object that may hold state, was replaced by
 * the last revision (until it is settled), and that the coroutine, what it
 * awaits, or a function that these may call looks at. None: there is none.
 * Functions, classes, modules and immutable data do not count: they are looked
 * up anew. New reference, or NULL with an exception. */
PyObject *reach_rebound(Engine *engine, PyObject *coroutine);

#endif
