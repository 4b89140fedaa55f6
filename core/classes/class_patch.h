/* Class patch: a class statement that ran again gives the class that it made
 * before its new members, and the name stays bound to that. So instances and
 * whoever holds the class stay; who looked a changed member up runs again
 * (class_members.h).
 *
 * For classes of the plain metaclass, without decorators, __slots__, or a base
 * with an __init_subclass__ or its own way to look up attributes; nobody else
 * has changed the class; all that differs are functions (property,
 * cached_property, staticmethod and classmethod among them), immutable
 * constants, the docstring and annotations; special methods may change, but
 * neither come nor go. GIL held. */

#ifndef HMR_CORE_CLASS_PATCH_H
#define HMR_CORE_CLASS_PATCH_H

#include "frame.h"

/* The running statement binds the name to `fresh`, a class; before the
 * transaction it was bound to `old`. 1: the old class has the members of the
 * fresh one now; 0: it cannot; -1 with an exception set. */
int class_patch_take(Frame *frame, const Binding *binding, const Version *old,
                     PyObject *fresh);

#endif
