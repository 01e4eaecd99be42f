#include "fake/ca_jws.h"

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/ecdsa.h>
#include <openssl/err.h>
#include <openssl/hmac.h>
#include <openssl/param_build.h>
#include <openssl/rsa.h>

struct jws_alg {
    const char *name, *kty, *crv, *group, *digest;
    size_t coordinate_len; /* 0: RSA */
};
static const struct jws_alg algs[] = {
    {"ES256", "EC", "P-256", "prime256v1", "SHA256", 32},
    {"ES384", "EC", "P-384", "secp384r1", "SHA384", 48},
    {"RS256", "RSA", NULL, NULL, "SHA256", 0},
};
enum { ALGS_N = sizeof(algs) / sizeof(algs[0]) };

struct json *fake_jws_algs_json(void)
{
    struct json *list = json_array();
    for (size_t i = 0; i < ALGS_N; i++)
        json_push_text(list, algs[i].name);
    return list;
}

static const struct jws_alg *alg_of_key(const char *kty, const char *crv)
{
    for (size_t i = 0; i < ALGS_N; i++) {
        if (strcmp(algs[i].kty, kty) == 0 &&
            (algs[i].crv == NULL || (crv != NULL && strcmp(algs[i].crv, crv) == 0)))
            return &algs[i];
    }
    return NULL;
}

bool fake_jws_alg_is_known(const struct jws *jws)
{
    const char *name = json_text(jws->header, "alg");
    for (size_t i = 0; name != NULL && i < ALGS_N; i++) {
        if (strcmp(algs[i].name, name) == 0)
            return true;
    }
    return false;
}

/* The decoded member, or false with the error. exact 0: any length but none. */
static bool octets_of(const struct json *tree, const char *member, size_t exact, struct buf *out,
                      struct err *err)
{
    const char *text = json_text(tree, member);
    if (text == NULL || !base64url_decode(out, str_of(text)) || out->len == 0)
        return err_set(err, ERR_BROKEN, "jwk member %s: absent or no base64url", member);
    if (exact != 0 && out->len != exact)
        return err_set(err, ERR_BROKEN, "jwk member %s: %zu octets, must be %zu", member, out->len,
                       exact);
    return true;
}

static EVP_PKEY *key_from(const char *type, OSSL_PARAM_BLD *build)
{
    EVP_PKEY *key = NULL;
    OSSL_PARAM *params = OSSL_PARAM_BLD_to_param(build);
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, type, NULL);
    CHECK(params != NULL && ctx != NULL && EVP_PKEY_fromdata_init(ctx) == 1);
    if (EVP_PKEY_fromdata(ctx, &key, EVP_PKEY_PUBLIC_KEY, params) != 1)
        key = NULL;
    ERR_clear_error();
    EVP_PKEY_CTX_free(ctx);
    OSSL_PARAM_free(params);
    OSSL_PARAM_BLD_free(build);
    return key;
}

static bool ec_read(const struct json *tree, const struct jws_alg *alg, EVP_PKEY **ret_key,
                    struct err *err)
{
    AUTO(buf_fini)
    struct buf x = BUF(256), y = BUF(256), point = BUF(512);
    bool good = octets_of(tree, "x", alg->coordinate_len, &x, err) &&
                octets_of(tree, "y", alg->coordinate_len, &y, err);
    if (good) {
        buf_add_char(&point, 4);
        buf_add_str(&point, buf_str(&x));
        buf_add_str(&point, buf_str(&y));
        OSSL_PARAM_BLD *build = OSSL_PARAM_BLD_new();
        OSSL_PARAM_BLD_push_utf8_string(build, OSSL_PKEY_PARAM_GROUP_NAME, alg->group, 0);
        OSSL_PARAM_BLD_push_octet_string(build, OSSL_PKEY_PARAM_PUB_KEY, point.p, point.len);
        *ret_key = key_from("EC", build);
        if (*ret_key == NULL)
            good = err_set(err, ERR_REFUSED, "jwk: the point is not on %s", alg->crv);
    }
    return good;
}

