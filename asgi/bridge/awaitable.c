/* See awaitable.h. GIL held throughout. */

#include "awaitable.h"

#include "exchange.h"

typedef struct {
    PyObject_HEAD
    struct exchange *exchange; /* Owned. */
    PyObject *future;          /* the iterator of a future, or NULL. Owned. */
    enum wait_for what;
    bool finished;
} Wait;


PyObject *
wait_new(struct exchange *exchange, enum wait_for what)
{
    PyTypeObject *type = exchange->server->state->wait_type;
    Wait *self = PyObject_GC_New(Wait, type);
    if (self == NULL) {
        return NULL;
    }
    self->exchange = (struct exchange *)Py_NewRef((PyObject *)exchange);
    self->future = NULL;
    self->what = what;
    self->finished = false;
    PyObject_GC_Track(self);
    return (PyObject *)self;
}


/* Returns 0 and the value in *value (new reference), 1 when there is nothing
 * yet, or -1 with an exception. */
static int
wait_ask(Wait *self, PyObject **value)
{
    if (self->what == WAIT_MESSAGE) {
        return exchange_receive(self->exchange, value);
    }
    if (exchange_is_choked(self->exchange)) {
        return 1;
    }
    *value = Py_NewRef(Py_None);
    return 0;
}


static int
wait_begin(Wait *self)
{
    PyObject *future = exchange_add_waiter(self->exchange, self->what);
    if (future == NULL) {
        return -1;
    }
    self->future = PyObject_GetIter(future);
    Py_DECREF(future);
    return self->future == NULL ? -1 : 0;
}


/* The future's iterator raised or ended: 0 if it ended without error. */
static int
wait_ended(Wait *self)
{
    Py_CLEAR(self->future);
    if (PyErr_Occurred()) {
        if (!PyErr_ExceptionMatches(PyExc_StopIteration)) {
            self->finished = true;
            return -1;
        }
        PyErr_Clear();
    }
    return 0;
}


/* Go on until there is something to yield (a future) or to return. */
static PySendResult
wait_step(Wait *self, PyObject **result)
{
    *result = NULL;
    if (self->finished) {
        PyErr_SetString(PyExc_RuntimeError,
                        "cannot reuse already awaited coroutine");
        return PYGEN_ERROR;
    }
    for (;;) {
        if (self->future != NULL) {
            *result = Py_TYPE(self->future)->tp_iternext(self->future);
            if (*result != NULL) {
                return PYGEN_NEXT;
            }
            if (wait_ended(self) < 0) {
                return PYGEN_ERROR;
            }
        }
        int status = wait_ask(self, result);
        if (status == 0) {
            self->finished = true;
            return PYGEN_RETURN;
        }
        if (status < 0 || wait_begin(self) < 0) {
            self->finished = true;
            return PYGEN_ERROR;
        }
    }
}


static PyObject *
wait_result(PySendResult status, PyObject *result)
{
    if (status == PYGEN_NEXT) {
        return result;
    }
    if (status == PYGEN_RETURN) {
        if (result != Py_None) {
            PyErr_SetObject(PyExc_StopIteration, result);
        }
        else {
            PyErr_SetNone(PyExc_StopIteration);
        }
        Py_DECREF(result);
    }
    return NULL;
}


static PySendResult
wait_am_send(PyObject *self, PyObject *value, PyObject **result)
{
    (void)value;
    return wait_step((Wait *)self, result);
}


static PyObject *
wait_iternext(PyObject *self)
{
    PyObject *result;
    PySendResult status = wait_step((Wait *)self, &result);
    return wait_result(status, result);
}


static PyObject *
wait_send(PyObject *self, PyObject *value)
{
    (void)value;
    return wait_iternext(self);
}


/* throw(type[, value[, traceback]]): into the future if one is awaited. */
static PyObject *
wait_throw(PyObject *op, PyObject *const *args, Py_ssize_t n)
{
    Wait *self = (Wait *)op;
    if (n < 1 || n > 3) {
        PyErr_SetString(PyExc_TypeError, "throw() takes 1 to 3 arguments");
        return NULL;
    }
    Py_CLEAR(self->future); /* whoever throws has cancelled it already */
    self->finished = true;
    PyObject *type = args[0];
    PyObject *value = n > 1 ? args[1] : Py_None;
    if (PyExceptionInstance_Check(type)) {
        PyErr_SetObject((PyObject *)Py_TYPE(type), type);
    }
    else if (PyExceptionClass_Check(type)) {
        PyErr_SetObject(type, value == Py_None ? NULL : value);
    }
    else {
        PyErr_SetString(PyExc_TypeError, "exceptions must derive from "
                                         "BaseException");
    }
    return NULL;
}


