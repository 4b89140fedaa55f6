/* TLS on the I/O thread (OpenSSL), between a socket's bytes and a connection's.
 *
 * OpenSSL sees memory only: tls_feed takes what came from the socket, tls_read
 * gives the plain bytes; tls_write encrypts, tls_pending is what the socket has
 * to send. Free of libuv and of Python. Certificates that changed on disk are
 * loaded again for new connections.
 */

#ifndef HMR_ASGI_TLS_H
#define HMR_ASGI_TLS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct tls;         /* of one connection */
struct tls_context; /* of the server */

struct tls_options {
    const char *certfile;
    const char *keyfile;  /* NULL: it is in certfile */
    const char *password; /* of the key, or NULL */
    const char *ca_certs; /* who signs clients' certificates, or NULL */
    const char *ciphers;  /* of TLS 1.2, or NULL */
    int cert_reqs;        /* ssl.CERT_NONE, _OPTIONAL or _REQUIRED: 0, 1, 2 */
};

enum {
    TLS_ERROR_SIZE = 256,
    TLS_WAIT = 0,    /* tls_read: nothing more for now */
    TLS_END = -1,    /* ... the client ended the connection in order */
    TLS_BROKEN = -2, /* ... what came is no TLS */
};

/* Copies the options. NULL with a sentence in `error`, TLS_ERROR_SIZE bytes. */
struct tls_context *
tls_context_new(const struct tls_options *options, char *error);
void tls_context_free(struct tls_context *context);

/* Load the files again if they changed. False with a sentence in `error` when
 * that failed: the old ones stay, and are tried again with the next change. */
bool tls_context_refresh(struct tls_context *context, char *error);

/* NULL without memory. */
struct tls *tls_new(struct tls_context *context);
void tls_free(struct tls *tls);

/* 0, or -1 without memory. */
int tls_feed(struct tls *tls, const char *data, size_t size);
long tls_read(struct tls *tls, char *buffer, size_t size);

/* How many bytes were encrypted; 0 before the handshake is done, -1: broken. */
long tls_write(struct tls *tls, const char *data, size_t size);
void tls_end(struct tls *tls); /* say goodbye, in tls_pending */
size_t tls_pending(struct tls *tls, char **data);
void tls_sent(struct tls *tls, size_t size);

/* For the ASGI extension "tls"; any thread, once a request came. */
uint16_t tls_version(const struct tls *tls);
uint16_t tls_cipher_suite(const struct tls *tls);
/* PEM, one certificate after the other; "" for none. */
const char *tls_server_certificate(const struct tls *tls);
const char *tls_client_chain(const struct tls *tls);
/* The client's name by RFC 4514, or "". */
const char *tls_client_name(const struct tls *tls);

#endif
