/* The body of a response: pieces, trailers, a file; answers of our own. GIL
 * held. */

#include "field.h"
#include "response_parts.h"
#include "status.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>
#include <uv.h> /* uv_hrtime */

enum {
    FILE_PIECE = 65536, /* bytes of a file in memory */
};


/* Part of a body. */
struct piece {
    const char *data;
    size_t size;
    PyObject
        *owner; /* immutable, what the data belongs to; or NULL. Borrowed. */
};


static bool
piece_is_referred(const struct piece *piece)
{
    return piece->owner != NULL && piece->size >= TAIL_LEAST;
}


/* The body. */

static int
body_check(struct exchange *self, size_t size, bool more)
{
    if (!self->has_length || self->no_body) {
        return 0;
    }
    if ((long long)size > self->remaining) {
        PyErr_SetString(PyExc_RuntimeError,
                        "Response content longer than Content-Length");
        return -1;
    }
    if (!more && (long long)size < self->remaining) {
        PyErr_SetString(PyExc_RuntimeError,
                        "Response content shorter than Content-Length");
        return -1;
    }
    self->remaining -= (long long)size;
    return 0;
}


/* A piece of body goes into self->output, which has the room; a large one that
 * has an owner is only referred to. 0, or -1 with an exception. */
static int
body_put(struct exchange *self, const struct piece *piece, bool more)
{
    size_t size = piece->size;
    struct output *output = self->output;
    if (self->no_body) {
        return 0;
    }
    if (self->chunked && size > 0) {
        output->size += (size_t)snprintf(output->data + output->size,
                                         CHUNK_SPACE, "%zx\r\n", size);
    }
    if (!piece_is_referred(piece)) {
        output_put(output, piece->data, size);
    }
    else {
        output_refer(output, piece->owner, piece->data, size);
        if (self->chunked) { /* its end goes into an output of its own */
            output_post(self, 0);
            if (output_reserve(self, CHUNK_SPACE) < 0) {
                return -1;
            }
            output = self->output;
        }
    }
    if (self->chunked && size > 0) {
        OUTPUT_PUT_TEXT(output, "\r\n");
    }
    if (self->chunked && !more) {
        OUTPUT_PUT_TEXT(output, "0\r\n");
        if (!self->wants_trailers) {
            OUTPUT_PUT_TEXT(output, "\r\n");
        }
    }
    return 0;
}


void
response_log(struct exchange *self)
{
    struct server *server = self->server;
    struct request *request = self->request;
    if (server->access_log == Py_None) {
        return;
    }
    double seconds = (double)(uv_hrtime() - request->arrived) / 1e9;
    const char *method =
        self->socket == SOCKET_NONE ? request->method : "WebSocket";
    PyObject *client = scope_client_text(request, self->client);
    PyObject *target =
        PyUnicode_DecodeLatin1(request->text, request->target_size, NULL);
    PyObject *result = NULL;
    if (client != NULL && target != NULL) {
        result = PyObject_CallFunction(
            server->access_log, "OsOsid", client, method, target,
            request->minor > 0 ? "1.1" : "1.0", self->status, seconds);
    }
    if (result == NULL) {
        PyErr_WriteUnraisable(server->access_log);
    }
    Py_XDECREF(client);
    Py_XDECREF(target);
    Py_XDECREF(result);
}


/* What is in self->output ends the response. */
static void
response_complete(struct exchange *self)
{
    self->complete = true;
    output_post(self,
                self->keep_alive ? OUTPUT_END : OUTPUT_END | OUTPUT_CLOSE);
    response_log(self);
}


static int
body_send(struct exchange *self, const struct piece *piece, bool more)
{
    size_t size = piece->size;
    size_t copied = piece_is_referred(piece) ? 0 : size;
    if (body_check(self, size, more) < 0) {
        return -1;
    }
    if (!self->head_sent) {
        if (response_finish_head(self, size, copied, more) < 0) {
            return -1;
        }
    }
    else if (output_reserve(self, copied + CHUNK_SPACE) < 0) {
        return -1;
    }
    if (body_put(self, piece, more) < 0) {
        return -1;
    }
    self->body_done = !more;
    if (more || self->wants_trailers) {
        output_post(self, 0);
    }
    else {
        response_complete(self);
    }
    return 0;
}


int
response_body(struct exchange *self, PyObject *message)
{
    struct module_state *state = self->server->state;
    PyObject *body = PyDict_GetItemWithError(message, state->str.body);
    PyObject *more_body =
        PyDict_GetItemWithError(message, state->str.more_body);
    if (PyErr_Occurred()) {
        return -1;
    }
    int more = more_body == NULL ? 0 : PyObject_IsTrue(more_body);
    if (more < 0) {
        return -1;
    }
    if (body == NULL) {
        return body_send(self, &(struct piece){.data = ""}, more);
    }
    if (PyBytes_CheckExact(body)) {
        struct piece piece = {
            .data = PyBytes_AS_STRING(body),
            .size = (size_t)PyBytes_GET_SIZE(body),
            .owner = body,
        };
        return body_send(self, &piece, more);
    }
    Py_buffer view;
    if (PyObject_GetBuffer(body, &view, PyBUF_SIMPLE) < 0) {
        return -1;
    }
    struct piece piece = {.data = view.buf, .size = (size_t)view.len};
    int status = body_send(self, &piece, more);
    PyBuffer_Release(&view);
    return status;
}


