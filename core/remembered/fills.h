/* What functools caches are filled with.
 *
 * A cache holds what its first callers have filled it with, whatever changes
 * later. So the statement that calls one first writes a cell: the state of all
 * that the function may read, at its place. Who calls it later reads that.
 * Where the first caller moves, comes or goes, the next one that runs finds the
 * cache emptied, unless it was filled from the same state. GIL held. */

#ifndef HMR_CORE_FILLS_H
#define HMR_CORE_FILLS_H

#include "frame.h"

/* The running statement is about to call the cache. 1: it is the first, and
 * fill_called() follows; 0; -1 with an exception set. */
int fill_call(Frame *frame, PyObject *cache);

/* It has called it: what the function had looked at is known now. 0, or -1. */
int fill_called(Frame *frame, PyObject *cache);

/* Is the cache, at this place of the walk, full of what it has to hold? */
int fill_stands(const Engine *engine, PyObject *cache);

/* It was emptied. */
void fill_emptied(const Engine *engine, PyObject *cache);

/* Is what the statement found in the cache what it would find now? It may turn
 * out to be the first to fill it: then its trace says so. 1, 0. */
int fill_clean(Statement *statement, Trace *trace, const Read *read);

/* A cell's destructor. */
void fill_clear(FillCell *cell, Engine *engine);

#endif
