/*
 * A small HTTP server in threads, for test_http.c: plain or TLS, HTTP/1.1 or just enough HTTP/2 to be multiplexed.
 *
 * Every connection has a thread. What is answered depends on the path (see peer_route); "/slow" never answers. peer_stop
 * closes everything and joins.
 */
#ifndef TEST_PEER_HTTP_H
#define TEST_PEER_HTTP_H

#include <arpa/inet.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { PEER_CONNECTIONS_MAX = 256 };

struct peer {
    int fd, n_threads;
    uint16_t port;
    SSL_CTX *tls; /* NULL: plain */
    bool speaks_h2;
    int n_together; /* HTTP/2: streams that must be open at once before any is answered */
    atomic_int n_connections, n_requests;
    atomic_bool stop, is_mute;
    pthread_t acceptor, threads[PEER_CONNECTIONS_MAX];
};

struct peer_connection {
    struct peer *peer;
    int fd;
    SSL *ssl;
};

static bool peer_wait(struct peer_connection *c)
{
    if (c->ssl != NULL && SSL_pending(c->ssl) > 0)
        return true;
    while (!atomic_load(&c->peer->stop)) {
        struct pollfd p = {.fd = c->fd, .events = POLLIN};
        if (poll(&p, 1, 20) != 0)
            return true;
    }
    return false;
}

static long peer_read(struct peer_connection *c, void *p, size_t len)
{
    if (!peer_wait(c))
        return -1;
    return c->ssl != NULL ? SSL_read(c->ssl, p, (int)len) : read(c->fd, p, len);
}

static bool peer_read_all(struct peer_connection *c, void *p, size_t len)
{
    for (size_t got = 0; got < len;) {
        long n = peer_read(c, (char *)p + got, len - got);
        if (n <= 0)
            return false;
        got += (size_t)n;
    }
    return true;
}

static bool peer_write(struct peer_connection *c, const void *p, size_t len)
{
    for (size_t sent = 0; sent < len;) {
        long n = c->ssl != NULL ? SSL_write(c->ssl, (const char *)p + sent, (int)(len - sent))
                                : send(c->fd, (const char *)p + sent, len - sent, MSG_NOSIGNAL);
        if (n <= 0 || atomic_load(&c->peer->stop))
            return false;
        sent += (size_t)n;
    }
    return true;
}

static bool peer_say(struct peer_connection *c, const char *text)
{
    return peer_write(c, text, strlen(text));
}

static bool peer_answer(struct peer_connection *c, const char *status, const char *headers,
                        const char *body)
{
    char head[4096];
    snprintf(head, sizeof head, "HTTP/1.1 %s\r\nContent-Length: %zu\r\n%s\r\n", status,
             strlen(body), headers);
    return peer_say(c, head) && peer_say(c, body);
}

static bool peer_flood(struct peer_connection *c, const char *front, const char *piece)
{
    if (!peer_say(c, front))
        return false;
    while (peer_say(c, piece))
        ;
    return false;
}

static bool peer_redirect(struct peer_connection *c, const char *to)
{
    char header[512];
    snprintf(header, sizeof header, "Location: %s\r\n", to);
    return peer_answer(c, "302 Found", header, "moved");
}

static bool peer_redirect_to_localhost(struct peer_connection *c)
{
    char to[128];
    snprintf(to, sizeof to, "http%s://localhost:%u/echo", c->peer->tls != NULL ? "s" : "",
             c->peer->port);
    return peer_redirect(c, to);
}

static bool peer_pause(struct peer_connection *c, int ms)
{
    while (ms-- > 0 && !atomic_load(&c->peer->stop))
        usleep(1000);
    return !atomic_load(&c->peer->stop);
}

