/* Connections that outlive the process. See handover.h. */

#include "handover.h"

#include "connection.h"
#include "io_thread.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>


/* Is the request whole, and not the application's yet? A chunked body or one
 * that the client wants to be asked for cannot be told again. */
static bool
request_can_wait(const struct connection *conn)
{
    const struct request *request = conn->request;
    if (request->released || request->expect_continue
        || !conn->http.message_complete) {
        return false;
    }
    for (uint32_t i = 0; i < request->n_headers; i++) {
        const struct header *header = &request->headers[i];
        if (header->name_size == 17
            && memcmp(request->text + header->name, "transfer-encoding", 17)
                   == 0) {
            return false;
        }
    }
    return true;
}


static bool
connection_can_wait(const struct connection *conn)
{
    if (conn->tls != NULL || conn->websocket != NULL || conn->closing
        || conn->lingering || conn->eof || conn->last || conn->writing
        || conn->output != NULL) {
        return false;
    }
    return conn->request != NULL ? request_can_wait(conn)
                                 : !http1_begun(&conn->http);
}


/* Bytes, as they came. */
struct text {
    struct handed *handed; /* NULL: only count */
    size_t size;
};


static void
text_add(struct text *text, const char *data, size_t size)
{
    if (text->handed != NULL) {
        memcpy(text->handed->data + text->size, data, size);
    }
    text->size += size;
}


static void
text_add_request(struct text *text, const struct request *request,
                 struct letter *body)
{
    text_add(text, request->method, strlen(request->method));
    text_add(text, " ", 1);
    text_add(text, request->text, request->target_size);
    text_add(text, request->minor == 0 ? " HTTP/1.0\r\n" : " HTTP/1.1\r\n", 11);
    for (uint32_t i = 0; i < request->n_headers; i++) {
        const struct header *header = &request->headers[i];
        text_add(text, request->text + header->name, header->name_size);
        text_add(text, ": ", 2);
        text_add(text, request->text + header->value, header->value_size);
        text_add(text, "\r\n", 2);
    }
    text_add(text, "\r\n", 2);
    for (; body != NULL; body = body->next) {
        const struct chunk *chunk = CONTAINER_OF(body, struct chunk, letter);
        text_add(text, chunk->data, chunk->size);
    }
}


/* What was read and is not answered: the request, and what came behind it. */
static void
text_add_all(struct text *text, const struct connection *conn,
             struct letter *body)
{
    if (conn->request != NULL) {
        text_add_request(text, conn->request, body);
    }
    if (conn->input_start < conn->input_size) {
        text_add(text, conn->input + conn->input_start,
                 conn->input_size - conn->input_start);
    }
}


/* NULL without memory. The application never took the body. */
static struct handed *
handed_new(struct connection *conn)
{
    struct letter *body =
        conn->request != NULL ? mailbox_take(&conn->request->body) : NULL;
    struct text text = {0};
    text_add_all(&text, conn, body);
    text.handed = malloc(sizeof *text.handed + text.size);
    if (text.handed != NULL) {
        *text.handed = (struct handed){.fd = -1, .size = text.size};
        text.size = 0;
        text_add_all(&text, conn, body);
    }
    while (body != NULL) {
        struct letter *next = body->next;
        free(CONTAINER_OF(body, struct chunk, letter));
        body = next;
    }
    return text.handed;
}


bool
connection_hand_over(struct connection *conn)
{
    struct io *io = conn->io;
    uv_os_fd_t fd;
    if (!io->handing_over || io->aborting || !connection_can_wait(conn)
        || uv_fileno(&conn->handle, &fd) < 0) {
        return false;
    }
    int own = fcntl(fd, F_DUPFD_CLOEXEC, 3);
    struct handed *handed = own != -1 ? handed_new(conn) : NULL;
    if (handed == NULL) {
        if (own != -1) {
            close(own);
        }
        connection_close(conn); /* its body may be gone */
        return true;
    }
    handed->fd = own;
    handed->next = io->handed;
    io->handed = handed;
    connection_close(conn);
    return true;
}


void
handed_free(struct handed *handed)
{
    while (handed != NULL) {
        struct handed *next = handed->next;
        if (handed->fd != -1) {
            close(handed->fd);
        }
        free(handed);
        handed = next;
    }
}
