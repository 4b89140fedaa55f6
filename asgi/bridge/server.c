/* See server.h. GIL held throughout, except while joining the I/O thread. */

#include "server.h"

#include "compat.h"
#include "exchange.h"

#include <stdlib.h>

enum {
    BATCH = 256, /* letters after which other tasks of the loop get a turn */
};


/* Reporting. */

void
server_report(struct server *self, const char *message, PyObject *exception)
{
    PyObject *saved = PyErr_GetRaisedException();
    if (self->on_error == Py_None) {
        if (exception != NULL) {
            PyErr_SetRaisedException(Py_NewRef(exception));
        }
        else {
            PyErr_SetString(PyExc_RuntimeError, message);
        }
        PyErr_WriteUnraisable(self->app);
    }
    else {
        PyObject *result =
            PyObject_CallFunction(self->on_error, "sO", message,
                                  exception != NULL ? exception : Py_None);
        if (result == NULL) {
            PyErr_WriteUnraisable(self->on_error);
        }
        Py_XDECREF(result);
    }
    PyErr_SetRaisedException(saved);
}


/* On a thread of its own; the server is there until it is joined. */
void
server_on_blocked(void *server, uint64_t question, uint64_t milliseconds)
{
    struct server *self = server;
    PyGILState_STATE gil = PyGILState_Ensure();
    if (io_is_blocked(self->io, question)) { /* not over while we waited */
        PyObject *result = PyObject_CallFunction(self->on_blocked, "d",
                                                 (double)milliseconds / 1000);
        if (result == NULL) {
            PyErr_WriteUnraisable(self->on_blocked);
        }
        Py_XDECREF(result);
    }
    PyGILState_Release(gil);
}


bool
server_note_interrupt(struct server *self, PyObject *exception)
{
    if (!PyErr_GivenExceptionMatches(exception, PyExc_KeyboardInterrupt)
        && !PyErr_GivenExceptionMatches(exception, PyExc_SystemExit)) {
        return false;
    }
    Py_XSETREF(self->interrupt, Py_NewRef(exception));
    return true;
}


static void
server_report_raised(struct server *self, const char *message)
{
    PyObject *exception = PyErr_GetRaisedException();
    if (!server_note_interrupt(self, exception)) {
        server_report(self, message, exception);
    }
    Py_DECREF(exception);
}


/* Heads that wait for their body. */

static void
server_flush(struct server *self)
{
    while (self->heads != NULL) {
        struct exchange *exchange = self->heads;
        self->heads = exchange->head_next;
        exchange->head_queued = false;
        if (response_flush_head(exchange) < 0) {
            server_report_raised(self, "Cannot send a response");
        }
        Py_DECREF((PyObject *)exchange);
    }
    io_nudge(self->io);
}


static PyObject *
server_flush_method(PyObject *op, PyObject *unused)
{
    (void)unused;
    struct server *self = (struct server *)op;
    self->flush_scheduled = false;
    server_flush(self);
    Py_RETURN_NONE;
}


int
server_schedule_flush(struct server *self)
{
    if (self->flush_scheduled || self->in_batch) {
        return 0;
    }
    PyObject *flush = PyObject_GetAttrString((PyObject *)self, "_flush");
    if (flush == NULL) {
        return -1;
    }
    int status =
        call_method(self->loop, self->state->str.call_soon, flush, NULL);
    Py_DECREF(flush);
    self->flush_scheduled = status == 0;
    return status;
}


/* Letters from the I/O thread. */

static void
server_on_request(struct server *self, struct request *request)
{
    unsigned events = request_events(request);
    if (events & EVENT_START) {
        bridge_run(self, request);
    }
    struct exchange *exchange = request->owner;
    events &= ~(unsigned)EVENT_START;
    if (events != 0 && exchange != NULL) {
        Py_INCREF((PyObject *)exchange);
        if (exchange_tell(exchange, events) < 0) {
            server_report_raised(self, "Cannot wake a request");
        }
        Py_DECREF((PyObject *)exchange);
    }
    request_unref(request);
}


/* on_change(serial, paths) runs here and now; it may apply the change, which
 * takes its time: what is answered already goes out first. */
