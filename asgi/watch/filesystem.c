/* See filesystem.h. */

#include "filesystem.h"

#include <limits.h>
#include <string.h>

#ifdef __linux__
#include <errno.h>
#include <sys/vfs.h>

/* f_type of statfs(2), for file systems whose files others change as well: a
 * server, or the host of a container or virtual machine. virtiofs and the
 * mounts of Docker Desktop are FUSE to the kernel, drvfs (WSL) is 9p. */
static const struct {
    uint32_t magic;
    const char *name;
} SILENT[] = {
    {0x00006969, "NFS"},    {0x0000517B, "SMB"},    {0xFE534D42, "SMB"},
    {0xFF534D42, "SMB"},    {0x01021997, "9p"},     {0x65735546, "FUSE"},
    {0x786F4256, "vboxsf"}, {0xBACBACBC, "vmhgfs"}, {0x7C7C6673, "prl_fs"},
    {0x00C36400, "Ceph"},   {0x5346414F, "AFS"},    {0x6B414653, "AFS"},
    {0x0BD00BD0, "Lustre"},
};


const char *
filesystem_without_events(const char *path, size_t size)
{
    char name[PATH_MAX];
    struct statfs status;
    int failed = -1;
    while (failed < 0 && size > 0 && size < sizeof name) {
        memcpy(name, path, size);
        name[size] = '\0';
        failed = statfs(name, &status);
        if (failed < 0 && errno != EINTR) {
            size = path_parent_size(path, size);
        }
    }
    for (size_t i = 0; failed == 0 && i < sizeof SILENT / sizeof *SILENT; i++) {
        if ((uint32_t)status.f_type == SILENT[i].magic) {
            return SILENT[i].name;
        }
    }
    return NULL;
}
#else
const char *
filesystem_without_events(const char *path, size_t size)
{
    (void)path;
    (void)size;
    return NULL;
}
#endif


bool
filesystem_is_silent(struct pathset *known, const char *path, size_t size)
{
    enum { TELLS = 1, SILENT_ONE = 2 };
    size_t parent = path_parent_size(path, size);
    if (parent == 0) {
        parent = size;
    }
    struct path_entry *folder = pathset_find(known, path, parent);
    if (folder != NULL) {
        return folder->value == SILENT_ONE;
    }
    bool silent = filesystem_without_events(path, parent) != NULL;
    folder = pathset_add(known, path, parent);
    if (folder != NULL) {
        folder->value = silent ? SILENT_ONE : TELLS;
    } /* else it is asked for again */
    return silent;
}
