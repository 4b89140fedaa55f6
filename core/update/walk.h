/* The walk: a cold start in which clean statements are skipped.
 *
 * It visits modules depth first from the program's roots. A statement whose
 * reads all have the versions that they had stays as it is, and its writes
 * count; any other runs. An import, a first start and an update are the same
 * walk; they differ in how many statements have a trace. GIL held
 * throughout. */

#ifndef HMR_CORE_WALK_H
#define HMR_CORE_WALK_H

#include "engine.h"

/* Import a module as the walk does, unless it is imported: visit its
 * statements. 0, or -1 with an exception set; where the import failed, that
 * is held too (failure.h). */
int walk_module(Module *module);

/* The same for a module that running code came upon. */
int walk_reach(Module *module);

/* The same for a module that importlib is importing. */
int walk_enter(Module *module);

/* The same for one that is withheld (loaded.h). */
int walk_rejoin(Module *module);

/* Run or skip one statement. */
int walk_statement(Statement *statement);

/* Walk the whole program from its roots. */
int walk_program(Engine *engine);

/* Run the creator of a group again: nothing it made may be reused. */
void walk_force(Engine *engine, Statement *statement, PyObject *reason);

/* The trace's writes are written again, by a statement of the module. 0, or -1
 * with an exception set. */
int walk_apply(const Trace *trace, Module *module);

/* Has its import begun in this walk, or can it not? */
int walk_is_settled(const Module *module);

#endif
