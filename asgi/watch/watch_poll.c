/* See watch_poll.h. */

#include "watch_poll.h"

#include "io_thread.h"

enum {
    INTERVAL_LEAST = 250, /* milliseconds between two sweeps that nobody */
    INTERVAL_MOST = 1000, /* ... waits for */
    INTERVAL_COST = 50,   /* ... as many times what one costs: 2 % */
};


static void
on_timer(uv_timer_t *timer)
{
    poller_sweep(timer->data); /* the fence looks at the end of the turn */
}


static void
timer_set(struct poller *poller, uint64_t cost)
{
    uint64_t interval = cost * INTERVAL_COST / 1000000;
    if (interval < INTERVAL_LEAST) {
        interval = INTERVAL_LEAST;
    }
    if (interval > INTERVAL_MOST) {
        interval = INTERVAL_MOST;
    }
    /* Fails only when it is closing. */
    (void)uv_timer_start(&poller->timer, on_timer, interval, 0);
}


void
poller_sweep(struct poller *poller)
{
    if (poller->stamps.paths.count > 0) {
        uint64_t began = uv_hrtime();
        stamps_look(&poller->stamps);
        timer_set(poller, uv_hrtime() - began);
    }
}


void
poller_set(struct poller *poller, struct pathset *paths, uint64_t since)
{
    stamps_set(&poller->stamps, paths, since);
    if (poller->stamps.paths.count > 0) {
        timer_set(poller, 0);
    }
    else {
        uv_timer_stop(&poller->timer);
    }
}


void
poller_init(struct poller *poller, struct io *io)
{
    stamps_init(&poller->stamps, &io->fence);
    uv_timer_init(&io->loop, &poller->timer);
    poller->timer.data = poller;
    io->open_handles++;
}


void
poller_close(struct poller *poller)
{
    uv_close((uv_handle_t *)&poller->timer, io_on_handle_closed);
}


void
poller_fini(struct poller *poller)
{
    stamps_fini(&poller->stamps);
}
