/* See connection.h. */

#include "connection.h"

#include "io_thread.h"
#include "status.h"
#include "websocket_handshake.h"
#include "websocket_io.h"

#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

enum {
    INPUT_LIMIT = 65536, /* bytes kept behind the current request */
    LINGER = 1000,       /* milliseconds for the client to see our end */
};


void
connection_ref(struct connection *conn)
{
    atomic_fetch_add_explicit(&conn->refs, 1, memory_order_relaxed);
}


void
connection_unref(struct connection *conn)
{
    if (atomic_fetch_sub_explicit(&conn->refs, 1, memory_order_acq_rel) == 1) {
        tls_free(conn->tls);
        free(conn);
    }
}


/* Closing. */

static void
connection_drop_request(struct connection *conn)
{
    struct request *request = conn->request;
    conn->request = NULL;
    http1_fini(&conn->http);
    if (request != NULL) {
        request->abandoned = true;
        io_post_event(conn->io, request, EVENT_DISCONNECT);
        request_unref(request);
    }
}


static void
connection_drop_output(struct connection *conn)
{
    while (conn->output != NULL) {
        struct output *output = conn->output;
        conn->output = output->next;
        output_free(output);
    }
    conn->output_end = &conn->output;
}


static void
on_closed(uv_handle_t *handle)
{
    struct connection *conn = handle->data;
    connection_drop_output(conn);
    free(conn->sealed);
    conn->sealed = NULL;
    io_handle_closed(conn->io);
    connection_unref(conn);
}


void
connection_close(struct connection *conn)
{
    if (conn->closing) {
        return;
    }
    conn->closing = true;
    conn->reading = false;
    struct io *io = conn->io;
    io_idle_remove(io, conn);
    *conn->link = conn->next;
    if (conn->next != NULL) {
        conn->next->link = conn->link;
    }
    io_count(io, IO_CONNECTIONS, -1);
    if (conn->websocket != NULL) {
        websocket_end(conn);
    }
    connection_drop_request(conn);
    if (!conn->writing) {
        connection_drop_output(conn); /* else libuv still points into it */
    }
    connection_say_goodbye(conn);
    free(conn->input);
    conn->input = NULL;
    conn->input_start = conn->input_size = 0;
    uv_close(&conn->handle, on_closed);
}


static void
on_shutdown(uv_shutdown_t *request, int status)
{
    struct connection *conn = request->data;
    if (status < 0 && status != UV_ECANCELED) {
        connection_close(conn);
    }
}


/* All is written. If the client may still be sending, closing now would reset
 * the connection and could take the response with it: say that we are done,
 * and read to the client's end, for a while. */
static void
connection_end(struct connection *conn)
{
    bool quiet =
        conn->input_start == conn->input_size && conn->http.message_complete;
    if (quiet || conn->eof || conn->io->aborting) {
        connection_close(conn);
        return;
    }
    conn->lingering = true;
    conn->input_start = conn->input_size = 0;
    connection_drop_request(conn);
    connection_say_goodbye(conn);
    conn->shutdown_request.data = conn;
    if (uv_shutdown(&conn->shutdown_request, &conn->stream, on_shutdown) < 0) {
        connection_close(conn);
        return;
    }
    io_idle_add(conn->io, conn, LINGER);
    connection_read_start(conn);
}


/* Writing. */

/* Behind what is in the queue. */
static void
connection_queue(struct connection *conn, struct output *output)
{
    if (output->flags & OUTPUT_END) {
        conn->ended = true;
    }
    if (output->flags & OUTPUT_CLOSE) {
        conn->last = true;
    }
    conn->responded = true;
    output->next = NULL;
    *conn->output_end = output;
    conn->output_end = &output->next;
    if (!conn->queued && !conn->writing) {
        conn->queued = true;
        connection_ref(conn);
        conn->flush_next = conn->io->to_flush;
        conn->io->to_flush = conn;
    }
}


void
connection_send(struct connection *conn, struct output *output)
{
    bool mine = output->request == NULL || output->request == conn->request;
    if (conn->closing || conn->ended || conn->lingering || !mine) {
        output_free(output);
        return;
    }
    unsigned flags = output->flags;
    if (flags & OUTPUT_MESSAGE) {
        output = websocket_frame(conn, output);
    }
    if (output != NULL) {
        connection_queue(conn, output);
    }
    if (flags & OUTPUT_UPGRADE) {
        websocket_start(conn);
    }
}


void
connection_end_after_output(struct connection *conn)
{
    conn->ended = conn->last = true;
    if (conn->output == NULL && !conn->writing) {
        connection_rest(conn);
    }
}


/* Reading. */

