/* See fence.h. */

#include "fence.h"

#include "io_thread.h"

#include <stdlib.h>

/* States of a path in fence.writing. */
enum {
    WRITING_NOT = 0,
    WRITING = 1,
    WRITING_NEW = 2, /* the file did not exist before */
    GIVEN_UP = 3,    /* never ready: its writes raise nothing any more */
};

static void on_timer(uv_timer_t *timer);


void
fence_init(struct fence *fence, struct io *io)
{
    fence->io = io;
    fence->held_end = &fence->held;
    uv_timer_init(&io->loop, &fence->timer);
    fence->timer.data = fence;
    pathset_init(&fence->writing);
    pathset_init(&fence->changed);
}


void
fence_close(struct fence *fence)
{
    uv_close((uv_handle_t *)&fence->timer, io_on_handle_closed);
}


void
fence_fini(struct fence *fence)
{
    pathset_fini(&fence->writing);
    pathset_fini(&fence->changed);
}


/* Requests. */

void
fence_hold(struct fence *fence, struct request *request)
{
    request->next = NULL;
    *fence->held_end = request;
    fence->held_end = &request->next;
    fence->n_fresh++;
    if (fence->unchecked == NULL) {
        fence->unchecked = request;
    }
}


static void
fence_open(struct fence *fence)
{
    struct request *request = fence->held;
    fence->held = fence->unchecked = NULL;
    fence->held_end = &fence->held;
    while (request != NULL) {
        struct request *next = request->next;
        if (request->abandoned) {
            request_unref(request);
        }
        else {
            request->released = true;
            unsigned eof = request->conn->eof ? EVENT_EOF : 0;
            io_post_event(fence->io, request, EVENT_START | eof);
        }
        request = next;
    }
}


/* Changes. */

static uint64_t
fence_now(struct fence *fence)
{
    return uv_now(&fence->io->loop);
}


static bool
is_writing(const struct path_entry *entry)
{
    return entry->value == WRITING || entry->value == WRITING_NEW;
}


static void
entry_set(struct fence *fence, struct path_entry *entry, int state)
{
    fence->n_writing -= is_writing(entry);
    fence->n_given_up -= entry->value == GIVEN_UP;
    entry->value = state;
    fence->n_writing += is_writing(entry);
    fence->n_given_up += state == GIVEN_UP;
}


bool
fence_awaits(const struct fence *fence, const char *path, size_t size)
{
    const struct path_entry *entry = pathset_find(&fence->writing, path, size);
    return entry != NULL && is_writing(entry);
}


void
fence_raise(struct fence *fence, const char *path, size_t size, bool created,
            uint64_t patience)
{
    struct path_entry *entry = pathset_add(&fence->writing, path, size);
    if (entry == NULL || (entry->value == GIVEN_UP && !created)) {
        return;
    }
    fence->last = fence_now(fence);
    if (!is_writing(entry)) {
        entry_set(fence, entry, created ? WRITING_NEW : WRITING);
        entry->stamp = fence->last + patience;
    }
}


void
fence_ready(struct fence *fence, const char *path, size_t size, uint64_t settle)
{
    struct path_entry *entry = pathset_find(&fence->writing, path, size);
    if (entry != NULL) {
        entry_set(fence, entry, WRITING_NOT);
    }
    fence->last = fence_now(fence);
    if (fence->changed.count == 0) {
        fence->first = fence->last;
        fence->settle = settle;
    }
    if (pathset_add(&fence->changed, path, size) == NULL) {
        return; /* no memory for a path: the next save tells */
    }
    uint64_t several = fence->changed.count >= BURST_FILES ? SETTLE_BURST
                       : fence->changed.count > 1          ? SETTLE_MANY
                                                           : settle;
    settle = settle > several ? settle : several;
    if (settle > fence->settle) {
        fence->settle = settle;
    }
}


/* Stop waiting for writes that do not end. A new file counts as it is (it may
 * have been linked into place, which nothing tells); the end of a write to an
 * old one will be told. Returns when the next one is given up. */
static uint64_t
fence_give_up(struct fence *fence, uint64_t now)
{
    uint64_t next = UINT64_MAX;
    size_t at = 0;
    struct path_entry *entry;
    while (fence->n_writing > 0
           && (entry = pathset_next(&fence->writing, &at)) != NULL) {
        if (!is_writing(entry)) {
            continue;
        }
        if (entry->stamp <= now) {
            if (entry->value == WRITING_NEW) {
                fence_ready(fence, entry->path, entry->size, SETTLE_ONE);
            }
            entry_set(fence, entry, GIVEN_UP);
        }
        else if (entry->stamp < next) {
            next = entry->stamp;
        }
    }
    return next;
}


