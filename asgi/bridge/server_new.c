/* Server(...): its arguments. GIL held. */

#include "compat.h"
#include "field.h"
#include "server.h"
#include "tls.h"

#include <uv.h>


/* The listeners' descriptors; PyMem_Malloc'ed, or NULL with an exception. */
static int *
parse_listeners(PyObject *sequence, Py_ssize_t *count)
{
    PyObject *list = PySequence_Fast(sequence, "listeners must be a sequence");
    if (list == NULL) {
        return NULL;
    }
    *count = PySequence_Fast_GET_SIZE(list);
    int *fds = PyMem_Malloc(sizeof *fds * ((size_t)*count + 1));
    for (Py_ssize_t i = 0; fds != NULL && i < *count; i++) {
        fds[i] = PyLong_AsInt(PySequence_Fast_GET_ITEM(list, i));
        if (fds[i] == -1 && PyErr_Occurred()) {
            PyMem_Free(fds);
            fds = NULL;
        }
    }
    Py_DECREF(list);
    if (fds == NULL && !PyErr_Occurred()) {
        PyErr_NoMemory();
    }
    return fds;
}


/* What Server() is given besides its callbacks. */
struct arguments {
    PyObject *listeners;
    PyObject *root_path; /* or NULL */
    PyObject *headers;   /* or NULL */
    double keep_alive;   /* seconds */
    double head_time;
    double settle;
    unsigned head_limit; /* bytes */
    unsigned limit_concurrency;
    int backlog;
    struct websocket_options websocket;
    struct tls_context *tls; /* or NULL. Owned. */
};


static uint64_t
milliseconds(double seconds)
{
    return seconds <= 0 ? 0 : (uint64_t)(seconds * 1000);
}


static int
server_open_io(struct server *self, const struct arguments *arguments)
{
    Py_ssize_t n;
    int *fds = parse_listeners(arguments->listeners, &n);
    if (fds == NULL) {
        tls_context_free(arguments->tls);
        return -1;
    }
    struct io_options options = {
        .listeners = fds,
        .n_listeners = (size_t)n,
        .keep_alive = Py_MAX(milliseconds(arguments->keep_alive), 1),
        .head_time = Py_MAX(milliseconds(arguments->head_time), 1),
        .settle = milliseconds(arguments->settle),
        .head_limit = arguments->head_limit,
        .limit_concurrency = arguments->limit_concurrency,
        .backlog = arguments->backlog,
        .websocket = arguments->websocket,
        .tls = arguments->tls,
        .on_blocked = self->on_blocked == Py_None ? NULL : server_on_blocked,
        .on_blocked_data = self,
    };
    int error;
    self->io = io_new(&options, &error);
    PyMem_Free(fds);
    if (self->io == NULL) {
        PyErr_Format(PyExc_OSError, "cannot listen: %s", uv_strerror(error));
        return -1;
    }
    return 0;
}


/* A converter: (certfile, keyfile, password, ca_certs, ciphers, cert_reqs), or
 * None. */
static int
tls_parse(PyObject *tuple, void *result)
{
    struct tls_options options;
    char error[TLS_ERROR_SIZE];
    if (tuple == Py_None) {
        return 1;
    }
    if (!PyTuple_Check(tuple)) {
        PyErr_SetString(PyExc_TypeError, "tls must be a tuple or None");
        return 0;
    }
    if (!PyArg_ParseTuple(tuple, "szzzzi:tls", &options.certfile,
                          &options.keyfile, &options.password,
                          &options.ca_certs, &options.ciphers,
                          &options.cert_reqs)) {
        return 0;
    }
    if (options.cert_reqs < 0 || options.cert_reqs > 2) {
        PyErr_SetString(PyExc_ValueError, "cert_reqs must be 0, 1 or 2");
        return 0;
    }
    struct tls_context *context = tls_context_new(&options, error);
    if (context == NULL) {
        PyErr_SetString(PyExc_OSError, error);
        return 0;
    }
    *(struct tls_context **)result = context;
    return 1;
}


PyObject *
check_tls(PyObject *module, PyObject *tuple)
{
    (void)module;
    struct tls_context *context = NULL;
    if (!tls_parse(tuple, &context)) {
        return NULL;
    }
    tls_context_free(context);
    Py_RETURN_NONE;
}


