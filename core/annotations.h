/* A module's __annotations__, as the whole file would make them.
 *
 * GIL held. */

#ifndef HMR_CORE_ANNOTATIONS_H
#define HMR_CORE_ANNOTATIONS_H

#include "engine.h"

/* Before the first statement runs: the whole file's code would begin with an
 * empty dict, if it annotates anything (until 3.13). 0, or -1. */
int annotations_prepare(Module *module);

/* After a statement ran: since 3.14 it has set the names by which a module
 * computes its annotations, for itself alone; put back the file's. 0, or -1. */
int annotations_note(Statement *statement);

/* After an edit: entries of statements that are no more go, the others stand in
 * the order of the text. 0, or -1 with an exception set. */
int annotations_settle(Engine *engine, Module *module);

/* Before a transaction, and to put back what it changed. 0, or -1. */
int annotations_remember(Module *module);
int annotations_restore(Module *module);

#endif
