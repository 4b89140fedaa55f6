/* What tracked code asks to be called around reloads. */

#include "array.h"
#include "callbacks_parts.h"

#include "adapters.h"
#include "compat.h"
#include "frame.h"
#include "match.h"

#include <stdlib.h> /* qsort */


/* ---- registering -------------------------------------------------------- */

/* Add the object if a statement made it: what an update makes anew. 0 or -1. */
static int
add_target(PyObject *targets, PyObject *object)
{
    Group *group = object != NULL ? group_of(hmr_engine, object) : NULL;
    return group == NULL || group->outside || PyFunction_Check(object)
                   || PyType_Check(object) || PyModule_Check(object)
               ? 0
               : PyList_Append(targets, object);
}


/* What a function's closure and the names of its code lead to. */
static int
add_function_targets(PyObject *targets, PyObject *function)
{
    PyObject *cells = PyFunction_GET_CLOSURE(function);
    for (Py_ssize_t i = 0; cells != NULL && i < PyTuple_GET_SIZE(cells); i++) {
        if (add_target(targets, PyCell_GET(PyTuple_GET_ITEM(cells, i))) < 0) {
            return -1;
        }
    }
    PyObject *names = ((PyCodeObject *)PyFunction_GET_CODE(function))->co_names;
    for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(names); i++) {
        PyObject *value;
        int found = PyDict_GetItemRef(PyFunction_GET_GLOBALS(function),
                                      PyTuple_GET_ITEM(names, i), &value);
        int result = found > 0 ? add_target(targets, value) : found;
        Py_XDECREF(value);
        if (result < 0) {
            return -1;
        }
    }
    return 0;
}


/* The objects of statements that the callback acts on, as far as one can see:
 * its `self`, closure and globals. New reference. */
static PyObject *
callback_targets(PyObject *callback)
{
    PyObject *targets = PyList_New(0);
    int result = targets != NULL ? 0 : -1;
    if (result == 0 && PyMethod_Check(callback)) {
        result = add_target(targets, PyMethod_GET_SELF(callback));
        callback = PyMethod_GET_FUNCTION(callback);
    }
    else if (result == 0 && PyCFunction_Check(callback)) {
        result = add_target(targets, PyCFunction_GET_SELF(callback));
    }
    else if (result == 0 && PyFunction_Check(callback)) {
        result = add_function_targets(targets, callback);
    }
    if (result < 0) {
        Py_CLEAR(targets);
    }
    return targets;
}


static int
trace_add_callback(Trace *trace, CallbackKind kind, PyObject *callback)
{
    if (trace->callbacks == NULL) {
        trace->callbacks = PyList_New(0);
    }
    PyObject *targets =
        trace->callbacks != NULL ? callback_targets(callback) : NULL;
    PyObject *item = targets != NULL
                         ? Py_BuildValue("(iOO)", (int)kind, callback, targets)
                         : NULL;
    int result = item != NULL ? PyList_Append(trace->callbacks, item) : -1;
    Py_XDECREF(targets);
    Py_XDECREF(item);
    return result;
}


int
callbacks_add(Engine *engine, CallbackKind kind, PyObject *callback)
{
    Frame *frame = frame_current(engine);
    if (frame == NULL) {
        return 0;
    }
    engine->callbacks_used = 1;
    return trace_add_callback(frame->trace, kind, callback) < 0 ? -1 : 1;
}


int
callbacks_absorb(Trace *into, const Trace *from)
{
    if (from->callbacks == NULL) {
        return 0;
    }
    if (into->callbacks == NULL) {
        into->callbacks = PyList_New(0);
    }
    if (into->callbacks == NULL
        || PyList_SetSlice(into->callbacks, PY_SSIZE_T_MAX, PY_SSIZE_T_MAX,
                           from->callbacks)
               < 0) {
        return -1;
    }
    return PyList_SetSlice(from->callbacks, 0, PY_SSIZE_T_MAX, NULL);
}


/* ---- calling ------------------------------------------------------------ */

CallbackKind
callback_kind(PyObject *item)
{
    return (CallbackKind)PyLong_AsLong(PyTuple_GET_ITEM(item, 0));
}


/* Keeps the exception. */
static void
call(PyObject *callback)
{
    Engine *engine = hmr_engine;
    PyObject *error = PyErr_GetRaisedException();
    Frame *running = frame_swap(NULL);
    if (running != NULL && adapters_judge(running) < 0) {
        PyErr_WriteUnraisable(callback);
    }
    PyObject *result = PyObject_CallNoArgs(callback);
    if (result == NULL && engine != NULL && engine->transaction
        && PyErr_ExceptionMatches(PyExc_KeyboardInterrupt)) {
        PyErr_Clear();
        engine->interrupted = 1;
    }
    else if (result == NULL) {
        PyErr_WriteUnraisable(callback);
    }
    Py_XDECREF(result);
    if (engine != NULL && engine->tracing > 0 && adapters_refresh(engine) < 0) {
        PyErr_WriteUnraisable(callback);
    }
    (void)frame_swap(running);
    PyErr_SetRaisedException(error);
}


int
callbacks_check_interrupt(Engine *engine)
{
    if (!engine->interrupted) {
        return 0;
    }
    engine->interrupted = 0;
    PyErr_SetNone(PyExc_KeyboardInterrupt);
    return -1;
}


