/* What the two threads write to each other.
 *
 * To the application: struct request (events), struct change, struct problem,
 * spent struct output, and one LETTER_STOPPED. To the I/O thread: struct output
 * (output.h) and struct command. A letter is malloc'ed by the sender and freed
 * by the receiver, except a request, which is reference counted, and
 * LETTER_STOPPED, which is static.
 */

#ifndef HMR_ASGI_LETTERS_H
#define HMR_ASGI_LETTERS_H

#include "mailbox.h"

#include <stdint.h>

struct request;
struct pathset;
struct watchlist;

enum letter_kind {
    LETTER_CHUNK, /* in request.body */
    LETTER_TEXT,  /* likewise, from a WebSocket: a whole message */
    LETTER_BINARY,
    LETTER_CLOSE, /* likewise: a uint16_t, the close code, then the reason */
    LETTER_FAIL,  /* the same, and the I/O thread waits for a close frame */
    /* to the application */
    LETTER_REQUEST,
    LETTER_CHANGE,
    LETTER_PROBLEM,
    LETTER_SPENT, /* output whose tail was written: release its owner */
    LETTER_STOPPED,
    /* to the I/O thread */
    LETTER_OUTPUT,
    LETTER_RESUME,  /* the application took the body: read on */
    LETTER_WATCH,   /* the paths that matter from now on */
    LETTER_RELEASE, /* a change was applied: lift the fence */
    LETTER_STOP,    /* close listeners; close connections as they finish */
    LETTER_ABORT,   /* close everything now */
};

struct command {
    struct letter letter;
    struct request *request; /* LETTER_RESUME. Owned. */
    struct watchlist *list;  /* LETTER_WATCH. Owned. */
    uint64_t serial;         /* LETTER_RELEASE; LETTER_WATCH: since when;
                              * LETTER_STOP: the WebSockets' close code */
    bool hand_over;          /* LETTER_STOP: see handover.h */
};

/* Files that changed, ready to be applied. */
struct change {
    struct letter letter;
    uint64_t serial;
    struct pathset *paths; /* Owned. */
};

/* A sentence for the user. */
struct problem {
    struct letter letter;
    char text[512];
};

#endif
