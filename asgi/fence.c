#include "fence.h"

#include "io_thread.h"

int
fence_init(struct fence *fence, struct io *io)
{
    fence->io = io;
    fence->held = NULL;
    fence->held_end = &fence->held;
    return 0;
}

void
fence_close(struct fence *fence)
{
    (void)fence;
}


void
fence_hold(struct fence *fence, struct request *request)
{
    request->next = NULL;
    *fence->held_end = request;
    fence->held_end = &request->next;
}


static void
fence_open(struct fence *fence)
{
    struct request *request = fence->held;
    fence->held = NULL;
    fence->held_end = &fence->held;
    while (request != NULL) {
        struct request *next = request->next;
        if (request->abandoned) {
            request_unref(request);
        }
        else {
            request->released = true;
            io_post_event(fence->io, request, EVENT_START);
        }
        request = next;
    }
}


void
fence_pass(struct fence *fence)
{
    fence_open(fence);
}
