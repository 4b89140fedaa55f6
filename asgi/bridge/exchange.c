/* See exchange.h. */

#include "exchange.h"

#include <stdlib.h>

enum {
    PIECE_SIZE = 65536, /* of a body, in one message */
};


struct exchange *
exchange_new(struct server *server, struct request *request)
{
    struct exchange *self =
        PyObject_GC_New(struct exchange, server->state->exchange_type);
    if (self == NULL) {
        request_unref(request);
        return NULL;
    }
    size_t from = offsetof(struct exchange, server);
    memset((char *)self + from, 0, sizeof *self - from);
    self->server = (struct server *)Py_NewRef((PyObject *)server);
    self->request = request;
    request->owner = self;
    self->keep_alive = request->keep_alive;
    self->must_continue = request->expect_continue;
    self->no_body = strcmp(request->method, "HEAD") == 0;
    self->socket = request->offer != NULL ? SOCKET_CONNECTING : SOCKET_NONE;
    PyObject_GC_Track((PyObject *)self);
    return self;
}


/* Receiving. */

int
exchange_took(struct exchange *self, size_t cost)
{
    struct request *request = self->request;
    size_t before = atomic_fetch_sub(&request->body_unread, cost);
    if (before - cost <= BODY_LOW_WATER && atomic_load(&request->body_paused)
        && atomic_exchange(&request->body_paused, false)
        && io_resume(self->server->io, request) < 0) {
        PyErr_NoMemory();
        return -1;
    }
    return 0;
}


/* Bytes of the chunks at the front that make one message: those that fit into
 * PIECE_SIZE, or a single larger one. *behind is what comes after them. */
static size_t
body_front(struct letter *first, struct letter **behind)
{
    size_t size = 0;
    struct letter *at = first;
    while (at != NULL) {
        size_t more = CONTAINER_OF(at, struct chunk, letter)->size;
        if (at != first && size + more > PIECE_SIZE) {
            break;
        }
        size += more;
        at = at->next;
    }
    *behind = at;
    return size;
}


/* Chunks that have come, as one bytes object: a large one would be memory that
 * the allocator maps, and gives back, each time. */
static PyObject *
body_take(struct exchange *self)
{
    if (self->messages == NULL) {
        self->messages = mailbox_take(&self->request->body);
    }
    struct letter *behind;
    size_t size = body_front(self->messages, &behind);
    PyObject *body = PyBytes_FromStringAndSize(NULL, (Py_ssize_t)size);
    char *end = body == NULL ? NULL : PyBytes_AS_STRING(body);
    while (self->messages != behind) {
        struct chunk *chunk =
            CONTAINER_OF(self->messages, struct chunk, letter);
        self->messages = chunk->letter.next;
        if (end != NULL) {
            memcpy(end, chunk->data, chunk->size);
            end += chunk->size;
        }
        free(chunk);
    }
    if (exchange_took(self, size) < 0) {
        Py_CLEAR(body);
    }
    return body;
}


/* `last`: all chunks of the body have come. */
static PyObject *
message_request(struct exchange *self, bool last)
{
    struct module_state *state = self->server->state;
    PyObject *body = body_take(self);
    bool more = !last || self->messages != NULL
                || !mailbox_is_empty(&self->request->body);
    self->body_taken = !more;
    PyObject *message = body == NULL ? NULL : PyDict_New();
    if (message != NULL
        && (PyDict_SetItem(message, state->str.type, state->str.http_request)
                < 0
            || PyDict_SetItem(message, state->str.body, body) < 0
            || PyDict_SetItem(message, state->str.more_body,
                              more ? Py_True : Py_False)
                   < 0)) {
        Py_CLEAR(message);
    }
    Py_XDECREF(body);
    return message;
}


static PyObject *
message_disconnect(struct exchange *self)
{
    struct module_state *state = self->server->state;
    PyObject *message = PyDict_New();
    if (message != NULL
        && PyDict_SetItem(message, state->str.type, state->str.http_disconnect)
               < 0) {
        Py_CLEAR(message);
    }
    return message;
}


int
exchange_receive(struct exchange *self, PyObject **message)
{
    struct request *request = self->request;
    if (self->socket != SOCKET_NONE) {
        return socket_receive(self, message);
    }
    if (self->must_continue && response_continue(self) < 0) {
        return -1;
    }
    /* Complete first: chunks are in before the flag is set. */
    bool last = atomic_load(&request->body_complete);
    bool gone = self->disconnected || self->complete;
    if (!self->body_taken && !self->complete
        && (last || (!gone && atomic_load(&request->body_unread) > 0))) {
        *message = message_request(self, last);
    }
    else if (gone || self->eof) {
        self->end_heard = !self->complete;
        *message = message_disconnect(self);
    }
    else {
        return 1;
    }
    return *message == NULL ? -1 : 0;
}


