/* A piece of output on its way to a client: bytes, a file, or a message that
 * becomes a frame. A letter to the I/O thread, then part of a connection's
 * queue. Free of Python. */

#ifndef HMR_ASGI_OUTPUT_H
#define HMR_ASGI_OUTPUT_H

#include "letters.h"

#include <stdbool.h>
#include <stddef.h>

struct io;

enum {
    OUTPUT_END = 1,     /* the response is complete */
    OUTPUT_CLOSE = 2,   /* close the connection when this is written */
    OUTPUT_UPGRADE = 4, /* behind this, the connection is a WebSocket */
    /* A message, to be made a frame; its payload is the tail, or begins at
     * FRAME_ROOM. */
    OUTPUT_TEXT = 8,
    OUTPUT_BINARY = 16,
    OUTPUT_CLOSE_FRAME = 32, /* a uint16_t, the close code, then the reason */
    OUTPUT_MESSAGE = OUTPUT_TEXT | OUTPUT_BINARY | OUTPUT_CLOSE_FRAME,
};

enum {
    FRAME_ROOM = 16, /* bytes before a message, for the frame's header */
    /* From so many bytes on, what the application sends is not copied: the
     * letter that gives it back costs as much as copying a few pages. */
    TAIL_LEAST = 32768,
};

/* Bytes of a response; or a file, whose bytes pass through data. */
struct output {
    struct letter letter;
    struct request *request; /* Owned; NULL for the I/O thread's own refusals */
    struct output *next;     /* in the connection's queue */
    size_t space;            /* room in data */
    size_t size;             /* bytes in data */
    size_t done;             /* ... of data, then of the tail, written so far */
    unsigned flags;
    int file;           /* a descriptor plus 1, owned; 0: there is none */
    uint64_t file_left; /* bytes of it that are not in data yet */
    /* Behind data: bytes that belong to an object of the application's thread.
     * They must not change until it is given back, as LETTER_SPENT. */
    const char *tail;
    size_t tail_size;
    void *tail_owner;                  /* Owned; NULL: there is no tail */
    void (*tail_release)(void *owner); /* on the application's thread */
    char data[];
};

/* NULL without memory. The request is referenced. Any thread. */
struct output *output_new(struct request *request, size_t size);

/* An output with a tail goes back to the application's thread first. */
void output_free(struct output *output);

/* The application's thread: take LETTER_SPENT. */
void output_release(struct output *output);


static inline size_t
output_total(const struct output *output)
{
    return output->size + output->tail_size;
}


/* The payload of a message that is not framed yet. */
static inline const char *
output_payload(const struct output *output, size_t *size)
{
    if (output->tail_owner != NULL) {
        *size = output->tail_size;
        return output->tail;
    }
    *size = output->size - FRAME_ROOM;
    return output->data + FRAME_ROOM;
}


/* What comes next in one piece: *size bytes, 0 at the end. `done` counts from
 * the start; output->done is where the writer is. */
static inline const char *
output_piece(const struct output *output, size_t done, size_t *size)
{
    if (done < output->size) {
        *size = output->size - done;
        return output->data + done;
    }
    *size = output_total(output) - done;
    return output->tail + (done - output->size);
}

#endif
