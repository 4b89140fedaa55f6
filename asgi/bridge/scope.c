/* The ASGI scope of a request, key for key what uvicorn gives. GIL held. */

#include "server.h"

#include "connection.h"
#include "websocket_handshake.h"

#include <stdlib.h>
#include <string.h>


/* scope[key] = value, stealing value; NULL means that making it failed. */
static int
scope_set(PyObject *scope, PyObject *key, PyObject *value)
{
    if (value == NULL) {
        return -1;
    }
    int status = PyDict_SetItem(scope, key, value);
    Py_DECREF(value);
    return status;
}


/* The parts that no request changes. */
int
scope_prepare(struct server *self)
{
    struct module_state *state = self->state;
    self->asgi = Py_BuildValue("{OsOs}", state->str.version, "3.0",
                               state->str.spec_version, "2.3");
    self->extensions =
        Py_BuildValue("{s{}s{}s{}}", "http.response.pathsend",
                      "http.response.trailers", "http.response.debug");
    if (self->asgi == NULL || self->extensions == NULL) {
        return -1;
    }
    self->scope = Py_BuildValue(
        "{OOOOOOOOOOOsOOOOOOOOOOOOOO}", state->str.type, state->str.http,
        state->str.asgi, Py_None, state->str.http_version, state->str.http_1_1,
        state->str.server, Py_None, state->str.client, Py_None,
        state->str.scheme, self->tls ? "https" : "http", state->str.root_path,
        self->root_path, state->str.headers, Py_None, state->str.state, Py_None,
        state->str.method, Py_None, state->str.path, Py_None,
        state->str.raw_path, Py_None, state->str.query_string, Py_None);
    self->socket_asgi = Py_BuildValue("{OsOs}", state->str.version, "3.0",
                                      state->str.spec_version, "2.4");
    self->socket_scope = self->scope == NULL ? NULL : PyDict_Copy(self->scope);
    if (self->socket_asgi == NULL || self->socket_scope == NULL) {
        return -1;
    }
    PyObject *scheme = PyUnicode_FromString(self->tls ? "wss" : "ws");
    return scope_set(self->socket_scope, state->str.scheme, scheme) < 0
                   || PyDict_SetItem(self->socket_scope, state->str.type,
                                     state->str.websocket)
                          < 0
                   || PyDict_DelItem(self->socket_scope, state->str.method) < 0
               ? -1
               : 0;
}


struct target {
    const char *path;
    size_t path_size;
    const char *query;
    size_t query_size;
};


/* origin-form, absolute-form ("http://host/path") or "*". */
static struct target
target_split(const struct request *request)
{
    const char *at = request->text;
    const char *end = at + request->target_size;
    if (at < end && *at != '/' && *at != '*') {
        const char *authority = memmem(at, (size_t)(end - at), "://", 3);
        if (authority != NULL) {
            at = authority + 3;
            while (at < end && *at != '/' && *at != '?' && *at != '#') {
                at++;
            }
        }
    }
    const char *fragment = memchr(at, '#', (size_t)(end - at));
    if (fragment != NULL) {
        end = fragment;
    }
    const char *query = memchr(at, '?', (size_t)(end - at));
    struct target target = {.path = at, .query = end};
    target.path_size = (size_t)((query != NULL ? query : end) - at);
    if (query != NULL) {
        target.query = query + 1;
        target.query_size = (size_t)(end - query - 1);
    }
    if (target.path_size == 0) {
        target.path = "/";
        target.path_size = 1;
    }
    return target;
}


static int
hex_value(char c)
{
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    c = (char)(c | 0x20);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}


/* Percent-decoded, then UTF-8 with replacement characters, as
 * urllib.parse.unquote does it. New reference. */
static PyObject *
path_decode(const char *raw, size_t size)
{
    char *text = PyMem_Malloc(size + 1);
    if (text == NULL) {
        return PyErr_NoMemory();
    }
    size_t n = 0;
    for (size_t i = 0; i < size; i++) {
        int high, low;
        if (raw[i] == '%' && i + 2 < size && (high = hex_value(raw[i + 1])) >= 0
            && (low = hex_value(raw[i + 2])) >= 0) {
            text[n++] = (char)(high << 4 | low);
            i += 2;
        }
        else {
            text[n++] = raw[i];
        }
    }
    PyObject *path = PyUnicode_DecodeUTF8(text, (Py_ssize_t)n, "replace");
    PyMem_Free(text);
    return path;
}