/* Forget paths whose write ended, keep those that were given up. */
static void
fence_forget(struct fence *fence)
{
    struct pathset kept;
    pathset_init(&kept);
    size_t at = 0;
    struct path_entry *entry;
    while ((entry = pathset_next(&fence->writing, &at)) != NULL) {
        if (entry->value == GIVEN_UP) {
            struct path_entry *copy =
                pathset_add(&kept, entry->path, entry->size);
            if (copy != NULL) {
                copy->value = GIVEN_UP;
            }
        }
    }
    pathset_fini(&fence->writing);
    fence->writing = kept;
}


static void
fence_report(struct fence *fence)
{
    struct change *change = calloc(1, sizeof *change);
    struct pathset *paths = pathset_new();
    if (change == NULL || paths == NULL) {
        free(change);
        pathset_free(paths);
        return; /* out of memory: try again when the timer fires */
    }
    *paths = fence->changed;
    pathset_init(&fence->changed);
    change->letter.kind = LETTER_CHANGE;
    change->serial = ++fence->serial;
    change->paths = paths;
    fence->reported = true;
    fence->reported_at = fence_now(fence);
    io_count(fence->io, IO_CHANGES, 1);
    io_post(fence->io, &change->letter);
}


static void
fence_set_timer(struct fence *fence, uint64_t when, uint64_t now)
{
    /* Fails only when it is closing. */
    (void)uv_timer_start(&fence->timer, on_timer, when > now ? when - now : 1,
                         0);
}


/* While a change is being applied: refuse requests that wait for themselves. */
static void
fence_refuse_own(struct fence *fence)
{
    uint64_t now = fence_now(fence);
    while (fence->unchecked != NULL) {
        struct request *request = fence->unchecked;
        uint64_t due = request->arrived / 1000000;
        if (due < fence->reported_at) {
            due = fence->reported_at;
        }
        due += OWN_REQUEST_LIMIT;
        if (due > now) {
            fence_set_timer(fence, due, now);
            return;
        }
        fence->unchecked = request->next;
        if (!request->abandoned && connection_is_own(request->conn)) {
            connection_refuse_because(
                request->conn, 503,
                "The server is busy with a change that waits for this answer.");
        }
    }
    io_flush(fence->io);
}


/* Does the fence stand? Report what is ready to be applied. */
static bool
fence_update(struct fence *fence)
{
    if (fence->reported) {
        fence_refuse_own(fence);
        return true; /* what came meanwhile is reported after the release */
    }
    if (fence->n_writing == 0 && fence->changed.count == 0) {
        return false;
    }
    uint64_t now = fence_now(fence);
    uint64_t next = fence_give_up(fence, now);
    if (fence->n_writing > 0) {
        fence_set_timer(fence, next, now);
        return true;
    }
    if (fence->changed.count == 0) {
        return false;
    }
    uint64_t settle =
        fence->settle > fence->delay ? fence->settle : fence->delay;
    uint64_t due = fence->last + settle;
    uint64_t limit =
        fence->changed.count >= BURST_FILES ? SETTLE_BURST_LIMIT : SETTLE_LIMIT;
    if (due > fence->first + fence->delay + limit) {
        due = fence->first + fence->delay + limit;
    }
    if (now >= due) {
        fence_report(fence);
    }
    if (!fence->reported) {
        fence_set_timer(fence, due, now);
    }
    return true;
}


static void
on_timer(uv_timer_t *timer)
{
    struct fence *fence = timer->data;
    io_look_at_files(fence->io); /* is it quiet indeed? */
    fence_pass(fence);
    io_ring_app(fence->io);
}


void
fence_pass(struct fence *fence)
{
    if (fence->held != NULL && !fence->reported) {
        io_look_at_files(fence->io);
    }
    if (fence_update(fence) && !fence->io->stopping) {
        io_count(fence->io, IO_FENCED, (int)fence->n_fresh);
    }
    else {
        fence_open(fence);
        uv_timer_stop(&fence->timer);
        if (fence->writing.count > fence->n_given_up) {
            fence_forget(fence);
        }
    }
    fence->n_fresh = 0;
}


void
fence_release(struct fence *fence, uint64_t serial)
{
    if (fence->reported && serial >= fence->serial) {
        fence->reported = false;
    }
}
