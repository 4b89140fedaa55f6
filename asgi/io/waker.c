/* See waker.h. */

#include "waker.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <unistd.h>

#ifdef __linux__
#include <sys/eventfd.h>
#endif


#ifndef __linux__
static int
descriptor_prepare(int fd)
{
    if (fcntl(fd, F_SETFL, O_NONBLOCK) == -1
        || fcntl(fd, F_SETFD, FD_CLOEXEC) == -1) {
        return -errno;
    }
    return 0;
}
#endif


int
waker_open(struct waker *waker)
{
    atomic_init(&waker->rung, false);
#ifdef __linux__
    waker->read_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    waker->write_fd = waker->read_fd;
    return waker->read_fd == -1 ? -errno : 0;
#else
    int ends[2];
    if (pipe(ends) == -1) {
        return -errno;
    }
    waker->read_fd = ends[0];
    waker->write_fd = ends[1];
    int status = descriptor_prepare(ends[0]);
    return status ? status : descriptor_prepare(ends[1]);
#endif
}


void
waker_close(struct waker *waker)
{
    if (waker->write_fd != waker->read_fd) {
        close(waker->write_fd);
    }
    if (waker->read_fd != -1) {
        close(waker->read_fd);
    }
    waker->read_fd = waker->write_fd = -1;
}


void
waker_ring(struct waker *waker)
{
    if (atomic_exchange(&waker->rung, true)) {
        return;
    }
    uint64_t one = 1; /* an eventfd wants eight bytes; a pipe takes them too */
    ssize_t written;
    do {
        written = write(waker->write_fd, &one, sizeof one);
    } while (written == -1 && errno == EINTR);
    /* EAGAIN means that it is full, hence readable: what we want. */
}


void
waker_empty(struct waker *waker)
{
    uint64_t count[8];
    ssize_t got;
    do {
        got = read(waker->read_fd, count, sizeof count);
    } while ((got == -1 && errno == EINTR) || got == sizeof count);
}


void
waker_quiet(struct waker *waker)
{
    atomic_store(&waker->rung, false);
}
