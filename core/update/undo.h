/* How to go back over an applied revision: function code, names, and what was
 * stored outside of the program.
 *
 * Kept until the next revision, or until settle(): an old lifespan may have to
 * shut down in its own world. GIL held. */

#ifndef HMR_CORE_UNDO_H
#define HMR_CORE_UNDO_H

#include "class_made.h"

typedef struct {
    PyObject *function;            /* Owned. */
    PyObject *old_code, *new_code; /* Owned. */
    PyObject *old_doc, *new_doc;   /* Owned; NULL: its docstring stays */
} UndoCode;

typedef struct {
    Cell *cell;         /* Owned; a binding or a slot */
    Version *old, *new; /* Owned; NULL: unbound */
} UndoName;

typedef struct {
    PyObject *type;      /* Owned. */
    PyObject *old, *new; /* Owned dicts: its members, in order */
    ClassMaker maker;
} UndoClass;

typedef struct {
    PyObject *member;        /* Owned; of an enum: class_enum.h */
    PyObject *old, *new;     /* Owned; its classes */
    PyObject *before, *then; /* Owned dicts; its attributes */
} UndoMember;

typedef struct {
    PyObject *path;   /* Owned str; of a module */
    PyObject *source; /* Owned bytes; its text before */
} UndoSource;

typedef struct Undo {
    UndoCode *codes;
    Py_ssize_t code_count, code_room;
    UndoClass *classes;
    Py_ssize_t class_count, class_room;
    UndoMember *members;
    Py_ssize_t member_count, member_room;
    UndoName *names;
    Py_ssize_t name_count, name_room;
    UndoSource *sources;
    Py_ssize_t source_count, source_room;
    int disposed;  /* the revision has ended what the old world uses: going back
                      means running the old text */
    int lasting;   /* more than texts of modules changed: it cannot be run */
    long revision; /* that it goes back over */
    int swapped;   /* the old world stands */
} Undo;

Undo *undo_new(void);
void undo_free(Undo *undo, Engine *engine); /* NULL is ignored */

/* Give a function new code, and its docstring. 0, or -1 with an exception set.
 */
int undo_patch(Undo *undo, PyObject *function, PyObject *old_code,
               PyObject *new_code);

/* A class is about to get these members. 0, or -1 with an exception set. */
int undo_add_class(Undo *undo, PyObject *type, PyObject *members);

/* A member of an enum is about to be of that class, with these attributes. 0,
 * or -1 with an exception set. */
int undo_add_member(Undo *undo, PyObject *member, PyObject *type,
                    PyObject *attributes);

/* Is the object a member that a transaction has changed so? */
int undo_has_member(const Undo *undo, const PyObject *object);

/* Note that a binding or slot is left with another version. 0 or -1. */
int undo_add_name(Undo *undo, Cell *cell, Version *old, Version *new);

/* Note every binding and slot that the transaction leaves with another version.
 */
int undo_note_names(Undo *undo, Engine *engine);

/* Note the text of every module that the transaction has edited. 0 or -1. */
int undo_note_sources(Undo *undo, Engine *engine);

/* Give functions their old code back, and classes their old members (a
 * rollback). What cannot be put back is reported as unraisable. */
void undo_restore_code(Undo *undo);
void undo_restore_classes(Undo *undo, Engine *engine);

/* Does the old world stand, and not have the module? */
int undo_hides(const Undo *undo, const Module *module);

/* Swap to the old world (back != 0) or to the new one. 0, or -1. */
int undo_swap(Undo *undo, Engine *engine, int back);

#endif
