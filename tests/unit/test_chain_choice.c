/* SEES: base crypto */
#include "crypto/chain_choice.h"

#include "little_ca.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

/* leaf <- "Issuer 1" <- "Root Y" (cross-signed by "Root X"); the other chain ends below "Root Y" itself. */
static EVP_PKEY *leaf_key, *issuer_key, *root_y_key, *root_x_key;

/* Made once: no two signatures are equal. */
static struct buf leaf_pem, newer_leaf_pem, issuer_pem;

static void pems_make(void)
{
    const struct cert_plan leaf = {.subject = "",
                                   .issuer = "Issuer 1",
                                   .names = "DNS:www.example.com",
                                   .key = leaf_key,
                                   .signer = issuer_key};
    leaf_pem = newer_leaf_pem = issuer_pem = BUF(CHAIN_PEM_MAX);
    cert_add(&leaf_pem, &leaf);
    cert_add(&newer_leaf_pem, &leaf);
    cert_add(&issuer_pem, &(struct cert_plan){.subject = "Issuer 1",
                                              .issuer = "Root Y",
                                              .key = issuer_key,
                                              .signer = root_y_key,
                                              .is_ca = true});
}

static struct chain *chain_of(bool is_long, bool with_root, const struct buf *leaf)
{
    AUTO(buf_fini)
    struct buf pem = BUF(CHAIN_PEM_MAX);
    struct chain *chain = NULL;
    struct err err = {0};
    buf_add_str(&pem, buf_str(leaf));
    buf_add_str(&pem, buf_str(&issuer_pem));
    if (is_long)
        cert_add(&pem, &(struct cert_plan){.subject = "Root Y",
                                           .issuer = "Root X",
                                           .key = root_y_key,
                                           .signer = root_x_key,
                                           .is_ca = true});
    else if (with_root)
        cert_add(&pem, &(struct cert_plan){.subject = "Root Y", .key = root_y_key, .is_ca = true});
    if (!chain_parse_pem(buf_str(&pem), &chain, &err))
        fail_msg("%s", err.text);
    return chain;
}

static void test_fit_when_a_root_is_named_then_what_ends_there_is_best(void **state)
{
    (void)state;
    AUTO(chain_fini)
    struct chain *cross = chain_of(true, false, &leaf_pem),
                 *own = chain_of(false, false, &leaf_pem);
    assert_int_equal(chain_fits(cross, "Root X"), CHAIN_FIT_TOP);
    assert_int_equal(chain_fits(own, "Root X"), CHAIN_FIT_NONE);
    assert_int_equal(chain_fits(cross, "Root Y"), CHAIN_FIT_WITHIN);
    assert_int_equal(chain_fits(own, "root y"), CHAIN_FIT_TOP);
    assert_int_equal(chain_fits(own, "Issuer 1"), CHAIN_FIT_WITHIN);
    assert_int_equal(chain_fits(own, "Root"), CHAIN_FIT_NONE);
    assert_int_equal(chain_fits(own, "www.example.com"), CHAIN_FIT_NONE);
}

static void test_fit_when_a_fingerprint_is_wished_then_any_certificate_of_it_counts(void **state)
{
    (void)state;
    AUTO(chain_fini)
    struct chain *cross = chain_of(true, false, &leaf_pem), *own = chain_of(false, true, &leaf_pem);
    for (size_t i = 0; i < 3; i++) {
        struct err err = {0};
        AUTO(cert_facts_fini)
        struct cert_facts facts = {0};
        assert_true(chain_facts(cross, i, &facts, &err));
        AUTO(mem_fini)
        char *wish = mem_printf("sha256:%s", facts.sha256_hex);
        assert_int_equal(chain_fits(cross, wish), CHAIN_FIT_TOP);
        assert_int_equal(chain_fits(own, wish), i < 2 ? CHAIN_FIT_TOP : CHAIN_FIT_NONE);
    }
}