bool
exchange_is_choked(struct exchange *self)
{
    struct request *request = self->request;
    size_t high = self->socket == SOCKET_NONE ? (size_t)OUTPUT_HIGH_WATER
                                              : (size_t)SOCKET_HIGH_WATER;
    if (self->disconnected || self->complete
        || atomic_load(&request->unwritten) <= high) {
        return false;
    }
    atomic_store(&request->wants_drain, true);
    if (atomic_load(&request->unwritten) <= OUTPUT_LOW_WATER
        && atomic_exchange(&request->wants_drain, false)) {
        return false; /* it drained just now */
    }
    return true;
}


/* Waiting. */

PyObject *
exchange_add_waiter(struct exchange *self, enum wait_for what)
{
    PyObject **list = what == WAIT_MESSAGE ? &self->receivers : &self->senders;
    if (*list == NULL && (*list = PyList_New(0)) == NULL) {
        return NULL;
    }
    PyObject *future = PyObject_CallMethodNoArgs(
        self->server->loop, self->server->state->str.create_future);
    if (future != NULL && PyList_Append(*list, future) < 0) {
        Py_CLEAR(future);
    }
    return future;
}


static int
future_wake(struct module_state *state, PyObject *future)
{
    PyObject *done = PyObject_CallMethodNoArgs(future, state->str.done);
    if (done == NULL) {
        return -1;
    }
    Py_DECREF(done);
    if (done == Py_True) {
        return 0; /* cancelled meanwhile */
    }
    PyObject *result =
        PyObject_CallMethodOneArg(future, state->str.set_result, Py_None);
    Py_XDECREF(result);
    return result == NULL ? -1 : 0;
}


static int
waiters_wake(struct exchange *self, PyObject **list)
{
    PyObject *waiters = *list;
    *list = NULL;
    int status = 0;
    for (Py_ssize_t i = 0; waiters != NULL && i < PyList_GET_SIZE(waiters);
         i++) {
        PyObject *future = PyList_GET_ITEM(waiters, i);
        if (future_wake(self->server->state, future) < 0) {
            status = -1;
        }
    }
    Py_XDECREF(waiters);
    return status;
}


int
exchange_wake(struct exchange *self)
{
    int status = waiters_wake(self, &self->receivers);
    return waiters_wake(self, &self->senders) < 0 ? -1 : status;
}


int
exchange_tell(struct exchange *self, unsigned events)
{
    if (events & EVENT_DISCONNECT) {
        self->disconnected = true;
    }
    if (events & EVENT_EOF) {
        self->eof = true;
    }
    int status = 0;
    if (events & (EVENT_BODY | EVENT_EOF | EVENT_DISCONNECT)) {
        status = waiters_wake(self, &self->receivers);
    }
    if (events & (EVENT_DRAINED | EVENT_DISCONNECT)
        && waiters_wake(self, &self->senders) < 0) {
        status = -1;
    }
    return status;
}


/* Sending. */

static int
message_is(PyObject *type, const char *text, Py_ssize_t size)
{
    return PyUnicode_IS_ASCII(type) && PyUnicode_GET_LENGTH(type) == size
           && memcmp(PyUnicode_1BYTE_DATA(type), text, (size_t)size) == 0;
}


static int
send_refuse(struct exchange *self, PyObject *type)
{
    if (self->complete) {
        PyErr_Format(PyExc_RuntimeError,
                     "Unexpected ASGI message '%U' sent, after response "
                     "already completed.",
                     type);
    }
    else {
        PyErr_Format(PyExc_RuntimeError,
                     "Expected ASGI message 'http.response.%s', but got "
                     "'%U'.",
                     self->body_done ? "trailers"
                     : self->started ? "body"
                                     : "start",
                     type);
    }
    return -1;
}


