/*
 * Sealing: private keys and stored secrets are AES-256-GCM ciphertext in the database, bound to where they belong.
 *
 * The sealing key (32 random bytes, kept outside the database) is turned into a key-encryption key by HKDF-SHA256. A
 * sealed blob is: version byte 1, key id (8 bytes: first of SHA-256 of the derived key), nonce (12), ciphertext, tag (16). The
 * associated data is "table/row/column", so that a blob moved to another row does not open.
 */
#ifndef CRYPTO_SEAL_H
#define CRYPTO_SEAL_H

#include "crypto/key.h"

struct seal;
/* key: 32 bytes raw, 64 hex digits, or base64 of 32 bytes (as `chancery init` writes). Kind CONFIG when malformed. */
bool seal_open(const struct secret *key_text, struct seal **ret_seal, struct err *err);
void seal_close(struct seal *seal);
/* 16 hex digits that name the key (never the key itself). */
void seal_key_id(const struct seal *seal, char out[17]);
void seal_wrap(const struct seal *seal, struct str plain, struct str place, struct buf *ret_blob);
/* Kinds: STORE ("sealed with key ab12.., but key cd34.. is configured", or tampered). */
bool seal_unwrap(const struct seal *seal, struct str blob, struct str place,
                 struct secret *ret_plain, struct err *err);
/* A fresh key as one base64 line. */
void seal_make_key(struct secret *ret_text);

#endif
