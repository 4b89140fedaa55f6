/* What the files of the response share: output under construction, the head. */

#ifndef HMR_ASGI_RESPONSE_PARTS_H
#define HMR_ASGI_RESPONSE_PARTS_H

#include "exchange.h"

#define OUTPUT_PUT_TEXT(output, text) output_put(output, text, sizeof text - 1)

enum {
    CHUNK_SPACE = 32, /* a chunk's size line and its end */
};

/* Room for so many more bytes in self->output. 0, or -1 with an exception. */
int output_reserve(struct exchange *self, size_t more);
/* Append to output that has the room. */
void output_put(struct output *output, const char *data, size_t size);
void output_drop(struct exchange *self);
/* Hand self->output to the I/O thread. */
void output_post(struct exchange *self, unsigned flags);
/* Lines of a head or of trailers. 0, or -1 with an exception. */
int headers_put(struct exchange *self, PyObject *headers);
int status_put(struct exchange *self, int status);
/* Forget a head that was not sent. */
void response_reset(struct exchange *self);
/* End the head; `size` bytes of body follow at once, and there is room for
 * `copied` of them. 0, or -1. */
int response_finish_head(struct exchange *self, size_t size, size_t copied,
                         bool more);

/* One line of the access log. */
void response_log(struct exchange *self);

#endif
