/* What a module imports, in which order, and what else happens between: a
 * partial walk (needed.h) will do only where that stays. GIL held. */

#ifndef HMR_CORE_IMPORT_ORDER_H
#define HMR_CORE_IMPORT_ORDER_H

#include "engine.h"

/* Does a new statement of an edited module import something new? Found out
 * early it does not have to run twice. */
int module_has_new_import(const Module *module);

/* Do the two import other modules, or in another order? Either may be NULL. */
int imports_differ(const Trace *a, const Trace *b);

/* Does the module import other modules than before, or in another order, or
 * where what is outside of the program is another? */
int module_imports_changed(const Module *module);

#endif
