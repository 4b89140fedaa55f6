/* What class_members.c, class_hooks.c and class_super.c share. GIL held. */

#ifndef HMR_CORE_CLASS_MEMBERS_PARTS_H
#define HMR_CORE_CLASS_MEMBERS_PARTS_H

#include "frame.h"

/* A class. The record outlives it: its weak reference tells whether the address
 * is still that class's. */
typedef struct {
    PyObject *ref;     /* Owned weak reference to the class */
    PyObject *cells;   /* Owned dict: name -> capsule of MemberCell */
    PyObject *supers;  /* the same, of what comes after it; or NULL */
    int hooked;        /* its look-ups come to us */
    getattrofunc asks; /* of a class with a __getattr__ or __getattribute__ of
                          its own: the interpreter's function that calls it */
} Members;

/* Is the record of this class, and not of one that had its address? */
int members_are_of(const Members *members, const void *type);

/* The class's record. Borrowed, or NULL. */
Members *members_find(const Engine *engine, const void *type);

/* Look-ups of its instances come to us from now on, as the record says. */
void class_hook(PyTypeObject *type, Members *members);

/* Have they ever been let come? */
int class_hooks_ready(void);

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
