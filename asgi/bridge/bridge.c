/* From a request to a running application and its end. GIL held throughout.
 *
 * The application's coroutine runs as an asyncio.Task with eager_start: its
 * first step runs here and now, in a fresh copy of the context, and is the
 * current task meanwhile (anyio and Starlette ask for it). Most handlers end in
 * that step; the others go on as the ordinary Task they are.
 */

#include "exchange.h"

#include "websocket.h" /* close codes */


static void
exchange_link(struct exchange *self)
{
    struct server *server = self->server;
    self->next = server->running;
    self->link = &server->running;
    if (self->next != NULL) {
        self->next->link = &self->next;
    }
    server->running = (struct exchange *)Py_NewRef((PyObject *)self);
    server->n_running++;
}


static void
exchange_unlink(struct exchange *self)
{
    *self->link = self->next;
    if (self->next != NULL) {
        self->next->link = self->link;
    }
    self->link = NULL;
    self->server->n_running--;
    server_check_stopped(self->server);
    Py_DECREF((PyObject *)self);
}


/* The application raised (the exception is passed, borrowed). */
static int
exchange_failed(struct exchange *self, PyObject *exception)
{
    struct server *server = self->server;
    bool cancelled =
        PyErr_GivenExceptionMatches(exception, server->state->cancelled_error);
    if (!(cancelled && server->cancelled)
        && !PyErr_GivenExceptionMatches(exception,
                                        server->state->client_disconnected)
        && !PyErr_GivenExceptionMatches(exception, PyExc_KeyboardInterrupt)
        && !PyErr_GivenExceptionMatches(exception, PyExc_SystemExit)) {
        server_report(server, "Exception in ASGI application", exception);
    }
    if (self->complete || self->disconnected) {
        return 0;
    }
    if (self->socket == SOCKET_OPEN) {
        return socket_close(self, CLOSE_INTERNAL);
    }
    if (self->head_sent) {
        return response_break(self);
    }
    return response_plain(self, server->cancelled ? 503 : 500);
}


/* The application returned; did it do its job? */
static int
exchange_returned(struct exchange *self, PyObject *result)
{
    struct server *server = self->server;
    if (result != Py_None) {
        PyObject *text = PyUnicode_FromFormat(
            "ASGI callable should return None, but returned '%S'.", result);
        if (text == NULL) {
            return -1;
        }
        server_report(server, PyUnicode_AsUTF8(text), NULL);
        Py_DECREF(text);
        if (self->started && self->socket != SOCKET_OPEN) {
            return response_break(self);
        }
    }
    if (self->complete || self->disconnected) {
        return 0;
    }
    if (self->socket == SOCKET_OPEN) {
        return socket_close(self, CLOSE_NORMAL);
    }
    if (self->end_heard) {
        return response_break(self); /* it was told that nobody is there */
    }
    if (!self->started) {
        server_report(
            server,
            self->socket == SOCKET_NONE
                ? "ASGI callable returned without starting response."
                : "ASGI callable returned without completing handshake.",
            NULL);
        return response_plain(self, 500);
    }
    server_report(server, "ASGI callable returned without completing response.",
                  NULL);
    return self->head_sent ? response_break(self) : response_plain(self, 500);
}


/* Our own failure (no memory, most likely): say so and cut the connection. */
static void
exchange_give_up(struct exchange *self)
{
    PyObject *exception = PyErr_GetRaisedException();
    server_report(self->server, "Cannot answer a request", exception);
    Py_XDECREF(exception);
    if (response_break(self) < 0) {
        PyErr_WriteUnraisable(NULL);
    }
}


/* A call that raised: the exception that is set. */
static int
exchange_raised(struct exchange *self)
{
    PyObject *exception = PyErr_GetRaisedException();
    int status = exchange_failed(self, exception);
    Py_DECREF(exception);
    return status;
}


/* The task is done: look at how it ended. */
static int
exchange_settle(struct exchange *self, PyObject *task)
{
    struct module_state *state = self->server->state;
    PyObject *result = PyObject_CallMethodNoArgs(task, state->str.result);
    if (result == NULL) {
        return exchange_raised(self);
    }
    int status = exchange_returned(self, result);
    Py_DECREF(result);
    return status;
}


