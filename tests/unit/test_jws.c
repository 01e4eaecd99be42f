/* SEES: base crypto */
#include "crypto/key.h"

#include "rfc_keys.h"

#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/pem.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

/* The payload of RFC 7515 A.2 and A.3 */
#define JOE "{\"iss\":\"joe\",\r\n \"exp\":1300819380,\r\n \"http://example.com/is_root\":true}"

struct jws {
    struct buf signing_input, header, payload, signature;
};

static void jws_fini(struct jws *jws)
{
    buf_fini(&jws->signing_input);
    buf_fini(&jws->header);
    buf_fini(&jws->payload);
    buf_fini(&jws->signature);
}

static void jws_read(struct str body, struct jws *jws)
{
    *jws = (struct jws){BUF(65536), BUF(65536), BUF(65536), BUF(65536)};
    struct err err = {0};
    AUTO(json_fini)
    struct json *tree = NULL;
    assert_true(json_parse(body, 65536, &tree, &err));
    assert_int_equal(json_len(tree), 3);
    buf_printf(&jws->signing_input, "%s.%s", json_text(tree, "protected"),
               json_text(tree, "payload"));
    assert_true(base64url_decode(&jws->header, str_of(json_text(tree, "protected"))));
    assert_true(base64url_decode(&jws->payload, str_of(json_text(tree, "payload"))));
    assert_true(base64url_decode(&jws->signature, str_of(json_text(tree, "signature"))));
}

static EVP_PKEY *pkey_of(const struct key *key)
{
    AUTO(secret_fini)
    struct secret der = {0};
    key_to_der(key, &der);
    const unsigned char *p = der.p;
    EVP_PKEY *pkey = d2i_AutoPrivateKey(NULL, &p, (long)der.len);
    assert_non_null(pkey);
    return pkey;
}

/* r and s to the DER that OpenSSL verifies */
static int ecdsa_der(const struct buf *raw, unsigned char **ret_der)
{
    const unsigned char *p = (const unsigned char *)raw->p;
    int half = (int)raw->len / 2;
    ECDSA_SIG *numbers = ECDSA_SIG_new();
    assert_int_equal(
        ECDSA_SIG_set0(numbers, BN_bin2bn(p, half, NULL), BN_bin2bn(p + half, half, NULL)), 1);
    int len = i2d_ECDSA_SIG(numbers, ret_der);
    ECDSA_SIG_free(numbers);
    return len;
}

static bool verifies(const struct key *key, const struct jws *jws)
{
    EVP_PKEY *pkey = pkey_of(key);
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    const EVP_MD *md = key_kind(key) == KEY_ECDSA_P384 ? EVP_sha384() : EVP_sha256();
    unsigned char *der = NULL;
    const unsigned char *signature = (const unsigned char *)jws->signature.p;
    size_t len = jws->signature.len;
    if (!key_kind_is_slow(key_kind(key))) {
        len = (size_t)ecdsa_der(&jws->signature, &der);
        signature = der;
    }
    assert_int_equal(EVP_DigestVerifyInit(ctx, NULL, md, NULL, pkey), 1);
    int result = EVP_DigestVerify(ctx, signature, len, (const unsigned char *)jws->signing_input.p,
                                  jws->signing_input.len);
    OPENSSL_free(der);
    EVP_MD_CTX_free(ctx);
    EVP_PKEY_free(pkey);
    return result == 1;
}

static void test_jws_when_key_is_of_rfc_7515_a2_then_is_the_printed_one(void **state)
{
    (void)state;
    struct err err = {0};
    AUTO(key_fini)
    struct key *key = NULL;
    assert_true(key_from_pem(STR(RFC7515_A2_KEY), &key, &err));
    AUTO(json_fini)
    struct json *header = json_object();
    AUTO(buf_fini)
    struct buf out = BUF(8192);
    jws_sign(key, header, STR(JOE), &out);
    assert_string_equal(
        buf_cstr(&out),
        "{\"protected\":\"eyJhbGciOiJSUzI1NiJ9\","
        "\"payload\":\"eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFt"
        "cGxlLmNvbS9pc19yb290Ijp0cnVlfQ\","
        "\"signature\":\"cC4hiUPoj9Eetdgtv3hF80EGrhuB__dzERat0XF9g2VtQgr9PJbu3XOiZj5RZmh7"
        "AAuHIm4Bh-0Qc_lF5YKt_O8W2Fp5jujGbds9uJdbF9CUAr7t1dnZcAcQjbKBYNX4"
        "BAynRFdiuB--f_nZLgrnbyTyWzO75vRK5h6xBArLIARNPvkSjtQBMHlb1L07Qe7K"
        "0GarZRmB_eSN9383LcOLn6_dO--xi12jzDwusC-eOkHWEsqtFZESc6BfI7noOPqv"
        "hJ1phCnvWh6IeYI2w9QOYEUipUTI8np6LbgGY9Fs98rqVt5AXLIhWkWywlVmtVrB"
        "p0igcN_IoypGlUPQGe77Rw\"}");
}

