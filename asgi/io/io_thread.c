/* The I/O thread: its loop, its phases, its mailbox. See io.h.
 *
 * One turn of the loop:
 *
 *   timers        idle connections, the fence
 *   before_poll   do what the mailbox asks, write; asleep = true
 *   poll          accept, read and parse, finish writes
 *   after_poll    asleep = false; mailbox; write; drain the file watcher;
 *                 release requests (fence_pass); ring the application
 *   closing       free what is closed
 */

#include "io_thread.h"

#include "pathset.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>


/* To the application. */

void
io_post(struct io *io, struct letter *letter)
{
    mailbox_put(&io->to_app, letter);
}


void
io_post_event(struct io *io, struct request *request, unsigned event)
{
    if (!request->released) {
        return; /* the application will see it all when it starts */
    }
    if (atomic_fetch_or(&request->events, event) == 0) {
        request_ref(request);
        io_post(io, &request->letter);
    }
}


void
io_ring_app(struct io *io)
{
    if (!mailbox_is_empty(&io->to_app)) {
        waker_ring(&io->waker);
        stall_watch(&io->stall);
    }
}


void
io_complain(struct io *io, const char *format, ...)
{
    struct problem *problem = malloc(sizeof *problem);
    if (problem == NULL) {
        return;
    }
    problem->letter.kind = LETTER_PROBLEM;
    va_list args;
    va_start(args, format);
    vsnprintf(problem->text, sizeof problem->text, format, args);
    va_end(args);
    io_post(io, &problem->letter);
}


/* Idle connections, in order of arrival. */

static void
on_idle_timer(uv_timer_t *timer)
{
    struct io *io = timer->data;
    uint64_t now = uv_now(&io->loop);
    struct connection *conn = io->idle;
    uint64_t next = 0;
    while (conn != NULL) {
        struct connection *later = conn->idle_next;
        if (conn->idle_until <= now) {
            connection_time_out(conn);
        }
        else if (next == 0 || conn->idle_until < next) {
            next = conn->idle_until;
        }
        conn = later;
    }
    if (next != 0) {
        /* Fails only when it is closing. */
        (void)uv_timer_start(timer, on_idle_timer, next - now, 0);
    }
}


void
io_idle_add(struct io *io, struct connection *conn, uint64_t wait)
{
    io_idle_remove(io, conn);
    conn->idle_until = uv_now(&io->loop) + wait;
    conn->idle_next = NULL;
    conn->idle_previous = io->idle_last;
    if (io->idle_last != NULL) {
        io->idle_last->idle_next = conn;
    }
    else {
        io->idle = conn;
    }
    io->idle_last = conn;
    uv_handle_t *timer = (uv_handle_t *)&io->idle_timer;
    if (!uv_is_closing(timer)
        && (!uv_is_active(timer)
            || uv_timer_get_due_in(&io->idle_timer) > wait)) {
        /* Fails only when it is closing. */
        (void)uv_timer_start(&io->idle_timer, on_idle_timer, wait, 0);
    }
}


void
io_idle_remove(struct io *io, struct connection *conn)
{
    if (conn->idle_until == 0) {
        return;
    }
    conn->idle_until = 0;
    if (conn->idle_previous != NULL) {
        conn->idle_previous->idle_next = conn->idle_next;
    }
    else {
        io->idle = conn->idle_next;
    }
    if (conn->idle_next != NULL) {
        conn->idle_next->idle_previous = conn->idle_previous;
    }
    else {
        io->idle_last = conn->idle_previous;
    }
}


/* Stopping. */

void
io_on_handle_closed(uv_handle_t *handle)
{
    struct io *io = handle->loop->data;
    io->open_handles--;
}


void
io_end(struct io *io)
{
    io->ended = true;
    fence_close(&io->fence);
    watch_close(io->watch);
    poller_close(&io->poller);
    stall_close(&io->stall);
    uv_close((uv_handle_t *)&io->idle_timer, io_on_handle_closed);
    uv_close((uv_handle_t *)&io->accept_timer, io_on_handle_closed);
    uv_close((uv_handle_t *)&io->before_poll, io_on_handle_closed);
    uv_close((uv_handle_t *)&io->after_poll, io_on_handle_closed);
    uv_close((uv_handle_t *)&io->async, io_on_handle_closed);
}


static void
io_check_end(struct io *io)
{
    if (io->stopping && !io->ended && io->connections == NULL) {
        io_end(io);
    }
}