static PyObject *
exchange_on_done(PyObject *op, PyObject *task)
{
    struct exchange *self = (struct exchange *)op;
    Py_INCREF(op);
    if (exchange_settle(self, task) < 0) {
        exchange_give_up(self);
    }
    Py_CLEAR(self->task);
    exchange_unlink(self);
    Py_DECREF(op);
    Py_RETURN_NONE;
}


static PyMethodDef on_done_def = {"on_done", exchange_on_done, METH_O, NULL};


/* The task waits for something: hear of its end. */
static int
exchange_suspend(struct exchange *self, PyObject *task)
{
    struct module_state *state = self->server->state;
    PyObject *on_done = PyCFunction_New(&on_done_def, (PyObject *)self);
    if (on_done == NULL) {
        return -1;
    }
    PyObject *result =
        PyObject_CallMethodOneArg(task, state->str.add_done_callback, on_done);
    Py_DECREF(on_done);
    if (result == NULL) {
        return -1;
    }
    Py_DECREF(result);
    self->task = Py_NewRef(task);
    exchange_link(self);
    return response_flush_head(self);
}


/* app(scope, receive, send); new reference. */
static PyObject *
exchange_call(struct exchange *self)
{
    struct server *server = self->server;
    PyObject *args[4] = {NULL};
    PyObject *coroutine = NULL;
    args[1] = scope_new(server, self->request);
    if (args[1] != NULL && self->request->forwarded
        && scope_forward(server, args[1], &self->client) < 0) {
        Py_CLEAR(args[1]);
    }
    args[2] = exchange_receiver(self);
    args[3] = exchange_sender(self);
    if (args[1] != NULL && args[2] != NULL && args[3] != NULL) {
        coroutine = PyObject_Vectorcall(
            server->app, args + 1, 3 | PY_VECTORCALL_ARGUMENTS_OFFSET, NULL);
    }
    Py_XDECREF(args[1]);
    Py_XDECREF(args[2]);
    Py_XDECREF(args[3]);
    return coroutine;
}


/* Steals what the application returned. */
static PyObject *
task_new(struct server *server, PyObject *coroutine)
{
    struct module_state *state = server->state;
    if (!PyCoro_CheckExact(coroutine)) {
        Py_SETREF(coroutine,
                  PyObject_CallOneArg(state->coroutine_of, coroutine));
        if (coroutine == NULL) {
            return NULL;
        }
    }
    PyObject *context = server->reset_context ? PyContext_New() : Py_None;
    PyObject *args[] = {coroutine, server->loop, Py_True, context};
    PyObject *task = NULL;
    if (context != NULL) {
        task = PyObject_Vectorcall(state->task_type, args, 1,
                                   state->task_keywords);
    }
    if (context != Py_None) {
        Py_XDECREF(context);
    }
    Py_DECREF(coroutine);
    return task;
}


static int
exchange_run(struct exchange *self)
{
    struct module_state *state = self->server->state;
    self->eager = true;
    PyObject *coroutine = exchange_call(self);
    PyObject *task = NULL;
    if (coroutine != NULL) {
        task = task_new(self->server, coroutine);
    }
    self->eager = false;
    if (task == NULL) {
        PyObject *exception = PyErr_GetRaisedException();
        (void)server_note_interrupt(self->server, exception);
        PyErr_SetRaisedException(exception);
        return exchange_raised(self);
    }
    PyObject *done = PyObject_CallMethodNoArgs(task, state->str.done);
    int status = -1;
    if (done != NULL) {
        status = done == Py_True ? exchange_settle(self, task)
                                 : exchange_suspend(self, task);
        Py_DECREF(done);
    }
    Py_DECREF(task);
    return status;
}


void
bridge_run(struct server *server, struct request *request)
{
    struct exchange *self = exchange_new(server, request);
    if (self == NULL) {
        PyErr_WriteUnraisable((PyObject *)server);
        return;
    }
    if (exchange_run(self) < 0) {
        exchange_give_up(self);
    }
    Py_DECREF((PyObject *)self);
}
