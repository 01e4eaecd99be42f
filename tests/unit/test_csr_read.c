/* SEES: base crypto */
#include "crypto/csr.h"

#include "crypto/cert.h"

#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509v3.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

/* A request of somebody else: every field is a line of the plan. OpenSSL makes it. */
struct plan {
    const char *names;       /* "DNS:a.example,IP:192.0.2.7"; NULL: no extension */
    const char *common_name; /* NULL: none */
    EVP_PKEY *key, *signer;  /* signer NULL: key */
    const EVP_MD *digest;    /* NULL: SHA-256 */
};

static void need(bool fine)
{
    if (!fine)
        fail_msg("OpenSSL refuses");
}

static EVP_PKEY *rsa_key(unsigned bits)
{
    EVP_PKEY *key = EVP_RSA_gen(bits);
    need(key != NULL);
    return key;
}

static EVP_PKEY *ec_key(const char *curve)
{
    EVP_PKEY *key = EVP_EC_gen(curve);
    need(key != NULL);
    return key;
}

static void request_make(const struct plan *plan, struct buf *ret_der)
{
    X509_REQ *req = X509_REQ_new();
    need(X509_REQ_set_pubkey(req, plan->key) == 1);
    if (plan->common_name != NULL)
        need(X509_NAME_add_entry_by_NID(X509_REQ_get_subject_name(req), NID_commonName,
                                        MBSTRING_UTF8, (const unsigned char *)plan->common_name, -1,
                                        -1, 0) == 1);
    if (plan->names != NULL) {
        STACK_OF(X509_EXTENSION) *list = sk_X509_EXTENSION_new_null();
        X509_EXTENSION *names = X509V3_EXT_conf_nid(NULL, NULL, NID_subject_alt_name, plan->names);
        need(names != NULL && sk_X509_EXTENSION_push(list, names) > 0);
        need(X509_REQ_add_extensions(req, list) == 1);
        sk_X509_EXTENSION_pop_free(list, X509_EXTENSION_free);
    }
    need(X509_REQ_sign(req, plan->signer != NULL ? plan->signer : plan->key,
                       plan->digest != NULL ? plan->digest : EVP_sha256()) > 0);
    unsigned char *der = NULL;
    int len = i2d_X509_REQ(req, &der);
    need(len > 0);
    *ret_der = BUF(CSR_LEN_MAX * 2);
    buf_add(ret_der, der, (size_t)len);
    OPENSSL_free(der);
    X509_REQ_free(req);
}

static void pem_make(struct buf *out, const char *label, const struct buf *der)
{
    buf_printf(out, "-----BEGIN %s-----\n", label);
    base64_encode(out, der->p, der->len);
    buf_printf(out, "\n-----END %s-----\n", label);
}

static void assert_refused(struct str bytes, enum err_kind kind, const char *why)
{
    struct err err = {0};
    struct csr_facts facts = {0};
    assert_false(csr_parse(bytes, &facts, &err));
    assert_null(facts.names);
    if (err.kind != kind || strstr(err.text, why) == NULL)
        fail_msg("\"%s\" (%s) says nothing of \"%s\" (%s)", err.text, err_kind_name(err.kind), why,
                 err_kind_name(kind));
}

static void assert_plan_refused(const struct plan *plan, enum err_kind kind, const char *why)
{
    AUTO(buf_fini)
    struct buf der = {0};
    request_make(plan, &der);
    assert_refused(buf_str(&der), kind, why);
}

static void test_request_when_it_is_ours_then_it_is_read_back(void **state)
{
    (void)state;
    static const char *const names[] = {"Example.com", "*.example.com", "192.0.2.7"};
    for (enum key_kind kind = 0; kind < KEY_RSA_4096; kind++) {
        struct err err = {0};
        char spki[SPKI_HEX_MAX];
        AUTO(key_fini)
        struct key *key = key_new(kind);
        AUTO(buf_fini)
        struct buf der = {0};
        AUTO(csr_facts_fini)
        struct csr_facts facts = {0};
        assert_true(csr_new(key, names, 3, &der, &err));
        assert_true(csr_parse(buf_str(&der), &facts, &err));
        key_spki(key, spki);
        assert_string_equal(facts.spki_hex, spki);
        assert_int_equal(facts.kind, kind);
        assert_true(str_eq(buf_str(&facts.der), buf_str(&der)));
        assert_int_equal(facts.n_names, 3);
        assert_string_equal(facts.names[0], "example.com");
        assert_string_equal(facts.names[2], "192.0.2.7");
    }
}

