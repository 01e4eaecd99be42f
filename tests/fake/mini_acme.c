#include "fake/mini_acme.h"

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/ecdsa.h>
#include <openssl/rsa.h>
#include <openssl/x509v3.h>

static const struct {
    const char *kind, *alg;
    size_t half;
} kinds[] = {
    {"P-256", "ES256", 32}, {"P-384", "ES384", 48}, {"P-521", "ES512", 66}, {"RSA", "RS256", 0}};

static const EVP_MD *digest_of(const struct mini_key *key)
{
    return key->half == 48 ? EVP_sha384() : key->half == 66 ? EVP_sha512() : EVP_sha256();
}

static void number_put(struct buf *out, EVP_PKEY *key, const char *param, size_t width)
{
    BIGNUM *bn = NULL;
    unsigned char octets[1024];
    CHECK(EVP_PKEY_get_bn_param(key, param, &bn) == 1);
    int len = width > 0 ? BN_bn2binpad(bn, octets, (int)width) : BN_bn2bin(bn, octets);
    CHECK(len > 0);
    base64url_encode(out, octets, (size_t)len);
    BN_free(bn);
}

static void jwk_put(struct buf *out, const struct mini_key *key, const char *kind)
{
    if (key->half == 0) {
        buf_add_cstr(out, "{\"e\":\"");
        number_put(out, key->key, OSSL_PKEY_PARAM_RSA_E, 0);
        buf_add_cstr(out, "\",\"kty\":\"RSA\",\"n\":\"");
        number_put(out, key->key, OSSL_PKEY_PARAM_RSA_N, 0);
    } else {
        buf_printf(out, "{\"crv\":\"%s\",\"kty\":\"EC\",\"x\":\"", kind);
        number_put(out, key->key, OSSL_PKEY_PARAM_EC_PUB_X, key->half);
        buf_add_cstr(out, "\",\"y\":\"");
        number_put(out, key->key, OSSL_PKEY_PARAM_EC_PUB_Y, key->half);
    }
    buf_add_cstr(out, "\"}");
}

struct mini_key *mini_key_new(const char *kind)
{
    struct mini_key *key = NEW(struct mini_key);
    struct buf jwk = BUF(4096), print = BUF(64);
    unsigned char digest[32];
    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        if (strcmp(kinds[i].kind, kind) == 0) {
            key->alg = kinds[i].alg;
            key->half = kinds[i].half;
        }
    }
    CHECK(key->alg != NULL);
    key->key = key->half == 0 ? EVP_RSA_gen(2048) : EVP_EC_gen(kind);
    key->sign = EVP_PKEY_CTX_new_from_pkey(NULL, key->key, NULL);
    CHECK(key->sign != NULL && EVP_PKEY_sign_init(key->sign) == 1);
    if (key->half == 0) {
        CHECK(EVP_PKEY_CTX_set_rsa_padding(key->sign, RSA_PKCS1_PADDING) == 1);
        CHECK(EVP_PKEY_CTX_set_signature_md(key->sign, EVP_sha256()) == 1);
    }
    jwk_put(&jwk, key, kind);
    CHECK(EVP_Digest(jwk.p, jwk.len, digest, NULL, EVP_sha256(), NULL) == 1);
    base64url_encode(&print, digest, sizeof(digest));
    memcpy(key->thumbprint, print.p, sizeof(key->thumbprint));
    key->jwk = buf_take(&jwk);
    buf_fini(&print);
    return key;
}

void mini_key_free(struct mini_key *key)
{
    if (key == NULL)
        return;
    EVP_PKEY_CTX_free(key->sign);
    EVP_PKEY_free(key->key);
    mem_free(key->jwk);
    mem_free(key);
}

static void signature_put(const struct mini_key *key, struct str input, struct buf *out)
{
    unsigned char digest[EVP_MAX_MD_SIZE], signature[1024], raw[132];
    unsigned int digest_len = 0;
    size_t len = sizeof(signature);
    CHECK(EVP_Digest(input.p, input.len, digest, &digest_len, digest_of(key), NULL) == 1);
    CHECK(EVP_PKEY_sign(key->sign, signature, &len, digest, digest_len) == 1);
    if (key->half == 0) {
        base64url_encode(out, signature, len);
        return;
    }
    const unsigned char *p = signature;
    ECDSA_SIG *sig = d2i_ECDSA_SIG(NULL, &p, (long)len);
    CHECK(sig != NULL);
    int half = (int)key->half;
    BN_bn2binpad(ECDSA_SIG_get0_r(sig), raw, half);
    BN_bn2binpad(ECDSA_SIG_get0_s(sig), raw + half, half);
    ECDSA_SIG_free(sig);
    base64url_encode(out, raw, 2 * key->half);
}