/* Trailers. */

int
response_trailers(struct exchange *self, PyObject *message)
{
    struct module_state *state = self->server->state;
    PyObject *headers = PyDict_GetItemWithError(message, state->str.headers);
    PyObject *more_trailers =
        PyDict_GetItemWithError(message, state->str.more_trailers);
    int more = more_trailers == NULL ? 0 : PyObject_IsTrue(more_trailers);
    if (PyErr_Occurred() || output_reserve(self, CHUNK_SPACE) < 0) {
        return -1;
    }
    if (headers != NULL && headers_put(self, headers) < 0) {
        output_drop(self);
        return -1;
    }
    if (!self->chunked || self->no_body) {
        self->output->size = 0; /* HTTP/1.0, or a length: there is no room */
    }
    else if (!more) {
        OUTPUT_PUT_TEXT(self->output, "\r\n");
    }
    if (more) {
        output_post(self, 0);
    }
    else {
        response_complete(self);
    }
    return 0;
}


/* A file. */

/* Open for reading; its size in *size. -1 with an exception. */
static int
file_open(PyObject *name, uint64_t *size)
{
    PyObject *path; /* bytes */
    struct stat stat;
    if (!PyUnicode_FSConverter(name, &path)) {
        return -1;
    }
    int file = open(PyBytes_AS_STRING(path), O_RDONLY | O_CLOEXEC);
    Py_DECREF(path);
    if (file < 0 || fstat(file, &stat) < 0) {
        PyErr_SetFromErrnoWithFilenameObject(PyExc_OSError, name);
    }
    else if (!S_ISREG(stat.st_mode)) {
        PyErr_Format(PyExc_ValueError, "%R is no file that can be sent.", name);
    }
    else {
        *size = (uint64_t)stat.st_size;
        return file;
    }
    if (file >= 0) {
        close(file);
    }
    return -1;
}


/* The head, and then a file that the I/O thread reads as the client takes it.
 * Takes the descriptor. */
static int
file_send(struct exchange *self, int file, uint64_t size)
{
    struct output *output = output_new(self->request, FILE_PIECE);
    if (output == NULL) {
        close(file);
        PyErr_NoMemory();
        return -1;
    }
    output->file = file + 1;
    output->file_left = self->no_body ? 0 : size;
    if (response_finish_head(self, (size_t)size, 0, false) < 0) {
        output_free(output);
        return -1;
    }
    output_post(self, 0);
    self->output = output;
    self->body_done = true;
    response_complete(self);
    return 0;
}


int
response_file(struct exchange *self, PyObject *message)
{
    uint64_t size;
    PyObject *name =
        PyDict_GetItemWithError(message, self->server->state->str.path);
    if (name == NULL && PyErr_Occurred()) {
        return -1;
    }
    if (name == NULL || self->head_sent) {
        PyErr_SetString(PyExc_RuntimeError,
                        name == NULL
                            ? "http.response.pathsend needs a 'path'."
                            : "http.response.pathsend cannot follow a body.");
        return -1;
    }
    int file = file_open(name, &size);
    if (file < 0) {
        return -1;
    }
    self->chunked = self->wants_trailers = false; /* the length is known */
    if (body_check(self, size, false) < 0) {
        close(file);
        return -1;
    }
    return file_send(self, file, size);
}


/* Our own. */

int
response_continue(struct exchange *self)
{
    static const char CONTINUE[] = "HTTP/1.1 100 Continue\r\n\r\n";
    self->must_continue = false;
    if (self->started || self->disconnected) {
        return 0;
    }
    struct output *output = output_new(self->request, sizeof CONTINUE);
    if (output == NULL) {
        PyErr_NoMemory();
        return -1;
    }
    OUTPUT_PUT_TEXT(output, CONTINUE);
    io_send(self->server->io, output);
    io_nudge(self->server->io);
    return 0;
}


int
response_plain(struct exchange *self, int status)
{
    const char *text = status_phrase(status);
    static const char TYPE[] = "content-type: text/plain; charset=utf-8\r\n";
    response_reset(self);
    if (status_put(self, status) < 0 || output_reserve(self, sizeof TYPE) < 0) {
        return -1;
    }
    OUTPUT_PUT_TEXT(self->output, TYPE);
    self->started = true;
    self->status = status;
    self->keep_alive = false;
    struct piece piece = {.data = text, .size = strlen(text)};
    return body_send(self, &piece, false);
}


int
response_break(struct exchange *self)
{
    if (self->complete || self->disconnected) {
        return 0;
    }
    self->complete = true;
    output_drop(self);
    if (output_reserve(self, 0) < 0) {
        return -1;
    }
    output_post(self, OUTPUT_END | OUTPUT_CLOSE);
    response_log(self);
    return 0;
}
