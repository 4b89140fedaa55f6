/* What single statements add to an object: routes to an application.
 *
 * When a statement that changed an object is edited, the object is made anew
 * and all statements that changed it run again. Some of them only add things of
 * their own to it, things that took long to build. Where nothing that such a
 * statement read has changed but for the object itself, and the new object was
 * made and set up like the old one, what it had added is added to the new
 * object, and it does not run. What kinds of objects these are, and what was
 * added, a Python object knows (Engine.contribute).
 *
 * Two objects are set up alike when their `setup` is the same: a hash over the
 * effects (Trace.effect) of the statements that made and changed them, but for
 * those that only add. An effect is a number that a statement keeps while it
 * reads the same. GIL held throughout. */

#ifndef HMR_CORE_CONTRIBUTE_H
#define HMR_CORE_CONTRIBUTE_H

#include "frame.h"

/* The running statement is about to change the object. 0, or -1 with an
 * exception set. */
int contribute_begin(Frame *frame, PyObject *object);

/* The statement ended with this trace, not yet kept. `owner`, `mark`: those of
 * its frame. 0, or -1 with an exception set. */
int contribute_end(Statement *statement, Trace *trace, PyObject *owner,
                   PyObject *mark);

/* The statement would have to run: 1 when what it had added was added to the
 * new object instead; 0; -1 with an exception set. */
int contribute_again(Statement *statement);

/* Engine.contribute(contributions): METH_O. */
PyObject *engine_contribute(PyObject *self, PyObject *contributions);

#endif
