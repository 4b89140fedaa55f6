/* See tls.h. */

#include "tls.h"

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum {
    FILES = 3, /* certfile, keyfile, ca_certs */
};

struct file {
    char *path; /* Owned; or NULL */
    struct timespec changed;
};

struct tls_context {
    SSL_CTX *ctx;
    struct file files[FILES];
    char *password; /* Owned. */
    char *ciphers;  /* Owned. */
    int cert_reqs;
};

struct tls {
    SSL *ssl;
    BIO *in;    /* Owned by ssl. */
    BIO *out;   /* Owned by ssl. */
    bool known; /* what follows is filled in */
    uint16_t version;
    uint16_t cipher_suite;
    char *server_certificate; /* Owned. */
    char *client_chain;       /* Owned. */
    char *client_name;        /* Owned. */
};


/* Loading. */

static void
error_take(char *error, const char *what, const char *path)
{
    unsigned long code = ERR_get_error();
    const char *reason = code == 0 ? NULL : ERR_reason_error_string(code);
    snprintf(error, TLS_ERROR_SIZE, "%s %s: %s", what, path,
             reason != NULL ? reason : "cannot be used");
    ERR_clear_error();
}


/* Never the terminal: OpenSSL's own callback would ask there. */
static int
on_password(char *buffer, int size, int rwflag, void *data)
{
    (void)rwflag;
    const char *password = data;
    size_t length = password == NULL ? 0 : strlen(password);
    if (length == 0 || length > (size_t)size) {
        return -1;
    }
    memcpy(buffer, password, length);
    return (int)length;
}


static int
on_alpn(SSL *ssl, const unsigned char **chosen, unsigned char *chosen_size,
        const unsigned char *offered, unsigned offered_size, void *data)
{
    static const unsigned char OURS[] = "\x08http/1.1";
    (void)ssl;
    (void)data;
    unsigned char *found;
    if (SSL_select_next_proto(&found, chosen_size, OURS, sizeof OURS - 1,
                              offered, offered_size)
        != OPENSSL_NPN_NEGOTIATED) {
        return SSL_TLSEXT_ERR_ALERT_FATAL; /* RFC 7301 section 3.2 */
    }
    *chosen = found;
    return SSL_TLSEXT_ERR_OK;
}


static int
ctx_load_files(SSL_CTX *ctx, const struct tls_context *context, char *error)
{
    const char *certfile = context->files[0].path;
    const char *keyfile = context->files[1].path;
    const char *ca_certs = context->files[2].path;
    if (SSL_CTX_use_certificate_chain_file(ctx, certfile) != 1) {
        error_take(error, "--ssl-certfile", certfile);
        return -1;
    }
    if (keyfile == NULL) {
        keyfile = certfile;
    }
    if (SSL_CTX_use_PrivateKey_file(ctx, keyfile, SSL_FILETYPE_PEM) != 1
        || SSL_CTX_check_private_key(ctx) != 1) {
        error_take(error, "--ssl-keyfile", keyfile);
        return -1;
    }
    if (ca_certs != NULL) {
        if (SSL_CTX_load_verify_locations(ctx, ca_certs, NULL) != 1) {
            error_take(error, "--ssl-ca-certs", ca_certs);
            return -1;
        }
        SSL_CTX_set_client_CA_list(ctx, SSL_load_client_CA_file(ca_certs));
    }
    return 0;
}


/* A context of OpenSSL's from the files as they are now, or NULL. */
static SSL_CTX *
ctx_new(const struct tls_context *context, char *error)
{
    static const int VERIFY[] = {SSL_VERIFY_NONE, SSL_VERIFY_PEER,
                                 SSL_VERIFY_PEER
                                     | SSL_VERIFY_FAIL_IF_NO_PEER_CERT};
    SSL_CTX *ctx = SSL_CTX_new(TLS_server_method());
    if (ctx == NULL) {
        error_take(error, "TLS", "");
        return NULL;
    }
    SSL_CTX_set_min_proto_version(ctx, TLS1_2_VERSION);
    SSL_CTX_set_mode(ctx, SSL_MODE_ENABLE_PARTIAL_WRITE
                              | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER
                              | SSL_MODE_RELEASE_BUFFERS);
    SSL_CTX_set_options(ctx,
                        SSL_OP_NO_RENEGOTIATION | SSL_OP_IGNORE_UNEXPECTED_EOF);
    SSL_CTX_set_default_passwd_cb(ctx, on_password);
    SSL_CTX_set_default_passwd_cb_userdata(ctx, context->password);
    SSL_CTX_set_alpn_select_cb(ctx, on_alpn, NULL);
    SSL_CTX_set_verify(ctx, VERIFY[context->cert_reqs], NULL);
    /* Needed to resume sessions of clients that were verified. */
    SSL_CTX_set_session_id_context(ctx, (const unsigned char *)"hmr", 3);
    int status = ctx_load_files(ctx, context, error);
    if (status == 0 && context->ciphers != NULL
        && SSL_CTX_set_cipher_list(ctx, context->ciphers) != 1) {
        error_take(error, "--ssl-ciphers", context->ciphers);
        status = -1;
    }
    if (status < 0) {
        SSL_CTX_free(ctx);
        return NULL;
    }
    return ctx;
}


