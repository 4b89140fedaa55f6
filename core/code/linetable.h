/* Location tables of code objects (CPython: Objects/locations.md).
 *
 * GIL held. */

#ifndef HMR_CORE_LINETABLE_H
#define HMR_CORE_LINETABLE_H

#include <Python.h>

/* A copy of a module-level code's table in which all but the entry instruction,
 * which has line 0, stand `delta` lines further down. New reference to bytes;
 * NULL with an exception set. */
PyObject *linetable_shift(PyObject *table, int delta);

#endif
