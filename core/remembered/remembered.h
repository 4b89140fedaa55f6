/* What is read into what is remembered, other than names: `get_settings()`
 * behind lru_cache, or with a global of its own, reads .env when it is first
 * called: by a statement, whose trace sees it, or by a request, which has none.
 *
 * A file that is opened below such a function is one of the things that its
 * result was made of (caches.h, lazies.h), and is watched. So is an environment
 * variable that is looked at while tracing. GIL held; any thread. */

#ifndef HMR_CORE_REMEMBERED_H
#define HMR_CORE_REMEMBERED_H

#include "code.h"

/* The innermost function that runs and remembers. Borrowed: it is running; or
 * NULL. Keeps no exception and sets none. */
CodeInfo *remembered_by(const Engine *engine);

/* Its result is made of the file or variable. 1; 0: that was known; -1 with an
 * exception set. */
int remembered_add(CodeInfo *info, Cell *cell);

/* The server has more to watch. 0, or -1 with an exception set. */
int remembered_tell(Engine *engine);

/* The function is no more. */
void remembered_fini(CodeInfo *info);

/* Engine.on_watched(callback): METH_O. */
PyObject *engine_on_watched(PyObject *self, PyObject *callback);

#endif