static bool rsa_read(const struct json *tree, EVP_PKEY **ret_key, struct err *err)
{
    AUTO(buf_fini)
    struct buf n = BUF(2048), e = BUF(64);
    if (!octets_of(tree, "n", 0, &n, err) || !octets_of(tree, "e", 0, &e, err))
        return false;
    BIGNUM *bn_n = BN_bin2bn((const unsigned char *)n.p, (int)n.len, NULL);
    BIGNUM *bn_e = BN_bin2bn((const unsigned char *)e.p, (int)e.len, NULL);
    OSSL_PARAM_BLD *build = OSSL_PARAM_BLD_new();
    OSSL_PARAM_BLD_push_BN(build, OSSL_PKEY_PARAM_RSA_N, bn_n);
    OSSL_PARAM_BLD_push_BN(build, OSSL_PKEY_PARAM_RSA_E, bn_e);
    *ret_key = key_from("RSA", build);
    BN_free(bn_n);
    BN_free(bn_e);
    if (*ret_key == NULL)
        return err_set(err, ERR_REFUSED, "jwk: no RSA key");
    return true;
}

static void thumbprint(const struct json *tree, const struct jws_alg *alg, char out[44])
{
    AUTO(buf_fini)
    struct buf text = BUF(8192), print = BUF(64);
    unsigned char digest[32];
    if (alg->coordinate_len != 0)
        buf_printf(&text, "{\"crv\":\"%s\",\"kty\":\"EC\",\"x\":\"%s\",\"y\":\"%s\"}", alg->crv,
                   json_text(tree, "x"), json_text(tree, "y"));
    else
        buf_printf(&text, "{\"e\":\"%s\",\"kty\":\"RSA\",\"n\":\"%s\"}", json_text(tree, "e"),
                   json_text(tree, "n"));
    fake_crypt_sha256(buf_str(&text), digest);
    base64url_encode(&print, digest, sizeof(digest));
    memcpy(out, print.p, 44);
}

static EVP_PKEY_CTX *verifier(EVP_PKEY *key, const struct jws_alg *alg)
{
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_pkey(NULL, key, NULL);
    CHECK(ctx != NULL && EVP_PKEY_verify_init(ctx) == 1);
    if (alg->coordinate_len == 0) {
        CHECK(EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_PKCS1_PADDING) == 1);
        CHECK(EVP_PKEY_CTX_set_signature_md(ctx, EVP_sha256()) == 1);
    }
    return ctx;
}

bool fake_jwk_read(const struct json *tree, struct jwk *ret_jwk, struct err *err)
{
    const char *kty = json_text(tree, "kty");
    if (kty == NULL)
        return err_set(err, ERR_BROKEN, "jwk: no kty");
    if (json_find(tree, "d") != NULL)
        return err_set(err, ERR_BROKEN, "jwk: holds the private key");
    const struct jws_alg *alg = alg_of_key(kty, json_text(tree, "crv"));
    if (alg == NULL)
        return err_set(err, ERR_REFUSED, "jwk: this kind of key is not taken");
    struct jwk jwk = {.alg = alg};
    if (!(alg->coordinate_len != 0 ? ec_read(tree, alg, &jwk.key, err)
                                   : rsa_read(tree, &jwk.key, err)))
        return false;
    if (!fake_crypt_key_is_allowed(jwk.key)) {
        EVP_PKEY_free(jwk.key);
        return err_set(err, ERR_REFUSED, "jwk: RSA keys have 2048, 3072 or 4096 bits");
    }
    AUTO(buf_fini)
    struct buf spki = BUF(4096);
    fake_crypt_spki(jwk.key, &spki);
    fake_crypt_sha256_hex(buf_str(&spki), jwk.spki_sha256);
    thumbprint(tree, alg, jwk.thumbprint);
    jwk.verify = verifier(jwk.key, alg);
    *ret_jwk = jwk;
    return true;
}

void fake_jwk_fini(struct jwk *jwk)
{
    EVP_PKEY_CTX_free(jwk->verify);
    EVP_PKEY_free(jwk->key);
    *jwk = (struct jwk){0};
}

void fake_jwk_move(struct jwk *to, struct jwk *from)
{
    fake_jwk_fini(to);
    *to = *from;
    *from = (struct jwk){0};
}

static bool member_decode(const struct json *body, const char *member, struct buf *out,
                          struct err *err)
{
    const char *text = json_text(body, member);
    if (text == NULL)
        return err_set(err, ERR_BROKEN, "JWS: no %s", member);
    if (!base64url_decode(out, str_of(text)))
        return err_set(err, ERR_BROKEN, "JWS: %s is no base64url without padding", member);
    return true;
}

