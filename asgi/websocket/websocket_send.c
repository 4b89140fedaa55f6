/* What leaves on a WebSocket: control frames, the close frame, what the
 * application says. See websocket_io.h. */

#include "websocket_parts.h"

#include "io_thread.h"

#include <stdlib.h>
#include <string.h>

enum {
    CLOSE_PATIENCE = 10000, /* milliseconds for the client's close frame */
    PACK_LIMIT = 1 << 30,   /* bytes; zlib counts in 32 bits */
};


static struct output *
frame_output(struct websocket_io *self, uint8_t opcode, const void *payload,
             size_t size)
{
    struct output *output =
        output_new(self->conn->request, FRAME_ROOM + CONTROL_LIMIT);
    if (output == NULL) {
        return NULL; /* a pong or a ping is lost, and may be asked for again */
    }
    memcpy(output->data + FRAME_ROOM, payload, size);
    output->size = FRAME_ROOM + size;
    uint8_t header[FRAME_HEADER_LIMIT];
    size_t header_size = frame_write(header, opcode, 0, size);
    output->done = FRAME_ROOM - header_size;
    memcpy(output->data + output->done, header, header_size);
    atomic_fetch_add(&output->request->unwritten, output->size - output->done);
    return output;
}


void
websocket_send_control(struct websocket_io *self, uint8_t opcode,
                       const void *payload, size_t size)
{
    struct output *output = frame_output(self, opcode, payload, size);
    if (output != NULL) {
        connection_send(self->conn, output);
    }
}


void
websocket_send_close(struct websocket_io *self, uint16_t code,
                     const void *reason, size_t size)
{
    if (self->close_sent) {
        return;
    }
    uint8_t payload[CONTROL_LIMIT];
    size_t total = 0;
    if (code != CLOSE_NO_CODE) {
        payload[0] = (uint8_t)(code >> 8);
        payload[1] = (uint8_t)code;
        memcpy(payload + 2, reason, size);
        total = size + 2;
    }
    self->owes_pong = false;
    websocket_send_control(self, FRAME_CLOSE, payload, total);
    self->close_sent = true;
    websocket_set_timer(self, WAITING_FOR_CLOSE,
                        self->conn->io->stopping ? LEAVE_PATIENCE
                                                 : CLOSE_PATIENCE);
}


void
websocket_fail_finish(struct websocket_io *self)
{
    struct websocket *ws = &self->protocol;
    websocket_send_close(self, ws->code, ws->control, ws->control_size);
    websocket_close_finish(self, false);
}


static struct output *
output_grow(struct output *output, size_t space)
{
    struct output *grown = realloc(output, sizeof *output + space);
    if (grown == NULL) {
        output_free(output);
        return NULL;
    }
    grown->space = space;
    return grown;
}


/* The same message, compressed; its payload begins at FRAME_ROOM again. */
static struct output *
output_pack(struct websocket_io *self, struct output *plain)
{
    struct codec *codec = &self->protocol.codec;
    size_t size;
    const char *payload = output_payload(plain, &size);
    size_t space = codec_pack_begin(codec, payload, size);
    struct output *packed =
        space == 0 ? NULL : output_new(plain->request, FRAME_ROOM + space);
    if (packed == NULL) {
        return NULL;
    }
    packed->size = FRAME_ROOM;
    for (;;) {
        packed->size += codec_pack(codec, packed->data + packed->size,
                                   packed->space - packed->size);
        if (packed->size < packed->space) {
            break;
        }
        packed = output_grow(packed, packed->space * 2);
        if (packed == NULL) {
            return NULL;
        }
    }
    codec_packed(codec);
    packed->size -= DEFLATE_TAIL;
    return packed;
}


/* The application's close: two bytes of code, then the reason. */
static void
close_from_application(struct websocket_io *self, const struct output *output)
{
    uint16_t code;
    const char *payload = output->data + FRAME_ROOM;
    if (self->failing) {
        websocket_fail_finish(self);
        return;
    }
    memcpy(&code, payload, 2);
    websocket_send_close(self, code, payload + 2,
                         output->size - FRAME_ROOM - 2);
    if (self->paused) {
        websocket_resume(self->conn); /* the client's close comes behind */
    }
}


struct output *
websocket_frame(struct connection *conn, struct output *output)
{
    struct websocket_io *self = conn->websocket;
    struct request *request = output->request;
    size_t counted = output_total(output); /* in request->unwritten */
    struct output *framed = NULL;
    if (output->flags & OUTPUT_CLOSE_FRAME) {
        close_from_application(self, output);
    }
    else if (!self->close_sent) {
        size_t size;
        (void)output_payload(output, &size);
        bool pack = self->protocol.codec.terms.agreed && size >= DEFLATE_MINIMUM
                    && size <= PACK_LIMIT;
        uint8_t opcode =
            output->flags & OUTPUT_TEXT ? FRAME_TEXT : FRAME_BINARY;
        framed = pack ? output_pack(self, output) : output;
        if (framed == NULL) {
            connection_close(conn); /* out of memory, in mid-stream */
        }
        else {
            uint8_t header[FRAME_HEADER_LIMIT];
            size_t header_size =
                frame_write(header, opcode, pack ? FRAME_RSV1 : 0,
                            output_total(framed) - FRAME_ROOM);
            framed->done = FRAME_ROOM - header_size;
            memcpy(framed->data + framed->done, header, header_size);
            atomic_fetch_add(&request->unwritten,
                             output_total(framed) - framed->done);
        }
    }
    atomic_fetch_sub(&request->unwritten, counted);
    if (framed != output) {
        output_free(output);
    }
    return framed;
}