static void test_request_when_it_is_pem_of_either_name_then_it_is_read(void **state)
{
    (void)state;
    static const char *const labels[] = {"CERTIFICATE REQUEST", "NEW CERTIFICATE REQUEST"};
    EVP_PKEY *key = ec_key("P-256");
    AUTO(buf_fini)
    struct buf der = {0};
    request_make(&(struct plan){.names = "DNS:a.example", .common_name = "A.example", .key = key},
                 &der);
    for (size_t i = 0; i < 2; i++) {
        struct err err = {0};
        AUTO(buf_fini)
        struct buf pem = BUF(CSR_LEN_MAX);
        AUTO(csr_facts_fini)
        struct csr_facts facts = {0};
        buf_add_cstr(&pem, "Certificate Request:\n    Data: as openssl req -text says it\n");
        pem_make(&pem, labels[i], &der);
        assert_true(csr_parse(buf_str(&pem), &facts, &err));
        assert_true(str_eq(buf_str(&facts.der), buf_str(&der)));
    }
    EVP_PKEY_free(key);
}

static void test_request_when_its_bytes_are_wrong_then_broken(void **state)
{
    (void)state;
    EVP_PKEY *key = ec_key("P-256"), *other = ec_key("P-256");
    AUTO(buf_fini)
    struct buf der = {0}, pem = BUF(CSR_LEN_MAX), cut = BUF(CSR_LEN_MAX);
    request_make(&(struct plan){.names = "DNS:a.example", .key = key}, &der);
    pem_make(&pem, "CERTIFICATE REQUEST", &der);
    assert_refused(STR_NONE, ERR_BROKEN, "empty");
    assert_refused(STR("hello"), ERR_BROKEN, "no certificate request");
    assert_refused(STR("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"),
                   ERR_BROKEN, "no certificate request");
    assert_refused(str_mem(der.p, der.len - 1), ERR_BROKEN, "decoded");
    assert_refused(str_mem(pem.p, pem.len / 2), ERR_BROKEN, "end mark");
    buf_add_str(&cut, buf_str(&der));
    buf_add_char(&cut, 0);
    assert_refused(buf_str(&cut), ERR_BROKEN, "bytes follow");
    buf_clear(&cut);
    buf_add_str(&cut, buf_str(&pem));
    buf_add_cstr(&cut, "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n");
    assert_refused(buf_str(&cut), ERR_BROKEN, "private key");
    buf_clear(&cut);
    buf_add_str(&cut, buf_str(&pem));
    buf_add_str(&cut, buf_str(&pem));
    assert_refused(buf_str(&cut), ERR_BROKEN, "follows its end");
    assert_plan_refused(&(struct plan){.names = "DNS:a.example", .key = key, .signer = other},
                        ERR_BROKEN, "not by its own key");
    EVP_PKEY_free(key);
    EVP_PKEY_free(other);
}

