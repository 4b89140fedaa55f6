/* Members of an enum stay the same objects when its statement runs again.
 *
 * What the new class has under a name is the object that the class before had,
 * now of the new class and with the new value. So a member that a request has
 * put aside is still the class's member. Members that are numbers or strings
 * (IntEnum, StrEnum) keep their objects while their values are equal: these
 * cannot change. GIL held. */

#ifndef HMR_CORE_CLASS_ENUM_H
#define HMR_CORE_CLASS_ENUM_H

#include "frame.h"
#include "undo.h"

/* Is the class an enum? */
int class_enum_is(PyObject *type);

/* The running statement binds a name to `fresh`; before the transaction it was
 * bound to `old`, which the statement made. Where both are enums, the fresh one
 * gets the members of the old. 0, or -1 with an exception set. */
int class_enum_keep(Frame *frame, const Version *old, PyObject *fresh);

/* The member is of that class, with these attributes. 0, or -1. */
int class_enum_put(PyObject *member, PyObject *type, PyObject *attributes);

#endif
