/* Running one statement: what has to be in place before, what is kept after.
 *
 * GIL held. */

#ifndef HMR_CORE_RUN_H
#define HMR_CORE_RUN_H

#include "engine.h"

/* Run the statement and keep its trace: at once outside of a transaction, as an
 * attempt inside. 0, or -1 with an exception set: the statement's, or
 * engine->again when an earlier one has to run first. */
int statement_execute(Statement *statement);

#endif
