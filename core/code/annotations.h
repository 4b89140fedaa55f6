/* A module's __annotations__, as the whole file would make them.
 *
 * GIL held. */

#ifndef HMR_CORE_ANNOTATIONS_H
#define HMR_CORE_ANNOTATIONS_H

#include "frame.h"

/* Before the first statement runs: the whole file's code would begin with an
 * empty dict, if it annotates anything (until 3.13). 0, or -1. */
int annotations_prepare(Module *module);

/* Before a statement runs, and after its trace is kept: what it annotates is a
 * part of that, and the module's annotations are those of all that ran. 0, or
 * -1 with an exception set. */
int annotations_enter(Frame *frame);
int annotations_note(const Frame *frame);

/* After an edit: what statements that are no more, or ran, have annotated goes,
 * the rest stands in the order of the text. 0, or -1 with an exception set. */
int annotations_settle(Engine *engine, Module *module);

/* Before a transaction, and to put back what it changed. 0, or -1. */
int annotations_remember(Module *module);
int annotations_restore(Module *module);

#endif
