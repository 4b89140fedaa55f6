/* See websocket.h. */

#include "websocket.h"

#include <stdlib.h>
#include <string.h>

enum {
    SPACE_FIRST = 65536, /* at most, until more than that has come */
    SPACE_LEAST = 256,
    UNMASK_SIZE = 4096, /* compressed bytes at a time */
};


void
websocket_init(struct websocket *ws, const struct deflate_terms *terms,
               uint64_t max_size)
{
    memset(ws, 0, sizeof *ws);
    ws->max_size = max_size;
    ws->codec.terms = *terms;
}


void
websocket_fini(struct websocket *ws)
{
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
    if (ws->message_opcode == FRAME_TEXT
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


/* The next `size` bytes of the frame's payload, masked. */
static enum websocket_event
message_add(struct websocket *ws, uint64_t offset, const char *data,
            size_t size)
{
    if (ws->compressed) {
        uint8_t plain[UNMASK_SIZE];
        enum websocket_event event = WEBSOCKET_MORE;
        while (size > 0 && event == WEBSOCKET_MORE) {
            size_t part = size < sizeof plain ? size : sizeof plain;
            frame_unmask(&ws->frame, offset, plain, data, part);
            event = message_inflate(ws, plain, part);
            offset += part;
            data += part;
            size -= part;
        }
        return event;
    }
    if (!message_reserve(ws, size)) {
        return websocket_fail(ws, CLOSE_INTERNAL, "out of memory");
    }
    frame_unmask(&ws->frame, offset, ws->message->data + ws->message->size,
                 data, size);
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
        ws->message_opcode == FRAME_TEXT ? LETTER_TEXT : LETTER_BINARY;
    return message;
}


/* Frames. */

/* The first frame of a message, or a later one (5.4); its size is known. */
static enum websocket_event
data_frame_begin(struct websocket *ws)
{
    const struct frame *frame = &ws->frame;
    bool begins = frame->opcode != FRAME_CONTINUATION;
    if (begins == ws->in_message) {
        return websocket_fail(ws, CLOSE_PROTOCOL,
                              begins ? "a message in a message"
                                     : "nothing to continue");
    }
    if (begins) {
        ws->in_message = true;
        ws->compressed = frame->rsv & FRAME_RSV1;
        ws->message_opcode = frame->opcode;
        ws->utf8 = (struct utf8){0};
    }
    size_t size = ws->message == NULL ? 0 : ws->message->size;
    if (!ws->compressed && frame->size > ws->max_size - size) {
        return websocket_fail(ws, CLOSE_TOO_BIG, "message too big");
    }
    size_t expected =
        frame->size < SPACE_FIRST ? (size_t)frame->size : SPACE_FIRST;
    if (!message_reserve(ws, expected)) {
        return websocket_fail(ws, CLOSE_INTERNAL, "out of memory");
    }
    return WEBSOCKET_MORE;
}


static enum websocket_event
frame_begin(struct websocket *ws)
{
    const struct frame *frame = &ws->frame;
    bool control = frame->opcode & FRAME_CONTROL;
    bool may_compress = ws->codec.terms.agreed && !control
                        && frame->opcode != FRAME_CONTINUATION;
    if (frame->rsv & ~(may_compress ? FRAME_RSV1 : 0)) {
        return websocket_fail(ws, CLOSE_PROTOCOL, "reserved bit");
    }
    ws->in_frame = true;
    ws->frame_rest = frame->size;
    if (control) {
        ws->control_size = 0;
        return WEBSOCKET_MORE;
    }
    return data_frame_begin(ws);
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
    switch (ws->frame.opcode) {
    case FRAME_CLOSE:
        return close_end(ws);
    case FRAME_PING:
        return WEBSOCKET_PING;
    case FRAME_PONG:
        return WEBSOCKET_PONG;
    default:
        return ws->frame.fin ? message_end(ws) : WEBSOCKET_MORE;
    }
}


/* Payload, as much of it as is there. */
static enum websocket_event
frame_add(struct websocket *ws)
{
    size_t size = ws->input_size < ws->frame_rest ? ws->input_size
                                                  : (size_t)ws->frame_rest;
    const char *data = ws->input;
    uint64_t offset = ws->frame.size - ws->frame_rest;
    ws->input += size;
    ws->input_size -= size;
    ws->frame_rest -= size;
    if (!(ws->frame.opcode & FRAME_CONTROL)) {
        return size > 0 ? message_add(ws, offset, data, size) : WEBSOCKET_MORE;
    }
    frame_unmask(&ws->frame, offset, ws->control + offset, data, size);
    ws->control_size += size;
    return WEBSOCKET_MORE;
}


static enum websocket_event
frame_start(struct websocket *ws)
{
    const char *reason;
    switch (frame_read(&ws->reader, &ws->input, &ws->input_size, &ws->frame,
                       &reason)) {
    case FRAME_READ:
        return frame_begin(ws);
    case FRAME_BAD:
        return websocket_fail(ws, CLOSE_PROTOCOL, reason);
    case FRAME_MORE:
        break;
    }
    return WEBSOCKET_MORE;
}


enum websocket_event
websocket_read(struct websocket *ws)
{
    enum websocket_event event = WEBSOCKET_MORE;
    while (event == WEBSOCKET_MORE
           && (ws->input_size > 0 || (ws->in_frame && ws->frame_rest == 0))) {
        if (!ws->in_frame) {
            event = frame_start(ws);
            continue;
        }
        event = frame_add(ws);
        if (event == WEBSOCKET_MORE && ws->frame_rest == 0) {
            event = frame_end(ws);
        }
    }
    return event;
}
