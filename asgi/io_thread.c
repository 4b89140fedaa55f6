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

#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
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

static void
on_handle_closed(uv_handle_t *handle)
{
    io_handle_closed(handle->data);
}


/* Nothing is left: close the loop's own handles, and uv_run returns. */
static void
io_end(struct io *io)
{
    io->ended = true;
    fence_close(&io->fence);
    watch_close(io->watch);
    poller_close(&io->poller);
    stall_close(&io->stall);
    uv_close((uv_handle_t *)&io->idle_timer, on_handle_closed);
    uv_close((uv_handle_t *)&io->accept_timer, on_handle_closed);
    uv_close((uv_handle_t *)&io->before_poll, on_handle_closed);
    uv_close((uv_handle_t *)&io->after_poll, on_handle_closed);
    uv_close((uv_handle_t *)&io->async, on_handle_closed);
}


static void
io_check_end(struct io *io)
{
    if (io->stopping && !io->ended && io->connections == NULL) {
        io_end(io);
    }
}


void
io_handle_closed(struct io *io)
{
    io->open_handles--;
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
    fence_pass(&io->fence);
    io_ring_app(io);
    io_check_end(io);
}


static void
on_async(uv_async_t *async)
{
    (void)async; /* on_after_poll does the work */
}


static void
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


/* The application's side. */

static int
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


static int
io_init(struct io *io, const struct io_options *options)
{
    if (options->n_listeners > LISTENERS_MAX) {
        return UV_E2BIG;
    }
    io->keep_alive = options->keep_alive;
    io->head_time = options->head_time;
    io->stall.tell = options->on_blocked;
    io->stall.data = options->on_blocked_data;
    io->websocket = options->websocket;
    io->head_limit =
        options->head_limit != 0 ? options->head_limit : REQUEST_HEAD_LIMIT;
    io->limit_concurrency = options->limit_concurrency;
    io->backlog = options->backlog > 0 ? options->backlog : 2048;
    int status = io_init_handles(io);
    io->fence.delay = options->settle;
    for (size_t i = 0; status == 0 && i < options->n_listeners; i++) {
        io->n_listeners = i + 1;
        status = listener_open(io, &io->listeners[i], options->listeners[i]);
    }
    return status;
}


static uint64_t
wall_clock(void)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}


struct io *
io_new(const struct io_options *options, int *error)
{
    struct io *io = calloc(1, sizeof *io);
    if (io == NULL) {
        *error = UV_ENOMEM;
        tls_context_free(options->tls);
        return NULL;
    }
    io->watched_at = wall_clock();
    io->tls = options->tls;
    mailbox_init(&io->to_app);
    mailbox_init(&io->to_io);
    *error = waker_open(&io->waker);
    if (*error == 0) {
        *error = uv_loop_init(&io->loop);
    }
    if (*error < 0) {
        waker_close(&io->waker);
        tls_context_free(io->tls);
        free(io);
        return NULL;
    }
    *error = io_init(io, options);
    if (*error < 0) {
        io_free(io);
        return NULL;
    }
    return io;
}


/* Signals are for the application's thread. */
int
io_start(struct io *io)
{
    sigset_t all, before;
    sigfillset(&all);
    /* Those of the thread's own faults, so that they are reported. */
    static const int FAULTS[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT};
    for (size_t i = 0; i < sizeof FAULTS / sizeof FAULTS[0]; i++) {
        sigdelset(&all, FAULTS[i]);
    }
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int status = uv_thread_create(&io->thread, io_run, io);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    io->started = status == 0;
    io->process = getpid();
    return status;
}


bool
io_is_here(struct io *io)
{
    return !io->started || io->process == getpid();
}


/* A handle left open is a leak of ours: find out here. */
static void
loop_close(struct io *io)
{
    if (uv_loop_close(&io->loop) < 0) {
        abort();
    }
}


void
io_join(struct io *io)
{
    if (io_is_here(io) && io->started && !io->joined) {
        uv_thread_join(&io->thread);
        stall_join(&io->stall);
        loop_close(io); /* not before: io_nudge may be in there */
        io->joined = true;
    }
}


static void
letters_free(struct letter *letter)
{
    while (letter != NULL) {
        struct letter *next = letter->next;
        switch (letter->kind) {
        case LETTER_REQUEST: {
            struct request *request =
                CONTAINER_OF(letter, struct request, letter);
            if (atomic_load(&request->events) & EVENT_START) {
                request_unref(request); /* the application's, never taken */
            }
            request_unref(request);
            break;
        }
        case LETTER_OUTPUT:
            output_free(CONTAINER_OF(letter, struct output, letter));
            break;
        case LETTER_RESUME:
            request_unref(
                CONTAINER_OF(letter, struct command, letter)->request);
            free(letter);
            break;
        case LETTER_WATCH:
            watchlist_free(CONTAINER_OF(letter, struct command, letter)->list);
            free(letter);
            break;
        case LETTER_CHANGE:
            pathset_free(CONTAINER_OF(letter, struct change, letter)->paths);
            free(letter);
            break;
        case LETTER_STOPPED:
            break;
        default:
            free(letter);
        }
        letter = next;
    }
}


