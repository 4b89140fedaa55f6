/* The I/O thread as the application's side sees it. See io.h. */

#include "io.h"

#include "filetime.h"
#include "handover.h"
#include "io_thread.h"
#include "memory.h"
#include "pathset.h"
#include "watchlist.h"

#include <signal.h>
#include <stdlib.h>
#include <unistd.h>


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
    io->loop.data = io;
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
    memory_keep();
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
        case LETTER_SPENT:
            output_release(CONTAINER_OF(letter, struct output, letter));
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
        while (io->connections != NULL) {
            connection_close(io->connections); /* adopted */
        }
        io_end(io);
        (void)uv_run(&io->loop, UV_RUN_DEFAULT); /* until all is closed */
        loop_close(io);
    }
    watch_free(io->watch);
    poller_fini(&io->poller);
    tls_context_free(io->tls);
    fence_fini(&io->fence);
    letters_free(mailbox_take(&io->to_io)); /* may put spent ones in to_app */
    letters_free(mailbox_take(&io->to_app));
    handed_free(io->handed);
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


void
io_send(struct io *io, struct output *output)
{
    if (output->file != 0 || (atomic_load(&io->asleep) && io_is_here(io))) {
        direct_write(output);
        io_count(io, IO_DIRECT, output->done > 0);
    }
    atomic_fetch_add(&output->request->unwritten,
                     output_total(output) - output->done);
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
io_stop(struct io *io, uint16_t leave_code, bool hand_over)
{
    return io_command(io, (struct command){.letter.kind = LETTER_STOP,
                                           .serial = leave_code,
                                           .hand_over = hand_over});
}


struct handed *
io_take_handed(struct io *io)
{
    struct handed *handed = io->handed;
    io->handed = NULL;
    return handed;
}


int
io_adopt(struct io *io, int fd, const char *data, size_t size)
{
    return connection_adopt(io, fd, data, size);
}


int
io_abort(struct io *io)
{
    return io_command(io, (struct command){.letter.kind = LETTER_ABORT});
}
