/*
 * JWS (RFC 7515, flattened) and JWK (RFC 7517) as ACME allows them, and the little cryptography
 * around them.
 *
 * Only RS256, ES256 and ES384 are accepted, as by the large authorities. Errors: BROKEN what is
 * malformed, REFUSED a key or an algorithm that policy does not take (the problem types
 * badPublicKey and badSignatureAlgorithm).
 */
#ifndef FAKE_CA_JWS_H
#define FAKE_CA_JWS_H

#include "base/buf.h"
#include "base/json.h"

#include <openssl/evp.h>

struct jws_alg;

struct jwk {
    EVP_PKEY *key;
    EVP_PKEY_CTX *verify;      /* ready for many EVP_PKEY_verify */
    const struct jws_alg *alg; /* the one algorithm that goes with the key */
    char thumbprint[44];       /* RFC 7638, base64url */
    char spki_sha256[65];      /* hex */
};
bool fake_jwk_read(const struct json *tree, struct jwk *ret_jwk, struct err *err);
void fake_jwk_fini(struct jwk *jwk);
void fake_jwk_move(struct jwk *to, struct jwk *from);

struct jws {
    struct json *header; /* the protected one */
    struct buf input;    /* what was signed */
    struct buf payload, signature;
};
bool fake_jws_read(const struct json *body, struct jws *ret_jws, struct err *err);
void fake_jws_fini(struct jws *jws);
/* The protected header names an algorithm we know. */
bool fake_jws_alg_is_known(const struct jws *jws);
/* The algorithm of the header goes with the key and the signature fits. */
bool fake_jws_is_signed_by(const struct jws *jws, const struct jwk *jwk);
/* HS256, HS384, HS512 of an external account binding. */
bool fake_jws_is_mac_by(const struct jws *jws, struct str mac_key);
/* Members of the array of badSignatureAlgorithm. */
struct json *fake_jws_algs_json(void);

/* ca_crypt.c */
void fake_crypt_sha256(struct str bytes, unsigned char out[32]);
void fake_crypt_sha256_hex(struct str bytes, char out[65]);
/* The length of the digest of "SHA256", "SHA384" ... */
size_t fake_crypt_digest(const char *name, struct str bytes, unsigned char out[EVP_MAX_MD_SIZE]);
EVP_PKEY *fake_crypt_key_new(void); /* P-256 */
void fake_crypt_spki(EVP_PKEY *key, struct buf *out);
/* ECDSA with SHA-256, DER. ctx is ready for EVP_PKEY_sign. */
void fake_crypt_sign(EVP_PKEY_CTX *ctx, struct str bytes, struct buf *out);
/* Key policy of both account and certificate keys: P-256, P-384, RSA 2048, 3072, 4096. */
bool fake_crypt_key_is_allowed(EVP_PKEY *key);

struct rng {
    uint64_t state;
};
uint64_t fake_rng_next(struct rng *r);
/* True in `percent` of 100 calls. */
bool fake_rng_chance(struct rng *r, int64_t percent);
/* n octets drawn from a seed alone. */
void fake_rng_octets(uint64_t seed, unsigned char *out, size_t n);

#endif