static const char *
refusal_text(int status)
{
    switch (status) {
    case 408:
        return "The request did not come in time.";
    case 413:
        return "A chunk of the body is too large.";
    case 414:
        return "The request's target is too long.";
    case 417:
        return "The only expectation that can be met is 100-continue.";
    case 426:
        return "Version 13 of the WebSocket protocol is spoken here.";
    case 431:
        return "The request's header fields are too large.";
    case 501:
        return "The request's method or transfer coding is not known here.";
    case 503:
        return "The server is out of memory.";
    case 505:
        return "This server speaks HTTP/1.1 and HTTP/1.0.";
    default:
        return "Invalid HTTP request received.";
    }
}


/* What the status asks for besides: RFC 9110 section 15.5.22, RFC 6455 4.4. */
static const char *
refusal_fields(int status)
{
    return status == 426 ? "upgrade: websocket\r\nsec-websocket-version: 13\r\n"
                         : "";
}


void
connection_refuse(struct connection *conn, int status)
{
    connection_refuse_because(conn, status, refusal_text(status));
}


void
connection_refuse_because(struct connection *conn, int status, const char *text)
{
    if (conn->responded) {
        connection_close(conn);
        return;
    }
    connection_drop_request(conn);
    conn->http.message_complete = false; /* more may come: linger */
    struct output *output = malloc(sizeof *output + 512);
    if (output == NULL) {
        connection_close(conn);
        return;
    }
    *output = (struct output){
        .letter = {.kind = LETTER_OUTPUT},
        .flags = OUTPUT_END | OUTPUT_CLOSE,
    };
    output->size = (size_t)snprintf(
        output->data, 512,
        "HTTP/1.1 %d %s\r\ncontent-type: text/plain; charset=utf-8\r\n"
        "%scontent-length: %zu\r\nconnection: close\r\n\r\n%s",
        status, status_phrase(status), refusal_fields(status), strlen(text),
        text);
    connection_send(conn, output);
}


void
connection_time_out(struct connection *conn)
{
    if (conn->in_head && !conn->responded && !conn->lingering) {
        connection_refuse(conn, 408);
        io_idle_add(conn->io, conn, LINGER); /* for the client to take it */
    }
    else {
        connection_close(conn);
    }
}


/* More connections than --limit-concurrency allows? */
static bool
connection_is_too_many(struct io *io)
{
    uint64_t n = io_counter_get(io, IO_CONNECTIONS);
    bool over = io->limit_concurrency > 0 && n > io->limit_concurrency;
    if (over && !io->limit_reached) {
        io_complain(io, "more than %u connections (--limit-concurrency): 503",
                    io->limit_concurrency);
    }
    io->limit_reached = over;
    return over;
}


/* A head is complete: the request waits for its turn at the fence. */
static void
connection_start(struct connection *conn)
{
    struct request *request = conn->http.request;
    struct websocket_options *websocket = &conn->io->websocket;
    io_idle_remove(conn->io, conn);
    conn->in_head = false;
    conn->request = request;
    request->arrived = uv_hrtime();
    io_count(conn->io, IO_REQUESTS, 1);
    if (websocket->enabled) {
        int status = websocket_handshake(request, websocket->deflate);
        if (status != 0 && status != 101) {
            request_unref(request); /* the application's */
            connection_refuse(conn, status);
            return;
        }
    }
    if (connection_is_too_many(conn->io)) {
        request_unref(request); /* the application's */
        connection_refuse_because(conn, 503, "Service Unavailable");
        return;
    }
    fence_hold(&conn->io->fence, request);
}


static void
connection_read_stop(struct connection *conn)
{
    if (conn->reading) {
        conn->reading = false;
        uv_read_stop(&conn->stream);
    }
}


bool
connection_pause(struct connection *conn)
{
    struct request *request = conn->request;
    connection_read_stop(conn);
    atomic_store(&request->body_paused, true);
    if (atomic_load(&request->body_unread) <= BODY_LOW_WATER
        && atomic_exchange(&request->body_paused, false)) {
        connection_read_start(conn); /* it caught up just now */
        return false;
    }
    return true;
}


/* Feed the parser; returns the number of bytes that belong to this request. */
static size_t
connection_parse(struct connection *conn, const char *data, size_t size)
{
    size_t used;
    bool running = conn->request != NULL;
    enum http1_result result = http1_feed(&conn->http, data, size, &used);
    if (!running && conn->http.head_complete) {
        connection_start(conn);
    }
    if (result == HTTP1_BAD) {
        connection_refuse(conn, conn->http.status);
        return size;
    }
    if (running && !conn->ended) {
        io_post_event(conn->io, conn->request, EVENT_BODY);
    }
    if (result == HTTP1_MORE && conn->request != NULL && !conn->ended
        && atomic_load(&conn->request->body_unread) > BODY_HIGH_WATER) {
        (void)connection_pause(conn); /* the parser keeps nothing back */
    }
    return used;
}


