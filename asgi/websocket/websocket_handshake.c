/* See websocket_handshake.h. */

#include "websocket_handshake.h"

#include "header_list.h"

#include <stdlib.h>
#include <string.h>


/* The value of a header that is there exactly once. */
static bool
header_only(const struct request *request, const char *name, struct text *value)
{
    uint32_t at = 0;
    struct text other;
    return header_next(request, name, &at, value)
           && !header_next(request, name, &at, &other);
}


static bool
header_has(const struct request *request, const char *name, const char *token)
{
    uint32_t at = 0;
    struct text value;
    while (header_next(request, name, &at, &value)) {
        if (field_has_token(value.data, value.size, token)) {
            return true;
        }
    }
    return false;
}


static bool
is_base64(char c)
{
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z')
           || (c >= '0' && c <= '9') || c == '+' || c == '/';
}


/* 16 bytes in base64: 22 digits and two fillers. */
static bool
key_is_valid(struct text key)
{
    if (key.size != WEBSOCKET_KEY_SIZE || memcmp(key.data + 22, "==", 2) != 0) {
        return false;
    }
    for (size_t i = 0; i < 22; i++) {
        if (!is_base64(key.data[i])) {
            return false;
        }
    }
    return true;
}


static bool
request_is_upgrade(const struct request *request)
{
    return request->minor > 0 && strcmp(request->method, "GET") == 0
           && header_has(request, "upgrade", "websocket")
           && header_has(request, "connection", "upgrade");
}


static bool
request_has_body(struct request *request)
{
    return !atomic_load(&request->body_complete)
           || atomic_load(&request->body_unread) > 0;
}


int
websocket_handshake(struct request *request, bool deflate)
{
    struct text version, key, extensions;
    if (!request_is_upgrade(request)) {
        return 0;
    }
    if (!header_only(request, "sec-websocket-version", &version)) {
        return 400;
    }
    if (!text_is(version, "13")) {
        return 426;
    }
    if (!header_only(request, "sec-websocket-key", &key) || !key_is_valid(key)
        || request_has_body(request)) {
        return 400;
    }
    struct websocket_offer *offer = calloc(1, sizeof *offer);
    if (offer == NULL) {
        return 503;
    }
    websocket_accept_key(key.data, offer->accept);
    uint32_t at = 0;
    while (
        deflate
        && header_next(request, "sec-websocket-extensions", &at, &extensions)) {
        deflate_terms_add(&offer->deflate, extensions.data, extensions.size);
    }
    request->offer = offer;
    return 101;
}
