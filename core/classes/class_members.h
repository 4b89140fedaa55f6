/* Who looks up which attributes of the program's classes.
 *
 * While tracing, PyType_Type and the classes that statements have made look
 * attributes up through us: (class, name) is a cell, and the statement at work
 * reads it, whoever asks on its behalf (tracked code, a library, C), for a
 * class, its instances and those of its subclasses, in vain too. A class patch
 * (class_patch.h) gives the cells of what it changes new versions. Special
 * methods that the interpreter looks up by itself (len(), calls) do not come by
 * here. GIL held. */

#ifndef HMR_CORE_CLASS_MEMBERS_H
#define HMR_CORE_CLASS_MEMBERS_H

#include "frame.h"

/* All look-ups while tracing come to us. The first never fails. */
void class_members_start(Engine *engine);
void class_members_stop(Engine *engine);

/* The engine is freed. */
void class_members_fini(Engine *engine);

/* A statement has made the class. Classes with a metaclass are left alone; of
 * those with a __getattr__ of their own only that an object is looked into is
 * seen. 0, or -1 with MemoryError set. */
int class_members_add(Engine *engine, PyObject *type);

/* Are look-ups in the class and all its subclasses seen? */
int class_members_complete(Engine *engine, PyObject *type);

/* The attribute has changed; "__dict__": some attribute has. 0, or -1. */
int class_members_change(Engine *engine, PyObject *type, PyObject *name);

/* Do instances look attributes up as objects do, be it through us? */
int class_members_plain(const PyTypeObject *type);

/* The frame's statement may look up any attribute of the classes that the
 * object is, is of, or holds (as far as a print looks): `note` is told a cell
 * for each. `frame` may be NULL: then only where this transaction has patched a
 * class. 0, or -1. */
int
class_members_read_all(Frame *frame, PyObject *object,
                       void (*note)(const Cell *cell, void *arg), void *arg);

/* The cell is freed. */
void class_member_clear(MemberCell *cell);

/* Records of classes that are no more are freed. */
void class_members_sweep(Engine *engine);

#endif
