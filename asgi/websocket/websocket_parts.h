/* What the files websocket_io.c and websocket_send.c share. */

#ifndef HMR_ASGI_WEBSOCKET_PARTS_H
#define HMR_ASGI_WEBSOCKET_PARTS_H

#include "websocket.h"
#include "websocket_io.h"

enum {
    LEAVE_PATIENCE =
        300, /* milliseconds for a close frame when the server ends */
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

/* Milliseconds; 0: none. */
void websocket_set_timer(struct websocket_io *self, enum waiting waiting,
                         uint64_t wait);

/* A ping or a pong: what cannot be sent without memory is lost. */
void websocket_send_control(struct websocket_io *self, uint8_t opcode,
                            const void *payload, size_t size);

/* Say that nothing more comes. Once. */
void websocket_send_close(struct websocket_io *self, uint16_t code,
                          const void *reason, size_t size);

/* Both sides have said it, or the client is not to be trusted: close the
 * connection when all is written; the server goes first (7.1.1). */
void websocket_close_finish(struct websocket_io *self, bool clean);

/* Close because of what the client sent. */
void websocket_fail_finish(struct websocket_io *self);

#endif
