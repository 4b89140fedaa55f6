/* See utf8.h. The bounds are the table of RFC 3629, section 4. */

#include "utf8.h"

#include <string.h>


/* The first byte of a character; false if it cannot be one. */
static bool
utf8_begin(struct utf8 *utf8, uint8_t byte)
{
    utf8->low = 0x80;
    utf8->high = 0xbf;
    if (byte < 0x80) {
        return true;
    }
    if (byte < 0xc2 || byte > 0xf4) {
        return false; /* a later byte, an overlong form, above U+10FFFF */
    }
    utf8->missing = byte < 0xe0 ? 1 : byte < 0xf0 ? 2 : 3;
    switch (byte) {
    case 0xe0:
        utf8->low = 0xa0; /* else overlong */
        break;
    case 0xed:
        utf8->high = 0x9f; /* else a surrogate */
        break;
    case 0xf0:
        utf8->low = 0x90; /* else overlong */
        break;
    case 0xf4:
        utf8->high = 0x8f; /* else above U+10FFFF */
        break;
    }
    return true;
}


/* How many bytes at the start are ASCII, in steps of eight. */
static size_t
ascii_span(const uint8_t *data, size_t size)
{
    size_t at = 0;
    for (; at + 8 <= size; at += 8) {
        uint64_t word;
        memcpy(&word, data + at, 8);
        if (word & UINT64_C(0x8080808080808080)) {
            break;
        }
    }
    return at;
}


bool
utf8_feed(struct utf8 *utf8, const uint8_t *data, size_t size)
{
    size_t at = 0;
    while (at < size) {
        if (utf8->missing == 0) {
            at += ascii_span(data + at, size - at);
            if (at < size && !utf8_begin(utf8, data[at++])) {
                return false;
            }
        }
        else {
            uint8_t byte = data[at++];
            if (byte < utf8->low || byte > utf8->high) {
                return false;
            }
            utf8->low = 0x80;
            utf8->high = 0xbf;
            utf8->missing--;
        }
    }
    return true;
}
