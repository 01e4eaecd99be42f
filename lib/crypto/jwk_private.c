#include "crypto/inside.h"

#include <openssl/core_names.h>

enum { JWK_MAX = 16 * 1024, DER_MAX = 8 * 1024 };

/* The members of a private RSA key (RFC 7518 6.3) in the order of PKCS#1 (RFC 8017 A.1.2), with OpenSSL's names. */
static const struct {
    const char *member, *param;
} rsa_numbers[] = {
    {"n", OSSL_PKEY_PARAM_RSA_N},          {"e", OSSL_PKEY_PARAM_RSA_E},
    {"d", OSSL_PKEY_PARAM_RSA_D},          {"p", OSSL_PKEY_PARAM_RSA_FACTOR1},
    {"q", OSSL_PKEY_PARAM_RSA_FACTOR2},    {"dp", OSSL_PKEY_PARAM_RSA_EXPONENT1},
    {"dq", OSSL_PKEY_PARAM_RSA_EXPONENT2}, {"qi", OSSL_PKEY_PARAM_RSA_COEFFICIENT1},
};
enum { RSA_NUMBERS_N = sizeof rsa_numbers / sizeof rsa_numbers[0] };

/* ---- reading ---- */

static bool member_read(const struct json *jwk, const char *member, struct buf *out,
                        struct err *err)
{
    const char *text = json_text(jwk, member);
    if (text == NULL)
        return err_set(err, ERR_BROKEN, "JWK: \"%s\" is missing: a private key is needed", member);
    if (!base64_decode_any(out, str_of(text)) || out->len == 0)
        return err_set(err, ERR_BROKEN, "JWK: \"%s\" is not base64url", member);
    return true;
}

/* Some programs drop the zero octets in front, which RFC 7518 6.2 asks for. */
static bool number_add(const struct json *jwk, const char *member, size_t len, struct buf *der,
                       struct err *err)
{
    AUTO(buf_fini)
    struct buf bytes = BUF(DER_MAX);
    if (!member_read(jwk, member, &bytes, err))
        return false;
    if (bytes.len > len)
        return err_set(err, ERR_BROKEN, "JWK: \"%s\" is too long for its curve", member);
    for (size_t i = bytes.len; i < len; i++)
        buf_add_char(der, '\0');
    buf_add_str(der, buf_str(&bytes));
    return true;
}

static bool curve_find(const char *crv, enum key_kind *ret_kind, struct err *err)
{
    for (enum key_kind kind = KEY_ECDSA_P256; kind <= KEY_ECDSA_P384; kind++)
        if (crv != NULL && strcmp(crv, key_shape(kind)->crv) == 0) {
            *ret_kind = kind;
            return true;
        }
    return err_set(err, ERR_REFUSED, "JWK: its curve is %.20s: CAs accept P-256 and P-384",
                   crv != NULL ? crv : "not named");
}

static bool ec_der(const struct json *jwk, struct buf *der, struct err *err)
{
    enum key_kind kind = KEY_KIND_N;
    if (!curve_find(json_text(jwk, "crv"), &kind, err))
        return false;
    const struct key_shape *shape = key_shape(kind);
    buf_add_str(der, shape->pkcs8_head);
    if (!number_add(jwk, "d", shape->number_len, der, err))
        return false;
    buf_add_str(der, shape->pkcs8_mid);
    return number_add(jwk, "x", shape->number_len, der, err) &&
           number_add(jwk, "y", shape->number_len, der, err);
}

/* INTEGER: as short as can be, and not negative. */
static void integer_add(struct buf *der, struct str bytes)
{
    size_t from = der->len;
    while (bytes.len > 1 && bytes.p[0] == '\0')
        bytes = str_mem(bytes.p + 1, bytes.len - 1);
    if (((unsigned char)bytes.p[0] & 0x80) != 0)
        buf_add_char(der, '\0');
    buf_add_str(der, bytes);
    der_wrap(der, from, 0x02);
}

