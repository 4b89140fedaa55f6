/* The order in which dicts outside hold what statements put there. */

#include "slot_order.h"

#include "rules.h"
#include "slots.h"

#include <stdlib.h> /* qsort */


/* ---- when something was put --------------------------------------------- */

static int
slot_is_ordered(const Slot *slot)
{
    return slot->kind == SLOT_ITEM || slot->kind == SLOT_ENVIRON;
}


void
slot_order_note(Slot *slot, const Version *version, Engine *engine)
{
    if (!slot_is_ordered(slot) || version == NULL) {
        return;
    }
    if (version == slot->cell.base) {
        slot->since = (Since){0};
    }
    else if (cell_now(&slot->cell, engine) == NULL) {
        slot->since = (Since){engine->place + 1, ++engine->slot_sets};
        engine->slots_moved |= engine->transaction;
    }
    else if (slot->cell.walk < engine->valid_from) {
        slot->since = (Since){0}; /* over what is there without statements */
    }
}


void
slot_order_note_put(Slot *slot, const Version *version, Engine *engine)
{
    if (slot_is_ordered(slot) && slot->actual == NULL && version != NULL) {
        slot->put = ++engine->slot_puts;
        engine->slots_moved |= engine->transaction;
    }
}


void
slot_order_remember(Slot *slot)
{
    slot->since_live = slot->since;
}


void
slot_order_restore(Slot *slot, Engine *engine)
{
    slot->since = slot->since_live;
    engine->slots_moved = 1;
}


/* ---- the order ---------------------------------------------------------- */

typedef struct {
    Since since;
    Py_ssize_t index;
    PyObject *key; /* Borrowed. */
    Slot *slot;    /* Borrowed; NULL: none */
} Place;


static int
place_compare(const void *left, const void *right)
{
    const Place *a = left, *b = right;
    if (a->since.place != b->since.place) {
        return a->since.place < b->since.place ? -1 : 1;
    }
    if (a->since.number != b->since.number) {
        return a->since.number < b->since.number ? -1 : 1;
    }
    return a->index < b->index ? -1 : a->index > b->index;
}


static Since
slot_since(const Slot *slot, const Engine *engine)
{
    return slot != NULL && slot->cell.walk >= engine->valid_from ? slot->since
                                                                 : (Since){0};
}


int
slot_order_sort(const Engine *engine, PyObject *dict, PyObject *keys)
{
    Py_ssize_t count = PyList_GET_SIZE(keys);
    Place *places = PyMem_New(Place, (size_t)count + 1);
    if (places == NULL) {
        PyErr_NoMemory();
        return -1;
    }
    for (Py_ssize_t i = 0; i < count; i++) {
        PyObject *key = PyList_GET_ITEM(keys, i);
        Slot *slot = slot_find(engine, dict, key);
        if (slot == NULL && PyErr_Occurred()) {
            PyMem_Free(places);
            return -1;
        }
        places[i] = (Place){slot_since(slot, engine), i, key, slot};
    }
    qsort(places, (size_t)count, sizeof(*places), place_compare);
    for (Py_ssize_t i = 0; i < count; i++) {
        PyList_SET_ITEM(keys, i, places[i].key); /* the same references */
    }
    PyMem_Free(places);
    return 0;
}


/* ---- the dicts ---------------------------------------------------------- */

static int
owner_compare(const void *left, const void *right)
{
    uintptr_t a = (uintptr_t)((const Place *)left)->slot->owner;
    uintptr_t b = (uintptr_t)((const Place *)right)->slot->owner;
    return a != b ? (a < b ? -1 : 1) : place_compare(left, right);
}


/* At the end of its dict. 0, or -1 with an exception set. */
static int
slot_move_last(Slot *slot, Engine *engine)
{
    PyObject *value = PyDict_GetItemWithError(slot->owner, slot->key);
    if (value == NULL) {
        return PyErr_Occurred() ? -1 : 0;
    }
    Py_INCREF(value);
    int result = PyDict_DelItem(slot->owner, slot->key);
    if (result == 0) {
        result = PyDict_SetItem(slot->owner, slot->key, value);
    }
    Py_DECREF(value);
    slot->put = ++engine->slot_puts;
    return result;
}


/* What stands in one dict, in cold order: from the first that was put in before
 * one that precedes it, all have to go to the end. 0, or -1. */
static int
dict_arrange(const Place *places, Py_ssize_t count, Engine *engine)
{
    uint64_t last = 0;
    int moving = 0, result = 0;
    for (Py_ssize_t i = 0; result == 0 && i < count; i++) {
        Slot *slot = places[i].slot;
        moving |= places[i].since.number > 0 && slot->put < last;
        if (moving) {
            result = slot_move_last(slot, engine);
        }
        last = slot->put > last ? slot->put : last;
    }
    return result;
}


int
slot_order_apply(Engine *engine)
{
    if (!engine->slots_moved || !rule(SLOT_ORDER)) {
        return 0;
    }
    Place *places = PyMem_New(Place, (size_t)engine->slot_count + 1);
    if (places == NULL) {
        PyErr_NoMemory();
        return -1;
    }
    Py_ssize_t count = 0;
    for (Py_ssize_t i = 0; i < engine->slot_count; i++) {
        Slot *slot = engine->slot_list[i];
        if (slot_is_ordered(slot) && slot->actual != NULL) {
            places[count++] =
                (Place){slot_since(slot, engine), i, slot->key, slot};
        }
    }
    qsort(places, (size_t)count, sizeof(*places), owner_compare);
    int result = 0;
    engine->syncing++;
    for (Py_ssize_t from = 0, to; result == 0 && from < count; from = to) {
        for (to = from + 1;
             to < count
             && places[to].slot->owner == places[from].slot->owner;) {
            to++;
        }
        result = dict_arrange(&places[from], to - from, engine);
    }
    engine->syncing--;
    engine->slots_moved = result != 0;
    PyMem_Free(places);
    return result;
}
