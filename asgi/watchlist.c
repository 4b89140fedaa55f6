/* The set of paths that matter; see watch.h. */

#include "watch.h"


int
watchlist_add(struct pathset *paths, const char *path, size_t size, int value)
{
    struct path_entry *entry = pathset_add(paths, path, size);
    if (entry == NULL) {
        return -1;
    }
    entry->value |= value;
    while ((size = path_parent_size(path, size)) > 0) {
        entry = pathset_add(paths, path, size);
        if (entry == NULL) {
            return -1;
        }
        if (entry->value & PATH_ABOVE) {
            break; /* so are all that are above it */
        }
        entry->value |= PATH_ABOVE;
    }
    return 0;
}
