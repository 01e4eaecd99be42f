#include "crypto/inside.h"

#include <openssl/core_names.h>
#include <openssl/rsa.h>
#include <sys/prctl.h>

enum { SECURE_HEAP_LEN = 256 * 1024, SECURE_HEAP_LEAST = 16 };

/* A leak checker reads its own process by ptrace, which a process that may not be dumped refuses.
 */
#if defined(__SANITIZE_ADDRESS__)
#define UNDER_SANITIZER 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define UNDER_SANITIZER 1
#endif
#endif
#ifndef UNDER_SANITIZER
#define UNDER_SANITIZER 0
#endif

bool crypto_init(struct err *err)
{
    if (!UNDER_SANITIZER && prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0)
        return err_set(err, ERR_LOCAL, "core dumps with keys cannot be ruled out");
    if (CRYPTO_secure_malloc_initialized())
        return true;
    switch (CRYPTO_secure_malloc_init(SECURE_HEAP_LEN, SECURE_HEAP_LEAST)) {
    case 1:
        return true;
    case 0:
        return openssl_err(err, ERR_LOCAL,
                           "no secure heap for private keys; they stay in ordinary memory");
    default:
        return openssl_err(
            err, ERR_LOCAL,
            "the secure heap of private keys is not locked in memory (is the limit of "
            "locked memory below 256 KiB?); keys may reach the swap space");
    }
}

void crypto_thread_end(void)
{
    OPENSSL_thread_stop();
}

/* The public numbers, big-endian and of fixed width. */
static void public_read(EVP_PKEY *pkey, const struct key_shape *shape, unsigned char *out)
{
    if (shape->group == NULL) {
        BIGNUM *modulus = NULL;
        CHECK(EVP_PKEY_get_bn_param(pkey, OSSL_PKEY_PARAM_RSA_N, &modulus) == 1);
        CHECK(BN_bn2binpad(modulus, out, (int)shape->public_len) == (int)shape->public_len);
        BN_free(modulus);
        return;
    }
    unsigned char point[1 + 2 * 48];
    size_t len = 0;
    CHECK(EVP_PKEY_get_octet_string_param(pkey, OSSL_PKEY_PARAM_PUB_KEY, point, sizeof point,
                                          &len) == 1);
    CHECK(len == 1 + shape->public_len && point[0] == POINT_CONVERSION_UNCOMPRESSED);
    memcpy(out, point + 1, shape->public_len);
}

struct key *key_take(enum key_kind kind, EVP_PKEY *pkey)
{
    const struct key_shape *shape = key_shape(kind);
    struct str head = shape->spki_head, tail = shape->spki_tail;
    size_t spki_len = head.len + shape->public_len + tail.len;
    struct key *key = mem_new(1, sizeof *key + spki_len);
    key->kind = kind;
    key->pkey = pkey;
    key->signer = NEW(struct ctx_slot);
    key->spki_len = spki_len;
    memcpy(key->spki, head.p, head.len);
    public_read(pkey, shape, key->spki + head.len);
    if (tail.len > 0)
        memcpy(key->spki + head.len + shape->public_len, tail.p, tail.len);
    sha256_hex(key->spki, spki_len, key->spki_hex);
    thumbprint_make(key);
    return key;
}

static EVP_PKEY_CTX *generator_new(enum key_kind kind)
{
    const struct key_shape *shape = key_shape(kind);
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, shape->group != NULL ? "EC" : "RSA", NULL);
    CHECK(ctx != NULL && EVP_PKEY_keygen_init(ctx) == 1);
    if (shape->group != NULL)
        CHECK(EVP_PKEY_CTX_set_group_name(ctx, shape->group) == 1);
    else
        CHECK(EVP_PKEY_CTX_set_rsa_keygen_bits(ctx, (int)shape->number_len * 8) == 1);
    return ctx;
}

struct key *key_new(enum key_kind kind)
{
    static struct ctx_slot generators[KEY_KIND_N];
    CHECK(kind < KEY_KIND_N);
    EVP_PKEY_CTX *ctx = ctx_slot_take(&generators[kind]);
    if (ctx == NULL)
        ctx = generator_new(kind);
    EVP_PKEY *pkey = NULL;
    CHECK(EVP_PKEY_generate(ctx, &pkey) == 1);
    ctx_slot_give(&generators[kind], ctx);
    return key_take(kind, pkey);
}

void key_free(struct key *key)
{
    if (key == NULL)
        return;
    EVP_PKEY_CTX_free(ctx_slot_take(key->signer));
    mem_free(key->signer);
    EVP_PKEY_free(key->pkey);
    mem_free(key);
}

void key_fini(struct key **key)
{
    key_free(*key);
    *key = NULL;
}

enum key_kind key_kind(const struct key *key)
{
    return key->kind;
}

void key_spki(const struct key *key, char out[SPKI_HEX_MAX])
{
    memcpy(out, key->spki_hex, SPKI_HEX_MAX);
}

struct str key_public(const struct key *key)
{
    const struct key_shape *shape = key_shape(key->kind);
    return str_mem(key->spki + shape->spki_head.len, shape->public_len);
}

static const EVP_MD *key_digest(const struct key *key)
{
    const struct algorithms *a = algorithms_get();
    return key->kind == KEY_ECDSA_P384 ? a->sha384 : a->sha256;
}

static EVP_PKEY_CTX *signer_new(const struct key *key)
{
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_pkey(NULL, key->pkey, NULL);
    CHECK(ctx != NULL && EVP_PKEY_sign_init(ctx) == 1);
    CHECK(EVP_PKEY_CTX_set_signature_md(ctx, key_digest(key)) == 1);
    return ctx;
}

size_t key_sign(const struct key *key, struct str message,
                unsigned char ret_signature[KEY_SIGNATURE_MAX])
{
    unsigned char hash[EVP_MAX_MD_SIZE];
    unsigned hash_len = 0;
    CHECK(EVP_Digest(message.p, message.len, hash, &hash_len, key_digest(key), NULL) == 1);
    EVP_PKEY_CTX *ctx = ctx_slot_take(key->signer);
    if (ctx == NULL)
        ctx = signer_new(key);
    size_t len = KEY_SIGNATURE_MAX;
    CHECK(EVP_PKEY_sign(ctx, ret_signature, &len, hash, hash_len) == 1);
    ctx_slot_give(key->signer, ctx);
    return len;
}
