/* A request on its way from the I/O thread to the application, free of Python.
 *
 * The I/O thread fills it while it parses; once EVENT_START is posted the head
 * (target, headers, flags) is read-only. Bodies travel in chunks through a
 * mailbox of their own. Reference counted: the connection holds one reference
 * while the request is its current one, the application's side holds one, and
 * each letter under way holds one.
 */

#ifndef HMR_ASGI_REQUEST_H
#define HMR_ASGI_REQUEST_H

#include "direct.h"
#include "letters.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct connection;
struct websocket_offer;

enum {
    REQUEST_HEAD_LIMIT = 65536,  /* bytes of a head, where nobody says else */
    REQUEST_HEADER_LIMIT = 1000, /* number of headers: 431 above */
    BODY_HIGH_WATER = 262144,    /* unread bytes at which reading stops */
    BODY_LOW_WATER = 131072,     /* ... and below which it goes on */
    OUTPUT_HIGH_WATER = 65536,   /* unwritten bytes at which send() waits */
    OUTPUT_LOW_WATER = 16384,
    SOCKET_HIGH_WATER = 262144, /* both ways, of a WebSocket: whole messages */
};

/* What the I/O thread tells the application's side; bits of request.events. */
enum {
    EVENT_START = 1,      /* a new request: run it */
    EVENT_BODY = 2,       /* body bytes came, or the body is complete */
    EVENT_DISCONNECT = 4, /* the client is gone */
    EVENT_DRAINED = 8,    /* unwritten output fell below the low water */
    EVENT_EOF = 16,       /* the client sends no more; it may still read */
};

struct header {
    uint32_t name; /* offset in request.text, lower case */
    uint32_t name_size;
    uint32_t value;
    uint32_t value_size;
    uint32_t hash; /* of name and value, for the application's cache */
};

struct chunk {
    struct letter letter;
    size_t size;
    size_t cost; /* what it counts in request.body_unread */
    char data[];
};

struct request {
    struct letter letter; /* in the application's mailbox while events != 0 */
    atomic_uint events;
    atomic_int refs;
    struct connection *conn; /* Owned. */
    struct request *next;    /* behind the fence; the I/O thread's */

    uint64_t arrived;   /* uv_hrtime when the head was complete */
    const char *method; /* static */
    uint8_t minor;      /* HTTP/1.minor */
    bool keep_alive;    /* the client's wish */
    bool expect_continue;
    bool forwarded; /* it has proxy headers */
    bool released;  /* EVENT_START was posted; the I/O thread's */
    bool abandoned; /* the connection closed; the I/O thread's */

    char *text; /* target, then names and values. Owned. */
    uint32_t text_size;
    uint32_t text_space;
    uint32_t text_limit;
    uint32_t target_size;
    struct header *headers; /* Owned, unless it is few. */
    uint32_t n_headers;
    uint32_t header_space;

    /* The client wants a WebSocket. Owned; NULL: an ordinary request. */
    struct websocket_offer *offer;

    struct mailbox body;       /* of struct chunk */
    atomic_size_t body_unread; /* what is in it: the sum of costs */
    atomic_bool body_complete; /* set after the last chunk is in */
    atomic_bool body_paused;   /* the I/O thread waits for a resume */
    atomic_size_t unwritten;   /* bytes of output not yet given to the kernel */
    atomic_bool wants_drain;   /* the application waits for EVENT_DRAINED */
    struct direct direct;

    void *owner; /* the application's side: its object. Borrowed. */

    struct header few[16]; /* room for an ordinary head, not initialised */
    char brief[768];
};

/* Returns NULL without memory. The connection is referenced; refs is 2: one
 * for the connection, one for the application's side. */
struct request *request_new(struct connection *conn, uint32_t text_limit);
void request_ref(struct request *request);
void request_unref(struct request *request);

/* Append to the head's text; 0, or -1 without memory or over the limit. */
int request_add_text(struct request *request, const char *text, size_t size);
/* A header begins at the end of the text; NULL when it cannot be added. */
struct header *request_add_header(struct request *request);

/* Reckon .hash anew, after the value was changed. */
void request_hash_header(const struct request *request, struct header *header);

/* Copy a piece of body in; 0, or -1 without memory. */
int request_add_body(struct request *request, const char *data, size_t size);

/* Put a chunk in, its cost set; ownership passes. */
void request_add_chunk(struct request *request, struct chunk *chunk);

#endif
