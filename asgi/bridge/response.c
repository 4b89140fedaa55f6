/* The bytes of a response: status line, headers, framing, body. GIL held.
 *
 * The head is kept until the first piece of body comes, so that both leave in
 * one system call and a body that comes whole gets a content-length. If none
 * comes in the same turn of the loop, the head goes alone.
 */

#include "response_parts.h"
#include "field.h"
#include "status.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>


enum {
    HEAD_SPACE = 1024,   /* an ordinary head and a short body */
    FRAMING_SPACE = 256, /* what response_finish_head adds at most */
};


/* Output under construction. */

int
output_reserve(struct exchange *self, size_t more)
{
    struct output *output = self->output;
    if (output == NULL) {
        output =
            output_new(self->request, more > HEAD_SPACE ? more : HEAD_SPACE);
    }
    else if (output->size + more > output->space) {
        size_t space = output->size + more + HEAD_SPACE;
        output = realloc(output, sizeof *output + space);
        if (output != NULL) {
            output->space = space;
        }
    }
    else {
        return 0;
    }
    if (output == NULL) {
        PyErr_NoMemory();
        return -1;
    }
    self->output = output;
    return 0;
}


/* Append to output that has the space. */
void
output_put(struct output *output, const char *data, size_t size)
{
    memcpy(output->data + output->size, data, size);
    output->size += size;
}


static void
object_release(void *object)
{
    Py_DECREF((PyObject *)object);
}


void
output_refer(struct output *output, PyObject *owner, const char *data,
             size_t size)
{
    output->tail = data;
    output->tail_size = size;
    output->tail_owner = Py_NewRef(owner);
    output->tail_release = object_release;
}


void
output_drop(struct exchange *self)
{
    if (self->output != NULL) {
        request_unref(self->output->request);
        free(self->output);
        self->output = NULL;
    }
}


/* Hand the output to the I/O thread. */
void
output_post(struct exchange *self, unsigned flags)
{
    struct server *server = self->server;
    struct output *output = self->output;
    self->output = NULL;
    output->flags = flags;
    io_send(server->io, output);
    io_nudge(server->io);
}


/* Fields that mean something to us. 1: it is not sent on; -1: an exception. */

static int
note_length(struct exchange *self, const char *value, size_t size)
{
    int64_t length = field_length(value, size);
    if (length < 0 || self->has_length) {
        PyErr_Format(PyExc_RuntimeError, "%s Content-Length in the response.",
                     length < 0 ? "Invalid" : "More than one");
        return -1;
    }
    self->remaining = length;
    self->has_length = true;
    return self->status == 204; /* RFC 9110 section 8.6 */
}


/* The transfer coding is the server's; the application may ask for chunks. */
static int
note_coding(struct exchange *self, const char *value, size_t size)
{
    if (!field_equal(value, size, "chunked")) {
        PyErr_SetString(PyExc_RuntimeError,
                        "Invalid Transfer-Encoding in the response: it can "
                        "only be chunked.");
        return -1;
    }
    self->chunked = true;
    return 1;
}


/* Fields that decide how a message is read do not belong behind it: RFC 9110
 * section 6.5.1. */
static int
note_trailer(const char *name, size_t size)
{
    static const char *const FORBIDDEN[] = {
        "content-length",   "transfer-encoding", "trailer",
        "content-encoding", "content-type",      "connection",
    };
    for (size_t i = 0; i < sizeof FORBIDDEN / sizeof *FORBIDDEN; i++) {
        if (field_equal(name, size, FORBIDDEN[i])) {
            PyErr_Format(PyExc_RuntimeError, "%s cannot be a trailer.",
                         FORBIDDEN[i]);
            return -1;
        }
    }
    return 0;
}


static int
header_note(struct exchange *self, const char *name, size_t name_size,
            const char *value, size_t size)
{
    if (self->body_done) {
        return note_trailer(name, name_size);
    }
#define IS(text) \
    (name_size == sizeof text - 1 && memcmp(name, text, sizeof text - 1) == 0)
    if (IS("content-length")) {
        return note_length(self, value, size);
    }
    if (IS("transfer-encoding")) {
        return note_coding(self, value, size);
    }
    if (IS("connection") && field_equal(value, size, "keep-alive")) {
        return 1; /* whether it stays is the server's to say */
    }
    if (IS("connection") && field_has_token(value, size, "close")) {
        self->keep_alive = false;
        self->has_close = true;
    }
    else if (IS("date")) {
        self->has_date = true;
    }
    else if (IS("server")) {
        self->has_server = true;
    }
    return 0;
#undef IS
}


