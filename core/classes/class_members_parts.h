/* What class_members.c and class_super.c share. GIL held. */

#ifndef HMR_CORE_CLASS_MEMBERS_PARTS_H
#define HMR_CORE_CLASS_MEMBERS_PARTS_H

#include "frame.h"

/* A name is looked up: whose doing is it, if anyone's? Borrowed, or NULL. */
Frame *class_members_looking(PyObject *name);

/* A name is looked up along the line of a class, or of what comes in it after
 * another: those that come before the one that has it count, since any of
 * them may get it. `all`: nobody knows which name. 0, or -1 with an exception
 * set. */
int class_members_look_up(Frame *frame, PyTypeObject *type, PyTypeObject *after,
                          PyObject *name, int all);

/* The cells of what is looked up after the class, by super(). Borrowed dict, or
 * NULL; with `create` it is made, and NULL means MemoryError. */
PyObject *class_members_supers(Engine *engine, PyObject *type, int create);

/* The frame's statement reads the name's cell of a table. 0, or -1. */
int class_member_read(Frame *frame, PyObject *table, PyObject *owner,
                      PyObject *name);

/* The name's cell gets a new version, if it was ever read. 0, or -1. */
int class_member_change(Engine *engine, PyObject *table, PyObject *owner,
                        PyObject *name);

#endif
