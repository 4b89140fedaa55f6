/* Fuzzing the WebSocket protocol: bytes in, messages out, however they are cut.
 *
 * The first byte of the input says how the rest is cut into pieces, the second
 * what was agreed on. The same bytes are read whole, cut, and byte by byte: the
 * events must be the same, and text be UTF-8.
 */

#include "fuzz.h"

#include "websocket.h"

#include <stdlib.h>
#include <string.h>

enum {
    MODE_DEFLATE = 1,
    MODE_RESETS = 2,
    MODE_SMALL = 4,
};


static void
digest_add_message(struct digest *digest, struct websocket *ws)
{
    struct chunk *message = websocket_take(ws);
    CHECK(message->size <= ws->max_size);
    if (message->letter.kind == LETTER_TEXT) {
        struct utf8 utf8 = {0};
        CHECK(utf8_feed(&utf8, (uint8_t *)message->data, message->size));
        CHECK(utf8_is_complete(&utf8));
    }
    else {
        CHECK(message->letter.kind == LETTER_BINARY);
    }
    digest_add(digest, &message->letter.kind, sizeof message->letter.kind);
    digest_add(digest, &message->size, sizeof message->size);
    digest_add(digest, message->data, message->size);
    free(message);
}


static void
digest_add_event(struct digest *digest, struct websocket *ws,
                 enum websocket_event event)
{
    digest->events++;
    digest_add(digest, &event, sizeof event);
    switch (event) {
    case WEBSOCKET_MESSAGE:
        digest_add_message(digest, ws);
        break;
    case WEBSOCKET_CLOSE:
        CHECK(ws->code == CLOSE_NO_CODE || websocket_code_is_valid(ws->code));
        CHECK(ws->control_size <= CLOSE_REASON_LIMIT);
        /* fall through */
    case WEBSOCKET_FAIL:
        digest_add(digest, &ws->code, sizeof ws->code);
        break;
    default:
        CHECK(ws->control_size <= CONTROL_LIMIT);
        digest_add(digest, ws->control, ws->control_size);
    }
}


/* Read all of it, cut into pieces of `cut` bytes (0: whole). */
static struct digest
read_all(const uint8_t *data, size_t size, size_t cut, unsigned mode)
{
    const struct deflate_terms terms = {
        .agreed = mode & MODE_DEFLATE,
        .client_resets = mode & MODE_RESETS,
        /* The largest: zlib forgives references beyond a smaller window as
         * long as they point into what the same call has written. */
        .client_bits = 15,
        .server_bits = 12,
    };
    struct websocket ws;
    websocket_init(&ws, &terms, mode & MODE_SMALL ? 100 : 100000);
    struct digest digest = DIGEST_START;
    enum websocket_event event = WEBSOCKET_MORE;
    size_t at = 0;
    while (at < size && event == WEBSOCKET_MORE) {
        size_t piece = cut == 0 || cut > size - at ? size - at : cut;
        /* A copy of its own, so that a read beyond it is noticed. */
        char *copy = malloc(piece);
        CHECK(copy != NULL);
        memcpy(copy, data + at, piece);
        at += piece;
        websocket_give(&ws, copy, piece);
        do {
            event = websocket_read(&ws);
            if (event != WEBSOCKET_MORE) {
                digest_add_event(&digest, &ws, event);
            }
        } while (event != WEBSOCKET_MORE && event != WEBSOCKET_CLOSE
                 && event != WEBSOCKET_FAIL);
        CHECK(event != WEBSOCKET_MORE || ws.input_size == 0);
        free(copy);
    }
    websocket_fini(&ws);
    return digest;
}


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 2) {
        return 0;
    }
    unsigned mode = data[1];
    struct digest whole = read_all(data + 2, size - 2, 0, mode);
    const size_t cuts[] = {1, 1 + data[0] % 64u};
    for (size_t i = 0; i < sizeof cuts / sizeof cuts[0]; i++) {
        struct digest cut = read_all(data + 2, size - 2, cuts[i], mode);
        CHECK(cut.events == whole.events);
        CHECK(cut.value == whole.value);
    }
    return 0;
}


#ifdef FUZZ_MAIN

/* Payloads: text, not quite text, compressed "hello" thrice (RFC 7692, 7.2.3),
 * a close. */
static const char *const PAYLOADS[] = {
    "",
    "hello",
    "\xc3\xa9\xe2\x82\xac\xf0\x9d\x84\x9e",
    "\xed\xa0\x80",
    "\xc3",
    "\xf2\x48\xcd\xc9\xc9\x07",
    "\xf2",
    "\xf3\x48\xcd\xc9\xc9\x07",
    "\x03\xe8"
    "bye",
    "\x03\xed",
};


static size_t
frame_make(uint8_t *at)
{
    static const uint8_t OPCODES[] = {0, 0, 0, 1, 1, 1, 2, 2, 8, 9, 10, 3, 11};
    const char *payload =
        PAYLOADS[random_below(sizeof PAYLOADS / sizeof *PAYLOADS)];
    size_t size = strlen(payload), n = 0;
    uint32_t fin = random_below(3) ? 0x80 : 0;
    uint32_t rsv = random_below(3) ? 0 : random_below(12) ? 0x40 : 0x20;
    at[n++] = (uint8_t)(fin | rsv | OPCODES[random_below(sizeof OPCODES)]);
    uint32_t mask = random_below(50) ? 0x80 : 0;
    if (random_below(20) == 0) {
        at[n++] = (uint8_t)(mask | 126);
        at[n++] = (uint8_t)(random_below(4) * 0x40);
        at[n++] = (uint8_t)random_below(256);
    }
    else {
        at[n++] = (uint8_t)(mask | size);
    }
    if (mask) {
        memset(at + n, 0, 4);
        n += 4;
    }
    memcpy(at + n, payload, size);
    return n + size;
}


size_t
fuzz_input(uint8_t *input, size_t space)
{
    size_t size = 0;
    input[size++] = (uint8_t)random_below(256);
    input[size++] = (uint8_t)random_below(16);
    for (uint32_t n = 1 + random_below(12); n > 0 && size + 64 < space; n--) {
        size += frame_make(input + size);
    }
    for (uint32_t n = random_below(3); n > 0; n--) {
        input[2 + random_below((uint32_t)size - 2)] =
            (uint8_t)random_below(256);
    }
    return size;
}

#endif
