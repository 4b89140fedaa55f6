/* See http1_syntax.h. The names of the states are what is expected next. */

#include "http1_syntax.h"

#include "field.h"

#include <string.h>

enum state {
    BLANK, /* empty lines, then a method (2.2) */
    METHOD,
    TARGET,
    VERSION,
    LINE_LF,
    FIELD, /* a name, or the end of the head */
    NAME,
    VALUE,
    VALUE_LF,
    HEAD_LF,
    HEAD_DONE, /* http1_syntax_body */
    BODY,
    CHUNK_SIZE, /* 7.1 */
    CHUNK_SPACE,
    CHUNK_EXTENSION,
    CHUNK_SIZE_LF,
    CHUNK_DATA,
    CHUNK_CR,
    CHUNK_LF,
    DONE,
};

/* All that llhttp 8 and 9 know and HTTP uses; CONNECT is for proxies. */
static const char *const METHODS[] = {
    "GET",      "POST",        "PUT",        "DELETE", "HEAD",
    "OPTIONS",  "PATCH",       "TRACE",      "ACL",    "BIND",
    "CHECKOUT", "COPY",        "LINK",       "LOCK",   "M-SEARCH",
    "MERGE",    "MKACTIVITY",  "MKCALENDAR", "MKCOL",  "MOVE",
    "NOTIFY",   "PROPFIND",    "PROPPATCH",  "PURGE",  "REBIND",
    "REPORT",   "SEARCH",      "SUBSCRIBE",  "UNBIND", "UNLINK",
    "UNLOCK",   "UNSUBSCRIBE",
};

void
http1_syntax_init(struct http1_syntax *syntax, uint32_t limit)
{
    memset(syntax, 0, offsetof(struct http1_syntax, method));
    syntax->limit = limit;
}


bool
http1_syntax_begun(const struct http1_syntax *syntax)
{
    return syntax->state != BLANK;
}


bool
http1_syntax_done(const struct http1_syntax *syntax)
{
    return syntax->state == DONE;
}


void
http1_syntax_body(struct http1_syntax *syntax, bool chunked, uint64_t length)
{
    syntax->left = length;
    syntax->at = 0;
    syntax->state = chunked ? CHUNK_SIZE : length > 0 ? BODY : DONE;
}


/* The steps. Each looks at `data` (`size` bytes, at least one), says how many
 * bytes it took (*used: 1 unless it says otherwise, 0 when only the state
 * changes) and returns 0, or the status to answer; then nothing has changed. */

/* One byte that has to be there. */
static int
expect(struct http1_syntax *syntax, char c, char wanted, enum state next)
{
    if (c != wanted) {
        return 400;
    }
    syntax->state = (uint8_t)next;
    syntax->size = 0;
    return 0;
}


/* A part of the head: bytes of one kind up to a limit, then what ends it. */
struct part {
    unsigned kind;
    uint32_t limit;
    int too_long;
    char end;
    enum state next;
};


static int
step_part(struct http1_syntax *syntax, const char *data, size_t size,
          size_t *used, const struct part *part)
{
    size_t n = field_span(data, size, part->kind);
    if (n > part->limit - syntax->size) {
        return part->too_long;
    }
    if (n > 0) {
        syntax->size += (uint32_t)n;
        *used = n;
        return 0;
    }
    return expect(syntax, *data, part->end, part->next);
}


static bool
method_is(const struct http1_syntax *syntax, const char *name)
{
    return strlen(name) == syntax->method_size
           && memcmp(syntax->method, name, syntax->method_size) == 0;
}


static int
method_end(struct http1_syntax *syntax, char c)
{
    if (c != ' ' || syntax->method_size == 0) {
        return 400;
    }
    for (size_t i = 0; i < sizeof METHODS / sizeof METHODS[0]; i++) {
        if (method_is(syntax, METHODS[i])) {
            return expect(syntax, c, ' ', TARGET);
        }
    }
    /* "PRI * HTTP/2.0" is how HTTP/2 begins. */
    return method_is(syntax, "PRI") ? 505 : 501;
}


