/* os.environ: each key is a slot. */

#include "environ.h"

#include "compat.h"
#include "frame.h"
#include "hooks.h"
#include "journal.h"
#include "needed.h"
#include "remembered.h"
#include "slot_order.h"
#include "slots.h"

#include <string.h>


/* ---- who ---------------------------------------------------------------- */

/* Is a library being imported, between the tracked code and us? It will not be
 * imported again. */
static int
library_is_importing(const Engine *engine)
{
    PyFrameObject *frame = PyThreadState_GetFrame(PyThreadState_Get());
    int importing = 0;
    while (frame != NULL && !importing) {
        PyObject *globals = PyFrame_GetGlobals(frame);
        int tracked = engine_module_by_ns(engine, globals) != NULL;
        Py_DECREF(globals);
        if (tracked) {
            break;
        }
        PyCodeObject *code = PyFrame_GetCode(frame);
        importing = PyUnicode_CompareWithASCIIString(
                        code->co_filename, "<frozen importlib._bootstrap>")
                    == 0;
        Py_DECREF(code);
        PyFrameObject *back = PyFrame_GetBack(frame);
        Py_SETREF(frame, back);
    }
    Py_XDECREF(frame);
    return importing;
}


/* ---- reads -------------------------------------------------------------- */

static int
environ_read_slot(Engine *engine, Frame *frame, Slot *slot)
{
    if (engine->transaction
        && slot_put(slot, cell_here(&slot->cell, engine), engine) < 0) {
        return -1;
    }
    Py_ssize_t before = frame->trace->read_count;
    if (journal_read(frame, &slot->cell) < 0) {
        return -1;
    }
    if (frame->trace->read_count > before && library_is_importing(engine)) {
        frame->trace->reads[before].once = 1;
    }
    return 0;
}


static int
environ_read(PyObject *key)
{
    Engine *engine = hmr_engine;
    Frame *frame = engine != NULL ? frame_current(engine) : NULL;
    if (frame == NULL || !PyBytes_CheckExact(key)) {
        return 0;
    }
    Slot *slot = slot_get(engine, SLOT_ENVIRON, engine->environ, key);
    int result = slot != NULL ? environ_read_slot(engine, frame, slot) : -1;
    CodeInfo *info = result == 0 ? remembered_by(engine) : NULL;
    if (info != NULL && remembered_add(info, &slot->cell) < 0) {
        result = -1;
    }
    if (slot != NULL) {
        cell_unref(&slot->cell, engine); /* the trace holds it */
    }
    return result;
}


static int
environ_read_names(void)
{
    Engine *engine = hmr_engine;
    Frame *frame = engine != NULL ? frame_current(engine) : NULL;
    if (frame == NULL) {
        return 0;
    }
    if (engine->transaction && slots_sync(engine) < 0) {
        return -1;
    }
    Slot *slot = slot_get(engine, SLOT_ENVIRON_NAMES, engine->environ, Py_None);
    if (slot == NULL) {
        return -1;
    }
    Py_ssize_t before = frame->trace->read_count;
    int result = journal_read(frame, &slot->cell);
    cell_unref(&slot->cell, engine); /* the trace holds it */
    if (result == 0 && frame->trace->read_count > before) {
        Read *read = &frame->trace->reads[before];
        read->value = PyDict_Keys(engine->environ);
        read->once = library_is_importing(engine);
        result = read->value != NULL ? 0 : -1;
    }
    return result;
}


/* Not counted: only a library has set it, when it was imported. */
static int
environ_skips(const Engine *engine, PyObject *environ, PyObject *key)
{
    const Slot *slot = slot_find(engine, environ, key);
    return slot != NULL && slot->grown && slot->older == NULL;
}


/* Is the variable set at this place of the walk? 1, 0, -1. */
static int
environ_has(const Engine *engine, PyObject *environ, PyObject *key)
{
    const Slot *slot = slot_find(engine, environ, key);
    if (slot == NULL) {
        return PyErr_Occurred() ? -1 : PyDict_Contains(environ, key);
    }
    return !environ_skips(engine, environ, key)
           && cell_here(&slot->cell, engine) != NULL;
}


