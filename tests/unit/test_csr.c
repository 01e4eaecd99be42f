/* SEES: base crypto */
#include "crypto/cert.h"

#include <openssl/x509v3.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

/* OpenSSL reads our request, finds its signature good, and would have encoded it the same way. */
static X509_REQ *request_read(const struct buf *der)
{
    const unsigned char *p = (const unsigned char *)der->p;
    X509_REQ *request = d2i_X509_REQ(NULL, &p, (long)der->len);
    assert_non_null(request);
    assert_ptr_equal(p, der->p + der->len);
    assert_int_equal(X509_REQ_verify(request, X509_REQ_get0_pubkey(request)), 1);
    assert_int_equal(X509_REQ_get_version(request), X509_REQ_VERSION_1);
    assert_int_equal(X509_NAME_entry_count(X509_REQ_get_subject_name(request)), 0);
    return request;
}

static void request_names(X509_REQ *request, struct buf *out)
{
    STACK_OF(X509_EXTENSION) *extensions = X509_REQ_get_extensions(request);
    assert_int_equal(sk_X509_EXTENSION_num(extensions), 1);
    GENERAL_NAMES *names = X509V3_get_d2i(extensions, NID_subject_alt_name, NULL, NULL);
    assert_non_null(names);
    for (int i = 0; i < sk_GENERAL_NAME_num(names); i++) {
        int type = 0;
        ASN1_STRING *value = GENERAL_NAME_get0_value(sk_GENERAL_NAME_value(names, i), &type);
        buf_add_cstr(out, type == GEN_DNS ? " dns:" : type == GEN_IPADD ? " ip:" : " ?:");
        if (type == GEN_DNS)
            buf_add(out, ASN1_STRING_get0_data(value), (size_t)ASN1_STRING_length(value));
        else
            hex_encode(out, ASN1_STRING_get0_data(value), (size_t)ASN1_STRING_length(value));
    }
    GENERAL_NAMES_free(names);
    sk_X509_EXTENSION_pop_free(extensions, X509_EXTENSION_free);
}

static void test_csr_when_names_are_mixed_then_holds_each_in_its_own_form(void **state)
{
    (void)state;
    static const char *const names[] = {"example.com", "*.example.com", "192.0.2.7", "2001:db8::1"};
    struct err err = {0};
    AUTO(key_fini)
    struct key *key = key_new(KEY_ECDSA_P256);
    AUTO(buf_fini)
    struct buf der = BUF(0), text = BUF(4096);
    assert_true(csr_new(key, names, 4, &der, &err));
    X509_REQ *request = request_read(&der);
    request_names(request, &text);
    assert_string_equal(buf_cstr(&text), " dns:example.com dns:*.example.com ip:c0000207"
                                         " ip:20010db8000000000000000000000001");
    X509_REQ_free(request);
}

static void test_csr_when_key_is_of_any_kind_then_is_signed_by_it(void **state)
{
    (void)state;
    static const char *const names[] = {"example.com"};
    static const int algorithms[] = {NID_ecdsa_with_SHA256, NID_ecdsa_with_SHA384,
                                     NID_sha256WithRSAEncryption, NID_sha256WithRSAEncryption,
                                     NID_sha256WithRSAEncryption};
    for (enum key_kind kind = 0; kind < KEY_RSA_4096; kind++) {
        struct err err = {0};
        AUTO(key_fini)
        struct key *key = key_new(kind);
        AUTO(buf_fini)
        struct buf der = BUF(0);
        assert_true(csr_new(key, names, 1, &der, &err));
        X509_REQ *request = request_read(&der);
        assert_int_equal(X509_REQ_get_signature_nid(request), algorithms[kind]);
        unsigned char *spki = NULL;
        int len = i2d_PUBKEY(X509_REQ_get0_pubkey(request), &spki);
        char held[65], ours[SPKI_HEX_MAX];
        sha256_hex(spki, (size_t)len, held);
        key_spki(key, ours);
        assert_string_equal(held, ours);
        OPENSSL_free(spki);
        X509_REQ_free(request);
    }
}

enum { MANY = 101, NAME_LEN = 240 };

static void test_csr_when_names_are_a_hundred_long_ones_then_holds_them_all(void **state)
{
    (void)state;
    char *names[MANY];
    for (int i = 0; i < MANY; i++)
        names[i] = mem_printf("%03d.%060d.%060d.%060d.example.com", i, 1, 2, 3);
    struct err err = {0};
    AUTO(key_fini)
    struct key *key = key_new(KEY_ECDSA_P256);
    AUTO(buf_fini)
    struct buf der = BUF(0), text = BUF(65536);
    assert_true(csr_new(key, (const char *const *)names, 100, &der, &err));
    X509_REQ *request = request_read(&der);
    request_names(request, &text);
    assert_int_equal(text.len, 100 * (strlen(names[0]) + 5));
    assert_non_null(strstr(buf_cstr(&text), names[99]));
    X509_REQ_free(request);
    assert_false(csr_new(key, (const char *const *)names, 101, &der, &err));
    assert_int_equal(err.kind, ERR_CONFIG);
    for (int i = 0; i < MANY; i++)
        mem_free(names[i]);
}

static void test_csr_when_a_name_is_no_name_then_is_refused_and_output_untouched(void **state)
{
    (void)state;
    char long_name[300];
    memset(long_name, 'a', sizeof long_name);
    long_name[sizeof long_name - 1] = '\0';
    const char *const bad[] = {"", "two words", "new\nline",
                               "b\xc3\xbc"
                               "cher.example",
                               long_name};
    AUTO(key_fini)
    struct key *key = key_new(KEY_ECDSA_P256);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct err err = {0};
        AUTO(buf_fini)
        struct buf der = BUF(16);
        buf_add_cstr(&der, "kept");
        assert_false(csr_new(key, &bad[i], 1, &der, &err));
        assert_int_equal(err.kind, ERR_CONFIG);
        assert_string_equal(buf_cstr(&der), "kept");
        assert_false(csr_new(key, bad, 0, &der, &err));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_csr_when_names_are_mixed_then_holds_each_in_its_own_form),
        cmocka_unit_test(test_csr_when_key_is_of_any_kind_then_is_signed_by_it),
        cmocka_unit_test(test_csr_when_names_are_a_hundred_long_ones_then_holds_them_all),
        cmocka_unit_test(test_csr_when_a_name_is_no_name_then_is_refused_and_output_untouched),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