static void test_jws_when_signature_is_of_rfc_7515_a3_then_our_key_verifies_it(void **state)
{
    (void)state;
    struct err err = {0};
    AUTO(key_fini)
    struct key *key = NULL;
    assert_true(key_from_pem(STR(RFC7515_A3_KEY), &key, &err));
    AUTO(jws_fini)
    struct jws printed;
    jws_read(STR("{\"protected\":\"eyJhbGciOiJFUzI1NiJ9\","
                 "\"payload\":\"eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFt"
                 "cGxlLmNvbS9pc19yb290Ijp0cnVlfQ\","
                 "\"signature\":\"DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8IS"
                 "lSApmWQxfKTUJqPP3-Kg6NU1Q\"}"),
             &printed);
    assert_true(verifies(key, &printed));
    /* and ours has the same form */
    AUTO(json_fini)
    struct json *header = json_object();
    AUTO(buf_fini)
    struct buf out = BUF(8192);
    jws_sign(key, header, STR(JOE), &out);
    AUTO(jws_fini)
    struct jws ours;
    jws_read(buf_str(&out), &ours);
    assert_string_equal(buf_cstr(&ours.signing_input), buf_cstr(&printed.signing_input));
    assert_int_equal(ours.signature.len, 64);
    assert_true(verifies(key, &ours));
}

static void check_kind(enum key_kind kind, int rounds)
{
    AUTO(key_fini)
    struct key *key = key_new(kind);
    AUTO(json_fini)
    struct json *header = json_object();
    json_set_text(header, "kid", "https://ca.test/acct/1");
    json_set_text(header, "nonce", "bm9uY2U");
    json_set_text(header, "url", "https://ca.test/order?a=\"b\"");
    for (int i = 0; i < rounds; i++) {
        AUTO(buf_fini)
        struct buf out = BUF(8192);
        jws_sign(key, header, STR("{}"), &out);
        AUTO(jws_fini)
        struct jws jws;
        jws_read(buf_str(&out), &jws);
        assert_true(verifies(key, &jws));
        if (!key_kind_is_slow(kind))
            assert_int_equal(jws.signature.len, kind == KEY_ECDSA_P256 ? 64 : 96);
        jws.signing_input.p[3] ^= 1;
        assert_false(verifies(key, &jws));
    }
}

/* Many rounds on the curves: one r or s in 128 begins with a zero byte, which must stay. */
static void test_jws_when_of_any_kind_then_verifies_and_a_changed_text_does_not(void **state)
{
    (void)state;
    check_kind(KEY_ECDSA_P256, 400);
    check_kind(KEY_ECDSA_P384, 8);
    check_kind(KEY_RSA_2048, 2);
    check_kind(KEY_RSA_3072, 1);
}

static void test_jws_when_header_has_members_then_alg_leads_and_order_stays(void **state)
{
    (void)state;
    AUTO(key_fini)
    struct key *key = key_new(KEY_ECDSA_P384);
    AUTO(json_fini)
    struct json *header = json_object();
    json_set_text(header, "nonce", "n1");
    json_set_text(header, "url", "https://ca.test/new");
    json_set(header, "jwk", key_jwk(key));
    AUTO(buf_fini)
    struct buf out = BUF(8192);
    buf_add_cstr(&out, " ");
    jws_sign(key, header, STR("{}"), &out);
    AUTO(jws_fini)
    struct jws jws;
    jws_read(buf_str(&out), &jws);
    const char *start = "{\"alg\":\"ES384\",\"nonce\":\"n1\",\"url\":\"https://ca.test/new\","
                        "\"jwk\":{\"crv\":\"P-384\"";
    assert_true(str_starts(buf_str(&jws.header), str_of(start)));
    assert_null(json_find(header, "alg"));
}

static void test_jws_when_payload_is_absent_then_it_is_the_empty_text(void **state)
{
    (void)state;
    AUTO(key_fini)
    struct key *key = key_new(KEY_ECDSA_P256);
    AUTO(json_fini)
    struct json *header = json_object();
    AUTO(buf_fini)
    struct buf out = BUF(8192);
    jws_sign(key, header, STR_NONE, &out);
    assert_non_null(strstr(buf_cstr(&out), "\"payload\":\"\""));
    AUTO(jws_fini)
    struct jws jws;
    jws_read(buf_str(&out), &jws);
    assert_true(verifies(key, &jws));
}