/* Note when the files changed; true if one did since the last call. */
static bool
files_note(struct tls_context *context)
{
    bool changed = false;
    for (size_t i = 0; i < FILES; i++) {
        struct file *file = &context->files[i];
        struct stat stat_now;
        if (file->path == NULL || stat(file->path, &stat_now) < 0) {
            continue; /* it is being replaced: look again later */
        }
        if (stat_now.st_mtim.tv_sec != file->changed.tv_sec
            || stat_now.st_mtim.tv_nsec != file->changed.tv_nsec) {
            file->changed = stat_now.st_mtim;
            changed = true;
        }
    }
    return changed;
}


static char *
copy(const char *text)
{
    return text == NULL ? NULL : strdup(text);
}


struct tls_context *
tls_context_new(const struct tls_options *options, char *error)
{
    struct tls_context *context = calloc(1, sizeof *context);
    if (context == NULL) {
        snprintf(error, TLS_ERROR_SIZE, "no memory");
        return NULL;
    }
    context->files[0].path = copy(options->certfile);
    context->files[1].path = copy(options->keyfile);
    context->files[2].path = copy(options->ca_certs);
    context->password = copy(options->password);
    context->ciphers = copy(options->ciphers);
    context->cert_reqs = options->cert_reqs;
    (void)files_note(context);
    context->ctx = ctx_new(context, error);
    if (context->ctx == NULL) {
        tls_context_free(context);
        return NULL;
    }
    return context;
}


void
tls_context_free(struct tls_context *context)
{
    if (context == NULL) {
        return;
    }
    SSL_CTX_free(context->ctx);
    for (size_t i = 0; i < FILES; i++) {
        free(context->files[i].path);
    }
    free(context->password);
    free(context->ciphers);
    free(context);
}


bool
tls_context_refresh(struct tls_context *context, char *error)
{
    if (!files_note(context)) {
        return true;
    }
    SSL_CTX *ctx = ctx_new(context, error);
    if (ctx == NULL) {
        return false;
    }
    SSL_CTX_free(context->ctx); /* connections have references of their own */
    context->ctx = ctx;
    return true;
}


/* Connections. */

struct tls *
tls_new(struct tls_context *context)
{
    struct tls *tls = calloc(1, sizeof *tls);
    if (tls == NULL) {
        return NULL;
    }
    tls->ssl = SSL_new(context->ctx);
    tls->in = BIO_new(BIO_s_mem());
    tls->out = BIO_new(BIO_s_mem());
    if (tls->ssl == NULL || tls->in == NULL || tls->out == NULL) {
        BIO_free(tls->in);
        BIO_free(tls->out);
        SSL_free(tls->ssl);
        free(tls);
        return NULL;
    }
    SSL_set_bio(tls->ssl, tls->in, tls->out);
    SSL_set_accept_state(tls->ssl);
    return tls;
}


void
tls_free(struct tls *tls)
{
    if (tls != NULL) {
        SSL_free(tls->ssl);
        free(tls->server_certificate);
        free(tls->client_chain);
        free(tls->client_name);
        free(tls);
    }
}


/* The contents of a memory BIO as text, or NULL without memory. */
static char *
bio_text(BIO *bio)
{
    char *data;
    long size = BIO_get_mem_data(bio, &data);
    char *text = malloc((size_t)size + 1);
    if (text != NULL) {
        if (size > 0) {
            memcpy(text, data, (size_t)size);
        }
        text[size] = '\0';
    }
    return text;
}


