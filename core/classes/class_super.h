/* What super() looks up.
 *
 * A super object tells which class's line is searched, and after which class:
 * the look-up reads the attribute of each class that may have it. Once warm,
 * CPython's instruction for super().name makes no such object; so code that
 * names super() reads, when it starts, (its class, name) for all its names:
 * a cell that a change of any class that may come after its class in a line
 * changes. Where its class is not known, a change of that name in any class
 * counts. Part of class_members.h. GIL held. */

#ifndef HMR_CORE_CLASS_SUPER_H
#define HMR_CORE_CLASS_SUPER_H

#include "frame.h"

/* Look-ups while tracing come to us. */
void class_super_start(void);
void class_super_stop(void);

/* The code starts; its Python frame is the current one. 0, or -1 with an
 * exception set. */
int class_super_read(Frame *frame, PyCodeObject *code);

/* An attribute of the class has changed. 0, or -1 with an exception set. */
int class_super_change(Engine *engine, PyObject *type, PyObject *name);

#endif
