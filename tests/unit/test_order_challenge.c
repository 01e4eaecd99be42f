/* SEES: base crypto acme */
/* Which challenge of an authorization is taken, and what its TXT record must hold: dns-account-01, dns-persist-01. */
#include "acme_case.h"

#define ACCOUNT "https://ca.test/acct/1"

static void choose(struct acme_case *c, enum challenge_kind kind, const char *meta)
{
    acme_directory_free(c->directory);
    c->directory = case_directory(meta);
    c->world.directory = c->directory;
    c->order->challenge = kind;
    mem_set_str(&c->order->account_url, ACCOUNT);
    place(c);
    assert_verdict(case_ask(c), VERDICT_ASK);
}

static const char *authz_with(struct acme_case *c, const char *challenges, bool wildcard)
{
    return arena_printf(c->arena,
                        "{\"status\":\"pending\",\"wildcard\":%s,\"identifier\":{\"type\":\"dns\","
                        "\"value\":\"%s\"},\"challenges\":[%s]}",
                        wildcard ? "true" : "false", wildcard ? "example.com" : "www.example.com",
                        challenges);
}

#define PLAIN                                                                                      \
    "{\"type\":\"dns-persist-01\",\"url\":\"https://ca.test/p\",\"status\":\"pending\","           \
    "\"issuer-domain-names\":[\"ca.test\",\"two.test\"]}"
#define DNS01                                                                                      \
    "{\"type\":\"dns-01\",\"url\":\"https://ca.test/d\",\"token\":\"DGyRejmCefe7v4NfDGDKfB\"}"
#define ACCOUNT01                                                                                  \
    "{\"type\":\"dns-account-01\",\"url\":\"https://ca.test/a\",\"token\":\"" TOKEN "\"}"

static void assert_name(const struct acme_case *c, const char *expected)
{
    AUTO(buf_fini)
    struct buf name = BUF(512);
    order_challenge_name(c->order, &c->order->authz[0], &name);
    assert_string_equal(buf_cstr(&name), expected);
}

static void test_read_when_account_challenge_then_its_token_and_its_place(void **state)
{
    struct acme_case *c = *state;
    char value[48];
    choose(c, CHALLENGE_DNS_ACCOUNT_01, "");
    mem_set_str(&c->order->account_url, "https://example.com/acme/acct/ExampleAccount");
    assert_verdict(case_hear(c, 0, 200, authz_with(c, DNS01 "," ACCOUNT01 "," PLAIN, false)),
                   VERDICT_WAIT);
    const struct authz *authz = &c->order->authz[0];
    dns01_value(TOKEN, THUMBPRINT, value);
    assert_string_equal(authz->value, value);
    assert_string_equal(authz->challenge_url, "https://ca.test/a");
    assert_name(c, "_ujmmovf2vn55tgye._acme-challenge.www.example.com");
    assert_false(challenge_stands(c->order->challenge));
}

static void test_read_when_standing_challenge_then_no_token_is_needed_and_the_record_is_made(
    void **state)
{
    struct acme_case *c = *state;
    choose(c, CHALLENGE_DNS_PERSIST_01, "");
    assert_verdict(case_hear(c, 0, 200, authz_with(c, DNS01 "," PLAIN, false)), VERDICT_WAIT);
    case_go(c, case_hear(c, 1, 200, authz_with(c, PLAIN, true)), ORDER_PUBLISH);
    const struct authz *base = &c->order->authz[0], *wild = &c->order->authz[1];
    assert_null(base->token);
    assert_string_equal(base->value, "ca.test; accounturi=" ACCOUNT);
    assert_string_equal(wild->value, "ca.test; accounturi=" ACCOUNT "; policy=wildcard");
    assert_string_equal(wild->offer, "plain ca.test two.test");
    assert_string_equal(wild->challenge_url, "https://ca.test/p");
    assert_name(c, "_validation-persist.www.example.com");
    assert_verdict(case_ask(c), VERDICT_WANT_TXT);
}

static void test_read_when_standing_challenge_of_the_new_draft_then_the_account_is_hashed(
    void **state)
{
    struct acme_case *c = *state;
    choose(c, CHALLENGE_DNS_PERSIST_01, ",\"meta\":{\"accountHashPrefix\":\"acct:\"}");
    case_hear(c, 0, 200,
              authz_with(c,
                         "{\"type\":\"dns-persist-01\",\"url\":\"https://ca.test/p\","
                         "\"issuerDomainNames\":[\"ca.test\"]}",
                         false));
    const struct authz *authz = &c->order->authz[0];
    assert_string_equal(authz->offer, "hashed ca.test");
    assert_true(str_starts(str_of(authz->value), STR("ca.test; accounturi=acct:sha-256/")));
    assert_null(strstr(authz->value, ACCOUNT));
}

