/* The times of struct stat and of the clock that files are stamped with, in
 * nanoseconds since 1970. */

#ifndef HMR_ASGI_FILETIME_H
#define HMR_ASGI_FILETIME_H

#include <stdint.h>
#include <sys/stat.h>
#include <time.h>

enum {
    CLOCK_SLACK = 20 * 1000 * 1000, /* time stamps tick every 4 to 10 ms */
};


static inline uint64_t
nanoseconds(const struct timespec *time)
{
    return (uint64_t)time->tv_sec * 1000000000u + (uint64_t)time->tv_nsec;
}


static inline uint64_t
wall_clock(void)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return nanoseconds(&now);
}


/* The last change of the content or of what else the inode holds. */
static inline uint64_t
file_changed_at(const struct stat *stat)
{
#ifdef __APPLE__
    return nanoseconds(&stat->st_ctimespec);
#else
    return nanoseconds(&stat->st_ctim);
#endif
}


static inline uint64_t
file_written_at(const struct stat *stat)
{
#ifdef __APPLE__
    return nanoseconds(&stat->st_mtimespec);
#else
    return nanoseconds(&stat->st_mtim);
#endif
}

#endif
