/* A statement that updates leave as it is, whatever its reads say.
 *
 * Where the process then still equals a cold start, the statement would have
 * run in vain: so precision is measured (tests/core/precision.py). For nothing
 * else. GIL held. */

#ifndef HMR_CORE_SPARE_H
#define HMR_CORE_SPARE_H

#include "engine.h"

/* Is it the one? Those that never ran are not. */
int statement_is_spared(const Statement *statement);

/* It stays: what it imported comes in, what it wrote, it writes. 0, or -1 with
 * an exception set. */
int spare_apply(Statement *statement);

/* Engine.spare(module, line): METH_VARARGS. */
PyObject *engine_spare(PyObject *self, PyObject *args);

#endif
