/* The Server type: an I/O thread, a loop, an application. */

#ifndef HMR_ASGI_SERVER_H
#define HMR_ASGI_SERVER_H

#include "state.h" /* first: Python.h wants to be */

#include "cache.h"
#include "io.h"
#include "pathset.h"

struct exchange;

/* Which paths are polled. */
enum poll {
    POLL_WHERE_SILENT, /* where the file system tells nothing */
    POLL_ALL,
    POLL_NONE,
};

enum server_phase {
    SERVER_NEW,
    SERVER_RUNNING,
    SERVER_STOPPING, /* the I/O thread ends when its connections have */
    SERVER_STOPPED,
};

struct server {
    PyObject_HEAD
    struct module_state *state; /* Borrowed: the type holds the module. */
    struct io *io;              /* Owned. */
    enum server_phase phase;
    PyObject *loop;
    PyObject *app;
    PyObject *app_state; /* what scope["state"] copies: dict, None or NULL */
    PyObject *on_change;
    PyObject *access_log;
    PyObject *on_error;
    PyObject *on_blocked;
    PyObject *root_path;       /* str */
    PyObject *root_path_bytes; /* bytes */
    PyObject *scope;           /* template, copied for each request */
    PyObject *asgi;            /* likewise */
    PyObject *extensions;      /* likewise */
    PyObject *socket_scope;    /* likewise, of a WebSocket */
    PyObject *socket_asgi;
    PyObject *interrupt;      /* to raise in the loop after this batch */
    PyObject *stopped;        /* the future of stop(), or NULL */
    PyObject *grace_timer;    /* or NULL */
    PyObject *pollable;       /* bound _wake, or NULL */
    struct exchange *running; /* tasks not done. Owned. */
    size_t n_running;
    struct exchange *heads; /* heads to flush at the end of the turn. Owned. */
    bool flush_scheduled;
    bool in_batch;     /* heads are flushed at its end */
    PyObject *headers; /* bytes: lines that every response gets */
    PyObject *proxy; /* called with the scope of a request that a proxy sent */
    enum poll poll;
    struct pathset silent; /* what filesystem_is_silent keeps */
    bool reset_context;
    bool tls;
    bool server_header;
    bool date_header;
    bool cancelled;    /* the grace is over */
    bool handing_over; /* stopping, and connections go on elsewhere */
    time_t date_second;
    char date[48]; /* "date: ...\r\n" */
    struct cache cache;
};

extern PyType_Spec server_spec;


/* obj.name(*args), result ignored. Steals nothing; 0 or -1. */
static inline int
call_method(PyObject *object, PyObject *name, PyObject *a, PyObject *b)
{
    PyObject *result = PyObject_CallMethodObjArgs(object, name, a, b, NULL);
    Py_XDECREF(result);
    return result == NULL ? -1 : 0;
}


/* Tell on_error; never raises. `exception` may be NULL. */
void
server_report(struct server *self, const char *message, PyObject *exception);

/* KeyboardInterrupt and SystemExit end the loop, as in any callback of it, but
 * only after the batch. True if the exception is one of them. */
bool server_note_interrupt(struct server *self, PyObject *exception);

/* Heads are flushed and the I/O thread woken at the end of this turn. */
int server_schedule_flush(struct server *self);

/* blocked_callback: tell on_blocked. Takes the GIL. */
void server_on_blocked(void *server, uint64_t question, uint64_t milliseconds);

/* server_new.c: the module's check_tls(tuple), which raises OSError. */
PyObject *check_tls(PyObject *module, PyObject *tuple);
PyObject *server_new(PyTypeObject *type, PyObject *args, PyObject *kwargs);

/* start.c: a method. */
PyObject *server_start(PyObject *self, PyObject *args);

/* server_watch.c: methods. */
PyObject *server_watch(PyObject *self, PyObject *args, PyObject *kwargs);
PyObject *server_release(PyObject *self, PyObject *number);

/* stop.c: the methods, and their parts. */
PyObject *server_handed_over(PyObject *op, PyObject *unused);
PyObject *server_stop(PyObject *self, PyObject *args);
PyObject *server_abort(PyObject *self, PyObject *unused);
PyObject *server_grace_over(PyObject *self, PyObject *unused);

/* The I/O thread has ended, or will at once: wait for it. */
void server_join(struct server *self);

/* All requests ended and the I/O thread too: resolve stop(). */
void server_check_stopped(struct server *self);

/* websocket_restart.c: a method. */
PyObject *server_restart_websockets(PyObject *self, PyObject *stale);

/* websocket_options.c: defaults; a converter for PyArg_Parse*. */
void websocket_options_init(struct websocket_options *options);
int websocket_options_parse(PyObject *dict, void *result);

/* bridge.c: run the application on a new request (steals the application's
 * reference). Never raises. */
void bridge_run(struct server *self, struct request *request);

/* scope.c: new reference. */
PyObject *scope_new(struct server *self, const struct request *request);
int scope_prepare(struct server *self);
/* websocket_bridge.c: its "subprotocols". New reference. */
PyObject *socket_subprotocols(const struct request *request);
/* "host:port" of the client, for the log: `client` is what the proxy headers
 * made of scope["client"], or NULL. New reference. */
PyObject *scope_client_text(const struct request *request, PyObject *client);
/* The request has proxy headers: have them read. *client as above, new
 * reference. 0, or -1 with an exception. */
int scope_forward(struct server *self, PyObject *scope, PyObject **client);

#endif