static int
server_call_on_change(struct server *self, const struct change *change)
{
    server_flush(self);
    PyObject *paths = PyList_New(0);
    size_t at = 0;
    struct path_entry *entry;
    while (paths != NULL
           && (entry = pathset_next(change->paths, &at)) != NULL) {
        PyObject *path = PyUnicode_DecodeFSDefaultAndSize(
            entry->path, (Py_ssize_t)entry->size);
        if (path == NULL || PyList_Append(paths, path) < 0) {
            Py_CLEAR(paths);
        }
        Py_XDECREF(path);
    }
    if (paths == NULL) {
        return -1;
    }
    PyObject *result = PyObject_CallFunction(
        self->on_change, "KN", (unsigned long long)change->serial, paths);
    Py_XDECREF(result);
    return result == NULL ? -1 : 0;
}


static void
server_on_change(struct server *self, struct change *change)
{
    if (self->on_change == Py_None) {
        (void)io_release(self->io, change->serial);
    }
    else if (server_call_on_change(self, change) < 0) {
        server_report_raised(self, "Cannot apply a change");
        (void)io_release(self->io, change->serial); /* or all would hang */
    }
    pathset_free(change->paths);
    free(change);
}


static void
server_on_letter(struct server *self, struct letter *letter)
{
    switch (letter->kind) {
    case LETTER_REQUEST:
        server_on_request(self, CONTAINER_OF(letter, struct request, letter));
        break;
    case LETTER_CHANGE:
        server_on_change(self, CONTAINER_OF(letter, struct change, letter));
        break;
    case LETTER_PROBLEM:
        server_report(self, CONTAINER_OF(letter, struct problem, letter)->text,
                      NULL);
        free(letter);
        break;
    case LETTER_SPENT:
        output_release(CONTAINER_OF(letter, struct output, letter));
        break;
    case LETTER_STOPPED:
        server_join(self);
        server_check_stopped(self);
        break;
    default:
        Py_UNREACHABLE();
    }
}


/* The loop calls this when io_fd is readable. */
static PyObject *
server_wake(PyObject *op, PyObject *unused)
{
    (void)unused;
    struct server *self = (struct server *)op;
    size_t n = 0;
    io_awake(self->io);
    self->in_batch = true;
    do {
        struct letter *letter = io_take(self->io);
        while (letter != NULL) {
            struct letter *next = letter->next;
            server_on_letter(self, letter);
            letter = next;
            n++;
        }
        if (n >= BATCH) {
            io_again(self->io);
            break;
        }
    } while (io_sleep(self->io));
    self->in_batch = false;
    server_flush(self);
    if (self->interrupt != NULL) {
        PyObject *interrupt = self->interrupt;
        self->interrupt = NULL;
        PyErr_SetRaisedException(interrupt);
        return NULL;
    }
    Py_RETURN_NONE;
}


/* The rest of the type. */

static PyObject *
server_stats(PyObject *op, PyObject *unused)
{
    (void)unused;
    struct server *self = (struct server *)op;
    struct io *io = self->io;
    return Py_BuildValue(
        "{sKsKsnsKsKsKsK}", "connections",
        (unsigned long long)io_counter_get(io, IO_CONNECTIONS), "requests",
        (unsigned long long)io_counter_get(io, IO_REQUESTS), "in_flight",
        (Py_ssize_t)self->n_running, "fenced",
        (unsigned long long)io_counter_get(io, IO_FENCED), "changes",
        (unsigned long long)io_counter_get(io, IO_CHANGES), "wakeups",
        (unsigned long long)io_counter_get(io, IO_WAKEUPS), "direct",
        (unsigned long long)io_counter_get(io, IO_DIRECT));
}


static int
server_set_state(PyObject *op, PyObject *value, void *closure)
{
    (void)closure;
    struct server *self = (struct server *)op;
    if (value != NULL && value != Py_None && !PyDict_Check(value)) {
        PyErr_SetString(PyExc_TypeError, "state must be a dict or None");
        return -1;
    }
    Py_XSETREF(self->app_state, Py_XNewRef(value));
    return 0;
}


static PyObject *
server_get_state(PyObject *op, void *closure)
{
    (void)closure;
    struct server *self = (struct server *)op;
    return Py_NewRef(self->app_state != NULL ? self->app_state : Py_None);
}


static int
server_set_app(PyObject *op, PyObject *value, void *closure)
{
    (void)closure;
    struct server *self = (struct server *)op;
    if (value == NULL || !PyCallable_Check(value)) {
        PyErr_SetString(PyExc_TypeError, "app must be callable");
        return -1;
    }
    Py_XSETREF(self->app, Py_NewRef(value));
    return 0;
}


static PyObject *
server_get_app(PyObject *op, void *closure)
{
    (void)closure;
    return Py_NewRef(((struct server *)op)->app);
}


