/* See websocket_io.h. */

#include "websocket_io.h"

#include "io_thread.h"
#include "websocket.h"
#include "websocket_handshake.h"

#include <stdlib.h>
#include <string.h>

enum {
    CLOSE_PATIENCE = 10000, /* milliseconds for the client's close frame */
    PACK_LIMIT = 1 << 30,   /* bytes; zlib counts in 32 bits */
    LEAVE_PATIENCE = 300,   /* ... when the server ends */
    FAIL_PATIENCE = 250,    /* ... for the application's last answers */
    STOPPED_SHORT = 1000,   /* a timer that is later: the process stood still */
};

/* What the timer is for. */
enum waiting {
    WAITING_TO_PING,
    WAITING_FOR_PONG,
    WAITING_FOR_CLOSE,
    WAITING_TO_FAIL,
};

struct websocket_io {
    struct websocket protocol;
    struct connection *conn; /* Borrowed: it holds this struct. */
    uv_timer_t timer;
    enum waiting waiting;
    uint64_t due;     /* when the timer should fire */
    bool heard;       /* something came since the last ping */
    bool paused;      /* the application is slower than the client */
    bool close_sent;  /* no frame leaves after a close frame (5.5.1) */
    bool failing;     /* the client broke the protocol; close is not sent yet */
    bool ended;       /* what still comes is of no interest */
    bool owes_pong;   /* to the ping whose payload this is: */
    size_t pong_size; /* the queue was long when it came */
    uint8_t pong[CONTROL_LIMIT];
};

static void on_timer(uv_timer_t *timer);


/* Time. */

static void
timer_set(struct websocket_io *self, enum waiting waiting, uint64_t wait)
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
    timer_set(self, WAITING_TO_PING, options_of(self)->ping_interval);
}


/* Sending. */

static struct output *
frame_output(struct websocket_io *self, uint8_t opcode, const void *payload,
             size_t size)
{
    struct output *output =
        output_new(self->conn->request, FRAME_ROOM + CONTROL_LIMIT);
    if (output == NULL) {
        return NULL; /* a pong or a ping is lost, and may be asked for again */
    }
    memcpy(output->data + FRAME_ROOM, payload, size);
    output->size = FRAME_ROOM + size;
    uint8_t header[FRAME_HEADER_LIMIT];
    size_t header_size = frame_write(header, opcode, 0, size);
    output->done = FRAME_ROOM - header_size;
    memcpy(output->data + output->done, header, header_size);
    atomic_fetch_add(&output->request->unwritten, output->size - output->done);
    return output;
}


static void
control_send(struct websocket_io *self, uint8_t opcode, const void *payload,
             size_t size)
{
    struct output *output = frame_output(self, opcode, payload, size);
    if (output != NULL) {
        connection_send(self->conn, output);
    }
}


/* Say that nothing more comes. Once. */
static void
close_send(struct websocket_io *self, uint16_t code, const void *reason,
           size_t size)
{
    if (self->close_sent) {
        return;
    }
    uint8_t payload[CONTROL_LIMIT];
    size_t total = 0;
    if (code != CLOSE_NO_CODE) {
        payload[0] = (uint8_t)(code >> 8);
        payload[1] = (uint8_t)code;
        memcpy(payload + 2, reason, size);
        total = size + 2;
    }
    self->owes_pong = false;
    control_send(self, FRAME_CLOSE, payload, total);
    self->close_sent = true;
    timer_set(self, WAITING_FOR_CLOSE,
              self->conn->io->stopping ? LEAVE_PATIENCE : CLOSE_PATIENCE);
}


/* Both sides have said it, or the client is not to be trusted: close the
 * connection when all is written; the server goes first (7.1.1). */
static void
close_finish(struct websocket_io *self, bool clean)
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


/* Close because of what the client sent. */
static void
fail_finish(struct websocket_io *self)
{
    struct websocket *ws = &self->protocol;
    close_send(self, ws->code, ws->control, ws->control_size);
    close_finish(self, false);
}


static struct output *
output_grow(struct output *output, size_t space)
{
    struct output *grown = realloc(output, sizeof *output + space);
    if (grown == NULL) {
        output_free(output);
        return NULL;
    }
    grown->space = space;
    return grown;
}


