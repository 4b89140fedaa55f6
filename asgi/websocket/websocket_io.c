/* What comes, the timer, beginning and end. See websocket_io.h. */

#include "websocket_io.h"

#include "io_thread.h"
#include "websocket_handshake.h"
#include "websocket_parts.h"

#include <stdlib.h>
#include <string.h>

enum {
    FAIL_PATIENCE = 250,  /* milliseconds for the application's last answers */
    STOPPED_SHORT = 1000, /* a timer that is later: the process stood still */
};

static void on_timer(uv_timer_t *timer);


/* Time. */

void
websocket_set_timer(struct websocket_io *self, enum waiting waiting,
                    uint64_t wait)
{
    self->waiting = waiting;
    self->due = uv_now(&self->conn->io->loop) + wait;
    if (wait == 0) {
        uv_timer_stop(&self->timer);
        return;
    }
    /* Fails only when it is closing. */
    (void)uv_timer_start(&self->timer, on_timer, wait, 0);
}


static const struct websocket_options *
options_of(const struct websocket_io *self)
{
    return &self->conn->io->websocket;
}


static void
timer_set_ping(struct websocket_io *self)
{
    websocket_set_timer(self, WAITING_TO_PING, options_of(self)->ping_interval);
}


/* Closing. */

void
websocket_close_finish(struct websocket_io *self, bool clean)
{
    struct connection *conn = self->conn;
    self->ended = true;
    conn->http.message_complete = clean; /* else linger: more may come */
    connection_end_after_output(conn);
}


/* Tell the application how it ended, behind the messages before. */
static void
close_deliver(struct websocket_io *self, enum letter_kind kind, uint16_t code,
              const void *reason, size_t size)
{
    struct request *request = self->conn->request;
    struct chunk *chunk = malloc(sizeof *chunk + 2 + size);
    if (chunk != NULL) {
        chunk->letter.kind = kind;
        chunk->size = 2 + size;
        chunk->cost = 0;
        memcpy(chunk->data, &code, 2);
        memcpy(chunk->data + 2, reason, size);
        request_add_chunk(request, chunk);
    } /* else it hears that the client is gone */
    io_post_event(self->conn->io, request,
                  kind == LETTER_CLOSE ? EVENT_BODY | EVENT_DISCONNECT
                                       : EVENT_BODY);
}


/* Receiving. */

static void
message_deliver(struct websocket_io *self)
{
    struct request *request = self->conn->request;
    struct chunk *message = websocket_take(&self->protocol);
    if (self->close_sent) {
        free(message); /* the application has said that it is done */
        return;
    }
    message->cost = message->size + options_of(self)->message_cost;
    request_add_chunk(request, message);
    io_post_event(self->conn->io, request, EVENT_BODY);
}


static void
on_ping(struct websocket_io *self)
{
    struct websocket *ws = &self->protocol;
    if (self->close_sent) {
        return;
    }
    if (atomic_load(&self->conn->request->unwritten) > SOCKET_HIGH_WATER) {
        /* The client does not read: only the latest is answered (5.5.3). */
        self->owes_pong = true;
        self->pong_size = ws->control_size;
        memcpy(self->pong, ws->control, ws->control_size);
        return;
    }
    websocket_send_control(self, FRAME_PONG, ws->control, ws->control_size);
}


void
websocket_drained(struct connection *conn)
{
    struct websocket_io *self = conn->websocket;
    if (self->owes_pong) {
        self->owes_pong = false;
        websocket_send_control(self, FRAME_PONG, self->pong, self->pong_size);
    }
}


static void
on_close(struct websocket_io *self)
{
    struct websocket *ws = &self->protocol;
    if (!self->close_sent) {
        close_deliver(self, LETTER_CLOSE, ws->code, ws->control,
                      ws->control_size);
        websocket_send_close(self, ws->code, "", 0);
    }
    websocket_close_finish(self, true);
}


/* What was good before is still to be answered: our close frame waits until the
 * application has come to this point, though not for long. */
static void
on_fail(struct websocket_io *self)
{
    struct websocket *ws = &self->protocol;
    if (self->close_sent) {
        websocket_close_finish(self, false);
        return;
    }
    self->failing = self->ended = true;
    close_deliver(self, LETTER_FAIL, ws->code, ws->control, ws->control_size);
    websocket_set_timer(self, WAITING_TO_FAIL, FAIL_PATIENCE);
}


static void
on_event(struct websocket_io *self, enum websocket_event event)
{
    switch (event) {
    case WEBSOCKET_MORE:
        break;
    case WEBSOCKET_MESSAGE:
        message_deliver(self);
        break;
    case WEBSOCKET_PING:
        on_ping(self);
        break;
    case WEBSOCKET_PONG:
        if (self->waiting == WAITING_FOR_PONG) {
            timer_set_ping(self);
        }
        break;
    case WEBSOCKET_CLOSE:
        on_close(self);
        break;
    case WEBSOCKET_FAIL:
        on_fail(self);
        break;
    }
}