/* One line of the block of headers; notes those that replace our own. */
static int
headers_add(struct server *self, PyObject **block, PyObject *pair)
{
    const char *name, *value;
    Py_ssize_t name_size, size;
    if (!PyArg_ParseTuple(pair, "y#y#", &name, &name_size, &value, &size)) {
        return -1;
    }
    if (name_size == 0
        || field_span(name, (size_t)name_size, CHAR_TOKEN) < (size_t)name_size
        || field_span(value, (size_t)size, CHAR_VALUE) < (size_t)size) {
        PyErr_Format(PyExc_ValueError, "no HTTP header: %R", pair);
        return -1;
    }
    if (field_equal(name, (size_t)name_size, "server")) {
        self->server_header = false;
    }
    else if (field_equal(name, (size_t)name_size, "date")) {
        self->date_header = false;
    }
    PyObject *line = PyBytes_FromFormat("%s: %s\r\n", name, value);
    PyBytes_ConcatAndDel(block, line);
    return *block == NULL ? -1 : 0;
}


static PyObject *
headers_block(struct server *self, PyObject *headers)
{
    PyObject *block = PyBytes_FromString("");
    PyObject *list = headers == NULL ? PyList_New(0) : PySequence_List(headers);
    for (Py_ssize_t i = 0;
         block != NULL && list != NULL && i < PyList_GET_SIZE(list); i++) {
        if (headers_add(self, &block, PyList_GET_ITEM(list, i)) < 0) {
            Py_CLEAR(block);
        }
    }
    if (list == NULL) {
        Py_CLEAR(block);
    }
    Py_XDECREF(list);
    return block;
}


static int
server_init(struct server *self, const struct arguments *arguments)
{
    self->root_path = arguments->root_path != NULL
                          ? Py_NewRef(arguments->root_path)
                          : PyUnicode_FromString("");
    if (self->root_path != NULL) {
        self->root_path_bytes = PyUnicode_AsUTF8String(self->root_path);
    }
    self->headers = headers_block(self, arguments->headers);
    if (self->root_path_bytes == NULL || self->headers == NULL
        || scope_prepare(self) < 0) {
        tls_context_free(arguments->tls);
        return -1;
    }
    return server_open_io(self, arguments);
}


PyObject *
server_new(PyTypeObject *type, PyObject *args, PyObject *kwargs)
{
    static char *keywords[] = {
        "listeners",   "loop",
        "on_change",   "access_log",
        "on_error",    "root_path",
        "keep_alive",  "head_time",
        "head_limit",  "backlog",
        "headers",     "limit_concurrency",
        "proxy",       "reset_context",
        "settle",      "server_header",
        "date_header", "websocket",
        "tls",         "poll",
        "on_blocked",  NULL,
    };
    struct arguments arguments = {.keep_alive = 5.0, .head_time = 60.0};
    websocket_options_init(&arguments.websocket);
    PyObject *loop = NULL, *proxy = Py_None, *poll = Py_None;
    PyObject *on_change = Py_None, *access_log = Py_None, *on_error = Py_None;
    PyObject *on_blocked = Py_None;
    int server_header = 1, date_header = 1, reset_context = 0;
    if (!PyArg_ParseTupleAndKeywords(
            args, kwargs, "O|$OOOOUddIiOIOpdppO&O&OO:Server", keywords,
            &arguments.listeners, &loop, &on_change, &access_log, &on_error,
            &arguments.root_path, &arguments.keep_alive, &arguments.head_time,
            &arguments.head_limit, &arguments.backlog, &arguments.headers,
            &arguments.limit_concurrency, &proxy, &reset_context,
            &arguments.settle, &server_header, &date_header,
            websocket_options_parse, &arguments.websocket, tls_parse,
            &arguments.tls, &poll, &on_blocked)) {
        tls_context_free(arguments.tls);
        return NULL;
    }
    if (loop == NULL) {
        tls_context_free(arguments.tls);
        PyErr_SetString(PyExc_TypeError, "Server() needs loop=");
        return NULL;
    }
    struct server *self = (struct server *)type->tp_alloc(type, 0);
    if (self == NULL) {
        tls_context_free(arguments.tls);
        return NULL;
    }
    self->tls = arguments.tls != NULL;
    self->state = PyType_GetModuleState(type);
    self->loop = Py_NewRef(loop);
    self->app = Py_NewRef(Py_None);
    self->on_change = Py_NewRef(on_change);
    self->access_log = Py_NewRef(access_log);
    self->on_error = Py_NewRef(on_error);
    self->on_blocked = Py_NewRef(on_blocked);
    self->proxy = Py_NewRef(proxy);
    self->reset_context = reset_context;
    self->poll = poll == Py_None              ? POLL_WHERE_SILENT
                 : PyObject_IsTrue(poll) == 0 ? POLL_NONE
                                              : POLL_ALL;
    self->server_header = server_header;
    self->date_header = date_header;
    if (server_init(self, &arguments) < 0) {
        Py_DECREF((PyObject *)self);
        return NULL;
    }
    return (PyObject *)self;
}