/* Returns false when the connection shall end. */
static bool peer_route(struct peer_connection *c, const char *path, const char *request)
{
    static const char kilobyte[] = "X-Filler: "
                                   "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
                                   "aaaaaaaaaaaaaaaaaaaaaaaaaa\r\n";
    if (strcmp(path, "/cookies") == 0)
        return peer_answer(c, "200 OK", "Set-Cookie: a=1; Path=/\r\nset-cookie: b=2\r\n", "");
    if (strcmp(path, "/hello") == 0)
        return peer_answer(
            c, "200 OK", "Date: Sat, 21 Nov 2026 22:01:23 GMT\r\nX-Two: first\r\nx-two:second\r\n",
            "hello");
    if (strcmp(path, "/echo") == 0 || str_starts(str_of(path), STR("/echo/")) ||
        str_starts(str_of(path), STR("/echo?")))
        return peer_answer(c, "200 OK", "", request);
    if (strcmp(path, "/teapot") == 0)
        return peer_answer(c, "418 I'm a teapot", "Retry-After: 7\r\n", "{\"short\":true}");
    if (strcmp(path, "/delay") == 0)
        return peer_pause(c, 20) && peer_answer(c, "200 OK", "", "late");
    if (strcmp(path, "/slow") == 0)
        return peer_pause(c, 60000) && false;
    if (strcmp(path, "/big") == 0)
        return peer_flood(c, "HTTP/1.1 200 OK\r\n\r\n", kilobyte);
    if (strcmp(path, "/bighead") == 0)
        return peer_flood(c, "HTTP/1.1 200 OK\r\n", kilobyte);
    if (strcmp(path, "/interims") == 0)
        return peer_flood(c, "", "HTTP/1.1 103 Early Hints\r\nLink: </a>; rel=preload\r\n\r\n");
    if (strcmp(path, "/interim") == 0)
        return peer_say(
            c, "HTTP/1.1 103 Early Hints\r\nX-Early: yes\r\n\r\nHTTP/1.1 200 "
               "OK\r\nTransfer-Encoding: chunked\r\n"
               "Trailer: X-Trailer\r\nX-Empty:\r\n\r\n3\r\nabc\r\n0\r\nX-Trailer: yes\r\n\r\n");
    if (strcmp(path, "/garbage") == 0)
        return peer_say(c, "SSH-2.0-OpenSSH_9.2p1\r\n") && false;
    if (strcmp(path, "/cut") == 0)
        return peer_say(c, "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nten bytes.") && false;
    if (strcmp(path, "/once") == 0)
        return peer_redirect(c, "/hello");
    if (strcmp(path, "/thrice") == 0)
        return peer_redirect(c, "/twice");
    if (strcmp(path, "/twice") == 0)
        return peer_redirect(c, "/once");
    if (strcmp(path, "/away") == 0)
        return peer_redirect_to_localhost(c);
    if (strcmp(path, "/outside") == 0)
        return peer_redirect(c, "http://192.0.2.1/hello");
    if (strcmp(path, "/user") == 0)
        return peer_redirect(c, "https://me@localhost/hello");
    if (strcmp(path, "/down") == 0)
        return peer_redirect(c, "http://127.0.0.1:1/hello");
    return false; /* "/close" */
}

static bool peer_serve_one(struct peer_connection *c)
{
    static const char length[] = "Content-Length: ";
    char request[16384], path[256] = "";
    size_t len = 0;
    char *end = NULL;
    while (end == NULL) {
        long n =
            len + 1 < sizeof request ? peer_read(c, request + len, sizeof request - 1 - len) : -1;
        if (n <= 0)
            return false;
        request[len += (size_t)n] = '\0';
        if (request[0] < 'A' && !atomic_load(&c->peer->is_mute)) /* a TLS greeting */
            return peer_say(c, "HTTP/1.1 400 Bad Request\r\n\r\n") && false;
        end = strstr(request, "\r\n\r\n");
    }
    const char *l = strstr(request, length);
    size_t want =
        (size_t)(end + 4 - request) + (l != NULL ? strtoul(l + strlen(length), NULL, 10) : 0);
    if (want >= sizeof request || (want > len && !peer_read_all(c, request + len, want - len)))
        return false;
    request[want] = '\0';
    atomic_fetch_add(&c->peer->n_requests, 1);
    sscanf(request, "%*s %255s", path);
    return peer_route(c, path, request);
}

static bool peer_frame(struct peer_connection *c, int type, int flags, uint32_t stream,
                       const void *p, size_t len)
{
    unsigned char frame[64] = {
        (unsigned char)(len >> 16),    (unsigned char)(len >> 8),    (unsigned char)len,
        (unsigned char)type,           (unsigned char)flags,         (unsigned char)(stream >> 24),
        (unsigned char)(stream >> 16), (unsigned char)(stream >> 8), (unsigned char)stream};
    if (len > 0)
        memcpy(frame + 9, p, len);
    return peer_write(c, frame, 9 + len);
}

/* HTTP/2 (RFC 9113) of the poorest kind: the fields of a request are not even decoded; each gets 200 and "two". */
static void peer_serve_h2(struct peer_connection *c)
{
    enum { DATA, HEADERS, SETTINGS = 4, PING = 6, END_STREAM = 1, ACK = 1, END_HEADERS = 4 };
    static const unsigned char status_200 = 0x88, many_streams[6] = {0, 3, 0, 0, 1, 0};
    unsigned char head[9], payload[16384];
    uint32_t open[512];
    int n_open = 0;
    if (!peer_read_all(c, payload, 24) ||
        !peer_frame(c, SETTINGS, 0, 0, many_streams, sizeof many_streams))
        return;
    while (peer_read_all(c, head, sizeof head)) {
        size_t len = (size_t)head[0] << 16 | (size_t)head[1] << 8 | head[2];
        if (len > sizeof payload || !peer_read_all(c, payload, len))
            return;
        if (head[3] == SETTINGS && (head[4] & ACK) == 0)
            peer_frame(c, SETTINGS, ACK, 0, NULL, 0);
        if (head[3] == PING && (head[4] & ACK) == 0)
            peer_frame(c, PING, ACK, 0, payload, len);
        if ((head[3] != DATA && head[3] != HEADERS) || (head[4] & END_STREAM) == 0 || n_open == 512)
            continue;
        open[n_open++] =
            (uint32_t)head[5] << 24 | (uint32_t)head[6] << 16 | (uint32_t)head[7] << 8 | head[8];
        atomic_fetch_add(&c->peer->n_requests, 1);
        if (n_open < c->peer->n_together)
            continue;
        while (n_open > 0) {
            uint32_t stream = open[--n_open];
            peer_frame(c, HEADERS, END_HEADERS, stream, &status_200, 1);
            peer_frame(c, DATA, END_STREAM, stream, "two", 3);
        }
    }
}

