/* The old value of an expensive statement goes before the statement runs again,
 * so that a model is not in memory twice.
 *
 * Only a large value that nobody else needs: whatever refers to it is a name of
 * the program, and no lifespan that may have to shut down in the old world can
 * get at it. A statement whose value went counts as disposed of: where the edit
 * fails, transaction_redo() runs it again. GIL held. */

#ifndef HMR_CORE_RELEASE_H
#define HMR_CORE_RELEASE_H

#include "engine.h"

/* The statement is about to run in a transaction: release what it, or the one
 * that it replaces, gave its names before. 0, or -1 with an exception set. */
int release_old(Statement *statement);

/* It has run, and its trace is kept: that it gave up much before counts. */
void release_note(Statement *statement, Trace *trace);

/* Bytes of memory that the process holds; 0 where nobody knows. Looked up
 * again after 10 ms: `now` is frame_clock(). */
Py_ssize_t memory_held(Engine *engine, int64_t now);

#endif
