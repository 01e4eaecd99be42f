/* SEES: base crypto acme */
#include "acme/challenge.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void assert_owner(enum challenge_kind kind, const char *name, const char *account,
                         const char *expected)
{
    AUTO(buf_fini)
    struct buf owner = BUF(512);
    challenge_owner(kind, name, account, &owner);
    assert_string_equal(buf_cstr(&owner), expected);
}

static void test_challenge_owner_when_of_each_kind_then_its_place(void **state)
{
    (void)state;
    assert_owner(CHALLENGE_DNS_01, "www.example.com", NULL, "_acme-challenge.www.example.com");
    assert_owner(CHALLENGE_DNS_01, "*.example.com", "https://ca.test/1",
                 "_acme-challenge.example.com");
    assert_owner(CHALLENGE_DNS_PERSIST_01, "*.example.com", "https://ca.test/1",
                 "_validation-persist.example.com");
    assert_owner(CHALLENGE_DNS_ACCOUNT_01, "example.com", NULL, "_acme-challenge.example.com");
}

/* The vector of draft-ietf-acme-dns-account-label. */
static void test_challenge_owner_when_labelled_then_as_the_draft_has_it(void **state)
{
    (void)state;
    assert_owner(CHALLENGE_DNS_ACCOUNT_01, "example.org",
                 "https://example.com/acme/acct/ExampleAccount",
                 "_ujmmovf2vn55tgye._acme-challenge.example.org");
    assert_owner(CHALLENGE_DNS_ACCOUNT_01, "*.example.org",
                 "https://example.com/acme/acct/ExampleAccount",
                 "_ujmmovf2vn55tgye._acme-challenge.example.org");
}

static void test_challenge_find_when_named_then_that_kind(void **state)
{
    enum challenge_kind kind = CHALLENGE_KIND_N;
    (void)state;
    for (unsigned i = 0; i < CHALLENGE_KIND_N; i++) {
        assert_true(challenge_find(challenge_name((enum challenge_kind)i), &kind));
        assert_int_equal(kind, i);
        assert_true(strlen(challenge_sentence(kind)) > 20);
    }
    assert_false(challenge_find("http-01", &kind));
    assert_false(challenge_find(NULL, &kind));
    assert_string_equal(challenge_name(CHALLENGE_DNS_PERSIST_01), "dns-persist-01");
}

static void test_challenge_stands_when_asked_then_only_persist(void **state)
{
    (void)state;
    assert_false(challenge_stands(CHALLENGE_DNS_01));
    assert_false(challenge_stands(CHALLENGE_DNS_ACCOUNT_01));
    assert_true(challenge_stands(CHALLENGE_DNS_PERSIST_01));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_challenge_owner_when_of_each_kind_then_its_place),
        cmocka_unit_test(test_challenge_owner_when_labelled_then_as_the_draft_has_it),
        cmocka_unit_test(test_challenge_find_when_named_then_that_kind),
        cmocka_unit_test(test_challenge_stands_when_asked_then_only_persist),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
