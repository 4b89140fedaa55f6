/* How the engine sees what tracked code does: CPython's watchers and hooks.
 *
 * - sys.monitoring PY_START and PY_RESUME: which tracked code runs
 * - a dict watcher on namespaces: which names are bound
 * - a function watcher: which functions are alive, by code object
 * - a module subtype: which names are read through a module object
 * - an audit hook: which files are opened and which folders listed
 *
 * All but the function watcher and the audit hook are on only while tracked
 * statements run. Everything needs the GIL. */

#ifndef HMR_CORE_HOOKS_H
#define HMR_CORE_HOOKS_H

#include "engine.h"

/* Install what is installed once. 0, or -1 with an exception set. */
int hooks_install(Engine *engine);
void hooks_uninstall(Engine *engine);

/* Let an object of exactly the type `from` be one of `to`, of the same layout;
 * what the program gave a type of its own stays as it is. */
static inline void
object_set_type(PyObject *object, PyTypeObject *from, PyTypeObject *to)
{
    if (Py_IS_TYPE(object, from)) {
        Py_INCREF(to);
        Py_SET_TYPE(object, to);
        Py_DECREF(from);
    }
}

/* Begin and end tracing; calls nest. 0, or -1 with an exception set. */
int hooks_start(Engine *engine);
void hooks_stop(Engine *engine);

/* A module joins while tracing is on. 0, or -1 with an exception set. */
int hooks_add_module(Engine *engine, Module *module);
void hooks_remove_module(Engine *engine, Module *module);

#endif
