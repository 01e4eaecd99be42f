#include "fake/ca_jws.h"

#include <openssl/ec.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>

/* Fetching costs more than a short digest: fetched once, kept until the process ends. */
static const EVP_MD *digest_md(const char *name)
{
    static struct {
        const char *name;
        EVP_MD *md;
    } known[] = {{"SHA256", NULL}, {"SHA384", NULL}, {"SHA512", NULL}};
    for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
        if (strcmp(known[i].name, name) != 0)
            continue;
        if (known[i].md == NULL)
            known[i].md = EVP_MD_fetch(NULL, name, NULL);
        return known[i].md;
    }
    return NULL;
}

size_t fake_crypt_digest(const char *name, struct str bytes, unsigned char out[EVP_MAX_MD_SIZE])
{
    unsigned int len = 0;
    CHECK(EVP_Digest(bytes.p, bytes.len, out, &len, digest_md(name), NULL) == 1);
    return len;
}

void fake_crypt_sha256(struct str bytes, unsigned char out[32])
{
    unsigned char digest[EVP_MAX_MD_SIZE];
    CHECK(fake_crypt_digest("SHA256", bytes, digest) == 32);
    memcpy(out, digest, 32);
}

void fake_crypt_sha256_hex(struct str bytes, char out[65])
{
    static const char digits[] = "0123456789abcdef";
    unsigned char digest[32];
    fake_crypt_sha256(bytes, digest);
    for (size_t i = 0; i < sizeof(digest); i++) {
        out[2 * i] = digits[digest[i] >> 4];
        out[2 * i + 1] = digits[digest[i] & 15];
    }
    out[64] = 0;
}

EVP_PKEY *fake_crypt_key_new(void)
{
    EVP_PKEY *key = EVP_EC_gen("P-256");
    CHECK(key != NULL);
    return key;
}

void fake_crypt_spki(EVP_PKEY *key, struct buf *out)
{
    unsigned char *der = NULL;
    int len = i2d_PUBKEY(key, &der);
    CHECK(len > 0);
    buf_add(out, der, (size_t)len);
    OPENSSL_free(der);
}

void fake_crypt_sign(EVP_PKEY_CTX *ctx, struct str bytes, struct buf *out)
{
    unsigned char digest[32], signature[128];
    size_t len = sizeof(signature);
    fake_crypt_sha256(bytes, digest);
    CHECK(EVP_PKEY_sign(ctx, signature, &len, digest, sizeof(digest)) == 1);
    buf_add(out, signature, len);
}

static bool ec_is_allowed(EVP_PKEY *key)
{
    char group[64];
    size_t len = 0;
    if (EVP_PKEY_get_group_name(key, group, sizeof(group), &len) != 1)
        return false;
    return strcmp(group, "prime256v1") == 0 || strcmp(group, "secp384r1") == 0;
}

bool fake_crypt_key_is_allowed(EVP_PKEY *key)
{
    int bits = EVP_PKEY_get_bits(key);
    if (EVP_PKEY_is_a(key, "RSA"))
        return bits == 2048 || bits == 3072 || bits == 4096;
    return EVP_PKEY_is_a(key, "EC") && ec_is_allowed(key);
}

/* SplitMix64: any seed is good, and a story needs no more than sameness. */
uint64_t fake_rng_next(struct rng *r)
{
    uint64_t z = (r->state += UINT64_C(0x9e3779b97f4a7c15));
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

bool fake_rng_chance(struct rng *r, int64_t percent)
{
    if (percent <= 0)
        return false;
    return (int64_t)(fake_rng_next(r) % 100) < percent;
}

void fake_rng_octets(uint64_t seed, unsigned char *out, size_t n)
{
    struct rng r = {seed};
    uint64_t word = 0;
    for (size_t i = 0; i < n; i++) {
        if (i % 8 == 0)
            word = fake_rng_next(&r);
        out[i] = (unsigned char)(word >> (8 * (i % 8)));
    }
}
