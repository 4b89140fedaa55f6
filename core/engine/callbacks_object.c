/* Engine's methods for callbacks. */

#include "callbacks_object.h"

#include "callbacks.h"
#include "transaction.h"
#include "undo.h"


static PyObject *
engine_register(PyObject *self, CallbackKind kind, PyObject *callback)
{
    if (!PyCallable_Check(callback)) {
        PyErr_SetString(PyExc_TypeError, "a callback has to be callable");
        return NULL;
    }
    int added = callbacks_add((Engine *)self, kind, callback);
    return added < 0 ? NULL : PyBool_FromLong(added);
}


PyObject *
engine_on_dispose(PyObject *self, PyObject *callback)
{
    return engine_register(self, CALLBACK_DISPOSE, callback);
}


PyObject *
engine_before_reload(PyObject *self, PyObject *callback)
{
    return engine_register(self, CALLBACK_BEFORE, callback);
}


PyObject *
engine_after_reload(PyObject *self, PyObject *callback)
{
    return engine_register(self, CALLBACK_AFTER, callback);
}


PyObject *
engine_reloaded(PyObject *self, PyObject *unused)
{
    (void)unused;
    return callbacks_call((Engine *)self, CALLBACK_AFTER, NULL) < 0
               ? NULL
               : Py_NewRef(Py_None);
}


PyObject *
engine_dispose(PyObject *self, PyObject *args)
{
    Engine *engine = (Engine *)self;
    PyObject *name = Py_None;
    if (!PyArg_ParseTuple(args, "|O:dispose", &name)) {
        return NULL;
    }
    const Statement *probe = NULL;
    for (Py_ssize_t i = 0; name != Py_None && i < engine->probes->count; i++) {
        Statement *each = engine->probes->statements[i];
        int same = PyObject_RichCompareBool(each->syntax.label, name, Py_EQ);
        if (same < 0) {
            return NULL;
        }
        probe = same ? each : probe;
    }
    if ((name == Py_None || probe != NULL)
        && callbacks_call(engine, CALLBACK_DISPOSE, probe) < 0) {
        return NULL;
    }
    Py_RETURN_NONE;
}


PyObject *
engine_release(PyObject *self, PyObject *args)
{
    Engine *engine = (Engine *)self;
    double cost;
    Py_ssize_t size;
    int spares = 1;
    if (!PyArg_ParseTuple(args, "dn|p:release", &cost, &size, &spares)) {
        return NULL;
    }
    engine->release_spares = spares;
    engine->release_cost = cost;
    engine->release_size = size;
    Py_RETURN_NONE;
}


PyObject *
engine_undone(PyObject *self, PyObject *unused)
{
    (void)unused;
    return PyBool_FromLong(((Engine *)self)->undone);
}


PyObject *
engine_disposed(PyObject *self, PyObject *unused)
{
    (void)unused;
    const Undo *undo = ((Engine *)self)->undo;
    return PyBool_FromLong(undo != NULL && undo->disposed);
}


PyObject *
engine_redo(PyObject *self, PyObject *unused)
{
    (void)unused;
    return transaction_redo((Engine *)self);
}
