/* A connection's life: requests one after the other, refusals, two phases of
 * closing. See connection.h. */

#include "connection.h"

#include "connection_parts.h"
#include "handover.h"
#include "io_thread.h"
#include "status.h"
#include "websocket_io.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    LINGER = 1000, /* milliseconds for the client to see our end */
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
        (void)direct_shut(&request->direct);
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
    io_on_handle_closed(handle);
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


/* Refusing. */

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
    bool responded = conn->responded;
    if (conn->request != NULL && direct_shut(&conn->request->direct)) {
        responded = true; /* and the letter is on its way */
    }
    if (responded) {
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


/* The next request. */

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
    if (connection_hand_over(conn)) {
        return;
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
    else if (!connection_hand_over(conn) && conn->request == NULL
             && conn->output == NULL) {
        connection_close(conn);
    }
    /* Else connection_advance sees that the thread stops. */
}
