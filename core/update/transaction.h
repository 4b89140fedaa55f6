/* An edit, applied whole or not at all.
 *
 * GIL held; one at a time, in the thread that runs the application. */

#ifndef HMR_CORE_TRANSACTION_H
#define HMR_CORE_TRANSACTION_H

#include "engine.h"

/* Apply the changed files among `paths` (an iterable of str) and the changed
 * variables in `environ` (a dict of str to str or None, or NULL). New reference
 * to a Report; NULL with an exception only for errors of the engine itself. */
PyObject *transaction_apply(Engine *engine, PyObject *paths, PyObject *environ);

/* Run what an edit that was not applied has disposed of again, with what
 * depends on it. Returns a Report (new reference), or NULL with an exception
 * set. */
PyObject *transaction_redo(Engine *engine);

/* The old world stands (undo.h), and stays. Where the last revision has
 * disposed of what it uses, the old texts run again, if they can: a Report (new
 * reference), of an error where they fail. Else None; NULL with an exception
 * set. */
PyObject *transaction_revert(Engine *engine);

#endif
