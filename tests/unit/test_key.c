/* SEES: base crypto */
#include "crypto/key.h"

#include "rfc_keys.h"

#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>
#include <pthread.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

/* OpenSSL's own view of our key */
static EVP_PKEY *pkey_of(const struct key *key)
{
    AUTO(secret_fini)
    struct secret pem = {0};
    key_to_pem(key, &pem);
    BIO *bio = BIO_new_mem_buf(pem.p, (int)pem.len);
    EVP_PKEY *pkey = PEM_read_bio_PrivateKey(bio, NULL, NULL, NULL);
    BIO_free(bio);
    assert_non_null(pkey);
    return pkey;
}

static void pkey_write(EVP_PKEY *pkey, bool traditional, const EVP_CIPHER *cipher, struct buf *pem)
{
    static unsigned char password[] = "secret";
    unsigned char *pass = cipher != NULL ? password : NULL;
    BIO *bio = BIO_new(BIO_s_mem());
    int fine = traditional ? PEM_write_bio_PrivateKey_traditional(bio, pkey, cipher, pass,
                                                                  pass != NULL ? 6 : 0, NULL, NULL)
                           : PEM_write_bio_PKCS8PrivateKey(bio, pkey, cipher, (char *)pass,
                                                           pass != NULL ? 6 : 0, NULL, NULL);
    assert_int_equal(fine, 1);
    char *text = NULL;
    long len = BIO_get_mem_data(bio, &text);
    buf_add(pem, text, (size_t)len);
    BIO_free(bio);
}

static void assert_same_key(const struct key *a, const struct key *b)
{
    char spki_a[SPKI_HEX_MAX], spki_b[SPKI_HEX_MAX];
    key_spki(a, spki_a);
    key_spki(b, spki_b);
    assert_string_equal(spki_a, spki_b);
    AUTO(secret_fini)
    struct secret der_a = {0}, der_b = {0};
    key_to_der(a, &der_a);
    key_to_der(b, &der_b);
    assert_true(secret_eq(&der_a, &der_b));
}

static void assert_pem_refused(const char *pem, enum err_kind kind, const char *part)
{
    struct err err = {0};
    struct key *key = NULL;
    assert_false(key_from_pem(str_of(pem), &key, &err));
    assert_null(key);
    assert_int_equal(err.kind, kind);
    if (strstr(err.text, part) == NULL)
        fail_msg("\"%s\" does not say \"%s\"", err.text, part);
}

static void assert_pkey_refused(EVP_PKEY *pkey, const char *part)
{
    AUTO(buf_fini)
    struct buf pem = BUF(65536);
    assert_non_null(pkey);
    pkey_write(pkey, false, NULL, &pem);
    EVP_PKEY_free(pkey);
    assert_pem_refused(buf_cstr(&pem), ERR_REFUSED, part);
}

/* ---- kinds ---- */

static void test_kind_when_named_then_is_found_again(void **state)
{
    (void)state;
    for (enum key_kind kind = 0; kind < KEY_KIND_N; kind++) {
        enum key_kind found = KEY_KIND_N;
        assert_true(key_kind_find(key_kind_name(kind), &found));
        assert_int_equal(found, kind);
    }
    enum key_kind untouched = KEY_RSA_3072;
    assert_false(key_kind_find("ecdsa-p512", &untouched));
    assert_false(key_kind_find(NULL, &untouched));
    assert_int_equal(untouched, KEY_RSA_3072);
    assert_string_equal(key_kind_jws_alg(KEY_ECDSA_P384), "ES384");
    assert_false(key_kind_is_slow(KEY_ECDSA_P384));
    assert_true(key_kind_is_slow(KEY_RSA_2048));
}

/* ---- every kind: our encodings are OpenSSL's ---- */

static void check_spki(const struct key *key, EVP_PKEY *pkey)
{
    unsigned char *der = NULL;
    int len = i2d_PUBKEY(pkey, &der);
    char expected[65], spki[SPKI_HEX_MAX];
    sha256_hex(der, (size_t)len, expected);
    OPENSSL_free(der);
    key_spki(key, spki);
    assert_string_equal(spki, expected);
}