void
connection_keep(struct connection *conn, const char *data, size_t size)
{
    if (conn->input_start == conn->input_size) {
        conn->input_start = conn->input_size = 0;
    }
    if (conn->input_size + size > conn->input_space) {
        size_t space = conn->input_size + size;
        char *input = realloc(conn->input, space);
        if (input == NULL) {
            connection_close(conn);
            return;
        }
        conn->input = input;
        conn->input_space = space;
    }
    memcpy(conn->input + conn->input_size, data, size);
    conn->input_size += size;
    if (conn->input_size >= INPUT_LIMIT) {
        connection_read_stop(conn);
    }
}


/* Between requests, or in the head of the next one: neither may last. */
static void
connection_watch_time(struct connection *conn)
{
    if (conn->closing || conn->lingering || conn->request != NULL
        || conn->responded) {
        return;
    }
    bool in_head = http1_begun(&conn->http);
    if (!in_head) {
        io_idle_add(conn->io, conn, conn->io->keep_alive);
    }
    else if (!conn->in_head) {
        io_idle_add(conn->io, conn, conn->io->head_time);
    }
    conn->in_head = in_head;
}


static void
connection_read(struct connection *conn, const char *data, size_t size)
{
    if (conn->lingering || (conn->ended && conn->last)) {
        return;
    }
    if (conn->websocket != NULL) {
        websocket_receive(conn, data, size);
        return;
    }
    if (!conn->http.message_complete) {
        size_t used = connection_parse(conn, data, size);
        data += used;
        size -= used;
        connection_watch_time(conn);
    }
    if (size > 0 && !conn->closing) {
        connection_keep(conn, data, size);
    }
    if (conn->ended && conn->output == NULL && !conn->closing) {
        connection_rest(conn); /* the rest of a body nobody wanted is in */
    }
}


static void
connection_at_eof(struct connection *conn)
{
    conn->eof = true;
    connection_read_stop(conn);
    if (conn->websocket != NULL && conn->ended) {
        return; /* closed by both sides: our answer is on its way */
    }
    if (conn->lingering || conn->request == NULL || conn->websocket != NULL
        || !conn->http.message_complete) {
        connection_close(conn);
        return;
    }
    /* The client may have closed one direction only: it gets its answer. */
    io_post_event(conn->io, conn->request, EVENT_EOF);
}


/* TLS: what came from the socket, to plain bytes. */
static void
connection_unseal(struct connection *conn, const char *data, size_t size)
{
    char *plain = conn->io->plain;
    long n = tls_feed(conn->tls, data, size) == 0 ? 1 : TLS_BROKEN;
    while (n > 0 && !conn->closing) {
        n = tls_read(conn->tls, plain, READ_SIZE);
        if (n > 0) {
            connection_read(conn, plain, (size_t)n);
        }
    }
    if (!conn->closing && tls_pending(conn->tls, &plain) > 0) {
        connection_flush(conn); /* the handshake's part, or an alert */
    }
    if (conn->closing) {
        return;
    }
    if (n == TLS_END && !conn->eof) {
        connection_at_eof(conn);
    }
    else if (n == TLS_BROKEN) {
        connection_close(conn);
    }
}


static void
on_read(uv_stream_t *stream, ssize_t size, const uv_buf_t *buffer)
{
    struct connection *conn = stream->data;
    if (size > 0 && conn->tls != NULL) {
        connection_unseal(conn, buffer->base, (size_t)size);
    }
    else if (size > 0) {
        connection_read(conn, buffer->base, (size_t)size);
    }
    else if (size == UV_EOF) {
        connection_at_eof(conn);
    }
    else if (size < 0) {
        connection_close(conn);
    }
}


static void
on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *buffer)
{
    (void)suggested;
    struct connection *conn = handle->data;
    buffer->base = conn->io->buffer;
    buffer->len = READ_SIZE;
}


void
connection_read_start(struct connection *conn)
{
    if (!conn->reading && !conn->closing && !conn->eof) {
        conn->reading = true;
        /* Fails only on a stream that is closing or not connected. */
        (void)uv_read_start(&conn->stream, on_alloc, on_read);
    }
}


void
connection_resume(struct connection *conn)
{
    if (conn->websocket != NULL) {
        websocket_resume(conn);
        return;
    }
    connection_read_start(conn);
}


/* The response is written and the request read: on to the next one. */
static void
connection_advance(struct connection *conn)
{
    struct request *request = conn->request;
    conn->request = NULL;
    conn->ended = conn->responded = false;
    http1_next(&conn->http);
    if (request != NULL) {
        request_unref(request);
    }
    if (conn->input_start < conn->input_size) {
        conn->input_start +=
            connection_parse(conn, conn->input + conn->input_start,
                             conn->input_size - conn->input_start);
    }
    else if (conn->eof || conn->io->stopping) {
        connection_close(conn);
        return;
    }
    connection_watch_time(conn);
    if (conn->eof && conn->output == NULL
        && (conn->request == NULL || !conn->http.message_complete)) {
        connection_close(conn); /* what is missing never comes */
    }
    else if (conn->input_size - conn->input_start < INPUT_LIMIT) {
        connection_read_start(conn);
    }
}


