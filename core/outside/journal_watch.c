/* What the journal watches: the namespaces of modules, and what statements
 * name. */

#include "journal.h"

#include "adapters.h"
#include "compat.h"
#include "mentions.h"
#include "slots.h"
#include "value.h"

/* A dict that is watched beside the namespaces of modules. */
typedef struct {
    PyObject *dict;  /* Owned. */
    PyObject *owner; /* Owned; the instance or class whose dict it is */
    PyObject *root;  /* Owned; what the statement reached it through */
} Container;

/* A list or an instance that a running statement may change: no watcher tells.
 * (Some 3.13 say nothing of stores into instances.) */
typedef struct Before {
    struct Before *next;
    PyObject *root;   /* Owned; what the statement reached it through */
    PyObject *object; /* Owned. */
    PyObject *held;   /* Owned; its items, or a copy of its dict */
    PyObject *code;   /* Owned; whose text may change it */
} Before;


/* ---- what is watched ---------------------------------------------------- */

static int
dict_set_watch(Engine *engine, PyObject *dict, int on)
{
    return on ? PyDict_Watch(engine->dict_watcher, dict)
              : PyDict_Unwatch(engine->dict_watcher, dict);
}


/* sys.modules too, for what is loaded while statements run. */
static int
modules_set_watch(Engine *engine, int on)
{
    PyObject *loaded = PyImport_GetModuleDict(); /* borrowed */
    Py_ssize_t pos = 0;
    PyObject *name, *module;
    if (dict_set_watch(engine, loaded, on) < 0) {
        return -1;
    }
    while (PyDict_Next(loaded, &pos, &name, &module)) {
        if (PyModule_Check(module)
            && dict_set_watch(engine, PyModule_GetDict(module), on) < 0) {
            return -1;
        }
    }
    return PyList_SetSlice(engine->arrived, 0, PY_SSIZE_T_MAX, NULL);
}


int
journal_watch_modules(Engine *engine)
{
    while (PyList_GET_SIZE(engine->arrived) > 0) {
        Py_ssize_t last = PyList_GET_SIZE(engine->arrived) - 1;
        PyObject *module = PyList_GET_ITEM(engine->arrived, last);
        if (dict_set_watch(engine, PyModule_GetDict(module), 1) < 0
            || PyList_SetSlice(engine->arrived, last, last + 1, NULL) < 0) {
            return -1;
        }
    }
    return 0;
}


int
journal_note_arrival(Engine *engine, PyObject *dict, PyObject *module)
{
    /* Not asked for sys.modules when Python ends: there are none then. */
    return module != NULL && PyModule_Check(module)
                   && dict == PyImport_GetModuleDict()
               ? PyList_Append(engine->arrived, module)
               : 0;
}


int
journal_start(Engine *engine)
{
    return modules_set_watch(engine, 1);
}


static void
containers_clear(Engine *engine)
{
    PtrMap map = engine->containers;
    engine->containers = (PtrMap){0}; /* what dies may run code */
    size_t pos = 0;
    const void *key;
    void *item;
    while (ptrmap_next(&map, &pos, &key, &item)) {
        Container *container = item;
        if (PyDict_Unwatch(engine->dict_watcher, container->dict) < 0) {
            PyErr_WriteUnraisable(container->dict);
        }
        Py_DECREF(container->dict);
        Py_DECREF(container->owner);
        Py_DECREF(container->root);
        PyMem_Free(container);
    }
    ptrmap_fini(&map);
}


void
journal_stop(Engine *engine)
{
    PyObject *error = PyErr_GetRaisedException();
    containers_clear(engine);
    if (modules_set_watch(engine, 0) < 0) {
        PyErr_WriteUnraisable(NULL);
    }
    PyErr_SetRaisedException(error);
}


/* The dict that a store into the object ends in: borrowed from the object. NULL
 * without an exception: there is none. */
static PyObject *
container_dict(PyObject *object)
{
    if (PyDict_CheckExact(object)) {
        return object;
    }
    if (PyType_Check(object)) {
        PyTypeObject *type = (PyTypeObject *)object;
        return PyType_HasFeature(type, Py_TPFLAGS_HEAPTYPE)
                       && !PyType_HasFeature(type, Py_TPFLAGS_IMMUTABLETYPE)
                   ? type->tp_dict
                   : NULL;
    }
    return NULL;
}


/* The instance's dict: new reference; NULL without an exception: there is none
 * that stores end in. */
