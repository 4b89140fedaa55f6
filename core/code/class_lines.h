/* What classes keep of their text: __firstlineno__ and __static_attributes__
 * (CPython 3.13 and later); and which they are.
 *
 * GIL held. */

#ifndef HMR_CORE_CLASS_LINES_H
#define HMR_CORE_CLASS_LINES_H

#include "graph.h"

/* Give every class of a statement's code, found by its qualified name in the
 * namespace, what its code says now. 0, or -1 with an exception set. */
int class_fix_lines(const Statement *statement, PyObject *code);

/* The object of a qualified name, `Outer.Inner` or `Outer.method`, that the
 * statement has bound. New reference, or NULL without an exception. */
PyObject *class_find_bound(const Statement *statement, PyObject *qualname);

#endif
