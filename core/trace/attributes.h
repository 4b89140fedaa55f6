/* Attribute paths, `settings.db.url`: what they lead to follows from the
 * objects along them, and from the classes of these.
 *
 * GIL held; runs no Python code. */

#ifndef HMR_CORE_ATTRIBUTES_H
#define HMR_CORE_ATTRIBUTES_H

#include "engine.h"

/* Call `visit` for the groups of the objects that the path (tuple of names)
 * comes by from `value` on, the last one left out, and of their classes. 0;
 * what `visit` gave where that is not 0, and no more are visited; or -1 with an
 * exception set. */
int attributes_visit(Engine *engine, PyObject *value, PyObject *path,
                     int (*visit)(Group *, void *), void *arg);

/* Are these groups what they have to be at this place of the walk, and not what
 * later statements have made of them? 1, 0, or -1 with an exception set.
 * *state: a number for their versions at this place. */
int attributes_state(Engine *engine, PyObject *value, PyObject *path,
                     uint64_t *state);

#endif