static int
step_method(struct http1_syntax *syntax, const char *data, size_t size,
            size_t *used)
{
    size_t n = field_span(data, size, CHAR_TOKEN);
    if (n > (size_t)(METHOD_LIMIT - syntax->method_size)) {
        return 501;
    }
    if (n == 0) {
        return method_end(syntax, *data);
    }
    memcpy(syntax->method + syntax->method_size, data, n);
    syntax->method_size = (uint8_t)(syntax->method_size + n);
    *used = n;
    return 0;
}


/* An empty line before a request is skipped (2.2). */
static int
step_blank(struct http1_syntax *syntax, char c, size_t *used)
{
    bool after_cr = syntax->size % 2;
    if (c == (after_cr ? '\n' : '\r')) {
        if (syntax->size == BLANK_LIMIT) {
            return 400;
        }
        syntax->size++;
        return 0;
    }
    if (after_cr) {
        return 400;
    }
    *used = 0;
    syntax->state = METHOD;
    return 0;
}


static int
step_version(struct http1_syntax *syntax, char c)
{
    static const char WANTED[] = "HTTP/1.1\r";
    enum { MAJOR = 5, MINOR = 7 };
    if (c != WANTED[syntax->at] && !(c == '0' && syntax->at == MINOR)) {
        bool other = syntax->at == MAJOR || syntax->at == MINOR;
        return other && c >= '0' && c <= '9' ? 505 : 400;
    }
    if (++syntax->at == sizeof WANTED - 1) {
        syntax->state = LINE_LF;
    }
    return 0;
}


static int
step_field(struct http1_syntax *syntax, char c, size_t *used)
{
    if (c == '\r') {
        return expect(syntax, c, '\r', HEAD_LF);
    }
    if (!(field_chars[(unsigned char)c] & CHAR_TOKEN)) {
        return 400; /* a space would make this a folded line (5.2) */
    }
    *used = 0;
    syntax->state = NAME;
    return 0;
}


static unsigned
hex_digit(char c)
{
    return (unsigned)(c <= '9' ? c - '0' : (c | 0x20) - 'a' + 10);
}


static int
step_chunk_size(struct http1_syntax *syntax, char c, size_t *used)
{
    if (field_chars[(unsigned char)c] & CHAR_HEX) {
        if (syntax->left >> 56 != 0) {
            return 413;
        }
        if (syntax->at == UINT8_MAX) {
            return 400; /* zeros without end */
        }
        syntax->left = syntax->left << 4 | hex_digit(c);
        syntax->at++;
        return 0;
    }
    if (syntax->at == 0) {
        return 400;
    }
    if (c == '\r') {
        return expect(syntax, c, '\r', CHUNK_SIZE_LF);
    }
    *used = 0;
    syntax->state = CHUNK_SPACE;
    return 0;
}


static int
step_chunk_space(struct http1_syntax *syntax, char c)
{
    return c == ' ' || c == '\t' ? 0 : expect(syntax, c, ';', CHUNK_EXTENSION);
}


static int
step_chunk_size_lf(struct http1_syntax *syntax, char c)
{
    if (c != '\n') {
        return 400;
    }
    syntax->at = 0;
    syntax->trailers = syntax->left == 0;
    return expect(syntax, c, '\n', syntax->trailers ? FIELD : CHUNK_DATA);
}


static int
step_data(struct http1_syntax *syntax, size_t size, size_t *used,
          enum state next)
{
    *used = size < syntax->left ? size : (size_t)syntax->left;
    syntax->left -= *used;
    if (syntax->left == 0) {
        syntax->state = (uint8_t)next;
    }
    return 0;
}


