/*
 * The TLS probe: what a client meets at one address of an endpoint.
 *
 * A fresh connection, a fresh context without cache or tickets, SNI unless the host is an address, and verification that
 * records instead of failing, because the point is to see what is served, right or wrong.
 */
#ifndef IO_PROBE_H
#define IO_PROBE_H

#include "io/loop.h"

struct probe_request {
    struct net_address address;
    const char *host; /* for SNI; NULL or an address: none */
    const char *
        starttls; /* NULL, or "smtp", "lmtp", "imap", "pop3", "ftp", "sieve", "nntp", "ldap", "postgres" */
    const char *prefer; /* NULL, "rsa" or "ecdsa": which key type to ask for */
    int64_t timeout_ms; /* 0: 5 s */
};
enum probe_stage { PROBE_CONNECT, PROBE_STARTTLS, PROBE_HANDSHAKE, PROBE_DONE };
struct probe_result {
    enum probe_stage stage;  /* how far it came */
    struct str chain_pem;    /* as presented, leaf first; empty unless DONE */
    const char *tls_version; /* "TLSv1.3" */
    int64_t took_ms;
};
struct probe_call;
/* result is always there; err is NULL only when stage is DONE. Both are borrowed for the call. Kinds: AGAIN (refused, closed,
 * timeout), REFUSED (STARTTLS not offered; at HANDSHAKE: no certificate of the preferred key type), BROKEN, CONFIG. A server
 * that wants a certificate of ours is DONE all the same: it has shown its own. */
typedef void probe_done(void *arg, const struct probe_result *result, const struct err *err);
struct probe_call *probe_start(struct loop *loop, const struct probe_request *request,
                               probe_done *done, void *arg);
void probe_cancel(struct probe_call *call); /* NULL allowed; not after done */

/* Addresses of a host name by the system's resolver (hosts file included), both families, in its order, each once; off the loop
 * thread. err (ABSENT, AGAIN, CONFIG) exactly when n is 0. Borrowed for the call. */
typedef void resolve_done(void *arg, const struct net_address *addresses, size_t n,
                          const struct err *err);
struct resolve_call;
struct resolve_call *resolve_start(struct loop *loop, const char *host, uint16_t port,
                                   resolve_done *done, void *arg);
void resolve_cancel(struct resolve_call *call); /* NULL allowed; not after done */

#endif
