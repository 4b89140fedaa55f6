/* The opening handshake, from the client's side of it (RFC 6455, section 4.2).
 *
 * Free of Python. The offer is made on the I/O thread before the application
 * hears of the request, and read-only from then on. */

#ifndef HMR_ASGI_WEBSOCKET_HANDSHAKE_H
#define HMR_ASGI_WEBSOCKET_HANDSHAKE_H

#include "request.h"
#include "websocket_deflate.h"
#include "websocket_key.h"

/* What the client of a WebSocket handshake may have. */
struct websocket_offer {
    char accept[WEBSOCKET_ACCEPT_SIZE]; /* Sec-WebSocket-Accept */
    struct deflate_terms deflate;
};

/* Does the request ask for a WebSocket? 0: it is an ordinary one. 101: yes, and
 * request->offer is set. Else the status to refuse it with. */
int websocket_handshake(struct request *request, bool deflate);

#endif
