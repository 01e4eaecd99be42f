/*
 * Transaction signatures: TSIG (RFC 8945) over whole messages, with HMAC-SHA-256, -384 or -512.
 *
 * Written out here because ldns 1.8 neither knows hmac-sha384 by its name, nor compares in constant time, nor says
 * why a signature does not fit. The hashes are ldns's. Full-length MACs only; fudge 300 s.
 */
#ifndef IO_DNS_TSIG_H
#define IO_DNS_TSIG_H

#include "base/clock.h"
#include "io/dns_wire.h"

enum { TSIG_MAC_MAX = 64, TSIG_FUDGE_S = 300 };
enum tsig_error { TSIG_BADSIG = 16, TSIG_BADKEY = 17, TSIG_BADTIME = 18, TSIG_BADTRUNC = 22 };

struct tsig_key {
    const struct tsig_algorithm *algorithm;
    struct dns_name name, algorithm_name;
    struct secret secret;
};
/* Copies the secret. Kind CONFIG when a name or the algorithm is unknown or the secret is empty. */
bool tsig_key_init(struct tsig_key *key, const char *name, const char *algorithm,
                   const struct secret *secret, struct err *err);
void tsig_key_fini(struct tsig_key *key);

struct tsig_mac {
    unsigned char p[TSIG_MAC_MAX];
    size_t len;
};
/* Appends the TSIG record to a complete message and counts it. */
void tsig_sign(const struct tsig_key *key, struct buf *message, int64_t now_ms,
               struct tsig_mac *ret_mac);

/* What an answer's signature says. */
struct tsig_verdict {
    bool is_signed;      /* a TSIG record is there */
    bool fits;           /* made with our key over this answer to our request */
    int error;           /* the record's error field: 0 or enum tsig_error */
    int64_t signed_at_s; /* unix seconds */
    int64_t fudge_s;
    int64_t server_at_s; /* BADTIME only: the server's clock, else 0 */
};
/* BROKEN when the message cannot be walked. */
bool tsig_judge(const struct tsig_key *key, const struct tsig_mac *request, struct str answer,
                struct tsig_verdict *ret_verdict, struct err *err);
/* "BADSIG", "BADKEY", "BADTIME", "BADTRUNC", "unknown" */
const char *tsig_error_name(int error);

/* RFC 2104 with the algorithm of key; for its tests. out: TSIG_MAC_MAX bytes. Returns the MAC's length. */
size_t tsig_hmac(const struct tsig_key *key, struct str data, unsigned char *out);

#endif
