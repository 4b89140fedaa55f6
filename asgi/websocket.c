/* See websocket.h. */

#include "websocket.h"

#include <stdlib.h>
#include <string.h>

enum {
    SPACE_FIRST = 65536, /* at most, until more than that has come */
    SPACE_LEAST = 256,
};


/* Between wslay and the bytes. */

static ssize_t
on_receive(uint8_t *buffer, size_t size, int flags, void *user_data)
{
    (void)flags;
    struct websocket *ws = user_data;
    size_t part = size < ws->input_size ? size : ws->input_size;
    if (part == 0) {
        return -1;
    }
    memcpy(buffer, ws->input, part);
    ws->input += part;
    ws->input_size -= part;
    return (ssize_t)part;
}


/* wslay gives the header, then the payload, which stays where it is. */
static ssize_t
on_send(const uint8_t *data, size_t size, int flags, void *user_data)
{
    (void)flags;
    struct websocket *ws = user_data;
    if (ws->header_size == 0) {
        memcpy(ws->header, data, size);
        ws->header_size = size;
    }
    return (ssize_t)size;
}


static int
on_mask(uint8_t *buffer, size_t size, void *user_data)
{
    (void)buffer;
    (void)size;
    (void)user_data;
    return -1; /* a server masks nothing (5.1) */
}


int
websocket_init(struct websocket *ws, const struct deflate_terms *terms,
               uint64_t max_size)
{
    static const struct wslay_frame_callbacks CALLBACKS = {
        .send_callback = on_send,
        .recv_callback = on_receive,
        .genmask_callback = on_mask,
    };
    memset(ws, 0, sizeof *ws);
    ws->max_size = max_size;
    ws->codec.terms = *terms;
    return wslay_frame_context_init(&ws->frames, &CALLBACKS, ws);
}


void
websocket_fini(struct websocket *ws)
{
    if (ws->frames != NULL) {
        wslay_frame_context_free(ws->frames);
        ws->frames = NULL;
    }
    codec_fini(&ws->codec);
    free(ws->message);
    ws->message = NULL;
}


/* Failing. */

static enum websocket_event
websocket_fail(struct websocket *ws, uint16_t code, const char *reason)
{
    ws->code = code;
    ws->control_size = strlen(reason);
    memcpy(ws->control, reason, ws->control_size);
    return WEBSOCKET_FAIL;
}


bool
websocket_code_is_valid(unsigned code)
{
    return (code >= 1000 && code <= 1003) || (code >= 1007 && code <= 1014)
           || (code >= 3000 && code <= 4999);
}


/* Messages. */

/* Room for `more` bytes; false without memory. */
static bool
message_reserve(struct websocket *ws, size_t more)
{
    size_t size = ws->message == NULL ? 0 : ws->message->size;
    if (ws->message != NULL && ws->message_space - size >= more) {
        return true;
    }
    size_t space = ws->message == NULL ? SPACE_LEAST : ws->message_space * 2;
    if (space < size + more) {
        space = size + more;
    }
    struct chunk *message = realloc(ws->message, sizeof *message + space);
    if (message == NULL) {
        return false;
    }
    message->size = size;
    ws->message = message;
    ws->message_space = space;
    return true;
}


/* `size` bytes were written behind the message. */
static enum websocket_event
message_grown(struct websocket *ws, size_t size)
{
    struct chunk *message = ws->message;
    const uint8_t *added = (const uint8_t *)message->data + message->size;
    uint64_t room = ws->max_size - message->size;
    size_t within = size < room ? size : (size_t)room;
    message->size += size;
    if (ws->message_opcode == WSLAY_TEXT_FRAME
        && !utf8_feed(&ws->utf8, added, within)) {
        return websocket_fail(ws, CLOSE_BAD_DATA, "invalid UTF-8");
    }
    if (within < size) {
        return websocket_fail(ws, CLOSE_TOO_BIG, "message too big");
    }
    return WEBSOCKET_MORE;
}


