#include "crypto/inside.h"

#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/pem.h>

enum { NUMBER_MAX = 48, PKCS8_EC_MAX = 192, PRIVATE_PEM_MAX = 64 * 1024 };

/* Finding out what kind of key a stranger's is */

static bool rsa_kind(EVP_PKEY *pkey, enum key_kind *ret_kind, struct err *err)
{
    int bits = EVP_PKEY_get_bits(pkey);
    BIGNUM *exponent = NULL;
    CHECK(EVP_PKEY_get_bn_param(pkey, OSSL_PKEY_PARAM_RSA_E, &exponent) == 1);
    bool is_usual = BN_is_word(exponent, 65537);
    BN_free(exponent);
    if (!is_usual)
        return err_set(err, ERR_REFUSED, "RSA key: its exponent is not 65537");
    for (enum key_kind kind = KEY_RSA_2048; kind <= KEY_RSA_4096; kind++) {
        if (key_shape(kind)->number_len * 8 == (size_t)bits) {
            *ret_kind = kind;
            return true;
        }
    }
    return err_set(err, ERR_REFUSED, "RSA key of %d bits: CAs accept 2048, 3072 and 4096", bits);
}

static bool ec_kind(EVP_PKEY *pkey, enum key_kind *ret_kind, struct err *err)
{
    char group[64] = "";
    size_t len = 0;
    int is_explicit = 0;
    EVP_PKEY_get_int_param(pkey, OSSL_PKEY_PARAM_EC_DECODED_FROM_EXPLICIT_PARAMS, &is_explicit);
    if (is_explicit || EVP_PKEY_get_utf8_string_param(pkey, OSSL_PKEY_PARAM_GROUP_NAME, group,
                                                      sizeof group, &len) != 1)
        return openssl_err(err, ERR_REFUSED, "EC key: its curve is not named");
    for (enum key_kind kind = KEY_ECDSA_P256; kind <= KEY_ECDSA_P384; kind++) {
        if (strcmp(group, key_shape(kind)->group) == 0) {
            *ret_kind = kind;
            return true;
        }
    }
    return err_set(err, ERR_REFUSED, "EC key on curve %s: CAs accept P-256 and P-384", group);
}

bool pkey_kind(EVP_PKEY *pkey, enum key_kind *ret_kind, struct err *err)
{
    if (EVP_PKEY_is_a(pkey, "RSA"))
        return rsa_kind(pkey, ret_kind, err);
    if (EVP_PKEY_is_a(pkey, "EC"))
        return ec_kind(pkey, ret_kind, err);
    const char *name = EVP_PKEY_get0_type_name(pkey);
    return err_set(err, ERR_REFUSED, "%s key: only ECDSA P-256 and P-384 and RSA keys are accepted",
                   name != NULL ? name : "unknown");
}

/* Do both halves belong together? Someone may have put two files into one. */
bool key_pair_check(EVP_PKEY *pkey, struct err *err)
{
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_pkey(NULL, pkey, NULL);
    CHECK(ctx != NULL);
    bool fine = EVP_PKEY_pairwise_check(ctx) == 1;
    EVP_PKEY_CTX_free(ctx);
    return fine ||
           openssl_err(err, ERR_BROKEN, "private key: its two halves do not belong together");
}

/* Becomes owner of pkey, also when it refuses. */
static bool stranger_take(EVP_PKEY *pkey, struct key **ret_key, struct err *err)
{
    enum key_kind kind = KEY_KIND_N;
    if (!pkey_kind(pkey, &kind, err) || !key_pair_check(pkey, err)) {
        EVP_PKEY_free(pkey);
        return false;
    }
    /* What came with a compressed point would show one, and so have another name. */
    if (key_shape(kind)->group != NULL)
        CHECK(EVP_PKEY_set_utf8_string_param(pkey, OSSL_PKEY_PARAM_EC_POINT_CONVERSION_FORMAT,
                                             "uncompressed") == 1);
    *ret_key = key_take(kind, pkey);
    return true;
}

/* PEM */

