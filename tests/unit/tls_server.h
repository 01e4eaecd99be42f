/*
 * A TLS server for one client, in a thread of its own: with RSA, ECDSA or both certificates, after a scripted
 * plain-text talk, or with any bytes instead of a handshake.
 */
#ifndef TESTS_UNIT_TLS_SERVER_H
#define TESTS_UNIT_TLS_SERVER_H

#include "io/loop.h"

#include <arpa/inet.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

struct turn {
    struct str hear, say; /* waits for exactly hear, then says */
};
struct server {
    const struct turn *talk; /* up to one that is empty; NULL: none */
    struct str instead;      /* of a handshake: these bytes, then wait for the end */
    bool hangs, closes;
    SSL_CTX *ctx;
    int fd;
    struct net_address address;
    pthread_t thread;
    char name_seen[256]; /* SNI */
    bool farewell;       /* a close_notify came */
};

static EVP_PKEY *rsa_key, *ecdsa_key;
static X509 *rsa_leaf, *ecdsa_leaf, *middle;

static inline X509 *cert_new(EVP_PKEY *key, const char *name, long from_s, long to_s)
{
    X509 *cert = X509_new();
    X509_set_version(cert, 2);
    ASN1_INTEGER_set(X509_get_serialNumber(cert), 17);
    X509_gmtime_adj(X509_getm_notBefore(cert), from_s);
    X509_gmtime_adj(X509_getm_notAfter(cert), to_s);
    X509_set_pubkey(cert, key);
    X509_NAME_add_entry_by_txt(X509_get_subject_name(cert), "CN", MBSTRING_ASC,
                               (const unsigned char *)name, -1, -1, 0);
    X509_set_issuer_name(cert, X509_get_subject_name(cert));
    CHECK(X509_sign(cert, key, EVP_sha256()) > 0);
    return cert;
}

static inline int keys_make(void **state)
{
    (void)state;
    signal(SIGPIPE, SIG_IGN);
    rsa_key = EVP_RSA_gen(2048);
    ecdsa_key = EVP_EC_gen("P-256");
    rsa_leaf = cert_new(rsa_key, "rsa.example", -86400, 86400);
    ecdsa_leaf = cert_new(ecdsa_key, "ecdsa.example", -86400, 86400);
    middle = cert_new(ecdsa_key, "middle", -86400, 86400);
    return 0;
}

static inline int keys_free(void **state)
{
    (void)state;
    EVP_PKEY_free(rsa_key);
    EVP_PKEY_free(ecdsa_key);
    X509_free(rsa_leaf);
    X509_free(ecdsa_leaf);
    X509_free(middle);
    return 0;
}

static inline SSL_CTX *ctx_new(bool rsa, bool ecdsa)
{
    SSL_CTX *ctx = SSL_CTX_new(TLS_server_method());
    SSL_CTX_set_security_level(ctx, 0);
    SSL_CTX_set_min_proto_version(ctx, 0);
    if (rsa)
        CHECK(SSL_CTX_use_certificate(ctx, rsa_leaf) == 1 &&
              SSL_CTX_use_PrivateKey(ctx, rsa_key) == 1);
    if (ecdsa)
        CHECK(SSL_CTX_use_certificate(ctx, ecdsa_leaf) == 1 &&
              SSL_CTX_use_PrivateKey(ctx, ecdsa_key) == 1);
    CHECK(SSL_CTX_add1_chain_cert(ctx, middle) == 1);
    return ctx;
}

static inline bool talk_hold(int fd, const struct turn *talk)
{
    char heard[512];
    for (; talk->say.p != NULL; talk++) {
        size_t len = 0;
        while (len < talk->hear.len) {
            ssize_t n = read(fd, heard + len, talk->hear.len - len);
            if (n <= 0)
                return false;
            len += (size_t)n;
        }
        if (memcmp(heard, talk->hear.p, len) != 0 ||
            write(fd, talk->say.p, talk->say.len) != (ssize_t)talk->say.len)
            return false;
    }
    return true;
}

static inline void end_await(int fd)
{
    char byte[256];
    while (read(fd, byte, sizeof byte) > 0)
        continue;
}

static inline void tls_hold(struct server *server, int fd)
{
    SSL *ssl = SSL_new(server->ctx);
    SSL_set_fd(ssl, fd);
    if (SSL_accept(ssl) == 1) {
        char byte;
        const char *name = SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name);
        snprintf(server->name_seen, sizeof server->name_seen, "%s", name != NULL ? name : "");
        server->farewell =
            SSL_read(ssl, &byte, 1) == 0 && (SSL_get_shutdown(ssl) & SSL_RECEIVED_SHUTDOWN) != 0;
    }
    SSL_free(ssl);
    ERR_clear_error();
}

static inline void *server_run(void *arg)
{
    struct server *server = arg;
    int fd = accept(server->fd, NULL, NULL);
    if (fd < 0)
        return NULL;
    if (server->closes || (server->talk != NULL && !talk_hold(fd, server->talk))) {
        close(fd);
        return NULL;
    }
    if (server->instead.len > 0 && write(fd, server->instead.p, server->instead.len) < 0)
        server->hangs = true;
    if (server->hangs || server->instead.len > 0 || server->ctx == NULL)
        end_await(fd);
    else
        tls_hold(server, fd);
    close(fd);
    return NULL;
}

static inline bool server_listen(struct server *server, int family)
{
    struct sockaddr_in v4 = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    struct sockaddr_in6 v6 = {.sin6_family = AF_INET6, .sin6_addr = in6addr_loopback};
    struct sockaddr_storage bound;
    socklen_t len = family == AF_INET ? sizeof v4 : sizeof v6, bound_len = sizeof bound;
    server->fd = socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (server->fd < 0 ||
        bind(server->fd, family == AF_INET ? (struct sockaddr *)&v4 : (struct sockaddr *)&v6,
             len) != 0)
        return false;
    CHECK(listen(server->fd, 5) == 0 &&
          getsockname(server->fd, (struct sockaddr *)&bound, &bound_len) == 0);
    uint16_t port = ntohs(family == AF_INET ? ((struct sockaddr_in *)&bound)->sin_port
                                            : ((struct sockaddr_in6 *)&bound)->sin6_port);
    return net_address_parse(family == AF_INET ? STR("127.0.0.1") : STR("::1"), port,
                             &server->address);
}

static inline void server_start(struct server *server)
{
    CHECK(server_listen(server, AF_INET));
    CHECK(pthread_create(&server->thread, NULL, server_run, server) == 0);
}

static inline void server_end(struct server *server)
{
    shutdown(server->fd, SHUT_RDWR);
    pthread_join(server->thread, NULL);
    close(server->fd);
    SSL_CTX_free(server->ctx);
}

#endif
