/* See http1.h. */

#include "http1.h"

#include <string.h>

enum {
    EXTRA_LIMIT = 16384, /* bytes of trailers and chunk extensions: 431 above */
};

static const uint32_t FNV_PRIME = 16777619u;


static struct http1 *
http1_of(llhttp_t *parser)
{
    return parser->data;
}


static int
http1_refuse(struct http1 *http, int status, const char *reason)
{
    http->status = status;
    llhttp_set_error_reason(&http->parser, reason);
    return HPE_USER;
}


static int
on_message_begin(llhttp_t *parser)
{
    struct http1 *http = http1_of(parser);
    http->request = request_new(http->conn);
    if (http->request == NULL) {
        http->status = 503;
        return -1;
    }
    http->head_complete = http->message_complete = false;
    http->in_header = http->discard = false;
    http->extra = 0;
    return 0;
}


static int
on_url(llhttp_t *parser, const char *at, size_t size)
{
    struct http1 *http = http1_of(parser);
    if (request_add_text(http->request, at, size) < 0) {
        return http1_refuse(http, 431, "target too long");
    }
    http->request->target_size = http->request->text_size;
    return 0;
}


/* Trailers and chunk extensions are read and forgotten, but not for ever. */
static int
on_extra(llhttp_t *parser, const char *at, size_t size)
{
    struct http1 *http = http1_of(parser);
    (void)at;
    http->extra += (uint32_t)(size < EXTRA_LIMIT ? size : EXTRA_LIMIT) + 1;
    if (http->extra > EXTRA_LIMIT) {
        return http1_refuse(http, 431, "trailers too large");
    }
    return 0;
}


static int
on_header_field(llhttp_t *parser, const char *at, size_t size)
{
    struct http1 *http = http1_of(parser);
    if (http->head_complete) {
        return on_extra(parser, at, size);
    }
    struct request *request = http->request;
    if (!http->in_header) {
        if (request_add_header(request) == NULL) {
            return http1_refuse(http, 431, "too many headers");
        }
        http->in_header = true;
    }
    uint32_t start = request->text_size;
    if (request_add_text(request, at, size) < 0) {
        return http1_refuse(http, 431, "headers too large");
    }
    struct header *header = &request->headers[request->n_headers - 1];
    uint32_t hash = header->hash;
    for (uint32_t i = start; i < request->text_size; i++) {
        unsigned char c = (unsigned char)request->text[i];
        if (c <= ' ') {
            /* Loose builds of llhttp let "content-length : 1" pass, which a
             * proxy in front may read differently. */
            return http1_refuse(http, 400, "space in a header's name");
        }
        if (c >= 'A' && c <= 'Z') {
            request->text[i] = (char)(c |= 0x20);
        }
        hash = (hash ^ c) * FNV_PRIME;
    }
    header->hash = hash;
    header->name_size += (uint32_t)size;
    header->value = request->text_size;
    return 0;
}


static int
on_header_value(llhttp_t *parser, const char *at, size_t size)
{
    struct http1 *http = http1_of(parser);
    if (http->head_complete) {
        return on_extra(parser, at, size);
    }
    struct request *request = http->request;
    if (request_add_text(request, at, size) < 0) {
        return http1_refuse(http, 431, "headers too large");
    }
    struct header *header = &request->headers[request->n_headers - 1];
    uint32_t hash = header->hash;
    for (size_t i = 0; i < size; i++) {
        hash = (hash ^ (unsigned char)at[i]) * FNV_PRIME;
    }
    header->hash = hash;
    header->value_size += (uint32_t)size;
    return 0;
}


static bool
equal_ignoring_case(const char *text, const char *lower, size_t size)
{
    for (size_t i = 0; i < size; i++) {
        char c = text[i];
        if (c >= 'A' && c <= 'Z') {
            c = (char)(c | 0x20);
        }
        if (c != lower[i]) {
            return false;
        }
    }
    return true;
}