static int
header_put(struct exchange *self, PyObject *name, PyObject *value)
{
    if (!PyBytes_Check(name) || !PyBytes_Check(value)) {
        PyErr_Format(PyExc_TypeError,
                     "Response headers are pairs of bytes, not (%.80s, "
                     "%.80s).",
                     Py_TYPE(name)->tp_name, Py_TYPE(value)->tp_name);
        return -1;
    }
    size_t name_size = (size_t)PyBytes_GET_SIZE(name);
    size_t size = (size_t)PyBytes_GET_SIZE(value);
    if (output_reserve(self, name_size + size + 4) < 0) {
        return -1;
    }
    struct output *output = self->output;
    char *at = output->data + output->size;
    const char *source = PyBytes_AS_STRING(name);
    for (size_t i = 0; i < name_size; i++) {
        char c = source[i];
        at[i] = (char)(c >= 'A' && c <= 'Z' ? c | 0x20 : c);
    }
    if (name_size == 0 || field_span(at, name_size, CHAR_TOKEN) < name_size) {
        PyErr_Format(PyExc_RuntimeError, "Invalid HTTP header name: %R.", name);
        return -1;
    }
    const char *text = PyBytes_AS_STRING(value);
    if (field_span(text, size, CHAR_VALUE) < size) {
        PyErr_Format(PyExc_RuntimeError, "Invalid HTTP header value: %R: %R.",
                     name, value);
        return -1;
    }
    int note = header_note(self, at, name_size, text, size);
    if (note != 0) {
        return note < 0 ? -1 : 0;
    }
    output->size += name_size;
    OUTPUT_PUT_TEXT(output, ": ");
    output_put(output, text, size);
    OUTPUT_PUT_TEXT(output, "\r\n");
    return 0;
}


int
headers_put(struct exchange *self, PyObject *headers)
{
    PyObject *list = PySequence_Fast(headers, "headers must be iterable");
    int status = list == NULL ? -1 : 0;
    for (Py_ssize_t i = 0; status == 0 && i < PySequence_Fast_GET_SIZE(list);
         i++) {
        PyObject *pair = PySequence_Fast(PySequence_Fast_GET_ITEM(list, i),
                                         "a header must be a pair");
        if (pair == NULL) {
            status = -1;
        }
        else if (PySequence_Fast_GET_SIZE(pair) != 2) {
            PyErr_SetString(PyExc_TypeError, "a header must be a pair");
            status = -1;
        }
        else {
            status = header_put(self, PySequence_Fast_GET_ITEM(pair, 0),
                                PySequence_Fast_GET_ITEM(pair, 1));
        }
        Py_XDECREF(pair);
    }
    Py_XDECREF(list);
    return status;
}


/* The head. */

static bool
status_has_no_body(int status)
{
    return status == 204 || status == 304;
}


int
status_put(struct exchange *self, int status)
{
    if (output_reserve(self, 128) < 0) {
        return -1;
    }
    struct output *output = self->output;
    if (status == 200) {
        OUTPUT_PUT_TEXT(output, "HTTP/1.1 200 OK\r\n");
        return 0;
    }
    output->size +=
        (size_t)snprintf(output->data + output->size, 128, "HTTP/1.1 %d %s\r\n",
                         status, status_phrase(status));
    return 0;
}


void
response_reset(struct exchange *self)
{
    output_drop(self);
    self->has_length = self->has_date = self->has_server = false;
    self->chunked = self->has_close = self->wants_trailers = false;
    self->remaining = 0;
}


static int
message_status(struct exchange *self, PyObject *message)
{
    PyObject *value =
        PyDict_GetItemWithError(message, self->server->state->str.status);
    if (value == NULL) {
        if (!PyErr_Occurred()) {
            PyErr_SetString(PyExc_KeyError, "status");
        }
        return -1;
    }
    long status = PyLong_AsLong(value);
    if (status == -1 && PyErr_Occurred()) {
        return -1;
    }
    if (status < 200 || status > 999) {
        PyErr_Format(PyExc_ValueError,
                     "%ld is no HTTP status that ends a request.", status);
        return -1;
    }
    return (int)status;
}


int
response_start(struct exchange *self, PyObject *message)
{
    struct module_state *state = self->server->state;
    int status = message_status(self, message);
    if (status < 0) {
        return -1;
    }
    PyObject *headers = PyDict_GetItemWithError(message, state->str.headers);
    if (headers == NULL && PyErr_Occurred()) {
        return -1;
    }
    PyObject *trailers = PyDict_GetItemWithError(message, state->str.trailers);
    int wants_trailers = trailers == NULL ? 0 : PyObject_IsTrue(trailers);
    if (PyErr_Occurred()) {
        return -1;
    }
    response_reset(self);
    self->wants_trailers = wants_trailers > 0;
    self->status = status;
    if (status_put(self, status) < 0
        || (headers != NULL && headers_put(self, headers) < 0)) {
        response_reset(self);
        return -1;
    }
    self->started = true;
    self->no_body = self->no_body || status_has_no_body(status);
    if (self->must_continue) {
        self->must_continue = false;
        self->keep_alive = false; /* will the body come or not? */
    }
    if (!self->eager && !self->head_queued) {
        self->head_queued = true;
        self->head_next = self->server->heads;
        self->server->heads = (struct exchange *)Py_NewRef((PyObject *)self);
        return server_schedule_flush(self->server);
    }
    return 0;
}


