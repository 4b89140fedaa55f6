/* The syntax of HTTP/1.1, byte by byte: what llhttp gets to see.
 *
 * llhttp leaves out, or leaves to build options and to its version, much of
 * what RFC 9112 tells a server to refuse: bare CR and LF, folded lines, spaces
 * before a colon, odd chunk sizes. So every byte goes through this filter
 * first. It stops at what is malformed, and withholds what means nothing to us:
 * empty lines before a request, chunk extensions, trailers. llhttp parses the
 * plain rest, which all its versions read alike; where a message ends, both
 * have to agree.
 */

#ifndef HMR_ASGI_HTTP1_SYNTAX_H
#define HMR_ASGI_HTTP1_SYNTAX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    FIELD_NAME_LIMIT = 1024, /* bytes of a header's name: 431 above */
    EXTRA_LIMIT = 16384,     /* trailers and chunk extensions: 431 above */
    METHOD_LIMIT = 24,       /* no method that we know is longer: 501 */
    BLANK_LIMIT = 8,         /* CR and LF before a request: 400 above */
};

struct http1_syntax {
    uint8_t state;
    bool trailers;  /* the fields are those behind a chunked body */
    uint8_t at;     /* in the version, or digits of a chunk's size */
    uint32_t size;  /* of the part of the head that is being read */
    uint32_t limit; /* bytes of the head: half of them for the target (414), */
                    /* three quarters for one value (431) */
    uint32_t extra; /* bytes of trailers and chunk extensions */
    uint64_t left;  /* bytes of the body or of the chunk still to come */
    uint8_t method_size;
    char method[METHOD_LIMIT];
};

enum syntax_verdict {
    SYNTAX_PASS, /* *size bytes are for llhttp; maybe none */
    SYNTAX_SKIP, /* *size bytes are not */
    SYNTAX_BAD,  /* *status is the answer */
};

/* Look at the next bytes: as many as have one verdict, *size in all. Stops
 * behind the head (http1_syntax_body comes next) and behind the message. */
enum syntax_verdict
http1_syntax_scan(struct http1_syntax *syntax, const char *data, size_t *size,
                  int *status);

/* The head is complete: its body. `length` is 0 without one. */
void
http1_syntax_body(struct http1_syntax *syntax, bool chunked, uint64_t length);

/* Ready for a message whose head may have `limit` bytes. */
void http1_syntax_init(struct http1_syntax *syntax, uint32_t limit);

/* Has a message begun, and has it ended? */
bool http1_syntax_begun(const struct http1_syntax *syntax);
bool http1_syntax_done(const struct http1_syntax *syntax);

#endif
