/* Which modules an update has to visit.
 *
 * A *whole* walk visits every module. A *partial* one visits those that are
 * *needed*: edited ones, those that have read what changed, and whoever imports
 * these first, since the walk gets there through them. The others are skipped:
 * what they wrote stands. It gives what the whole walk would as long as
 *
 *   - the imports of the program, and their order, stay as they are;
 *   - what is written in one module is not written in another (else which
 *     version a reader meets depends on modules that are skipped);
 *   - nobody reads what only a later, skipped module has written.
 *
 * Where one of these turns out not to hold, the walk starts again as a whole
 * one, with the results of the statements that ran. GIL held throughout. */

#ifndef HMR_CORE_NEEDED_H
#define HMR_CORE_NEEDED_H

#include "engine.h"

/* The walks of this transaction have to visit the module. In a partial walk
 * what it wrote is unbound until it is visited; if it was passed already, the
 * walk starts again. */
void module_need(Module *module);

/* The cell has another version: who has read it is needed. */
void cell_need_readers(Cell *cell, Engine *engine);

/* The trace becomes one of the module's: counted among the cells' readers, and
 * the module among those to visit when they change. */
void trace_adopt(Trace *trace, Module *module);

/* The module has a statement that read what the trace did. */
void trace_note_readers(const Trace *trace, Module *module);

/* Does the running walk leave this module out? */
int walk_skips(const Module *module);

/* Need what the changed files, sources and patches make necessary; decide
 * whether a partial walk can do. */
void needed_plan(Engine *engine);

/* A partial walk begins: what needed modules wrote is unbound. */
void needed_begin(Engine *engine);

/* A partial walk ended: sets engine->walk_again where more modules turn out to
 * be needed, and engine->walk_whole where it was not good enough. */
void needed_check(Engine *engine);

/* The version at this place of the walk, where a single module writes the cell:
 * not what a later, skipped one has written. Borrowed. */
Version *cell_here(const Cell *cell, const Engine *engine);

/* A running statement reads a version of the cell: may a skipped, later module
 * have written it? */
void
needed_check_read(Engine *engine, const Cell *cell, const Version *version);

#endif
