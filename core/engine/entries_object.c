/* Engine's methods for entries and lifespans: statements without a source. */

#include "entries_object.h"

#include "callbacks.h"
#include "collector.h"
#include "compat.h"
#include "frame.h"
#include "hooks.h"
#include "journal.h"
#include "needed.h"
#include "undo.h"
#include "walk.h"


int
engine_require_installed(const Engine *engine)
{
    if (!engine->installed) {
        PyErr_SetString(PyExc_RuntimeError, "install() the Engine first");
        return -1;
    }
    return 0;
}


/* ---- probes ------------------------------------------------------------- */

static Py_ssize_t
probe_index(const Engine *engine, PyObject *name)
{
    for (Py_ssize_t i = 0; i < engine->probes->count; i++) {
        if (PyUnicode_Compare(engine->probes->statements[i]->syntax.label, name)
            == 0) {
            return i;
        }
    }
    return -1;
}


static void
probe_drop(Engine *engine, Py_ssize_t index)
{
    Module *probes = engine->probes;
    Statement *statement = probes->statements[index];
    for (Frame *f = engine->async_frames; f != NULL; f = f->up) {
        if (f->statement == statement) {
            Trace *open = frame_close_async(f, engine);
            journal_withdraw(open, engine);
            trace_free(open, engine);
            engine->async_count--;
            hooks_stop(engine);
            break;
        }
    }
    journal_withdraw(statement->trace, engine);
    statement_free(statement, engine);
    for (Py_ssize_t i = index; i + 1 < probes->count; i++) {
        probes->statements[i] = probes->statements[i + 1];
    }
    probes->count--;
}


/* A new probe of that name, last in order; an old one goes. Borrowed. */
static Statement *
probe_add(Engine *engine, PyObject *name)
{
    Module *probes = engine->probes;
    Py_ssize_t old = probe_index(engine, name);
    if (old >= 0) {
        probe_drop(engine, old);
    }
    Statement **grown = PyMem_Realloc(
        probes->statements, (size_t)(probes->count + 1) * sizeof(*grown));
    if (grown == NULL) {
        PyErr_NoMemory();
        return NULL;
    }
    probes->statements = grown;
    Statement *statement = statement_new(probes);
    if (statement == NULL) {
        return NULL;
    }
    statement->syntax.kind = STATEMENT_PROBE;
    statement->syntax.label = Py_NewRef(name);
    statement->syntax.imports = PyTuple_New(0);
    grown[probes->count++] = statement;
    if (statement->syntax.imports == NULL) {
        probe_drop(engine, probes->count - 1);
        return NULL;
    }
    return statement;
}


/* ---- methods ------------------------------------------------------------ */

PyObject *
engine_run(PyObject *self, PyObject *args)
{
    Engine *engine = (Engine *)self;
    PyObject *name, *func;
    if (!PyArg_ParseTuple(args, "UO:run", &name, &func)
        || engine_require_installed(engine) < 0) {
        return NULL;
    }
    Statement *probe = probe_add(engine, name);
    if (probe == NULL) {
        return NULL;
    }
    probe->func = Py_NewRef(func);
    int result = collector_rest(engine) < 0 ? -1 : hooks_start(engine);
    if (result == 0) {
        result = walk_statement(probe);
        hooks_stop(engine);
    }
    collector_wake(engine);
    callbacks_flush(engine);
    if (result < 0) {
        PyObject *error = PyErr_GetRaisedException();
        Py_ssize_t index = probe_index(engine, name);
        if (index >= 0) {
            probe_drop(engine, index);
        }
        PyErr_SetRaisedException(error);
        return NULL;
    }
    return Py_NewRef(probe->trace->result);
}


PyObject *
engine_result(PyObject *self, PyObject *name)
{
    Engine *engine = (Engine *)self;
    Py_ssize_t index = PyUnicode_Check(name) ? probe_index(engine, name) : -1;
    Trace *trace = index >= 0 ? engine->probes->statements[index]->trace : NULL;
    if (trace == NULL || trace->result == NULL) {
        PyErr_Format(PyExc_KeyError, "no entry of the name %R ran", name);
        return NULL;
    }
    return Py_NewRef(trace->result);
}


PyObject *
engine_begin(PyObject *self, PyObject *name)
{
    Engine *engine = (Engine *)self;
    if (!PyUnicode_Check(name)) {
        PyErr_SetString(PyExc_TypeError, "the name of a trace is a str");
        return NULL;
    }
    if (engine_require_installed(engine) < 0) {
        return NULL;
    }
    Statement *probe = probe_add(engine, name);
    if (probe == NULL) {
        return NULL;
    }
    probe->async = 1;
    probe->always_stale = engine->undo != NULL && engine->undo->swapped;
    if (hooks_start(engine) < 0) {
        return NULL;
    }
    if (frame_open_async(engine, probe) == NULL) {
        hooks_stop(engine);
        return NULL;
    }
    engine->async_count++;
    Py_RETURN_NONE;
}


PyObject *
engine_end(PyObject *self, PyObject *name)
{
    Engine *engine = (Engine *)self;
    Frame *frame = engine->async_frames;
    while (
        frame != NULL
        && (!PyUnicode_Check(name)
            || PyUnicode_Compare(frame->statement->syntax.label, name) != 0)) {
        frame = frame->up;
    }
    if (frame == NULL) {
        PyErr_Format(PyExc_KeyError, "no trace of the name %R is open", name);
        return NULL;
    }
    Statement *probe = frame->statement;
    Trace *trace = frame_close_async(frame, engine);
    engine->async_count--;
    hooks_stop(engine);
    if (trace == NULL) {
        return NULL;
    }
    probe->trace = trace;
    trace_adopt(trace, engine->probes);
    engine->generation++;
    Py_RETURN_NONE;
}


PyObject *
engine_drop(PyObject *self, PyObject *name)
{
    Engine *engine = (Engine *)self;
    Py_ssize_t index = PyUnicode_Check(name) ? probe_index(engine, name) : -1;
    if (index >= 0) {
        probe_drop(engine, index);
        callbacks_flush(engine);
    }
    Py_RETURN_NONE;
}
