/*
 * Keys: the account's, the certificate's, and what is signed with them.
 *
 * A struct key wraps one private or public key. Private halves live in OpenSSL's secure heap where it could be
 * set up (crypto_init) and leave this floor only sealed (seal.h), as PKCS#8 PEM in a struct secret (for
 * targets), or not at all. Kinds: ECDSA P-256 and P-384, RSA 2048, 3072, 4096 with e = 65537 - what CAs accept.
 */
#ifndef CRYPTO_KEY_H
#define CRYPTO_KEY_H

#include "base/json.h"

/* kind, configuration name, JWS algorithm (RFC 7518) */
#define KEY_KINDS(X)                                                                               \
    X(ECDSA_P256, "ecdsa-p256", "ES256")                                                           \
    X(ECDSA_P384, "ecdsa-p384", "ES384")                                                           \
    X(RSA_2048, "rsa-2048", "RS256")                                                               \
    X(RSA_3072, "rsa-3072", "RS256")                                                               \
    X(RSA_4096, "rsa-4096", "RS256")
enum key_kind {
#define X(kind, name, alg) KEY_##kind,
    KEY_KINDS(X)
#undef X
        KEY_KIND_N
};
const char *key_kind_name(enum key_kind kind);
const char *key_kind_jws_alg(enum key_kind kind);
const char *key_kind_family(
    enum key_kind kind); /* "ecdsa" or "rsa": what a TLS client chooses by */
bool key_kind_find(const char *name, enum key_kind *ret_kind);
bool key_kind_is_slow(enum key_kind kind); /* RSA: make it on the thread pool */

/* Once per process: secure heap of 256 KiB (falls back with false and err LOCAL), no core dumps of keys. */
bool crypto_init(struct err *err);
/* At the end of work on a thread that is not the main one: gives back what OpenSSL keeps for it (its random generator). */
void crypto_thread_end(void);

struct key;
struct key *key_new(
    enum key_kind kind); /* generated; never NULL (CHECK). May take seconds for RSA; thread-safe */
void key_free(struct key *key);
void key_fini(struct key **key);
enum key_kind key_kind(const struct key *key);

/* PKCS#8, SEC1 or PKCS#1 PEM, unencrypted. Kinds: BROKEN, REFUSED (kind not accepted). */
bool key_from_pem(struct str pem, struct key **ret_key, struct err *err);
bool key_from_der(struct str pkcs8, struct key **ret_key, struct err *err);
void key_to_pem(const struct key *key, struct secret *ret_pem); /* PKCS#8 PEM, newline at the end */
void key_to_der(const struct key *key, struct secret *ret_pkcs8);

/* Private JWK (RFC 7517, 7518 6), as some ACME programs keep the key of an account. Kinds as key_from_pem; written on one line. */
bool key_from_jwk(struct str text, struct key **ret_key, struct err *err);
void key_to_jwk(const struct key *key, struct secret *ret_text);

/* Lower-case hex SHA-256 of the DER SubjectPublicKeyInfo: the name of a key everywhere. out: 65 bytes. */
enum { SPKI_HEX_MAX = 65 };
void key_spki(const struct key *key, char out[SPKI_HEX_MAX]);

/* Public JWK (RFC 7517) with members in RFC 7638 order; the caller frees. */
struct json *key_jwk(const struct key *key);
/* base64url SHA-256 thumbprint, RFC 7638; 43 characters. */
void key_thumbprint(const struct key *key, char out[48]);

/* Flattened JWS, RFC 8555 6.2. protected_json is the serialized protected header WITHOUT alg (the members nonce, url and
 * jwk or kid are the caller's; alg is put in here). payload NULL: POST-as-GET (""). Appends to out the JSON body. */
void jws_sign(const struct key *key, const struct json *protected_header, struct str payload,
              struct buf *out);
/* As jws_sign but HMAC (external account binding, RFC 8555 7.3.4): alg HS256, HS384 or HS512. */
void jws_hmac(const char *alg, const struct secret *mac_key, const struct json *protected_header,
              struct str payload, struct buf *out);

/* Digests. */
void sha256(const void *p, size_t len, unsigned char out[32]);
void sha256_hex(const void *p, size_t len, char out[65]);
void random_bytes(void *out, size_t len); /* CHECKs */
uint64_t random_u64(void);
/* Uniform in [0, n), n > 0. */
uint64_t random_below(uint64_t n);
/* RFC 8555 8.1 and 8.4: base64url(SHA-256(token "." thumbprint)); 43 characters. */
void dns01_value(const char *token, const char *thumbprint, char out[48]);

#endif