static enum websocket_event
message_inflate(struct websocket *ws, const uint8_t *data, size_t size)
{
    for (;;) {
        if (!message_reserve(ws, SPACE_LEAST)) {
            return websocket_fail(ws, CLOSE_INTERNAL, "out of memory");
        }
        struct chunk *message = ws->message;
        size_t space = ws->message_space - message->size;
        size_t used, made;
        int status = codec_unpack(&ws->codec, data, size, &used,
                                  (uint8_t *)message->data + message->size,
                                  space, &made);
        enum websocket_event event = message_grown(ws, made);
        if (event == WEBSOCKET_MORE && status < 0) {
            event = websocket_fail(ws, CLOSE_BAD_DATA, "invalid DEFLATE data");
        }
        data += used;
        size -= used;
        if (event != WEBSOCKET_MORE || (size == 0 && made < space)) {
            return event;
        }
    }
}


static enum websocket_event
message_add(struct websocket *ws, const uint8_t *data, size_t size)
{
    if (ws->compressed) {
        return message_inflate(ws, data, size);
    }
    if (!message_reserve(ws, size)) {
        return websocket_fail(ws, CLOSE_INTERNAL, "out of memory");
    }
    memcpy(ws->message->data + ws->message->size, data, size);
    return message_grown(ws, size);
}


static enum websocket_event
message_end(struct websocket *ws)
{
    if (ws->compressed) {
        enum websocket_event event =
            message_inflate(ws, DEFLATE_END, DEFLATE_TAIL);
        if (event != WEBSOCKET_MORE) {
            return event;
        }
        codec_unpacked(&ws->codec);
    }
    if (!utf8_is_complete(&ws->utf8)) {
        return websocket_fail(ws, CLOSE_BAD_DATA, "invalid UTF-8");
    }
    ws->in_message = false;
    return WEBSOCKET_MESSAGE;
}


struct chunk *
websocket_take(struct websocket *ws)
{
    struct chunk *message = ws->message;
    ws->message = NULL;
    message->letter.kind =
        ws->message_opcode == WSLAY_TEXT_FRAME ? LETTER_TEXT : LETTER_BINARY;
    return message;
}


/* Frames. */

/* The first frame of a message, or a later one (5.4); its size is known. */
static enum websocket_event
data_frame_begin(struct websocket *ws, const struct wslay_frame_iocb *frame)
{
    bool begins = frame->opcode != WSLAY_CONTINUATION_FRAME;
    if (begins == ws->in_message) {
        return websocket_fail(ws, CLOSE_PROTOCOL,
                              begins ? "a message in a message"
                                     : "nothing to continue");
    }
    if (begins) {
        ws->in_message = true;
        ws->compressed = wslay_get_rsv1(frame->rsv);
        ws->message_opcode = frame->opcode;
        ws->utf8 = (struct utf8){0};
    }
    size_t size = ws->message == NULL ? 0 : ws->message->size;
    if (!ws->compressed && frame->payload_length > ws->max_size - size) {
        return websocket_fail(ws, CLOSE_TOO_BIG, "message too big");
    }
    size_t expected = frame->payload_length < SPACE_FIRST
                          ? (size_t)frame->payload_length
                          : SPACE_FIRST;
    if (!message_reserve(ws, expected)) {
        return websocket_fail(ws, CLOSE_INTERNAL, "out of memory");
    }
    return WEBSOCKET_MORE;
}


static enum websocket_event
frame_begin(struct websocket *ws, const struct wslay_frame_iocb *frame)
{
    bool control = wslay_is_ctrl_frame(frame->opcode);
    bool may_compress = ws->codec.terms.agreed && !control
                        && frame->opcode != WSLAY_CONTINUATION_FRAME;
    if (!frame->mask) {
        return websocket_fail(ws, CLOSE_PROTOCOL, "frame without a mask");
    }
    if (frame->rsv & ~(may_compress ? WSLAY_RSV1_BIT : WSLAY_RSV_NONE)) {
        return websocket_fail(ws, CLOSE_PROTOCOL, "reserved bit");
    }
    if (frame->opcode > WSLAY_PONG
        || (frame->opcode > WSLAY_BINARY_FRAME && !control)) {
        return websocket_fail(ws, CLOSE_PROTOCOL, "reserved opcode");
    }
    ws->in_frame = true;
    ws->final = frame->fin;
    ws->opcode = frame->opcode;
    ws->frame_rest = frame->payload_length;
    if (control) {
        ws->control_size = 0;
        return WEBSOCKET_MORE;
    }
    return data_frame_begin(ws, frame);
}