static PyObject *
wait_close(PyObject *op, PyObject *unused)
{
    (void)unused;
    Wait *self = (Wait *)op;
    Py_CLEAR(self->future);
    self->finished = true;
    Py_RETURN_NONE;
}


static PyObject *
self_new(PyObject *self)
{
    return Py_NewRef(self);
}


static int
wait_traverse(PyObject *op, visitproc visit, void *arg)
{
    Wait *self = (Wait *)op;
    Py_VISIT(Py_TYPE(op));
    Py_VISIT((PyObject *)self->exchange);
    Py_VISIT(self->future);
    return 0;
}


static int
wait_clear(PyObject *op)
{
    Wait *self = (Wait *)op;
    Py_CLEAR(self->exchange);
    Py_CLEAR(self->future);
    return 0;
}


static void
wait_dealloc(PyObject *op)
{
    PyTypeObject *type = Py_TYPE(op);
    PyObject_GC_UnTrack(op);
    wait_clear(op);
    type->tp_free(op);
    Py_DECREF(type);
}


static PyMethodDef wait_methods[] = {
    {"send", wait_send, METH_O, NULL},
    {"throw", (PyCFunction)(void (*)(void))wait_throw, METH_FASTCALL, NULL},
    {"close", wait_close, METH_NOARGS, NULL},
    {NULL},
};

static PyType_Slot wait_slots[] = {
    {Py_tp_dealloc, wait_dealloc},
    {Py_tp_traverse, wait_traverse},
    {Py_tp_clear, wait_clear},
    {Py_tp_iter, self_new},
    {Py_tp_iternext, wait_iternext},
    {Py_tp_methods, wait_methods},
    {Py_am_await, self_new},
    {Py_am_send, wait_am_send},
    {0, NULL},
};

PyType_Spec wait_spec = {
    .name = "hmr_serve._asgi.Wait",
    .basicsize = sizeof(Wait),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC
             | Py_TPFLAGS_DISALLOW_INSTANTIATION | Py_TPFLAGS_IMMUTABLETYPE,
    .slots = wait_slots,
};


static PyObject *
done_iternext(PyObject *self)
{
    (void)self;
    return NULL; /* without an exception: StopIteration, None */
}


static PySendResult
done_am_send(PyObject *self, PyObject *value, PyObject **result)
{
    (void)self;
    (void)value;
    *result = Py_NewRef(Py_None);
    return PYGEN_RETURN;
}


static PyObject *
done_send(PyObject *self, PyObject *value)
{
    (void)self;
    (void)value;
    PyErr_SetNone(PyExc_StopIteration);
    return NULL;
}


static PyObject *
done_throw(PyObject *self, PyObject *const *args, Py_ssize_t n)
{
    (void)self;
    if (n > 0 && PyExceptionInstance_Check(args[0])) {
        PyErr_SetObject((PyObject *)Py_TYPE(args[0]), args[0]);
    }
    else {
        PyErr_SetObject(n > 0 ? args[0] : PyExc_TypeError,
                        n > 1 ? args[1] : NULL);
    }
    return NULL;
}


static PyObject *
done_close(PyObject *self, PyObject *unused)
{
    (void)self;
    (void)unused;
    Py_RETURN_NONE;
}


static PyMethodDef done_methods[] = {
    {"send", done_send, METH_O, NULL},
    {"throw", (PyCFunction)(void (*)(void))done_throw, METH_FASTCALL, NULL},
    {"close", done_close, METH_NOARGS, NULL},
    {NULL},
};

static PyType_Slot done_slots[] = {
    {Py_tp_iter, self_new},        {Py_tp_iternext, done_iternext},
    {Py_tp_methods, done_methods}, {Py_am_await, self_new},
    {Py_am_send, done_am_send},    {0, NULL},
};

PyType_Spec done_spec = {
    .name = "hmr_serve._asgi.Done",
    .basicsize = sizeof(PyObject),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_DISALLOW_INSTANTIATION
             | Py_TPFLAGS_IMMUTABLETYPE,
    .slots = done_slots,
};
