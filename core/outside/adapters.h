/* Adapters: what statements put into libraries by calling them.
 *
 * `logging.basicConfig()`, `Counter("requests", ...)`, `class Hero(SQLModel)`:
 * what such a call leaves behind is in a registry of the library, where no
 * watcher sees it. An adapter (Python, hmr_serve/adapters) can look at one
 * library's registries and put single *places* of them back. A look before and
 * after each statement tells what the statement put there: a version of a slot
 * (slots.h), which a walk withdraws before the statement runs again, and a
 * rollback puts back.
 *
 * What the import of a library leaves behind is its base, not the statement's
 * doing. Where an adapter fails or says that it cannot, a new process is
 * needed. GIL held. */

#ifndef HMR_CORE_ADAPTERS_H
#define HMR_CORE_ADAPTERS_H

#include "frame.h"

typedef struct Adapter {
    PyObject *object;  /* Owned. */
    PyObject *library; /* Owned str; a module: without it, nothing to look at */
    PyObject *types;   /* Owned tuple of classes whose instances belong to the
                          library, whoever binds them; NULL: not asked yet */
    PyObject *known;   /* Owned dict: place -> value, as of the last look; NULL:
                          there was none yet */
    Group **anchors;   /* Owned; of objects that statements read */
    Py_ssize_t anchor_count, anchor_room;
    int together, ordered, lasting, blind, always, used; /* see
                                                    hmr_serve/adapters */
} Adapter;

/* Let the engine use an adapter (docs/adapters.md). 0, or -1 with an exception
 * set. */
int adapters_add(Engine *engine, PyObject *object);
void adapters_fini(Engine *engine);

/* Whose place the slot is. Borrowed; NULL: nobody's, the adapter failed. */
Adapter *adapter_of(const Slot *slot);

/* What there is now was not put there by a statement. 0 or -1. */
int adapters_refresh(Engine *engine);

/* What changed since the last look is the doing of `frame`. 0 or -1. */
int adapters_judge(Frame *frame);

/* Do statements get the object from a library, rather than make it? */
int adapters_own(const Engine *engine, PyObject *object);

/* What a slot of kind SLOT_ADAPTED holds: 1 and a new reference, 0 and NULL
 * when nothing is there, -1. */
int adapter_look(const Slot *slot, PyObject **value);

/* Attributes and methods that show it. New tuple, or NULL with an exception
 * set. */
PyObject *adapter_names(const Slot *slot);

/* Put it there; NULL: nothing. 0, or -1 with an exception set. */
int adapter_put(const Slot *slot, PyObject *value);

/* After an update: places whose order matters are put into cold order. */
int adapters_arrange(Engine *engine);

/* A statement that made such places is about to run again: so do all that did,
 * where the adapter says that they belong together. `walking`: where the walk
 * has passed one, engine->again is raised. 0 or -1. */
int adapters_force_together(Statement *statement, int walking);

/* The same for what the edit has removed or changed, before the walk. */
int adapters_force_dead(Engine *engine);

/* The statement is about to run again, or is no more: what it started, and
 * nobody can put aside for a while (a thread), has to have ended. 0 or -1. */
int adapters_end(const Statement *statement);

/* The same for what the edit has removed or changed. */
int adapters_end_dead(Engine *engine);

/* The trace of a run that was given up goes: what it had started, and nobody
 * can put aside, may still be there. Never fails. */
void adapters_leave(const Trace *trace, Engine *engine);

/* That has to have ended, or a new process is needed. 0 or -1. */
int adapters_end_left(Engine *engine);
void adapters_forget_left(Engine *engine);

/* Is the place's content left alone until its statement runs again? */
int adapter_is_lasting(const Slot *slot);

/* Has anybody used it without a trace, so that who puts something there is a
 * setter all the same? */
int adapter_is_used(const Slot *slot);

/* Engine.adapt(adapter): METH_O. */
PyObject *engine_adapt(PyObject *self, PyObject *adapter);

#endif
