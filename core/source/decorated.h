/* What decorators put in a function's place.
 *
 * GIL held; runs no Python code. */

#ifndef HMR_CORE_DECORATED_H
#define HMR_CORE_DECORATED_H

#include "graph.h"

/* Is what the decorators of the statement's function made of it that function,
 * one of the program's around it, or of a library that calls it anew each time
 * and remembers nothing? Then new code reaches whoever calls it. */
int decorated_calls_anew(const Statement *statement, PyObject *value);

#endif
