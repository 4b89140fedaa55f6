/* See websocket_deflate.h. */

#include "websocket_deflate.h"

#include "header_list.h"

#include <stdio.h>

enum {
    WINDOW_BITS = 12, /* our window: 32 KiB of state instead of 256 */
    MEMORY_LEVEL = 5,
    WINDOW_BITS_MAX = 15,
};

const uint8_t DEFLATE_END[DEFLATE_TAIL] = {0, 0, 0xff, 0xff};


/* The terms. */

/* "8" to "15", perhaps quoted, without a leading zero; else 0. */
static uint8_t
bits_parse(struct text value)
{
    if (value.size >= 2 && value.data[0] == '"'
        && value.data[value.size - 1] == '"') {
        value.data++;
        value.size -= 2;
    }
    if (value.size == 1 && (value.data[0] == '8' || value.data[0] == '9')) {
        return (uint8_t)(value.data[0] - '0');
    }
    if (value.size == 2 && value.data[0] == '1' && value.data[1] >= '0'
        && value.data[1] <= '5') {
        return (uint8_t)(10 + value.data[1] - '0');
    }
    return 0;
}


/* One parameter of an offer (7.1); false when it is none of these, is there
 * twice, or has a value that it cannot have. */
static bool
terms_add_parameter(struct deflate_terms *terms, struct text parameter)
{
    struct text name = {NULL, 0};
    struct text rest = parameter;
    if (!list_next(&rest, '=', &name)) {
        return false;
    }
    struct text value = {NULL, 0};
    bool valued = list_next(&rest, '=', &value);
    if (text_is(name, "server_no_context_takeover")) {
        bool first = !terms->server_resets;
        terms->server_resets = true;
        return first && !valued;
    }
    if (text_is(name, "client_no_context_takeover")) {
        bool first = !terms->client_resets;
        terms->client_resets = true;
        return first && !valued;
    }
    uint8_t bits = bits_parse(value);
    if (text_is(name, "server_max_window_bits")) {
        bool first = !terms->server_asked;
        terms->server_asked = true;
        if (bits < terms->server_bits) {
            terms->server_bits = bits;
        }
        return first && bits > 8; /* zlib has no raw window of 8 bits */
    }
    if (text_is(name, "client_max_window_bits")) {
        bool first = !terms->client_asked;
        terms->client_asked = true;
        terms->client_bits = WINDOW_BITS;
        if (valued && bits < terms->client_bits) {
            terms->client_bits = bits;
        }
        return first && (!valued || bits >= 8);
    }
    return false;
}


static bool
terms_parse(struct deflate_terms *terms, struct text offer)
{
    *terms = (struct deflate_terms){
        .server_bits = WINDOW_BITS,
        .client_bits = WINDOW_BITS_MAX,
    };
    struct text name;
    if (!list_next(&offer, ';', &name)
        || !text_is(name, "permessage-deflate")) {
        return false;
    }
    struct text parameter;
    while (list_next(&offer, ';', &parameter)) {
        if (!terms_add_parameter(terms, parameter)) {
            return false;
        }
    }
    return true;
}


void
deflate_terms_add(struct deflate_terms *terms, const char *value, size_t size)
{
    struct text rest = {value, size};
    struct text offer;
    while (!terms->agreed && list_next(&rest, ',', &offer)) {
        struct deflate_terms found;
        if (terms_parse(&found, offer)) {
            *terms = found;
            terms->agreed = true;
        }
    }
}


size_t
deflate_terms_write(const struct deflate_terms *terms,
                    char text[DEFLATE_TERMS_SPACE])
{
    char server_bits[32] = "", client_bits[32] = "";
    if (terms->server_asked) {
        snprintf(server_bits, sizeof server_bits, "; server_max_window_bits=%d",
                 terms->server_bits);
    }
    if (terms->client_asked) {
        snprintf(client_bits, sizeof client_bits, "; client_max_window_bits=%d",
                 terms->client_bits);
    }
    return (size_t)snprintf(
        text, DEFLATE_TERMS_SPACE, "permessage-deflate%s%s%s%s",
        terms->server_resets ? "; server_no_context_takeover" : "",
        terms->client_resets ? "; client_no_context_takeover" : "", server_bits,
        client_bits);
}


/* The streams. */

void
codec_fini(struct codec *codec)
{
    if (codec->inflating) {
        (void)inflateEnd(&codec->in); /* fails only on a broken stream */
    }
    if (codec->deflating) {
        (void)deflateEnd(&codec->out); /* complains of what was not sent */
    }
    codec->inflating = codec->deflating = false;
}


/* A block that says to be the last one (7.2.3.4) ends zlib's stream, but not
 * the message, and later ones may refer to what was before it. */
static int
inflate_go_on(z_stream *in)
{
    uint8_t window[1 << WINDOW_BITS_MAX];
    uInt size = 0;
    if (inflateGetDictionary(in, window, &size) != Z_OK
        || inflateReset(in) != Z_OK) {
        return -1;
    }
    return inflateSetDictionary(in, window, size) == Z_OK ? 0 : -1;
}


int
codec_unpack(struct codec *codec, const uint8_t *data, size_t size,
             size_t *used, uint8_t *out, size_t space, size_t *made)
{
    z_stream *in = &codec->in;
    *used = *made = 0;
    if (!codec->inflating) {
        *in = (z_stream){0};
        if (inflateInit2(in, -(int)codec->terms.client_bits) != Z_OK) {
            return -1;
        }
        codec->inflating = true;
    }
    in->next_in = (Bytef *)data; /* zlib only reads it */
    in->avail_in = (uInt)size;
    in->next_out = out;
    in->avail_out = (uInt)space;
    int status;
    do {
        status = inflate(in, Z_SYNC_FLUSH);
        if (status == Z_STREAM_END && inflate_go_on(in) < 0) {
            status = Z_DATA_ERROR;
        }
    } while (status == Z_STREAM_END && in->avail_in > 0 && in->avail_out > 0);
    *used = size - in->avail_in;
    *made = space - in->avail_out;
    /* Z_BUF_ERROR: nothing to read, or no space to write. */
    return status == Z_OK || status == Z_BUF_ERROR || status == Z_STREAM_END
               ? 0
               : -1;
}


void
codec_unpacked(struct codec *codec)
{
    if (codec->terms.client_resets && codec->inflating) {
        (void)inflateReset(&codec->in); /* fails only on a broken stream */
    }
}


size_t
codec_pack_begin(struct codec *codec, const void *data, size_t size)
{
    z_stream *out = &codec->out;
    if (!codec->deflating) {
        *out = (z_stream){0};
        if (deflateInit2(out, Z_BEST_SPEED, Z_DEFLATED,
                         -(int)codec->terms.server_bits, MEMORY_LEVEL,
                         Z_DEFAULT_STRATEGY)
            != Z_OK) {
            return 0;
        }
        codec->deflating = true;
    }
    out->next_in = (Bytef *)data; /* zlib only reads it */
    out->avail_in = (uInt)size;
    return deflateBound(out, size) + 64;
}


size_t
codec_pack(struct codec *codec, void *data, size_t space)
{
    z_stream *out = &codec->out;
    out->next_out = data;
    out->avail_out = (uInt)space;
    (void)deflate(out, Z_SYNC_FLUSH); /* Z_BUF_ERROR: all is out already */
    return space - out->avail_out;
}


void
codec_packed(struct codec *codec)
{
    if (codec->terms.server_resets) {
        (void)deflateReset(&codec->out); /* fails only on a broken stream */
    }
}
