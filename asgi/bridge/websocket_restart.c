/* Server.restart_websockets: sockets that an edit has left behind. GIL held. */

#include "exchange.h"


/* The tasks of open WebSockets' handlers: stale() may end some of them. New
 * reference to a list of exchanges. */
static PyObject *
open_sockets(struct server *self)
{
    PyObject *list = PyList_New(0);
    struct exchange *at = self->running;
    for (; list != NULL && at != NULL; at = at->next) {
        if (at->socket == SOCKET_OPEN && !at->disconnected && !at->complete
            && PyList_Append(list, (PyObject *)at) < 0) {
            Py_CLEAR(list);
        }
    }
    return list;
}


/* 1 when it was closed, 0 when it stays, -1 with an exception. */
static int
restart_if(struct exchange *self, PyObject *stale)
{
    if (self->task == NULL || self->socket != SOCKET_OPEN
        || self->disconnected) {
        return 0;
    }
    PyObject *coroutine = PyObject_CallMethod(self->task, "get_coro", NULL);
    PyObject *answer =
        coroutine == NULL ? NULL : PyObject_CallOneArg(stale, coroutine);
    Py_XDECREF(coroutine);
    int is_stale = answer == NULL ? -1 : PyObject_IsTrue(answer);
    Py_XDECREF(answer);
    if (is_stale > 0 && socket_restart(self) < 0) {
        return -1;
    }
    return is_stale;
}


PyObject *
server_restart_websockets(PyObject *op, PyObject *stale)
{
    PyObject *sockets = open_sockets((struct server *)op);
    if (sockets == NULL) {
        return NULL;
    }
    long count = 0;
    int status = 0;
    for (Py_ssize_t i = 0; status >= 0 && i < PyList_GET_SIZE(sockets); i++) {
        status =
            restart_if((struct exchange *)PyList_GET_ITEM(sockets, i), stale);
        count += status > 0;
    }
    Py_DECREF(sockets);
    return status < 0 ? NULL : PyLong_FromLong(count);
}
