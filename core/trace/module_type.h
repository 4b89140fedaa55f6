/* The type that modules of the program are of while tracing. */

#ifndef HMR_CORE_MODULE_TYPE_H
#define HMR_CORE_MODULE_TYPE_H

#include "engine.h"

/* 0, or -1 with an exception set. */
int module_type_install(Engine *engine);

/* Importing a submodule binds its name in the package: that is the doing of the
 * import system, and the walk follows it by itself. */
int module_is_submodule_bind(const Engine *engine, const Module *module,
                             PyObject *key, PyObject *value);

#endif
