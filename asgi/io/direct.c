/* See direct.h. */

#include "direct.h"

#include "connection.h"

#include <sys/socket.h>

#ifndef MSG_NOSIGNAL
#define MSG_NOSIGNAL 0 /* libuv sets SO_NOSIGPIPE there */
#endif

enum {
    DIRECT_LIMIT = 16384, /* bytes: the GIL is held while they are copied */
};


void
direct_init(struct direct *direct)
{
    pthread_mutex_init(&direct->lock, NULL); /* fails never */
    direct->shut = direct->used = false;
}


void
direct_fini(struct direct *direct)
{
    pthread_mutex_destroy(&direct->lock);
}


bool
direct_shut(struct direct *direct)
{
    pthread_mutex_lock(&direct->lock);
    direct->shut = true;
    bool used = direct->used;
    pthread_mutex_unlock(&direct->lock);
    return used;
}


/* Plain bytes, all here. The I/O thread encrypts and makes frames. */
static bool
output_is_direct(const struct output *output)
{
    return output->size > 0 && output->size <= DIRECT_LIMIT
           && output->tail_owner == NULL && output->file == 0
           && !(output->flags & (OUTPUT_MESSAGE | OUTPUT_UPGRADE))
           && output->request->conn->tls == NULL;
}


void
direct_write(struct output *output)
{
    struct direct *direct = &output->request->direct;
    if (output->file != 0) {
        (void)direct_shut(direct); /* its bytes do not count as unwritten */
    }
    if (!output_is_direct(output)
        || atomic_load(&output->request->unwritten) > 0) {
        return;
    }
    pthread_mutex_lock(&direct->lock);
    if (!direct->shut) {
        ssize_t written = send(output->request->conn->fd, output->data,
                               output->size, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (written > 0) { /* else the I/O thread finds out why */
            output->done = (size_t)written;
            direct->used = true;
        }
    }
    pthread_mutex_unlock(&direct->lock);
}
