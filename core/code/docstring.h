/* Docstrings of functions: who looks at them, and how they follow an edit.
 *
 * While tracing, functions look attributes up through us: who asks one for its
 * docstring (a library for a route's description, property(), wraps()) reads a
 * cell of its code. So an edited docstring is patched like a body, and only who
 * has looked runs again. GIL held. */

#ifndef HMR_CORE_DOCSTRING_H
#define HMR_CORE_DOCSTRING_H

#include "code.h"

/* Look-ups while tracing come to us. */
void docstrings_start(void);
void docstrings_stop(void);

/* What the code gives its functions: a str or None. Borrowed. */
PyObject *docstring_of(PyCodeObject *code);

/* May live functions of the code be given another docstring? Not where the
 * statement that makes them has looked at it, and not where nobody can tell
 * whether theirs is the code's. Sets no exception. */
int docstring_may_follow(PyCodeObject *code);

/* The docstring that the function has once it goes from the old code to the
 * new: borrowed; NULL: it stays. */
PyObject *
docstring_next(PyObject *function, PyObject *old_code, PyObject *new_code);

/* The new code takes over who has looked at the old one's docstring, and where
 * it is another, they are stale: *readers. 0, or -1 with an exception set. */
int docstring_change(Engine *engine, const CodeInfo *old, CodeInfo *new,
                     int *readers);

#endif
