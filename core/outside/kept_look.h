/* Looking for objects of the program among what a library's function leads to.
 *
 * GIL held; runs no Python code. */

#ifndef HMR_CORE_KEPT_LOOK_H
#define HMR_CORE_KEPT_LOOK_H

#include <Python.h>

#include "ptrmap.h"

/* So many objects are looked at for one call. */
#define KEPT_BUDGET 4000

/* Is it one that is looked for? */
typedef int (*KeptWanted)(PyObject *object, const void *arg);

/* Does what the function, class or object can come to hold a wanted object?
 * `root`: the name of the library's top package: other libraries' objects and
 * functions are not followed. 1, 0, or -1 with MemoryError set. */
int
kept_look(PyObject *from, PyObject *root, KeptWanted wanted, const void *arg);

/* The module that a function, class or module says it is of; an object: its
 * class. Borrowed; NULL without an exception. */
PyObject *kept_home(PyObject *object);

/* Is the module the package `root`, or in it? */
int kept_is_of(PyObject *home, PyObject *root);

#endif
