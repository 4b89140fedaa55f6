/* See cache.h. GIL held throughout. */

#include "cache.h"

#include "connection.h"

#include <string.h>


void
cache_clear(struct cache *cache)
{
    for (size_t i = 0; i < CACHE_HEADERS; i++) {
        Py_CLEAR(cache->headers[i].pair);
    }
    for (size_t i = 0; i < CACHE_PEERS; i++) {
        Py_CLEAR(cache->peers[i].client);
        Py_CLEAR(cache->peers[i].server);
    }
    for (size_t i = 0; i < CACHE_PATHS; i++) {
        Py_CLEAR(cache->paths[i].key);
        Py_CLEAR(cache->paths[i].raw);
        Py_CLEAR(cache->paths[i].path);
    }
}


static bool
bytes_equal(PyObject *bytes, const char *data, size_t size)
{
    return (size_t)PyBytes_GET_SIZE(bytes) == size
           && memcmp(PyBytes_AS_STRING(bytes), data, size) == 0;
}


static PyObject *
pair_new(const char *name, size_t name_size, const char *value,
         size_t value_size)
{
    PyObject *pair = PyTuple_New(2);
    if (pair == NULL) {
        return NULL;
    }
    PyTuple_SET_ITEM(pair, 0,
                     PyBytes_FromStringAndSize(name, (Py_ssize_t)name_size));
    PyTuple_SET_ITEM(pair, 1,
                     PyBytes_FromStringAndSize(value, (Py_ssize_t)value_size));
    if (PyTuple_GET_ITEM(pair, 0) == NULL
        || PyTuple_GET_ITEM(pair, 1) == NULL) {
        Py_DECREF(pair);
        return NULL;
    }
    return pair;
}


PyObject *
cache_header(struct cache *cache, const struct request *request,
             const struct header *header)
{
    const char *name = request->text + header->name;
    const char *value = request->text + header->value;
    struct cached_header *slot = &cache->headers[header->hash % CACHE_HEADERS];
    if (slot->pair != NULL && slot->hash == header->hash
        && bytes_equal(PyTuple_GET_ITEM(slot->pair, 0), name, header->name_size)
        && bytes_equal(PyTuple_GET_ITEM(slot->pair, 1), value,
                       header->value_size)) {
        return Py_NewRef(slot->pair);
    }
    PyObject *pair =
        pair_new(name, header->name_size, value, header->value_size);
    if (pair != NULL && header->value_size <= CACHE_VALUE_LIMIT) {
        slot->hash = header->hash;
        Py_XSETREF(slot->pair, Py_NewRef(pair));
    }
    return pair;
}


static PyObject *
address_tuple(const struct address *address)
{
    if (address->port == -2) {
        Py_RETURN_NONE;
    }
    PyObject *host = PyUnicode_DecodeFSDefault(address->host);
    if (host == NULL) {
        return NULL;
    }
    if (address->port == -1) {
        return Py_BuildValue("(NO)", host, Py_None);
    }
    return Py_BuildValue("(Ni)", host, address->port);
}


struct cached_peer *
cache_peer(struct cache *cache, const struct request *request)
{
    const struct connection *conn = request->conn;
    struct cached_peer *slot = &cache->peers[conn->id % CACHE_PEERS];
    if (slot->conn == conn->id && slot->client != NULL) {
        return slot;
    }
    /* A client on a Unix socket has no address to speak of. */
    PyObject *client = conn->client.port < 0 ? Py_NewRef(Py_None)
                                             : address_tuple(&conn->client);
    PyObject *server = address_tuple(&conn->server);
    if (client == NULL || server == NULL) {
        Py_XDECREF(client);
        Py_XDECREF(server);
        return NULL;
    }
    slot->conn = conn->id;
    Py_XSETREF(slot->client, client);
    Py_XSETREF(slot->server, server);
    return slot;
}