static int
step(struct http1_syntax *syntax, const char *data, size_t size, size_t *used)
{
    const struct part target = {CHAR_TARGET, syntax->limit / 2, 414, ' ',
                                VERSION};
    const struct part name = {CHAR_TOKEN, FIELD_NAME_LIMIT, 431, ':', VALUE};
    const struct part value = {CHAR_VALUE, syntax->limit / 4 * 3, 431, '\r',
                               VALUE_LF};
    const struct part extension = {CHAR_VALUE, EXTRA_LIMIT, 431, '\r',
                                   CHUNK_SIZE_LF};
    const char c = *data;
    *used = 1;
    switch ((enum state)syntax->state) {
    case BLANK:
        return step_blank(syntax, c, used);
    case METHOD:
        return step_method(syntax, data, size, used);
    case TARGET:
        return syntax->size == 0 && c == ' '
                   ? 400
                   : step_part(syntax, data, size, used, &target);
    case VERSION:
        return step_version(syntax, c);
    case LINE_LF:
    case VALUE_LF:
        return expect(syntax, c, '\n', FIELD);
    case FIELD:
        return step_field(syntax, c, used);
    case NAME:
        return step_part(syntax, data, size, used, &name);
    case VALUE:
        return step_part(syntax, data, size, used, &value);
    case HEAD_LF:
        return expect(syntax, c, '\n', syntax->trailers ? DONE : HEAD_DONE);
    case BODY:
        return step_data(syntax, size, used, DONE);
    case CHUNK_SIZE:
        return step_chunk_size(syntax, c, used);
    case CHUNK_SPACE:
        return step_chunk_space(syntax, c);
    case CHUNK_EXTENSION:
        return step_part(syntax, data, size, used, &extension);
    case CHUNK_SIZE_LF:
        return step_chunk_size_lf(syntax, c);
    case CHUNK_DATA:
        return step_data(syntax, size, used, CHUNK_CR);
    case CHUNK_CR:
        return expect(syntax, c, '\r', CHUNK_LF);
    case CHUNK_LF:
        return expect(syntax, c, '\n', CHUNK_SIZE);
    case HEAD_DONE:
    case DONE:
        break; /* http1_syntax_scan does not come here */
    }
    return 400;
}


/* Is the next byte, if it is well-formed, one for llhttp? */
static bool
passes(const struct http1_syntax *syntax, char c)
{
    switch ((enum state)syntax->state) {
    case BLANK:
    case METHOD: /* http1.c hands it on when it is known */
    case CHUNK_SPACE:
        return false;
    case CHUNK_SIZE:
        return c != ';' && c != ' ' && c != '\t';
    case CHUNK_EXTENSION:
        return c == '\r';
    case FIELD:
        return !syntax->trailers || c == '\r';
    case NAME:
    case VALUE:
    case VALUE_LF:
        return !syntax->trailers;
    default:
        return true;
    }
}


/* Count what is read and forgotten. */
static int
count_extra(struct http1_syntax *syntax, size_t size)
{
    if (size > EXTRA_LIMIT - syntax->extra) {
        return 431;
    }
    syntax->extra += (uint32_t)size;
    return 0;
}


enum syntax_verdict
http1_syntax_scan(struct http1_syntax *syntax, const char *data, size_t *size,
                  int *status)
{
    const bool pass = passes(syntax, data[0]);
    const bool extra =
        !pass && syntax->state != BLANK && syntax->state != METHOD;
    size_t at = 0;
    *status = 0;
    while (*status == 0 && at < *size && syntax->state != DONE
           && syntax->state != HEAD_DONE && passes(syntax, data[at]) == pass) {
        size_t used;
        *status = step(syntax, data + at, *size - at, &used);
        at += *status == 0 ? used : 0;
    }
    if (*status == 0 && extra) {
        *status = count_extra(syntax, at);
    }
    if (*status != 0 && (at == 0 || !pass)) {
        return SYNTAX_BAD;
    }
    *size = at;
    return pass ? SYNTAX_PASS : SYNTAX_SKIP;
}