/* Read the input until it ends or the application has enough; what is left
 * stays with the connection. */
static void
websocket_feed(struct connection *conn, const char *data, size_t size)
{
    struct websocket_io *self = conn->websocket;
    struct websocket *ws = &self->protocol;
    enum websocket_event event = WEBSOCKET_PING;
    websocket_give(ws, data, size);
    while (event != WEBSOCKET_MORE && !self->ended) {
        event = websocket_read(ws);
        on_event(self, event);
        if (conn->closing) {
            return; /* and `self` is gone */
        }
        if (event == WEBSOCKET_MESSAGE && !self->close_sent
            && atomic_load(&conn->request->body_unread) > SOCKET_HIGH_WATER
            && connection_pause(conn)) {
            self->paused = true;
            if (ws->input_size > 0) {
                connection_keep(conn, ws->input, ws->input_size);
            }
            return;
        }
    }
}


void
websocket_receive(struct connection *conn, const char *data, size_t size)
{
    struct websocket_io *self = conn->websocket;
    self->heard = true;
    if (self->ended) {
        return;
    }
    if (self->paused) {
        connection_keep(conn, data, size);
        return;
    }
    websocket_feed(conn, data, size);
}


void
websocket_resume(struct connection *conn)
{
    struct websocket_io *self = conn->websocket;
    self->paused = false;
    char *input = conn->input;
    size_t start = conn->input_start, size = conn->input_size;
    conn->input = NULL;
    conn->input_start = conn->input_size = conn->input_space = 0;
    websocket_feed(conn, input + start, size - start);
    free(input);
    if (conn->closing || self->paused) {
        return;
    }
    if (conn->eof) {
        connection_end_after_output(conn); /* what is missing never comes */
    }
    else {
        connection_read_start(conn);
    }
}


/* The timer. */

static void
on_timer(uv_timer_t *timer)
{
    struct websocket_io *self = timer->data;
    struct connection *conn = self->conn;
    uint64_t timeout = options_of(self)->ping_timeout;
    uint64_t now = uv_now(&conn->io->loop);
    switch (self->waiting) {
    case WAITING_TO_PING:
        self->heard = false;
        websocket_send_control(self, FRAME_PING, "", 0);
        if (timeout > 0) {
            websocket_set_timer(self, WAITING_FOR_PONG, timeout);
        }
        else {
            timer_set_ping(self);
        }
        break;
    case WAITING_FOR_PONG:
        if (self->heard || self->paused || now > self->due + STOPPED_SHORT) {
            timer_set_ping(self);
            break;
        }
        static const char REASON[] = "keepalive ping timeout";
        close_deliver(self, LETTER_CLOSE, CLOSE_INTERNAL, REASON,
                      sizeof REASON - 1);
        websocket_send_close(self, CLOSE_INTERNAL, REASON, sizeof REASON - 1);
        websocket_close_finish(self, false);
        break;
    case WAITING_TO_FAIL:
        io_post_event(conn->io, conn->request, EVENT_DISCONNECT);
        websocket_fail_finish(self);
        break;
    case WAITING_FOR_CLOSE:
        connection_close(conn);
        return;
    }
    io_flush(conn->io);
}


/* Beginning and end. */

void
websocket_start(struct connection *conn)
{
    struct io *io = conn->io;
    struct websocket_io *self = calloc(1, sizeof *self);
    if (self == NULL) {
        connection_close(conn);
        return;
    }
    websocket_init(&self->protocol, &conn->request->offer->deflate,
                   io->websocket.max_size);
    self->conn = conn;
    uv_timer_init(&io->loop, &self->timer);
    self->timer.data = self;
    io->open_handles++;
    conn->websocket = self;
    timer_set_ping(self);
    if (io->stopping) {
        websocket_leave(conn);
    }
    websocket_resume(conn);
}


static void
on_closed(uv_handle_t *handle)
{
    struct websocket_io *self = handle->data;
    io_on_handle_closed(handle);
    connection_unref(self->conn);
    free(self);
}


void
websocket_end(struct connection *conn)
{
    struct websocket_io *self = conn->websocket;
    conn->websocket = NULL;
    websocket_fini(&self->protocol);
    connection_ref(conn);
    uv_close((uv_handle_t *)&self->timer, on_closed);
}


void
websocket_leave(struct connection *conn)
{
    struct websocket_io *self = conn->websocket;
    if (self->close_sent) {
        websocket_set_timer(self, WAITING_FOR_CLOSE, LEAVE_PATIENCE);
        return;
    }
    if (self->failing) {
        websocket_fail_finish(self);
        return;
    }
    close_deliver(self, LETTER_CLOSE, conn->io->leave_code, "", 0);
    websocket_send_close(self, conn->io->leave_code, "", 0);
    if (self->paused) {
        websocket_resume(conn);
    }
}
