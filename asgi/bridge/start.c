/* How a server begins: start(), with the connections of the process before it.
 * GIL held. */

#include "server.h"

#include <uv.h> /* uv_strerror */


/* Connections of the process before this one: (descriptor, bytes that it read
 * from it). One that is gone costs nobody anything. 0, or -1 with an exception
 * set. */
static int
server_adopt(struct server *self, PyObject *connections)
{
    PyObject *list = PySequence_List(connections);
    int status = list != NULL ? 0 : -1;
    for (Py_ssize_t i = 0; status == 0 && i < PyList_GET_SIZE(list); i++) {
        int fd;
        const char *data;
        Py_ssize_t size;
        PyObject *item = PyList_GET_ITEM(list, i);
        if (!PyArg_ParseTuple(item, "iy#", &fd, &data, &size)) {
            status = -1;
        }
        else {
            (void)io_adopt(self->io, fd, data, (size_t)size);
        }
    }
    Py_XDECREF(list);
    return status;
}


PyObject *
server_start(PyObject *op, PyObject *args)
{
    PyObject *connections = NULL;
    struct server *self = (struct server *)op;
    if (!PyArg_ParseTuple(args, "|O:start", &connections)) {
        return NULL;
    }
    if (self->phase != SERVER_NEW) {
        PyErr_SetString(PyExc_RuntimeError, "start() was called before");
        return NULL;
    }
    if (self->app == Py_None) {
        PyErr_SetString(PyExc_RuntimeError, "set app before start()");
        return NULL;
    }
    PyObject *fd = PyLong_FromLong(io_fd(self->io));
    PyObject *wake = PyObject_GetAttrString(op, "_wake");
    int status = -1;
    if (fd != NULL && wake != NULL) {
        status = call_method(self->loop, self->state->str.add_reader, fd, wake);
    }
    Py_XDECREF(fd);
    Py_XDECREF(wake);
    if (status < 0) {
        return NULL;
    }
    if (connections != NULL && server_adopt(self, connections) < 0) {
        return NULL;
    }
    self->phase = SERVER_RUNNING;
    status = io_start(self->io);
    if (status < 0) {
        PyErr_Format(PyExc_OSError, "cannot start the I/O thread: %s",
                     uv_strerror(status));
        return NULL;
    }
    Py_RETURN_NONE;
}