static void test_jws_when_ceiling_is_low_then_out_says_overflow(void **state)
{
    (void)state;
    AUTO(key_fini)
    struct key *key = key_new(KEY_ECDSA_P256);
    AUTO(json_fini)
    struct json *header = json_object();
    AUTO(buf_fini)
    struct buf out = BUF(64);
    jws_sign(key, header, STR("{}"), &out);
    assert_true(out.overflow);
}

/* RFC 7520 4.4 */
static void test_hmac_when_key_is_of_rfc_7520_then_is_the_printed_one(void **state)
{
    (void)state;
    AUTO(buf_fini)
    struct buf raw = BUF(64), out = BUF(8192), payload = BUF(1024);
    assert_true(base64url_decode(&raw, STR("hJtXIZ2uSN5kbQfbtTNWbpdmhkV8FJG-Onbc6mxCcYg")));
    static const char text[] =
        "SXTigJlzIGEgZGFuZ2Vyb3VzIGJ1c2luZXNzLCBGcm9kbywgZ29pbmcgb3V0IHlvdXIgZG9vci4gWW91IHN0ZXAg"
        "b250byB0aGUgcm9hZCwgYW5kIGlmIHlvdSBkb24ndCBrZWVwIHlvdXIgZmVldCwgdGhlcmXigJlzIG5vIGtub3dp"
        "bmcgd2hlcmUgeW91IG1pZ2h0IGJlIHN3ZXB0IG9mZiB0by4";
    assert_true(base64url_decode(&payload, STR(text)));
    AUTO(secret_fini)
    struct secret key = {0};
    secret_take_buf(&key, &raw);
    AUTO(json_fini)
    struct json *header = json_object();
    json_set_text(header, "kid", "018c0ae5-4d9b-471b-bfd6-eef314bc7037");
    jws_hmac("HS256", &key, header, buf_str(&payload), &out);
    AUTO(buf_fini)
    struct buf expected = BUF(8192);
    buf_printf(&expected,
               "{\"protected\":\"eyJhbGciOiJIUzI1NiIsImtpZCI6IjAxOGMwYWU1LTRkOWItNDcxYi1iZmQ2LWVlZ"
               "jMxNGJjNzAzNyJ9\",\"payload\":\"%s\","
               "\"signature\":\"s0h6KThzkfBBBkLspW1h84VsJZFTsPPqMDA7g1Md7p0\"}",
               text);
    assert_string_equal(buf_cstr(&out), buf_cstr(&expected));
}

static void test_hmac_when_alg_is_longer_then_digest_is_too(void **state)
{
    (void)state;
    const struct {
        const char *alg;
        const EVP_MD *md;
    } rows[] = {{"HS256", EVP_sha256()}, {"HS384", EVP_sha384()}, {"HS512", EVP_sha512()}};
    AUTO(secret_fini)
    struct secret key = {0};
    secret_init(&key, "0123456789abcdef", 16);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        AUTO(json_fini)
        struct json *header = json_object();
        AUTO(buf_fini)
        struct buf out = BUF(8192);
        jws_hmac(rows[i].alg, &key, header, STR("{}"), &out);
        AUTO(jws_fini)
        struct jws jws;
        jws_read(buf_str(&out), &jws);
        unsigned char mac[64];
        unsigned len = 0;
        assert_non_null(HMAC(rows[i].md, key.p, (int)key.len,
                             (const unsigned char *)jws.signing_input.p, jws.signing_input.len, mac,
                             &len));
        assert_int_equal(jws.signature.len, len);
        assert_memory_equal(jws.signature.p, mac, len);
        assert_non_null(strstr(buf_cstr(&jws.header), rows[i].alg));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_jws_when_key_is_of_rfc_7515_a2_then_is_the_printed_one),
        cmocka_unit_test(test_jws_when_signature_is_of_rfc_7515_a3_then_our_key_verifies_it),
        cmocka_unit_test(test_jws_when_of_any_kind_then_verifies_and_a_changed_text_does_not),
        cmocka_unit_test(test_jws_when_header_has_members_then_alg_leads_and_order_stays),
        cmocka_unit_test(test_jws_when_payload_is_absent_then_it_is_the_empty_text),
        cmocka_unit_test(test_jws_when_ceiling_is_low_then_out_says_overflow),
        cmocka_unit_test(test_hmac_when_key_is_of_rfc_7520_then_is_the_printed_one),
        cmocka_unit_test(test_hmac_when_alg_is_longer_then_digest_is_too),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
