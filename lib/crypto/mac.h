/*
 * Digests and signatures that the APIs of others ask for: old ones too, where a provider knows nothing newer.
 *
 * Nothing of ours is protected by MD5 or SHA-1; they stand here because some DNS APIs sign requests with them.
 */
#ifndef CRYPTO_MAC_H
#define CRYPTO_MAC_H

#include "base/buf.h"

/* kind, name, length in bytes */
#define DIGESTS(X)                                                                                 \
    X(MD5, "md5", 16)                                                                              \
    X(SHA1, "sha1", 20)                                                                            \
    X(SHA256, "sha256", 32)                                                                        \
    X(SHA384, "sha384", 48)                                                                        \
    X(SHA512, "sha512", 64)
enum digest {
#define X(kind, name, len) DIGEST_##kind,
    DIGESTS(X)
#undef X
        DIGEST_N
};
enum { DIGEST_LEN_MAX = 64 };
/* Both append the bytes, not hex. */
void digest_add(struct buf *out, enum digest digest, struct str data);
void hmac_add(struct buf *out, enum digest digest, struct str key, struct str data);

/* RSA signature over data with the private key in the PEM (PKCS#1 1.5, or PSS with a salt as long as the digest). Kinds: CONFIG (no RSA
 * key in it). */
bool rsa_sign_add(struct buf *out, enum digest digest, bool is_pss, struct str pem, struct str data,
                  struct err *err);

#endif