static void input_put(struct buf *out, const struct buf *header, const char *payload)
{
    base64url_encode(out, header->p, header->len);
    buf_add_char(out, '.');
    base64url_encode(out, payload, strlen(payload));
}

static void envelope_put(struct buf *out, const struct buf *input, const struct buf *signature)
{
    struct str rest = buf_str(input), header;
    str_split(&rest, '.', &header);
    buf_printf(out, "{\"protected\":\"%.*s\",\"payload\":\"%.*s\",\"signature\":\"%s\"}",
               STR_ARG(header), STR_ARG(rest), buf_cstr(signature));
}

void mini_jws(const struct mini_key *key, const char *kid, const char *nonce, const char *url,
              const char *payload, struct buf *out)
{
    AUTO(buf_fini)
    struct buf header = BUF(8192), input = BUF(1024 * 1024), signature = BUF(4096);
    buf_printf(&header, "{\"alg\":\"%s\",", key->alg);
    if (nonce != NULL)
        buf_printf(&header, "\"nonce\":\"%s\",", nonce);
    if (kid != NULL)
        buf_printf(&header, "\"kid\":\"%s\",", kid);
    else
        buf_printf(&header, "\"jwk\":%s,", key->jwk);
    buf_printf(&header, "\"url\":\"%s\"}", url);
    input_put(&input, &header, payload);
    signature_put(key, buf_str(&input), &signature);
    envelope_put(out, &input, &signature);
}

void mini_jws_mac(struct str mac_key, const char *kid, const char *url, const char *payload,
                  struct buf *out)
{
    AUTO(buf_fini)
    struct buf header = BUF(8192), input = BUF(65536), signature = BUF(256);
    unsigned char mac[EVP_MAX_MD_SIZE];
    size_t len = 0;
    buf_printf(&header, "{\"alg\":\"HS256\",\"kid\":\"%s\",\"url\":\"%s\"}", kid, url);
    input_put(&input, &header, payload);
    CHECK(EVP_Q_mac(NULL, "HMAC", NULL, "SHA256", NULL, mac_key.p, mac_key.len,
                    (const unsigned char *)input.p, input.len, mac, sizeof(mac), &len) != NULL);
    base64url_encode(&signature, mac, len);
    envelope_put(out, &input, &signature);
}

EVP_PKEY *mini_pkey_new(void)
{
    EVP_PKEY *key = EVP_EC_gen("P-256");
    CHECK(key != NULL);
    return key;
}

void mini_csr(EVP_PKEY *key, const char *const *names, size_t n, struct buf *out)
{
    X509_REQ *req = X509_REQ_new();
    GENERAL_NAMES *list = sk_GENERAL_NAME_new_null();
    STACK_OF(X509_EXTENSION) *extensions = NULL;
    unsigned char *der = NULL;
    for (size_t i = 0; i < n; i++) {
        GENERAL_NAME *name = GENERAL_NAME_new();
        ASN1_IA5STRING *text = ASN1_IA5STRING_new();
        ASN1_STRING_set(text, names[i], (int)strlen(names[i]));
        GENERAL_NAME_set0_value(name, GEN_DNS, text);
        sk_GENERAL_NAME_push(list, name);
    }
    X509V3_add1_i2d(&extensions, NID_subject_alt_name, list, 0, 0);
    X509_REQ_add_extensions(req, extensions);
    X509_REQ_set_pubkey(req, key);
    CHECK(X509_REQ_sign(req, key, EVP_sha256()) > 0);
    int len = i2d_X509_REQ(req, &der);
    CHECK(len > 0);
    buf_add(out, der, (size_t)len);
    OPENSSL_free(der);
    sk_X509_EXTENSION_pop_free(extensions, X509_EXTENSION_free);
    GENERAL_NAMES_free(list);
    X509_REQ_free(req);
}

void mini_txt(const struct mini_key *key, const char *token, struct buf *out)
{
    AUTO(buf_fini)
    struct buf text = BUF(1024);
    unsigned char digest[32];
    buf_printf(&text, "%s.%s", token, key->thumbprint);
    CHECK(EVP_Digest(text.p, text.len, digest, NULL, EVP_sha256(), NULL) == 1);
    base64url_encode(out, digest, sizeof(digest));
}
