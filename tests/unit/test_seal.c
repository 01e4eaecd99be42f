/* SEES: base crypto */
#include "crypto/seal.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define PLACE STR("private_key/17/der")

static struct seal *seal_of(struct str text)
{
    struct err err = {0};
    AUTO(secret_fini)
    struct secret key = {0};
    secret_init(&key, text.p, text.len);
    struct seal *seal = NULL;
    if (!seal_open(&key, &seal, &err))
        fail_msg("%s", err.text);
    return seal;
}

static void seal_fini(struct seal **seal)
{
    seal_close(*seal);
}

/* The bytes 0 to 31 in all forms */
#define RAW                                                                                        \
    "\x00\x01\x02\x03\x04\x05\x06\x07\x08\x09\x0a\x0b\x0c\x0d\x0e\x0f\x10\x11\x12\x13\x14\x15\x16" \
    "\x17\x18\x19\x1a\x1b\x1c\x1d\x1e\x1f"
#define HEX    "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"
#define BASE64 "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="

static void assert_opens(const struct seal *seal, const struct buf *blob, struct str place,
                         struct str plain)
{
    struct err err = {0};
    AUTO(secret_fini)
    struct secret out = {0};
    if (!seal_unwrap(seal, buf_str(blob), place, &out, &err))
        fail_msg("%s", err.text);
    assert_int_equal(out.len, plain.len);
    assert_memory_equal(out.p, plain.p, plain.len);
}

static void assert_stays_shut(const struct seal *seal, struct str blob, struct str place,
                              const char *part)
{
    struct err err = {0};
    struct secret out = {0};
    assert_false(seal_unwrap(seal, blob, place, &out, &err));
    assert_null(out.p);
    assert_int_equal(err.kind, ERR_STORE);
    if (strstr(err.text, part) == NULL)
        fail_msg("\"%s\" does not say \"%s\"", err.text, part);
}

static void test_seal_when_key_comes_in_any_form_then_is_the_same_key(void **state)
{
    (void)state;
    const struct str forms[] = {
        STR(RAW),
        STR(HEX),
        STR(BASE64),
        STR(HEX "\n"),
        STR(" " BASE64 "\r\n"),
        STR("AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8"),
    };
    char first[17] = "", id[17];
    for (size_t i = 0; i < sizeof forms / sizeof *forms; i++) {
        AUTO(seal_fini)
        struct seal *seal = seal_of(forms[i]);
        seal_key_id(seal, id);
        assert_int_equal(strlen(id), 16);
        if (i == 0)
            memcpy(first, id, sizeof first);
        assert_string_equal(id, first);
    }
    /* HKDF-SHA256 and SHA-256 by another implementation: blobs must open in years to come */
    assert_string_equal(first, "40f6f93f5e4c0f38");
}

static void test_seal_when_key_is_malformed_then_is_a_fault_of_configuration(void **state)
{
    (void)state;
    const struct str bad[] = {
        STR(""), STR("short"), STR(HEX "00"), STR("AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHg=="),
        STR("zz0102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f")};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct err err = {0};
        AUTO(secret_fini)
        struct secret key = {0};
        secret_init(&key, bad[i].p, bad[i].len);
        struct seal *seal = NULL;
        assert_false(seal_open(&key, &seal, &err));
        assert_null(seal);
        assert_int_equal(err.kind, ERR_CONFIG);
        if (bad[i].len > 0)
            assert_null(strstr(err.text, bad[i].p));
    }
}

static void test_seal_when_wrapped_then_opens_at_its_place(void **state)
{
    (void)state;
    AUTO(seal_fini)
    struct seal *seal = seal_of(STR(HEX));
    const struct str plains[] = {STR(""), STR("x"), STR("a private key\0with a NUL")};
    for (size_t i = 0; i < 3; i++) {
        AUTO(buf_fini)
        struct buf blob = BUF(0);
        seal_wrap(seal, plains[i], PLACE, &blob);
        assert_int_equal(blob.len, 1 + 8 + 12 + plains[i].len + 16);
        assert_opens(seal, &blob, PLACE, plains[i]);
        if (plains[i].len > 1)
            assert_int_equal(str_find(buf_str(&blob), plains[i]), blob.len);
    }
    AUTO(buf_fini)
    struct buf big = BUF(300000), blob = BUF(0);
    for (int i = 0; i < 300000; i++)
        buf_add_char(&big, (char)i);
    seal_wrap(seal, buf_str(&big), PLACE, &blob);
    assert_opens(seal, &blob, PLACE, buf_str(&big));
}

