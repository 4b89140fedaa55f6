/* Is a statement clean: did it read and import what it would now? GIL held. */

#ifndef HMR_CORE_CLEAN_H
#define HMR_CORE_CLEAN_H

#include "engine.h"

/* What the statement read, and what it imported, which the walk imports on the
 * way. 1: it would do the same again; 0: it has to run, and has its reason; -1
 * with an exception set. */
int clean_trace(Statement *statement, Trace *trace);

/* Is what was read (no record of a cache) what it is now? */
int clean_read(Read *read, const Engine *engine);

/* Is all that the trace read what it was? It reads names, code and groups. */
int clean_reads(const Engine *engine, const Trace *trace);

#endif
