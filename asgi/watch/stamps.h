/* What paths are like, to tell by looking whether they changed: where the
 * kernel tells nothing (watch_poll.c) or not enough (watch_uv.c). Changes go
 * to the fence. Runs on the I/O thread only. */

#ifndef HMR_ASGI_STAMPS_H
#define HMR_ASGI_STAMPS_H

#include "pathset.h"

struct fence;

struct stamps {
    struct fence *fence;
    struct pathset paths; /* value: PATH_ bits; stamp: what it was like */
};

void stamps_init(struct stamps *stamps, struct fence *fence);
void stamps_fini(struct stamps *stamps);

/* Replace the paths (takes them out of *paths). A new one that changed since
 * `since` (nanoseconds of the wall clock) is reported; one that was there
 * before is compared by the next look. */
void stamps_set(struct stamps *stamps, struct pathset *paths, uint64_t since);

/* Look at all paths that matter; what changed is reported. */
void stamps_look(struct stamps *stamps);

/* Somebody tells that this one changed: report it if it did, or if it may have
 * changed twice within a tick of the clock. Returns whether. */
bool stamps_look_at(struct stamps *stamps, struct path_entry *entry);

#endif