static void
io_do_stop(struct io *io)
{
    if (!io->stopping) {
        io->stopping = true;
        for (size_t i = 0; i < io->n_listeners; i++) {
            listener_close(io, &io->listeners[i]);
        }
    }
    struct connection *conn = io->connections;
    while (conn != NULL) {
        struct connection *next = conn->next;
        if (io->aborting) {
            connection_close(conn);
        }
        else {
            connection_finish(conn);
        }
        conn = next;
    }
}


/* The mailbox. */

static void
io_do_command(struct io *io, struct command *command)
{
    switch (command->letter.kind) {
    case LETTER_RESUME:
        connection_resume(command->request->conn);
        request_unref(command->request);
        break;
    case LETTER_WATCH:
        watch_set(io->watch, &command->list->told, command->serial);
        watch_add_untold(io->watch, &command->list->polled);
        poller_set(&io->poller, &command->list->polled, command->serial);
        watchlist_free(command->list);
        break;
    case LETTER_RELEASE:
        fence_release(&io->fence, command->serial);
        break;
    case LETTER_ABORT:
        io->aborting = true;
        io_do_stop(io);
        break;
    case LETTER_STOP:
        io->leave_code = (uint16_t)command->serial;
        io->handing_over = command->hand_over;
        io_do_stop(io);
        break;
    default:
        abort(); /* no other command exists */
    }
    free(command);
}


void
io_flush(struct io *io)
{
    while (io->to_flush != NULL) {
        struct connection *conn = io->to_flush;
        io->to_flush = conn->flush_next;
        conn->queued = false;
        connection_flush(conn);
        connection_unref(conn);
    }
}


static void
io_do_letters(struct io *io)
{
    struct letter *letter = mailbox_take(&io->to_io);
    while (letter != NULL) {
        struct letter *next = letter->next;
        if (letter->kind == LETTER_OUTPUT) {
            struct output *output = CONTAINER_OF(letter, struct output, letter);
            connection_send(output->request->conn, output);
        }
        else {
            io_do_command(io, CONTAINER_OF(letter, struct command, letter));
        }
        letter = next;
    }
    io_flush(io);
}


void
io_look_at_files(struct io *io)
{
    watch_drain(io->watch);
    poller_sweep(&io->poller);
}


static void
on_before_poll(uv_prepare_t *prepare)
{
    struct io *io = prepare->data;
    io_do_letters(io);
    fence_pass(&io->fence);
    io_check_end(io);
    io_ring_app(io);
    atomic_store(&io->asleep, true);
    if (!mailbox_is_empty(&io->to_io) && !io->ended) {
        /* One came just now: do not block. Fails never. */
        (void)uv_async_send(&io->async);
    }
}


static void
on_after_poll(uv_check_t *check)
{
    struct io *io = check->data;
    atomic_store(&io->asleep, false);
    io_count(io, IO_WAKEUPS, 1);
    io_do_letters(io);
    if (io->files_stirred) {
        io->files_stirred = false;
        watch_drain(io->watch);
    }
    fence_pass(&io->fence);
    io_ring_app(io);
    io_check_end(io);
}


static void
on_async(uv_async_t *async)
{
    (void)async; /* on_after_poll does the work */
}


void
io_run(void *argument)
{
    struct io *io = argument;
#ifdef __linux__
    (void)pthread_setname_np(pthread_self(), "hmr-io"); /* for top -H */
#endif
    (void)uv_run(&io->loop, UV_RUN_DEFAULT); /* until nothing is open */
    io->stopped.kind = LETTER_STOPPED;
    io_post(io, &io->stopped);
    io_ring_app(io);
}


int
io_init_handles(struct io *io)
{
    int status;
    if ((status = uv_async_init(&io->loop, &io->async, on_async)) < 0) {
        io->ended = true; /* there is nothing to close */
        return status;
    }
    uv_prepare_init(&io->loop, &io->before_poll);
    uv_check_init(&io->loop, &io->after_poll);
    uv_timer_init(&io->loop, &io->idle_timer);
    uv_timer_init(&io->loop, &io->accept_timer);
    io->before_poll.data = io->after_poll.data = io;
    io->idle_timer.data = io->accept_timer.data = io->async.data = io;
    /* These fail only without a callback. */
    (void)uv_prepare_start(&io->before_poll, on_before_poll);
    (void)uv_check_start(&io->after_poll, on_after_poll);
    fence_init(&io->fence, io);
    io->open_handles = 6;
    poller_init(&io->poller, io);
    stall_init(&io->stall, io);
    io->watch = watch_new(io, &status);
    return status;
}
