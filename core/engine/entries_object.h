/* Engine's methods for what the server runs: the entry, which gives the
 * application, and lifespans (hmr_serve/_core.pyi says what each does). Each
 * has a trace like a statement's: a probe. GIL held, main thread. */

#ifndef HMR_CORE_ENTRIES_OBJECT_H
#define HMR_CORE_ENTRIES_OBJECT_H

#include "engine.h"

/* 0, or -1 with RuntimeError set. */
int engine_require_installed(const Engine *engine);

/* METH_VARARGS: (name, callable) */
PyObject *engine_run(PyObject *self, PyObject *args);

/* METH_O: the name. */
PyObject *engine_result(PyObject *self, PyObject *name);
PyObject *engine_begin(PyObject *self, PyObject *name);
PyObject *engine_end(PyObject *self, PyObject *name);
PyObject *engine_drop(PyObject *self, PyObject *name);

#endif
