/* See reach.h. */

#include "reach.h"

#include "code.h"
#include "compat.h"
#include "ptrmap.h"
#include "undo.h"
#include "value.h"

#define REACH_DEPTH 16 /* calls and nested functions followed from a frame */
#define AWAIT_DEPTH 64 /* coroutines that await one another */

typedef struct {
    Engine *engine;
    PtrMap rebound;   /* Binding -> UndoName */
    PtrMap seen;      /* code objects */
    Binding *binding; /* found. Borrowed. */
} Reach;


/* Could anything be kept in it that a new object lacks? */
static int
holds_state(PyObject *value)
{
    return !PyFunction_Check(value) && !PyCFunction_Check(value)
           && !PyType_Check(value) && !PyModule_Check(value)
           && !value_is_immutable(value);
}


static int
reach_init(Reach *reach, Engine *engine)
{
    const Undo *undo = engine->undo;
    *reach = (Reach){.engine = engine};
    for (Py_ssize_t i = 0; undo != NULL && i < undo->name_count; i++) {
        UndoName *name = &undo->names[i];
        PyObject *old = name->old != NULL ? name->old->value : NULL;
        PyObject *now = name->new != NULL ? name->new->value : NULL;
        if (name->cell->kind == CELL_BINDING && old != NULL && old != now
            && holds_state(old)
            && ptrmap_set(&reach->rebound, name->cell, name) < 0) {
            PyErr_NoMemory();
            return -1;
        }
    }
    return 0;
}


static int reach_code(Reach *reach, PyObject *code, int depth);


static int
reach_name(Reach *reach, Module *module, const NameRead *read, int depth)
{
    Binding *binding = module_binding(module, read->name, 0);
    if (binding == NULL) {
        return PyErr_Occurred() ? -1 : 0;
    }
    if (ptrmap_get(&reach->rebound, binding) != NULL) {
        reach->binding = binding;
        return 0;
    }
    Version *now = cell_now(&binding->cell, reach->engine);
    PyObject *value = now != NULL ? now->value : NULL;
    return value != NULL && PyFunction_Check(value)
               ? reach_code(reach, PyFunction_GET_CODE(value), depth - 1)
               : 0;
}


/* The global names of code, of functions nested in it, and of functions that
 * these names are bound to. */
static int
reach_code(Reach *reach, PyObject *code, int depth)
{
    CodeInfo *info = code_info(code);
    if (info == NULL || depth == 0 || reach->binding != NULL
        || ptrmap_get(&reach->seen, code) != NULL) {
        return 0;
    }
    if (ptrmap_set(&reach->seen, code, info) < 0) {
        PyErr_NoMemory();
        return -1;
    }
    if (code_info_scan(info) < 0) {
        return -1;
    }
    for (Py_ssize_t i = 0;
         code_info_module(info) != NULL && i < info->name_count; i++) {
        if (reach_name(reach, info->module, &info->names[i], depth) < 0) {
            return -1;
        }
    }
    PyObject *consts = ((PyCodeObject *)code)->co_consts;
    for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(consts); i++) {
        PyObject *item = PyTuple_GET_ITEM(consts, i);
        if (PyCode_Check(item) && reach_code(reach, item, depth - 1) < 0) {
            return -1;
        }
    }
    return 0;
}


/* The methods of a local's class: `self` of a class-based handler. */
static int
reach_methods(Reach *reach, PyObject *value)
{
    if (!PyType_HasFeature(Py_TYPE(value), Py_TPFLAGS_HEAPTYPE)) {
        return 0;
    }
    PyObject *dict =
        PyObject_GetAttrString((PyObject *)Py_TYPE(value), "__dict__");
    PyObject *members = dict == NULL ? NULL : PyMapping_Values(dict);
    Py_XDECREF(dict);
    int status = members == NULL ? -1 : 0;
    for (Py_ssize_t i = 0; status == 0 && i < PyList_GET_SIZE(members); i++) {
        PyObject *member = PyList_GET_ITEM(members, i);
        if (PyFunction_Check(member)) {
            status =
                reach_code(reach, PyFunction_GET_CODE(member), REACH_DEPTH);
        }
    }
    Py_XDECREF(members);
    return status;
}