static void
bio_add_certificate(BIO *bio, X509 *certificate)
{
    if (certificate != NULL) {
        (void)PEM_write_bio_X509(bio, certificate); /* fails without memory */
    }
}


/* The handshake is done: what requests may ask for. */
static void
tls_note(struct tls *tls)
{
    tls->known = true;
    tls->version = (uint16_t)SSL_version(tls->ssl);
    tls->cipher_suite =
        SSL_CIPHER_get_protocol_id(SSL_get_current_cipher(tls->ssl));
    BIO *ours = BIO_new(BIO_s_mem());
    BIO *theirs = BIO_new(BIO_s_mem());
    BIO *name = BIO_new(BIO_s_mem());
    X509 *client = SSL_get1_peer_certificate(tls->ssl);
    if (ours != NULL && theirs != NULL && name != NULL) {
        bio_add_certificate(ours, SSL_get_certificate(tls->ssl));
        bio_add_certificate(theirs, client);
        STACK_OF(X509) *chain = SSL_get_peer_cert_chain(tls->ssl);
        for (int i = 0; chain != NULL && i < sk_X509_num(chain); i++) {
            bio_add_certificate(theirs, sk_X509_value(chain, i));
        }
        if (client != NULL) {
            X509_NAME_print_ex(name, X509_get_subject_name(client), 0,
                               XN_FLAG_RFC2253);
        }
        tls->server_certificate = bio_text(ours);
        tls->client_chain = bio_text(theirs);
        tls->client_name = bio_text(name);
    }
    X509_free(client);
    BIO_free(ours);
    BIO_free(theirs);
    BIO_free(name);
}


int
tls_feed(struct tls *tls, const char *data, size_t size)
{
    return BIO_write(tls->in, data, (int)size) == (int)size ? 0 : -1;
}


long
tls_read(struct tls *tls, char *buffer, size_t size)
{
    size_t got;
    ERR_clear_error();
    int status = SSL_read_ex(tls->ssl, buffer, size, &got);
    if (!tls->known && SSL_is_init_finished(tls->ssl)) {
        tls_note(tls);
    }
    if (status == 1) {
        return (long)got;
    }
    switch (SSL_get_error(tls->ssl, status)) {
    case SSL_ERROR_WANT_READ:
    case SSL_ERROR_WANT_WRITE:
        return TLS_WAIT;
    case SSL_ERROR_ZERO_RETURN:
        return TLS_END;
    default:
        ERR_clear_error();
        return TLS_BROKEN;
    }
}


long
tls_write(struct tls *tls, const char *data, size_t size)
{
    size_t done;
    if (!SSL_is_init_finished(tls->ssl)) {
        return 0;
    }
    ERR_clear_error();
    if (SSL_write_ex(tls->ssl, data, size, &done) == 1) {
        return (long)done;
    }
    ERR_clear_error();
    return -1; /* memory takes all, so it does not have to wait */
}


void
tls_end(struct tls *tls)
{
    if (SSL_is_init_finished(tls->ssl)) {
        ERR_clear_error();
        (void)SSL_shutdown(tls->ssl); /* nothing can be done if it fails */
        ERR_clear_error();
    }
}


size_t
tls_pending(struct tls *tls, char **data)
{
    long size = BIO_get_mem_data(tls->out, data);
    return size > 0 ? (size_t)size : 0;
}


void
tls_sent(struct tls *tls, size_t size)
{
    char scrap[4096];
    while (size > 0) {
        int part = size < sizeof scrap ? (int)size : (int)sizeof scrap;
        size -= (size_t)BIO_read(tls->out, scrap, part);
    }
}


uint16_t
tls_version(const struct tls *tls)
{
    return tls->version;
}


uint16_t
tls_cipher_suite(const struct tls *tls)
{
    return tls->cipher_suite;
}


static const char *
text_or_empty(const char *text)
{
    return text != NULL ? text : "";
}


const char *
tls_server_certificate(const struct tls *tls)
{
    return text_or_empty(tls->server_certificate);
}


const char *
tls_client_chain(const struct tls *tls)
{
    return text_or_empty(tls->client_chain);
}


const char *
tls_client_name(const struct tls *tls)
{
    return text_or_empty(tls->client_name);
}
