/* What matters, as the application's thread tells the I/O thread. */

#ifndef HMR_ASGI_WATCHLIST_H
#define HMR_ASGI_WATCHLIST_H

#include "pathset.h"

/* The bits of a path's value. */
enum {
    PATH_FILE = 1,   /* its content matters, or that it does not exist */
    PATH_LISTED = 2, /* a directory whose entries matter */
    PATH_ABOVE = 4,  /* a directory above one of these */
};

struct watchlist {
    struct pathset told;   /* the kernel tells of its changes */
    struct pathset polled; /* it does not: the paths are looked at */
};

/* NULL without memory. */
struct watchlist *watchlist_new(void);
void watchlist_free(struct watchlist *list); /* NULL is fine */

/* Add a path (and what is above it, for the kernel). 0, or -1 without memory.
 */
int watchlist_add(struct watchlist *list, const char *path, size_t size,
                  int value, bool polled);

#endif
