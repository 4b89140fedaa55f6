/* One request and its response, as the application's side holds it.
 *
 * Responsibilities: the messages of receive(), the checks and bytes of send(),
 * who waits for what. GIL held throughout. It outlives its task if the
 * application keeps `receive` or `send`, and its connection.
 */

#ifndef HMR_ASGI_EXCHANGE_H
#define HMR_ASGI_EXCHANGE_H

#include "awaitable.h"
#include "server.h"

/* How far a WebSocket is. */
enum socket_phase {
    SOCKET_NONE, /* it is an ordinary request */
    SOCKET_CONNECTING,
    SOCKET_OPEN,      /* websocket.accept came */
    SOCKET_REJECTING, /* websocket.http.response.start came */
    SOCKET_CLOSED,    /* by us, or rejected: nothing more may be sent */
};

struct exchange {
    PyObject_HEAD
    struct server *server;   /* Owned. */
    struct request *request; /* Owned. */
    PyObject *task;          /* while it runs suspended. Owned. */
    PyObject *receivers;     /* list of futures, or NULL. Owned. */
    PyObject *senders;       /* list of futures, or NULL. Owned. */
    PyObject *client;      /* scope["client"] behind a proxy, or NULL. Owned. */
    struct exchange *next; /* in server->running, which owns a reference */
    struct exchange **link;

    struct output *output;      /* the head, until it is sent. Owned. */
    struct exchange *head_next; /* in server->heads: output waits for a flush */
    bool head_queued;
    int status;
    long long remaining; /* bytes that content-length still promises */
    bool has_length;     /* the application gave a content-length */
    bool has_date;
    bool has_server;
    bool chunked;
    bool keep_alive;
    bool no_body;   /* HEAD, 204, 304: no body may be sent */
    bool has_close; /* the application said connection: close */

    bool eager;   /* the first step of its task runs right now */
    bool started; /* http.response.start came */
    bool head_sent;
    bool wants_trailers; /* the start said that they come behind the body */
    bool body_done;      /* ... and that is all sent */
    bool complete;       /* the last http.response.body came */
    bool body_taken;     /* receive() gave more_body=False */
    bool must_continue;  /* the client waits for 100 Continue */
    bool eof;            /* the client sends no more */
    bool disconnected;   /* the client is gone */
    bool end_heard;      /* receive() gave http.disconnect before the end */

    enum socket_phase socket;
    bool connect_given;      /* receive() gave websocket.connect */
    int close_code;          /* how it ended; 0: not told yet */
    PyObject *close_reason;  /* str, or NULL. Owned. */
    struct letter *messages; /* arrived, not yet received. Owned. */
};

extern PyType_Spec exchange_spec;

/* Steals the application's reference to the request, also on failure. */
struct exchange *exchange_new(struct server *server, struct request *request);

/* receive() and send() for the application; new references. */
PyObject *exchange_receiver(struct exchange *self);
PyObject *exchange_sender(struct exchange *self);

/* 0 and a new reference in *message, 1 when there is none yet, -1 on error. */
int exchange_receive(struct exchange *self, PyObject **message);

/* The application took input that counted `cost`: read on if that was in the
 * way. 0, or -1 with an exception. */
int exchange_took(struct exchange *self, size_t cost);

/* More output is unwritten than the client takes. */
bool exchange_is_choked(struct exchange *self);

/* A new future that is done when it is worth asking again. New reference. */
PyObject *exchange_add_waiter(struct exchange *self, enum wait_for what);

/* Whoever waits looks again. 0, or -1 with an exception. */
int exchange_wake(struct exchange *self);

/* What the I/O thread said: EVENT_ bits without EVENT_START. */
int exchange_tell(struct exchange *self, unsigned events);

/* response.c: from TAIL_LEAST bytes on, output need not be copied: what `data`
 * belongs to is kept until it is written. It must be immutable. */
void output_refer(struct output *output, PyObject *owner, const char *data,
                  size_t size);

/* response.c: the bytes. All return 0, or -1 with an exception. */
int response_start(struct exchange *self, PyObject *message);
int response_body(struct exchange *self, PyObject *message);
int response_trailers(struct exchange *self, PyObject *message);
/* The file at message["path"] is the whole body. */
int response_file(struct exchange *self, PyObject *message);
int response_flush_head(struct exchange *self);
int response_continue(struct exchange *self);
/* 101: `lines`, then the application's headers (a list of pairs). */
int response_upgrade(struct exchange *self, const char *lines, size_t size,
                     PyObject *headers);
/* A whole plain answer of our own, such as 500; nothing may be started. */
int response_plain(struct exchange *self, int status);
/* The application gave up in mid-response: close the connection. */
int response_break(struct exchange *self);

/* websocket_bridge.c: the same for a WebSocket. */
int socket_receive(struct exchange *self, PyObject **message);
int socket_send(struct exchange *self, PyObject *type, PyObject *message);
/* An open one is closed by us. */
int socket_close(struct exchange *self, int code);
/* ... and the application hears of it as if the client had done it. */
int socket_restart(struct exchange *self);
void socket_fini(struct exchange *self);

#endif
