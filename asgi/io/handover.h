/* Connections that outlive the process: a restart in place keeps their
 * descriptors, and the new process goes on with them.
 *
 * Handed over are plain HTTP connections without a request, or with one that is
 * whole and still behind the fence: its bytes go along, and the new process
 * answers it. Others end as in any stop. Runs on the I/O thread, except where
 * it says otherwise.
 */

#ifndef HMR_ASGI_HANDOVER_H
#define HMR_ASGI_HANDOVER_H

#include <stdbool.h>
#include <stddef.h>

struct connection;
struct io;

struct handed {
    struct handed *next;
    int fd; /* Owned. */
    size_t size;
    char data[]; /* what was read from it and not answered */
};

/* While the thread stops to be followed by another: take the connection out of
 * it, if it can go on there. False: it is still here. */
bool connection_hand_over(struct connection *conn);

/* Before the thread starts: the descriptor of a connection passes to it, with
 * bytes that were read from it. 0 or a negative libuv code; then it is closed.
 */
int connection_adopt(struct io *io, int fd, const char *data, size_t size);

/* Any thread. NULL is ignored. */
void handed_free(struct handed *handed);

#endif
