/*
 * fake-ca: the fake authority on the wire. One thread, epoll, TLS on loopback, HTTP/2 (ALPN h2)
 * and HTTP/1.1.
 *
 *   ca_serve.c    flags, the loop, the ledger at the end
 *   serve_conn.c  connections: TLS, bytes in and out; exchanges: one request and its reply
 *   serve_h2.c    HTTP/2 through nghttp2          serve_h1.c  HTTP/1.1 with keep-alive
 *   serve_tls.c   the self-made TLS certificate   txt_look.c TXT questions over UDP
 *
 * An exchange belongs to its connection. When a reply must wait (latency, trickle) the exchange
 * stands in the timer heap; nobody else waits for it, except on HTTP/1.1 the next request of the
 * same connection.
 */
#ifndef FAKE_SERVE_H
#define FAKE_SERVE_H

#include "fake/ca_core.h"
#include "fake/txt_look.h"

#include "base/clock.h"
#include "base/list.h"

#include <nghttp2/nghttp2.h>
#include <openssl/ssl.h>

enum { REQUEST_BODY_MAX = 1024 * 1024, OUT_ENOUGH = 256 * 1024 };

struct server {
    struct fake_ca *ca;
    SSL_CTX *tls;
    int epoll, listener, signals;
    struct heap timers;       /* exchanges, by clock_boot_ms */
    struct list conns, dirty; /* dirty: to be settled at the end of the turn */
    struct txt_look *look;    /* NULL: not asked to look */
    bool stop;
};
int64_t server_wall_ms(void);
int64_t server_boot_ms(void);

struct conn {
    struct list link, dirty;
    struct server *server;
    int fd;
    SSL *ssl;
    bool ready;   /* the handshake is over */
    bool closing; /* close once everything is out */
    bool dead;    /* close now */
    bool wants_out;
    struct buf out;
    size_t out_at;
    struct list exchanges;
    nghttp2_session *h2; /* NULL: HTTP/1.1 */
    struct buf in;       /* HTTP/1.1: what is not parsed yet */
    bool continued;      /* HTTP/1.1: 100 Continue was sent for the head in `in` */
};

struct exchange {
    struct list link;
    struct conn *conn;
    struct heap_node timer;
    int32_t stream; /* HTTP/2 */
    char *method, *path, *content_type, *user_agent;
    struct buf body;
    struct fake_reply reply;
    bool complete;   /* the request was handed to the authority */
    bool started;    /* the reply's head is out */
    bool keep_alive; /* HTTP/1.1 */
    int64_t sent;    /* octets of body and filler */
    int64_t allowed; /* trickle: octets that may go until the next tick */
};

/* serve_conn.c */
void conn_accept(struct server *server);
/* Something happened on the socket. May free the connection. */
void conn_event(struct conn *conn, uint32_t events);
void conn_free(struct conn *conn);
/* Sends what can be sent, then closes what must be closed. */
void conn_settle(struct conn *conn);
struct exchange *exchange_new(struct conn *conn);
void exchange_free(struct exchange *x);
/* The request is whole: asks the authority and sends the reply, at once or later. */
void exchange_answer(struct exchange *x);
/* The timer of the exchange ran out. Its connection becomes dirty. */
void exchange_due(struct exchange *x);
/* What the body still holds, filler included; 0 for replies without body. */
int64_t exchange_left(const struct exchange *x);
/* The next octets, at most max; 0: nothing now (trickle), or no more. *ret_cut: the connection must
 * break here. */
size_t exchange_read(struct exchange *x, char *out, size_t max, bool *ret_cut);

/* serve_h2.c */
void h2_open(struct conn *conn);
void h2_input(struct conn *conn, const unsigned char *p, size_t len);
void h2_start(struct exchange *x);
void h2_resume(struct exchange *x);
void h2_reset(struct exchange *x);
void h2_output(struct conn *conn);

/* serve_h1.c */
void h1_input(struct conn *conn, const unsigned char *p, size_t len);
void h1_start(struct exchange *x);
void h1_output(struct conn *conn);

/* serve_tls.c: writes the root certificate to root_path when it is not NULL. */
SSL_CTX *tls_make(const char *root_path, struct err *err);

#endif
