/* See websocket_key.h. SHA-1 as FIPS 180-4 describes it, for a message of the
 * one length that is needed here: it spans two blocks. */

#include "websocket_key.h"

#include <stddef.h>
#include <stdint.h>
#include <string.h>

static const char GUID[] = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

enum {
    BLOCK = 64,
    MESSAGE_SIZE = WEBSOCKET_KEY_SIZE + sizeof GUID - 1,
    DIGEST_SIZE = 20,
};


static uint32_t
rotate_left(uint32_t value, unsigned by)
{
    return value << by | value >> (32 - by);
}


/* The function and the constant of a round (FIPS 180-4, 4.1.1 and 4.2.1). */
static uint32_t
round_term(unsigned round, uint32_t b, uint32_t c, uint32_t d)
{
    if (round < 20) {
        return ((b & c) | (~b & d)) + 0x5a827999;
    }
    if (round < 40) {
        return (b ^ c ^ d) + 0x6ed9eba1;
    }
    if (round < 60) {
        return ((b & c) | (b & d) | (c & d)) + 0x8f1bbcdc;
    }
    return (b ^ c ^ d) + 0xca62c1d6;
}


static void
sha1_add_block(uint32_t state[5], const uint8_t *block)
{
    uint32_t w[80];
    for (unsigned i = 0; i < 16; i++) {
        w[i] = (uint32_t)block[4 * i] << 24 | (uint32_t)block[4 * i + 1] << 16
               | (uint32_t)block[4 * i + 2] << 8 | block[4 * i + 3];
    }
    for (unsigned i = 16; i < 80; i++) {
        w[i] = rotate_left(w[i - 3] ^ w[i - 8] ^ w[i - 14] ^ w[i - 16], 1);
    }
    uint32_t a = state[0], b = state[1], c = state[2];
    uint32_t d = state[3], e = state[4];
    for (unsigned i = 0; i < 80; i++) {
        uint32_t next = rotate_left(a, 5) + round_term(i, b, c, d) + e + w[i];
        e = d;
        d = c;
        c = rotate_left(b, 30);
        b = a;
        a = next;
    }
    state[0] += a;
    state[1] += b;
    state[2] += c;
    state[3] += d;
    state[4] += e;
}


static void
base64_write(const uint8_t *data, size_t size, char *out)
{
    static const char DIGITS[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                 "abcdefghijklmnopqrstuvwxyz0123456789+/";
    for (size_t at = 0; at < size; at += 3) {
        uint32_t group = (uint32_t)data[at] << 16;
        group |= at + 1 < size ? (uint32_t)data[at + 1] << 8 : 0;
        group |= at + 2 < size ? data[at + 2] : 0;
        *out++ = DIGITS[group >> 18];
        *out++ = DIGITS[group >> 12 & 63];
        *out++ = at + 1 < size ? DIGITS[group >> 6 & 63] : '=';
        *out++ = at + 2 < size ? DIGITS[group & 63] : '=';
    }
}


void
websocket_accept_key(const char key[WEBSOCKET_KEY_SIZE],
                     char accept[WEBSOCKET_ACCEPT_SIZE])
{
    uint8_t message[2 * BLOCK] = {0};
    memcpy(message, key, WEBSOCKET_KEY_SIZE);
    memcpy(message + WEBSOCKET_KEY_SIZE, GUID, sizeof GUID - 1);
    message[MESSAGE_SIZE] = 0x80;
    message[2 * BLOCK - 2] = (uint8_t)(MESSAGE_SIZE * 8 >> 8);
    message[2 * BLOCK - 1] = (uint8_t)(MESSAGE_SIZE * 8);
    uint32_t state[5] = {0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476,
                         0xc3d2e1f0};
    sha1_add_block(state, message);
    sha1_add_block(state, message + BLOCK);
    uint8_t digest[DIGEST_SIZE];
    for (unsigned i = 0; i < DIGEST_SIZE; i++) {
        digest[i] = (uint8_t)(state[i / 4] >> (24 - 8 * (i % 4)));
    }
    base64_write(digest, sizeof digest, accept);
}
