/* What tracked code asks to be called around reloads. */

#include "array.h"
#include "callbacks.h"

#include "adapters.h"
#include "compat.h"
#include "frame.h"
#include "match.h"
#include "walk.h"

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

static CallbackKind
item_kind(PyObject *item)
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


/* Has the trace anything of the kind? */
static int
trace_has(const Trace *trace, CallbackKind kind)
{
    PyObject *list = trace != NULL ? trace->callbacks : NULL;
    for (Py_ssize_t i = 0; list != NULL && i < PyList_GET_SIZE(list); i++) {
        if (item_kind(PyList_GET_ITEM(list, i)) == kind) {
            return 1;
        }
    }
    return 0;
}


/* The last one first; each is forgotten before it is called. */
static void
trace_dispose(Trace *trace)
{
    PyObject *list = trace->callbacks;
    for (Py_ssize_t i = PyList_GET_SIZE(list); i-- > 0;) {
        PyObject *item = i < PyList_GET_SIZE(list)
                             ? Py_NewRef(PyList_GET_ITEM(list, i))
                             : NULL; /* a callback has shortened it */
        if (item == NULL || item_kind(item) != CALLBACK_DISPOSE) {
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
        if (item_kind(item) == CALLBACK_DISPOSE && engine->leftover != NULL
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

typedef struct {
    Statement **items; /* Owned array. */
    Py_ssize_t count, room;
} Found;


static int
found_add(Found *found, Statement *statement)
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


/* Statements of the applied revision whose trace has such a callback, in cold
 * order. 0, or -1 with an exception set. */
static int
find_statements(Engine *engine, CallbackKind kind, Found *found)
{
    for (Py_ssize_t i = -1; i < engine->module_count; i++) {
        const Module *module = i < 0 ? engine->probes : engine->order[i];
        int edited = module->old_statements != NULL;
        for (Py_ssize_t j = 0; j < module->count; j++) {
            Statement *statement = module->statements[j];
            if (trace_has(statement->trace, kind)
                && found_add(found, statement) < 0) {
                return -1;
            }
        }
        for (Py_ssize_t j = 0; edited && j < module->old_count; j++) {
            Statement *old = match_dead(module, j);
            if (old != NULL && trace_has(old->trace, kind)
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
    Found found = {0};
    PyObject *callbacks = PyList_New(0);
    int result = callbacks != NULL && engine->callbacks_used
                     ? find_statements(engine, kind, &found)
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
            if (item_kind(item) == kind) {
                result = PyList_Append(callbacks, PyTuple_GET_ITEM(item, 1));
            }
        }
        for (Py_ssize_t j = PyList_GET_SIZE(list);
             kind == CALLBACK_DISPOSE && result == 0 && j-- > 0;) {
            if (item_kind(PyList_GET_ITEM(list, j)) == kind) {
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


/* ---- disposal ----------------------------------------------------------- */

/* Who made the objects that callbacks of the trace act on, other than
 * `statement`: the first for which `accept` holds. Borrowed; NULL: none. */
static Statement *
trace_find_maker(const Trace *trace, int (*accept)(Statement *, Statement *),
                 Statement *statement)
{
    PyObject *list = trace->callbacks;
    for (Py_ssize_t i = 0; i < PyList_GET_SIZE(list); i++) {
        PyObject *item = PyList_GET_ITEM(list, i);
        PyObject *targets = PyTuple_GET_ITEM(item, 2);
        for (Py_ssize_t j = 0; item_kind(item) == CALLBACK_DISPOSE
                               && j < PyList_GET_SIZE(targets);
             j++) {
            Group *group = group_of(hmr_engine, PyList_GET_ITEM(targets, j));
            Statement *maker = group != NULL ? group->creator : NULL;
            if (maker != NULL && accept(maker, statement)) {
                return maker;
            }
        }
    }
    return NULL;
}


static int
is_same(Statement *maker, Statement *statement)
{
    return maker == statement;
}


/* Does what it made stand, and is about to be disposed of? */
static int
stands(Statement *maker, Statement *statement)
{
    return maker != statement && !maker->dead && !maker->forced;
}


/* The same in a walk, where it may have run. */
static int
stands_in_walk(Statement *maker, Statement *statement)
{
    return stands(maker, statement) && maker->fresh_walk != hmr_engine->walk;
}


static int
is_visited(Statement *maker, Statement *statement)
{
    const Module *module = maker->module;
    const Engine *engine = hmr_engine;
    int passed = 0;
    for (Py_ssize_t i = 0; i < module->passed && !passed; i++) {
        passed = i < module->count && module->statements[i] == maker;
    }
    return maker != statement && maker->forced && passed
           && module->walk == engine->walk && maker->fresh_walk != engine->walk;
}


/* What the statement has started ends. Whoever made it has to run again: where
 * the walk has passed that, it starts again. 0, or -1 with an exception set. */
static int
dispose_of(Statement *statement, int walking)
{
    Engine *engine = statement->module->engine;
    Statement *maker;
    while ((maker = trace_find_maker(
                statement->trace, walking ? stands_in_walk : stands, statement))
           != NULL) {
        statement_set_reason(maker, "%U disposes of what it made",
                             statement->syntax.label);
        maker->undone = 1;
        walk_force(engine, maker, NULL);
    }
    Statement *passed =
        walking ? trace_find_maker(statement->trace, is_visited, statement)
                : NULL;
    statement->undone = 1;
    engine->undone = 1;
    trace_dispose(statement->trace);
    return passed != NULL
               ? frame_conflict(engine, passed, "%U disposes of what it made",
                                statement->syntax.label)
               : 0;
}


/* Runs of this transaction that act on what the statement made are void. */
static void
drop_attempts_of_users(Statement *maker)
{
    Engine *engine = maker->module->engine;
    for (Py_ssize_t i = engine->module_count; i-- > 0;) {
        const Module *module = engine->order[i];
        for (Py_ssize_t j = module->count; j-- > 0;) {
            Statement *user = module->statements[j];
            Trace *attempt = user->attempt;
            if (user != maker && trace_has(attempt, CALLBACK_DISPOSE)
                && trace_find_maker(attempt, is_same, maker) != NULL) {
                trace_dispose(attempt);
                user->attempt = NULL;
                trace_free(attempt, engine);
            }
        }
    }
}


/* Those that act on what the statement made: it is about to be made anew. */
static int
dispose_of_users(Statement *maker, int walking)
{
    Engine *engine = maker->module->engine;
    Found found = {0};
    if (maker->trace == NULL || maker->syntax.kind == STATEMENT_IMPORT) {
        return 0;
    }
    int result = find_statements(engine, CALLBACK_DISPOSE, &found);
    for (Py_ssize_t i = found.count; result == 0 && i-- > 0;) {
        Statement *user = found.items[i];
        if (user == maker || user->async
            || trace_find_maker(user->trace, is_same, maker) == NULL) {
            continue;
        }
        maker->undone = 1;
        result = dispose_of(user, walking);
        if (!user->dead) {
            statement_set_reason(user, "disposed of, because %U runs again",
                                 maker->syntax.label);
            walk_force(engine, user, NULL);
        }
    }
    PyMem_Free(found.items);
    return result;
}


static int
dispose(Statement *statement, int walking)
{
    if (statement->attempt != NULL) {
        drop_attempts_of_users(statement);
    }
    if (trace_has(statement->attempt, CALLBACK_DISPOSE)) {
        trace_dispose(statement->attempt);
    }
    int result = dispose_of_users(statement, walking);
    return result == 0 && trace_has(statement->trace, CALLBACK_DISPOSE)
               ? dispose_of(statement, walking)
               : result;
}


int
callbacks_dispose(Statement *statement)
{
    const Engine *engine = statement->module->engine;
    return engine->callbacks_used && engine->transaction ? dispose(statement, 1)
                                                         : 0;
}


int
callbacks_dispose_dead(Engine *engine)
{
    int result = 0;
    for (Py_ssize_t i = engine->callbacks_used ? engine->module_count : 0;
         result == 0 && i-- > 0;) {
        const Module *module = engine->order[i];
        for (Py_ssize_t j = module->old_count; result == 0 && j-- > 0;) {
            Statement *old = match_dead(module, j);
            if (old != NULL && old->trace != NULL) {
                result = dispose(old, 0);
            }
        }
    }
    return result;
}


int
callbacks_plan_undone(Engine *engine)
{
    int any = 0;
    for (Py_ssize_t i = 0; engine->undone && i < engine->module_count; i++) {
        const Module *module = engine->order[i];
        for (Py_ssize_t j = 0; j < module->count; j++) {
            Statement *statement = module->statements[j];
            if (statement->undone) {
                statement_set_reason(statement, "disposed of for an edit that "
                                                "was not applied");
                walk_force(engine, statement, NULL);
                any = 1;
            }
        }
    }
    return any;
}
