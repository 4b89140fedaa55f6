/* See http1_head.h. Sections are those of RFC 9112, or of RFC 9110
 * ("semantics"). */

#include "http1_head.h"

#include "field.h"

#include <string.h>


static void
head_wrong(struct http1_head *head, int status)
{
    if (head->status == 0) {
        head->status = status;
    }
}


static void
note_host(struct http1_head *head, const char *value, size_t size)
{
    head->hosts += head->hosts < 2;
    if (!field_is_host(value, size)) {
        head_wrong(head, 400);
    }
}


/* Two are refused even if they are equal (semantics 8.6 allows that). */
static void
note_length(struct http1_head *head, const char *value, size_t size)
{
    head->lengths += head->lengths < 2;
    head->length = field_length(value, size);
    if (head->length < 0) {
        head_wrong(head, 400);
    }
}


/* "A server that receives a request message with a transfer coding it does not
 * understand SHOULD respond with 501" (6.1); where the last one is not chunked,
 * the length cannot be told: 400 (6.3). */
static void
note_coding(struct http1_head *head, const char *value, size_t size)
{
    head->codings += head->codings < 2;
    head->chunked = field_equal(value, size, "chunked");
    if (head->chunked) {
        return;
    }
    size_t last = size;
    while (last > 0 && value[last - 1] != ',') {
        last--;
    }
    bool once = !field_has_token(value, last, "chunked");
    bool ends = field_has_token(value + last, size - last, "chunked");
    head_wrong(head, once && ends ? 501 : 400);
}


static void
note_connection(struct http1_head *head, const char *value, size_t size)
{
    head->close |= field_has_token(value, size, "close");
    head->keep_alive |= field_has_token(value, size, "keep-alive");
}


/* "A server that receives an Expect field value containing a member other than
 * 100-continue MAY respond with 417" (semantics 10.1.1). */
static void
note_expect(struct http1_head *head, const char *value, size_t size)
{
    if (field_equal(value, size, "100-continue")) {
        head->expect = true;
    }
    else {
        head_wrong(head, 417);
    }
}


static void
note_forwarded(struct http1_head *head, const char *value, size_t size)
{
    (void)value;
    (void)size;
    head->forwarded = true;
}


static const struct {
    const char *name;
    void (*note)(struct http1_head *head, const char *value, size_t size);
} FIELDS[] = {
    {"host", note_host},
    {"content-length", note_length},
    {"transfer-encoding", note_coding},
    {"connection", note_connection},
    {"expect", note_expect},
    {"x-forwarded-for", note_forwarded},
    {"x-forwarded-proto", note_forwarded},
};


void
http1_head_note(struct http1_head *head, const struct request *request,
                const struct header *header)
{
    const char *name = request->text + header->name;
    for (size_t i = 0; i < sizeof FIELDS / sizeof FIELDS[0]; i++) {
        if (strlen(FIELDS[i].name) == header->name_size
            && memcmp(FIELDS[i].name, name, header->name_size) == 0) {
            FIELDS[i].note(head, request->text + header->value,
                           header->value_size);
            return;
        }
    }
}


/* "An origin server MUST ignore the received Host header field (if any) and
 * instead use the host information of the request-target" (3.2.2). */
static void
host_replace(struct request *request, uint32_t at, uint32_t size)
{
    for (uint32_t i = 0; i < request->n_headers; i++) {
        struct header *header = &request->headers[i];
        if (header->name_size == 4
            && memcmp(request->text + header->name, "host", 4) == 0) {
            header->value = at;
            header->value_size = size;
            request_hash_header(request, header);
        }
    }
}


/* origin-form, absolute-form or asterisk-form (3.2). */
static int
judge_target(struct request *request)
{
    const char *target = request->text;
    size_t size = request->target_size;
    if (target[0] == '/') {
        return 0;
    }
    if (target[0] == '*') {
        bool whole = size == 1 && strcmp(request->method, "OPTIONS") == 0;
        return whole ? 0 : 400;
    }
    size_t scheme = 0;
    if (size > 7 && field_equal(target, 7, "http://")) {
        scheme = 7;
    }
    else if (size > 8 && field_equal(target, 8, "https://")) {
        scheme = 8;
    }
    size_t end = scheme;
    while (end < size && target[end] != '/' && target[end] != '?') {
        end++;
    }
    if (scheme == 0 || !field_is_host(target + scheme, end - scheme)) {
        return 400;
    }
    host_replace(request, (uint32_t)scheme, (uint32_t)(end - scheme));
    return 0;
}


/* Where the body ends must be beyond doubt (6.1, 6.3). */
static int
judge_framing(const struct http1_head *head, const struct request *request)
{
    bool both = head->lengths > 0 && head->codings > 0;
    bool old = head->codings > 0 && request->minor == 0;
    return both || old || head->lengths > 1 || head->codings > 1 ? 400 : 0;
}


int
http1_head_judge(struct http1_head *head, struct request *request)
{
    int status = judge_framing(head, request);
    if (status == 0) {
        status = head->status;
    }
    /* "400 to any HTTP/1.1 request message that lacks a Host header field and
     * to any request message that contains more than one" (3.2). */
    if (status == 0 && head->hosts != 1
        && !(head->hosts == 0 && request->minor == 0)) {
        status = 400;
    }
    if (status == 0) {
        status = judge_target(request);
    }
    /* 9.3 */
    request->keep_alive =
        !head->close && (request->minor > 0 || head->keep_alive);
    request->forwarded = head->forwarded;
    request->expect_continue = head->expect && request->minor > 0;
    return status;
}
