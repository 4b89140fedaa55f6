/* What an import statement names.
 *
 * GIL held. */

#ifndef HMR_CORE_IMPORTS_H
#define HMR_CORE_IMPORTS_H

#include "frame.h"

/* Call visit(module, arg) for every tracked module that an import statement
 * names, packages first. 0, or -1 with an exception set. */
int
import_visit(Statement *statement, int (*visit)(Module *, void *), void *arg);

/* After `from m import *`: the names it bound. Storing the object that a name
 * has already raises no event. 0, or -1 with an exception set. */
int import_claim_star(Statement *statement, Frame *frame);

#endif
