/* Is it UTF-8 (RFC 3629)? Told byte by byte, so that bad text fails at once.
 *
 * The state is zero at the start and between characters. No thread rules: it
 * belongs to whoever holds it. */

#ifndef HMR_ASGI_UTF8_H
#define HMR_ASGI_UTF8_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct utf8 {
    uint8_t missing; /* bytes of the character that are still to come */
    uint8_t low;     /* the next of them lies between these two */
    uint8_t high;
};

/* Go on with `size` bytes; false when one of them cannot stand there. */
bool utf8_feed(struct utf8 *utf8, const uint8_t *data, size_t size);

/* The bytes so far end with a whole character. */
static inline bool
utf8_is_complete(const struct utf8 *utf8)
{
    return utf8->missing == 0;
}

#endif
