/* Listening sockets, handed in as descriptors and duplicated: closing ours
 * leaves the owner's open, so that a restarted process inherits the backlog. */

#include "io_thread.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>


enum {
    ACCEPT_AGAIN = 100, /* milliseconds after which there may be memory */
};

static void on_accept_timer(uv_timer_t *timer);


/* libuv has accepted a client and listens on when it is taken from there, not
 * before. */
static void
listener_take(struct io *io, struct listener *listener)
{
    listener->pending = !connection_accept(io, &listener->stream);
    if (listener->pending) {
        /* Fails only when it is closing. */
        (void)uv_timer_start(&io->accept_timer, on_accept_timer, ACCEPT_AGAIN,
                             0);
    }
}


static void
on_accept_timer(uv_timer_t *timer)
{
    struct io *io = timer->data;
    for (size_t i = 0; i < io->n_listeners; i++) {
        if (io->listeners[i].open && io->listeners[i].pending) {
            listener_take(io, &io->listeners[i]);
        }
    }
}


static void
on_connection(uv_stream_t *stream, int status)
{
    if (status == 0) {
        listener_take(stream->data,
                      CONTAINER_OF(stream, struct listener, stream));
    }
    /* A failed accept (the client gave up, no descriptors left) costs only
     * that client; libuv goes on listening. */
}


static int
stream_open(struct io *io, struct listener *listener, int fd, int family)
{
    int status;
    if (family == AF_UNIX) {
        status = uv_pipe_init(&io->loop, &listener->pipe, 0);
        return status ? status : uv_pipe_open(&listener->pipe, fd);
    }
    status = uv_tcp_init(&io->loop, &listener->tcp);
    return status ? status : uv_tcp_open(&listener->tcp, fd);
}


int
listener_open(struct io *io, struct listener *listener, int fd)
{
    struct sockaddr_storage address;
    socklen_t size = sizeof address;
    if (getsockname(fd, (struct sockaddr *)&address, &size) == -1) {
        return -errno;
    }
    int own = fcntl(fd, F_DUPFD_CLOEXEC, 3);
    if (own == -1) {
        return -errno;
    }
    int status = stream_open(io, listener, own, address.ss_family);
    if (status < 0) {
        close(own);
        return status;
    }
    listener->stream.data = io;
    listener->open = true;
    io->open_handles++;
    return uv_listen(&listener->stream, io->backlog, on_connection);
}


void
listener_close(struct io *io, struct listener *listener)
{
    (void)io;
    if (listener->open) {
        listener->open = false;
        uv_close(&listener->handle, io_on_handle_closed);
    }
}