static void
date_put(struct server *server, struct output *output)
{
    time_t now = time(NULL);
    if (now != server->date_second) {
        struct tm tm;
        gmtime_r(&now, &tm);
        static const char DAYS[] = "SunMonTueWedThuFriSat";
        static const char MONTHS[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
        snprintf(server->date, sizeof server->date,
                 "date: %.3s, %02d %.3s %04d %02d:%02d:%02d GMT\r\n",
                 DAYS + 3 * tm.tm_wday, tm.tm_mday, MONTHS + 3 * tm.tm_mon,
                 (tm.tm_year + 1900) % 10000, tm.tm_hour, tm.tm_min, tm.tm_sec);
        server->date_second = now;
    }
    output_put(output, server->date, strlen(server->date));
}


static void
length_put(struct output *output, size_t size)
{
    char digits[24];
    char *at = digits + sizeof digits;
    do {
        *--at = (char)('0' + size % 10);
        size /= 10;
    } while (size > 0);
    OUTPUT_PUT_TEXT(output, "content-length: ");
    output_put(output, at, (size_t)(digits + sizeof digits - at));
    OUTPUT_PUT_TEXT(output, "\r\n");
}


/* Decide how the body's end is marked, now that we know whether more comes. */
static void
framing_put(struct exchange *self, size_t size, bool more)
{
    struct output *output = self->output;
    bool may_chunk =
        (self->chunked || self->wants_trailers) && self->request->minor > 0;
    self->chunked = false;
    if (self->has_length || status_has_no_body(self->status)) {
        return;
    }
    if (may_chunk) {
        OUTPUT_PUT_TEXT(output, "transfer-encoding: chunked\r\n");
        self->chunked = true;
    }
    else if (!more) {
        length_put(output, size);
        self->has_length = true;
        self->remaining = (long long)size;
    }
    else if (self->no_body) {
        return; /* HEAD, and we cannot know */
    }
    else if (self->request->minor > 0) {
        OUTPUT_PUT_TEXT(output, "transfer-encoding: chunked\r\n");
        self->chunked = true;
    }
    else {
        self->keep_alive = false; /* HTTP/1.0: the end is the end */
    }
}


int
response_finish_head(struct exchange *self, size_t size, size_t copied,
                     bool more)
{
    struct server *server = self->server;
    size_t extra = (size_t)PyBytes_GET_SIZE(server->headers);
    if (output_reserve(self, FRAMING_SPACE + CHUNK_SPACE + extra + copied)
        < 0) {
        return -1;
    }
    struct output *output = self->output;
    if (server->date_header && !self->has_date) {
        date_put(server, output);
    }
    if (server->server_header && !self->has_server) {
        OUTPUT_PUT_TEXT(output, "server: hmr-serve\r\n");
    }
    output_put(output, PyBytes_AS_STRING(server->headers), extra);
    framing_put(self, size, more);
    if (server->phase != SERVER_RUNNING && !server->handing_over) {
        self->keep_alive = false;
    }
    if (!self->keep_alive && !self->has_close) {
        OUTPUT_PUT_TEXT(output, "connection: close\r\n");
    }
    else if (self->keep_alive && self->request->minor == 0) {
        OUTPUT_PUT_TEXT(output, "connection: keep-alive\r\n");
    }
    OUTPUT_PUT_TEXT(output, "\r\n");
    self->head_sent = true;
    return 0;
}


int
response_flush_head(struct exchange *self)
{
    if (!self->started || self->head_sent || self->disconnected) {
        return 0;
    }
    if (response_finish_head(self, 0, 0, true) < 0) {
        return -1;
    }
    output_post(self, 0);
    return 0;
}


int
response_upgrade(struct exchange *self, const char *lines, size_t size,
                 PyObject *headers)
{
    struct server *server = self->server;
    size_t extra = (size_t)PyBytes_GET_SIZE(server->headers);
    response_reset(self);
    if (status_put(self, 101) < 0 || output_reserve(self, size) < 0) {
        return -1;
    }
    output_put(self->output, lines, size);
    if (headers_put(self, headers) < 0
        || output_reserve(self, FRAMING_SPACE + extra) < 0) {
        response_reset(self);
        return -1;
    }
    if (server->date_header && !self->has_date) {
        date_put(server, self->output);
    }
    if (server->server_header && !self->has_server) {
        OUTPUT_PUT_TEXT(self->output, "server: hmr-serve\r\n");
    }
    output_put(self->output, PyBytes_AS_STRING(server->headers), extra);
    OUTPUT_PUT_TEXT(self->output, "\r\n");
    self->started = self->head_sent = true;
    self->must_continue = false;
    self->status = 101;
    output_post(self, OUTPUT_UPGRADE);
    response_log(self);
    return 0;
}
