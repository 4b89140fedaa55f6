/* An edited source against the running one: which statements stay, which are
 * patched, which are new, which are gone. GIL held. */

#ifndef HMR_CORE_MATCH_H
#define HMR_CORE_MATCH_H

#include "engine.h"

/* Functions that get new code when the edit is applied. */
typedef struct {
    CodePairs pairs;
    CodePositions positions; /* line numbers before the edit */
    PyObject *names;         /* Owned list of "module:qualname". */
} Patches;

/* Read the module's file and, when its text changed, put the edited statements
 * in place of the old ones (module->old_statements keeps these). Sets
 * module->edited. Adds patches. 0, or -1 with an exception set and nothing
 * changed. */
int match_module(Module *module, PyObject *source, Patches *patches);

/* Make the edit of a module final, or take it back. */
void match_commit(Module *module);
void match_rollback(Module *module);

/* The i-th statement of the module before the edit (old_count), if that removed
 * or changed it; NULL if it stands, or if a new one goes on with its trace.
 * Borrowed. */
Statement *match_dead(const Module *module, Py_ssize_t i);

#endif
