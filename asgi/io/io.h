/* The I/O thread as the application's side sees it. Free of Python.
 *
 * The thread accepts, parses, watches files, keeps the fence and writes; it
 * never calls back. It leaves letters (io_take) and makes io_fd readable. All
 * functions here belong to the application's thread and never block, except
 * io_join.
 */

#ifndef HMR_ASGI_IO_H
#define HMR_ASGI_IO_H

#include "letters.h"
#include "output.h"
#include "request.h"

struct handed;
struct io;

struct websocket_options {
    bool enabled;           /* else a handshake is an ordinary request */
    bool deflate;           /* permessage-deflate, where the client offers it */
    uint64_t max_size;      /* bytes of a message */
    size_t message_cost;    /* bytes that a waiting message counts besides */
    uint64_t ping_interval; /* milliseconds; 0: no pings */
    uint64_t ping_timeout;  /* ... for the answer to one; 0: for ever */
};

/* The application's thread has not answered for so long; runs on a thread of
 * its own, which may wait. `question` is for io_is_blocked. */
typedef void (*blocked_callback)(void *data, uint64_t question,
                                 uint64_t milliseconds);

struct tls_context;

struct io_options {
    const int *listeners; /* borrowed: the thread uses duplicates */
    size_t n_listeners;
    uint64_t keep_alive; /* milliseconds that an idle connection stays */
    uint64_t head_time;  /* milliseconds for a head to come: 408 after them */
    struct websocket_options websocket;
    uint64_t settle;     /* milliseconds of quiet before a change is reported */
    uint32_t head_limit; /* bytes of a head: 431 above; 0: REQUEST_HEAD_LIMIT */
    int backlog;
    struct tls_context *tls;     /* or NULL. Owned from io_new on. */
    uint32_t limit_concurrency;  /* connections; 503 above. 0: no limit */
    blocked_callback on_blocked; /* or NULL */
    void *on_blocked_data;       /* Borrowed, until io_join. */
};

enum io_counter {
    IO_CONNECTIONS, /* open now */
    IO_ACCEPTED,
    IO_REQUESTS,
    IO_FENCED,  /* requests that had to wait behind the fence */
    IO_CHANGES, /* changes reported */
    IO_WAKEUPS, /* times the thread woke */
    IO_DIRECT,  /* pieces of output that io_send wrote itself */
    IO_COUNTERS,
};

/* Returns NULL and a negative libuv code in *error on failure. */
struct io *io_new(const struct io_options *options, int *error);

/* 0 or a negative libuv code. */
int io_start(struct io *io);

/* After io_join: the connections that were kept. Ownership passes. */
struct handed *io_take_handed(struct io *io);

/* Before io_start: go on with such a connection; its descriptor passes. 0 or a
 * negative libuv code. */
int io_adopt(struct io *io, int fd, const char *data, size_t size);

/* False in a forked child: the thread stayed in the parent, and what the two
 * share (descriptors, epoll sets) is the parent's to change. */
bool io_is_here(struct io *io);

/* After LETTER_STOPPED, or io_abort: wait for the thread's end. */
void io_join(struct io *io);

/* Not before io_join, if it was started. Frees letters nobody took. */
void io_free(struct io *io);

uint64_t io_counter_get(struct io *io, enum io_counter counter);

/* Readable when there are letters. */
int io_fd(struct io *io);

/* All letters, oldest first, or NULL. */
struct letter *io_take(struct io *io);

/* After io_fd became readable and before the first io_take. */
void io_awake(struct io *io);

/* Does the application's thread still not answer, as when on_blocked was
 * called? Any thread. */
bool io_is_blocked(struct io *io, uint64_t question);

/* Before going back to sleep: true when a letter came meanwhile (take it). */
bool io_sleep(struct io *io);

/* Leave the descriptor readable: there is more to do than fits one turn. */
void io_again(struct io *io);

/* What happened to this request since the last call: EVENT_ bits. Read the
 * letter's next before. The letter's reference passes to the caller. */
unsigned request_events(struct request *request);

/* To the I/O thread. io_send takes output made by output_new, and writes what
 * is small itself if the thread sleeps (direct.h); io_nudge wakes it. -1: no
 * memory. */
void io_send(struct io *io, struct output *output);
void io_nudge(struct io *io);
int io_resume(struct io *io, struct request *request);
int io_watch(struct io *io, struct watchlist *list); /* steals it */
int io_release(struct io *io, uint64_t serial);
/* WebSockets are closed with that code. `hand_over`: connections that can go on
 * in another process are kept for it. */
int io_stop(struct io *io, uint16_t leave_code, bool hand_over);
int io_abort(struct io *io);

#endif
