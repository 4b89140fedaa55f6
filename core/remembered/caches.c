/* Caches of functions: what they hold may have been computed from the past. */

#include "caches.h"

#include "class_member.h"
#include "class_members.h"
#include "code.h"
#include "compat.h"
#include "print.h"
#include "result.h"
#include "rules.h"
#include "value.h"

#include <string.h>

#define CLOSURE_DEPTH 16 /* calls of tracked functions followed from a cache */
#define MODULE_STEPS 4   /* a.b.c.d.name */


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


/* What a decorator of a library gives that remembers results: it has
 * cache_clear() and says what it wraps, as cachetools' and async_lru's do. New
 * reference to that, or NULL. */
static PyObject *
wrapped_by_library(PyObject *object)
{
    PyTypeObject *type = Py_TYPE(object);
    if (type->tp_dictoffset == 0 || type->tp_call == NULL
        || PyType_Check(object) || !class_members_plain(type)) {
        return NULL;
    }
    PyObject *dict = value_dict(object);
    PyObject *wrapped = dict != NULL && PyDict_CheckExact(dict)
                            ? Py_XNewRef(dict_peek(dict, "__wrapped__"))
                            : NULL;
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


/* What functools.partial calls in the end. Borrowed: the object keeps it. */
static PyObject *
behind_partials(PyObject *object)
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


/* What a function's code reads, and the functions it may call, depth first. */
typedef struct {
    Engine *engine;
    Frame *frame;   /* note reads here; NULL: only look */
    PtrMap seen;    /* CodeInfo */
    int changed;    /* something is not what it was before the transaction */
    uint64_t state; /* which versions were met */
    const Cell *wanted;
    int met;            /* the wanted one was */
    PyTypeObject *type; /* whose methods it may call; NULL: of none */
} Closure;


static int
closure_add_function(Closure *closure, PyObject *function, int depth);


static void
closure_note(Closure *closure, const Cell *cell)
{
    const Version *now = cell_now(cell, closure->engine);
    closure->changed |= cell_changed(cell, closure->engine);
    closure->met |= cell == closure->wanted;
    closure->state = (closure->state ^ (now != NULL ? now->number : 0))
                     * 0x100000001B3u; /* FNV-1a, by words */
}


/* Classes that were not patched leave the state as it is. */
static void
closure_note_member(const Cell *cell, void *closure)
{
    if (cell_changed(cell, ((const Closure *)closure)->engine)) {
        closure_note(closure, cell);
    }
}


/* Whoever names a class may make an instance. */
static int
closure_add_class(Closure *closure, PyTypeObject *type, int depth)
{
    static const char *const names[] = {"__init__", "__post_init__"};
    int result = 0;
    for (size_t i = 0; result == 0 && i < Py_ARRAY_LENGTH(names); i++) {
        PyObject *name = PyUnicode_FromString(names[i]);
        PyObject *function =
            name != NULL ? Py_XNewRef(_PyType_Lookup(type, name)) : NULL;
        result = name != NULL ? 0 : -1;
        Py_XDECREF(name);
        if (function != NULL && PyFunction_Check(function)) {
            result = closure_add_function(closure, function, depth - 1);
        }
        Py_XDECREF(function);
    }
    return result;
}


/* A global of the module that the code names. What it names may also be an
 * attribute of a module: of these, all that bear a name in the code count. */
static int
closure_add_name(Closure *closure, Module *module, PyObject *name,
                 PyCodeObject *code, int depth, int steps)
{
    Engine *engine = closure->engine;
    Binding *binding = module_binding(module, name, 0);
    if (binding == NULL) {
        return PyErr_Occurred() ? -1 : 0;
    }
    const Cell *cell = &binding->cell;
    Version *now = closure->wanted != NULL && cell->touched
                       ? cell->live /* what the applied revision reads */
                       : cell_now(cell, engine);
    closure_note(closure, cell);
    PyObject *value = now != NULL ? now->value : NULL;
    Module *inner = value != NULL && PyModule_Check(value) && steps > 0
                        ? engine_module_by_ns(engine, PyModule_GetDict(value))
                        : NULL;
    for (Py_ssize_t i = 0;
         inner != NULL && i < PyTuple_GET_SIZE(code->co_names); i++) {
        if (closure_add_name(closure, inner,
                             PyTuple_GET_ITEM(code->co_names, i), code, depth,
                             steps - 1)
            < 0) {
            return -1;
        }
    }
    if (value != NULL
        && class_members_read_all(closure->frame, value, closure_note_member,
                                  closure)
               < 0) {
        return -1;
    }
    if (value != NULL && PyType_Check(value)) {
        return closure_add_class(closure, (PyTypeObject *)value, depth);
    }
    value = value != NULL ? behind_partials(value) : NULL;
    PyObject *cached = value != NULL ? cache_function(value) : NULL;
    PyObject *function = cached != NULL                             ? cached
                         : value != NULL && PyFunction_Check(value) ? value
                                                                    : NULL;
    return function != NULL ? closure_add_function(closure, function, depth - 1)
                            : 0;
}


/* What the class has by a name in the code of one of its methods. */
static int
closure_add_member(Closure *closure, PyObject *name, int depth)
{
    PyObject *member = closure->type != NULL
                           ? Py_XNewRef(_PyType_Lookup(closure->type, name))
                           : NULL;
    PyObject *functions = member != NULL ? member_functions(member) : NULL;
    int result = 0;
    for (Py_ssize_t i = 0;
         result == 0 && functions != NULL && i < PyTuple_GET_SIZE(functions);
         i++) {
        PyObject *function = PyTuple_GET_ITEM(functions, i);
        if (PyFunction_Check(function)) {
            result = closure_add_function(closure, function, depth - 1);
        }
    }
    Py_XDECREF(functions);
    Py_XDECREF(member);
    return result;
}


/* The code, and what is nested in it: it may call its own functions. */
static int
closure_add_code(Closure *closure, PyObject *code, int depth)
{
    CodeInfo *info = code_info(code);
    if (info == NULL || code_info_module(info) == NULL || depth == 0
        || ptrmap_get(&closure->seen, info) != NULL) {
        return 0;
    }
    if (ptrmap_set(&closure->seen, info, info) < 0) {
        PyErr_NoMemory();
        return -1;
    }
    for (Py_ssize_t i = 0; i < info->file_count; i++) {
        Cell *file = &info->files[i]->cell;
        closure_note(closure, file);
        if (closure->frame != NULL
            && frame_read_cell(closure->frame, file) < 0) {
            return -1;
        }
    }
    if (code_info_scan(info) < 0
        || (closure->frame != NULL
            && frame_read_code(closure->frame, info) < 0)) {
        return -1;
    }
    if (info->cell != NULL) {
        closure_note(closure, &info->cell->cell);
    }
    for (Py_ssize_t i = 0; i < info->name_count; i++) {
        if (closure_add_name(closure, info->module, info->names[i].name,
                             info->code, depth, MODULE_STEPS)
            < 0) {
            return -1;
        }
    }
    PyObject *names = info->code->co_names;
    for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(names); i++) {
        if (closure_add_member(closure, PyTuple_GET_ITEM(names, i), depth)
            < 0) {
            return -1;
        }
    }
    PyObject *consts = info->code->co_consts;
    for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(consts); i++) {
        PyObject *item = PyTuple_GET_ITEM(consts, i);
        if (PyCode_Check(item) && closure_add_code(closure, item, depth) < 0) {
            return -1;
        }
    }
    return 0;
}