static int no_password(char *buf, int size, int for_writing, void *asked)
{
    (void)buf, (void)size, (void)for_writing;
    *(bool *)asked = true;
    return -1;
}

bool key_from_pem(struct str pem, struct key **ret_key, struct err *err)
{
    if (pem.len == 0 || pem.len > PRIVATE_PEM_MAX)
        return err_set(err, ERR_BROKEN, "private key: %zu bytes are no PEM key", pem.len);
    BIO *bio = BIO_new_mem_buf(pem.p, (int)pem.len);
    CHECK(bio != NULL);
    bool asked = false;
    EVP_PKEY *pkey = PEM_read_bio_PrivateKey(bio, NULL, no_password, &asked);
    BIO_free(bio);
    if (asked) {
        EVP_PKEY_free(pkey);
        ERR_clear_error();
        return err_set(err, ERR_REFUSED,
                       "private key: it is encrypted; only unencrypted PEM is read");
    }
    if (pkey == NULL)
        return openssl_err(err, ERR_BROKEN, "private key: no PEM private key can be read");
    ERR_clear_error();
    return stranger_take(pkey, ret_key, err);
}

void key_to_pem(const struct key *key, struct secret *ret_pem)
{
    AUTO(secret_fini)
    struct secret der = {0};
    key_to_der(key, &der);
    AUTO(buf_fini)
    struct buf text = BUF(PRIVATE_PEM_MAX);
    pem_add(&text, "PRIVATE KEY", secret_str(&der));
    CHECK(!text.overflow);
    secret_take_buf(ret_pem, &text);
}

/* DER. OpenSSL 3.0 takes 370 us to decode a P-256 key and 65 us to encode one, and each renewal
 * stores and loads one. The PKCS#8 of our curves is a fixed frame around the numbers (RFC 5958, RFC
 * 5915), so we read and write that frame ourselves; any other form goes to OpenSSL. */

static bool frame_fits(const struct key_shape *shape, struct str der)
{
    size_t mid_at = shape->pkcs8_head.len + shape->number_len;
    return shape->group != NULL && der.len == mid_at + shape->pkcs8_mid.len + shape->public_len &&
           str_starts(der, shape->pkcs8_head) &&
           str_starts(str_mem(der.p + mid_at, der.len - mid_at), shape->pkcs8_mid);
}

static EVP_PKEY *pkey_import(OSSL_PARAM *params)
{
    static struct ctx_slot importer;
    EVP_PKEY_CTX *ctx = ctx_slot_take(&importer);
    if (ctx == NULL) {
        ctx = EVP_PKEY_CTX_new_from_name(NULL, "EC", NULL);
        CHECK(ctx != NULL && EVP_PKEY_fromdata_init(ctx) == 1);
    }
    EVP_PKEY *pkey = NULL;
    if (EVP_PKEY_fromdata(ctx, &pkey, EVP_PKEY_KEYPAIR, params) != 1)
        pkey = NULL;
    ctx_slot_give(&importer, ctx);
    return pkey;
}

/* The private number must lie between 1 and the order, or signing would fail later. */
static bool private_check(EVP_PKEY *pkey)
{
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_pkey(NULL, pkey, NULL);
    CHECK(ctx != NULL);
    bool fine = EVP_PKEY_private_check(ctx) == 1;
    EVP_PKEY_CTX_free(ctx);
    return fine;
}

