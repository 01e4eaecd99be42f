/* SEES: base crypto */
#include "crypto/cert.h"

#include "little_ca.h"

#include <openssl/pkcs12.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static struct key *key;
static struct chain *chain; /* leaf, intermediate, root */

static PKCS12 *p12_read(const struct secret *der)
{
    const unsigned char *p = der->p;
    PKCS12 *p12 = d2i_PKCS12(NULL, &p, (long)der->len);
    assert_non_null(p12);
    assert_ptr_equal(p, der->p + der->len);
    return p12;
}

static void build(const char *password, bool legacy, struct secret *ret_der)
{
    struct err err = {0};
    AUTO(secret_fini)
    struct secret secret = {0};
    secret_init(&secret, password, strlen(password));
    if (!pkcs12_build(key, chain, "shop", &secret, legacy, ret_der, &err))
        fail_msg("%s", err.text);
}

static void check_content(PKCS12 *p12, const char *password)
{
    EVP_PKEY *pkey = NULL;
    X509 *leaf = NULL;
    STACK_OF(X509) *rest = NULL;
    assert_int_equal(PKCS12_parse(p12, password, &pkey, &leaf, &rest), 1);
    EVP_PKEY *ours = ca_pkey(key);
    assert_int_equal(EVP_PKEY_eq(pkey, ours), 1);
    assert_int_equal(X509_check_private_key(leaf, ours), 1);
    assert_int_equal(sk_X509_num(rest), 1); /* the root is left out */
    int len = 0;
    const unsigned char *alias = X509_alias_get0(leaf, &len);
    assert_int_equal(len, 4);
    assert_memory_equal(alias, "shop", 4);
    EVP_PKEY_free(ours);
    EVP_PKEY_free(pkey);
    X509_free(leaf);
    sk_X509_pop_free(rest, X509_free);
}

static void check_opens(const char *password, bool legacy, int mac_nid)
{
    AUTO(secret_fini)
    struct secret der = {0};
    build(password, legacy, &der);
    PKCS12 *p12 = p12_read(&der);
    const X509_ALGOR *mac = NULL;
    const ASN1_OBJECT *digest = NULL;
    PKCS12_get0_mac(NULL, &mac, NULL, NULL, p12);
    X509_ALGOR_get0(&digest, NULL, NULL, mac);
    assert_int_equal(OBJ_obj2nid(digest), mac_nid);
    assert_false(PKCS12_verify_mac(p12, "wrong", -1));
    check_content(p12, password);
    PKCS12_free(p12);
}

static void test_pkcs12_when_modern_then_opens_with_its_password_only(void **state)
{
    (void)state;
    check_opens("changeit", false, NID_sha256);
}

static void test_pkcs12_when_legacy_then_uses_3des_and_sha1(void **state)
{
    (void)state;
    check_opens("changeit", true, NID_sha1);
    /* 1.2.840.113549.1.12.1.3, pbeWithSHAAnd3-KeyTripleDES-CBC */
    const struct str oid = STR("\x2a\x86\x48\x86\xf7\x0d\x01\x0c\x01\x03");
    AUTO(secret_fini)
    struct secret legacy = {0}, modern = {0};
    build("changeit", true, &legacy);
    build("changeit", false, &modern);
    assert_true(str_find(secret_str(&legacy), oid) < legacy.len);
    assert_int_equal(str_find(secret_str(&modern), oid), modern.len);
    /* 2.16.840.1.101.3.4.1.42, aes256-CBC */
    const struct str aes = STR("\x60\x86\x48\x01\x65\x03\x04\x01\x2a");
    assert_true(str_find(secret_str(&modern), aes) < modern.len);
}

static void test_pkcs12_when_password_is_empty_then_opens_without(void **state)
{
    (void)state;
    check_opens("", false, NID_sha256);
    check_opens("", true, NID_sha1);
    struct err err = {0};
    AUTO(secret_fini)
    struct secret der = {0};
    assert_true(pkcs12_build(key, chain, "shop", NULL, false, &der, &err));
    PKCS12 *p12 = p12_read(&der);
    check_content(p12, "");
    PKCS12_free(p12);
}

static void test_pkcs12_when_key_is_another_then_is_refused(void **state)
{
    (void)state;
    struct err err = {0};
    AUTO(key_fini)
    struct key *other = key_new(KEY_ECDSA_P256);
    struct secret der = {0};
    assert_false(pkcs12_build(other, chain, "shop", NULL, false, &der, &err));
    assert_int_equal(err.kind, ERR_BROKEN);
    assert_null(der.p);
}

static void test_pkcs12_when_password_holds_nul_then_is_a_fault_of_configuration(void **state)
{
    (void)state;
    struct err err = {0};
    AUTO(secret_fini)
    struct secret password = {0};
    secret_init(&password, "a\0b", 3);
    struct secret der = {0};
    assert_false(pkcs12_build(key, chain, "shop", &password, false, &der, &err));
    assert_int_equal(err.kind, ERR_CONFIG);
    assert_null(der.p);
}

static int set_up(void **state)
{
    (void)state;
    AUTO(buf_fini)
    struct buf pem = BUF(65536);
    struct err err = {0};
    EVP_PKEY *root = EVP_EC_gen("P-256"), *one = EVP_EC_gen("P-256");
    key = key_new(KEY_ECDSA_P256);
    EVP_PKEY *leaf = ca_pkey(key);
    cert_add(&pem, &(struct cert_plan){.subject = "shop.example",
                                       .issuer = "One",
                                       .names = "DNS:shop.example",
                                       .key = leaf,
                                       .signer = one});
    cert_add(&pem,
             &(struct cert_plan){
                 .subject = "One", .issuer = "Root", .is_ca = true, .key = one, .signer = root});
    cert_add(&pem, &(struct cert_plan){.subject = "Root", .is_ca = true, .key = root});
    EVP_PKEY_free(root);
    EVP_PKEY_free(one);
    EVP_PKEY_free(leaf);
    return chain_parse_pem(buf_str(&pem), &chain, &err) ? 0 : -1;
}

static int tear_down(void **state)
{
    (void)state;
    key_free(key);
    chain_free(chain);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_pkcs12_when_modern_then_opens_with_its_password_only),
        cmocka_unit_test(test_pkcs12_when_legacy_then_uses_3des_and_sha1),
        cmocka_unit_test(test_pkcs12_when_password_is_empty_then_opens_without),
        cmocka_unit_test(test_pkcs12_when_key_is_another_then_is_refused),
        cmocka_unit_test(test_pkcs12_when_password_holds_nul_then_is_a_fault_of_configuration),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