void
io_free(struct io *io)
{
    if (!io_is_here(io)) {
        return; /* the loop's state is the parent's: let it be */
    }
    if (!io->started && !io->ended) {
        io->stopping = io->aborting = true;
        for (size_t i = 0; i < io->n_listeners; i++) {
            listener_close(io, &io->listeners[i]);
        }
        io_end(io);
        (void)uv_run(&io->loop, UV_RUN_DEFAULT); /* until all is closed */
        loop_close(io);
    }
    watch_free(io->watch);
    poller_fini(&io->poller);
    tls_context_free(io->tls);
    fence_fini(&io->fence);
    letters_free(mailbox_take(&io->to_io));
    letters_free(mailbox_take(&io->to_app));
    waker_close(&io->waker);
    free(io);
}


uint64_t
io_counter_get(struct io *io, enum io_counter counter)
{
    return atomic_load_explicit(&io->counters[counter], memory_order_relaxed);
}


int
io_fd(struct io *io)
{
    return io->waker.read_fd;
}


struct letter *
io_take(struct io *io)
{
    return mailbox_take(&io->to_app);
}


void
io_awake(struct io *io)
{
    waker_empty(&io->waker);
}


bool
io_sleep(struct io *io)
{
    waker_quiet(&io->waker);
    stall_answer(&io->stall);
    /* A letter that came before the bell was quiet rang nobody; whoever wins
     * the bell now answers for it. */
    return !mailbox_is_empty(&io->to_app)
           && !atomic_exchange(&io->waker.rung, true);
}


bool
io_is_blocked(struct io *io, uint64_t question)
{
    return stall_is_on(&io->stall, question);
}


void
io_again(struct io *io)
{
    waker_quiet(&io->waker);
    waker_ring(&io->waker);
}


unsigned
request_events(struct request *request)
{
    return atomic_exchange(&request->events, 0);
}


struct output *
output_new(struct request *request, size_t size)
{
    struct output *output = malloc(sizeof *output + size);
    if (output == NULL) {
        return NULL;
    }
    output->letter.kind = LETTER_OUTPUT;
    output->request = request;
    request_ref(request);
    output->next = NULL;
    output->space = size;
    output->size = 0;
    output->done = 0;
    output->flags = 0;
    output->file = 0;
    output->file_left = 0;
    return output;
}


void
output_free(struct output *output)
{
    if (output->request != NULL) {
        request_unref(output->request);
    }
    if (output->file != 0) {
        close(output->file - 1);
    }
    free(output);
}


void
io_send(struct io *io, struct output *output)
{
    atomic_fetch_add(&output->request->unwritten, output->size);
    mailbox_put(&io->to_io, &output->letter);
}


void
io_nudge(struct io *io)
{
    if (!io->joined && atomic_load(&io->asleep)
        && atomic_exchange(&io->asleep, false)) {
        (void)uv_async_send(&io->async); /* fails never */
    }
}


static int
io_command(struct io *io, struct command command)
{
    struct command *letter = malloc(sizeof *letter);
    if (letter == NULL) {
        return -1;
    }
    *letter = command;
    mailbox_put(&io->to_io, &letter->letter);
    io_nudge(io);
    return 0;
}


int
io_resume(struct io *io, struct request *request)
{
    struct command command = {.letter.kind = LETTER_RESUME, .request = request};
    request_ref(request);
    if (io_command(io, command) < 0) {
        request_unref(request);
        return -1;
    }
    return 0;
}


/* What changes between two calls of this, in a directory that only the second
 * one names, is noticed by its time stamp. */
int
io_watch(struct io *io, struct watchlist *list)
{
    struct command command = {
        .letter.kind = LETTER_WATCH, .list = list, .serial = io->watched_at};
    if (io_command(io, command) < 0) {
        watchlist_free(list);
        return -1;
    }
    io->watched_at = wall_clock();
    return 0;
}


int
io_release(struct io *io, uint64_t serial)
{
    return io_command(
        io, (struct command){.letter.kind = LETTER_RELEASE, .serial = serial});
}


int
io_stop(struct io *io, uint16_t leave_code)
{
    return io_command(
        io, (struct command){.letter.kind = LETTER_STOP, .serial = leave_code});
}


int
io_abort(struct io *io)
{
    return io_command(io, (struct command){.letter.kind = LETTER_ABORT});
}
