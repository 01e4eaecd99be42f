/*
 * The client's side of ACME, as little of it as a test or a yardstick needs: keys, signed
 * requests, CSRs.
 *
 * It shares no code with Chancery's own client or with the fake authority, so that neither is
 * measured by itself. A failure of OpenSSL stops the process.
 */
#ifndef FAKE_MINI_ACME_H
#define FAKE_MINI_ACME_H

#include "base/buf.h"

#include <openssl/evp.h>

struct mini_key {
    EVP_PKEY *key;
    EVP_PKEY_CTX *sign;
    size_t half; /* octets of r and of s; 0: RSA */
    const char *alg;
    char *jwk; /* RFC 7638 member order, so that its digest is the thumbprint */
    char thumbprint[44];
};
/* kind: "P-256", "P-384", "P-521" or "RSA" (2048 bits). */
struct mini_key *mini_key_new(const char *kind);
void mini_key_free(struct mini_key *key);

/* kid NULL: signed with a jwk. nonce NULL: none. Appends the JWS to out. */
void mini_jws(const struct mini_key *key, const char *kid, const char *nonce, const char *url,
              const char *payload, struct buf *out);
/* The same with an HMAC (external account binding): alg HS256. */
void mini_jws_mac(struct str mac_key, const char *kid, const char *url, const char *payload,
                  struct buf *out);
/* The CSR in DER. */
void mini_csr(EVP_PKEY *key, const char *const *names, size_t n, struct buf *out);
EVP_PKEY *mini_pkey_new(void); /* P-256 */
/* What the TXT record of a dns-01 challenge must hold. */
void mini_txt(const struct mini_key *key, const char *token, struct buf *out);

#endif