static enum websocket_event
close_end(struct websocket *ws)
{
    size_t size = ws->control_size;
    ws->code = CLOSE_NO_CODE;
    if (size == 0) {
        return WEBSOCKET_CLOSE;
    }
    if (size == 1) {
        return websocket_fail(ws, CLOSE_PROTOCOL, "half a close code");
    }
    ws->code = (uint16_t)(ws->control[0] << 8 | ws->control[1]);
    if (!websocket_code_is_valid(ws->code)) {
        return websocket_fail(ws, CLOSE_PROTOCOL, "invalid close code");
    }
    struct utf8 utf8 = {0};
    if (!utf8_feed(&utf8, ws->control + 2, size - 2)
        || !utf8_is_complete(&utf8)) {
        return websocket_fail(ws, CLOSE_BAD_DATA, "invalid UTF-8");
    }
    ws->control_size = size - 2;
    memmove(ws->control, ws->control + 2, size - 2);
    return WEBSOCKET_CLOSE;
}


static enum websocket_event
frame_end(struct websocket *ws)
{
    ws->in_frame = false;
    switch (ws->opcode) {
    case WSLAY_CONNECTION_CLOSE:
        return close_end(ws);
    case WSLAY_PING:
        return WEBSOCKET_PING;
    case WSLAY_PONG:
        return WEBSOCKET_PONG;
    default:
        return ws->final ? message_end(ws) : WEBSOCKET_MORE;
    }
}


/* A piece of a frame; wslay repeats what its header says. */
static enum websocket_event
frame_add(struct websocket *ws, const struct wslay_frame_iocb *frame)
{
    enum websocket_event event = WEBSOCKET_MORE;
    if (!ws->in_frame) {
        event = frame_begin(ws, frame);
    }
    if (event != WEBSOCKET_MORE) {
        return event;
    }
    ws->frame_rest -= frame->data_length;
    if (wslay_is_ctrl_frame(ws->opcode)) {
        memcpy(ws->control + ws->control_size, frame->data, frame->data_length);
        ws->control_size += frame->data_length;
    }
    else {
        event = message_add(ws, frame->data, frame->data_length);
    }
    if (event == WEBSOCKET_MORE && ws->frame_rest == 0) {
        event = frame_end(ws);
    }
    return event;
}


enum websocket_event
websocket_read(struct websocket *ws)
{
    enum websocket_event event;
    do {
        struct wslay_frame_iocb frame = {0};
        ssize_t status = wslay_frame_recv(ws->frames, &frame);
        if (status == WSLAY_ERR_WANT_READ) {
            return WEBSOCKET_MORE;
        }
        if (status < 0) {
            return websocket_fail(ws, CLOSE_PROTOCOL, "invalid frame");
        }
        event = frame_add(ws, &frame);
    } while (event == WEBSOCKET_MORE);
    return event;
}


size_t
websocket_write_header(struct websocket *ws, uint8_t opcode, bool compressed,
                       const void *payload, size_t size,
                       uint8_t header[FRAME_HEADER_LIMIT])
{
    struct wslay_frame_iocb frame = {
        .fin = 1,
        .rsv = compressed ? WSLAY_RSV1_BIT : WSLAY_RSV_NONE,
        .opcode = opcode,
        .payload_length = size,
        .data = payload,
        .data_length = size,
    };
    ws->header_size = 0;
    /* Fails only on a control frame that is too long, which nobody makes. */
    (void)wslay_frame_send(ws->frames, &frame);
    memcpy(header, ws->header, ws->header_size);
    return ws->header_size;
}
