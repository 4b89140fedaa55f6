/* A WebSocket as the application sees it: the messages of receive() and send().
 * See exchange.h. GIL held throughout. */

#include "exchange.h"

#include "header_list.h"
#include "websocket.h" /* close codes */
#include "websocket_handshake.h"

#include <stdlib.h>


/* Hand a message to the I/O thread, which makes a frame of it. `owner` is the
 * immutable object that the data belongs to, or NULL. */
static int
frame_post(struct exchange *self, unsigned kind, PyObject *owner,
           const void *data, size_t size)
{
    bool refer = owner != NULL && size >= TAIL_LEAST;
    size_t space = FRAME_ROOM + (refer ? 0 : size);
    struct output *output = output_new(self->request, space);
    if (output == NULL) {
        PyErr_NoMemory();
        return -1;
    }
    if (refer) {
        output_refer(output, owner, data, size);
    }
    else {
        memcpy(output->data + FRAME_ROOM, data, size);
    }
    output->size = space;
    output->flags = kind;
    io_send(self->server->io, output);
    io_nudge(self->server->io);
    return 0;
}


static int
close_post(struct exchange *self, uint16_t code, const char *reason,
           size_t size)
{
    char payload[2 + CLOSE_REASON_LIMIT];
    memcpy(payload, &code, 2);
    memcpy(payload + 2, reason, size);
    self->socket = SOCKET_CLOSED;
    self->complete = true;
    return frame_post(self, OUTPUT_CLOSE_FRAME, NULL, payload, 2 + size);
}


/* Receiving. */

/* The oldest letter that was not received yet, or NULL. Ownership passes. */
static struct chunk *
chunk_next(struct exchange *self)
{
    if (self->messages == NULL) {
        self->messages = mailbox_take(&self->request->body);
    }
    struct letter *letter = self->messages;
    if (letter == NULL) {
        return NULL;
    }
    self->messages = letter->next;
    return CONTAINER_OF(letter, struct chunk, letter);
}


/* {"type": type, key: value}, stealing value, which may be NULL after an
 * exception. New reference. */
static PyObject *
message_new(struct exchange *self, PyObject *type, PyObject *key,
            PyObject *value)
{
    PyObject *message = value == NULL ? NULL : PyDict_New();
    if (message != NULL
        && (PyDict_SetItem(message, self->server->state->str.type, type) < 0
            || PyDict_SetItem(message, key, value) < 0)) {
        Py_CLEAR(message);
    }
    Py_XDECREF(value);
    return message;
}


static PyObject *
message_connect(struct exchange *self)
{
    struct module_state *state = self->server->state;
    PyObject *message = PyDict_New();
    if (message != NULL
        && PyDict_SetItem(message, state->str.type,
                          state->str.websocket_connect)
               < 0) {
        Py_CLEAR(message);
    }
    self->connect_given = message != NULL;
    return message;
}


static PyObject *
message_disconnect(struct exchange *self)
{
    struct module_state *state = self->server->state;
    int code = self->close_code != 0 ? self->close_code : CLOSE_ABNORMAL;
    PyObject *message = message_new(self, state->str.websocket_disconnect,
                                    state->str.code, PyLong_FromLong(code));
    PyObject *reason = self->close_reason != NULL
                           ? Py_NewRef(self->close_reason)
                           : PyUnicode_FromString("");
    if (message != NULL
        && (reason == NULL
            || PyDict_SetItem(message, state->str.reason, reason) < 0)) {
        Py_CLEAR(message);
    }
    Py_XDECREF(reason);
    return message;
}


/* The I/O thread's word on how it ended. */
static int
note_close(struct exchange *self, const struct chunk *chunk)
{
    uint16_t code;
    memcpy(&code, chunk->data, sizeof code);
    PyObject *reason = PyUnicode_DecodeUTF8(chunk->data + 2,
                                            (Py_ssize_t)chunk->size - 2, NULL);
    if (reason == NULL) {
        return -1;
    }
    self->close_code = code;
    Py_XSETREF(self->close_reason, reason);
    self->disconnected = true;
    if (chunk->letter.kind == LETTER_FAIL && self->socket == SOCKET_OPEN) {
        /* All that came before it is answered, as far as it ever will be. */
        return frame_post(self, OUTPUT_CLOSE_FRAME, NULL, chunk->data, 2);
    }
    return 0;
}


static PyObject *
message_from(struct exchange *self, const struct chunk *chunk)
{
    struct module_state *state = self->server->state;
    Py_ssize_t size = (Py_ssize_t)chunk->size;
    switch (chunk->letter.kind) {
    case LETTER_TEXT:
        return message_new(self, state->str.websocket_receive, state->str.text,
                           PyUnicode_DecodeUTF8(chunk->data, size, NULL));
    case LETTER_BINARY:
        return message_new(self, state->str.websocket_receive, state->str.bytes,
                           PyBytes_FromStringAndSize(chunk->data, size));
    default:
        return note_close(self, chunk) < 0 ? NULL : message_disconnect(self);
    }
}


