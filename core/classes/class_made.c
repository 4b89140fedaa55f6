/* The classes that the program's statements have made. */

#include "class_made_parts.h"

#include "class_members.h"
#include "compat.h"
#include "kept.h"
#include "frame_parts.h"
#include "member_caches.h"
#include "rules.h"


/* ---- who made what ------------------------------------------------------ */

int
made_is_of(const Made *made, const void *type)
{
    return weakref_is_of(made->ref, type);
}


Made *
made_find(const Engine *engine, PyObject *type)
{
    Made *made = ptrmap_get(&engine->classes, type);
    return made != NULL && made_is_of(made, type) ? made : NULL;
}


static void
made_free(Made *made)
{
    Py_DECREF(made->ref);
    PyMem_Free(made);
}


static void
made_give(Made *made, Statement *to)
{
    made->statement = to;
    if (to != NULL) {
        to->makes_classes = 1;
    }
}


int
class_made_note(Frame *frame, PyObject *type)
{
    Engine *engine = hmr_engine;
    Made *made = ptrmap_get(&engine->classes, type);
    if (made != NULL && !made_is_of(made, type)) {
        ptrmap_pop(&engine->classes, type); /* another had the address */
        made_free(made);
        made = NULL;
    }
    if (made != NULL && made->trace != NULL) {
        return 0; /* an alias */
    }
    if (made == NULL) {
        made = PyMem_Calloc(1, sizeof(*made));
        if (made == NULL || ptrmap_set(&engine->classes, type, made) < 0) {
            PyMem_Free(made);
            PyErr_NoMemory();
            return -1;
        }
        made->ref = PyWeakref_NewRef(type, NULL);
        if (made->ref == NULL) {
            ptrmap_pop(&engine->classes, type);
            PyMem_Free(made);
            return -1;
        }
    }
    made->remembers = member_caches_in((PyTypeObject *)type);
    made->trace = frame->trace;
    made_give(made, frame->statement);
    made->number = ++engine->class_number;
    frame->trace->makes_classes = 1;
    return 0;
}


Made *
made_next(const Engine *engine, const Trace *trace, size_t *pos,
          const void **type)
{
    void *item;
    while (ptrmap_next(&engine->classes, pos, type, &item)) {
        if (((Made *)item)->trace == trace) {
            return item;
        }
    }
    return NULL;
}


void
class_made_retire(Engine *engine, const Trace *trace)
{
    size_t pos = 0;
    const void *type;
    Made *made;
    while (trace->makes_classes
           && (made = made_next(engine, trace, &pos, &type)) != NULL) {
        made->trace = NULL;
    }
}


void
class_made_move(Engine *engine, const Trace *trace, Statement *to)
{
    size_t pos = 0;
    const void *type;
    Made *made;
    while (trace->makes_classes
           && (made = made_next(engine, trace, &pos, &type)) != NULL) {
        made_give(made, to);
    }
}


void
class_made_absorb(Engine *engine, Trace *into, const Trace *from, Statement *to)
{
    size_t pos = 0;
    const void *type;
    Made *made;
    while (from->makes_classes
           && (made = made_next(engine, from, &pos, &type)) != NULL) {
        const Statement *statement = made->statement;
        if (engine->transaction && statement != NULL
            && statement->trace == from) {
            continue; /* of the applied revision: a rollback has to find it */
        }
        made->trace = into;
        made_give(made, to);
    }
    into->makes_classes |= from->makes_classes;
}


void
class_made_replace(const Frame *frame, PyObject *fresh, PyObject *type)
{
    Made *given_up = made_find(hmr_engine, fresh);
    Made *made = made_find(hmr_engine, type);
    if (given_up != NULL) {
        given_up->trace = NULL;
    }
    if (given_up != NULL && made != NULL) {
        made->remembers |= given_up->remembers;
    }
    const ClassMaker maker = {frame->trace, frame->statement};
    class_made_restore(hmr_engine, type, &maker);
}


ClassMaker
class_made_by(const Engine *engine, PyObject *type)
{
    const Made *made = made_find(engine, type);
    return made != NULL ? (ClassMaker){made->trace, made->statement}
                        : (ClassMaker){NULL, NULL};
}


void
class_made_restore(Engine *engine, PyObject *type, const ClassMaker *maker)
{
    Made *made = made_find(engine, type);
    if (made != NULL) {
        made->trace = maker->trace;
        made_give(made, maker->statement);
    }
}