static bool header_read(struct jws *jws, struct buf *text, struct err *err)
{
    if (!json_parse(buf_str(text), JSON_SIZE_MAX, &jws->header, err))
        return err_wrap(err, "JWS protected header");
    const struct json *jwk = json_find(jws->header, "jwk");
    if (!json_is(jws->header, JSON_OBJECT) || json_text(jws->header, "alg") == NULL)
        return err_set(err, ERR_BROKEN, "JWS protected header: no alg");
    if (json_text(jws->header, "url") == NULL)
        return err_set(err, ERR_BROKEN, "JWS protected header: no url");
    if ((jwk != NULL) == (json_find(jws->header, "kid") != NULL))
        return err_set(err, ERR_BROKEN, "JWS protected header: exactly one of jwk and kid");
    return true;
}

bool fake_jws_read(const struct json *body, struct jws *ret_jws, struct err *err)
{
    if (!json_is(body, JSON_OBJECT))
        return err_set(err, ERR_BROKEN, "JWS: no object");
    if (json_find(body, "header") != NULL || json_find(body, "signatures") != NULL)
        return err_set(err, ERR_BROKEN, "JWS: no unprotected header and no second signature");
    struct jws jws = {
        .input = BUF(JSON_SIZE_MAX), .payload = BUF(JSON_SIZE_MAX), .signature = BUF(2048)};
    AUTO(buf_fini)
    struct buf header = BUF(JSON_SIZE_MAX);
    if (!member_decode(body, "protected", &header, err) ||
        !member_decode(body, "payload", &jws.payload, err) ||
        !member_decode(body, "signature", &jws.signature, err) ||
        !header_read(&jws, &header, err)) {
        fake_jws_fini(&jws);
        return false;
    }
    buf_printf(&jws.input, "%s.%s", json_text(body, "protected"), json_text(body, "payload"));
    *ret_jws = jws;
    return true;
}

void fake_jws_fini(struct jws *jws)
{
    json_free(jws->header);
    buf_fini(&jws->input);
    buf_fini(&jws->payload);
    buf_fini(&jws->signature);
    *jws = (struct jws){0};
}

/* r||s to the DER that OpenSSL wants. */
static size_t ecdsa_der(struct str raw, unsigned char *out, size_t max)
{
    const unsigned char *p = (const unsigned char *)raw.p;
    int half = (int)(raw.len / 2);
    ECDSA_SIG *sig = ECDSA_SIG_new();
    CHECK(sig != NULL);
    ECDSA_SIG_set0(sig, BN_bin2bn(p, half, NULL), BN_bin2bn(p + half, half, NULL));
    unsigned char *at = out;
    int len = i2d_ECDSA_SIG(sig, NULL);
    CHECK(len > 0 && (size_t)len <= max);
    i2d_ECDSA_SIG(sig, &at);
    ECDSA_SIG_free(sig);
    return (size_t)len;
}

bool fake_jws_is_signed_by(const struct jws *jws, const struct jwk *jwk)
{
    unsigned char digest[EVP_MAX_MD_SIZE], der[256];
    const char *name = json_text(jws->header, "alg");
    struct str signature = buf_str(&jws->signature);
    if (name == NULL || strcmp(name, jwk->alg->name) != 0)
        return false;
    if (jwk->alg->coordinate_len != 0) {
        if (signature.len != 2 * jwk->alg->coordinate_len)
            return false;
        signature = str_mem(der, ecdsa_der(signature, der, sizeof(der)));
    }
    size_t len = fake_crypt_digest(jwk->alg->digest, buf_str(&jws->input), digest);
    int verdict = EVP_PKEY_verify(jwk->verify, (const unsigned char *)signature.p, signature.len,
                                  digest, len);
    if (verdict != 1)
        ERR_clear_error();
    return verdict == 1;
}

bool fake_jws_is_mac_by(const struct jws *jws, struct str mac_key)
{
    static const char *const names[][2] = {
        {"HS256", "SHA256"}, {"HS384", "SHA384"}, {"HS512", "SHA512"}};
    const char *name = json_text(jws->header, "alg");
    for (size_t i = 0; name != NULL && i < sizeof(names) / sizeof(names[0]); i++) {
        if (strcmp(names[i][0], name) != 0)
            continue;
        unsigned char mac[EVP_MAX_MD_SIZE];
        size_t len = 0;
        if (EVP_Q_mac(NULL, "HMAC", NULL, names[i][1], NULL, mac_key.p, mac_key.len,
                      (const unsigned char *)jws->input.p, jws->input.len, mac, sizeof(mac),
                      &len) == NULL)
            return false;
        return len == jws->signature.len && CRYPTO_memcmp(mac, jws->signature.p, len) == 0;
    }
    return false;
}
