/* Fuzzing the HTTP parser: bytes in, requests out, however they are cut.
 *
 * The first byte of the input says how the rest is cut into pieces. The same
 * bytes are parsed whole, and cut, and byte by byte: the requests must be the
 * same, and what they point to must lie inside their text. The driver
 * mutates the seeds below.
 */

#include "fuzz.h"

#include "connection.h"
#include "http1.h"

#include <stdlib.h>
#include <string.h>

static void
digest_add_head(struct digest *digest, const struct request *request)
{
    CHECK(request->text_size <= REQUEST_HEAD_LIMIT);
    CHECK(request->target_size <= request->text_size);
    CHECK(request->n_headers <= REQUEST_HEADER_LIMIT);
    digest_add(digest, request->method, strlen(request->method) + 1);
    digest_add(digest, request->text, request->target_size);
    for (uint32_t i = 0; i < request->n_headers; i++) {
        const struct header *header = &request->headers[i];
        CHECK(header->name >= request->target_size);
        /* The value of Host may be the target's. */
        CHECK(header->name + header->name_size == header->value
              || header->value + header->value_size <= request->target_size);
        CHECK(header->value + header->value_size <= request->text_size);
        for (uint32_t at = 0; at < header->name_size; at++) {
            unsigned char c = (unsigned char)request->text[header->name + at];
            CHECK(c > ' ' && !(c >= 'A' && c <= 'Z'));
        }
        digest_add(digest, request->text + header->name, header->name_size);
        digest_add(digest, ":", 1);
        digest_add(digest, request->text + header->value, header->value_size);
        digest_add(digest, "\n", 1);
    }
    unsigned char flags[] = {request->minor, request->keep_alive,
                             request->expect_continue};
    digest_add(digest, flags, sizeof flags);
}


static void
digest_add_body(struct digest *digest, struct request *request)
{
    size_t size = 0;
    struct letter *letter = mailbox_take(&request->body);
    while (letter != NULL) {
        struct chunk *chunk = CONTAINER_OF(letter, struct chunk, letter);
        letter = letter->next;
        digest_add(digest, chunk->data, chunk->size);
        size += chunk->size;
        free(chunk);
    }
    CHECK(size == atomic_load(&request->body_unread));
}


/* The request as the application's side and the connection would leave it. */
static void
request_finish(struct digest *digest, struct request *request, bool complete)
{
    CHECK(atomic_load(&request->body_complete) == complete);
    digest_add_head(digest, request);
    if (complete) {
        digest_add_body(digest, request);
    }
    digest->events++;
    request_unref(request);
    request_unref(request);
}


/* Parse all of it, cut into pieces of `cut` bytes (0: whole). */
static struct digest
parse(const char *data, size_t size, size_t cut)
{
    struct connection *conn = calloc(1, sizeof *conn);
    CHECK(conn != NULL);
    atomic_init(&conn->refs, 1);
    struct digest digest = DIGEST_START;
    http1_init(&conn->http, conn, REQUEST_HEAD_LIMIT);
    enum http1_result result = HTTP1_MORE;
    size_t at = 0;
    while (at < size && result != HTTP1_BAD) {
        size_t piece = cut == 0 || cut > size - at ? size - at : cut;
        /* A copy of its own, so that a read beyond it is noticed. */
        char *copy = malloc(piece);
        CHECK(copy != NULL);
        memcpy(copy, data + at, piece);
        size_t used;
        result = http1_feed(&conn->http, copy, piece, &used);
        free(copy);
        CHECK(used <= piece);
        at += used;
        if (result == HTTP1_DONE) {
            request_finish(&digest, conn->http.request, true);
            http1_next(&conn->http);
        }
    }
    if (conn->http.head_complete) {
        request_finish(&digest, conn->http.request, false);
        conn->http.request = NULL;
    }
    http1_fini(&conn->http);
    int status = result == HTTP1_BAD ? conn->http.status : 0;
    digest_add(&digest, &status, sizeof status);
    CHECK(atomic_load(&conn->refs) == 1);
    connection_unref(conn);
    return digest;
}


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 1) {
        return 0;
    }
    const char *text = (const char *)data + 1;
    struct digest whole = parse(text, size - 1, 0);
    const size_t cuts[] = {1, 1 + data[0] % 64u};
    for (size_t i = 0; i < sizeof cuts / sizeof cuts[0]; i++) {
        struct digest cut = parse(text, size - 1, cuts[i]);
        CHECK(cut.events == whole.events);
        CHECK(cut.value == whole.value);
    }
    return 0;
}


#ifdef FUZZ_MAIN

static const char *const SEEDS[] = {
    "GET / HTTP/1.1\r\nHost: x\r\n\r\n",
    "GET /a%20b?c=d#e HTTP/1.0\r\nConnection: keep-alive\r\n\r\n",
    "POST /p HTTP/1.1\r\nhost: x\r\nContent-Length: 5\r\nExpect: "
    "100-continue\r\n\r\nhello",
    "POST /c HTTP/1.1\r\nhost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
    "4;a=b\r\nwiki\r\n0\r\nT: u\r\n\r\nGET /next HTTP/1.1\r\nhost: x\r\n\r\n",
    "GET /w HTTP/1.1\r\nhost: x\r\nUpgrade: websocket\r\nConnection: "
    "Upgrade\r\n\r\n",
    "OPTIONS * HTTP/1.1\r\nhost: x\r\nA:\r\nB: \t c \t\r\nA: \xc3\xa9\r\n\r\n",
    "CONNECT x:1 HTTP/1.1\r\n\r\n",
    "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
};


static size_t
input_make(uint8_t *input, size_t space)
{
    size_t size = 0;
    input[size++] = (uint8_t)random_below(256);
    for (uint32_t n = 1 + random_below(3); n > 0; n--) {
        const char *seed = SEEDS[random_below(sizeof SEEDS / sizeof *SEEDS)];
        size_t length = strlen(seed);
        if (size + length <= space) {
            memcpy(input + size, seed, length);
            size += length;
        }
    }
    return size;
}


static size_t
input_mutate(uint8_t *input, size_t size)
{
    static const char INTERESTING[] = "\r\n :;,%\0\t\x7f\xff"
                                      "0f9-GZ";
    uint32_t at = 1 + random_below((uint32_t)size - 1);
    switch (random_below(5)) {
    case 0:
        input[at] = (uint8_t)random_below(256);
        break;
    case 1:
        input[at] = (uint8_t)INTERESTING[random_below(sizeof INTERESTING - 1)];
        break;
    case 2: /* remove a byte */
        memmove(input + at, input + at + 1, size - at - 1);
        return size - 1;
    case 3: /* repeat what was before */
        memmove(input + at, input + random_below(at + 1), size - at);
        break;
    default: /* the end is missing */
        return at + 1;
    }
    return size;
}


size_t
fuzz_input(uint8_t *input, size_t space)
{
    size_t size = input_make(input, space);
    for (uint32_t n = random_below(6); n > 0 && size > 8; n--) {
        size = input_mutate(input, size);
    }
    return size;
}

#endif