static void test_seal_when_wrapped_twice_then_blobs_differ(void **state)
{
    (void)state;
    AUTO(seal_fini)
    struct seal *seal = seal_of(STR(HEX));
    AUTO(buf_fini)
    struct buf a = BUF(0), b = BUF(0);
    seal_wrap(seal, STR("secret"), PLACE, &a);
    seal_wrap(seal, STR("secret"), PLACE, &b);
    assert_memory_not_equal(a.p, b.p, a.len);
    assert_opens(seal, &a, PLACE, STR("secret"));
    assert_opens(seal, &b, PLACE, STR("secret"));
}

static void test_seal_when_any_bit_is_changed_then_stays_shut(void **state)
{
    (void)state;
    AUTO(seal_fini)
    struct seal *seal = seal_of(STR(HEX));
    AUTO(buf_fini)
    struct buf blob = BUF(0);
    seal_wrap(seal, STR("secret"), PLACE, &blob);
    for (size_t i = 0; i < blob.len; i++) {
        for (int bit = 0; bit < 8; bit++) {
            blob.p[i] = (char)(blob.p[i] ^ (1 << bit));
            assert_stays_shut(seal, buf_str(&blob), PLACE, "private_key/17/der");
            blob.p[i] = (char)(blob.p[i] ^ (1 << bit));
        }
    }
    for (size_t len = 0; len < blob.len; len++)
        assert_stays_shut(seal, str_mem(blob.p, len), PLACE, "private_key/17/der");
    assert_opens(seal, &blob, PLACE, STR("secret"));
}

static void test_seal_when_moved_to_another_row_then_stays_shut(void **state)
{
    (void)state;
    AUTO(seal_fini)
    struct seal *seal = seal_of(STR(HEX));
    AUTO(buf_fini)
    struct buf blob = BUF(0);
    seal_wrap(seal, STR("secret"), PLACE, &blob);
    assert_stays_shut(seal, buf_str(&blob), STR("private_key/18/der"), "another place");
    assert_stays_shut(seal, buf_str(&blob), STR(""), "another place");
}

static void test_seal_when_key_is_another_then_says_which_is_needed(void **state)
{
    (void)state;
    AUTO(seal_fini)
    struct seal *seal = seal_of(STR(HEX)),
                *other = seal_of(STR("0123456789abcdef0123456789abcdef"));
    AUTO(buf_fini)
    struct buf blob = BUF(0);
    seal_wrap(seal, STR("secret"), PLACE, &blob);
    char id[17], other_id[17];
    seal_key_id(seal, id);
    seal_key_id(other, other_id);
    assert_string_not_equal(id, other_id);
    assert_stays_shut(other, buf_str(&blob), PLACE, id);
    assert_stays_shut(other, buf_str(&blob), PLACE, other_id);
}

static void test_make_key_when_called_then_gives_a_new_line_that_opens(void **state)
{
    (void)state;
    AUTO(secret_fini)
    struct secret a = {0}, b = {0};
    seal_make_key(&a);
    seal_make_key(&b);
    assert_false(secret_eq(&a, &b));
    assert_int_equal(a.len, 45);
    assert_int_equal(a.p[44], '\n');
    AUTO(seal_fini)
    struct seal *seal = seal_of(secret_str(&a));
    assert_non_null(seal);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_seal_when_key_comes_in_any_form_then_is_the_same_key),
        cmocka_unit_test(test_seal_when_key_is_malformed_then_is_a_fault_of_configuration),
        cmocka_unit_test(test_seal_when_wrapped_then_opens_at_its_place),
        cmocka_unit_test(test_seal_when_wrapped_twice_then_blobs_differ),
        cmocka_unit_test(test_seal_when_any_bit_is_changed_then_stays_shut),
        cmocka_unit_test(test_seal_when_moved_to_another_row_then_stays_shut),
        cmocka_unit_test(test_seal_when_key_is_another_then_says_which_is_needed),
        cmocka_unit_test(test_make_key_when_called_then_gives_a_new_line_that_opens),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
