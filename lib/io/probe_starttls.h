/*
 * The inside of probe.h: the talk before TLS, without a socket. What came is fed in, what is to be sent comes out.
 *
 * Sources: RFC 3207 (smtp), 2033 (lmtp), 9051 6.2.1 (imap), 2595 4 (pop3), 4217 4 (ftp), 5804 2.2 (sieve), 4642 (nntp),
 * 4511 4.14 (ldap), PostgreSQL protocol 3.0 "SSLRequest" (postgres).
 */
#ifndef IO_PROBE_STARTTLS_H
#define IO_PROBE_STARTTLS_H

#include "base/buf.h"

enum { STARTTLS_LINE_MAX = 4 * 1024, STARTTLS_TALK_MAX = 64 * 1024 };

struct starttls_kind;
/* NULL when there is no such kind. */
const struct starttls_kind *starttls_kind_find(const char *name);

struct starttls {
    const struct starttls_kind *kind;
    int step;       /* row of the kind's talk */
    int n_lines;    /* of this step */
    bool has_word;  /* what this step must offer was seen */
    size_t n_total; /* bytes heard */
    struct buf line;
};
/* out: what the client says first, if it speaks first. */
void starttls_init(struct starttls *talk, const struct starttls_kind *kind, struct buf *out);
void starttls_fini(struct starttls *talk);

enum starttls_verdict { STARTTLS_MORE, STARTTLS_GO, STARTTLS_FAIL };
/* Hears bytes and appends the answer to out. GO: the peer is ready for a ClientHello, and not a byte came after its
 * go-ahead. Kinds of FAIL: REFUSED (not offered, or said no), BROKEN (nonsense, too long, or bytes injected behind the
 * go-ahead, which would be taken for part of the protected talk). */
enum starttls_verdict starttls_hear(struct starttls *talk, struct str bytes, struct buf *out,
                                    struct err *err);

#endif