int
class_made_is_retired(const Engine *engine, PyObject *type)
{
    const Made *made = made_find(engine, type);
    return made != NULL && made->trace == NULL;
}


void
class_made_forget(Engine *engine, const Statement *statement)
{
    size_t pos = 0;
    const void *type;
    void *item;
    while (statement->makes_classes
           && ptrmap_next(&engine->classes, &pos, &type, &item)) {
        if (((Made *)item)->statement == statement) {
            ((Made *)item)->statement = NULL;
        }
    }
}


int
class_made_visit(const Statement *statement, int (*visit)(PyObject *, void *),
                 void *arg)
{
    const Engine *engine = statement->module->engine;
    const Trace *trace = statement_trace(statement);
    size_t pos = 0;
    const void *type;
    const Made *made;
    int result = 0;
    while (result == 0 && trace != NULL && trace->makes_classes
           && (made = made_next(engine, trace, &pos, &type)) != NULL) {
        PyObject *held; /* NULL: it is no more */
        if (PyWeakref_GetRef(made->ref, &held) > 0) {
            result = visit(held, arg);
            Py_DECREF(held);
        }
    }
    return result;
}


int
class_made_visit_all(const Engine *engine, int (*visit)(PyObject *, void *),
                     void *arg)
{
    size_t pos = 0;
    const void *type;
    void *item;
    int result = 0;
    while (result == 0 && ptrmap_next(&engine->classes, &pos, &type, &item)) {
        PyObject *held; /* NULL: it is no more */
        if (((Made *)item)->trace != NULL
            && PyWeakref_GetRef(((Made *)item)->ref, &held) > 0) {
            result = visit(held, arg);
            Py_DECREF(held);
        }
    }
    return result;
}


void
class_made_sweep(Engine *engine)
{
    size_t pos = 0;
    const void *type;
    void *item;
    while (ptrmap_next(&engine->classes, &pos, &type, &item)) {
        if (!made_is_of(item, type)) {
            ptrmap_pop(&engine->classes, type);
            made_free(item);
        }
    }
}


void
class_made_fini(Engine *engine)
{
    size_t pos = 0;
    const void *type;
    void *item;
    while (ptrmap_next(&engine->classes, &pos, &type, &item)) {
        made_free(item);
    }
    ptrmap_fini(&engine->classes);
    ptrmap_fini(&engine->bases);
}


/* ---- class statements --------------------------------------------------- */

/* builtins.__build_class__ while tracing; `self` is CPython's. */
static PyObject *
our_build_class(PyObject *self, PyObject *const *args, Py_ssize_t nargs,
                PyObject *kwnames)
{
    PyObject *type = PyObject_Vectorcall(self, args, (size_t)nargs, kwnames);
    Engine *engine = hmr_engine;
    Frame *frame = type != NULL && engine != NULL && PyType_Check(type)
                       ? frame_current(engine)
                       : NULL;
    if (frame != NULL
        && (class_made_note(frame, type) < 0 || kept_note_class(frame, type) < 0
            || class_members_add(engine, type) < 0)) {
        Py_CLEAR(type);
    }
    return type;
}


static PyMethodDef our_build_class_def = {
    "__build_class__", (PyCFunction)(void (*)(void))our_build_class,
    METH_FASTCALL | METH_KEYWORDS, NULL};


int
class_made_start(Engine *engine)
{
    PyObject *builtins = PyEval_GetBuiltins(); /* borrowed */
    PyObject *now = dict_peek(builtins, "__build_class__");
    if (now == NULL) {
        PyErr_SetString(PyExc_RuntimeError, "hmr-serve: no __build_class__");
        return -1;
    }
    PyObject *ours = PyCFunction_New(&our_build_class_def, now);
    int result = ours != NULL
                     ? PyDict_SetItemString(builtins, "__build_class__", ours)
                     : -1;
    if (result == 0) {
        Py_XSETREF(engine->build_class, Py_NewRef(ours));
    }
    Py_XDECREF(ours);
    return result;
}


void
class_made_stop(Engine *engine)
{
    PyObject *builtins = PyEval_GetBuiltins(); /* borrowed */
    PyObject *ours = engine->build_class;
    /* what somebody put there meanwhile calls ours, and stays */
    if (ours != NULL && dict_peek(builtins, "__build_class__") == ours
        && PyDict_SetItemString(builtins, "__build_class__",
                                PyCFunction_GET_SELF(ours))
               < 0) {
        PyErr_WriteUnraisable(ours);
    }
    Py_CLEAR(engine->build_class);
}