int
socket_receive(struct exchange *self, PyObject **message)
{
    if (!self->connect_given) {
        *message = message_connect(self);
        return *message == NULL ? -1 : 0;
    }
    struct chunk *chunk = chunk_next(self);
    if (chunk != NULL) {
        *message = message_from(self, chunk);
        size_t cost = chunk->cost;
        free(chunk);
        if (exchange_took(self, cost) < 0) {
            Py_CLEAR(*message);
        }
    }
    else if (self->socket == SOCKET_CLOSED || self->disconnected || self->eof) {
        *message = message_disconnect(self);
    }
    else {
        return 1;
    }
    return *message == NULL ? -1 : 0;
}


/* Accepting. */

/* The client's answer to "subprotocol", then the application's headers, as one
 * list of pairs. New reference. */
static PyObject *
accept_headers(struct exchange *self, PyObject *message)
{
    struct module_state *state = self->server->state;
    PyObject *subprotocol =
        PyDict_GetItemWithError(message, state->str.subprotocol);
    PyObject *headers = PyDict_GetItemWithError(message, state->str.headers);
    if (PyErr_Occurred()) {
        return NULL;
    }
    PyObject *list = headers == NULL || headers == Py_None
                         ? PyList_New(0)
                         : PySequence_List(headers);
    if (list == NULL || subprotocol == NULL || subprotocol == Py_None) {
        return list;
    }
    PyObject *value = PyUnicode_AsLatin1String(subprotocol);
    PyObject *pair = value == NULL
                         ? NULL
                         : Py_BuildValue("yN", "sec-websocket-protocol", value);
    if (pair == NULL || PyList_Insert(list, 0, pair) < 0) {
        Py_CLEAR(list);
    }
    Py_XDECREF(pair);
    return list;
}


static int
socket_accept(struct exchange *self, PyObject *message)
{
    const struct websocket_offer *offer = self->request->offer;
    char lines[128 + DEFLATE_TERMS_SPACE];
    char terms[DEFLATE_TERMS_SPACE];
    int size = snprintf(lines, sizeof lines,
                        "upgrade: websocket\r\nconnection: Upgrade\r\n"
                        "sec-websocket-accept: %.*s\r\n",
                        (int)sizeof offer->accept, offer->accept);
    if (offer->deflate.agreed) {
        size_t length = deflate_terms_write(&offer->deflate, terms);
        size +=
            snprintf(lines + size, sizeof lines - (size_t)size,
                     "sec-websocket-extensions: %.*s\r\n", (int)length, terms);
    }
    PyObject *headers = accept_headers(self, message);
    if (headers == NULL) {
        return -1;
    }
    int status = response_upgrade(self, lines, (size_t)size, headers);
    Py_DECREF(headers);
    if (status == 0) {
        self->socket = SOCKET_OPEN;
    }
    return status;
}


/* Sending. */

static int
send_text(struct exchange *self, PyObject *text)
{
    Py_ssize_t size;
    if (!PyUnicode_Check(text)) {
        PyErr_Format(PyExc_TypeError,
                     "The text of websocket.send is a str, not %.80s.",
                     Py_TYPE(text)->tp_name);
        return -1;
    }
    const char *data = PyUnicode_AsUTF8AndSize(text, &size);
    if (data == NULL) {
        return -1;
    }
    PyObject *owner = PyUnicode_CheckExact(text) ? text : NULL;
    return frame_post(self, OUTPUT_TEXT, owner, data, (size_t)size);
}


static int
send_bytes(struct exchange *self, PyObject *bytes)
{
    Py_buffer view;
    if (PyObject_GetBuffer(bytes, &view, PyBUF_SIMPLE) < 0) {
        return -1;
    }
    PyObject *owner = PyBytes_CheckExact(bytes) ? bytes : NULL;
    int status =
        frame_post(self, OUTPUT_BINARY, owner, view.buf, (size_t)view.len);
    PyBuffer_Release(&view);
    return status;
}


static int
socket_send_data(struct exchange *self, PyObject *message)
{
    struct module_state *state = self->server->state;
    PyObject *bytes = PyDict_GetItemWithError(message, state->str.bytes);
    PyObject *text = PyDict_GetItemWithError(message, state->str.text);
    if (PyErr_Occurred()) {
        return -1;
    }
    if (bytes != NULL && bytes != Py_None) {
        return send_bytes(self, bytes);
    }
    if (text != NULL && text != Py_None) {
        return send_text(self, text);
    }
    PyErr_SetString(PyExc_ValueError,
                    "websocket.send needs 'bytes' or 'text', not None.");
    return -1;
}


int
socket_close(struct exchange *self, int code)
{
    self->close_code = code;
    return close_post(self, (uint16_t)code, "", 0);
}


int
socket_restart(struct exchange *self)
{
    if (socket_close(self, CLOSE_RESTART) < 0) {
        return -1;
    }
    self->complete = false; /* it was not the application */
    self->disconnected = true;
    return exchange_wake(self);
}


