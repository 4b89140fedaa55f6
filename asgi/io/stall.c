/* See stall.h. */

#include "stall.h"

#include "io_thread.h"


void
stall_init(struct stall *stall, struct io *io)
{
    stall->io = io;
    atomic_init(&stall->answers, 0);
    atomic_init(&stall->tells, false);
    uv_timer_init(&io->loop, &stall->timer);
    stall->timer.data = stall;
    io->open_handles++;
}


void
stall_close(struct stall *stall)
{
    stall->running = true; /* it is never started again */
    uv_close((uv_handle_t *)&stall->timer, io_on_handle_closed);
}


void
stall_join(struct stall *stall)
{
    if (stall->has_teller) {
        uv_thread_join(&stall->teller);
        stall->has_teller = false;
    }
}


bool
stall_is_on(const struct stall *stall, uint64_t question)
{
    return atomic_load(&stall->answers) == question;
}


static void
teller_run(void *argument)
{
    struct stall *stall = argument;
    stall->tell(stall->data, stall->question, stall->told_for);
    atomic_store(&stall->tells, false);
}


static void
stall_tell(struct stall *stall, uint64_t milliseconds)
{
    if (atomic_load(&stall->tells)) {
        return; /* it still waits for the GIL since the last time */
    }
    stall_join(stall);
    stall->told_for = milliseconds;
    atomic_store(&stall->tells, true);
    stall->has_teller =
        uv_thread_create(&stall->teller, teller_run, stall) == 0;
    if (!stall->has_teller) {
        atomic_store(&stall->tells, false);
    }
}


/* Whoever is rung answers: at once, or at the end of what it is about. */
static void
stall_ask(struct stall *stall, uint64_t now)
{
    stall->asked = true;
    stall->told = false;
    stall->question = atomic_load(&stall->answers); /* before it is rung */
    stall->asked_at = now;
    waker_ring(&stall->io->waker);
}


static void
on_timer(uv_timer_t *timer)
{
    struct stall *stall = timer->data;
    struct io *io = stall->io;
    uint64_t now = uv_now(&io->loop);
    bool excused = io->stopping || io->fence.reported; /* it applies a save */
    if (excused || !stall_is_on(stall, stall->question)) {
        stall->asked = false;
    }
    if (stall->asked && !stall->told && now - stall->asked_at >= STALL_LIMIT) {
        stall->told = true;
        stall_tell(stall, now - stall->asked_at);
    }
    bool active = now - stall->last_active < STALL_QUIET;
    if (!stall->asked && !excused && active) {
        stall_ask(stall, now);
    }
    stall->running = stall->asked || active;
    if (stall->running) {
        /* Fails only when it is closing. */
        (void)uv_timer_start(timer, on_timer, STALL_TICK, 0);
    }
}


void
stall_watch(struct stall *stall)
{
    stall->last_active = uv_now(&stall->io->loop);
    if (!stall->running && stall->tell != NULL) {
        stall->running = true;
        /* Fails only when it is closing. */
        (void)uv_timer_start(&stall->timer, on_timer, STALL_TICK, 0);
    }
}
