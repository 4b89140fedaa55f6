/* What the program's classes remember: methods behind functools caches, and
 * cached properties, whose values lie in the instances.
 *
 * A statement that calls a cache reads all that the function may read, whether
 * it runs or its result is remembered; so does one that asks an instance for
 * the value of a cached property that it holds. At the end of a transaction the
 * caches are cleared, and values of cached properties taken out of all
 * instances, where something that they may have been computed from is another
 * now, but for those that the transaction's statements have computed. GIL held.
 */

#ifndef HMR_CORE_MEMBER_CACHES_H
#define HMR_CORE_MEMBER_CACHES_H

#include "frame.h"

/* While tracing, calls of functools' caches come to us. */
void member_caches_start(void);
void member_caches_stop(void);

/* Does the class remember anything? Code that computes its cached properties is
 * marked (CodeInfo.memo). */
int member_caches_in(PyTypeObject *type);

/* Tracked code starts in a transaction; its Python frame is the current one:
 * which instance's property does it compute? 0, or -1 with an exception set. */
int member_cache_computes(Engine *engine, CodeInfo *info);

/* An attribute of an instance is asked for. In a transaction it is taken out of
 * the instance first if something that it was computed from has changed. 0, or
 * -1 with an exception set. */
int member_cache_read(Frame *frame, PyObject *self, PyObject *name);

/* The end of a transaction. 0, or -1 with an exception set. */
int member_caches_settle(Engine *engine);

#endif
