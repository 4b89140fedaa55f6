/* Engine's methods for callbacks (hmr_serve/_core.pyi says what each does). */

#ifndef HMR_CORE_CALLBACKS_OBJECT_H
#define HMR_CORE_CALLBACKS_OBJECT_H

#include <Python.h>

/* METH_O: register the callback with what runs; bool. */
PyObject *engine_on_dispose(PyObject *self, PyObject *callback);
PyObject *engine_before_reload(PyObject *self, PyObject *callback);
PyObject *engine_after_reload(PyObject *self, PyObject *callback);

/* METH_NOARGS */
PyObject *engine_reloaded(PyObject *self, PyObject *unused);
PyObject *engine_undone(PyObject *self, PyObject *unused);
PyObject *engine_disposed(PyObject *self, PyObject *unused);
PyObject *engine_redo(PyObject *self, PyObject *unused);

/* METH_VARARGS: (seconds, size, lifespan=True) */
PyObject *engine_release(PyObject *self, PyObject *args);

/* METH_VARARGS: (name=None) */
PyObject *engine_dispose(PyObject *self, PyObject *args);

#endif
