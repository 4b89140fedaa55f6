/* Sec-WebSocket-Accept: what proves that the server read the client's key. */

#ifndef HMR_ASGI_WEBSOCKET_KEY_H
#define HMR_ASGI_WEBSOCKET_KEY_H

enum {
    WEBSOCKET_KEY_SIZE = 24,    /* base64 of 16 bytes */
    WEBSOCKET_ACCEPT_SIZE = 28, /* base64 of a SHA-1 digest */
};

/* RFC 6455, section 4.2.2: base64(SHA-1(key + a fixed GUID)). */
void websocket_accept_key(const char key[WEBSOCKET_KEY_SIZE],
                          char accept[WEBSOCKET_ACCEPT_SIZE]);

#endif
