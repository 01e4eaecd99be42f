/* SEES: base crypto io store config acme dns-providers inventory distribution */
#include "deliver_case.h"

#include <openssl/pkcs12.h>

static struct certificate *certificate_1(void)
{
    struct err err = {0};
    struct certificate *certificate = NULL;
    target_put("web", "");
    refresh();
    must(held_certificate(&house, version_bear("web", 30), true, &certificate, &err), &err);
    return certificate;
}

static struct bundle *bundle_of(const struct certificate *certificate, unsigned formats)
{
    struct err err = {0};
    struct bundle *bundle = NULL;
    must(bundle_new(&house, certificate, formats, NULL, false, &bundle, &err), &err);
    return bundle;
}

static const char *file_text(const struct bundle *bundle, const char *name)
{
    static char texts[8][32 * 1024];
    static unsigned turn;
    char *out = texts[turn++ % 8];
    for (size_t i = 0; i < bundle_n(bundle); i++) {
        struct str bytes = bundle_bytes(bundle, i);
        if (strcmp(bundle_name(bundle, i), name) != 0)
            continue;
        snprintf(out, sizeof texts[0], "%.*s", STR_ARG(bytes));
        return out;
    }
    fail_msg("there is no %s", name);
    return NULL;
}

static int n_of(const char *text, const char *words)
{
    int n = 0;
    for (const char *p = text; (p = strstr(p, words)) != NULL; p += strlen(words))
        n++;
    return n;
}

#define ALL                                                                                        \
    (FORMAT_KEY | FORMAT_CERT | FORMAT_CHAIN | FORMAT_FULLCHAIN | FORMAT_COMBINED |                \
     FORMAT_KEYFIRST | FORMAT_PKCS12)

static void test_bundle_when_all_formats_are_asked_for_then_each_holds_its_parts_in_order(
    void **state)
{
    (void)state;
    struct certificate *certificate = certificate_1();
    struct bundle *bundle = bundle_of(certificate, ALL);
    assert_int_equal(bundle_n(bundle), 7);
    const char *key = file_text(bundle, "key.pem"), *leaf = file_text(bundle, "cert.pem");
    const char *chain = file_text(bundle, "chain.pem");
    char joined[16 * 1024];
    assert_int_equal(n_of(key, "BEGIN PRIVATE KEY"), 1);
    assert_int_equal(n_of(leaf, "BEGIN CERTIFICATE"), 1);
    assert_int_equal(n_of(chain, "BEGIN CERTIFICATE"), 1);
    snprintf(joined, sizeof joined, "%s%s", leaf, chain);
    assert_string_equal(file_text(bundle, "fullchain.pem"), joined);
    snprintf(joined, sizeof joined, "%s%s%s", leaf, chain, key);
    assert_string_equal(file_text(bundle, "combined.pem"), joined);
    snprintf(joined, sizeof joined, "%s%s%s", key, leaf, chain);
    assert_string_equal(file_text(bundle, "keyfirst.pem"), joined);
    bundle_free(bundle);
    certificate_free(certificate);
}

static void test_bundle_when_pem_then_lines_end_and_none_is_blank(void **state)
{
    (void)state;
    struct certificate *certificate = certificate_1();
    struct bundle *bundle = bundle_of(certificate, ALL & ~(unsigned)FORMAT_PKCS12);
    for (size_t i = 0; i < bundle_n(bundle); i++) {
        struct str bytes = bundle_bytes(bundle, i);
        assert_true(bytes.len > 0 && bytes.p[bytes.len - 1] == '\n');
        assert_int_equal(str_find(bytes, STR("\n\n")), bytes.len);
    }
    bundle_free(bundle);
    certificate_free(certificate);
}

static void test_bundle_when_one_format_is_asked_for_then_no_key_lies_about(void **state)
{
    (void)state;
    struct certificate *certificate = certificate_1();
    struct bundle *bundle = bundle_of(certificate, FORMAT_FULLCHAIN);
    assert_int_equal(bundle_n(bundle), 1);
    assert_int_equal(n_of(file_text(bundle, "fullchain.pem"), "KEY"), 0);
    bundle_free(bundle);
    certificate_free(certificate);
}

static void test_bundle_when_pkcs12_has_a_password_then_only_that_opens_it(void **state)
{
    (void)state;
    struct err err = {0};
    struct certificate *certificate = certificate_1();
    struct bundle *bundle = NULL;
    AUTO(secret_fini)
    struct secret password = {0};
    secret_init(&password, "open sesame", 11);
    must(bundle_new(&house, certificate, FORMAT_PKCS12, &password, false, &bundle, &err), &err);
    assert_string_equal(bundle_name(bundle, 0), "bundle.p12");
    struct str bytes = bundle_bytes(bundle, 0);
    const unsigned char *p = (const unsigned char *)bytes.p;
    PKCS12 *p12 = d2i_PKCS12(NULL, &p, (long)bytes.len);
    assert_non_null(p12);
    assert_int_equal(PKCS12_verify_mac(p12, "open sesame", -1), 1);
    assert_int_equal(PKCS12_verify_mac(p12, "", -1), 0);
    PKCS12_free(p12);
    bundle_free(bundle);
    certificate_free(certificate);
}

static void test_bundle_when_the_key_is_gone_then_it_says_of_what(void **state)
{
    (void)state;
    struct err err = {0};
    struct certificate *certificate = certificate_1();
    struct bundle *bundle = NULL;
    certificate->key_id = 4711;
    assert_false(bundle_new(&house, certificate, FORMAT_KEY, NULL, false, &bundle, &err));
    assert_int_equal(err.kind, ERR_STORE);
    assert_null(bundle);
    has_words(err.text, "version 1 of set web");
    certificate_free(certificate);
}

static void test_bundle_version_when_named_then_number_and_print(void **state)
{
    (void)state;
    struct certificate certificate = {
        .version = 42, .sha256 = (char *)(uintptr_t) "1a2b3c4d5e6f708192a3b4c5d6e7f8091a2b3c4d"};
    AUTO(buf_fini)
    struct buf name = BUF(100);
    bundle_version(&certificate, &name);
    assert_string_equal(buf_cstr(&name), "42-1a2b3c4d");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, deliver_make, deliver_remove)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_bundle_when_all_formats_are_asked_for_then_each_holds_its_parts_in_order),
        TEST(test_bundle_when_pem_then_lines_end_and_none_is_blank),
        TEST(test_bundle_when_one_format_is_asked_for_then_no_key_lies_about),
        TEST(test_bundle_when_pkcs12_has_a_password_then_only_that_opens_it),
        TEST(test_bundle_when_the_key_is_gone_then_it_says_of_what),
        cmocka_unit_test(test_bundle_version_when_named_then_number_and_print),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