void
connection_rest(struct connection *conn)
{
    if (conn->websocket != NULL && !conn->ended) {
        websocket_drained(conn);
    }
    if (conn->lingering || !conn->ended) {
        return;
    }
    if (conn->last) {
        connection_end(conn);
    }
    else if (conn->http.message_complete) {
        connection_advance(conn);
    }
    else if (conn->eof) {
        connection_close(conn);
    }
    else {
        conn->http.discard = true; /* the rest of the body, if it comes soon */
        io_idle_add(conn->io, conn, conn->io->keep_alive);
        connection_read_start(conn);
    }
}


void
connection_finish(struct connection *conn)
{
    if (conn->websocket != NULL) {
        websocket_leave(conn);
    }
    else if (conn->request == NULL && conn->output == NULL) {
        connection_close(conn);
    }
    /* Else connection_advance sees that the thread stops. */
}


/* Accepting. */

static void
address_from(struct address *address, const struct sockaddr_storage *storage)
{
    const void *any = storage;
    address->port = -2;
    if (storage->ss_family == AF_INET) {
        const struct sockaddr_in *in = any;
        uv_ip4_name(in, address->host, sizeof address->host);
        address->port = ntohs(in->sin_port);
    }
    else if (storage->ss_family == AF_INET6) {
        const struct sockaddr_in6 *in6 = any;
        uv_ip6_name(in6, address->host, sizeof address->host);
        address->port = ntohs(in6->sin6_port);
    }
    else if (storage->ss_family == AF_UNIX) {
        const struct sockaddr_un *un = any;
        snprintf(address->host, sizeof address->host, "%s", un->sun_path);
        address->port = -1;
    }
}


static void
connection_read_addresses(struct connection *conn)
{
    uv_os_fd_t fd;
    conn->client.port = conn->server.port = -2;
    if (uv_fileno(&conn->handle, &fd) < 0) {
        return;
    }
    struct sockaddr_storage storage = {0};
    socklen_t size = sizeof storage;
    if (getpeername(fd, (struct sockaddr *)&storage, &size) == 0) {
        address_from(&conn->client, &storage);
    }
    storage = (struct sockaddr_storage){0};
    size = sizeof storage;
    if (getsockname(fd, (struct sockaddr *)&storage, &size) == 0) {
        address_from(&conn->server, &storage);
    }
}


static struct connection *
connection_new(struct io *io, bool is_pipe)
{
    struct connection *conn = calloc(1, sizeof *conn);
    if (conn == NULL) {
        return NULL;
    }
    int status = is_pipe ? uv_pipe_init(&io->loop, &conn->pipe, 0)
                         : uv_tcp_init(&io->loop, &conn->tcp);
    if (status < 0) {
        free(conn);
        return NULL;
    }
    conn->stream.data = conn;
    conn->io = io;
    conn->id = ++io->last_id;
    conn->output_end = &conn->output;
    atomic_init(&conn->refs, 1);
    http1_init(&conn->http, conn, io->head_limit);
    conn->next = io->connections;
    conn->link = &io->connections;
    if (conn->next != NULL) {
        conn->next->link = &conn->next;
    }
    io->connections = conn;
    io->open_handles++;
    io_count(io, IO_CONNECTIONS, 1);
    io_count(io, IO_ACCEPTED, 1);
    return conn;
}


/* False without memory. */
static bool
connection_start_tls(struct connection *conn)
{
    char error[TLS_ERROR_SIZE];
    if (!tls_context_refresh(conn->io->tls, error)) {
        io_complain(conn->io, "%s; the certificate from before stays", error);
    }
    conn->tls = tls_new(conn->io->tls);
    return conn->tls != NULL;
}


bool
connection_accept(struct io *io, uv_stream_t *listener)
{
    bool is_pipe = listener->type == UV_NAMED_PIPE;
    struct connection *conn = connection_new(io, is_pipe);
    if (conn == NULL) {
        return false;
    }
    if (uv_accept(listener, &conn->stream) < 0) {
        connection_close(conn);
        return true;
    }
    if (!is_pipe) {
        uv_tcp_nodelay(&conn->tcp, 1);
    }
    if (io->tls != NULL && !connection_start_tls(conn)) {
        connection_close(conn);
        return true;
    }
    connection_read_addresses(conn);
    io_idle_add(io, conn, io->head_time);
    connection_read_start(conn);
    return true;
}
