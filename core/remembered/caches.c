/* Caches of functions: what they hold may have been computed from the past. */

#include "caches.h"

#include "class_members.h"
#include "code.h"
#include "compat.h"
#include "fills.h"
#include "print.h"
#include "result.h"
#include "rules.h"
#include "value.h"

#include <string.h>


/* The attribute of an instance or its class. Runs no code. New reference; NULL
 * without an exception when there is none. */
static PyObject *
plain_attribute(PyObject *object, PyObject *dict, const char *name)
{
    PyObject *value = dict != NULL ? Py_XNewRef(dict_peek(dict, name)) : NULL;
    PyObject *key = value == NULL ? PyUnicode_FromString(name) : NULL;
    if (key != NULL) {
        value = Py_XNewRef(_PyType_Lookup(Py_TYPE(object), key));
        Py_DECREF(key);
    }
    PyErr_Clear();
    return value;
}


/* What the object has in a slot of its class (async_lru's wrappers have
 * __slots__). New reference; NULL without an exception when there is none. */
static PyObject *
in_slot(PyObject *object, const char *name)
{
    PyObject *key = PyUnicode_FromString(name);
    PyObject *slot = key != NULL ? _PyType_Lookup(Py_TYPE(object), key) : NULL;
    PyObject *value =
        slot != NULL && Py_IS_TYPE(slot, &PyMemberDescr_Type) ? PyMember_GetOne(
            (char *)object, ((PyMemberDescrObject *)slot)->d_member)
                                                              : NULL;
    Py_XDECREF(key);
    PyErr_Clear();
    return value;
}


/* What a decorator of a library gives that remembers results: it has
 * cache_clear() and says what it wraps, as cachetools' and async_lru's do. New
 * reference to that, or NULL. */
static PyObject *
wrapped_by_library(PyObject *object)
{
    PyTypeObject *type = Py_TYPE(object);
    if (type->tp_dictoffset == 0 || type->tp_call == NULL
        || PyType_Check(object)
        || !(PyFunction_Check(object) /* hooked while we trace (docstring.c) */
             || class_members_plain(type))) {
        return NULL;
    }
    PyObject *dict = value_dict(object);
    PyObject *wrapped = dict != NULL && PyDict_CheckExact(dict)
                            ? Py_XNewRef(dict_peek(dict, "__wrapped__"))
                            : NULL;
    if (wrapped == NULL && !PyFunction_Check(object)) {
        wrapped = in_slot(object, "__wrapped__");
    }
    PyObject *clear =
        wrapped != NULL ? plain_attribute(object, dict, "cache_clear") : NULL;
    if (clear == NULL) {
        Py_CLEAR(wrapped);
    }
    Py_XDECREF(clear);
    Py_XDECREF(dict);
    return wrapped;
}


PyObject *
cache_function(PyObject *object)
{
    PyObject *function = print_is_cache(object)
                             ? PyObject_GetAttrString(object, "__wrapped__")
                             : wrapped_by_library(object);
    if (function == NULL) {
        PyErr_Clear(); /* a cache of something that is no function */
        return NULL;
    }
    int tracked = PyFunction_Check(function)
                  && code_info(PyFunction_GET_CODE(function)) != NULL;
    Py_DECREF(function); /* the wrapper keeps it */
    return tracked ? function : NULL;
}


PyObject *
cache_behind_partials(PyObject *object)
{
    while (strcmp(Py_TYPE(object)->tp_name, "functools.partial") == 0) {
        PyObject *function = PyObject_GetAttrString(object, "func");
        if (function == NULL) {
            PyErr_Clear();
            break;
        }
        Py_DECREF(function);
        object = function;
    }
    return object;
}


static int
call_cache_clear(PyObject *object)
{
    fill_emptied(hmr_engine, object);
    PyObject *done = PyObject_CallMethod(object, "cache_clear", NULL);
    Py_XDECREF(done);
    return done != NULL ? 0 : -1;
}


