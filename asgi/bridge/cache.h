/* Python objects that requests have in common: headers and addresses.
 *
 * A browser sends the same dozen headers with every request, so the pairs
 * (name, value) are kept in a table of fixed size, by the hash that the parser
 * computed; a collision replaces. Pairs are tuples of bytes: immutable, hence
 * safe to share. Addresses are kept by connection, decoded paths by bytes.
 */

#ifndef HMR_ASGI_CACHE_H
#define HMR_ASGI_CACHE_H

#include "state.h" /* first: Python.h wants to be */

#include "request.h"

enum {
    CACHE_HEADERS = 512,
    CACHE_PEERS = 256,
    CACHE_PATHS = 256,
    CACHE_VALUE_LIMIT = 256, /* longer values are not kept */
};

struct cached_header {
    uint32_t hash;
    PyObject *pair; /* Owned, or NULL. */
};

struct cached_peer {
    uint64_t conn; /* id */
    PyObject *client;
    PyObject *server;
};

struct cached_path {
    PyObject *key;  /* bytes: the path as it came. Owned, or NULL. */
    PyObject *raw;  /* bytes: root_path and path */
    PyObject *path; /* str: the same, decoded */
};

struct cache {
    struct cached_header headers[CACHE_HEADERS];
    struct cached_peer peers[CACHE_PEERS];
    struct cached_path paths[CACHE_PATHS];
};

void cache_clear(struct cache *cache);

/* New reference to the tuple (name, value). */
PyObject *cache_header(struct cache *cache, const struct request *request,
                       const struct header *header);

/* The entry for a connection's addresses, borrowed; NULL with an exception. */
struct cached_peer *
cache_peer(struct cache *cache, const struct request *request);

#endif
