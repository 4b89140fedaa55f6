/* Which file systems tell of changes. Any thread; may wait for the file system.
 */

#ifndef HMR_ASGI_FILESYSTEM_H
#define HMR_ASGI_FILESYSTEM_H

#include "pathset.h"

/* The name of the file system that holds this path (or, while it does not
 * exist, what is above it), if changes made elsewhere raise no events there:
 * network and host folders. NULL: it tells, or that is not known. Static. */
const char *filesystem_without_events(const char *path, size_t size);

/* The same for the directory that holds the path, remembered in `known`, a set
 * that the caller keeps. */
bool filesystem_is_silent(struct pathset *known, const char *path, size_t size);

#endif