/* A local that is one of the replaced objects itself, or has methods. In a
 * framework's frames the former says nothing: all of them know the application
 * that they run for, which goes on for this socket. */
static int
reach_local(Reach *reach, PyObject *value, int tracked)
{
    size_t at = 0;
    const void *key;
    void *entry;
    while (tracked && ptrmap_next(&reach->rebound, &at, &key, &entry)) {
        UndoName *name = entry;
        if (name->old->value == value) {
            reach->binding = (Binding *)name->cell;
            return 0;
        }
    }
    return reach_methods(reach, value);
}


static int
reach_locals(Reach *reach, PyObject *frame, int tracked)
{
    PyObject *locals = PyFrame_GetLocals((PyFrameObject *)frame);
    PyObject *values = locals == NULL ? NULL : PyMapping_Values(locals);
    Py_XDECREF(locals);
    int status = values == NULL ? -1 : 0;
    for (Py_ssize_t i = 0;
         status == 0 && reach->binding == NULL && i < PyList_GET_SIZE(values);
         i++) {
        status = reach_local(reach, PyList_GET_ITEM(values, i), tracked);
    }
    Py_XDECREF(values);
    return status;
}


/* The attribute of a coroutine ("cr_"), generator ("gi_") or asynchronous
 * generator ("ag_"); NULL without an exception for any other object. */
static PyObject *
attribute(PyObject *object, const char *of_coroutine, const char *of_generator,
          const char *of_async)
{
    const char *name = PyCoro_CheckExact(object)       ? of_coroutine
                       : PyGen_CheckExact(object)      ? of_generator
                       : PyAsyncGen_CheckExact(object) ? of_async
                                                       : NULL;
    return name == NULL ? NULL : PyObject_GetAttrString(object, name);
}


/* One coroutine: where it is suspended. */
static int
reach_frame(Reach *reach, PyObject *coroutine)
{
    PyObject *frame = attribute(coroutine, "cr_frame", "gi_frame", "ag_frame");
    if (frame == NULL || !PyFrame_Check(frame)) {
        Py_XDECREF(frame);
        return PyErr_Occurred() ? -1 : 0;
    }
    PyObject *code = (PyObject *)PyFrame_GetCode((PyFrameObject *)frame);
    int status = reach_code(reach, code, REACH_DEPTH);
    int tracked = code_info(code) != NULL;
    Py_DECREF(code);
    if (status == 0 && reach->binding == NULL) {
        status = reach_locals(reach, frame, tracked);
    }
    Py_DECREF(frame);
    return status;
}


static int
reach_awaited(Reach *reach, PyObject *coroutine)
{
    PyObject *at = Py_NewRef(coroutine);
    int status = 0;
    for (int depth = 0; at != NULL && status == 0 && reach->binding == NULL
                        && depth < AWAIT_DEPTH;
         depth++) {
        status = reach_frame(reach, at);
        PyObject *next = NULL;
        if (status == 0) {
            next = attribute(at, "cr_await", "gi_yieldfrom", "ag_await");
            status = PyErr_Occurred() ? -1 : 0;
        }
        Py_SETREF(at, next);
    }
    Py_XDECREF(at);
    return status;
}


PyObject *
reach_rebound(Engine *engine, PyObject *coroutine)
{
    Reach reach;
    int status = reach_init(&reach, engine);
    if (status == 0 && reach.rebound.live > 0) {
        status = reach_awaited(&reach, coroutine);
    }
    ptrmap_fini(&reach.rebound);
    ptrmap_fini(&reach.seen);
    if (status < 0) {
        return NULL;
    }
    if (reach.binding == NULL) {
        Py_RETURN_NONE;
    }
    return PyUnicode_FromFormat("%U.%U", reach.binding->module->name,
                                reach.binding->name);
}