/* The same message, compressed; its payload begins at FRAME_ROOM again. */
static struct output *
output_pack(struct websocket_io *self, struct output *plain)
{
    struct codec *codec = &self->protocol.codec;
    size_t size;
    const char *payload = output_payload(plain, &size);
    size_t space = codec_pack_begin(codec, payload, size);
    struct output *packed =
        space == 0 ? NULL : output_new(plain->request, FRAME_ROOM + space);
    if (packed == NULL) {
        return NULL;
    }
    packed->size = FRAME_ROOM;
    for (;;) {
        packed->size += codec_pack(codec, packed->data + packed->size,
                                   packed->space - packed->size);
        if (packed->size < packed->space) {
            break;
        }
        packed = output_grow(packed, packed->space * 2);
        if (packed == NULL) {
            return NULL;
        }
    }
    codec_packed(codec);
    packed->size -= DEFLATE_TAIL;
    return packed;
}


/* The application's close: two bytes of code, then the reason. */
static void
close_from_application(struct websocket_io *self, const struct output *output)
{
    uint16_t code;
    const char *payload = output->data + FRAME_ROOM;
    if (self->failing) {
        fail_finish(self);
        return;
    }
    memcpy(&code, payload, 2);
    close_send(self, code, payload + 2, output->size - FRAME_ROOM - 2);
    if (self->paused) {
        websocket_resume(self->conn); /* the client's close comes behind */
    }
}


struct output *
websocket_frame(struct connection *conn, struct output *output)
{
    struct websocket_io *self = conn->websocket;
    struct request *request = output->request;
    size_t counted = output_total(output); /* in request->unwritten */
    struct output *framed = NULL;
    if (output->flags & OUTPUT_CLOSE_FRAME) {
        close_from_application(self, output);
    }
    else if (!self->close_sent) {
        size_t size;
        (void)output_payload(output, &size);
        bool pack = self->protocol.codec.terms.agreed && size >= DEFLATE_MINIMUM
                    && size <= PACK_LIMIT;
        uint8_t opcode =
            output->flags & OUTPUT_TEXT ? FRAME_TEXT : FRAME_BINARY;
        framed = pack ? output_pack(self, output) : output;
        if (framed == NULL) {
            connection_close(conn); /* out of memory, in mid-stream */
        }
        else {
            uint8_t header[FRAME_HEADER_LIMIT];
            size_t header_size =
                frame_write(header, opcode, pack ? FRAME_RSV1 : 0,
                            output_total(framed) - FRAME_ROOM);
            framed->done = FRAME_ROOM - header_size;
            memcpy(framed->data + framed->done, header, header_size);
            atomic_fetch_add(&request->unwritten,
                             output_total(framed) - framed->done);
        }
    }
    atomic_fetch_sub(&request->unwritten, counted);
    if (framed != output) {
        output_free(output);
    }
    return framed;
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
    control_send(self, FRAME_PONG, ws->control, ws->control_size);
}


void
websocket_drained(struct connection *conn)
{
    struct websocket_io *self = conn->websocket;
    if (self->owes_pong) {
        self->owes_pong = false;
        control_send(self, FRAME_PONG, self->pong, self->pong_size);
    }
}


static void
on_close(struct websocket_io *self)
{
    struct websocket *ws = &self->protocol;
    if (!self->close_sent) {
        close_deliver(self, LETTER_CLOSE, ws->code, ws->control,
                      ws->control_size);
        close_send(self, ws->code, "", 0);
    }
    close_finish(self, true);
}


/* What was good before is still to be answered: our close frame waits until the
 * application has come to this point, though not for long. */
static void
on_fail(struct websocket_io *self)
{
    struct websocket *ws = &self->protocol;
    if (self->close_sent) {
        close_finish(self, false);
        return;
    }
    self->failing = self->ended = true;
    close_deliver(self, LETTER_FAIL, ws->code, ws->control, ws->control_size);
    timer_set(self, WAITING_TO_FAIL, FAIL_PATIENCE);
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
        control_send(self, FRAME_PING, "", 0);
        if (timeout > 0) {
            timer_set(self, WAITING_FOR_PONG, timeout);
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
        close_send(self, CLOSE_INTERNAL, REASON, sizeof REASON - 1);
        close_finish(self, false);
        break;
    case WAITING_TO_FAIL:
        io_post_event(conn->io, conn->request, EVENT_DISCONNECT);
        fail_finish(self);
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
        timer_set(self, WAITING_FOR_CLOSE, LEAVE_PATIENCE);
        return;
    }
    if (self->failing) {
        fail_finish(self);
        return;
    }
    close_deliver(self, LETTER_CLOSE, conn->io->leave_code, "", 0);
    close_send(self, conn->io->leave_code, "", 0);
    if (self->paused) {
        websocket_resume(conn);
    }
}
