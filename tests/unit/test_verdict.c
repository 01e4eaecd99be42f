/* SEES: base crypto io store config acme dns-providers inventory authority monitoring */
#include "house_fixture.h"

#include "monitoring/monitoring.h"

/*
 * What an endpoint presents against what is held. Certificates are for www.example.com, made now by chain_make.
 */

static int64_t now_ms(void)
{
    return fixture_clock.wall_now_ms;
}

/* A leaf and its CA, as held and, possibly shortened, as presented. */
struct pair {
    struct certificate held;
    struct presented seen;
};

static void seen_take(struct presented *seen, struct chain *take)
{
    struct err err = {0};
    seen->chain = take;
    must(chain_facts(take, 0, &seen->leaf, &err), &err);
}

static void pair_make(struct pair *p, int64_t from_ms, int64_t to_ms)
{
    *p = (struct pair){0};
    struct chain *chain = chain_make("DNS:www.example.com", from_ms, to_ms, NULL);
    seen_take(&p->seen, chain);
    p->held.chain_pem = BUF(CHAIN_PEM_MAX);
    chain_full_pem(chain, &p->held.chain_pem);
    p->held.sha256 = mem_strdup(p->seen.leaf.sha256_hex);
}

static void pair_fini(struct pair *p)
{
    cert_facts_fini(&p->seen.leaf);
    chain_free(p->seen.chain);
    buf_fini(&p->held.chain_pem);
    mem_free(p->held.sha256);
}

static void pair_month(struct pair *p)
{
    pair_make(p, now_ms() - 10 * MS_DAY, now_ms() + 20 * MS_DAY);
}

static void assert_verdict(enum endpoint_verdict got, enum endpoint_verdict wanted)
{
    assert_string_equal(endpoint_verdict_name(got), endpoint_verdict_name(wanted));
}

static enum endpoint_verdict judge(const struct pair *p, const char *host, bool older, bool other)
{
    double left;
    return endpoint_judge(&p->seen, host, p->held.sha256 != NULL ? &p->held : NULL, older, other,
                          now_ms(), &left);
}

/* The same leaf without what follows it. */
static void seen_cut(struct pair *p)
{
    struct err err = {0};
    AUTO(buf_fini)
    struct buf pem = BUF(CHAIN_PEM_MAX);
    struct chain *leaf = NULL;
    const char *end = "-----END CERTIFICATE-----";
    struct str whole = buf_str(&p->held.chain_pem);
    size_t at = str_find(whole, str_of(end));
    buf_add_str(&pem, str_mem(whole.p, at + strlen(end)));
    buf_add_char(&pem, '\n');
    must(chain_parse_pem(buf_str(&pem), &leaf, &err), &err);
    cert_facts_fini(&p->seen.leaf);
    chain_free(p->seen.chain);
    seen_take(&p->seen, leaf);
}

static void test_judge_when_the_very_leaf_and_its_chain_are_served_then_match_and_the_life_left(
    void **state)
{
    (void)state;
    struct pair p;
    double left = -1;
    pair_month(&p);
    assert_verdict(
        endpoint_judge(&p.seen, "www.example.com", &p.held, true, false, now_ms(), &left),
        ENDPOINT_IS_MATCH);
    assert_true(left > 0.66 && left < 0.67);
    assert_verdict(judge(&p, "WWW.Example.COM", true, false), ENDPOINT_IS_MATCH);
    assert_verdict(judge(&p, "192.0.2.1", true, false), ENDPOINT_IS_MATCH);
    assert_verdict(judge(&p, "2001:db8::1", true, false), ENDPOINT_IS_MATCH);
    pair_fini(&p);
}

static void test_judge_when_the_chain_is_cut_then_said(void **state)
{
    (void)state;
    struct pair p;
    pair_month(&p);
    seen_cut(&p);
    assert_verdict(judge(&p, "www.example.com", true, false), ENDPOINT_IS_CHAIN_INCOMPLETE);
    pair_fini(&p);
}

