/* What libraries keep of the program: objects that calls have given to them.
 *
 * `@lib.register`, `lib.install(Plugin())`, `class Plugin(lib.Base)`: a
 * function or class of the running statement, or a first argument that is the
 * program's, may end up in a container of the library. Nobody could take it out
 * again: what the library has made of it meanwhile is not known. So after a
 * statement that gave such an object to a library, its containers are looked
 * through, as far as the called function leads to them by the names in its
 * code, its class and its own object, up to KEPT_BUDGET objects. Where one
 * holds the object, the call counts as a setter (setters.h): only a new process
 * can undo it.
 *
 * Not looked at: the standard library, frameworks that the engine or an adapter
 * knows, weak containers, functools caches. GIL held; runs no Python code but
 * for labels. */

#ifndef HMR_CORE_KEPT_H
#define HMR_CORE_KEPT_H

#include "called.h"
#include "frame.h"

/* Does the code name anything of a library that may keep something, or import
 * something itself? Sets no exception. */
int kept_concerns(Engine *engine, CodeInfo *info);

/* The running statement calls it; `first`: the first argument, or NULL. 1: a
 * library's, 0, or -1 with an exception set. */
int kept_note(Frame *frame, const Called *called, PyObject *first);

/* The running statement has made a class, of which a library may know. 0, or -1
 * with an exception set. */
int kept_note_class(Frame *frame, PyObject *type);

/* The statement has ended: sets *label (new reference, or NULL) to what it
 * called that has kept something. 0, or -1 with an exception set. */
int kept_judge(Frame *frame, PyObject **label);
void kept_fini(Frame *frame);

#endif
