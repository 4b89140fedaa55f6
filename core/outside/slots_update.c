/* Slots over a transaction: what somebody else has put there, what is put back.
 */

#include "slots_parts.h"

#include "adapters.h"
#include "slot_order.h"


/* What somebody else has put there since. */
static int
slot_note_stray(Slot *slot)
{
    PyObject *value;
    int found = slot_look(slot, &value);
    if (found < 0) {
        return -1;
    }
    Version *live = cell_now(&slot->cell, hmr_engine);
    PyObject *known = live != NULL ? live->value : NULL;
    int same = slot->kind == SLOT_ENVIRON || slot->kind == SLOT_LIST
                       || slot->kind == SLOT_ADAPTED
                   ? slot_same_values(slot, known, value)
                   : known == value;
    int result = 0;
    if (!same) {
        Version *stray = found > 0 ? version_new(value, NULL) : NULL;
        result = found > 0 && stray == NULL ? -1 : 0;
        slot->strayed = 1;
        version_set(&slot->stray, stray);
        version_set(&slot->actual, stray);
        version_unref(stray);
    }
    Py_XDECREF(value);
    return result;
}


int
slots_follow_adapters(Engine *engine)
{
    for (Py_ssize_t i = 0; i < engine->slot_count; i++) {
        Slot *slot = engine->slot_list[i];
        PyObject *value;
        if (slot->kind != SLOT_ADAPTED) {
            continue;
        }
        if (adapter_look(slot, &value) < 0) {
            return -1;
        }
        PyObject *known = slot->actual != NULL ? slot->actual->value : NULL;
        Version *version = NULL;
        int same = slot_same_values(slot, known, value);
        if (!same && value != NULL) {
            version = version_new(value, NULL);
        }
        Py_XDECREF(value);
        if (!same && value != NULL && version == NULL) {
            return -1;
        }
        if (!same) {
            version_set(&slot->actual, version);
        }
        version_unref(version);
    }
    return 0;
}


int
slots_remember(Engine *engine)
{
    if (adapters_refresh(engine) < 0) {
        return -1;
    }
    for (Py_ssize_t i = 0; i < engine->slot_count; i++) {
        Slot *slot = engine->slot_list[i];
        if (slot->kind != SLOT_ENVIRON_NAMES && slot_note_stray(slot) < 0) {
            return -1;
        }
    }
    return 0;
}


/* A list that both the edit and somebody else have changed. */
static int
slot_merge(Slot *slot, Version *now, Engine *engine)
{
    PyObject *merged = NULL;
    int result = slot_put(slot, slot->stray, engine);
    if (result == 0) {
        result =
            slot_merge_lists(slot->owner, slot->cell.live->value, now->value);
    }
    if (result == 0) {
        merged = PyList_AsTuple(slot->owner);
    }
    Version *version = merged != NULL ? version_new(merged, NULL) : NULL;
    if (version != NULL) {
        version_set(&slot->actual, version);
    }
    version_unref(version);
    Py_XDECREF(merged);
    return version != NULL ? 0 : -1;
}


int
slots_settle(Engine *engine)
{
    for (Py_ssize_t i = 0; i < engine->slot_count; i++) {
        Slot *slot = engine->slot_list[i];
        Version *now = cell_now(&slot->cell, engine);
        int both = slot->strayed && cell_changed(&slot->cell, engine);
        if (both && slot->kind == SLOT_LIST) {
            if (slot_merge(slot, now, engine) < 0) {
                return -1;
            }
            continue;
        }
        if (slot->strayed && !both) {
            now = slot->stray;
        }
        if (slot_put(slot, now, engine) < 0) {
            return -1;
        }
    }
    if (engine->restart != NULL) { /* an adapter cannot */
        PyErr_SetNone(engine->again);
        return -1;
    }
    return slot_order_apply(engine);
}


void
slots_restore(Engine *engine)
{
    engine->restoring = 1;
    for (Py_ssize_t i = 0; i < engine->slot_count; i++) {
        Slot *slot = engine->slot_list[i];
        if (slot->rebased) {
            version_set(&slot->cell.base, slot->before);
        }
        if (slot->kind == SLOT_ADAPTED && adapter_is_lasting(slot)) {
            continue; /* who has ended it starts it again */
        }
        Version *was = slot->strayed        ? slot->stray
                       : slot->cell.touched ? slot->cell.live
                                            : cell_now(&slot->cell, engine);
        if (slot_put(slot, was, engine) < 0) {
            PyErr_WriteUnraisable(slot->owner);
        }
    }
    engine->restoring = 0;
}


void
slots_forget(Engine *engine)
{
    for (Py_ssize_t i = engine->slot_count; i-- > 0;) {
        Slot *slot = engine->slot_list[i];
        slot->rebased = slot->strayed = slot->moved = 0;
        version_set(&slot->before, NULL);
        version_set(&slot->stray, NULL);
    }
}
