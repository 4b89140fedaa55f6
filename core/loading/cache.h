/* Split and compiled statements on disk, beside Python's .pyc files.
 *
 * A cache file holds for exactly one text: its content is compared, not its
 * time. Never an error: what cannot be read or written is made anew.
 * GIL held. */

#ifndef HMR_CORE_CACHE_H
#define HMR_CORE_CACHE_H

#include "split.h"

/* Fill the split (statements with code, no nodes) from the cache. 1 when it was
 * there, 0 when not, -1 with an exception set (out of memory). */
int cache_load(Split *split, Module *module, PyObject *source);

/* Store a compiled split, unless Python is told to write no bytecode. */
void cache_store(const Split *split, const Module *module, PyObject *source);

#endif
