/* The WebSocket protocol (RFC 6455, RFC 7692): bytes in, messages out.
 *
 * Responsibilities: what may follow what, UTF-8, sizes, close codes,
 * decompression; frames are websocket_frame.c's. It fails at the first byte
 * that cannot stand where it stands; what was complete before has been told by
 * then. Knows nothing of sockets or Python, so that it can be fuzzed by itself.
 * One thread at a time. */

#ifndef HMR_ASGI_WEBSOCKET_H
#define HMR_ASGI_WEBSOCKET_H

#include "request.h" /* struct chunk */
#include "utf8.h"
#include "websocket_deflate.h"
#include "websocket_frame.h"

enum {
    CLOSE_REASON_LIMIT = CONTROL_LIMIT - 2,
};

/* Close codes (7.4.1). */
enum {
    CLOSE_NORMAL = 1000,
    CLOSE_LEAVING = 1001,
    CLOSE_PROTOCOL = 1002,
    CLOSE_NO_CODE = 1005,  /* never sent */
    CLOSE_ABNORMAL = 1006, /* never sent */
    CLOSE_BAD_DATA = 1007,
    CLOSE_TOO_BIG = 1009,
    CLOSE_INTERNAL = 1011,
    CLOSE_RESTART = 1012,
};

enum websocket_event {
    WEBSOCKET_MORE,    /* all bytes were used, more are needed */
    WEBSOCKET_MESSAGE, /* websocket_take gives it */
    WEBSOCKET_PING,    /* .control is the payload to send back */
    WEBSOCKET_PONG,
    WEBSOCKET_CLOSE, /* .code and .control, the reason; read no further */
    WEBSOCKET_FAIL,  /* close with .code and .control; read no further */
};

struct websocket {
    const char *input; /* not yet read. Borrowed. */
    size_t input_size;
    uint64_t max_size; /* bytes of a message, decompressed */
    struct codec codec;

    struct frame_reader reader;
    struct frame frame; /* the one that is being read, if in_frame */
    bool in_frame;
    uint64_t frame_rest; /* payload that is still to come */

    bool in_message;
    bool compressed;
    uint8_t message_opcode; /* FRAME_TEXT or FRAME_BINARY */
    struct utf8 utf8;
    struct chunk *message; /* Owned, or NULL. */
    size_t message_space;

    uint16_t code;
    size_t control_size;
    uint8_t control[CONTROL_LIMIT];
};

void websocket_init(struct websocket *ws, const struct deflate_terms *terms,
                    uint64_t max_size);
void websocket_fini(struct websocket *ws);

/* Read on in the input that was given (websocket_give), until something has
 * happened. What it left of the input is .input_size. */
enum websocket_event websocket_read(struct websocket *ws);

static inline void
websocket_give(struct websocket *ws, const char *data, size_t size)
{
    ws->input = data;
    ws->input_size = size;
}


/* The message; its letter's kind is LETTER_TEXT or LETTER_BINARY. The caller
 * frees it. */
struct chunk *websocket_take(struct websocket *ws);

/* May this code stand in a close frame (7.4)? */
bool websocket_code_is_valid(unsigned code);

#endif
