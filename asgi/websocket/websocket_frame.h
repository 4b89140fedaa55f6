/* A frame of the WebSocket protocol (RFC 6455, section 5.2): its header, and
 * its payload's mask. Knows nothing of messages. */

#ifndef HMR_ASGI_WEBSOCKET_FRAME_H
#define HMR_ASGI_WEBSOCKET_FRAME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum frame_opcode {
    FRAME_CONTINUATION = 0,
    FRAME_TEXT = 1,
    FRAME_BINARY = 2,
    FRAME_CLOSE = 8,
    FRAME_PING = 9,
    FRAME_PONG = 10,
};

enum {
    FRAME_RSV1 = 4,
    FRAME_CONTROL = 8,       /* a bit of an opcode: it is a control frame */
    CONTROL_LIMIT = 125,     /* payload of a control frame (5.5) */
    FRAME_HEADER_LIMIT = 10, /* without a mask: servers have none (5.1) */
    FRAME_MASK = 4,          /* bytes */
};

struct frame {
    bool fin;
    uint8_t rsv; /* three bits */
    uint8_t opcode;
    uint64_t size; /* of the payload */
    uint8_t mask[FRAME_MASK];
};

/* A header on its way; begins as zeros. */
struct frame_reader {
    uint8_t bytes[FRAME_HEADER_LIMIT + FRAME_MASK];
    size_t size;
};

enum frame_result {
    FRAME_MORE, /* all bytes were used */
    FRAME_READ, /* *frame is filled, and the reader begins anew */
    FRAME_BAD,  /* no client may send this; *reason says why */
};

/* Read on in a client's header, and move *data behind what was used. */
enum frame_result
frame_read(struct frame_reader *reader, const char **data, size_t *size,
           struct frame *frame, const char **reason);

/* Copy `size` bytes of payload, the first of which is number `offset`, without
 * their mask. */
void frame_unmask(const struct frame *frame, uint64_t offset, void *to,
                  const char *from, size_t size);

/* Write a server's header, of a whole message or a control frame; its size. */
size_t frame_write(uint8_t header[FRAME_HEADER_LIMIT], uint8_t opcode,
                   uint8_t rsv, uint64_t size);

#endif