/* As long as the right one, but of another issuer: a client cannot build a path. */
static void test_judge_when_the_chain_is_another_one_then_said(void **state)
{
    (void)state;
    struct pair p;
    struct err err = {0};
    AUTO(buf_fini)
    struct buf pem = BUF(CHAIN_PEM_MAX);
    AUTO(key_fini)
    struct key *key = key_new(KEY_ECDSA_P256);
    struct chain *mixed = NULL;
    pair_month(&p);
    seen_cut(&p);
    chain_full_pem(p.seen.chain, &pem);
    EVP_PKEY *ca = ca_pkey(key);
    cert_add(&pem,
             &(struct cert_plan){.subject = "CA", .issuer = "Root", .is_ca = true, .key = ca});
    EVP_PKEY_free(ca);
    must(chain_parse_pem(buf_str(&pem), &mixed, &err), &err);
    cert_facts_fini(&p.seen.leaf);
    chain_free(p.seen.chain);
    seen_take(&p.seen, mixed);
    assert_int_equal(chain_len(p.seen.chain), 2);
    assert_verdict(judge(&p, "www.example.com", true, false), ENDPOINT_IS_CHAIN_INCOMPLETE);
    pair_fini(&p);
}

static void test_judge_when_the_right_leaf_does_not_cover_the_host_then_wrong_name(void **state)
{
    (void)state;
    struct pair p;
    pair_month(&p);
    assert_verdict(judge(&p, "mail.example.com", true, false), ENDPOINT_IS_WRONG_NAME);
    pair_fini(&p);
}

static void test_judge_when_the_current_one_has_expired_then_it_is_no_match(void **state)
{
    (void)state;
    struct pair p;
    double left = -1;
    pair_make(&p, now_ms() - 30 * MS_DAY, now_ms() - MS_DAY);
    assert_verdict(
        endpoint_judge(&p.seen, "www.example.com", &p.held, true, false, now_ms(), &left),
        ENDPOINT_IS_STALE_EXPIRED);
    assert_true(left == 0.0);
    pair_fini(&p);
}

static void test_judge_when_another_leaf_is_served_then_whose_it_is_decides(void **state)
{
    (void)state;
    struct pair p;
    pair_month(&p);
    mem_set_str(&p.held.sha256, "0000");
    assert_verdict(judge(&p, "www.example.com", true, false), ENDPOINT_IS_STALE);
    assert_verdict(judge(&p, "www.example.com", true, true), ENDPOINT_IS_STALE);
    assert_verdict(judge(&p, "www.example.com", false, true), ENDPOINT_IS_OURS_OTHER);
    assert_verdict(judge(&p, "www.example.com", false, false), ENDPOINT_IS_FOREIGN);
    assert_verdict(judge(&p, "other.example.com", false, false), ENDPOINT_IS_WRONG_NAME);
    mem_set_str(&p.held.sha256, NULL);
    assert_verdict(judge(&p, "www.example.com", false, false), ENDPOINT_IS_FOREIGN);
    pair_fini(&p);
}

static void test_judge_when_an_older_one_has_expired_then_that_is_the_worst(void **state)
{
    (void)state;
    struct pair p;
    pair_make(&p, now_ms() - 30 * MS_DAY, now_ms());
    mem_set_str(&p.held.sha256, "0000");
    assert_verdict(judge(&p, "www.example.com", true, false), ENDPOINT_IS_STALE_EXPIRED);
    for (int v = 0; v < ENDPOINT_VERDICT_N; v++)
        assert_true(v <= (int)ENDPOINT_IS_STALE_EXPIRED);
    pair_fini(&p);
}

static void test_verdicts_when_named_then_each_has_a_name_and_a_sentence_of_its_own(void **state)
{
    (void)state;
    for (int i = 0; i < ENDPOINT_VERDICT_N; i++)
        for (int j = 0; j < i; j++) {
            assert_string_not_equal(endpoint_verdict_name((enum endpoint_verdict)i),
                                    endpoint_verdict_name((enum endpoint_verdict)j));
            assert_string_not_equal(endpoint_verdict_text((enum endpoint_verdict)i),
                                    endpoint_verdict_text((enum endpoint_verdict)j));
        }
}

#define T(name) cmocka_unit_test_setup_teardown(name, house_make, house_remove)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(test_judge_when_the_very_leaf_and_its_chain_are_served_then_match_and_the_life_left),
        T(test_judge_when_the_chain_is_cut_then_said),
        T(test_judge_when_the_chain_is_another_one_then_said),
        T(test_judge_when_the_right_leaf_does_not_cover_the_host_then_wrong_name),
        T(test_judge_when_the_current_one_has_expired_then_it_is_no_match),
        T(test_judge_when_another_leaf_is_served_then_whose_it_is_decides),
        T(test_judge_when_an_older_one_has_expired_then_that_is_the_worst),
        cmocka_unit_test(test_verdicts_when_named_then_each_has_a_name_and_a_sentence_of_its_own),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