static bool frame_read(enum key_kind kind, struct str der, struct key **ret_key, struct err *err)
{
    const struct key_shape *shape = key_shape(kind);
    unsigned char number[NUMBER_MAX], point[1 + 2 * NUMBER_MAX];
    BIGNUM *private = BN_secure_new();
    CHECK(private != NULL && BN_bin2bn((const unsigned char *)der.p + shape->pkcs8_head.len,
                                       (int)shape->number_len, private) != NULL);
    CHECK(BN_bn2nativepad(private, number, (int)shape->number_len) == (int)shape->number_len);
    BN_clear_free(private);
    size_t point_len = 1 + shape->public_len;
    memcpy(point, der.p + der.len - point_len, point_len);
    char group[16];
    snprintf(group, sizeof group, "%s", shape->group);
    OSSL_PARAM params[] = {
        OSSL_PARAM_construct_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME, group, 0),
        OSSL_PARAM_construct_octet_string(OSSL_PKEY_PARAM_PUB_KEY, point, point_len),
        OSSL_PARAM_construct_BN(OSSL_PKEY_PARAM_PRIV_KEY, number, shape->number_len),
        OSSL_PARAM_construct_end()};
    EVP_PKEY *pkey = pkey_import(params);
    mem_cleanse(number, sizeof number);
    if (pkey == NULL || !private_check(pkey)) {
        EVP_PKEY_free(pkey);
        return openssl_err(err, ERR_BROKEN, "private key: its numbers are not on the curve");
    }
    *ret_key = key_take(kind, pkey);
    return true;
}

bool key_from_der(struct str pkcs8, struct key **ret_key, struct err *err)
{
    for (enum key_kind kind = KEY_ECDSA_P256; kind <= KEY_ECDSA_P384; kind++)
        if (frame_fits(key_shape(kind), pkcs8))
            return frame_read(kind, pkcs8, ret_key, err);
    if (pkcs8.len == 0 || pkcs8.len > PRIVATE_PEM_MAX)
        return err_set(err, ERR_BROKEN, "private key: %zu bytes are no PKCS#8", pkcs8.len);
    const unsigned char *p = (const unsigned char *)pkcs8.p;
    EVP_PKEY *pkey = d2i_AutoPrivateKey(NULL, &p, (long)pkcs8.len);
    if (pkey == NULL)
        return openssl_err(err, ERR_BROKEN, "private key: no PKCS#8 can be read");
    ERR_clear_error();
    if (p != (const unsigned char *)pkcs8.p + pkcs8.len) {
        EVP_PKEY_free(pkey);
        return err_set(err, ERR_BROKEN, "private key: bytes follow its end");
    }
    return stranger_take(pkey, ret_key, err);
}

static void frame_write(const struct key *key, struct secret *ret_pkcs8)
{
    const struct key_shape *shape = key_shape(key->kind);
    struct str public = key_public(key);
    unsigned char der[PKCS8_EC_MAX], number[NUMBER_MAX];
    OSSL_PARAM params[] = {
        OSSL_PARAM_construct_BN(OSSL_PKEY_PARAM_PRIV_KEY, number, shape->number_len),
        OSSL_PARAM_construct_end()};
    CHECK(EVP_PKEY_get_params(key->pkey, params) == 1);
    BIGNUM *private = BN_secure_new();
    CHECK(private != NULL && BN_native2bn(number, (int)params[0].return_size, private) != NULL);
    unsigned char *at = der;
    at = (unsigned char *)mempcpy(at, shape->pkcs8_head.p, shape->pkcs8_head.len);
    CHECK(BN_bn2binpad(private, at, (int)shape->number_len) == (int)shape->number_len);
    at = (unsigned char *)mempcpy(at + shape->number_len, shape->pkcs8_mid.p, shape->pkcs8_mid.len);
    at = (unsigned char *)mempcpy(at, public.p, public.len);
    secret_init(ret_pkcs8, der, (size_t)(at - der));
    BN_clear_free(private);
    mem_cleanse(number, sizeof number);
    mem_cleanse(der, sizeof der);
}

void key_to_der(const struct key *key, struct secret *ret_pkcs8)
{
    if (key_shape(key->kind)->group != NULL) {
        frame_write(key, ret_pkcs8);
        return;
    }
    PKCS8_PRIV_KEY_INFO *info = EVP_PKEY2PKCS8(key->pkey);
    unsigned char *der = NULL;
    int len = i2d_PKCS8_PRIV_KEY_INFO(info, &der);
    CHECK(info != NULL && len > 0);
    secret_init(ret_pkcs8, der, (size_t)len);
    OPENSSL_clear_free(der, (size_t)len);
    PKCS8_PRIV_KEY_INFO_free(info);
}
