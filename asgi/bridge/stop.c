/* How a server ends: stop(), its grace, abort(). GIL held throughout, except
 * while the I/O thread is joined, which needs no GIL to end. */

#include "exchange.h"
#include "handover.h"

#include "websocket.h" /* close codes */

static const double LAST_GRACE = 0.25; /* seconds that a cancelled task gets */


static void
server_forget_clients(struct server *self)
{
    struct exchange *at = self->running;
    for (; at != NULL; at = at->next) {
        at->disconnected = true;
    }
}


/* The I/O thread has ended, or will at once. */
void
server_join(struct server *self)
{
    if (self->phase == SERVER_STOPPED) {
        return;
    }
    if (!io_is_here(self->io)) {
        self->phase = SERVER_STOPPED;
        return;
    }
    Py_BEGIN_ALLOW_THREADS
    io_join(self->io);
    Py_END_ALLOW_THREADS
    self->phase = SERVER_STOPPED;
    server_forget_clients(self);
    PyObject *fd = PyLong_FromLong(io_fd(self->io));
    if (fd == NULL
        || call_method(self->loop, self->state->str.remove_reader, fd, NULL)
               < 0) {
        PyErr_Clear(); /* the loop is closed: nothing to remove from */
    }
    Py_XDECREF(fd);
}


/* End the I/O thread now. */
static int
server_cut(struct server *self)
{
    if (io_is_here(self->io) && io_abort(self->io) < 0) {
        PyErr_NoMemory();
        return -1;
    }
    server_join(self);
    return 0;
}


static void
server_resolve(struct server *self)
{
    if (self->grace_timer != NULL) {
        if (call_method(self->grace_timer, self->state->str.cancel, NULL, NULL)
            < 0) {
            PyErr_WriteUnraisable((PyObject *)self);
        }
        Py_CLEAR(self->grace_timer);
    }
    if (self->stopped == NULL) {
        return;
    }
    PyObject *done =
        PyObject_CallMethodNoArgs(self->stopped, self->state->str.done);
    if (done == NULL
        || (done == Py_False
            && call_method(self->stopped, self->state->str.set_result, Py_None,
                           NULL)
                   < 0)) {
        PyErr_WriteUnraisable((PyObject *)self);
    }
    Py_XDECREF(done);
    Py_CLEAR(self->stopped);
}


void
server_check_stopped(struct server *self)
{
    if (self->phase == SERVER_STOPPED && self->n_running == 0) {
        server_resolve(self);
    }
}


static void
server_cancel_tasks(struct server *self)
{
    self->cancelled = true;
    PyObject *tasks = PyList_New(0); /* cancel() may end tasks at once */
    struct exchange *at = self->running;
    for (; tasks != NULL && at != NULL; at = at->next) {
        if (PyList_Append(tasks, at->task) < 0) {
            break;
        }
    }
    for (Py_ssize_t i = 0; tasks != NULL && i < PyList_GET_SIZE(tasks); i++) {
        if (call_method(PyList_GET_ITEM(tasks, i), self->state->str.cancel,
                        NULL, NULL)
            < 0) {
            PyErr_WriteUnraisable((PyObject *)self);
        }
    }
    Py_XDECREF(tasks);
    if (PyErr_Occurred()) {
        PyErr_WriteUnraisable((PyObject *)self);
    }
}


static int
server_set_timer(struct server *self, double seconds)
{
    PyObject *delay = PyFloat_FromDouble(seconds);
    PyObject *over = PyObject_GetAttrString((PyObject *)self, "_grace_over");
    int status = -1;
    if (delay != NULL && over != NULL) {
        Py_XSETREF(self->grace_timer,
                   PyObject_CallMethodObjArgs(self->loop,
                                              self->state->str.call_later,
                                              delay, over, NULL));
        status = self->grace_timer == NULL ? -1 : 0;
    }
    Py_XDECREF(delay);
    Py_XDECREF(over);
    return status;
}


/* First: cancel what runs. Then: cut what is left. */
PyObject *
server_grace_over(PyObject *op, PyObject *unused)
{
    (void)unused;
    struct server *self = (struct server *)op;
    Py_CLEAR(self->grace_timer);
    if (!self->cancelled) {
        server_cancel_tasks(self);
        if (server_set_timer(self, LAST_GRACE) < 0) {
            return NULL;
        }
        Py_RETURN_NONE;
    }
    if (self->phase == SERVER_STOPPING) {
        if (server_cut(self) < 0) {
            return NULL;
        }
    }
    server_resolve(self); /* tasks that ignore their cancellation stay */
    Py_RETURN_NONE;
}


PyObject *
server_stop(PyObject *op, PyObject *args)
{
    struct server *self = (struct server *)op;
    double grace;
    int code = CLOSE_LEAVING, hand_over = 0;
    if (!PyArg_ParseTuple(args, "d|ip:stop", &grace, &code, &hand_over)) {
        return NULL;
    }
    if (code < 0 || !websocket_code_is_valid((unsigned)code)) {
        PyErr_Format(PyExc_ValueError, "%d is no close code", code);
        return NULL;
    }
    if (self->stopped != NULL) {
        return Py_NewRef(self->stopped);
    }
    PyObject *future =
        PyObject_CallMethodNoArgs(self->loop, self->state->str.create_future);
    if (future == NULL) {
        return NULL;
    }
    self->stopped = Py_NewRef(future);
    if (self->phase == SERVER_NEW) {
        self->phase = SERVER_STOPPED;
    }
    if (self->phase == SERVER_STOPPED && self->n_running == 0) {
        server_resolve(self);
        return future;
    }
    if (self->phase == SERVER_RUNNING) {
        self->phase = SERVER_STOPPING;
        self->handing_over = hand_over && !self->tls;
        if (io_stop(self->io, (uint16_t)code, self->handing_over) < 0) {
            PyErr_NoMemory();
            Py_CLEAR(future);
            return NULL;
        }
    }
    if (server_set_timer(self, grace) < 0) {
        Py_CLEAR(future);
    }
    return future;
}


PyObject *
server_handed_over(PyObject *op, PyObject *unused)
{
    (void)unused;
    struct server *self = (struct server *)op;
    if (self->phase != SERVER_STOPPED) {
        PyErr_SetString(PyExc_RuntimeError, "the server has not stopped");
        return NULL;
    }
    PyObject *list = PyList_New(0);
    struct handed *handed = io_take_handed(self->io);
    for (struct handed *at = handed; list != NULL && at != NULL;
         at = at->next) {
        PyObject *item =
            Py_BuildValue("(iy#)", at->fd, at->data, (Py_ssize_t)at->size);
        if (item == NULL || PyList_Append(list, item) < 0) {
            Py_CLEAR(list);
        }
        Py_XDECREF(item);
    }
    for (struct handed *at = handed; list != NULL && at != NULL;
         at = at->next) {
        at->fd = -1; /* the caller's now */
    }
    handed_free(handed);
    return list;
}


PyObject *
server_abort(PyObject *op, PyObject *unused)
{
    (void)unused;
    struct server *self = (struct server *)op;
    if (self->phase == SERVER_RUNNING || self->phase == SERVER_STOPPING) {
        if (server_cut(self) < 0) {
            return NULL;
        }
    }
    self->phase = SERVER_STOPPED;
    server_cancel_tasks(self);
    server_resolve(self);
    Py_RETURN_NONE;
}
