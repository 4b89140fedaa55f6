/* What an object works out when it is first asked, and keeps: no change of it.
 * GIL held; runs no Python code. */

#ifndef HMR_CORE_PRINT_LAZY_H
#define HMR_CORE_PRINT_LAZY_H

#include <Python.h>

/* A value for good, whatever its struct keeps beside it: a path and its text, a
 * number or a date and its hash, a union and its parameters? */
int lazy_is_value(const PyTypeObject *type);

/* Does the dict of a type's instance hold under the key what a descriptor of a
 * library put there (functools.cached_property, SQLAlchemy's memoized ones)? Of
 * a tracked class: no, the code that computed it may be edited. */
int lazy_is_memo(PyTypeObject *type, PyObject *key);

#endif
