/* A connection that has become a WebSocket, on the I/O thread.
 *
 * Responsibilities: messages to the application as fast as it takes them, its
 * messages out as frames, answers to pings, pings of our own, the closing
 * handshake. Frames of open sockets do not wait at the fence.
 *
 * All functions: I/O thread. conn->websocket is set from websocket_start until
 * the connection closes. */

#ifndef HMR_ASGI_WEBSOCKET_IO_H
#define HMR_ASGI_WEBSOCKET_IO_H

#include "connection.h"

/* The application accepted, its answer is in the queue: from now on the bytes
 * are frames. What came early is read. */
void websocket_start(struct connection *conn);

/* The connection closes: free what it holds. */
void websocket_end(struct connection *conn);

/* Bytes from the client. */
void websocket_receive(struct connection *conn, const char *data, size_t size);

/* The application took what there was: read on. */
void websocket_resume(struct connection *conn);

/* A message of the application becomes a frame: gives the output to queue, or
 * NULL when nothing is to be sent any more. Takes the output. */
struct output *websocket_frame(struct connection *conn, struct output *output);

/* The queue is empty. */
void websocket_drained(struct connection *conn);

/* The server ends: tell the client, and the application. */
void websocket_leave(struct connection *conn);

#endif
