/* See request.h. */

#include "request.h"

#include "connection.h"

#include <stdlib.h>
#include <string.h>


struct request *
request_new(struct connection *conn, uint32_t text_limit)
{
    struct request *request = malloc(sizeof *request);
    if (request == NULL) {
        return NULL;
    }
    memset(request, 0, offsetof(struct request, few));
    request->letter.kind = LETTER_REQUEST;
    atomic_init(&request->events, 0);
    atomic_init(&request->refs, 2);
    connection_ref(conn);
    request->conn = conn;
    request->text_limit = text_limit;
    request->text = request->brief;
    request->text_space = sizeof request->brief;
    request->headers = request->few;
    request->header_space = sizeof request->few / sizeof request->few[0];
    mailbox_init(&request->body);
    atomic_init(&request->body_unread, 0);
    atomic_init(&request->body_complete, false);
    atomic_init(&request->body_paused, false);
    atomic_init(&request->unwritten, 0);
    atomic_init(&request->wants_drain, false);
    direct_init(&request->direct);
    request->owner = NULL;
    return request;
}


void
request_ref(struct request *request)
{
    atomic_fetch_add_explicit(&request->refs, 1, memory_order_relaxed);
}


static void
request_free(struct request *request)
{
    struct letter *letter = mailbox_take(&request->body);
    while (letter != NULL) {
        struct letter *next = letter->next;
        free(CONTAINER_OF(letter, struct chunk, letter));
        letter = next;
    }
    free(request->offer);
    if (request->text != request->brief) {
        free(request->text);
    }
    if (request->headers != request->few) {
        free(request->headers);
    }
    direct_fini(&request->direct);
    connection_unref(request->conn);
    free(request);
}


void
request_unref(struct request *request)
{
    if (atomic_fetch_sub_explicit(&request->refs, 1, memory_order_acq_rel)
        == 1) {
        request_free(request);
    }
}


static int
text_grow(struct request *request, size_t size)
{
    size_t space = request->text_space;
    while (space < size) {
        space *= 2;
    }
    bool inside = request->text == request->brief;
    char *text = realloc(inside ? NULL : request->text, space);
    if (text == NULL) {
        return -1;
    }
    if (inside) {
        memcpy(text, request->brief, request->text_size);
    }
    request->text = text;
    request->text_space = (uint32_t)space;
    return 0;
}


int
request_add_text(struct request *request, const char *text, size_t size)
{
    size_t total = request->text_size + size;
    if (total > request->text_limit) {
        return -1;
    }
    if (total > request->text_space && text_grow(request, total) < 0) {
        return -1;
    }
    memcpy(request->text + request->text_size, text, size);
    request->text_size = (uint32_t)total;
    return 0;
}


static int
headers_grow(struct request *request)
{
    uint32_t space = request->header_space * 2;
    bool inside = request->headers == request->few;
    struct header *headers =
        realloc(inside ? NULL : request->headers, space * sizeof *headers);
    if (headers == NULL) {
        return -1;
    }
    if (inside) {
        memcpy(headers, request->few, sizeof request->few);
    }
    request->headers = headers;
    request->header_space = space;
    return 0;
}


struct header *
request_add_header(struct request *request)
{
    if (request->n_headers == REQUEST_HEADER_LIMIT) {
        return NULL;
    }
    if (request->n_headers == request->header_space
        && headers_grow(request) < 0) {
        return NULL;
    }
    struct header *header = &request->headers[request->n_headers++];
    header->name = request->text_size;
    header->name_size = header->value = header->value_size = 0;
    header->hash = 0;
    return header;
}


static uint32_t
hash_add(uint32_t hash, const char *data, size_t size)
{
    for (size_t i = 0; i < size; i++) {
        hash = (hash ^ (unsigned char)data[i]) * 16777619u; /* FNV-1a */
    }
    return hash;
}


void
request_hash_header(const struct request *request, struct header *header)
{
    uint32_t hash =
        hash_add(2166136261u, request->text + header->name, header->name_size);
    header->hash =
        hash_add(hash, request->text + header->value, header->value_size);
}


void
request_add_chunk(struct request *request, struct chunk *chunk)
{
    atomic_fetch_add(&request->body_unread, chunk->cost);
    mailbox_put(&request->body, &chunk->letter);
}


int
request_add_body(struct request *request, const char *data, size_t size)
{
    struct chunk *chunk = malloc(sizeof *chunk + size);
    if (chunk == NULL) {
        return -1;
    }
    chunk->letter.kind = LETTER_CHUNK;
    chunk->size = chunk->cost = size;
    memcpy(chunk->data, data, size);
    request_add_chunk(request, chunk);
    return 0;
}