static void check_pkcs8(const struct key *key, EVP_PKEY *pkey)
{
    PKCS8_PRIV_KEY_INFO *info = EVP_PKEY2PKCS8(pkey);
    unsigned char *der = NULL;
    int len = i2d_PKCS8_PRIV_KEY_INFO(info, &der);
    AUTO(secret_fini)
    struct secret ours = {0};
    key_to_der(key, &ours);
    assert_int_equal(ours.len, len);
    assert_memory_equal(ours.p, der, ours.len);
    OPENSSL_clear_free(der, (size_t)len);
    PKCS8_PRIV_KEY_INFO_free(info);
}

static void check_way_back(const struct key *key)
{
    struct err err = {0};
    AUTO(secret_fini)
    struct secret der = {0}, pem = {0};
    AUTO(key_fini)
    struct key *from_der = NULL, *from_pem = NULL;
    key_to_der(key, &der);
    key_to_pem(key, &pem);
    assert_true(str_starts(secret_str(&pem), STR("-----BEGIN PRIVATE KEY-----\n")));
    assert_true(str_ends(secret_str(&pem), STR("-----END PRIVATE KEY-----\n")));
    assert_true(key_from_der(secret_str(&der), &from_der, &err));
    assert_true(key_from_pem(secret_str(&pem), &from_pem, &err));
    assert_int_equal(key_kind(from_der), key_kind(key));
    assert_same_key(from_der, key);
    assert_same_key(from_pem, key);
}

static void test_key_new_when_of_any_kind_then_encodes_as_openssl_does(void **state)
{
    (void)state;
    for (enum key_kind kind = 0; kind < KEY_KIND_N; kind++) {
        AUTO(key_fini)
        struct key *key = key_new(kind);
        assert_int_equal(key_kind(key), kind);
        EVP_PKEY *pkey = pkey_of(key);
        check_spki(key, pkey);
        check_pkcs8(key, pkey);
        EVP_PKEY_free(pkey);
        check_way_back(key);
    }
}

static void test_key_new_when_called_twice_then_keys_differ(void **state)
{
    (void)state;
    AUTO(key_fini)
    struct key *a = key_new(KEY_ECDSA_P256), *b = key_new(KEY_ECDSA_P256);
    char spki_a[SPKI_HEX_MAX], spki_b[SPKI_HEX_MAX];
    key_spki(a, spki_a);
    key_spki(b, spki_b);
    assert_string_not_equal(spki_a, spki_b);
}

/* ---- PEM of others ---- */

static void test_pem_when_traditional_then_is_read(void **state)
{
    (void)state;
    for (enum key_kind kind = KEY_ECDSA_P256; kind <= KEY_RSA_2048; kind++) {
        struct err err = {0};
        AUTO(key_fini)
        struct key *key = key_new(kind), *back = NULL;
        EVP_PKEY *pkey = pkey_of(key);
        AUTO(buf_fini)
        struct buf pem = BUF(65536);
        /* what `openssl ecparam -genkey` puts before its key */
        if (kind == KEY_ECDSA_P256)
            buf_add_cstr(&pem, "-----BEGIN EC PARAMETERS-----\nBggqhkjOPQMBBw==\n"
                               "-----END EC PARAMETERS-----\n");
        pkey_write(pkey, true, NULL, &pem);
        EVP_PKEY_free(pkey);
        assert_true(key_from_pem(buf_str(&pem), &back, &err));
        assert_same_key(key, back);
    }
}

static void test_pem_when_ec_key_has_no_public_half_then_it_is_computed(void **state)
{
    (void)state;
    struct err err = {0};
    AUTO(key_fini)
    struct key *key = NULL;
    assert_true(key_from_pem(STR(RFC7515_A3_KEY), &key, &err));
    AUTO(json_fini)
    struct json *jwk = key_jwk(key);
    AUTO(buf_fini)
    struct buf text = BUF(1024);
    json_format(jwk, &text, false);
    assert_string_equal(buf_cstr(&text), "{\"crv\":\"P-256\",\"kty\":\"EC\","
                                         "\"x\":\"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU\","
                                         "\"y\":\"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0\"}");
}