static int
send_message(struct exchange *self, PyObject *message)
{
    struct module_state *state = self->server->state;
    PyObject *type = PyDict_GetItemWithError(message, state->str.type);
    if (type == NULL || !PyUnicode_Check(type)) {
        if (!PyErr_Occurred()) {
            PyErr_SetString(PyExc_ValueError,
                            "An ASGI message needs a 'type' that is a str.");
        }
        return -1;
    }
    if (self->socket != SOCKET_NONE) {
        int status = socket_send(self, type, message);
        return status == 0 && self->complete
                   ? waiters_wake(self, &self->receivers)
                   : status;
    }
    if (self->disconnected && !self->complete) {
        return 0; /* nobody is left to hear it */
    }
    if (!self->started && message_is(type, "http.response.start", 19)) {
        return response_start(self, message);
    }
    if (!self->complete && message_is(type, "http.response.debug", 19)) {
        return 0; /* for test clients; the server may ignore it */
    }
    int (*act)(struct exchange *, PyObject *) = NULL;
    if (self->body_done && message_is(type, "http.response.trailers", 22)) {
        act = response_trailers;
    }
    else if (!self->body_done && message_is(type, "http.response.body", 18)) {
        act = response_body;
    }
    else if (!self->body_done
             && message_is(type, "http.response.pathsend", 22)) {
        act = response_file;
    }
    if (!self->started || self->complete || act == NULL) {
        return send_refuse(self, type);
    }
    if (act(self, message) < 0) {
        return -1;
    }
    return self->complete ? waiters_wake(self, &self->receivers) : 0;
}


static PyObject *
exchange_send(PyObject *op, PyObject *message)
{
    struct exchange *self = (struct exchange *)op;
    int status;
    if (PyDict_Check(message)) {
        status = send_message(self, message);
    }
    else {
        PyObject *dict = PyDict_New();
        if (dict == NULL || PyDict_Update(dict, message) < 0) {
            Py_XDECREF(dict);
            return NULL;
        }
        status = send_message(self, dict);
        Py_DECREF(dict);
    }
    if (status < 0) {
        return NULL;
    }
    if (exchange_is_choked(self)) {
        return wait_new(self, WAIT_DRAIN);
    }
    return Py_NewRef(self->server->state->done);
}


static PyObject *
exchange_receive_method(PyObject *op, PyObject *unused)
{
    (void)unused;
    return wait_new((struct exchange *)op, WAIT_MESSAGE);
}


static PyMethodDef receive_def = {"receive", exchange_receive_method,
                                  METH_NOARGS, NULL};
static PyMethodDef send_def = {"send", exchange_send, METH_O, NULL};


PyObject *
exchange_receiver(struct exchange *self)
{
    return PyCFunction_New(&receive_def, (PyObject *)self);
}


PyObject *
exchange_sender(struct exchange *self)
{
    return PyCFunction_New(&send_def, (PyObject *)self);
}


/* The type. */

static int
exchange_traverse(PyObject *op, visitproc visit, void *arg)
{
    struct exchange *self = (struct exchange *)op;
    Py_VISIT(Py_TYPE(op));
    Py_VISIT((PyObject *)self->server);
    Py_VISIT(self->task);
    Py_VISIT(self->receivers);
    Py_VISIT(self->senders);
    Py_VISIT(self->close_reason);
    Py_VISIT(self->client);
    return 0;
}


static int
exchange_clear(PyObject *op)
{
    struct exchange *self = (struct exchange *)op;
    Py_CLEAR(self->task);
    Py_CLEAR(self->receivers);
    Py_CLEAR(self->senders);
    Py_CLEAR(self->close_reason);
    Py_CLEAR(self->client);
    return 0;
}


static void
exchange_dealloc(PyObject *op)
{
    struct exchange *self = (struct exchange *)op;
    PyTypeObject *type = Py_TYPE(op);
    PyObject_GC_UnTrack(op);
    exchange_clear(op);
    if (self->output != NULL) {
        request_unref(self->request);
        free(self->output);
    }
    socket_fini(self);
    self->request->owner = NULL;
    request_unref(self->request);
    Py_XDECREF((PyObject *)self->server);
    type->tp_free(op);
    Py_DECREF(type);
}


static PyType_Slot exchange_slots[] = {
    {Py_tp_dealloc, exchange_dealloc},
    {Py_tp_traverse, exchange_traverse},
    {Py_tp_clear, exchange_clear},
    {0, NULL},
};

PyType_Spec exchange_spec = {
    .name = "hmr_serve._asgi.Exchange",
    .basicsize = sizeof(struct exchange),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC
             | Py_TPFLAGS_DISALLOW_INSTANTIATION | Py_TPFLAGS_IMMUTABLETYPE,
    .slots = exchange_slots,
};
