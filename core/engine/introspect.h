/* Read-only views of the graph, and its end. GIL held. */

#ifndef HMR_CORE_INTROSPECT_H
#define HMR_CORE_INTROSPECT_H

#include "engine.h"

/* (set of files, set of directories). New reference. */
PyObject *introspect_watched(Engine *engine);

/* The set of files that this process wrote and whose change was not looked at
 * since. New reference. */
PyObject *introspect_written(Engine *engine);

/* Names of modules in the order in which their imports ended. New list. */
PyObject *introspect_modules(Engine *engine);

/* Views of a module's statements. New list. */
PyObject *introspect_statements(Module *module);

/* Code objects outlive the engine: their infos must not point to it. */
void introspect_detach(Engine *engine);

/* Free all modules, statements and cells. */
void introspect_free_graph(Engine *engine);

#endif
