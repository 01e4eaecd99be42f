/*
 * The inside of probe.h: one TLS handshake through memory, without a socket.
 */
#ifndef IO_PROBE_TLS_H
#define IO_PROBE_TLS_H

#include "base/buf.h"

struct tls_look;
/* host: for SNI, NULL for none. prefer: NULL, "rsa", "ecdsa" (else CONFIG). out: the ClientHello. */
bool tls_look_new(const char *host, const char *prefer, struct tls_look **ret_look, struct buf *out,
                  struct err *err);
void tls_look_free(struct tls_look *look);

enum tls_verdict { TLS_MORE, TLS_DONE, TLS_FAIL };
/* Hears bytes of the peer and appends what is to be sent, an alert or the farewell included. Kinds of FAIL: REFUSED (an alert that
 * answers a preferred key type), BROKEN (other alerts, or no TLS). A server that breaks off because we have no client
 * certificate has shown all of its own by then: that is DONE. */
enum tls_verdict tls_look_hear(struct tls_look *look, struct str bytes, struct buf *out,
                               struct err *err);
/* After DONE. The chain as presented, leaf first. */
bool tls_look_chain(const struct tls_look *look, struct buf *out, struct err *err);
const char *tls_look_version(const struct tls_look *look);

#endif
