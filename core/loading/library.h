/* Imports of libraries in the midst of a statement that does something else:
 * `create_engine(url)` imports the driver. What such an import leaves in other
 * libraries (a logger's level, a handler of a signal) happens once a process,
 * and is not the statement's doing.
 *
 * GIL held. */

#ifndef HMR_CORE_LIBRARY_H
#define HMR_CORE_LIBRARY_H

#include "engine.h"

/* Create the loader type. 0, or -1 with an exception set. */
int library_init(Engine *engine);

/* importlib is about to import what the spec says, which nobody tracks. Its
 * loader is exchanged for the time until then where the running statement has
 * to be told. 0, or -1 with an exception set. */
int library_watch(Engine *engine, PyObject *spec);

#endif