static PyObject *
instance_dict(PyObject *object)
{
    if (PyType_Check(object) || PyFunction_Check(object)
        || Py_TYPE(object)->tp_dictoffset == 0) {
        return NULL;
    }
    PyObject *dict = PyObject_GenericGetDict(object, NULL);
    if (dict == NULL) {
        PyErr_Clear(); /* a dict of its own making */
    }
    else if (!PyDict_CheckExact(dict)) {
        Py_CLEAR(dict);
    }
    return dict;
}


/* What the object holds: a tuple, or a copy of its dict. New reference; NULL
 * without an exception when stores into it cannot be told. */
static PyObject *
take_before(PyObject *object)
{
    if (PyList_CheckExact(object)) {
        return PyList_AsTuple(object);
    }
    PyObject *dict = instance_dict(object);
    PyObject *copy = dict != NULL ? PyDict_Copy(dict) : NULL;
    Py_XDECREF(dict);
    return copy;
}


static int
watch_before(Frame *frame, PyObject *root, PyObject *object, PyObject *code)
{
    for (Before *at = frame->befores; at != NULL; at = at->next) {
        if (at->object == object && at->code == code) {
            return 0;
        }
    }
    PyObject *held = take_before(object);
    if (held == NULL) {
        return PyErr_Occurred() ? -1 : 0;
    }
    Before *before = PyMem_Malloc(sizeof(*before));
    if (before == NULL) {
        Py_DECREF(held);
        PyErr_NoMemory();
        return -1;
    }
    *before = (Before){
        .next = frame->befores,
        .root = Py_NewRef(root),
        .object = Py_NewRef(object),
        .held = held,
        .code = Py_NewRef(code),
    };
    frame->befores = before; /* freed with the frame */
    return 0;
}


/* Did a tracked statement create it? */
static int
group_is_inside(PyObject *object)
{
    Group *group = group_of(hmr_engine, object);
    return group != NULL && !group->outside;
}


/* The attribute, without running code: new reference, or NULL. */
static PyObject *
step_into(PyObject *object, PyObject *name)
{
    PyObject *next = NULL;
    if (PyModule_Check(object)) {
        (void)PyDict_GetItemRef(PyModule_GetDict(object), name, &next);
        return next; /* an error is seen by the caller */
    }
    return value_attribute(object, name);
}


static int
watch_object(Frame *frame, PyObject *root, PyObject *object, PyObject *code)
{
    Engine *engine = hmr_engine;
    PyObject *dict = container_dict(object);
    if (dict == NULL) {
        return watch_before(frame, root, object, code);
    }
    if (ptrmap_get(&engine->containers, dict) != NULL) {
        return 0;
    }
    Container *container = PyMem_Malloc(sizeof(*container));
    if (container == NULL
        || ptrmap_set(&engine->containers, dict, container) < 0) {
        PyMem_Free(container);
        PyErr_NoMemory();
        return -1;
    }
    *container = (Container){
        .dict = Py_NewRef(dict),
        .owner = Py_NewRef(object),
        .root = Py_NewRef(root),
    };
    return PyDict_Watch(engine->dict_watcher, dict);
}


int
journal_watch(Frame *frame, PyObject *code, PyObject *value, PyObject *path,
              Py_ssize_t from)
{
    PyObject *at = Py_NewRef(value);
    int result = 0;
    for (Py_ssize_t i = from; result == 0 && at != NULL; i++) {
        if (!PyModule_Check(at)
            && (group_is_inside(at) || adapters_own(hmr_engine, at))) {
            break;
        }
        if (!PyModule_Check(at)) {
            result = watch_object(frame, value, at, code);
        }
        PyObject *next = NULL;
        if (result == 0 && path != NULL && i < PyTuple_GET_SIZE(path)) {
            next = step_into(at, PyTuple_GET_ITEM(path, i));
        }
        Py_SETREF(at, next);
    }
    Py_XDECREF(at);
    return PyErr_Occurred() ? -1 : result;
}


/* ---- what changed -------------------------------------------------------- */

/* The module whose namespace it is. Borrowed; NULL without an exception. */
static PyObject *
module_of_dict(PyObject *dict)
{
    PyObject *name = dict_peek(dict, "__name__");
    PyObject *module =
        name != NULL && PyUnicode_CheckExact(name)
            ? PyDict_GetItemWithError(PyImport_GetModuleDict(), name)
            : NULL;
    return module != NULL && PyModule_Check(module)
                   && PyModule_GetDict(module) == dict
               ? module
               : NULL;
}


