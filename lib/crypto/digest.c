#include "crypto/inside.h"

#include <openssl/rand.h>

void sha256(const void *p, size_t len, unsigned char out[32])
{
    CHECK(EVP_Digest(p, len, out, NULL, algorithms_get()->sha256, NULL) == 1);
}

void sha256_hex(const void *p, size_t len, char out[65])
{
    static const char digits[] = "0123456789abcdef";
    unsigned char hash[32];
    sha256(p, len, hash);
    for (size_t i = 0; i < sizeof hash; i++) {
        out[2 * i] = digits[hash[i] >> 4];
        out[2 * i + 1] = digits[hash[i] & 15];
    }
    out[64] = '\0';
}

void random_bytes(void *out, size_t len)
{
    unsigned char *p = out;
    while (len > 0) {
        size_t part = len < 65536 ? len : 65536; /* RAND_bytes counts in int */
        CHECK(RAND_bytes(p, (int)part) == 1);
        p += part;
        len -= part;
    }
}

uint64_t random_u64(void)
{
    uint64_t value;
    random_bytes(&value, sizeof value);
    return value;
}

uint64_t random_below(uint64_t n)
{
    CHECK(n > 0);
    /* 2^64 mod n values at the low end would make small results more likely. */
    uint64_t uneven = (0 - n) % n;
    uint64_t value;
    do {
        value = random_u64();
    } while (value < uneven);
    return value % n;
}

void dns01_value(const char *token, const char *thumbprint, char out[48])
{
    AUTO(buf_fini)
    struct buf text = BUF(16384);
    buf_printf(&text, "%s.%s", token, thumbprint);
    CHECK(!text.overflow);
    unsigned char hash[32];
    sha256(text.p, text.len, hash);
    buf_clear(&text);
    base64url_encode(&text, hash, sizeof hash);
    CHECK(text.len == 43);
    memcpy(out, text.p, 44);
}
