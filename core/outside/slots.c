/* Slots: places outside of the program that its statements store into. */

#include "array.h"
#include "slots_parts.h"

#include "adapters.h"
#include "compat.h"
#include "needed.h"
#include "slot_order.h"
#include "value.h"

#include <stdlib.h> /* setenv */

#define SLOT_CAPSULE "hmr_serve._core.Slot" /* in engine->slots */


/* ---- what is there ------------------------------------------------------ */

static PyObject *
slot_dict(const Slot *slot)
{
    return slot->kind == SLOT_CLASS ? ((PyTypeObject *)slot->owner)->tp_dict
                                    : slot->owner;
}


int
slot_look(const Slot *slot, PyObject **value)
{
    if (slot->kind == SLOT_LIST) {
        *value = PyList_AsTuple(slot->owner);
        return *value != NULL ? 1 : -1;
    }
    if (slot->kind == SLOT_ADAPTED) {
        return adapter_look(slot, value);
    }
    return PyDict_GetItemRef(slot_dict(slot), slot->key, value);
}


static int
tuple_same_items(PyObject *a, PyObject *b)
{
    if (PyTuple_GET_SIZE(a) != PyTuple_GET_SIZE(b)) {
        return 0;
    }
    for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(a); i++) {
        if (PyTuple_GET_ITEM(a, i) != PyTuple_GET_ITEM(b, i)) {
            return 0;
        }
    }
    return 1;
}


int
slot_same_values(const Slot *slot, PyObject *a, PyObject *b)
{
    if (a == b || a == NULL || b == NULL) {
        return a == b;
    }
    return slot->kind == SLOT_LIST ? tuple_same_items(a, b) : value_equal(a, b);
}


int
slot_same(const Slot *slot, const Version *a, const Version *b)
{
    return a == b
           || slot_same_values(slot, a != NULL ? a->value : NULL,
                               b != NULL ? b->value : NULL);
}


/* ---- the table ---------------------------------------------------------- */

static PyObject *
slot_index(PyObject *owner, PyObject *key)
{
    PyObject *id = PyLong_FromVoidPtr(owner);
    PyObject *index = id != NULL ? PyTuple_Pack(2, id, key) : NULL;
    Py_XDECREF(id);
    return index;
}


Slot *
slot_find(const Engine *engine, PyObject *owner, PyObject *key)
{
    PyObject *index = slot_index(owner, key);
    PyObject *capsule =
        index != NULL ? PyDict_GetItemWithError(engine->slots, index) : NULL;
    Py_XDECREF(index);
    return capsule != NULL ? PyCapsule_GetPointer(capsule, SLOT_CAPSULE) : NULL;
}


static int
slot_list_add(Engine *engine, Slot *slot)
{
    Slot **grown = array_reserve(engine->slot_list, engine->slot_count,
                                 &engine->slot_room, sizeof(*grown), 16);
    if (grown == NULL) {
        return -1;
    }
    engine->slot_list = grown;
    engine->slot_list[engine->slot_count++] = slot;
    return 0;
}


static int
slot_hold(Slot *slot, PyObject *value)
{
    slot->actual = version_new(value, NULL);
    version_set(&slot->cell.base, slot->actual);
    return slot->actual != NULL ? 0 : -1;
}


Slot *
slot_get(Engine *engine, SlotKind kind, PyObject *owner, PyObject *key)
{
    Slot *slot = slot_find(engine, owner, key);
    if (slot != NULL || PyErr_Occurred()) {
        return slot != NULL ? (Slot *)cell_ref(&slot->cell) : NULL;
    }
    slot = slot_get_from(engine, kind, owner, key, NULL);
    PyObject *value = NULL;
    int found = slot == NULL                 ? -1
                : kind == SLOT_ENVIRON_NAMES ? 1
                                             : slot_look(slot, &value);
    if (found > 0) {
        found = slot_hold(slot, value);
    }
    Py_XDECREF(value);
    if (found < 0 && slot != NULL) {
        cell_unref(&slot->cell, engine);
    }
    return found < 0 ? NULL : slot;
}


/* By what code can name the place. New tuple. */
static PyObject *
slot_names(const Slot *slot)
{
    if (slot->kind == SLOT_ADAPTED) {
        return adapter_names(slot);
    }
    int named = (slot->kind == SLOT_ITEM || slot->kind == SLOT_CLASS)
                && PyUnicode_CheckExact(slot->key);
    return named ? PyTuple_Pack(1, slot->key) : PyTuple_New(0);
}