int
journal_event(Engine *engine, Frame *frame, PyDict_WatchEvent event,
              PyObject *dict, PyObject *key, PyObject *value)
{
    Container *container = ptrmap_get(&engine->containers, dict);
    PyObject *owner =
        container != NULL ? container->owner : module_of_dict(dict);
    Group *group = owner != NULL ? group_of(engine, owner) : NULL;
    if (owner == NULL || (group != NULL && !group->outside)
        || !engine_caller_is_tracked(engine)) {
        return 0;
    }
    int is_class = PyType_Check(owner);
    SlotKind kind = is_class ? SLOT_CLASS : SLOT_ITEM;
    PyObject *place = is_class ? owner : dict;
    int result = 0;
    if (event == PyDict_EVENT_CLEARED) {
        Py_ssize_t pos = 0;
        PyObject *each, *old;
        while (result == 0 && PyDict_Next(dict, &pos, &each, &old)) {
            result = journal_note(engine, frame, kind, place, each, NULL);
        }
    }
    else {
        result = journal_note(engine, frame, kind, place, key, value);
    }
    return result < 0
               ? -1
               : journal_shape(frame, owner,
                               container != NULL ? container->root : owner);
}


static int
judge_list(Frame *frame, const Before *before)
{
    PyObject *now = PyList_AsTuple(before->object);
    if (now == NULL) {
        return -1;
    }
    int result = 0;
    Slot *slot = slot_get_from(hmr_engine, SLOT_LIST, before->object, Py_None,
                               before->held);
    Version held = {.value = before->held}, then = {.value = now};
    if (slot == NULL) {
        result = -1;
    }
    else {
        if (!slot_same(slot, &held, &then)) {
            result = journal_store(frame, slot, now) < 0
                         ? -1
                         : journal_shape(frame, before->object, before->root);
        }
        cell_unref(&slot->cell, hmr_engine); /* a trace holds it */
    }
    Py_DECREF(now);
    return result;
}


/* Does the text name the attribute: as such, or in a string for setattr()? */
static int
code_names(PyObject *code, PyObject *name)
{
    return PyUnicode_CheckExact(name)
           && (tuple_has_string(((PyCodeObject *)code)->co_names, name)
               || code_has_string(code, name));
}


/* The attributes of an instance that differ between two dicts. */
static int
judge_attributes(Frame *frame, const Before *before, PyObject *dict,
                 PyObject *names)
{
    Py_ssize_t pos = 0;
    PyObject *name, *ignored;
    while (PyDict_Next(names, &pos, &name, &ignored)) {
        PyObject *old = PyDict_GetItemWithError(before->held, name);
        PyObject *new = PyDict_GetItemWithError(dict, name);
        if (PyErr_Occurred()) {
            return -1;
        }
        if (old == new || !code_names(before->code, name)) {
            continue;
        }
        Slot *slot = slot_get_from(hmr_engine, SLOT_ITEM, dict, name, old);
        int result = slot != NULL ? journal_store(frame, slot, new) : -1;
        if (slot != NULL) {
            cell_unref(&slot->cell, hmr_engine); /* the trace holds it */
        }
        if (result < 0
            || journal_shape(frame, before->object, before->root) < 0) {
            return -1;
        }
    }
    return 0;
}


static int
judge_instance(Frame *frame, const Before *before)
{
    PyObject *dict = instance_dict(before->object);
    PyObject *names = dict != NULL ? PyDict_Copy(dict) : NULL;
    int result = PyErr_Occurred() ? -1 : 0;
    if (names != NULL) {
        result = PyDict_Merge(names, before->held, 0) < 0
                     ? -1
                     : judge_attributes(frame, before, dict, names);
    }
    Py_XDECREF(dict);
    Py_XDECREF(names);
    return result;
}


int
journal_judge(Frame *frame)
{
    for (const Before *at = frame->befores; at != NULL; at = at->next) {
        int result = PyList_CheckExact(at->object) ? judge_list(frame, at)
                                                   : judge_instance(frame, at);
        if (result < 0) {
            return -1;
        }
    }
    return adapters_judge(frame);
}


void
journal_fini(Frame *frame)
{
    while (frame->befores != NULL) {
        Before *before = frame->befores;
        frame->befores = before->next;
        Py_DECREF(before->held);
        Py_DECREF(before->root);
        Py_DECREF(before->object);
        Py_DECREF(before->code);
        PyMem_Free(before);
    }
}
