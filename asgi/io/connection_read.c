/* A connection's input: to the parser, decrypted on the way where it is TLS;
 * what came too early is kept, and reading stops where nobody takes it. See
 * connection.h. */

#include "connection.h"

#include "connection_parts.h"
#include "io_thread.h"
#include "websocket_handshake.h"
#include "websocket_io.h"

#include <stdlib.h>
#include <string.h>


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


size_t
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


void
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
