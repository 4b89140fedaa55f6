/* See http1.h. */

#include "http1.h"

#include <string.h>

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


/* The head cannot be added to: it is too large, or there is no memory. */
static int
http1_refuse_head(struct http1 *http, size_t more, int status)
{
    const struct request *request = http->request;
    bool large = request->text_size + more > request->text_limit
                 || request->n_headers == REQUEST_HEADER_LIMIT;
    return http1_refuse(http, large ? status : 503, "no room for the head");
}


static int
on_message_begin(llhttp_t *parser)
{
    struct http1 *http = http1_of(parser);
    http->request = request_new(http->conn, http->head_limit);
    if (http->request == NULL) {
        http->status = 503;
        return -1;
    }
    http->head_complete = http->message_complete = false;
    http->in_header = http->discard = false;
    return 0;
}


static int
on_url(llhttp_t *parser, const char *at, size_t size)
{
    struct http1 *http = http1_of(parser);
    if (request_add_text(http->request, at, size) < 0) {
        return http1_refuse_head(http, size, 414);
    }
    http->request->target_size = http->request->text_size;
    return 0;
}


static int
on_header_field(llhttp_t *parser, const char *at, size_t size)
{
    struct http1 *http = http1_of(parser);
    struct request *request = http->request;
    if (!http->in_header) {
        if (request_add_header(request) == NULL) {
            return http1_refuse_head(http, 0, 431);
        }
        http->in_header = true;
    }
    uint32_t start = request->text_size;
    if (request_add_text(request, at, size) < 0) {
        return http1_refuse_head(http, size, 431);
    }
    struct header *header = &request->headers[request->n_headers - 1];
    for (uint32_t i = start; i < request->text_size; i++) {
        char c = request->text[i];
        if (c >= 'A' && c <= 'Z') {
            request->text[i] = (char)(c | 0x20);
        }
    }
    header->name_size += (uint32_t)size;
    header->value = request->text_size;
    return 0;
}


static int
on_header_value(llhttp_t *parser, const char *at, size_t size)
{
    struct http1 *http = http1_of(parser);
    struct request *request = http->request;
    if (request_add_text(request, at, size) < 0) {
        return http1_refuse_head(http, size, 431);
    }
    struct header *header = &request->headers[request->n_headers - 1];
    header->value_size += (uint32_t)size;
    return 0;
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
    struct request *request = http->request;
    struct header *header = &request->headers[request->n_headers - 1];
    header_trim(request, header);
    request_hash_header(request, header);
    http->in_header = false;
    http1_head_note(&http->head, request, header);
    return 0;
}


static int
on_headers_complete(llhttp_t *parser)
{
    struct http1 *http = http1_of(parser);
    struct request *request = http->request;
    request->method = llhttp_method_name((llhttp_method_t)parser->method);
    request->minor = parser->http_minor;
    int status = http1_head_judge(&http->head, request);
    if (status != 0) {
        http1_refuse(http, status, "the head is wrong");
        return -1;
    }
    /* An upgrade that nobody takes up is an ordinary request. */
    parser->upgrade = 0;
    http1_syntax_body(&http->syntax, http->head.chunked,
                      (uint64_t)http->head.length);
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
    .on_headers_complete = on_headers_complete,
    .on_body = on_body,
    .on_message_complete = on_message_complete,
};


static void
http1_reset(struct http1 *http)
{
    llhttp_init(&http->parser, HTTP_REQUEST, &SETTINGS);
    http->parser.data = http;
    http1_syntax_init(&http->syntax, http->head_limit);
    memset(&http->head, 0, sizeof http->head);
    http->request = NULL;
    http->head_complete = http->message_complete = false;
    http->status = 400;
}


void
http1_init(struct http1 *http, struct connection *conn, uint32_t head_limit)
{
    memset(http, 0, sizeof *http);
    http->conn = conn;
    http->head_limit = head_limit;
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


bool
http1_begun(const struct http1 *http)
{
    return http1_syntax_begun(&http->syntax);
}


/* What the filter let through. The method comes when it is known. */
static llhttp_errno_t
http1_parse(struct http1 *http, const char *data, size_t size)
{
    llhttp_errno_t error = HPE_OK;
    if (http->request == NULL) {
        error = llhttp_execute(&http->parser, http->syntax.method,
                               http->syntax.method_size);
        if (error == HPE_OK) {
            error = llhttp_execute(&http->parser, " ", 1);
        }
    }
    if (error == HPE_OK) {
        error = llhttp_execute(&http->parser, data, size);
    }
    return error;
}


enum http1_result
http1_feed(struct http1 *http, const char *data, size_t size, size_t *used)
{
    *used = 0;
    while (*used < size) {
        size_t part = size - *used;
        enum syntax_verdict verdict = http1_syntax_scan(
            &http->syntax, data + *used, &part, &http->status);
        if (verdict == SYNTAX_BAD) {
            return HTTP1_BAD;
        }
        const char *at = data + *used;
        *used += part;
        if (verdict == SYNTAX_SKIP) {
            continue;
        }
        http->status = 400;
        llhttp_errno_t error = http1_parse(http, at, part);
        bool done = error == HPE_PAUSED && http->message_complete;
        if ((error != HPE_OK && !done)
            || done != http1_syntax_done(&http->syntax)) {
            return HTTP1_BAD;
        }
        if (done) {
            return HTTP1_DONE;
        }
    }
    return HTTP1_MORE;
}
