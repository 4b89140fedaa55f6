/* Server(websocket={...}): how WebSockets are served. GIL held. */

#include "server.h"

static const double DEFAULT_PING = 20; /* seconds, as in uvicorn */


void
websocket_options_init(struct websocket_options *options)
{
    *options = (struct websocket_options){
        .enabled = true,
        .deflate = true,
        .max_size = 16777216,
        .message_cost = SOCKET_HIGH_WATER / 32,
        .ping_interval = (uint64_t)(DEFAULT_PING * 1000),
        .ping_timeout = (uint64_t)(DEFAULT_PING * 1000),
    };
}


/* Seconds, or None for never; 0, or -1 with an exception. */
static int
parse_seconds(PyObject *seconds, uint64_t *milliseconds)
{
    if (seconds == Py_None) {
        *milliseconds = 0;
        return 0;
    }
    double value = PyFloat_AsDouble(seconds);
    if (value == -1.0 && PyErr_Occurred()) {
        return -1;
    }
    *milliseconds = value <= 0     ? 0
                    : value > 1e12 ? (uint64_t)1e15
                                   : (uint64_t)(value * 1000);
    return 0;
}


/* For PyArg_Parse*: a dict of the options, or None to serve none. */
int
websocket_options_parse(PyObject *dict, void *result)
{
    static char *keywords[] = {
        "max_size",     "max_queue", "ping_interval",
        "ping_timeout", "deflate",   NULL,
    };
    struct websocket_options *options = result;
    if (dict == Py_None) {
        options->enabled = false;
        return 1;
    }
    PyObject *interval = NULL, *timeout = NULL;
    long long max_size = (long long)options->max_size;
    int max_queue = 32, deflate = 1;
    PyObject *empty = PyTuple_New(0);
    bool parsed = empty != NULL
                  && PyArg_ParseTupleAndKeywords(
                      empty, dict, "|$LiOOp:websocket", keywords, &max_size,
                      &max_queue, &interval, &timeout, &deflate);
    Py_XDECREF(empty);
    if (!parsed
        || (interval != NULL
            && parse_seconds(interval, &options->ping_interval) < 0)
        || (timeout != NULL
            && parse_seconds(timeout, &options->ping_timeout) < 0)) {
        return 0;
    }
    if (max_size < 0 || max_queue < 1) {
        PyErr_SetString(PyExc_ValueError,
                        "max_size is at least 0, max_queue at least 1");
        return 0;
    }
    options->max_size = (uint64_t)max_size;
    options->message_cost = SOCKET_HIGH_WATER / (size_t)max_queue;
    options->deflate = deflate;
    return 1;
}
