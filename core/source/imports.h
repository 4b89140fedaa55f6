/* What an import statement names.
 *
 * GIL held. */

#ifndef HMR_CORE_IMPORTS_H
#define HMR_CORE_IMPORTS_H

#include "frame.h"

/* Call visit(module, arg) for every tracked module that an import statement, or
 * a string beside `__import__`, names, packages first. 0, or -1 with an
 * exception set. */
int
import_visit(Statement *statement, int (*visit)(Module *, void *), void *arg);

/* Submodules that we do not track, of packages that we do (`pkg._native`):
 * importlib binds their names when it first imports them, and not again. Bind
 * those that the statement's imports name and that nobody has bound in this
 * walk; the others are read. 0, or -1 with an exception set. */
int import_claim_untracked(Statement *statement, Frame *frame);

/* After `from m import *`: the names it bound. Storing the object that a name
 * has already raises no event. 0, or -1 with an exception set. */
int import_claim_star(Statement *statement, Frame *frame);

/* Does the import statement only take what is there: from loaded modules, names
 * that their namespaces hold? Then it runs nobody's code. 0 also where that is
 * not known; no exception. */
int import_is_idle(Statement *statement);

#endif