static bool rsa_der(const struct json *jwk, struct buf *der, struct err *err)
{
    integer_add(der, str_mem("\0", 1));
    for (size_t i = 0; i < RSA_NUMBERS_N; i++) {
        AUTO(buf_fini)
        struct buf bytes = BUF(DER_MAX);
        if (!member_read(jwk, rsa_numbers[i].member, &bytes, err))
            return false;
        integer_add(der, buf_str(&bytes));
    }
    der_wrap(der, 0, 0x30);
    return true;
}

static bool jwk_der(const struct json *jwk, struct buf *der, struct err *err)
{
    const char *kty = json_text(jwk, "kty");
    if (kty != NULL && strcmp(kty, "EC") == 0)
        return ec_der(jwk, der, err);
    if (kty != NULL && strcmp(kty, "RSA") == 0)
        return rsa_der(jwk, der, err);
    return err_set(err, ERR_REFUSED, "JWK: of kind %.20s: only EC and RSA keys are accepted",
                   kty != NULL ? kty : "(none)");
}

bool key_from_jwk(struct str text, struct key **ret_key, struct err *err)
{
    AUTO(json_fini)
    struct json *jwk = NULL;
    AUTO(buf_fini)
    struct buf der = BUF(DER_MAX);
    struct key *key = NULL;
    if (!json_parse(text, JWK_MAX, &jwk, err) || !json_is(jwk, JSON_OBJECT))
        return err_set(err, ERR_BROKEN, "private key: no JWK can be read");
    if (!jwk_der(jwk, &der, err) || !key_from_der(buf_str(&der), &key, err))
        return false;
    if (!key_pair_check(key->pkey, err)) {
        key_free(key);
        return false;
    }
    *ret_key = key;
    return true;
}

/* ---- writing ---- */

static void member_write(struct buf *text, const char *member, const void *p, size_t len)
{
    buf_printf(text, ",\"%s\":\"", member);
    base64url_encode(text, p, len);
    buf_add_char(text, '"');
}

/* The PKCS#8 of our curves is a frame around the numbers: the private one stands behind its head. */
static void ec_write(const struct key *key, struct buf *text)
{
    const struct key_shape *shape = key_shape(key->kind);
    struct str public = key_public(key);
    size_t half = public.len / 2;
    AUTO(secret_fini)
    struct secret der = {0};
    key_to_der(key, &der);
    buf_printf(text, "{\"kty\":\"EC\",\"crv\":\"%s\"", shape->crv);
    member_write(text, "x", public.p, half);
    member_write(text, "y", public.p + half, half);
    member_write(text, "d", der.p + shape->pkcs8_head.len, shape->number_len);
}

static void rsa_write(const struct key *key, struct buf *text)
{
    buf_add_cstr(text, "{\"kty\":\"RSA\"");
    for (size_t i = 0; i < RSA_NUMBERS_N; i++) {
        unsigned char bytes[1024];
        BIGNUM *number = NULL;
        CHECK(EVP_PKEY_get_bn_param(key->pkey, rsa_numbers[i].param, &number) == 1);
        CHECK(BN_num_bytes(number) <= (int)sizeof bytes);
        int len = BN_bn2bin(number, bytes);
        BN_clear_free(number);
        member_write(text, rsa_numbers[i].member, bytes, (size_t)len);
        mem_cleanse(bytes, sizeof bytes);
    }
}

/* Nothing in it needs escaping, and a tree would leave the key in memory that is not cleansed. */
void key_to_jwk(const struct key *key, struct secret *ret_text)
{
    AUTO(buf_fini)
    struct buf text = BUF(JWK_MAX);
    if (key_shape(key->kind)->crv != NULL)
        ec_write(key, &text);
    else
        rsa_write(key, &text);
    buf_add_cstr(&text, "}\n");
    CHECK(!text.overflow);
    secret_take_buf(ret_text, &text);
}