/* The variables that are set at this place of the walk, in order. New list. */
static PyObject *
environ_names_here(const Engine *engine, PyObject *environ)
{
    PyObject *there = PyDict_Keys(environ);
    PyObject *names = there != NULL ? PyList_New(0) : NULL;
    int result = names != NULL ? 0 : -1;
    for (Py_ssize_t i = 0; result == 0 && i < engine->slot_count; i++) {
        const Slot *slot = engine->slot_list[i]; /* set before, gone now */
        if (slot->kind == SLOT_ENVIRON && slot->owner == environ) {
            int found = PyDict_Contains(environ, slot->key);
            result = found == 0  ? PyList_Append(there, slot->key)
                     : found < 0 ? -1
                                 : 0;
        }
    }
    for (Py_ssize_t i = 0; result == 0 && i < PyList_GET_SIZE(there); i++) {
        PyObject *key = PyList_GET_ITEM(there, i);
        int has = environ_has(engine, environ, key);
        result = has > 0 ? PyList_Append(names, key) : has;
    }
    if (result == 0) {
        result = slot_order_sort(engine, environ, names);
    }
    Py_XDECREF(there);
    if (result < 0) {
        Py_CLEAR(names);
    }
    return names;
}


static int
names_clean(const Engine *engine, const Slot *slot, PyObject *seen)
{
    PyObject *here = environ_names_here(engine, slot->owner);
    Py_ssize_t same = 0;
    int clean = here != NULL;
    for (Py_ssize_t i = 0; clean && i < PyList_GET_SIZE(seen); i++) {
        PyObject *key = PyList_GET_ITEM(seen, i);
        if (environ_skips(engine, slot->owner, key)) {
            continue;
        }
        clean = same < PyList_GET_SIZE(here)
                && PyObject_RichCompareBool(key, PyList_GET_ITEM(here, same++),
                                            Py_EQ)
                       > 0;
    }
    clean = clean && same == PyList_GET_SIZE(here);
    Py_XDECREF(here);
    PyErr_Clear(); /* without memory: it runs again */
    return clean;
}


int
environ_clean(const Engine *engine, const Read *read)
{
    const Slot *slot = (const Slot *)read->cell;
    if (slot->kind == SLOT_ENVIRON_NAMES) {
        return names_clean(engine, slot, read->value);
    }
    Version *now = cell_here(&slot->cell, engine);
    return slot_same(slot, now, read->version)
           || (slot->grown && now == slot->cell.base
               && slot_same(slot, slot->older, read->version));
}


int
environ_has_changed(const Engine *engine)
{
    for (Py_ssize_t i = 0; i < engine->slot_count; i++) {
        const Slot *slot = engine->slot_list[i];
        if (slot->kind == SLOT_ENVIRON && cell_changed(&slot->cell, engine)) {
            return 1;
        }
    }
    return 0;
}


/* ---- stores ------------------------------------------------------------- */

static int
environ_store(Engine *engine, Frame *frame, Slot *slot, PyObject *value)
{
    if (!library_is_importing(engine)) {
        return journal_store(frame, slot, value);
    }
    if (slot_grow_base(slot, value, engine) < 0) {
        return -1;
    }
    Trace *trace = frame->trace;
    for (Py_ssize_t i = 0; i < trace->read_count; i++) {
        if (trace->reads[i].cell == &slot->cell) {
            version_set(&trace->reads[i].version, slot->actual);
        }
    }
    return 0;
}


/* ---- the type ----------------------------------------------------------- */

static PyObject *
environ_subscript(PyObject *self, PyObject *key)
{
    return environ_read(key) < 0
               ? NULL
               : PyDict_Type.tp_as_mapping->mp_subscript(self, key);
}


static int
environ_ass_subscript(PyObject *self, PyObject *key, PyObject *value)
{
    Engine *engine = hmr_engine;
    Frame *frame = engine != NULL ? frame_current(engine) : NULL;
    Slot *slot = NULL;
    if (frame != NULL && PyBytes_CheckExact(key)) {
        slot = slot_get(engine, SLOT_ENVIRON, self, key); /* as it was */
        if (slot == NULL) {
            return -1;
        }
    }
    int result = PyDict_Type.tp_as_mapping->mp_ass_subscript(self, key, value);
    if (slot != NULL) {
        if (result == 0) {
            result = environ_store(engine, frame, slot, value);
        }
        cell_unref(&slot->cell, engine); /* the trace holds it */
    }
    return result;
}


static int
environ_contains(PyObject *self, PyObject *key)
{
    return environ_read(key) < 0 ? -1 : PyDict_Contains(self, key);
}


static Py_ssize_t
environ_length(PyObject *self)
{
    return environ_read_names() < 0 ? -1 : PyDict_GET_SIZE(self);
}


static PyObject *
environ_iter(PyObject *self)
{
    return environ_read_names() < 0 ? NULL : PyDict_Type.tp_iter(self);
}


/* clear(), which os.environ.clear() uses from 3.15 on. */
static PyObject *
environ_clear(PyObject *self, PyObject *unused)
{
    (void)unused;
    PyObject *keys = PyDict_Keys(self);
    int result = keys != NULL ? 0 : -1;
    for (Py_ssize_t i = 0; result == 0 && i < PyList_GET_SIZE(keys); i++) {
        result = environ_ass_subscript(self, PyList_GET_ITEM(keys, i), NULL);
    }
    Py_XDECREF(keys);
    return result == 0 ? Py_NewRef(Py_None) : NULL;
}


