/* The package of a module that the walk imports: it comes first, and its name
 * for the module comes last. GIL held. */

#ifndef HMR_CORE_WALK_PACKAGE_H
#define HMR_CORE_WALK_PACKAGE_H

#include "engine.h"

/* A partial walk comes to a module whose package it leaves as it is: the name
 * is not there until the module's import ends. 0, or -1 with an exception. */
int package_hide_name(Module *module);

/* The import ends: the package gets the name. 0, or -1 with an exception. */
int package_bind_name(Module *module);

/* Has the import of a package that the module is in failed in this walk? It is
 * tried again then. */
int package_failed(Module *module);

/* Is there none as yet, after an import that failed? Importing it comes first.
 */
int package_is_lacking(Module *module);

#endif
