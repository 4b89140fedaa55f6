/* The I/O thread's own state; for the files that run on it. */

#ifndef HMR_ASGI_IO_THREAD_H
#define HMR_ASGI_IO_THREAD_H

#include "connection.h"
#include "fence.h"
#include "io.h"
#include "stall.h"
#include "waker.h"
#include "watch.h"
#include "watch_poll.h"

enum {
    READ_SIZE = 65536,
    LISTENERS_MAX = 64,
};

struct listener {
    union {
        uv_handle_t handle;
        uv_stream_t stream;
        uv_tcp_t tcp;
        uv_pipe_t pipe;
    };
    bool open;
    bool pending; /* a client was accepted, and there was no memory for it */
};

struct io {
    uv_loop_t loop;
    uv_thread_t thread;
    bool started;  /* the application's */
    bool joined;   /* the application's */
    pid_t process; /* that has the thread; the application's */
    uint64_t
        watched_at; /* wall clock of the last io_watch; the application's */

    /* Between the threads. */
    struct mailbox to_app;
    struct letter stopped; /* the last one; never freed */
    struct mailbox to_io;
    struct waker waker; /* rings the application */
    uv_async_t async;   /* rings this thread */
    atomic_bool asleep; /* this thread is, or is about to be, in poll */
    atomic_uint_least64_t counters[IO_COUNTERS];

    /* The I/O thread's alone. */
    uv_prepare_t before_poll;
    uv_check_t after_poll;
    uv_timer_t idle_timer;
    uv_timer_t accept_timer; /* listener.c */
    struct listener listeners[LISTENERS_MAX];
    size_t n_listeners;
    size_t open_handles; /* uv_close callbacks still to come */
    uint64_t keep_alive; /* milliseconds */
    uint64_t head_time;  /* likewise */
    struct websocket_options websocket;
    uint16_t leave_code; /* of WebSockets while stopping */
    uint32_t head_limit; /* bytes */
    uint32_t limit_concurrency;
    bool limit_reached;      /* ... and said so */
    struct tls_context *tls; /* Owned; NULL: plain */
    int backlog;
    uint64_t last_id;
    struct connection *connections;
    struct connection *idle; /* oldest first */
    struct connection *idle_last;
    struct connection *to_flush;
    struct fence fence;
    struct watch *watch; /* Owned. */
    bool files_stirred;  /* it has something to tell */
    struct poller poller;
    struct stall stall;
    struct handed *handed; /* connections that go on elsewhere. Owned. */
    bool handing_over;     /* ... while stopping */
    bool stopping;
    bool aborting;
    bool ended;
    char buffer[READ_SIZE]; /* every read lands here first */
    char plain[READ_SIZE];  /* ... and here when it is decrypted */
};


static inline void
io_count(struct io *io, enum io_counter counter, int by)
{
    atomic_fetch_add_explicit(&io->counters[counter], (uint64_t)(int64_t)by,
                              memory_order_relaxed);
}


/* What io.c starts: all handles of the loop, 0 or a libuv code; the thread. */
int io_init_handles(struct io *io);
void io_run(void *io);

/* Nothing is left: close the loop's own handles, and uv_run returns. */
void io_end(struct io *io);

/* Post a letter to the application; io_ring_app makes it notice. */
void io_post(struct io *io, struct letter *letter);
void io_post_event(struct io *io, struct request *request, unsigned event);
void io_ring_app(struct io *io);

/* The idle list: connections that wait for a request, or its whole head. */
void io_idle_add(struct io *io, struct connection *conn, uint64_t wait);
void io_idle_remove(struct io *io, struct connection *conn);

/* Something that the user should know, such as a limit that was reached. */
void io_complain(struct io *io, const char *format, ...);

/* What has changed by now? The fence hears of it. */
void io_look_at_files(struct io *io);

/* Write what was queued with connection_send. */
void io_flush(struct io *io);

/* The callback of uv_close for whatever is counted in open_handles. */
void io_on_handle_closed(uv_handle_t *handle);

/* listener.c */
int listener_open(struct io *io, struct listener *listener, int fd);
void listener_close(struct io *io, struct listener *listener);

#endif
