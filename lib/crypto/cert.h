/*
 * Certificates: requests for them, what a CA answers, and whether the answer may be served.
 *
 * A chain arrives as PEM from a peer that may lie. It is parsed under caps (512 KiB, 16 certificates), re-encoded by
 * us (no trailing text reaches a disk), and passes chain_check before it is stored: the leaf has OUR key and
 * exactly the names ordered, is valid now, and each certificate is signed by the next.
 */
#ifndef CRYPTO_CERT_H
#define CRYPTO_CERT_H

#include "crypto/key.h"

/* PKCS#10 with the names as SAN dNSName (or iPAddress when a name parses as an address), empty subject, signed by key.
 * ret_der: fresh bytes in a buf the caller owns (max 64 KiB). */
bool csr_new(const struct key *key, const char *const *names, size_t n_names, struct buf *ret_der,
             struct err *err);

enum { CHAIN_LEN_MAX = 16, CHAIN_PEM_MAX = 512 * 1024 };

struct cert_facts {      /* all texts owned, released by cert_facts_fini */
    char *serial_hex;    /* lower case, as many digits as the DER content octets */
    char sha256_hex[65]; /* of the DER */
    char spki_hex[SPKI_HEX_MAX];
    char *issuer, *subject; /* one line, RFC 2253 */
    char *common_name;      /* subject CN or NULL */
    char **names;           /* SAN dNSName in lower case and iPAddress as text */
    size_t n_names;
    int64_t not_before_at_ms, not_after_at_ms;
    char *ari_id; /* RFC 9773 4.1 CertID, NULL when there is no AKI */
    bool is_ca, is_self_signed;
};
void cert_facts_fini(struct cert_facts *facts);

struct chain;                                                                    /* leaf first */
bool chain_parse_pem(struct str pem, struct chain **ret_chain, struct err *err); /* BROKEN */
void chain_free(struct chain *chain);
void chain_fini(struct chain **chain);
size_t chain_len(const struct chain *chain);
bool chain_facts(const struct chain *chain, size_t i, struct cert_facts *ret_facts,
                 struct err *err);
void chain_cert_pem(const struct chain *chain, size_t i,
                    struct buf *out); /* one certificate, re-encoded */
void chain_cert_der(const struct chain *chain, size_t i, struct buf *out);
void chain_full_pem(const struct chain *chain,
                    struct buf *out); /* leaf + intermediates, no self-signed root */
void chain_rest_pem(const struct chain *chain, struct buf *out); /* without leaf and root */

/* What is wrong with a chain that a CA sent; CHAIN_FINE is 0. */
#define CHAIN_FAULTS(X)                                                                            \
    X(FINE, "fine", "")                                                                            \
    X(OTHER_KEY, "other-key", "the certificate is for another key than the one in our request")    \
    X(MISSING_NAME, "missing-name", "the certificate lacks a name that was ordered")               \
    X(EXTRA_NAME, "extra-name", "the certificate holds a name that was not ordered")               \
    X(EXPIRED, "expired", "the certificate has already expired")                                   \
    X(FUTURE, "future", "the certificate is not valid yet")                                        \
    X(NO_CHAIN, "no-chain", "the issuer's certificate is missing")                                 \
    X(BAD_LINK, "bad-link", "a certificate is not signed by the next one of the chain")            \
    X(CA_LEAF, "ca-leaf", "the first certificate is a CA's, not a server's")
enum chain_fault {
#define X(fault, name, what) CHAIN_##fault,
    CHAIN_FAULTS(X)
#undef X
        CHAIN_FAULT_N
};
const char *chain_fault_name(enum chain_fault fault);
const char *chain_fault_text(enum chain_fault fault);
/* spki_hex: of our key. names: exactly what was ordered (A-labels, lower case, any order).
 * A future not_before within slack_ms is tolerated (clock skew). */
enum chain_fault chain_check(const struct chain *chain, const char *spki_hex,
                             const char *const *names, size_t n_names, int64_t now_ms,
                             int64_t slack_ms);
/* True when the certificate covers the host name (RFC 6125: a wildcard matches one label). */
bool cert_names_cover(const struct cert_facts *facts, const char *host);

/* PKCS#12 of key and chain; password may be empty. legacy: 3DES and SHA-1 for old consumers, else AES-256 and SHA-256. */
bool pkcs12_build(const struct key *key, const struct chain *chain, const char *friendly_name,
                  const struct secret *password, bool legacy, struct secret *ret_der,
                  struct err *err);

#endif
