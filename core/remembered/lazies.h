/* Globals that requests fill in: `_client = None`, and a function that makes
 * the client when it is first asked for.
 *
 * What such a function has put there was made of code and names that an edit
 * may change: then the name gets its None back. Only names that functions of
 * the module fill in and look at count, so that what requests store otherwise
 * stays. The old world (undo.h) has the old value. GIL held. */

#ifndef HMR_CORE_LAZIES_H
#define HMR_CORE_LAZIES_H

#include "undo.h"

/* A statement has given the binding None. 0, or -1 with an exception set. */
int lazy_note(Engine *engine, Binding *binding);

/* At the end of a transaction. 0, or -1 with an exception set. */
int lazies_settle(Engine *engine, Undo *undo);

#endif
