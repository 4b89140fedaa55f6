/* See memory.h.
 *
 * Bodies and messages are made by one thread and freed by the other, 64 KiB to
 * some megabytes each. glibc gives what is free at the end of a heap back to
 * the system from 128 KiB on, and maps larger blocks one by one: each message
 * then takes its pages anew, and the kernel clears them, which was nearly half
 * of an echo of 64 KiB (docs/network.md).
 */

#include "memory.h"

#include <stdbool.h>
#include <stdlib.h>

#ifdef __GLIBC__
#include <malloc.h>

enum {
    KEPT = 8 << 20,   /* bytes free at the end of a heap */
    MAPPED = 4 << 20, /* bytes of a block that is mapped by itself */
};


static bool
user_has_set(void)
{
    return getenv("GLIBC_TUNABLES") != NULL
           || getenv("MALLOC_TRIM_THRESHOLD_") != NULL
           || getenv("MALLOC_MMAP_THRESHOLD_") != NULL;
}


void
memory_keep(void)
{
    if (!user_has_set()) {
        (void)mallopt(M_TRIM_THRESHOLD, KEPT);
        (void)mallopt(M_MMAP_THRESHOLD, MAPPED);
    }
}

#else


void
memory_keep(void)
{
}

#endif
