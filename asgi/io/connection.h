/* A client's connection: its socket, its parser, its queue of output.
 *
 * Responsibilities: read and feed the parser, one request at a time; keep what
 * came behind it; write responses with as few system calls as possible; close
 * in two phases. Everything here runs on the I/O thread, except ref and unref.
 * Reference counted, since requests outlive the socket and the socket outlives
 * requests: the open socket holds one reference, each request another.
 */

#ifndef HMR_ASGI_CONNECTION_H
#define HMR_ASGI_CONNECTION_H

#include "http1.h"
#include "output.h"
#include "tls.h"

#include <uv.h>

struct io;
struct websocket_io;

struct address {
    char host[108]; /* an IP address, or the path of a Unix socket */
    int port;       /* -1 for a Unix socket, -2 for none at all */
};

struct connection {
    union {
        uv_handle_t handle;
        uv_stream_t stream;
        uv_tcp_t tcp;
        uv_pipe_t pipe;
    };
    uv_write_t write_request;
    uv_shutdown_t shutdown_request;
    struct io *io;
    atomic_int refs;
    uint64_t id;
    uv_os_fd_t fd;
    struct http1 http;
    struct request *request;        /* the one being answered. Owned. */
    struct tls *tls;                /* Owned; NULL: plain */
    char *sealed;                   /* encrypted, under way in libuv. Owned. */
    struct websocket_io *websocket; /* Owned; NULL: it speaks HTTP. */
    bool closing;                   /* uv_close was called */
    bool reading;                   /* uv_read_start is on */
    bool writing;                   /* write_request is under way */
    bool queued;                    /* in io->to_flush */
    bool responded; /* output of the current request was written */
    bool ended;     /* a complete response is in the queue */
    bool last;      /* close when the queue is written */
    bool eof;       /* the client will send no more */
    bool lingering; /* all is written; waiting for the client's end */
    bool in_head;   /* io->head_time runs */

    struct output *output; /* not yet written, oldest first. Owned. */
    struct output **output_end;
    char *input; /* came behind the current request. Owned. */
    size_t input_start;
    size_t input_size;
    size_t input_space;
    size_t write_size; /* bytes that write_request covers */

    struct connection *next; /* in io->connections */
    struct connection **link;
    struct connection *idle_next; /* in io->idle, oldest first */
    struct connection *idle_previous;
    uint64_t idle_until; /* 0 while not idle */
    struct connection *flush_next;

    struct address client;
    struct address server;
};

void connection_ref(struct connection *conn);
void connection_unref(struct connection *conn);

/* Take a waiting connection from a listener; errors only lose that one. False
 * without memory: it still waits. */
bool connection_accept(struct io *io, uv_stream_t *listener);

/* Begin to close. The client's request, if any, hears of it. */
void connection_close(struct connection *conn);

/* Queue output (ownership passes); connection_flush writes. */
void connection_send(struct connection *conn, struct output *output);
void connection_flush(struct connection *conn);

/* All output is written: the end, the next request, or nothing yet. */
void connection_rest(struct connection *conn);

/* End TLS in order, if there is any. */
void connection_say_goodbye(struct connection *conn);

/* Nothing more is to be sent: close the connection when all is written. */
void connection_end_after_output(struct connection *conn);

/* The application is slower than the client: stop reading for now. False if it
 * caught up just now. */
bool connection_pause(struct connection *conn);
void connection_read_start(struct connection *conn);

/* Keep what came and is not to be parsed yet. */
void connection_keep(struct connection *conn, const char *data, size_t size);

/* The application took the body: read on. */
void connection_resume(struct connection *conn);

/* Answer for the application, which never hears of the request, and close. */
void connection_refuse(struct connection *conn, int status);
void connection_refuse_because(struct connection *conn, int status,
                               const char *text);

/* Is the client this very process? Looks through all descriptors. */
bool connection_is_own(struct connection *conn);

/* It was idle for too long, or too slow. */
void connection_time_out(struct connection *conn);

/* No new request; close now if none is being answered. */
void connection_finish(struct connection *conn);

#endif
