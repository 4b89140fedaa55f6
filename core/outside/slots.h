/* Slots: places outside of the program that its statements store into.
 *
 * An environment variable, `json.dumps`, an attribute of a library's class, the
 * items of sys.path. A slot is a cell: its base is what was there before any
 * statement stored into it, each store is a version. A walk puts the version of
 * the statement's place there before the statement runs, so that a store is
 * withdrawn when its statement goes or runs again. What anybody else has put
 * there meanwhile (a request) stays as long as the slot's version does. GIL
 * held. */

#ifndef HMR_CORE_SLOTS_H
#define HMR_CORE_SLOTS_H

#include "engine.h"

/* The slot of a place, new with what is there now for its base. New reference;
 * NULL with an exception set. */
Slot *slot_get(Engine *engine, SlotKind kind, PyObject *owner, PyObject *key);

/* The same, where a new one has `held` for its base; NULL: nothing was there.
 */
Slot *slot_get_from(Engine *engine, SlotKind kind, PyObject *owner,
                    PyObject *key, PyObject *held);

/* The same when there is one: borrowed; NULL without an exception: there is
 * none. */
Slot *slot_find(const Engine *engine, PyObject *owner, PyObject *key);

/* A cell's destructor. */
void slot_clear(Slot *slot, Engine *engine);

/* Do the versions hold the same? NULL: nothing is there. */
int slot_same(const Slot *slot, const Version *a, const Version *b);

/* The version for a value that a statement stores (NULL: deletes): the last
 * revision's where it held the same. *version is a new reference. 0, or -1 with
 * an exception set. */
int slot_version(Slot *slot, PyObject *value, Statement *statement,
                 Version **version);

/* Put a version there, unless it is. 0, or -1 with an exception set. */
int slot_put(Slot *slot, Version *version, Engine *engine);

/* What is there when no statement stores: another from now on, in a
 * transaction. NULL: nothing. 0, or -1 with an exception set. */
int slot_set_base(Slot *slot, PyObject *value, Engine *engine);

/* A library that is being imported stored into it: it will not do so again. */
int slot_grow_base(Slot *slot, PyObject *value, Engine *engine);

/* Adapters have looked again: what somebody else has put there is there. */
int slots_follow_adapters(Engine *engine);

/* Put every slot as it is at this place of the walk. 0, or -1. */
int slots_sync(Engine *engine);

/* A transaction begins; is made final; is taken back (what cannot be put back
 * is reported as unraisable); is over. */
int slots_remember(Engine *engine);
int slots_settle(Engine *engine);
void slots_restore(Engine *engine);
void slots_forget(Engine *engine);

#endif