/* The application's websocket.close. */
static int
socket_send_close(struct exchange *self, PyObject *message)
{
    struct module_state *state = self->server->state;
    PyObject *number = PyDict_GetItemWithError(message, state->str.code);
    PyObject *reason = PyDict_GetItemWithError(message, state->str.reason);
    if (PyErr_Occurred()) {
        return -1;
    }
    int overflow = 0;
    long code = CLOSE_NORMAL;
    if (number != NULL && number != Py_None) {
        code = PyLong_AsLongAndOverflow(number, &overflow);
        if (code == -1 && PyErr_Occurred()) {
            return -1;
        }
    }
    if (overflow != 0 || code < 0
        || (code != CLOSE_NO_CODE
            && !websocket_code_is_valid((unsigned)code))) {
        PyErr_Format(PyExc_ValueError,
                     "%R is no code that a WebSocket can be closed with.",
                     number);
        return -1;
    }
    Py_ssize_t size = 0;
    const char *text = "";
    if (reason != NULL && reason != Py_None) {
        text = PyUnicode_AsUTF8AndSize(reason, &size);
        if (text == NULL) {
            return -1;
        }
        if (size > CLOSE_REASON_LIMIT) {
            PyErr_Format(PyExc_ValueError,
                         "The reason of a websocket.close has up to %d bytes, "
                         "not %zd.",
                         CLOSE_REASON_LIMIT, size);
            return -1;
        }
        Py_XSETREF(self->close_reason, Py_NewRef(reason));
    }
    self->close_code = (int)code;
    return close_post(self, (uint16_t)code, text, (size_t)size);
}


static bool
type_is(PyObject *type, const char *text)
{
    return PyUnicode_CompareWithASCIIString(type, text) == 0;
}


static int
send_unexpected(const char *expected, PyObject *type)
{
    PyErr_Format(PyExc_RuntimeError, "Expected ASGI message %s, but got '%U'.",
                 expected, type);
    return -1;
}


static int
send_connecting(struct exchange *self, PyObject *type, PyObject *message)
{
    if (type_is(type, "websocket.accept")) {
        return socket_accept(self, message);
    }
    self->keep_alive = false;
    if (type_is(type, "websocket.close")) {
        self->socket = SOCKET_CLOSED;
        return response_plain(self, 403);
    }
    if (type_is(type, "websocket.http.response.start")) {
        if (response_start(self, message) < 0) {
            return -1;
        }
        self->socket = SOCKET_REJECTING;
        return 0;
    }
    return send_unexpected("'websocket.accept', 'websocket.close' or "
                           "'websocket.http.response.start'",
                           type);
}


static int
send_open(struct exchange *self, PyObject *type, PyObject *message)
{
    if (type_is(type, "websocket.send")) {
        return socket_send_data(self, message);
    }
    if (type_is(type, "websocket.close")) {
        return socket_send_close(self, message);
    }
    return send_unexpected("'websocket.send' or 'websocket.close'", type);
}


static int
send_rejecting(struct exchange *self, PyObject *type, PyObject *message)
{
    if (!type_is(type, "websocket.http.response.body")) {
        return send_unexpected("'websocket.http.response.body'", type);
    }
    int status = response_body(self, message);
    if (self->complete) {
        self->socket = SOCKET_CLOSED;
    }
    return status;
}


int
socket_send(struct exchange *self, PyObject *type, PyObject *message)
{
    struct module_state *state = self->server->state;
    if (self->disconnected && !self->complete) {
        if (type_is(type, "websocket.close")) {
            return 0; /* it is closed */
        }
        PyErr_SetString(state->client_disconnected,
                        "The client has closed the WebSocket.");
        return -1;
    }
    switch (self->socket) {
    case SOCKET_CONNECTING:
        return send_connecting(self, type, message);
    case SOCKET_OPEN:
        return send_open(self, type, message);
    case SOCKET_REJECTING:
        return send_rejecting(self, type, message);
    default:
        PyErr_Format(PyExc_RuntimeError,
                     "Unexpected ASGI message '%U', after sending "
                     "'websocket.close' or response already completed.",
                     type);
        return -1;
    }
}


void
socket_fini(struct exchange *self)
{
    while (self->messages != NULL) {
        struct letter *letter = self->messages;
        self->messages = letter->next;
        free(CONTAINER_OF(letter, struct chunk, letter));
    }
}


/* The scope's "subprotocols": new reference. */
PyObject *
socket_subprotocols(const struct request *request)
{
    PyObject *list = PyList_New(0);
    uint32_t at = 0;
    struct text value, element;
    while (list != NULL
           && header_next(request, "sec-websocket-protocol", &at, &value)) {
        while (list != NULL && list_next(&value, ',', &element)) {
            PyObject *name = PyUnicode_DecodeLatin1(
                element.data, (Py_ssize_t)element.size, NULL);
            if (name == NULL || PyList_Append(list, name) < 0) {
                Py_CLEAR(list);
            }
            Py_XDECREF(name);
        }
    }
    return list;
}