static void test_wish_when_it_is_a_fingerprint_then_it_has_one_spelling(void **state)
{
    (void)state;
    struct err err = {0};
    AUTO(mem_fini)
    char *wish = NULL;
    AUTO(buf_fini)
    struct buf text = BUF(200), plain = BUF(200);
    buf_add_cstr(&text, " SHA256:");
    buf_add_cstr(&plain, "sha256:");
    for (int i = 0; i < 32; i++) {
        buf_printf(&text, "%sAB", i > 0 ? ":" : "");
        buf_add_cstr(&plain, "ab");
    }
    assert_true(chain_wish_check(buf_cstr(&text), &wish, &err));
    assert_string_equal(wish, buf_cstr(&plain));
}

static void test_wish_when_it_is_none_then_config(void **state)
{
    (void)state;
    /* the last one is two digits too long */
    static const char too_long[] = "sha256:00112233445566778899aabbccddeeff"
                                   "00112233445566778899aabbccddeeff00";
    static const char *const bad[] = {"", "   ", "sha256:12", "sha256:zz", too_long};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct err err = {0};
        char *wish = NULL;
        assert_false(chain_wish_check(bad[i], &wish, &err));
        assert_int_equal(err.kind, ERR_CONFIG);
        assert_null(wish);
    }
    AUTO(mem_fini)
    char *long_wish = mem_new(1, 300), *name = NULL;
    struct err err = {0};
    memset(long_wish, 'a', 250);
    assert_false(chain_wish_check(long_wish, &name, &err));
    assert_true(chain_wish_check("  ISRG Root X1 ", &name, &err));
    assert_string_equal(name, "ISRG Root X1");
}

static void test_chain_when_its_root_was_sent_then_it_is_kept_and_not_delivered(void **state)
{
    (void)state;
    AUTO(chain_fini)
    struct chain *own = chain_of(false, true, &leaf_pem), *other = chain_of(true, false, &leaf_pem),
                 *newer = chain_of(false, true, &newer_leaf_pem);
    AUTO(buf_fini)
    struct buf kept = BUF(CHAIN_PEM_MAX), delivered = BUF(CHAIN_PEM_MAX);
    AUTO(mem_fini)
    char *root = chain_root_name(own), *other_root = chain_root_name(other);
    chain_issuers_pem(own, &kept);
    chain_rest_pem(own, &delivered);
    assert_true(str_starts(buf_str(&kept), buf_str(&delivered)) && kept.len > delivered.len);
    assert_false(chain_cert_is_root(own, 1));
    assert_true(chain_cert_is_root(own, 2));
    assert_string_equal(root, "Root Y");
    assert_string_equal(other_root, "Root X");
    assert_true(chain_has_same_leaf(own, other));
    assert_false(chain_has_same_leaf(own, newer));
}

static int keys_make(void **state)
{
    (void)state;
    EVP_PKEY **const keys[] = {&leaf_key, &issuer_key, &root_y_key, &root_x_key};
    for (size_t i = 0; i < 4; i++)
        *keys[i] = EVP_EC_gen("P-256");
    pems_make();
    return 0;
}

static int keys_free(void **state)
{
    (void)state;
    buf_fini(&leaf_pem);
    buf_fini(&newer_leaf_pem);
    buf_fini(&issuer_pem);
    EVP_PKEY_free(leaf_key);
    EVP_PKEY_free(issuer_key);
    EVP_PKEY_free(root_y_key);
    EVP_PKEY_free(root_x_key);
    return 0;
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_fit_when_a_root_is_named_then_what_ends_there_is_best),
        cmocka_unit_test(test_fit_when_a_fingerprint_is_wished_then_any_certificate_of_it_counts),
        cmocka_unit_test(test_wish_when_it_is_a_fingerprint_then_it_has_one_spelling),
        cmocka_unit_test(test_wish_when_it_is_none_then_config),
        cmocka_unit_test(test_chain_when_its_root_was_sent_then_it_is_kept_and_not_delivered),
    };
    return cmocka_run_group_tests(tests, keys_make, keys_free);
}
