/* See output.h. */

#include "output.h"

#include "connection.h"
#include "io_thread.h"

#include <stdlib.h>
#include <unistd.h>


struct output *
output_new(struct request *request, size_t size)
{
    struct output *output = malloc(sizeof *output + size);
    if (output == NULL) {
        return NULL;
    }
    *output = (struct output){
        .letter.kind = LETTER_OUTPUT,
        .request = request,
        .space = size,
    };
    request_ref(request);
    return output;
}


void
output_free(struct output *output)
{
    struct request *request = output->request;
    /* An output with a tail has a request: it is an application's. */
    struct io *io = output->tail_owner != NULL ? request->conn->io : NULL;
    output->request = NULL;
    if (request != NULL) {
        request_unref(request);
    }
    if (output->file != 0) {
        close(output->file - 1);
    }
    if (io == NULL) {
        free(output);
        return;
    }
    output->letter.kind = LETTER_SPENT;
    io_post(io, &output->letter);
}


void
output_release(struct output *output)
{
    output->tail_release(output->tail_owner);
    free(output);
}