static void test_request_when_no_ca_would_take_its_key_or_digest_then_refused(void **state)
{
    (void)state;
    EVP_PKEY *weak = rsa_key(1024), *odd = rsa_key(2560), *curve = ec_key("secp256k1"),
             *ed = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519"), *good = rsa_key(2048);
    assert_plan_refused(&(struct plan){.names = "DNS:a.example", .key = weak}, ERR_REFUSED, "1024");
    assert_plan_refused(&(struct plan){.names = "DNS:a.example", .key = odd}, ERR_REFUSED, "2560");
    assert_plan_refused(&(struct plan){.names = "DNS:a.example", .key = curve}, ERR_REFUSED,
                        "P-256");
    assert_plan_refused(&(struct plan){.names = "DNS:a.example", .key = good, .digest = EVP_sha1()},
                        ERR_REFUSED, "SHA1");
    X509_REQ *req = X509_REQ_new();
    need(X509_REQ_set_pubkey(req, ed) == 1 && X509_REQ_sign(req, ed, NULL) > 0);
    unsigned char *der = NULL;
    int len = i2d_X509_REQ(req, &der);
    assert_refused(str_mem(der, (size_t)len), ERR_REFUSED, "ED25519");
    OPENSSL_free(der);
    X509_REQ_free(req);
    EVP_PKEY_free(weak);
    EVP_PKEY_free(odd);
    EVP_PKEY_free(curve);
    EVP_PKEY_free(ed);
    EVP_PKEY_free(good);
}

/* What the CA would give back in another form would look like another key. */
static void test_request_when_its_point_is_compressed_then_refused(void **state)
{
    (void)state;
    EVP_PKEY *key = ec_key("P-256");
    need(EVP_PKEY_set_utf8_string_param(key, "point-format", "compressed") == 1);
    assert_plan_refused(&(struct plan){.names = "DNS:a.example", .key = key}, ERR_REFUSED,
                        "uncompressed");
    EVP_PKEY_free(key);
}

static void test_request_when_its_names_cannot_be_ordered_then_refused(void **state)
{
    (void)state;
    EVP_PKEY *key = ec_key("P-256");
    AUTO(buf_fini)
    struct buf many = BUF(16 * 1024);
    for (int i = 0; i < 101; i++)
        buf_printf(&many, "%sDNS:n%d.example", i > 0 ? "," : "", i);
    assert_plan_refused(&(struct plan){.common_name = "a.example", .key = key}, ERR_REFUSED,
                        "no names in subjectAltName");
    assert_plan_refused(&(struct plan){.names = "DNS:a.example,email:ops@a.example", .key = key},
                        ERR_REFUSED, "other kinds");
    assert_plan_refused(
        &(struct plan){.names = "DNS:a.example", .common_name = "b.example", .key = key},
        ERR_REFUSED, "none of its names");
    assert_plan_refused(&(struct plan){.names = buf_cstr(&many), .key = key}, ERR_REFUSED,
                        "101 names");
    EVP_PKEY_free(key);
}

static void test_names_when_they_differ_then_both_sides_are_told(void **state)
{
    (void)state;
    static const char *const same[] = {"B.example", "a.example"};
    static const char *const other[] = {"a.example", "c.example"};
    struct err err = {0};
    EVP_PKEY *key = ec_key("P-384");
    AUTO(buf_fini)
    struct buf der = {0};
    AUTO(csr_facts_fini)
    struct csr_facts facts = {0};
    request_make(&(struct plan){.names = "DNS:a.example,DNS:b.example", .key = key}, &der);
    assert_true(csr_parse(buf_str(&der), &facts, &err));
    assert_int_equal(facts.kind, KEY_ECDSA_P384);
    assert_true(csr_names_check(&facts, same, 2, &err));
    assert_false(csr_names_check(&facts, other, 2, &err));
    assert_int_equal(err.kind, ERR_REFUSED);
    assert_non_null(strstr(err.text, "it lacks c.example; it also holds b.example"));
    assert_false(csr_names_check(&facts, other, 1, &err));
    assert_null(strstr(err.text, "lacks"));
    EVP_PKEY_free(key);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_request_when_it_is_ours_then_it_is_read_back),
        cmocka_unit_test(test_request_when_it_is_pem_of_either_name_then_it_is_read),
        cmocka_unit_test(test_request_when_its_bytes_are_wrong_then_broken),
        cmocka_unit_test(test_request_when_no_ca_would_take_its_key_or_digest_then_refused),
        cmocka_unit_test(test_request_when_its_point_is_compressed_then_refused),
        cmocka_unit_test(test_request_when_its_names_cannot_be_ordered_then_refused),
        cmocka_unit_test(test_names_when_they_differ_then_both_sides_are_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
