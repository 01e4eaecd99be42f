/*
 * What the files of lib/crypto share and nobody outside may include: here OpenSSL's types show.
 *
 * Three habits of this floor live here. Algorithms are fetched once a process, because each
 * implicit fetch of OpenSSL 3.0 takes locks and microseconds. What OpenSSL 3.0 encodes slowly and
 * RFCs fix for good (the SubjectPublicKeyInfo and PKCS#8 of our five kinds, a CSR) we encode
 * ourselves. And whoever made OpenSSL fail empties its error queue, so that no other user of the
 * same thread trips over it.
 */
#ifndef CRYPTO_INSIDE_H
#define CRYPTO_INSIDE_H

#include "crypto/cert.h"

#include <openssl/evp.h>
#include <openssl/kdf.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>
#include <stdatomic.h>

/* Process-wide, never released; the first call fetches. Any thread. */
struct algorithms {
    EVP_MD *sha256, *sha384, *sha512;
    EVP_CIPHER *aes_256_gcm;
    EVP_KDF *hkdf;
};
const struct algorithms *algorithms_get(void);

/* err_set with OpenSSL's reason behind the text; empties OpenSSL's error queue. Returns false. */
bool openssl_err(struct err *err, enum err_kind kind, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

/* A context that is costly to make, kept between uses. Whoever finds the slot empty (another thread
 * is using what was in it) makes his own; the slot keeps one. */
struct ctx_slot {
    _Atomic(EVP_PKEY_CTX *) idle;
};
EVP_PKEY_CTX *ctx_slot_take(struct ctx_slot *slot); /* NULL when empty */
void ctx_slot_give(struct ctx_slot *slot, EVP_PKEY_CTX *ctx);

/* What never changes about a kind. Byte strings are DER around the numbers; lengths in bytes. */
struct key_shape {
    const char *group;         /* OpenSSL's name of the curve, NULL for RSA */
    const char *crv;           /* RFC 7518 6.2.1.1, NULL for RSA */
    size_t number_len;         /* coordinate and private number, or modulus */
    size_t public_len;         /* x and y, or the modulus */
    struct str spki_head;      /* before the public numbers */
    struct str spki_tail;      /* after them: the exponent 65537 of RSA */
    struct str pkcs8_head;     /* before the private number; none for RSA */
    struct str pkcs8_mid;      /* between the private number and the public ones */
    struct str signature_algo; /* AlgorithmIdentifier of what key_sign makes */
};
const struct key_shape *key_shape(enum key_kind kind);

struct key {
    enum key_kind kind;
    EVP_PKEY *pkey;
    struct ctx_slot *signer; /* apart, so that signing with a const key may fill it */
    char spki_hex[SPKI_HEX_MAX];
    char thumbprint[48];
    size_t spki_len;
    unsigned char spki[]; /* DER SubjectPublicKeyInfo */
};
/* Fills in key->thumbprint. */
void thumbprint_make(struct key *key);
/* Becomes owner of pkey, which must be of that kind. */
struct key *key_take(enum key_kind kind, EVP_PKEY *pkey);
/* BROKEN when the two halves do not belong together. */
bool key_pair_check(EVP_PKEY *pkey, struct err *err);
/* x and y (public_len / 2 each) or the modulus, big-endian; borrowed. */
struct str key_public(const struct key *key);

enum { KEY_SIGNATURE_MAX = 512 };
/* ECDSA (DER) or RSA PKCS#1 1.5 over SHA-256, with P-384 over SHA-384. */
size_t key_sign(const struct key *key, struct str message,
                unsigned char ret_signature[KEY_SIGNATURE_MAX]);

/* Puts tag and length before what was written since b->len was `from`. */
void der_wrap(struct buf *b, size_t from, unsigned char tag);
/* A whole value. */
void der_add(struct buf *b, unsigned char tag, struct str content);

/* One certificate of a chain, shared with the cache of issuers by reference count. */
struct chain_link {
    X509 *x509;
    int64_t not_before_at_ms, not_after_at_ms;
    bool is_ca, is_self_signed;
};
struct chain {
    size_t n;
    struct chain_link links[CHAIN_LEN_MAX];
};

/* Octets of an IP address: 4, 16, or 0 when text is none. */
size_t address_parse(const char *text, unsigned char out[16]);
enum { ADDRESS_TEXT_MAX = 64 };
/* One spelling for each address; octets of another length come as "address:" and hex. */
void address_format(struct str octets, char out[ADDRESS_TEXT_MAX]);
/* A name as it is compared: lower case, addresses in one spelling. The caller frees. */
char *name_normalize(const char *name);

/* Subject alternative names in the order of the certificate: dNSName in lower case, iPAddress as
 * text; other kinds are only counted. A dNSName that looks like an address, which it must not, gets
 * "dns:" in front. */
struct cert_names {
    char **p;
    size_t n, n_others;
};
void cert_names_read(const X509 *x509, struct cert_names *ret_names);
/* The same of names that stand elsewhere; takes all, which may be NULL. */
void general_names_take(GENERAL_NAMES *all, struct cert_names *ret_names);
void cert_names_fini(struct cert_names *names);

/* The first common name of a name, escaped; NULL when it has none. The caller frees. */
char *common_name(const X509_NAME *name);
/* One line, RFC 2253. BROKEN when the name holds text that contradicts its own type. */
bool name_line(const X509_NAME *name, char **ret_line, struct err *err);

/* Which of our kinds a stranger's key is of. REFUSED when it is none. */
bool pkey_kind(EVP_PKEY *pkey, enum key_kind *ret_kind, struct err *err);

/* Name of the certificate's public key, as key_spki. */
void cert_spki(const X509 *x509, char out[SPKI_HEX_MAX]);

/* PEM of any DER (RFC 7468), lines of 64. */
void pem_add(struct buf *out, const char *label, struct str der);

#endif