static void test_pem_when_point_is_compressed_then_key_has_its_usual_name(void **state)
{
    (void)state;
    struct err err = {0};
    AUTO(key_fini)
    struct key *key = key_new(KEY_ECDSA_P256), *back = NULL;
    EVP_PKEY *pkey = pkey_of(key);
    assert_int_equal(EVP_PKEY_set_utf8_string_param(pkey, "point-format", "compressed"), 1);
    AUTO(buf_fini)
    struct buf pem = BUF(4096);
    pkey_write(pkey, false, NULL, &pem);
    EVP_PKEY_free(pkey);
    assert_true(key_from_pem(buf_str(&pem), &back, &err));
    assert_same_key(key, back);
}

static void test_pem_when_encrypted_then_is_refused_without_asking(void **state)
{
    (void)state;
    EVP_PKEY *pkey = EVP_EC_gen("P-256");
    AUTO(buf_fini)
    struct buf pem = BUF(4096);
    pkey_write(pkey, false, EVP_aes_256_cbc(), &pem);
    assert_pem_refused(buf_cstr(&pem), ERR_REFUSED, "encrypted");
    buf_clear(&pem);
    pkey_write(pkey, true, EVP_aes_256_cbc(), &pem);
    assert_pem_refused(buf_cstr(&pem), ERR_REFUSED, "encrypted");
    EVP_PKEY_free(pkey);
}

static void test_pem_when_kind_is_not_accepted_then_is_refused(void **state)
{
    (void)state;
    assert_pkey_refused(EVP_EC_gen("P-521"), "secp521r1");
    assert_pkey_refused(EVP_EC_gen("secp256k1"), "secp256k1");
    assert_pkey_refused(EVP_PKEY_Q_keygen(NULL, NULL, "ED25519"), "ED25519");
    assert_pkey_refused(EVP_RSA_gen(1024), "1024");
    assert_pkey_refused(EVP_RSA_gen(2056), "2056");
}

static void test_pem_when_rsa_exponent_is_odd_then_is_refused(void **state)
{
    (void)state;
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, "RSA", NULL);
    BIGNUM *three = BN_new();
    EVP_PKEY *pkey = NULL;
    assert_int_equal(BN_set_word(three, 3), 1);
    assert_int_equal(EVP_PKEY_keygen_init(ctx), 1);
    assert_int_equal(EVP_PKEY_CTX_set_rsa_keygen_bits(ctx, 2048), 1);
    assert_int_equal(EVP_PKEY_CTX_set1_rsa_keygen_pubexp(ctx, three), 1);
    assert_int_equal(EVP_PKEY_generate(ctx, &pkey), 1);
    BN_free(three);
    EVP_PKEY_CTX_free(ctx);
    assert_pkey_refused(pkey, "65537");
}

static void test_pem_when_it_holds_no_private_key_then_is_broken(void **state)
{
    (void)state;
    assert_pem_refused("", ERR_BROKEN, "no PEM");
    assert_pem_refused("hello", ERR_BROKEN, "PEM");
    assert_pem_refused("-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n", ERR_BROKEN,
                       "private key");
    EVP_PKEY *pkey = EVP_EC_gen("P-256");
    BIO *bio = BIO_new(BIO_s_mem());
    PEM_write_bio_PUBKEY(bio, pkey);
    BIO_write(bio, "", 1);
    char *text = NULL;
    BIO_get_mem_data(bio, &text);
    assert_pem_refused(text, ERR_BROKEN, "private key");
    BIO_free(bio);
    EVP_PKEY_free(pkey);
}

/* ---- DER ---- */

static void assert_der_broken(struct str der)
{
    struct err err = {0};
    struct key *key = NULL;
    if (key_from_der(der, &key, &err))
        fail_msg("broken DER was read");
    assert_null(key);
    assert_int_equal(err.kind, ERR_BROKEN);
}

