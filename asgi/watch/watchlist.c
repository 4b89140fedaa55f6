/* See watchlist.h. */

#include "watchlist.h"

#include <stdlib.h>


struct watchlist *
watchlist_new(void)
{
    struct watchlist *list = malloc(sizeof *list);
    if (list != NULL) {
        pathset_init(&list->told);
        pathset_init(&list->polled);
    }
    return list;
}


void
watchlist_free(struct watchlist *list)
{
    if (list != NULL) {
        pathset_fini(&list->told);
        pathset_fini(&list->polled);
        free(list);
    }
}


int
watchlist_add(struct watchlist *list, const char *path, size_t size, int value,
              bool polled)
{
    struct pathset *paths = polled ? &list->polled : &list->told;
    struct path_entry *entry = pathset_add(paths, path, size);
    if (entry == NULL) {
        return -1;
    }
    entry->value |= value;
    while (!polled && (size = path_parent_size(path, size)) > 0) {
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
