/* Characters and lists of HTTP fields: RFC 9110 section 5. Free of Python. */

#ifndef HMR_ASGI_FIELD_H
#define HMR_ASGI_FIELD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What a byte may be part of. */
enum {
    CHAR_TOKEN = 1,  /* tchar: methods and names of fields (5.6.2) */
    CHAR_VALUE = 2,  /* VCHAR, obs-text, SP, HTAB: values (5.5) */
    CHAR_TARGET = 4, /* of a request-target: VCHAR but for "#" */
    CHAR_HOST = 8,   /* reg-name of RFC 3986 without the comma */
    CHAR_HEX = 16,
};

extern const uint8_t field_chars[256];

/* How many bytes at the start are of this kind. */
static inline size_t
field_span(const char *data, size_t size, unsigned kind)
{
    size_t at = 0;
    while (at < size && field_chars[(unsigned char)data[at]] & kind) {
        at++;
    }
    return at;
}

/* Equal but for the case of ASCII letters; `lower` is in lower case. */
bool field_equal(const char *text, size_t size, const char *lower);

/* Does the comma-separated list hold this token? */
bool field_has_token(const char *value, size_t size, const char *lower);

/* uri-host [":" port] of RFC 9110 section 7.2, not empty. */
bool field_is_host(const char *value, size_t size);

/* 1*DIGIT. -1: something else; -2: more than 18 digits. */
int64_t field_length(const char *value, size_t size);

#endif