static void
header_trim(const struct request *request, struct header *header)
{
    const char *value = request->text + header->value;
    while (header->value_size > 0
           && (value[header->value_size - 1] == ' '
               || value[header->value_size - 1] == '\t')) {
        header->value_size--;
    }
}


static int
on_header_value_complete(llhttp_t *parser)
{
    struct http1 *http = http1_of(parser);
    if (http->head_complete) {
        return 0;
    }
    struct request *request = http->request;
    struct header *header = &request->headers[request->n_headers - 1];
    header_trim(request, header);
    http->in_header = false;
    if (header->name_size == 6 && header->value_size == 12
        && memcmp(request->text + header->name, "expect", 6) == 0
        && equal_ignoring_case(request->text + header->value, "100-continue",
                               12)) {
        request->expect_continue = true;
    }
    return 0;
}


static int
on_headers_complete(llhttp_t *parser)
{
    struct http1 *http = http1_of(parser);
    struct request *request = http->request;
    if (parser->http_major != 1) {
        http1_refuse(http, 505, "HTTP/1 only");
        return -1;
    }
    if (parser->method == HTTP_CONNECT) {
        http1_refuse(http, 400, "no proxy here");
        return -1;
    }
    request->method = llhttp_method_name((llhttp_method_t)parser->method);
    request->minor = parser->http_minor;
    request->keep_alive = llhttp_should_keep_alive(parser);
    request->expect_continue = request->expect_continue && request->minor > 0;
    /* An upgrade that nobody takes up is an ordinary request. */
    parser->upgrade = 0;
    http->head_complete = true;
    return 0;
}


static int
on_body(llhttp_t *parser, const char *at, size_t size)
{
    struct http1 *http = http1_of(parser);
    if (http->discard || size == 0) {
        return 0;
    }
    if (request_add_body(http->request, at, size) < 0) {
        return http1_refuse(http, 503, "out of memory");
    }
    return 0;
}


static int
on_message_complete(llhttp_t *parser)
{
    struct http1 *http = http1_of(parser);
    http->message_complete = true;
    if (!http->discard) {
        atomic_store(&http->request->body_complete, true);
    }
    return HPE_PAUSED;
}


static const llhttp_settings_t SETTINGS = {
    .on_message_begin = on_message_begin,
    .on_url = on_url,
    .on_header_field = on_header_field,
    .on_header_value = on_header_value,
    .on_header_value_complete = on_header_value_complete,
    .on_chunk_extension_name = on_extra,
    .on_chunk_extension_value = on_extra,
    .on_headers_complete = on_headers_complete,
    .on_body = on_body,
    .on_message_complete = on_message_complete,
};


static void
http1_reset(struct http1 *http)
{
    llhttp_init(&http->parser, HTTP_REQUEST, &SETTINGS);
    http->parser.data = http;
    http->request = NULL;
    http->head_complete = http->message_complete = false;
    http->status = 400;
}


void
http1_init(struct http1 *http, struct connection *conn)
{
    memset(http, 0, sizeof *http);
    http->conn = conn;
    http1_reset(http);
}


void
http1_fini(struct http1 *http)
{
    if (http->request != NULL && !http->head_complete) {
        request_unref(http->request);
        request_unref(http->request);
    }
    http->request = NULL;
}


void
http1_next(struct http1 *http)
{
    http1_reset(http);
}


enum http1_result
http1_feed(struct http1 *http, const char *data, size_t size, size_t *used)
{
    llhttp_errno_t error = llhttp_execute(&http->parser, data, size);
    *used = size;
    if (error == HPE_OK) {
        return HTTP1_MORE;
    }
    if (error == HPE_PAUSED && http->message_complete) {
        *used = (size_t)(llhttp_get_error_pos(&http->parser) - data);
        return HTTP1_DONE;
    }
    return HTTP1_BAD;
}
