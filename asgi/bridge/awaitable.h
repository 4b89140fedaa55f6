/* What send() and receive() return: awaitables that need no Task to complete.
 *
 * Done is stateless and completes at once with None. Wait asks its exchange
 * each time it is stepped; only when there is nothing yet does it await a
 * future of the loop. Both have send, throw and close, so asyncio takes them
 * for coroutines (create_task(receive()), wait_for(receive(), 1)).
 */

#ifndef HMR_ASGI_AWAITABLE_H
#define HMR_ASGI_AWAITABLE_H

#include "state.h"

struct exchange;

extern PyType_Spec done_spec;
extern PyType_Spec wait_spec;

enum wait_for {
    WAIT_MESSAGE, /* receive() */
    WAIT_DRAIN,   /* send() above the high water */
};

/* New references, or NULL with an exception. */
PyObject *wait_new(struct exchange *exchange, enum wait_for what);

#endif