static int
server_traverse(PyObject *op, visitproc visit, void *arg)
{
    struct server *self = (struct server *)op;
    Py_VISIT(Py_TYPE(op));
    Py_VISIT(self->loop);
    Py_VISIT(self->app);
    Py_VISIT(self->app_state);
    Py_VISIT(self->on_change);
    Py_VISIT(self->access_log);
    Py_VISIT(self->on_error);
    Py_VISIT(self->on_blocked);
    Py_VISIT(self->proxy);
    Py_VISIT(self->interrupt);
    Py_VISIT(self->stopped);
    Py_VISIT(self->grace_timer);
    for (struct exchange *at = self->running; at != NULL; at = at->next) {
        Py_VISIT((PyObject *)at);
    }
    return 0;
}


static int
server_clear(PyObject *op)
{
    struct server *self = (struct server *)op;
    Py_CLEAR(self->app_state);
    Py_CLEAR(self->interrupt);
    Py_CLEAR(self->stopped);
    Py_CLEAR(self->grace_timer);
    cache_clear(&self->cache);
    return 0;
}


static void
server_dealloc(PyObject *op)
{
    struct server *self = (struct server *)op;
    PyTypeObject *type = Py_TYPE(op);
    PyObject_GC_UnTrack(op);
    if (self->phase == SERVER_RUNNING || self->phase == SERVER_STOPPING) {
        if (!io_is_here(self->io) || io_abort(self->io) == 0) {
            server_join(self);
        }
    }
    server_clear(op);
    Py_CLEAR(self->loop);
    Py_CLEAR(self->app);
    Py_CLEAR(self->on_change);
    Py_CLEAR(self->access_log);
    Py_CLEAR(self->on_error);
    Py_CLEAR(self->on_blocked);
    Py_CLEAR(self->root_path);
    Py_CLEAR(self->root_path_bytes);
    Py_CLEAR(self->headers);
    Py_CLEAR(self->proxy);
    Py_CLEAR(self->scope);
    Py_CLEAR(self->asgi);
    Py_CLEAR(self->extensions);
    Py_CLEAR(self->socket_scope);
    Py_CLEAR(self->socket_asgi);
    pathset_fini(&self->silent);
    if (self->io != NULL) {
        io_free(self->io);
    }
    type->tp_free(op);
    Py_DECREF(type);
}


static PyMethodDef server_methods[] = {
    {"start", server_start, METH_VARARGS,
     PyDoc_STR("Start the I/O thread and accept. Set `app` first.")},
    {"stop", server_stop, METH_VARARGS,
     PyDoc_STR("Stop accepting; awaitable until the last request ended.")},
    {"handed_over", server_handed_over, METH_NOARGS,
     PyDoc_STR("The connections that go on in another process.")},
    {"watch", (PyCFunction)(void (*)(void))server_watch,
     METH_VARARGS | METH_KEYWORDS,
     PyDoc_STR("The paths that matter from now on.")},
    {"release", server_release, METH_O,
     PyDoc_STR("A change was applied: lift the fence.")},
    {"abort", server_abort, METH_NOARGS,
     PyDoc_STR("Stop at once, without waiting for requests.")},
    {"restart_websockets", server_restart_websockets, METH_O,
     PyDoc_STR("Close with 1012 what `stale` says.")},
    {"stats", server_stats, METH_NOARGS, PyDoc_STR("Counters.")},
    {"_wake", server_wake, METH_NOARGS, NULL},
    {"_flush", server_flush_method, METH_NOARGS, NULL},
    {"_grace_over", server_grace_over, METH_NOARGS, NULL},
    {NULL},
};

static PyGetSetDef server_getset[] = {
    {"app", server_get_app, server_set_app,
     PyDoc_STR("The ASGI application that new requests go to."), NULL},
    {"state", server_get_state, server_set_state,
     PyDoc_STR("scope[\"state\"] of new requests is a copy of this."), NULL},
    {NULL},
};

static PyType_Slot server_slots[] = {
    {Py_tp_doc, "One I/O thread with its listeners."},
    {Py_tp_new, server_new},
    {Py_tp_dealloc, server_dealloc},
    {Py_tp_traverse, server_traverse},
    {Py_tp_clear, server_clear},
    {Py_tp_methods, server_methods},
    {Py_tp_getset, server_getset},
    {0, NULL},
};

PyType_Spec server_spec = {
    .name = "hmr_serve._asgi.Server",
    .basicsize = sizeof(struct server),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_IMMUTABLETYPE,
    .slots = server_slots,
};
