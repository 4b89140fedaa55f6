/* HTTP/1.x: bytes in, requests out. llhttp parses what http1_syntax.h lets
 * through; http1_head.h says what the head asks for.
 *
 * Knows nothing of sockets or Python, so that it can be fuzzed by itself. One
 * message at a time: after the last byte of a message the parser rests until
 * http1_next, and the bytes behind stay with the caller.
 */

#ifndef HMR_ASGI_HTTP1_H
#define HMR_ASGI_HTTP1_H

#include "http1_head.h"
#include "http1_syntax.h"
#include "request.h"

#include <llhttp.h>

struct http1 {
    llhttp_t parser;
    struct http1_syntax syntax;
    struct http1_head head;
    struct connection *conn; /* Borrowed: it holds this struct. */
    uint32_t head_limit;     /* bytes */
    struct request *request; /* being parsed. Borrowed once head_complete. */
    bool head_complete;      /* the request may be handed on */
    bool message_complete;   /* the parser rests */
    bool in_header;          /* a header was begun and not ended */
    bool discard;            /* nobody reads the rest of this body */
    int status;              /* to answer when the input is bad */
};

enum http1_result {
    HTTP1_MORE, /* all bytes were used, more are needed */
    HTTP1_DONE, /* a message ended; *used bytes belong to it */
    HTTP1_BAD,  /* not HTTP, or too large: answer .status and close */
};

void
http1_init(struct http1 *http, struct connection *conn, uint32_t head_limit);

/* Free a request that was begun and never handed on. */
void http1_fini(struct http1 *http);

/* Parse. The request to hand on, if any, is in .request. */
enum http1_result
http1_feed(struct http1 *http, const char *data, size_t size, size_t *used);

/* Has a request begun to come? */
bool http1_begun(const struct http1 *http);

/* The response is complete: ready for the next message. */
void http1_next(struct http1 *http);

#endif