int
callbacks_has(const Trace *trace, CallbackKind kind)
{
    PyObject *list = trace != NULL ? trace->callbacks : NULL;
    for (Py_ssize_t i = 0; list != NULL && i < PyList_GET_SIZE(list); i++) {
        if (callback_kind(PyList_GET_ITEM(list, i)) == kind) {
            return 1;
        }
    }
    return 0;
}


void
callbacks_dispose_trace(Trace *trace)
{
    PyObject *list = trace->callbacks;
    for (Py_ssize_t i = PyList_GET_SIZE(list); i-- > 0;) {
        PyObject *item = i < PyList_GET_SIZE(list)
                             ? Py_NewRef(PyList_GET_ITEM(list, i))
                             : NULL; /* a callback has shortened it */
        if (item == NULL || callback_kind(item) != CALLBACK_DISPOSE) {
            Py_XDECREF(item);
            continue;
        }
        if (PyList_SetSlice(list, i, i + 1, NULL) < 0) {
            PyErr_WriteUnraisable(item); /* called all the same */
        }
        call(PyTuple_GET_ITEM(item, 1));
        Py_DECREF(item);
    }
}


void
callbacks_drop(Trace *trace, Engine *engine)
{
    if (trace->callbacks == NULL) {
        return;
    }
    PyObject *error = PyErr_GetRaisedException();
    for (Py_ssize_t i = PyList_GET_SIZE(trace->callbacks); i-- > 0;) {
        PyObject *item = PyList_GET_ITEM(trace->callbacks, i);
        if (callback_kind(item) == CALLBACK_DISPOSE && engine->leftover != NULL
            && PyList_Append(engine->leftover, PyTuple_GET_ITEM(item, 1)) < 0) {
            PyErr_WriteUnraisable(PyTuple_GET_ITEM(item, 1));
        }
    }
    Py_CLEAR(trace->callbacks);
    PyErr_SetRaisedException(error);
}


void
callbacks_flush(Engine *engine)
{
    while (PyList_GET_SIZE(engine->leftover) > 0) {
        PyObject *error = PyErr_GetRaisedException();
        PyObject *callback = Py_NewRef(PyList_GET_ITEM(engine->leftover, 0));
        int result = PyList_SetSlice(engine->leftover, 0, 1, NULL);
        if (result == 0) {
            call(callback);
        }
        else {
            PyErr_WriteUnraisable(callback);
        }
        Py_DECREF(callback);
        PyErr_SetRaisedException(error);
        if (result < 0) {
            break; /* memory is short: the next time */
        }
    }
}


/* ---- all statements ----------------------------------------------------- */

static int
found_add(FoundStatements *found, Statement *statement)
{
    Statement **items = array_reserve(found->items, found->count, &found->room,
                                      sizeof(*items), 8);
    if (items == NULL) {
        return -1;
    }
    found->items = items;
    found->items[found->count++] = statement;
    return 0;
}


static int
compare_places(const void *a, const void *b)
{
    const Statement *x = *(Statement *const *)a, *y = *(Statement *const *)b;
    return (x->place > y->place) - (x->place < y->place);
}


int
callbacks_find(Engine *engine, CallbackKind kind, FoundStatements *found)
{
    for (Py_ssize_t i = -1; i < engine->module_count; i++) {
        const Module *module = i < 0 ? engine->probes : engine->order[i];
        int edited = module->old_statements != NULL;
        for (Py_ssize_t j = 0; j < module->count; j++) {
            Statement *statement = module->statements[j];
            if (callbacks_has(statement->trace, kind)
                && found_add(found, statement) < 0) {
                return -1;
            }
        }
        for (Py_ssize_t j = 0; edited && j < module->old_count; j++) {
            Statement *old = match_dead(module, j);
            if (old != NULL && callbacks_has(old->trace, kind)
                && found_add(found, old) < 0) {
                return -1;
            }
        }
    }
    if (found->count > 1) {
        qsort(found->items, (size_t)found->count, sizeof(*found->items),
              compare_places);
    }
    return 0;
}


int
callbacks_call(Engine *engine, CallbackKind kind, const Statement *probe)
{
    FoundStatements found = {0};
    PyObject *callbacks = PyList_New(0);
    int result = callbacks != NULL && engine->callbacks_used
                     ? callbacks_find(engine, kind, &found)
                     : 0;
    if (callbacks == NULL) {
        result = -1;
    }
    /* Taken first: a callback may run what changes the table. */
    for (Py_ssize_t i = 0; result == 0 && i < found.count; i++) {
        PyObject *list = found.items[i]->trace->callbacks;
        if (probe != NULL && found.items[i] != probe) {
            continue;
        }
        for (Py_ssize_t j = 0; result == 0 && j < PyList_GET_SIZE(list); j++) {
            PyObject *item = PyList_GET_ITEM(list, j);
            if (callback_kind(item) == kind) {
                result = PyList_Append(callbacks, PyTuple_GET_ITEM(item, 1));
            }
        }
        for (Py_ssize_t j = PyList_GET_SIZE(list);
             kind == CALLBACK_DISPOSE && result == 0 && j-- > 0;) {
            if (callback_kind(PyList_GET_ITEM(list, j)) == kind) {
                result = PyList_SetSlice(list, j, j + 1, NULL);
            }
        }
    }
    if (result == 0 && kind == CALLBACK_DISPOSE) {
        result = PyList_Reverse(callbacks);
    }
    for (Py_ssize_t i = 0; result == 0 && i < PyList_GET_SIZE(callbacks); i++) {
        call(PyList_GET_ITEM(callbacks, i));
    }
    PyMem_Free(found.items);
    Py_XDECREF(callbacks);
    return result;
}