static void *peer_connection_run(void *arg)
{
    struct peer_connection *c = arg;
    if (c->peer->tls != NULL) {
        c->ssl = SSL_new(c->peer->tls);
        SSL_set_fd(c->ssl, c->fd);
    }
    if (c->ssl == NULL || SSL_accept(c->ssl) == 1) {
        if (c->peer->speaks_h2)
            peer_serve_h2(c);
        else
            while (peer_serve_one(c))
                ;
    }
    SSL_free(c->ssl);
    close(c->fd);
    ERR_clear_error();
    free(c);
    return NULL;
}

static void *peer_accept(void *arg)
{
    struct peer *peer = arg;
    while (!atomic_load(&peer->stop) && peer->n_threads < PEER_CONNECTIONS_MAX) {
        struct pollfd p = {.fd = peer->fd, .events = POLLIN};
        if (poll(&p, 1, 20) <= 0)
            continue;
        struct peer_connection *c = calloc(1, sizeof *c);
        c->peer = peer;
        c->fd = accept(peer->fd, NULL, NULL);
        atomic_fetch_add(&peer->n_connections, 1);
        pthread_create(&peer->threads[peer->n_threads++], NULL, peer_connection_run, c);
    }
    return NULL;
}

static int peer_alpn(SSL *ssl, const unsigned char **out, unsigned char *out_len,
                     const unsigned char *in, unsigned in_len, void *arg)
{
    (void)ssl;
    const struct peer *peer = arg;
    const char *ours = peer->speaks_h2 ? "\x02h2" : "\x08http/1.1";
    return SSL_select_next_proto((unsigned char **)(void *)out, out_len,
                                 (const unsigned char *)ours, (unsigned)strlen(ours), in,
                                 in_len) == OPENSSL_NPN_NEGOTIATED
               ? SSL_TLSEXT_ERR_OK
               : SSL_TLSEXT_ERR_NOACK;
}

static struct peer *peer_new(SSL_CTX *tls, bool speaks_h2)
{
    struct peer *peer = calloc(1, sizeof *peer);
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    socklen_t len = sizeof at;
    peer->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    peer->tls = tls;
    peer->speaks_h2 = speaks_h2;
    peer->n_together = 1;
    if (bind(peer->fd, (struct sockaddr *)&at, sizeof at) != 0 || listen(peer->fd, 128) != 0)
        abort();
    getsockname(peer->fd, (struct sockaddr *)&at, &len);
    peer->port = ntohs(at.sin_port);
    if (tls != NULL)
        SSL_CTX_set_alpn_select_cb(tls, peer_alpn, peer);
    pthread_create(&peer->acceptor, NULL, peer_accept, peer);
    return peer;
}

static void peer_stop(struct peer *peer)
{
    atomic_store(&peer->stop, true);
    pthread_join(peer->acceptor, NULL);
    for (int i = 0; i < peer->n_threads; i++)
        pthread_join(peer->threads[i], NULL);
    close(peer->fd);
    SSL_CTX_free(peer->tls);
    free(peer);
}

/* A self-signed certificate for the name, written to path as the trust file, and a context that serves it. */
static SSL_CTX *peer_tls(const char *path, const char *san, long valid_from_s, long valid_to_s)
{
    EVP_PKEY *key = EVP_EC_gen("P-256");
    X509 *cert = X509_new();
    X509_set_version(cert, 2);
    ASN1_INTEGER_set(X509_get_serialNumber(cert), 1);
    X509_gmtime_adj(X509_getm_notBefore(cert), valid_from_s);
    X509_gmtime_adj(X509_getm_notAfter(cert), valid_to_s);
    X509_NAME_add_entry_by_txt(X509_get_subject_name(cert), "CN", MBSTRING_ASC,
                               (const unsigned char *)"test peer", -1, -1, 0);
    X509_set_issuer_name(cert, X509_get_subject_name(cert));
    X509_set_pubkey(cert, key);
    X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, NULL, NID_subject_alt_name, san);
    X509_add_ext(cert, extension, -1);
    X509_EXTENSION_free(extension);
    X509_sign(cert, key, EVP_sha256());
    FILE *file = fopen(path, "w");
    PEM_write_X509(file, cert);
    fclose(file);
    SSL_CTX *tls = SSL_CTX_new(TLS_server_method());
    SSL_CTX_use_certificate(tls, cert);
    SSL_CTX_use_PrivateKey(tls, key);
    X509_free(cert);
    EVP_PKEY_free(key);
    return tls;
}

#endif
