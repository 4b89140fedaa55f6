/* See field.h. */

#include "field.h"

#include <string.h>

#define T CHAR_TOKEN
#define V CHAR_VALUE
#define G CHAR_TARGET
#define H CHAR_HOST
#define X CHAR_HEX

const uint8_t field_chars[256] = {
    ['\t'] = V,
    [' '] = V,
    ['!'] = T | V | G | H,
    ['"'] = V | G,
    ['#'] = T | V, /* a fragment stays with the client: RFC 9112 section 3.2 */
    ['$'] = T | V | G | H,
    ['%'] = T | V | G | H,
    ['&'] = T | V | G | H,
    ['\''] = T | V | G | H,
    ['('] = V | G | H,
    [')'] = V | G | H,
    ['*'] = T | V | G | H,
    ['+'] = T | V | G | H,
    [','] = V | G,
    ['-'] = T | V | G | H,
    ['.'] = T | V | G | H,
    ['/'] = V | G,
    ['0' ... '9'] = T | V | G | H | X,
    [':'] = V | G,
    [';'] = V | G | H,
    ['<'] = V | G,
    ['='] = V | G | H,
    ['>'] = V | G,
    ['?'] = V | G,
    ['@'] = V | G,
    ['A' ... 'F'] = T | V | G | H | X,
    ['G' ... 'Z'] = T | V | G | H,
    ['['] = V | G,
    ['\\'] = V | G,
    [']'] = V | G,
    ['^'] = T | V | G,
    ['_'] = T | V | G | H,
    ['`'] = T | V | G,
    ['a' ... 'f'] = T | V | G | H | X,
    ['g' ... 'z'] = T | V | G | H,
    ['{'] = V | G,
    ['|'] = T | V | G,
    ['}'] = V | G,
    ['~'] = T | V | G | H,
    [0x80 ... 0xff] = V, /* obs-text; in a target it has to be encoded */
};


bool
field_equal(const char *text, size_t size, const char *lower)
{
    if (strlen(lower) != size) {
        return false;
    }
    for (size_t i = 0; i < size; i++) {
        char c = text[i];
        if (c >= 'A' && c <= 'Z') {
            c = (char)(c | 0x20);
        }
        if (c != lower[i]) {
            return false;
        }
    }
    return true;
}


static bool
is_space(char c)
{
    return c == ' ' || c == '\t';
}


bool
field_has_token(const char *value, size_t size, const char *lower)
{
    size_t at = 0;
    while (at < size) {
        size_t start = at;
        while (at < size && value[at] != ',') {
            at++;
        }
        size_t end = at++; /* ... and over the comma */
        while (start < end && is_space(value[start])) {
            start++;
        }
        while (end > start && is_space(value[end - 1])) {
            end--;
        }
        if (field_equal(value + start, end - start, lower)) {
            return true;
        }
    }
    return false;
}


static bool
is_port(const char *text, size_t size)
{
    long port = 0;
    for (size_t i = 0; i < size; i++) {
        if (text[i] < '0' || text[i] > '9' || port > 65535) {
            return false;
        }
        port = port * 10 + (text[i] - '0');
    }
    return port <= 65535;
}


/* "[" IPv6address / IPvFuture "]", without looking at the groups. */
static size_t
ip_literal_size(const char *value, size_t size)
{
    size_t at = 1;
    while (at < size
           && (field_chars[(unsigned char)value[at]] & CHAR_HOST
               || value[at] == ':')) {
        at++;
    }
    return at > 2 && at < size && value[at] == ']' ? at + 1 : 0;
}


bool
field_is_host(const char *value, size_t size)
{
    size_t host = size > 0 && value[0] == '['
                      ? ip_literal_size(value, size)
                      : field_span(value, size, CHAR_HOST);
    if (host == 0 || host == size) {
        return host > 0;
    }
    return value[host] == ':' && is_port(value + host + 1, size - host - 1);
}


int64_t
field_length(const char *value, size_t size)
{
    int64_t length = 0;
    for (size_t i = 0; i < size; i++) {
        if (value[i] < '0' || value[i] > '9') {
            return -1;
        }
        if (i < 18) {
            length = length * 10 + (value[i] - '0');
        }
    }
    if (size == 0) {
        return -1;
    }
    return size > 18 ? -2 : length;
}