static void test_der_when_damaged_then_is_broken(void **state)
{
    (void)state;
    AUTO(key_fini)
    struct key *key = key_new(KEY_ECDSA_P256);
    AUTO(secret_fini)
    struct secret der = {0};
    key_to_der(key, &der);
    assert_der_broken(STR_NONE);
    assert_der_broken(str_mem(der.p, der.len - 1));
    assert_der_broken(str_mem(der.p, der.len + 1)); /* the NUL behind it */
    der.p[der.len - 1] ^= 1;                        /* a point beside the curve */
    assert_der_broken(secret_str(&der));
    der.p[der.len - 1] ^= 1;
    memset(der.p + 36, 0, 32); /* the private number 0 */
    assert_der_broken(secret_str(&der));
    memset(der.p + 36, 0xff, 32); /* beyond the order */
    assert_der_broken(secret_str(&der));
}

static void test_pem_when_halves_are_of_two_keys_then_is_broken(void **state)
{
    (void)state;
    AUTO(key_fini)
    struct key *a = key_new(KEY_ECDSA_P256), *b = key_new(KEY_ECDSA_P256);
    AUTO(secret_fini)
    struct secret der_a = {0}, der_b = {0};
    key_to_der(a, &der_a);
    key_to_der(b, &der_b);
    memcpy(der_a.p + 36, der_b.p + 36, 32);
    AUTO(buf_fini)
    struct buf pem = BUF(4096);
    buf_add_cstr(&pem, "-----BEGIN PRIVATE KEY-----\n");
    base64_encode(&pem, der_a.p, der_a.len);
    buf_add_cstr(&pem, "\n-----END PRIVATE KEY-----\n");
    AUTO(buf_fini)
    struct buf folded = BUF(4096);
    const char *at = buf_cstr(&pem);
    for (size_t column = 0; *at != '\0'; at++) {
        buf_add_char(&folded, *at);
        column = *at == '\n' ? 0 : column + 1;
        if (column == 64)
            buf_add_char(&folded, '\n');
    }
    assert_pem_refused(buf_cstr(&folded), ERR_BROKEN, "belong together");
}

/* ---- JWK ---- */

static void test_thumbprint_when_key_is_of_rfc_7638_then_is_the_printed_one(void **state)
{
    (void)state;
    struct err err = {0};
    AUTO(key_fini)
    struct key *key = NULL;
    assert_true(key_from_pem(STR(RFC7638_KEY), &key, &err));
    char thumbprint[48];
    key_thumbprint(key, thumbprint);
    assert_string_equal(thumbprint, "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs");
}

static void test_thumbprint_when_of_any_kind_then_is_the_hash_of_the_jwk(void **state)
{
    (void)state;
    for (enum key_kind kind = KEY_ECDSA_P256; kind <= KEY_RSA_2048; kind++) {
        AUTO(key_fini)
        struct key *key = key_new(kind);
        AUTO(json_fini)
        struct json *jwk = key_jwk(key);
        AUTO(buf_fini)
        struct buf text = BUF(2048), expected = BUF(64);
        json_format(jwk, &text, false);
        unsigned char hash[32];
        sha256(text.p, text.len, hash);
        base64url_encode(&expected, hash, sizeof hash);
        char thumbprint[48];
        key_thumbprint(key, thumbprint);
        assert_string_equal(thumbprint, buf_cstr(&expected));
    }
}

/* ---- digests and chance ---- */

