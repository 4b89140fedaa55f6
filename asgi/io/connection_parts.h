/* What the files connection*.c share. */

#ifndef HMR_ASGI_CONNECTION_PARTS_H
#define HMR_ASGI_CONNECTION_PARTS_H

#include "connection.h"

enum {
    INPUT_LIMIT = 65536, /* bytes kept behind the current request */
};

/* Feed the parser; returns the number of bytes that belong to this request. */
size_t connection_parse(struct connection *conn, const char *data, size_t size);

/* Between requests, or in the head of the next one: neither may last. */
void connection_watch_time(struct connection *conn);

#endif