static PyObject *
path_new(struct server *self, const char *raw, size_t size)
{
    PyObject *path = path_decode(raw, size);
    if (path != NULL && PyUnicode_GET_LENGTH(self->root_path) > 0) {
        Py_SETREF(path, PyUnicode_Concat(self->root_path, path));
    }
    return path;
}


static uint32_t
path_hash(const char *raw, size_t size)
{
    uint32_t hash = 2166136261u;
    for (size_t i = 0; i < size; i++) {
        hash = (hash ^ (unsigned char)raw[i]) * 16777619u;
    }
    return hash;
}


/* Entries hold the path without root_path in `key`, so that a look-up needs no
 * object. Returns the entry, borrowed, or NULL with an exception. */
static struct cached_path *
scope_path(struct server *self, const char *raw, size_t size)
{
    struct cached_path *slot =
        &self->cache.paths[path_hash(raw, size) % CACHE_PATHS];
    if (slot->key != NULL && (size_t)PyBytes_GET_SIZE(slot->key) == size
        && memcmp(PyBytes_AS_STRING(slot->key), raw, size) == 0) {
        return slot;
    }
    PyObject *key = PyBytes_FromStringAndSize(raw, (Py_ssize_t)size);
    PyObject *full = key == NULL ? NULL : Py_NewRef(key);
    if (full != NULL && PyBytes_GET_SIZE(self->root_path_bytes) > 0) {
        Py_SETREF(full, Py_NewRef(self->root_path_bytes));
        PyBytes_Concat(&full, key); /* clears full on failure */
    }
    PyObject *path = full == NULL ? NULL : path_new(self, raw, size);
    if (path == NULL) {
        Py_XDECREF(key);
        Py_XDECREF(full);
        return NULL;
    }
    Py_XSETREF(slot->key, key);
    Py_XSETREF(slot->raw, full);
    Py_XSETREF(slot->path, path);
    return slot;
}


static PyObject *
headers_new(struct server *self, const struct request *request)
{
    PyObject *list = PyList_New(request->n_headers);
    if (list == NULL) {
        return NULL;
    }
    for (uint32_t i = 0; i < request->n_headers; i++) {
        PyObject *pair =
            cache_header(&self->cache, request, &request->headers[i]);
        if (pair == NULL) {
            Py_DECREF(list);
            return NULL;
        }
        PyList_SET_ITEM(list, i, pair);
    }
    return list;
}


static PyObject *
app_state_copy(struct server *self)
{
    if (self->app_state == NULL || self->app_state == Py_None) {
        return PyDict_New();
    }
    return PyDict_Copy(self->app_state);
}


static int
scope_set_target(struct server *self, PyObject *scope,
                 const struct request *request)
{
    struct module_state *state = self->state;
    struct target target = target_split(request);
    struct cached_path *path = scope_path(self, target.path, target.path_size);
    if (path == NULL || PyDict_SetItem(scope, state->str.path, path->path) < 0
        || PyDict_SetItem(scope, state->str.raw_path, path->raw) < 0) {
        return -1;
    }
    return scope_set(
        scope, state->str.query_string,
        PyBytes_FromStringAndSize(target.query, (Py_ssize_t)target.query_size));
}


static int
scope_fill(struct server *self, PyObject *scope, const struct request *request)
{
    struct module_state *state = self->state;
    struct cached_peer *peer = cache_peer(&self->cache, request);
    if (peer == NULL
        || PyDict_SetItem(scope, state->str.client, peer->client) < 0
        || PyDict_SetItem(scope, state->str.server, peer->server) < 0
        || scope_set_target(self, scope, request) < 0) {
        return -1;
    }
    if (request->minor == 0
        && PyDict_SetItem(scope, state->str.http_version, state->str.http_1_0)
               < 0) {
        return -1;
    }
    if (scope_set(scope, state->str.headers, headers_new(self, request)) < 0) {
        return -1;
    }
    return scope_set(scope, state->str.state, app_state_copy(self));
}