static void test_sha256_when_of_abc_then_is_the_standard_value(void **state)
{
    (void)state;
    char hex[65];
    sha256_hex("abc", 3, hex);
    assert_string_equal(hex, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    sha256_hex(NULL, 0, hex);
    assert_string_equal(hex, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
}

static void test_dns01_value_when_made_then_hashes_the_key_authorization(void **state)
{
    (void)state;
    char value[48];
    AUTO(buf_fini)
    struct buf expected = BUF(64);
    unsigned char hash[32];
    dns01_value("evaGxfADs6pSRb2LAv9IZf17Dt3juxGJ-PCt92wr-oA",
                "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs", value);
    static const char text[] = "evaGxfADs6pSRb2LAv9IZf17Dt3juxGJ-PCt92wr-oA."
                               "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs";
    sha256(text, sizeof text - 1, hash);
    base64url_encode(&expected, hash, sizeof hash);
    assert_string_equal(value, buf_cstr(&expected));
    assert_int_equal(strlen(value), 43);
}

static void test_random_below_when_asked_often_then_reaches_all_values_and_no_other(void **state)
{
    (void)state;
    unsigned counts[7] = {0};
    for (int i = 0; i < 7000; i++) {
        uint64_t value = random_below(7);
        assert_true(value < 7);
        counts[value]++;
    }
    for (size_t i = 0; i < 7; i++)
        assert_in_range(counts[i], 700, 1300);
    assert_int_equal(random_below(1), 0);
    assert_true(random_u64() != random_u64());
}

/* ---- the process ---- */

static void *make_keys(void *arg)
{
    struct key **keys = arg;
    for (int i = 0; i < 8; i++)
        keys[i] = key_new(KEY_ECDSA_P256);
    return NULL;
}

static void test_key_new_when_threads_make_keys_then_all_differ(void **state)
{
    (void)state;
    pthread_t threads[4];
    struct key *keys[32] = {0};
    for (size_t i = 0; i < 4; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, make_keys, keys + 8 * i), 0);
    for (size_t i = 0; i < 4; i++)
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    char names[32][SPKI_HEX_MAX];
    for (size_t i = 0; i < 32; i++) {
        key_spki(keys[i], names[i]);
        for (size_t k = 0; k < i; k++)
            assert_string_not_equal(names[i], names[k]);
        key_free(keys[i]);
    }
}

static void test_crypto_init_when_done_then_private_numbers_are_in_the_secure_heap(void **state)
{
    (void)state;
    assert_true(CRYPTO_secure_malloc_initialized());
    size_t before = CRYPTO_secure_used();
    AUTO(key_fini)
    struct key *key = key_new(KEY_ECDSA_P256), *back = NULL;
    size_t with_one = CRYPTO_secure_used();
    assert_true(with_one >= before + 32);
    AUTO(secret_fini)
    struct secret der = {0};
    key_to_der(key, &der);
    struct err err = {0};
    assert_true(key_from_der(secret_str(&der), &back, &err));
    assert_true(CRYPTO_secure_used() >= with_one + 32);
}

static int set_up(void **state)
{
    (void)state;
    struct err err = {0};
    /* Where little memory may be locked the heap is there but crypto_init says so. */
    bool fine = crypto_init(&err);
    bool again = crypto_init(&err);
    return (fine || err.kind == ERR_LOCAL) && again ? 0 : -1;
}

/* ---- JWK ---- */

static void test_jwk_when_written_and_read_then_the_same_key_of_every_kind(void **state)
{
    (void)state;
    for (enum key_kind kind = KEY_ECDSA_P256; kind <= KEY_RSA_2048; kind++) {
        AUTO(key_fini)
        struct key *key = key_new(kind), *again = NULL;
        AUTO(secret_fini)
        struct secret text = {0};
        struct err err = {0};
        key_to_jwk(key, &text);
        assert_true(key_from_jwk(secret_str(&text), &again, &err));
        assert_same_key(key, again);
    }
}

/* RFC 7517 A.2: the first private key. */
static const char rfc7517_ec[] =
    "{\"kty\":\"EC\", \"crv\":\"P-256\","
    "\"x\":\"MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4\","
    "\"y\":\"4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM\","
    "\"d\":\"870MB6gfuTJ4HtUnUvYMyJpr5eUZNP4Bk43bVdj3eAE\", \"use\":\"enc\", \"kid\":\"1\"}";

static void test_jwk_when_of_the_rfc_then_read(void **state)
{
    (void)state;
    struct err err = {0};
    AUTO(key_fini)
    struct key *key = NULL;
    assert_true(key_from_jwk(STR(rfc7517_ec), &key, &err));
    assert_int_equal(key_kind(key), KEY_ECDSA_P256);
    AUTO(json_fini)
    struct json *jwk = key_jwk(key);
    assert_string_equal(json_text(jwk, "x"), "MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4");
}

static void assert_no_jwk(const char *text, enum err_kind kind, const char *words)
{
    struct err err = {0};
    struct key *key = NULL;
    assert_false(key_from_jwk(str_of(text), &key, &err));
    assert_int_equal(err.kind, kind);
    assert_non_null(strstr(err.text, words));
    assert_null(key);
}

static void test_jwk_when_spoiled_then_refused_with_the_reason(void **state)
{
    (void)state;
    AUTO(mem_fini)
    char *other = mem_strdup(rfc7517_ec);
    strstr(other, "870MB6")[0] = '9'; /* another private number */
    assert_no_jwk(other, ERR_BROKEN, "do not belong together");
    assert_no_jwk("{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"AA\",\"y\":\"AA\"}", ERR_BROKEN,
                  "a private key is needed");
    assert_no_jwk("{\"kty\":\"EC\",\"crv\":\"P-521\",\"d\":\"AA\"}", ERR_REFUSED, "P-521");
    assert_no_jwk("{\"kty\":\"oct\",\"k\":\"AAAA\"}", ERR_REFUSED, "oct");
    assert_no_jwk("{\"kty\":\"EC\",\"crv\":\"P-256\",\"d\":\"!\"}", ERR_BROKEN, "not base64url");
    assert_no_jwk("{\"kty\":\"RSA\",\"n\":\"AQAB\",\"e\":\"AQAB\"}", ERR_BROKEN, "\"d\"");
    assert_no_jwk("{\"kty\":\"RSA\",\"n\":\"AQAB\",\"e\":\"AQAB\",\"d\":\"AQ\",\"p\":\"AQ\","
                  "\"q\":\"AQ\",\"dp\":\"AQ\",\"dq\":\"AQ\",\"qi\":\"AQ\"}",
                  ERR_REFUSED, "bits");
    assert_no_jwk("[]", ERR_BROKEN, "no JWK");
    assert_no_jwk("{", ERR_BROKEN, "no JWK");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_kind_when_named_then_is_found_again),
        cmocka_unit_test(test_key_new_when_of_any_kind_then_encodes_as_openssl_does),
        cmocka_unit_test(test_key_new_when_called_twice_then_keys_differ),
        cmocka_unit_test(test_pem_when_traditional_then_is_read),
        cmocka_unit_test(test_pem_when_ec_key_has_no_public_half_then_it_is_computed),
        cmocka_unit_test(test_pem_when_point_is_compressed_then_key_has_its_usual_name),
        cmocka_unit_test(test_pem_when_encrypted_then_is_refused_without_asking),
        cmocka_unit_test(test_pem_when_kind_is_not_accepted_then_is_refused),
        cmocka_unit_test(test_pem_when_rsa_exponent_is_odd_then_is_refused),
        cmocka_unit_test(test_pem_when_it_holds_no_private_key_then_is_broken),
        cmocka_unit_test(test_der_when_damaged_then_is_broken),
        cmocka_unit_test(test_pem_when_halves_are_of_two_keys_then_is_broken),
        cmocka_unit_test(test_thumbprint_when_key_is_of_rfc_7638_then_is_the_printed_one),
        cmocka_unit_test(test_thumbprint_when_of_any_kind_then_is_the_hash_of_the_jwk),
        cmocka_unit_test(test_sha256_when_of_abc_then_is_the_standard_value),
        cmocka_unit_test(test_dns01_value_when_made_then_hashes_the_key_authorization),
        cmocka_unit_test(test_random_below_when_asked_often_then_reaches_all_values_and_no_other),
        cmocka_unit_test(test_key_new_when_threads_make_keys_then_all_differ),
        cmocka_unit_test(test_jwk_when_written_and_read_then_the_same_key_of_every_kind),
        cmocka_unit_test(test_jwk_when_of_the_rfc_then_read),
        cmocka_unit_test(test_jwk_when_spoiled_then_refused_with_the_reason),
        cmocka_unit_test(test_crypto_init_when_done_then_private_numbers_are_in_the_secure_heap),
    };
    return cmocka_run_group_tests(tests, set_up, NULL);
}