Slot *
slot_get_from(Engine *engine, SlotKind kind, PyObject *owner, PyObject *key,
              PyObject *held)
{
    Slot *slot = slot_find(engine, owner, key);
    if (slot != NULL || PyErr_Occurred()) {
        return slot != NULL ? (Slot *)cell_ref(&slot->cell) : NULL;
    }
    slot = PyMem_Calloc(1, sizeof(*slot));
    if (slot == NULL) {
        return (Slot *)PyErr_NoMemory();
    }
    cell_init(&slot->cell, CELL_SLOT, engine);
    slot->kind = kind;
    slot->owner = Py_NewRef(owner);
    slot->key = Py_NewRef(key);
    slot->index = slot_index(owner, key);
    slot->names = slot->index != NULL ? slot_names(slot) : NULL;
    PyObject *capsule =
        slot->names != NULL ? PyCapsule_New(slot, SLOT_CAPSULE, NULL) : NULL;
    int result = -1;
    if (capsule != NULL && slot_list_add(engine, slot) == 0
        && PyDict_SetItem(engine->slots, slot->index, capsule) == 0) {
        result = held != NULL ? slot_hold(slot, held) : 0;
    }
    Py_XDECREF(capsule);
    if (result < 0) {
        cell_unref(&slot->cell, engine);
        return NULL;
    }
    return slot;
}


void
slot_clear(Slot *slot, Engine *engine)
{
    PyObject *error = PyErr_GetRaisedException();
    for (Py_ssize_t i = 0; i < engine->slot_count; i++) {
        if (engine->slot_list[i] == slot) {
            engine->slot_list[i] = engine->slot_list[--engine->slot_count];
            break;
        }
    }
    if (slot->index != NULL && engine->slots != NULL
        && PyDict_DelItem(engine->slots, slot->index) < 0) {
        PyErr_Clear(); /* it never got into the table */
    }
    PyErr_SetRaisedException(error);
    Py_CLEAR(slot->index);
    Py_CLEAR(slot->names);
    Py_CLEAR(slot->owner);
    Py_CLEAR(slot->key);
    version_unref(slot->actual);
    version_unref(slot->older);
    version_unref(slot->before);
    version_unref(slot->stray);
}


/* ---- versions ----------------------------------------------------------- */

int
slot_version(Slot *slot, PyObject *value, Statement *statement,
             Version **version)
{
    cell_touch(&slot->cell, hmr_engine);
    Version *live = slot->cell.live;
    if (hmr_engine->transaction && live != NULL && value != NULL
        && slot_same_values(slot, live->value, value)) {
        live->producer = statement;
        *version = version_ref(live);
        return 0;
    }
    *version = value != NULL ? version_new(value, statement) : NULL;
    return value == NULL || *version != NULL ? 0 : -1;
}


int
slot_set_base(Slot *slot, PyObject *value, Engine *engine)
{
    Version *base = slot->cell.base;
    if (slot_same_values(slot, base != NULL ? base->value : NULL, value)) {
        return 0;
    }
    Version *version = value != NULL ? version_new(value, NULL) : NULL;
    if (value != NULL && version == NULL) {
        return -1;
    }
    cell_touch(&slot->cell, engine);
    if (!slot->rebased) {
        slot->rebased = 1;
        version_set(&slot->before, base);
    }
    if (cell_now(&slot->cell, engine) == base) {
        cell_write(&slot->cell, version, NULL, engine); /* perhaps none walks */
    }
    engine->walk_whole |= slot->cell.writer != NULL;
    version_set(&slot->cell.base, version);
    version_unref(version);
    slot->grown = 0;
    version_set(&slot->older, NULL);
    return 0;
}


int
slot_grow_base(Slot *slot, PyObject *value, Engine *engine)
{
    Version *version = value != NULL ? version_new(value, NULL) : NULL;
    if (value != NULL && version == NULL) {
        return -1;
    }
    if (!slot->grown) {
        slot->grown = 1;
        version_set(&slot->older, slot->cell.base);
    }
    version_set(&slot->cell.base, version);
    version_set(&slot->actual, version);
    cell_write(&slot->cell, version, NULL, engine);
    version_unref(version);
    return 0;
}


/* ---- putting ------------------------------------------------------------ */

static int
put_environ(const Slot *slot, PyObject *value)
{
    const char *name = PyBytes_AsString(slot->key);
    if (name == NULL) {
        return -1;
    }
    int failed = value != NULL ? setenv(name, PyBytes_AS_STRING(value), 1)
                               : unsetenv(name);
    if (failed) {
        PyErr_SetFromErrno(PyExc_OSError);
        return -1;
    }
    return 0;
}


