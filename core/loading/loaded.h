/* What sys.modules holds while a walk runs.  A whole walk begins as a cold
 * start does, with none of the program's modules in sys.modules, and each is
 * put back when it is imported: by the walk where the importing statement is
 * clean, by importlib and the loader where it runs. So the order of imports,
 * cycles, and imports that fail are Python's own. GIL held. */

#ifndef HMR_CORE_LOADED_H
#define HMR_CORE_LOADED_H

#include "engine.h"

/* Take all tracked modules out. 0, or -1 with an exception set. */
int loaded_hide(Engine *engine);

/* The import of a module begins; ends well. 0, or -1 with an exception set. */
int loaded_begin(Module *module);
int loaded_end(Module *module);

/* The walk, not importlib, imports it: what error messages of modules that
 * import it back say. 0, or -1 with an exception set; the end keeps one. */
int loaded_begin_import(const Module *module);
void loaded_end_import(const Module *module);

/* It fails. Keeps the exception. */
void loaded_remove(Module *module);

/* Modules whose import has ended in this walk since `ended`: take them out
 * again, so that the statement that runs now imports them as in a cold
 * start; put them back. An exception is kept. */
void loaded_withhold(Engine *engine, long ended);
void loaded_release(Engine *engine, long ended);

/* Roll back: as it was before the transaction, without newborn modules. */
void loaded_restore(Engine *engine);

/* The transaction is over. */
void loaded_forget(Engine *engine);

#endif
