/* Places outside that code may look at by their names.
 *
 * `getLogger("q").level`, `getattr(client(), "timeout")`: how a statement came
 * to the object is not known, but its text has the attribute's name, or the
 * string. Whoever runs such code depends on every place of that name that
 * statements store into. A name that is put together at run time is not seen.
 * GIL held. */

#ifndef HMR_CORE_MENTIONS_H
#define HMR_CORE_MENTIONS_H

#include "frame.h"

/* Is a string among the items? Never sets an exception. */
int tuple_has_string(PyObject *tuple, PyObject *name);

/* Does a string of the code, or of a tuple or set in it, equal `name`? Never
 * sets an exception. */
int code_has_string(PyObject *code, PyObject *name);

/* `code` is about to run: the statement reads the places that it mentions. 0,
 * or -1 with an exception set. */
int mentions_read(Frame *frame, PyObject *code);

/* Is there no place that code of the trace mentions, and that was stored into
 * only since? Else gives the statement its reason. 1, 0, or -1 with an
 * exception set. */
int mentions_clean(Statement *statement, const Trace *trace);

#endif