static int
scope_fill_http(struct server *self, PyObject *scope,
                const struct request *request)
{
    struct module_state *state = self->state;
    PyObject *method = PyUnicode_InternFromString(request->method);
    return scope_set(scope, state->str.method, method) < 0
                   || scope_set(scope, state->str.asgi, PyDict_Copy(self->asgi))
                          < 0
                   || scope_set(scope, state->str.extensions,
                                PyDict_Copy(self->extensions))
                          < 0
               ? -1
               : 0;
}


static int
scope_fill_socket(struct server *self, PyObject *scope,
                  const struct request *request)
{
    struct module_state *state = self->state;
    PyObject *extensions = Py_BuildValue("{s{}}", "websocket.http.response");
    return scope_set(scope, state->str.asgi, PyDict_Copy(self->socket_asgi)) < 0
                   || scope_set(scope, state->str.subprotocols,
                                socket_subprotocols(request))
                          < 0
                   || scope_set(scope, state->str.extensions, extensions) < 0
               ? -1
               : 0;
}


/* The certificates of a text in PEM, one str each. New reference. */
static PyObject *
certificate_list(const char *text)
{
    static const char END[] = "-----END CERTIFICATE-----\n";
    PyObject *list = PyList_New(0);
    const char *end;
    while (list != NULL && (end = strstr(text, END)) != NULL) {
        end += sizeof END - 1;
        PyObject *one = PyUnicode_FromStringAndSize(text, end - text);
        if (one == NULL || PyList_Append(list, one) < 0) {
            Py_CLEAR(list);
        }
        Py_XDECREF(one);
        text = end;
    }
    return list;
}


/* The extension "tls" of the ASGI specification. */
static int
scope_set_tls(struct server *self, PyObject *scope, const struct tls *tls)
{
    PyObject *key = self->state->str.extensions;
    const char *name = tls_client_name(tls);
    PyObject *value = Py_BuildValue(
        "{sssNszsOsHsH}", "server_cert", tls_server_certificate(tls),
        "client_cert_chain", certificate_list(tls_client_chain(tls)),
        "client_cert_name", *name != '\0' ? name : NULL, "client_cert_error",
        Py_None, "tls_version", tls_version(tls), "cipher_suite",
        tls_cipher_suite(tls));
    if (value == NULL) {
        return -1;
    }
    PyObject *extensions = PyDict_GetItemWithError(scope, key);
    int status = -1;
    if (extensions != NULL) {
        status = PyDict_SetItemString(extensions, "tls", value);
    }
    else if (!PyErr_Occurred()) {
        status = scope_set(scope, key, Py_BuildValue("{sO}", "tls", value));
    }
    Py_DECREF(value);
    return status;
}


PyObject *
scope_new(struct server *self, const struct request *request)
{
    bool socket = request->offer != NULL;
    PyObject *scope = PyDict_Copy(socket ? self->socket_scope : self->scope);
    if (scope == NULL) {
        return NULL;
    }
    int status = socket ? scope_fill_socket(self, scope, request)
                        : scope_fill_http(self, scope, request);
    const struct tls *tls = request->conn->tls;
    if (status < 0 || scope_fill(self, scope, request) < 0
        || (tls != NULL && scope_set_tls(self, scope, tls) < 0)) {
        Py_CLEAR(scope);
    }
    return scope;
}


int
scope_forward(struct server *self, PyObject *scope, PyObject **client)
{
    if (self->proxy == Py_None) {
        return 0;
    }
    PyObject *result = PyObject_CallOneArg(self->proxy, scope);
    if (result == NULL) {
        return -1;
    }
    Py_DECREF(result);
    *client = PyDict_GetItemWithError(scope, self->state->str.client);
    Py_XINCREF(*client);
    return *client == NULL && PyErr_Occurred() ? -1 : 0;
}


PyObject *
scope_client_text(const struct request *request, PyObject *client_pair)
{
    if (client_pair != NULL && PyTuple_Check(client_pair)) {
        PyObject *host, *port;
        if (!PyArg_ParseTuple(client_pair, "OO", &host, &port)) {
            return NULL;
        }
        return PyUnicode_FromFormat("%S:%S", host, port);
    }
    const struct address *client = &request->conn->client;
    if (client->port < 0) {
        return PyUnicode_FromString("");
    }
    return PyUnicode_FromFormat("%s:%d", client->host, client->port);
}