static void test_read_when_the_standing_challenge_is_malformed_then_broken_or_refused(void **state)
{
    struct acme_case *c = *state;
    static const struct {
        const char *challenge, *part;
        enum err_kind kind;
    } cases[] = {
        {"{\"type\":\"dns-persist-01\",\"url\":\"https://ca.test/p\"}", "issuer-domain-names",
         ERR_BROKEN},
        {"{\"type\":\"dns-persist-01\",\"url\":\"https://ca.test/p\",\"issuer-domain-names\":[]}",
         "one to ten", ERR_BROKEN},
        {"{\"type\":\"dns-persist-01\",\"url\":\"https://ca.test/p\",\"issuer-domain-names\":["
         "\"ca.test; accounturi=x\"]}",
         "not a domain name", ERR_BROKEN},
        {"{\"type\":\"dns-persist-01\",\"issuer-domain-names\":[\"ca.test\"]}", "URL", ERR_BROKEN},
        {"{\"type\":\"dns-persist-01\",\"url\":\"https://ca.test/p\",\"issuerDomainNames\":["
         "\"ca.test\"]}",
         "accountHashPrefix", ERR_REFUSED},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        choose(c, CHALLENGE_DNS_PERSIST_01, "");
        assert_fails(case_hear(c, 0, 200, authz_with(c, cases[i].challenge, false)), cases[i].kind,
                     cases[i].part);
    }
}

static void test_read_when_the_kind_is_not_offered_then_what_is_offered_is_told(void **state)
{
    struct acme_case *c = *state;
    choose(c, CHALLENGE_DNS_PERSIST_01, "");
    struct verdict v = case_hear(
        c, 0, 200, authz_with(c, DNS01 ",{\"type\":\"bad\\u0007type\"},{\"no\":1}", false));
    assert_fails(v, ERR_REFUSED, "no dns-persist-01 challenge");
    assert_has(v.err.text, "dns-01, bad\\x07type, ?");
    choose(c, CHALLENGE_DNS_ACCOUNT_01, "");
    assert_fails(case_hear(c, 0, 200, authz_with(c, "", false)), ERR_REFUSED, "none at all");
}

static void test_memory_when_killed_then_the_order_keeps_its_way(void **state)
{
    struct acme_case *c = *state;
    c->order->challenge = CHALLENGE_DNS_PERSIST_01;
    case_kill(c);
    assert_int_equal(c->order->challenge, CHALLENGE_DNS_PERSIST_01);
    c->order->challenge = CHALLENGE_DNS_01;
    case_kill(c);
    assert_int_equal(c->order->challenge, CHALLENGE_DNS_01);
    struct err err;
    assert_false(order_memory_parse(c->order, "{\"challenge\":\"http-01\"}", &err));
    assert_int_equal(err.kind, ERR_BROKEN);
}

static void test_answer_when_the_record_stands_then_an_empty_object_all_the_same(void **state)
{
    struct acme_case *c = *state;
    choose(c, CHALLENGE_DNS_PERSIST_01, "");
    case_hear(c, 0, 200, authz_with(c, PLAIN, false));
    case_hear(c, 1, 200, authz_with(c, PLAIN, true));
    c->order->published = true;
    case_at(c, ORDER_ANSWER);
    struct verdict v = case_ask(c);
    assert_verdict(v, VERDICT_ASK);
    assert_int_equal(v.n_asks, 2);
    assert_true(str_eq(v.asks[0].payload, STR("{}")));
    assert_string_equal(v.asks[0].url, "https://ca.test/p");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE_TEST(test_read_when_account_challenge_then_its_token_and_its_place),
        CASE_TEST(test_read_when_standing_challenge_then_no_token_is_needed_and_the_record_is_made),
        CASE_TEST(test_read_when_standing_challenge_of_the_new_draft_then_the_account_is_hashed),
        CASE_TEST(test_read_when_the_standing_challenge_is_malformed_then_broken_or_refused),
        CASE_TEST(test_read_when_the_kind_is_not_offered_then_what_is_offered_is_told),
        CASE_TEST(test_memory_when_killed_then_the_order_keeps_its_way),
        CASE_TEST(test_answer_when_the_record_stands_then_an_empty_object_all_the_same),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