static int
closure_add_function(Closure *closure, PyObject *function, int depth)
{
    return closure_add_code(closure, PyFunction_GET_CODE(function), depth);
}


static int
call_cache_clear(PyObject *object)
{
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
    object = behind_partials(object);
    PyObject *function = cache_function(object);
    if (function == NULL || !rule(READ_CACHES)) {
        return 0;
    }
    uint64_t state;
    int result = cache_read_function(frame, function, &state);
    return result == 0 && engine->transaction
               ? cache_expire(engine, object, state)
               : result;
}


int
cache_read_function(Frame *frame, PyObject *function, uint64_t *state)
{
    return cache_read_method(frame, NULL, function, state);
}


int
cache_read_method(Frame *frame, PyTypeObject *type, PyObject *function,
                  uint64_t *state)
{
    Closure closure = {.engine = hmr_engine, .frame = frame, .type = type};
    int result = closure_add_function(&closure, function, CLOSURE_DEPTH);
    ptrmap_fini(&closure.seen);
    *state = closure.changed ? closure.state | 1 : 0;
    return result;
}


int
function_may_read(PyObject *function, const Cell *cell)
{
    Closure closure = {.engine = hmr_engine, .wanted = cell};
    int result = closure_add_function(&closure, function, CLOSURE_DEPTH);
    ptrmap_fini(&closure.seen);
    return result < 0 ? -1 : closure.met;
}


int
cache_note(Engine *engine, Binding *binding, PyObject *value)
{
    value = behind_partials(value);
    if (cache_function(value) == NULL) {
        return 0;
    }
    const Version *live = binding->cell.touched ? binding->cell.live : NULL;
    PyObject *old = live != NULL && live->value != NULL
                        ? behind_partials(live->value)
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
        *cache = behind_partials(now->value);
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
        if (cache_read_function(NULL, function, &state) < 0
            || cache_expire(engine, cache, state) < 0) {
            return -1;
        }
    }
    return 0;
}
