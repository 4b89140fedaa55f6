/* Namespaces after a transaction: the right values, in the right order.
 *
 * GIL held; inside a transaction. */

#ifndef HMR_CORE_NAMESPACE_H
#define HMR_CORE_NAMESPACE_H

#include "engine.h"

/* Note the order of names before any statement of the module runs; once in a
 * transaction. 0, or -1 with an exception set. */
int namespace_remember(Module *module);
int namespaces_remember(Engine *engine);

/* The same as namespaces_settle for one module, in the middle of a walk: who
 * looks at all names sees those bound so far. 0, or -1. */
int namespace_settle(Module *module);

/* Before a statement runs: names that are bound at this place, and were taken
 * away or set back for an earlier one, stand in their namespaces. Libraries
 * copy these whole (pydantic, for forward references), which is no read. What
 * later statements bind stays too, where nobody named it. 0, or -1. */
int namespaces_show(Engine *engine);

/* Put every binding's version of this walk into its namespace, remove names
 * that nobody binds any more, and order names as a cold start would. */
int namespaces_settle(Engine *engine);

/* Put everything back as remembered; problems are reported as unraisable. */
void namespaces_restore(Engine *engine);

void namespaces_forget(Engine *engine);

/* Does the import system set the name? No statement is its producer then. */
int name_is_system(PyObject *name);

/* Does a partial walk leave the names in the order that they had? It does not
 * know where names stand that skipped modules bind. */
int namespace_keeps_order(const Module *module);

/* Is the name in the tuple? */
int name_is_among(PyObject *names, PyObject *name);

/* A builtin that shows all names of the caller's module? */
int name_shows_namespace(PyObject *name);

#endif
