/* What a request's head asks for, by the rules that llhttp leaves to us.
 *
 * The fields are noted one by one as they are complete, and judged together at
 * the end of the head. Free of Python; the I/O thread.
 */

#ifndef HMR_ASGI_HTTP1_HEAD_H
#define HMR_ASGI_HTTP1_HEAD_H

#include "request.h"

struct http1_head {
    uint8_t hosts; /* how many of these fields there are, up to 2 */
    uint8_t lengths;
    uint8_t codings;
    bool chunked; /* the only transfer coding is that */
    bool close;   /* options of the connection */
    bool keep_alive;
    bool forwarded; /* fields of a proxy */
    bool expect;    /* 100-continue */
    int status;     /* of the first field that is wrong by itself, or 0 */
    int64_t length; /* of the body */
};

/* A field is complete. */
void http1_head_note(struct http1_head *head, const struct request *request,
                     const struct header *header);

/* The head is complete: 0, or the status to answer. Sets keep_alive and
 * expect_continue. With an absolute-form target the field Host becomes what the
 * target says. */
int http1_head_judge(struct http1_head *head, struct request *request);

#endif
