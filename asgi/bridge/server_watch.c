/* What the server watches, and the fence's release. GIL held. */

#include "server.h"

#include "filesystem.h"
#include "watchlist.h"


static bool
is_polled(struct server *self, const char *path, size_t size)
{
    switch (self->poll) {
    case POLL_ALL:
        return true;
    case POLL_NONE:
        return false;
    case POLL_WHERE_SILENT:
        return filesystem_is_silent(&self->silent, path, size);
    }
    Py_UNREACHABLE();
}


static int
watchlist_extend(struct server *self, struct watchlist *list,
                 PyObject *iterable, int value)
{
    PyObject *iterator = PyObject_GetIter(iterable);
    if (iterator == NULL) {
        return -1;
    }
    int status = 0;
    PyObject *item;
    while (status == 0 && (item = PyIter_Next(iterator)) != NULL) {
        PyObject *path = NULL; /* bytes */
        status = PyUnicode_FSConverter(item, &path) ? 0 : -1;
        Py_DECREF(item);
        if (status < 0) {
            break;
        }
        const char *text = PyBytes_AS_STRING(path);
        size_t size = (size_t)PyBytes_GET_SIZE(path);
        if (size == 0 || text[0] != '/') {
            PyErr_Format(PyExc_ValueError, "not an absolute path: '%s'", text);
            status = -1;
        }
        while (size > 1 && text[size - 1] == '/') {
            size--;
        }
        if (status == 0
            && watchlist_add(list, text, size, value,
                             is_polled(self, text, size))
                   < 0) {
            PyErr_NoMemory();
            status = -1;
        }
        Py_DECREF(path);
    }
    Py_DECREF(iterator);
    return PyErr_Occurred() ? -1 : status;
}


PyObject *
server_watch(PyObject *op, PyObject *args, PyObject *kwargs)
{
    static char *keywords[] = {"files", "directories", NULL};
    struct server *self = (struct server *)op;
    PyObject *files, *directories;
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "OO:watch", keywords, &files,
                                     &directories)) {
        return NULL;
    }
    struct watchlist *list = watchlist_new();
    if (list == NULL) {
        return PyErr_NoMemory();
    }
    if (watchlist_extend(self, list, files, PATH_FILE) < 0
        || watchlist_extend(self, list, directories, PATH_LISTED) < 0) {
        watchlist_free(list);
        return NULL;
    }
    if (io_watch(self->io, list) < 0) {
        return PyErr_NoMemory();
    }
    Py_RETURN_NONE;
}


PyObject *
server_release(PyObject *op, PyObject *number)
{
    struct server *self = (struct server *)op;
    unsigned long long serial = PyLong_AsUnsignedLongLong(number);
    if (serial == (unsigned long long)-1 && PyErr_Occurred()) {
        return NULL;
    }
    if (io_release(self->io, serial) < 0) {
        return PyErr_NoMemory();
    }
    Py_RETURN_NONE;
}
