/* Is the client of a connection this very process? */

#include "connection.h"

#include <dirent.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>


/* Do both ends of the socket mirror those of the other one? */
static bool
socket_mirrors(int fd, const struct sockaddr_storage *local,
               const struct sockaddr_storage *peer, socklen_t size)
{
    struct sockaddr_storage name = {0};
    socklen_t got = sizeof name;
    if (getsockname(fd, (struct sockaddr *)&name, &got) < 0 || got != size
        || memcmp(&name, peer, size) != 0) {
        return false;
    }
    memset(&name, 0, sizeof name);
    got = sizeof name;
    return getpeername(fd, (struct sockaddr *)&name, &got) == 0 && got == size
           && memcmp(&name, local, size) == 0;
}


#ifdef SO_PEERCRED
static bool
unix_peer_is_own(int fd)
{
    struct ucred peer;
    socklen_t size = sizeof peer;
    return getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) == 0
           && peer.pid == getpid();
}
#else
static bool
unix_peer_is_own(int fd)
{
    (void)fd;
    return false;
}
#endif


bool
connection_is_own(struct connection *conn)
{
    uv_os_fd_t fd;
    struct sockaddr_storage local = {0};
    struct sockaddr_storage peer = {0};
    socklen_t size = sizeof local;
    socklen_t peer_size = sizeof peer;
    if (uv_fileno(&conn->handle, &fd) < 0
        || getsockname(fd, (struct sockaddr *)&local, &size) < 0
        || getpeername(fd, (struct sockaddr *)&peer, &peer_size) < 0) {
        return false;
    }
    if (local.ss_family == AF_UNIX) {
        return unix_peer_is_own(fd);
    }
    DIR *descriptors = opendir("/dev/fd");
    if (descriptors == NULL) {
        return false;
    }
    bool own = false;
    struct dirent *entry;
    while (!own && (entry = readdir(descriptors)) != NULL) {
        char *end;
        long number = strtol(entry->d_name, &end, 10);
        own = *end == '\0' && end != entry->d_name
              && socket_mirrors((int)number, &local, &peer, size);
    }
    closedir(descriptors);
    return own;
}