static int
put_item(PyObject *dict, PyObject *key, PyObject *value)
{
    if (value != NULL) {
        return PyDict_SetItem(dict, key, value);
    }
    int found = PyDict_Contains(dict, key);
    return found > 0 ? PyDict_DelItem(dict, key) : found;
}


int
slot_merge_lists(PyObject *list, PyObject *from, PyObject *to)
{
    for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(from); i++) {
        PyObject *item = PyTuple_GET_ITEM(from, i);
        int stays = 0;
        for (Py_ssize_t j = 0; j < PyTuple_GET_SIZE(to) && !stays; j++) {
            stays = PyTuple_GET_ITEM(to, j) == item;
        }
        for (Py_ssize_t j = PyList_GET_SIZE(list); !stays && j-- > 0;) {
            if (PyList_GET_ITEM(list, j) == item) {
                if (PyList_SetSlice(list, j, j + 1, NULL) < 0) {
                    return -1;
                }
                stays = 1; /* gone */
            }
        }
    }
    for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(to); i++) {
        PyObject *item = PyTuple_GET_ITEM(to, i);
        int there = 0;
        for (Py_ssize_t j = 0; j < PyTuple_GET_SIZE(from) && !there; j++) {
            there = PyTuple_GET_ITEM(from, j) == item;
        }
        if (!there && PyList_Append(list, item) < 0) {
            return -1;
        }
    }
    return 0;
}


static int
put_list(const Slot *slot, PyObject *value)
{
    PyObject *now;
    if (slot_look(slot, &now) < 0) {
        return -1;
    }
    PyObject *known = slot->actual != NULL ? slot->actual->value : now;
    int result = tuple_same_items(now, known)
                     ? PyList_SetSlice(slot->owner, 0, PY_SSIZE_T_MAX, value)
                     : slot_merge_lists(slot->owner, known, value);
    Py_DECREF(now);
    return result;
}


/* Where an adapter cannot, a new process can. */
static int
put_adapted(const Slot *slot, PyObject *value, Engine *engine)
{
    if (adapter_put(slot, value) == 0) {
        return 0;
    }
    if (!engine->transaction || engine->restoring
        || !PyErr_ExceptionMatches(PyExc_Exception)) {
        return -1;
    }
    PyObject *error = PyErr_GetRaisedException();
    engine_need_restart(engine, "%S", error);
    Py_DECREF(error);
    return 0;
}


int
slot_put(Slot *slot, Version *version, Engine *engine)
{
    if (slot->actual == version || slot->kind == SLOT_ENVIRON_NAMES) {
        return 0;
    }
    if (slot_same(slot, slot->actual, version)) {
        version_set(&slot->actual, version);
        return 0;
    }
    PyObject *value = version != NULL ? version->value : NULL;
    int result = -1;
    cell_ref(&slot->cell); /* what is replaced may run code when it dies */
    engine->syncing++;
    switch (slot->kind) {
    case SLOT_ITEM:
        result = put_item(slot->owner, slot->key, value);
        break;
    case SLOT_CLASS: /* as object.__setattr__ would: slots and caches follow */
        result = PyType_Type.tp_setattro(slot->owner, slot->key, value);
        break;
    case SLOT_LIST:
        result = put_list(slot, value);
        break;
    case SLOT_ENVIRON:
        result = put_environ(slot, value);
        if (result == 0) {
            result = put_item(slot->owner, slot->key, value);
        }
        break;
    case SLOT_ADAPTED:
        slot->moved = 1;
        result = put_adapted(slot, value, engine);
        break;
    case SLOT_ENVIRON_NAMES:
        Py_UNREACHABLE();
    }
    engine->syncing--;
    if (result == 0) {
        slot_order_note_put(slot, version, engine);
        version_set(&slot->actual, version);
    }
    cell_unref(&slot->cell, engine);
    return result;
}


int
slots_sync(Engine *engine)
{
    for (Py_ssize_t i = 0; i < engine->slot_count; i++) {
        Slot *slot = engine->slot_list[i];
        if (slot->kind == SLOT_ADAPTED && adapter_is_lasting(slot)) {
            continue;
        }
        if (slot_put(slot, cell_here(&slot->cell, engine), engine) < 0) {
            return -1;
        }
    }
    return slot_order_apply(engine);
}
