/*
 * An HTTP server in our own loop: the only door to libmicrohttpd.
 *
 * One exchange is one request and its answer. Its life: the head arrives (`head` is called, before a byte of the body is read: whoever may not ask is
 * answered here, and the body is never read), the body arrives (`ready` is called), and some time later - in the same call or many turns
 * of the loop afterwards - exchange_answer ends it. An exchange that waits costs a few hundred bytes and no thread. When the client leaves while it waits,
 * `gone` is called and the exchange is over: what it waited for must not be given to it any more.
 *
 *     static void ready(void *arg, struct http_exchange *x) { queue(arg, x); }
 *     ... after the commit ...   exchange_answer(x, 201, &header, 1, body);
 *
 * Nothing a client does may cost more than it is worth: connections are counted in all and by address, heads and bodies are bounded in bytes and in time, and
 * whoever is slow is cut off. What is no HTTP is answered by the library with 400 and a line of HTML, a target or head too long with 414 or 431.
 *
 * Lifetimes: an exchange is borrowed; after exchange_answer, or inside `gone` at the latest, the pointer is forgotten. Texts of an exchange live as long as it does.
 * Everything happens on the thread of the loop, inside loop_wait.
 */
#ifndef IO_HTTP_SERVER_H
#define IO_HTTP_SERVER_H

#include "base/buf.h"
#include "io/loop.h"

struct http_server;
struct http_exchange;

/* 0: the default that stands behind. */
struct http_server_limits {
    int64_t n_connections; /* 512 in all; further ones wait in the kernel until one ends */
    int64_t n_per_address; /* 64; not for loopback, where everybody has the same address */
    int64_t head_len;      /* 16 KiB */
    int64_t n_headers;     /* 64 */
    int64_t body_len;      /* 64 KiB */
    int64_t
        head_ms; /* 10 s: from the first byte (of a new connection: from its start) to the end of the head */
    int64_t body_ms; /* 30 s for the whole body, and for taking the answer */
    int64_t idle_ms; /* 30 s between two requests on a connection */
};

/* PEM texts, borrowed for the call. client_ca NULL: nobody is asked for a certificate. */
struct http_server_tls {
    struct str certificate, key, client_ca;
};

struct http_server_options {
    struct net_address listen;         /* port 0: any, see http_server_port */
    const struct http_server_tls *tls; /* NULL: without */
    struct http_server_limits limits;
    void (*head)(void *arg, struct http_exchange *x);
    void (*ready)(void *arg, struct http_exchange *x);
    void (*gone)(void *arg, struct http_exchange *x); /* not after exchange_answer */
    void *arg;
};

/* Kinds: CONFIG (certificate, key or CA cannot be used, or do not fit each other), LOCAL, DENIED (the port is taken or forbidden). */
bool http_server_open(struct loop *loop, const struct http_server_options *options,
                      struct http_server **ret, struct err *err);
/* Another address, other certificates, other limits: new connections meet the new, exchanges under way end undisturbed on the old, whose connections are closed
 * after their answer. On failure all stays as it was. The callbacks stay. */
bool http_server_change(struct http_server *server, const struct http_server_options *options,
                        struct err *err);
uint16_t http_server_port(const struct http_server *server);
/* Closes every connection; each exchange that was not answered is told gone. NULL allowed. */
void http_server_close(struct http_server *server);

struct http_server_figures {
    int64_t n_open;     /* connections now */
    int64_t n_accepted; /* connections so far */
    int64_t n_requests; /* heads so far */
    int64_t n_waiting;  /* exchanges that wait for their answer */
    int64_t n_cut;      /* connections cut off because they were slow */
};
struct http_server_figures http_server_figures(const struct http_server *server);

/* Who stands behind a TLS connection: present only when the certificate was verified against client_ca. */
struct http_peer {
    char fingerprint[65]; /* SHA-256 of the DER, hex, lower case */
    const char *subject;  /* RFC 4514 text, e.g. "CN=edge1,O=Example" */
};
/* What is wrong with it whoever asks: 414, 431 or 413, known in `head`, or for a body without a length in `ready`; 0: nothing. Who does not answer it leaves that
 * to the server, which does so with a line of text. */
int exchange_fault(const struct http_exchange *x);
const char *exchange_method(const struct http_exchange *x);
/* As it came: "/v1/locks/a%2eb?wait=5". */
struct str exchange_target(const struct http_exchange *x);
/* The first header of that name, NULL: none. */
const char *exchange_header(const struct http_exchange *x, const char *name);
struct str exchange_body(const struct http_exchange *x);
/* NULL: no certificate, or none of the configured CA. */
const struct http_peer *exchange_peer(const struct http_exchange *x);
/* A pointer of the caller's. */
void exchange_mark(struct http_exchange *x, void *mark);
void *exchange_mark_of(const struct http_exchange *x);
/* Has the client hung up meanwhile? Asks the kernel; `gone` follows with the next wait. */
bool exchange_is_gone(const struct http_exchange *x);

struct http_field {
    const char *name, *value;
};
/* Copies everything. A second answer is a bug. */
void exchange_answer(struct http_exchange *x, int status, const struct http_field *fields,
                     size_t n_fields, struct str body);
/* What was answered leaves now, as far as the peers take it; without this with the next wait. Not from within `head`, `ready` or `gone`. */
void http_server_send(struct http_server *server);

#endif
