/* permessage-deflate (RFC 7692): its terms, and the two directions of zlib.
 *
 * Free of Python; each object belongs to one thread at a time. The two streams
 * are made when they are first needed: an idle socket costs nothing. */

#ifndef HMR_ASGI_WEBSOCKET_DEFLATE_H
#define HMR_ASGI_WEBSOCKET_DEFLATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <zlib.h>

enum {
    DEFLATE_TAIL = 4,     /* 00 00 ff ff, which ends a message unsaid (7.2.1) */
    DEFLATE_MINIMUM = 64, /* shorter messages are sent as they are */
    DEFLATE_TERMS_SPACE = 160,
};

/* What client and server agree on. */
struct deflate_terms {
    bool agreed;
    bool server_resets; /* server_no_context_takeover */
    bool client_resets; /* client_no_context_takeover */
    bool server_asked;  /* the client asked for server_max_window_bits */
    bool client_asked;  /* the client lets us say client_max_window_bits */
    uint8_t server_bits;
    uint8_t client_bits;
};

/* Take the first acceptable offer out of a Sec-WebSocket-Extensions value,
 * unless one was taken before. */
void
deflate_terms_add(struct deflate_terms *terms, const char *value, size_t size);

/* The server's answer, as a header's value; how many bytes it has. */
size_t deflate_terms_write(const struct deflate_terms *terms,
                           char text[DEFLATE_TERMS_SPACE]);

struct codec {
    struct deflate_terms terms;
    bool inflating; /* `in` is initialised */
    bool deflating; /* `out` is initialised */
    z_stream in;
    z_stream out;
};

void codec_fini(struct codec *codec);

/* A piece of a client's message: reads *used bytes of it, writes *made ones to
 * `out`, and stops when `space` is full; call again. 0, or -1 when what follows
 * is no DEFLATE data (or without memory); what was made before is good. */
int codec_unpack(struct codec *codec, const uint8_t *data, size_t size,
                 size_t *used, uint8_t *out, size_t space, size_t *made);

/* After the last piece, which is DEFLATE_END: ready for the next message. */
extern const uint8_t DEFLATE_END[DEFLATE_TAIL];
void codec_unpacked(struct codec *codec);

/* A message of ours: codec_pack_begin, then codec_pack until it writes
 * fewer bytes than there is space for. What it writes ends with DEFLATE_END,
 * which is not sent. begin returns how much space is likely to do, or 0
 * without memory. The data stays the caller's until the end. */
size_t codec_pack_begin(struct codec *codec, const void *data, size_t size);
size_t codec_pack(struct codec *codec, void *out, size_t space);
void codec_packed(struct codec *codec);

#endif
