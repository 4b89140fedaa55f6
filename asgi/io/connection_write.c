/* A connection's output: as much as the kernel takes at once, the rest through
 * libuv; encrypted on the way where the connection is TLS. See connection.h. */

#include "connection.h"

#include "io_thread.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
    WRITE_BUFFERS = 16,   /* pieces of output in one system call */
    SEALED_LIMIT = 65536, /* encrypted bytes that may wait for the socket */
};


static void
output_count_written(struct connection *conn, struct output *output,
                     size_t size)
{
    struct request *request = output->request;
    if (request == NULL) {
        return;
    }
    size_t before = atomic_fetch_sub(&request->unwritten, size);
    if (before - size <= OUTPUT_LOW_WATER && atomic_load(&request->wants_drain)
        && atomic_exchange(&request->wants_drain, false)) {
        io_post_event(conn->io, request, EVENT_DRAINED);
    }
}


/* The next bytes of a file. False where they are missing: it is shorter than
 * it was when its length was promised. */
static bool
output_read_file(struct output *output)
{
    size_t size = output->file_left < output->space ? (size_t)output->file_left
                                                    : output->space;
    ssize_t got;
    do {
        got = read(output->file - 1, output->data, size);
    } while (got < 0 && errno == EINTR);
    output->done = 0;
    output->size = got > 0 ? (size_t)got : 0;
    output->file_left -= output->size;
    return got > 0;
}


/* `size` bytes went to the kernel: take them off the queue. */
static void
connection_written(struct connection *conn, size_t size)
{
    while (conn->output != NULL) {
        struct output *output = conn->output;
        size_t rest = output_total(output) - output->done;
        size_t part = size < rest ? size : rest;
        output->done += part;
        size -= part;
        if (output->file == 0) {
            output_count_written(conn, output, part);
        }
        if (part < rest) {
            return;
        }
        if (output->file_left > 0) {
            if (!output_read_file(output)) {
                connection_close(conn); /* the client sees that it is cut */
            }
            return;
        }
        conn->output = output->next;
        output_free(output);
    }
    conn->output_end = &conn->output;
}


static unsigned
connection_buffers(struct connection *conn, uv_buf_t *buffers)
{
    unsigned n = 0;
    struct output *output = conn->output;
    for (; output != NULL && n < WRITE_BUFFERS; output = output->next) {
        size_t size;
        for (size_t done = output->done;
             n < WRITE_BUFFERS && done < output_total(output); done += size) {
            /* libuv only reads them. */
            buffers[n].base = (char *)output_piece(output, done, &size);
            buffers[n++].len = size;
        }
    }
    return n;
}


static void
on_write(uv_write_t *write_request, int status)
{
    struct connection *conn = write_request->data;
    conn->writing = false;
    free(conn->sealed);
    conn->sealed = NULL;
    if (conn->closing) {
        return; /* on_closed drops the output */
    }
    if (status < 0) {
        connection_close(conn);
        return;
    }
    if (conn->tls == NULL) {
        connection_written(conn, conn->write_size);
    }
    connection_flush(conn);
}


/* The kernel takes no more now: leave the rest to libuv. */
static void
connection_write_later(struct connection *conn)
{
    uv_buf_t buffers[WRITE_BUFFERS];
    unsigned n = connection_buffers(conn, buffers);
    conn->write_size = 0;
    for (unsigned i = 0; i < n; i++) {
        conn->write_size += buffers[i].len;
    }
    conn->write_request.data = conn;
    conn->writing = true;
    int status =
        uv_write(&conn->write_request, &conn->stream, buffers, n, on_write);
    if (status < 0) {
        conn->writing = false;
        connection_close(conn);
    }
}


static void
connection_flush_plain(struct connection *conn)
{
    uv_buf_t buffers[WRITE_BUFFERS];
    while (!conn->closing && !conn->writing && conn->output != NULL) {
        unsigned n = connection_buffers(conn, buffers);
        int written = 0;
        if (n > 0) {
            written = uv_try_write(&conn->stream, buffers, n);
        }
        if (written < 0 && written != UV_EAGAIN) {
            connection_close(conn);
            return;
        }
        connection_written(conn, written < 0 ? 0 : (size_t)written);
        if (n > 0 && written <= 0) {
            connection_write_later(conn);
        }
    }
}


/* TLS. */

/* Encrypt output, as much as may wait for the socket. -1: it cannot go on. */
static int
connection_seal(struct connection *conn)
{
    char *pending;
    while (conn->output != NULL
           && tls_pending(conn->tls, &pending) < SEALED_LIMIT) {
        struct output *output = conn->output;
        size_t size;
        const char *piece = output_piece(output, output->done, &size);
        long n = 0;
        if (size > 0) {
            n = tls_write(conn->tls, piece, size);
        }
        if (n < 0 || (n == 0 && size > 0)) {
            return n < 0 ? -1 : 0;
        }
        connection_written(conn, (size_t)n);
    }
    return 0;
}


/* The kernel takes no more now. OpenSSL may move its memory: write a copy. */
static int
connection_write_sealed_later(struct connection *conn, const char *data,
                              size_t size)
{
    conn->sealed = malloc(size);
    if (conn->sealed == NULL) {
        return -1;
    }
    memcpy(conn->sealed, data, size);
    tls_sent(conn->tls, size);
    uv_buf_t buffer = {.base = conn->sealed, .len = size};
    conn->write_request.data = conn;
    conn->writing = true;
    if (uv_write(&conn->write_request, &conn->stream, &buffer, 1, on_write)
        < 0) {
        conn->writing = false;
        return -1;
    }
    return 0;
}


static int
connection_flush_sealed(struct connection *conn)
{
    while (!conn->closing && !conn->writing) {
        char *data;
        if (connection_seal(conn) < 0) {
            return -1;
        }
        size_t size = tls_pending(conn->tls, &data);
        if (size == 0) {
            return 0;
        }
        uv_buf_t buffer = {.base = data, .len = size};
        int written = uv_try_write(&conn->stream, &buffer, 1);
        if (written > 0) {
            tls_sent(conn->tls, (size_t)written);
        }
        else if ((written < 0 && written != UV_EAGAIN)
                 || connection_write_sealed_later(conn, data, size) < 0) {
            return -1;
        }
    }
    return 0;
}


/* Tell a TLS client that no more comes, if the socket takes it at once. */
void
connection_say_goodbye(struct connection *conn)
{
    if (conn->tls == NULL || conn->writing) {
        return;
    }
    char *data;
    tls_end(conn->tls);
    size_t size = tls_pending(conn->tls, &data);
    if (size > 0) {
        uv_buf_t buffer = {.base = data, .len = size};
        (void)uv_try_write(&conn->stream, &buffer, 1);
        tls_sent(conn->tls, size);
    }
}


void
connection_flush(struct connection *conn)
{
    if (conn->tls == NULL) {
        connection_flush_plain(conn);
    }
    else if (connection_flush_sealed(conn) < 0) {
        connection_close(conn);
    }
    if (!conn->closing && !conn->writing && conn->output == NULL) {
        connection_rest(conn);
    }
}