/* update(other), which os.reload_environ() uses from 3.14 on. */
static PyObject *
environ_update(PyObject *self, PyObject *other)
{
    PyObject *copy = PyDict_New();
    int result = copy != NULL ? PyDict_Update(copy, other) : -1;
    Py_ssize_t pos = 0;
    PyObject *key, *value;
    while (result == 0 && PyDict_Next(copy, &pos, &key, &value)) {
        result = environ_ass_subscript(self, key, value);
    }
    Py_XDECREF(copy);
    return result == 0 ? Py_NewRef(Py_None) : NULL;
}


static PyMethodDef environ_methods[] = {
    {"clear", environ_clear, METH_NOARGS, "As dict.clear."},
    {"update", environ_update, METH_O, "As dict.update, of one mapping."},
    {NULL, NULL, 0, NULL},
};

static PyType_Slot environ_slots[] = {
    {Py_tp_methods, environ_methods},
    {Py_mp_subscript, environ_subscript},
    {Py_mp_ass_subscript, environ_ass_subscript},
    {Py_mp_length, environ_length},
    {Py_sq_contains, environ_contains},
    {Py_tp_iter, environ_iter},
    {0, NULL},
};

static PyType_Spec environ_spec = {
    .name = "hmr_serve._core.TrackedEnviron",
    .flags = Py_TPFLAGS_DEFAULT, /* GC comes from the base */
    .slots = environ_slots,
};


int
environ_install(Engine *engine)
{
    engine->environ_type = (PyTypeObject *)PyType_FromSpecWithBases(
        &environ_spec, (PyObject *)&PyDict_Type);
    return engine->environ_type != NULL ? 0 : -1;
}


/* The dict behind os.environ. New reference; NULL without an exception when the
 * program has put something of its own there. */
static PyObject *
environ_dict(void)
{
    PyObject *os = PyImport_ImportModule("os");
    PyObject *environ =
        os != NULL ? PyObject_GetAttrString(os, "environ") : NULL;
    PyObject *data =
        environ != NULL ? PyObject_GetAttrString(environ, "_data") : NULL;
    Py_XDECREF(os);
    Py_XDECREF(environ);
    if (data == NULL) {
        PyErr_Clear(); /* not Python's own os.environ */
    }
    else if (!PyDict_CheckExact(data)) {
        Py_CLEAR(data);
    }
    return data;
}


void
environ_start(Engine *engine)
{
    engine->environ = environ_dict();
    if (engine->environ != NULL) {
        object_set_type(engine->environ, &PyDict_Type, engine->environ_type);
    }
}


void
environ_stop(Engine *engine)
{
    if (engine->environ != NULL) {
        object_set_type(engine->environ, engine->environ_type, &PyDict_Type);
        Py_CLEAR(engine->environ);
    }
}


/* ---- changes from outside ----------------------------------------------- */

static PyObject *
environ_encode(PyObject *text)
{
    if (!PyUnicode_Check(text)) {
        PyErr_SetString(PyExc_TypeError, "environ is a dict of str to str");
        return NULL;
    }
    return PyUnicode_EncodeFSDefault(text);
}


static int
environ_change_one(Engine *engine, PyObject *data, PyObject *name,
                   PyObject *text)
{
    PyObject *key = environ_encode(name);
    PyObject *value =
        key == NULL || text == Py_None ? NULL : environ_encode(text);
    Slot *slot =
        PyErr_Occurred() ? NULL : slot_get(engine, SLOT_ENVIRON, data, key);
    int result = slot != NULL ? slot_set_base(slot, value, engine) : -1;
    if (result == 0) {
        Slot *names = slot_find(engine, data, Py_None);
        result = slot->cell.readers > 0
                 || (names != NULL && names->cell.readers > 0);
    }
    if (slot != NULL) {
        cell_unref(&slot->cell, engine);
    }
    Py_XDECREF(key);
    Py_XDECREF(value);
    return result;
}


int
environ_change(Engine *engine, PyObject *changes)
{
    PyObject *data = environ_dict();
    if (data == NULL) {
        return 0;
    }
    int readers = 0;
    Py_ssize_t pos = 0;
    PyObject *name, *text;
    while (readers >= 0 && PyDict_Next(changes, &pos, &name, &text)) {
        int result = environ_change_one(engine, data, name, text);
        readers = result < 0 ? -1 : readers + result;
    }
    Py_DECREF(data);
    return readers;
}
