/* A connection's beginning. See connection.h. */

#include "connection.h"

#include "connection_parts.h"
#include "handover.h"
#include "io_thread.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>


static void
address_from(struct address *address, const struct sockaddr_storage *storage)
{
    const void *any = storage;
    address->port = -2;
    if (storage->ss_family == AF_INET) {
        const struct sockaddr_in *in = any;
        uv_ip4_name(in, address->host, sizeof address->host);
        address->port = ntohs(in->sin_port);
    }
    else if (storage->ss_family == AF_INET6) {
        const struct sockaddr_in6 *in6 = any;
        uv_ip6_name(in6, address->host, sizeof address->host);
        address->port = ntohs(in6->sin6_port);
    }
    else if (storage->ss_family == AF_UNIX) {
        const struct sockaddr_un *un = any;
        snprintf(address->host, sizeof address->host, "%s", un->sun_path);
        address->port = -1;
    }
}


static void
connection_read_addresses(struct connection *conn)
{
    uv_os_fd_t fd;
    conn->client.port = conn->server.port = -2;
    if (uv_fileno(&conn->handle, &fd) < 0) {
        return;
    }
    struct sockaddr_storage storage = {0};
    socklen_t size = sizeof storage;
    if (getpeername(fd, (struct sockaddr *)&storage, &size) == 0) {
        address_from(&conn->client, &storage);
    }
    storage = (struct sockaddr_storage){0};
    size = sizeof storage;
    if (getsockname(fd, (struct sockaddr *)&storage, &size) == 0) {
        address_from(&conn->server, &storage);
    }
}


static struct connection *
connection_new(struct io *io, bool is_pipe)
{
    struct connection *conn = calloc(1, sizeof *conn);
    if (conn == NULL) {
        return NULL;
    }
    int status = is_pipe ? uv_pipe_init(&io->loop, &conn->pipe, 0)
                         : uv_tcp_init(&io->loop, &conn->tcp);
    if (status < 0) {
        free(conn);
        return NULL;
    }
    conn->stream.data = conn;
    conn->io = io;
    conn->id = ++io->last_id;
    conn->output_end = &conn->output;
    atomic_init(&conn->refs, 1);
    http1_init(&conn->http, conn, io->head_limit);
    conn->next = io->connections;
    conn->link = &io->connections;
    if (conn->next != NULL) {
        conn->next->link = &conn->next;
    }
    io->connections = conn;
    io->open_handles++;
    io_count(io, IO_CONNECTIONS, 1);
    io_count(io, IO_ACCEPTED, 1);
    return conn;
}


/* False without memory. */
static bool
connection_start_tls(struct connection *conn)
{
    char error[TLS_ERROR_SIZE];
    if (!tls_context_refresh(conn->io->tls, error)) {
        io_complain(conn->io, "%s; the certificate from before stays", error);
    }
    conn->tls = tls_new(conn->io->tls);
    return conn->tls != NULL;
}


bool
connection_accept(struct io *io, uv_stream_t *listener)
{
    bool is_pipe = listener->type == UV_NAMED_PIPE;
    struct connection *conn = connection_new(io, is_pipe);
    if (conn == NULL) {
        return false;
    }
    if (uv_accept(listener, &conn->stream) < 0) {
        connection_close(conn);
        return true;
    }
    if (!is_pipe) {
        uv_tcp_nodelay(&conn->tcp, 1);
    }
    if (io->tls != NULL && !connection_start_tls(conn)) {
        connection_close(conn);
        return true;
    }
    (void)uv_fileno(&conn->handle, &conn->fd); /* it is open */
    connection_read_addresses(conn);
    io_idle_add(io, conn, io->head_time);
    connection_read_start(conn);
    return true;
}


int
connection_adopt(struct io *io, int fd, const char *data, size_t size)
{
    struct sockaddr_storage address;
    socklen_t length = sizeof address;
    int status = getsockname(fd, (struct sockaddr *)&address, &length) == -1
                     ? -errno
                     : 0;
    bool is_pipe = status == 0 && address.ss_family == AF_UNIX;
    struct connection *conn =
        status == 0 && io->tls == NULL ? connection_new(io, is_pipe) : NULL;
    if (conn == NULL) {
        close(fd);
        return status < 0 ? status : UV_ENOMEM;
    }
    status =
        is_pipe ? uv_pipe_open(&conn->pipe, fd) : uv_tcp_open(&conn->tcp, fd);
    if (status < 0) {
        close(fd);
        connection_close(conn);
        return status;
    }
    conn->fd = fd;
    connection_read_addresses(conn);
    io_idle_add(io, conn, io->keep_alive);
    size_t used = size > 0 ? connection_parse(conn, data, size) : 0;
    if (used < size && !conn->closing) {
        connection_keep(conn, data + used, size - used);
    }
    connection_watch_time(conn);
    connection_read_start(conn);
    return 0;
}
