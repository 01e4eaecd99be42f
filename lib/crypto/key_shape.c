#include "crypto/inside.h"

#define BYTES(...)                                                                                 \
    {                                                                                              \
        .p = (const char *)(const unsigned char[]){__VA_ARGS__},                                   \
        .len = sizeof((const unsigned char[]){__VA_ARGS__})                                        \
    }

/* Object identifiers: RFC 5480 2.1.1, RFC 8017 A, RFC 5758 3.2 */
#define OID_EC         0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01
#define OID_P256       0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07
#define OID_P384       0x06, 0x05, 0x2b, 0x81, 0x04, 0x00, 0x22
#define OID_PKCS1      0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01
#define OID_ECDSA_SHA2 0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03

#define RSA_ALGORITHM(last) 0x30, 0x0d, OID_PKCS1, last, 0x05, 0x00
#define RSA_TAIL            0x02, 0x03, 0x01, 0x00, 0x01
#define RSA_SHAPE(bits, outer, bit_string, sequence, integer)                                      \
    {                                                                                              \
        .number_len = (bits) / 8, .public_len = (bits) / 8,                                        \
        .spki_head = BYTES(0x30, 0x82, (outer) >> 8, (outer)&255, RSA_ALGORITHM(0x01), 0x03, 0x82, \
                           (bit_string) >> 8, (bit_string)&255, 0x00, 0x30, 0x82, (sequence) >> 8, \
                           (sequence)&255, 0x02, 0x82, (integer) >> 8, (integer)&255, 0x00),       \
        .spki_tail = BYTES(RSA_TAIL), .signature_algo = BYTES(RSA_ALGORITHM(0x0b)),                \
    }

static const struct key_shape shapes[] = {
    [KEY_ECDSA_P256] = {.group = "prime256v1",
                        .crv = "P-256",
                        .number_len = 32,
                        .public_len = 64,
                        .spki_head =
                            BYTES(0x30, 0x59, 0x30, 0x13, OID_EC, OID_P256, 0x03, 0x42, 0x00, 0x04),
                        .pkcs8_head =
                            BYTES(0x30, 0x81, 0x87, 0x02, 0x01, 0x00, 0x30, 0x13, OID_EC, OID_P256,
                                  0x04, 0x6d, 0x30, 0x6b, 0x02, 0x01, 0x01, 0x04, 0x20),
                        .pkcs8_mid = BYTES(0xa1, 0x44, 0x03, 0x42, 0x00, 0x04),
                        .signature_algo = BYTES(0x30, 0x0a, OID_ECDSA_SHA2, 0x02)},
    [KEY_ECDSA_P384] = {.group = "secp384r1",
                        .crv = "P-384",
                        .number_len = 48,
                        .public_len = 96,
                        .spki_head =
                            BYTES(0x30, 0x76, 0x30, 0x10, OID_EC, OID_P384, 0x03, 0x62, 0x00, 0x04),
                        .pkcs8_head =
                            BYTES(0x30, 0x81, 0xb6, 0x02, 0x01, 0x00, 0x30, 0x10, OID_EC, OID_P384,
                                  0x04, 0x81, 0x9e, 0x30, 0x81, 0x9b, 0x02, 0x01, 0x01, 0x04, 0x30),
                        .pkcs8_mid = BYTES(0xa1, 0x64, 0x03, 0x62, 0x00, 0x04),
                        .signature_algo = BYTES(0x30, 0x0a, OID_ECDSA_SHA2, 0x03)},
    [KEY_RSA_2048] = RSA_SHAPE(2048, 0x122, 0x10f, 0x10a, 0x101),
    [KEY_RSA_3072] = RSA_SHAPE(3072, 0x1a2, 0x18f, 0x18a, 0x181),
    [KEY_RSA_4096] = RSA_SHAPE(4096, 0x222, 0x20f, 0x20a, 0x201),
};
_Static_assert(sizeof shapes / sizeof *shapes == KEY_KIND_N, "one shape a kind");

static const struct {
    const char *name, *jws_alg;
} kinds[] = {
#define X(kind, name, alg) [KEY_##kind] = {name, alg},
    KEY_KINDS(X)
#undef X
};

const struct key_shape *key_shape(enum key_kind kind)
{
    CHECK(kind < KEY_KIND_N);
    return &shapes[kind];
}

const char *key_kind_name(enum key_kind kind)
{
    CHECK(kind < KEY_KIND_N);
    return kinds[kind].name;
}

const char *key_kind_jws_alg(enum key_kind kind)
{
    CHECK(kind < KEY_KIND_N);
    return kinds[kind].jws_alg;
}

const char *key_kind_family(enum key_kind kind)
{
    return shapes[kind].group != NULL ? "ecdsa" : "rsa";
}

bool key_kind_find(const char *name, enum key_kind *ret_kind)
{
    for (enum key_kind kind = 0; kind < KEY_KIND_N; kind++) {
        if (name != NULL && strcmp(name, kinds[kind].name) == 0) {
            *ret_kind = kind;
            return true;
        }
    }
    return false;
}

bool key_kind_is_slow(enum key_kind kind)
{
    return key_shape(kind)->group == NULL;
}
