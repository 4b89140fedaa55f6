/* Names of files. No state. GIL held. */

#ifndef HMR_CORE_PATHS_H
#define HMR_CORE_PATHS_H

#include <Python.h>

/* The path with all symbolic links resolved, as os.path.realpath gives it. New
 * reference, `path` itself where it is real; NULL with an exception set. */
PyObject *path_real(PyObject *path);

/* The path from the root on, without `.`, `..` and a slash at the end, as
 * os.path.abspath gives it. New reference, `path` itself where it is that; NULL
 * with an exception set. */
PyObject *path_absolute(PyObject *path);

/* Does a list of paths name an entry of this directory? */
int paths_have_child(PyObject *paths, PyObject *directory);

/* Could one of the paths, but for `known` (may be NULL), be the module of that
 * name: name.py, a folder of that name, its __init__.py, or, where `known` is
 * NULL, anything below it? 1, 0, -1 with an exception set. */
int paths_may_hold(PyObject *paths, PyObject *module, PyObject *known);

#endif
