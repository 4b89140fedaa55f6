/* Python's garbage collector, which rests while the program is imported. */

#include "collector.h"

/* New objects between two collections; a number that no program would set, so
 * that we see whether one has. */
#define RESTING 200021

static PyObject *real; /* gc.get_threshold(). Of the process: who has bound ours
                          keeps it. */


/* gc.get_threshold(), of which new objects trigger a collection. -1 with an
 * exception set. */
static int
threshold_of(PyObject *answer)
{
    return answer != NULL && PyTuple_Check(answer)
                   && PyTuple_GET_SIZE(answer) > 0
               ? (int)PyLong_AsLong(PyTuple_GET_ITEM(answer, 0))
               : -1;
}


/* gc.get_threshold() meanwhile: a program may want a multiple of it. */
static PyObject *
get_threshold(PyObject *self, PyObject *none)
{
    (void)self;
    (void)none;
    const Engine *engine = hmr_engine;
    PyObject *answer = PyObject_CallNoArgs(real);
    if (engine == NULL || engine->collects_at == 0
        || threshold_of(answer) != RESTING) {
        return answer;
    }
    PyObject *first = Py_BuildValue("(i)", engine->collects_at);
    PyObject *rest = PyTuple_GetSlice(answer, 1, PyTuple_GET_SIZE(answer));
    PyObject *told =
        first != NULL && rest != NULL ? PySequence_Concat(first, rest) : NULL;
    Py_XDECREF(first);
    Py_XDECREF(rest);
    Py_DECREF(answer);
    return told;
}


static PyMethodDef get_threshold_def = {"get_threshold", get_threshold,
                                        METH_NOARGS, NULL};


/* Of the gc module. -1 with an exception set. */
static int
set_threshold(PyObject *gc, int count)
{
    PyObject *done = PyObject_CallMethod(gc, "set_threshold", "i", count);
    Py_XDECREF(done);
    return done != NULL ? 0 : -1;
}


/* Put ours in the place of gc.get_threshold(): nobody can tell them apart. */
static int
replace_function(PyObject *gc)
{
    PyObject *name = PyModule_GetNameObject(gc);
    PyObject *ours =
        name != NULL ? PyCFunction_NewEx(&get_threshold_def, gc, name) : NULL;
    Py_XSETREF(real, PyObject_GetAttrString(gc, get_threshold_def.ml_name));
    int result =
        real != NULL && ours != NULL
            ? PyObject_SetAttrString(gc, get_threshold_def.ml_name, ours)
            : -1;
    Py_XDECREF(name);
    Py_XDECREF(ours);
    return result;
}


/* Unless a program has put another one there. 0 or -1. */
static int
restore_function(PyObject *gc)
{
    PyObject *there = PyObject_GetAttrString(gc, get_threshold_def.ml_name);
    int ours = there != NULL && PyCFunction_Check(there)
               && PyCFunction_GET_FUNCTION(there) == get_threshold;
    Py_XDECREF(there);
    return ours ? PyObject_SetAttrString(gc, get_threshold_def.ml_name, real)
           : there != NULL ? 0
                           : -1;
}


static int
current_threshold(PyObject *gc)
{
    PyObject *answer = PyObject_CallMethod(gc, "get_threshold", NULL);
    int count = threshold_of(answer);
    Py_XDECREF(answer);
    return count;
}


/* What was made meanwhile counts as old: who goes through it for the first time
 * needs longer than for all that it saves. Frozen and unfrozen is how one says
 * that; a program that has frozen its objects is left alone. 0 or -1. */
static int
take_for_old(PyObject *gc)
{
    PyObject *frozen = PyObject_CallMethod(gc, "get_freeze_count", NULL);
    int none = frozen != NULL && PyObject_Not(frozen) > 0;
    PyObject *done = none ? PyObject_CallMethod(gc, "freeze", NULL) : NULL;
    if (done != NULL) {
        Py_SETREF(done, PyObject_CallMethod(gc, "unfreeze", NULL));
    }
    Py_XDECREF(frozen);
    Py_XDECREF(done);
    return PyErr_Occurred() ? -1 : 0;
}


int
collector_rest(Engine *engine)
{
    if (engine->transaction || engine->collects_at != 0 || !PyGC_IsEnabled()) {
        return 0;
    }
    PyObject *gc = PyImport_ImportModule("gc");
    int count = gc != NULL ? current_threshold(gc) : -1;
    int result = count < 0 ? -1 : 0;
    if (count > 0 && count < RESTING) { /* 0: it never collects */
        result = replace_function(gc) < 0 ? -1 : set_threshold(gc, RESTING);
        engine->collects_at = count;
    }
    Py_XDECREF(gc);
    return PyErr_Occurred() ? -1 : result;
}


void
collector_wake(Engine *engine)
{
    int count = engine->collects_at;
    if (count == 0) {
        return;
    }
    engine->collects_at = 0;
    PyObject *error = PyErr_GetRaisedException();
    PyObject *gc = PyImport_ImportModule("gc");
    if (gc == NULL || take_for_old(gc) < 0 || restore_function(gc) < 0
        || (current_threshold(gc) == RESTING && set_threshold(gc, count) < 0)) {
        PyErr_WriteUnraisable(gc);
    }
    Py_XDECREF(gc);
    PyErr_SetRaisedException(error);
}
