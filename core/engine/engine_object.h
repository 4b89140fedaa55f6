/* The Python type Engine (hmr_serve/_core.pyi). GIL held. */

#ifndef HMR_CORE_ENGINE_OBJECT_H
#define HMR_CORE_ENGINE_OBJECT_H

#include <Python.h>

/* Add the type to the extension module. 0, or -1 with an exception set. */
int engine_object_init(PyObject *module);

#endif