int
cache_clear(Engine *engine, PyObject *object, uint64_t state)
{
    if (engine->transaction) {
        PyObject *number = PyLong_FromUnsignedLongLong(state);
        int result = number != NULL
                         ? PyDict_SetItem(engine->cleared, object, number)
                         : -1;
        Py_XDECREF(number);
        if (result < 0) {
            return -1;
        }
    }
    return call_cache_clear(object);
}


/* What the cache holds was computed by the statements that ran since it was
 * cleared, from what there is now? 1, 0, -1. */
static int
cache_is_cleared(Engine *engine, PyObject *object, uint64_t state)
{
    PyObject *number = PyDict_GetItemWithError(engine->cleared, object);
    if (number == NULL) {
        return PyErr_Occurred() ? -1 : 0;
    }
    return PyLong_AsUnsignedLongLong(number) == state;
}


int
cache_expire(Engine *engine, PyObject *object, uint64_t state)
{
    if (state == 0 || !rule(CACHES_EXPIRE) || result_is_fresh(engine, object)) {
        return 0;
    }
    int cleared = cache_is_cleared(engine, object, state);
    return cleared != 0 ? (cleared < 0 ? -1 : 0)
                        : cache_clear(engine, object, state);
}


int
cache_read(Frame *frame, PyObject *object)
{
    Engine *engine = hmr_engine;
    object = cache_behind_partials(object);
    PyObject *function = cache_function(object);
    if (function == NULL || !rule(READ_CACHES)) {
        return 0;
    }
    uint64_t state;
    int result = cache_read_function(frame, function, &state);
    return result == 0 && engine->transaction && !print_is_cache(object)
               ? cache_expire(engine, object, state)
               : result; /* of a functools cache, its call tells: fills.h */
}


int
cache_note(Engine *engine, Binding *binding, PyObject *value)
{
    value = cache_behind_partials(value);
    if (cache_function(value) == NULL) {
        return 0;
    }
    const Version *live = binding->cell.touched ? binding->cell.live : NULL;
    PyObject *old = live != NULL && live->value != NULL
                        ? cache_behind_partials(live->value)
                        : NULL;
    if (engine->transaction && old != NULL && old != value
        && !print_is_cache(old) && cache_function(old) != NULL
        && cache_clear(engine, old, 0) < 0) {
        return -1;
    }
    if (ptrmap_set(&engine->caches, binding, binding) < 0) {
        PyErr_NoMemory();
        return -1;
    }
    return 0;
}


/* The next cache that a binding holds now, and the function that it remembers.
 * Borrowed; 0 at the end. */
static int
caches_next(const Engine *engine, size_t *pos, PyObject **cache,
            PyObject **function)
{
    const void *key;
    void *binding;
    while (ptrmap_next(&engine->caches, pos, &key, &binding)) {
        const Version *now = cell_now(&((Binding *)binding)->cell, engine);
        if (now == NULL || now->value == NULL) {
            continue;
        }
        *cache = cache_behind_partials(now->value);
        *function = cache_function(*cache);
        if (*function != NULL) {
            return 1;
        }
    }
    return 0;
}


int
cache_is_of(const Engine *engine, PyObject *code)
{
    size_t pos = 0;
    PyObject *cache, *function;
    while (caches_next(engine, &pos, &cache, &function)) {
        if (PyFunction_GET_CODE(function) == code) {
            return 1;
        }
    }
    return 0;
}


void
caches_rollback(Engine *engine)
{
    Py_ssize_t pos = 0;
    PyObject *cache, *state;
    while (PyDict_Next(engine->cleared, &pos, &cache, &state)) {
        if (call_cache_clear(cache) < 0) {
            PyErr_WriteUnraisable(cache);
        }
    }
}


int
caches_settle(Engine *engine)
{
    size_t pos = 0;
    PyObject *cache, *function;
    while (caches_next(engine, &pos, &cache, &function)) {
        uint64_t state;
        int filled = PyDict_Contains(engine->cleared, cache); /* since then */
        if (filled > 0 && fill_stands(engine, cache)) {
            continue;
        }
        if (filled < 0 || cache_read_function(NULL, function, &state) < 0
            || cache_expire(engine, cache, state) < 0) {
            return -1;
        }
    }
    return 0;
}
