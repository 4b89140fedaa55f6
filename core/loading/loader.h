/* The import hook: tracked source files are run statement by statement.
 *
 * GIL held. */

#ifndef HMR_CORE_LOADER_H
#define HMR_CORE_LOADER_H

#include "engine.h"

/* Create the loader type (a SourceFileLoader). 0, or -1 with an exception. */
int loader_init(Engine *engine);

/* importlib.abc.MetaPathFinder.find_spec: a spec with our loader, or None. */
PyObject *loader_find_spec(Engine *engine, PyObject *name, PyObject *path,
                           PyObject *target);

#endif
