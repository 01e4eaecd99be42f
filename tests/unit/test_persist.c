/* SEES: base crypto acme */
#include "acme/persist.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define NOW_MS     INT64_C(1798761600000)
#define ACCOUNT    "https://ca.example/acct/123"
#define THUMBPRINT "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs"

static struct acme_directory *directory_with(const char *meta)
{
    AUTO(buf_fini)
    struct buf text = BUF(8192);
    AUTO(json_fini)
    struct json *tree = NULL;
    struct acme_directory *directory = NULL;
    struct err err = {0};
    buf_printf(&text,
               "{\"newNonce\":\"https://ca.example/nonce\",\"newAccount\":\"https://ca.example/"
               "account\",\"newOrder\":\"https://ca.example/order\",\"meta\":{%s}}",
               meta);
    assert_true(json_parse(buf_str(&text), 8192, &tree, &err));
    assert_true(acme_directory_read("https://ca.example/directory", tree, &directory, &err));
    return directory;
}

#define HASHED_META "\"accountHashPrefix\":\"acct:\",\"issuerDomainNames\":[\"ca.example\"]"

static bool offer_of(const char *challenge, const char *meta, struct persist_offer *ret,
                     struct err *err)
{
    AUTO(json_fini)
    struct json *tree = NULL;
    struct acme_directory *directory = directory_with(meta);
    assert_true(json_parse(str_of(challenge), 8192, &tree, err));
    bool ok = persist_offer_read(tree, directory, ACCOUNT, ret, err);
    acme_directory_free(directory);
    return ok;
}

static void assert_no_offer(const char *challenge, enum err_kind kind, const char *part)
{
    struct persist_offer offer = {0};
    struct err err = {0};
    assert_false(offer_of(challenge, "", &offer, &err));
    assert_int_equal(err.kind, kind);
    if (strstr(err.text, part) == NULL)
        fail_msg("\"%s\" is not in \"%s\"", part, err.text);
    assert_null(offer.issuers);
}

/* ---- the hash, draft -02 ---- */

static void assert_uri(enum persist_form form, const char *prefix, const char *domain,
                       const char *expected)
{
    AUTO(buf_fini)
    struct buf uri = BUF(PERSIST_URI_MAX);
    persist_account_uri(form, prefix, domain, THUMBPRINT, ACCOUNT, &uri);
    assert_string_equal(buf_cstr(&uri), expected);
}

static void test_account_uri_when_hashed_then_as_the_draft_has_it(void **state)
{
    (void)state;
    assert_uri(PERSIST_HASHED, "", "example.com",
               "sha-256/5SQm7n6tPh2-PlLbCKGnViTXX5z19SCN4cPGQHSk-kw");
    assert_uri(PERSIST_HASHED, "https://ca.example/h/", "*",
               "https://ca.example/h/sha-256/NpDnSwUthQK8zCgFdefYxAdAVPnygMLbs9US6oO-5ug");
    assert_uri(PERSIST_PLAIN, "ignored", "example.com", ACCOUNT);
}

/* ---- records ---- */

static void test_record_parse_when_whole_then_all_of_it(void **state)
{
    struct persist_record r;
    struct err err = {0};
    (void)state;
    assert_true(persist_record_parse(STR("letsencrypt.org; accounturi=https://ca.example/acct/1; "
                                         "policy=wildcard; persistUntil=1798761600"),
                                     &r, &err));
    assert_true(str_eq(r.issuer, STR("letsencrypt.org")));
    assert_true(str_eq(r.account_uri, STR("https://ca.example/acct/1")));
    assert_true(r.is_wildcard);
    assert_int_equal(r.until_s, 1798761600);
    assert_true(persist_record_parse(
        STR("  a.example ;accounturi = u=1\t;  new-thing=%3b; policy=x "), &r, &err));
    assert_true(str_eq(r.account_uri, STR("u=1")));
    assert_false(r.is_wildcard);
    assert_int_equal(r.until_s, 0);
}

static void test_record_parse_when_malformed_then_refused(void **state)
{
    static const char *const texts[] = {
        "",
        ";",
        "; accounturi=x",
        "a.example",
        "a.example;",
        "a.example; accounturi=",
        "a.example; accounturi=x;",
        "a.example; accounturi=x; ",
        "a.example; accounturi=x;; policy=wildcard",
        "a.example; accounturi=x; accounturi=y",
        "a.example; accounturi=x; AccountURI=y",
        "a.example; accounturi=x; policy=wildcard; policy=wildcard",
        "a.example; accounturi=x y",
        "a.example; policy=wildcard",
        "a.example; accounturi=x; persistUntil=soon",
        "a.example; accounturi=x; persistUntil=-1",
        "a.example; accounturi=x; persistUntil=",
        "a.example; accounturi=x; persistUntil=0",
        "a.example; accounturi=x; persistUntil=99999999999999999999",
        "a..example; accounturi=x",
        "a.example.; accounturi=x",
        "a_b.example; accounturi=x",
        "a.example accounturi=x",
        "a.example; accounturi=x; -tag=1",
        "a.example; accounturi=x; tag",
        "Jn_xYAotr5Mg3A5eAq8Gj_DRgWQ-3gGbUqzxKnV2h_g",
    };
    struct persist_record r = {.until_s = 17};
    struct err err = {0};
    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        if (persist_record_parse(str_of(texts[i]), &r, &err))
            fail_msg("\"%s\" was taken", texts[i]);
        assert_int_equal(err.kind, ERR_BROKEN);
    }
    assert_false(persist_record_parse(str_mem("a.example; accounturi=x\0y", 25), &r, &err));
    assert_int_equal(r.until_s, 17);
}

static void test_record_format_when_read_again_then_the_same(void **state)
{
    AUTO(buf_fini)
    struct buf text = BUF(PERSIST_RECORD_MAX);
    struct persist_record r;
    (void)state;
    persist_record_format("ca.example", ACCOUNT, true, 1798761600, &text);
    assert_string_equal(buf_cstr(&text), "ca.example; accounturi=" ACCOUNT
                                         "; policy=wildcard; persistUntil=1798761600");
    assert_true(persist_record_parse(buf_str(&text), &r, NULL));
    assert_true(r.is_wildcard);
    assert_int_equal(r.until_s, 1798761600);
    buf_clear(&text);
    persist_record_format("ca.example", ACCOUNT, false, 0, &text);
    assert_string_equal(buf_cstr(&text), "ca.example; accounturi=" ACCOUNT);
}

/* ---- offers ---- */

static void test_offer_when_of_the_old_drafts_then_plain(void **state)
{
    struct persist_offer offer = {0}, again = {0};
    struct err err = {0};
    AUTO(buf_fini)
    struct buf text = BUF(4096);
    (void)state;
    assert_true(offer_of("{\"issuer-domain-names\":[\"a.example\",\"xn--b-1ga.example\"],"
                         "\"accounturi\":\"" ACCOUNT "\"}",
                         HASHED_META, &offer, &err));
    assert_int_equal(offer.form, PERSIST_PLAIN);
    assert_int_equal(offer.n_issuers, 2);
    persist_offer_format(&offer, &text);
    assert_string_equal(buf_cstr(&text), "plain a.example xn--b-1ga.example");
    assert_true(persist_offer_parse(buf_cstr(&text), &again));
    assert_int_equal(again.n_issuers, 2);
    assert_string_equal(again.issuers[1], "xn--b-1ga.example");
    persist_offer_fini(&offer);
    persist_offer_fini(&again);
}

static void test_offer_when_of_the_new_draft_then_hashed(void **state)
{
    struct persist_offer offer = {0};
    struct err err = {0};
    (void)state;
    assert_true(offer_of("{\"issuerDomainNames\":[\"a.example\"]}", HASHED_META, &offer, &err));
    assert_int_equal(offer.form, PERSIST_HASHED);
    persist_offer_fini(&offer);
    /* Both at once, in a time of change. */
    const char *both =
        "{\"issuerDomainNames\":[\"a.example\"],\"issuer-domain-names\":[\"b.example\"]}";
    assert_true(offer_of(both, HASHED_META, &offer, &err));
    assert_int_equal(offer.form, PERSIST_HASHED);
    persist_offer_fini(&offer);
    assert_true(offer_of(both, "", &offer, &err));
    assert_int_equal(offer.form, PERSIST_PLAIN);
    assert_string_equal(offer.issuers[0], "b.example");
    persist_offer_fini(&offer);
    assert_no_offer("{\"issuerDomainNames\":[\"a.example\"]}", ERR_REFUSED, "accountHashPrefix");
}

static void test_offer_when_malformed_then_broken(void **state)
{
    (void)state;
    assert_no_offer("{}", ERR_BROKEN, "issuer-domain-names");
    assert_no_offer("{\"issuer-domain-names\":[]}", ERR_BROKEN, "one to ten");
    assert_no_offer("{\"issuer-domain-names\":\"a.example\"}", ERR_BROKEN, "one to ten");
    assert_no_offer("{\"issuer-domain-names\":[\"a\",\"a\",\"a\",\"a\",\"a\",\"a\",\"a\",\"a\","
                    "\"a\",\"a\",\"a\"]}",
                    ERR_BROKEN, "one to ten");
    static const char *const bad[] = {"A.example", "a.example.",   "a..b", "",
                                      "a b",       "a;b=c",        "-a",   "b\\u00fccher.example",
                                      "a_b",       "a.example\\n", "*.a"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        AUTO(mem_fini)
        char *text = mem_printf("{\"issuer-domain-names\":[\"good.example\",\"%s\"]}", bad[i]);
        assert_no_offer(text, ERR_BROKEN, "names[1]");
    }
    assert_no_offer("{\"issuer-domain-names\":[\"a.example\"],\"accounturi\":\"https://ca.example/"
                    "acct/666\"}",
                    ERR_BROKEN, ACCOUNT);
}

/* A CA that names another CA's account as ours would have us let a stranger in. */
static void test_offer_when_the_account_is_at_another_host_then_refused(void **state)
{
    struct acme_directory *directory = directory_with("\"caaIdentities\":[\"big.example\"]");
    struct persist_offer offer = {0};
    struct err err = {0};
    AUTO(json_fini)
    struct json *tree = NULL;
    (void)state;
    assert_true(json_parse(STR("{\"issuer-domain-names\":[\"big.example\"]}"), 512, &tree, &err));
    const char *const accounts[] = {"https://acme.big.example/acct/666",
                                    "https://ca.example.evil/acct/1",
                                    "https://ca.example@big.example/1", "https://ca.example/1;2"};
    for (size_t i = 0; i < 4; i++) {
        assert_false(persist_offer_read(tree, directory, accounts[i], &offer, &err));
        assert_int_equal(err.kind, ERR_REFUSED);
        assert_false(persist_offer_guess(directory, accounts[i], &offer, &err));
        assert_int_equal(err.kind, ERR_REFUSED);
    }
    assert_true(persist_offer_read(tree, directory, "https://CA.example:443/1", &offer, &err));
    persist_offer_fini(&offer);
    acme_directory_free(directory);
}

static void test_offer_guess_when_nothing_was_ordered_then_from_the_directory(void **state)
{
    static const struct {
        const char *meta, *expected;
    } cases[] = {
        {"\"caaIdentities\":[\"ca.example\",\"Bad Name\"]", "plain ca.example"},
        {"\"caaIdentities\":[\"ca.example\"],\"issuerDomainNames\":[\"i.example\"]",
         "plain i.example"},
        {"\"caaIdentities\":[\"other.example\"]," HASHED_META, "hashed ca.example"},
    };
    struct persist_offer offer = {0};
    struct err err = {0};
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        AUTO(buf_fini)
        struct buf text = BUF(4096);
        struct acme_directory *directory = directory_with(cases[i].meta);
        assert_true(persist_offer_guess(directory, ACCOUNT, &offer, &err));
        persist_offer_format(&offer, &text);
        assert_string_equal(buf_cstr(&text), cases[i].expected);
        persist_offer_fini(&offer);
        acme_directory_free(directory);
    }
    struct acme_directory *silent = directory_with("");
    assert_false(persist_offer_guess(silent, ACCOUNT, &offer, &err));
    assert_int_equal(err.kind, ERR_ABSENT);
    acme_directory_free(silent);
}

static void test_offer_parse_when_damaged_then_nothing(void **state)
{
    static const char *const texts[] = {"", "plain", "hashed ", "fuzzy a.example",
                                        "plain A.example"};
    struct persist_offer offer = {0};
    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
        assert_false(persist_offer_parse(texts[i], &offer));
    assert_false(persist_offer_parse(NULL, &offer));
}

/* ---- matching ---- */

static void want_make(struct persist_want *want, enum persist_form form, bool is_wildcard)
{
    struct acme_directory *directory = directory_with(HASHED_META);
    struct persist_offer offer = {0};
    assert_true(persist_offer_parse(form == PERSIST_HASHED ? "hashed ca.example two.example"
                                                           : "plain ca.example two.example",
                                    &offer));
    persist_want_init(want, &offer, directory, "example.com", is_wildcard, THUMBPRINT, ACCOUNT);
    acme_directory_free(directory);
}

static void test_match_when_plain_then_each_fault_is_told(void **state)
{
    static const struct {
        const char *text;
        bool is_wildcard;
        enum persist_match expected;
    } cases[] = {
        {"ca.example; accounturi=" ACCOUNT, false, PERSIST_FITS},
        {"two.example; accounturi=" ACCOUNT, false, PERSIST_FITS},
        {"ca.example; accounturi=" ACCOUNT "; policy=wildcard", true, PERSIST_FITS},
        {"ca.example; accounturi=" ACCOUNT "; policy=wildcard", false, PERSIST_FITS},
        {"ca.example; accounturi=" ACCOUNT, true, PERSIST_NO_WILDCARD},
        {"ca.example; accounturi=" ACCOUNT "; policy=tree", true, PERSIST_NO_WILDCARD},
        {"ca.example; accounturi=" ACCOUNT "; persistUntil=1798761601", false, PERSIST_FITS},
        {"ca.example; accounturi=" ACCOUNT "; persistUntil=1798761600", false, PERSIST_PAST},
        {"ca.example; accounturi=" ACCOUNT "4", false, PERSIST_OTHER_ACCOUNT},
        {"CA.example; accounturi=" ACCOUNT, false, PERSIST_OTHER_ISSUER},
        {"other.example; accounturi=" ACCOUNT, false, PERSIST_OTHER_ISSUER},
        {"ca.example; accounturi=" ACCOUNT ";", false, PERSIST_MALFORMED},
        {"google-site-verification=x", false, PERSIST_MALFORMED},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct persist_want want;
        want_make(&want, PERSIST_PLAIN, cases[i].is_wildcard);
        assert_string_equal(
            persist_match_sentence(persist_match(str_of(cases[i].text), &want, NOW_MS)),
            persist_match_sentence(cases[i].expected));
        persist_want_fini(&want);
    }
}

static void test_match_when_hashed_then_neither_the_plain_account_nor_another_name(void **state)
{
    struct persist_want want;
    AUTO(buf_fini)
    struct buf text = BUF(PERSIST_RECORD_MAX);
    (void)state;
    want_make(&want, PERSIST_HASHED, false);
    persist_want_format(&want, 0, &text);
    assert_string_equal(
        buf_cstr(&text),
        "ca.example; accounturi=acct:sha-256/5SQm7n6tPh2-PlLbCKGnViTXX5z19SCN4cPGQHSk-kw");
    assert_int_equal(persist_match(buf_str(&text), &want, NOW_MS), PERSIST_FITS);
    assert_int_equal(persist_match(STR("ca.example; accounturi=acct:sha-256/"
                                       "NpDnSwUthQK8zCgFdefYxAdAVPnygMLbs9US6oO-5ug"),
                                   &want, NOW_MS),
                     PERSIST_FITS);
    assert_int_equal(persist_match(STR("ca.example; accounturi=" ACCOUNT), &want, NOW_MS),
                     PERSIST_OTHER_ACCOUNT);
    persist_want_fini(&want);
}

static void test_margin_when_long_or_short_then_a_fifth_a_week_or_half(void **state)
{
    (void)state;
    assert_int_equal(persist_margin_ms(0, 100 * MS_DAY), 20 * MS_DAY);
    assert_int_equal(persist_margin_ms(0, 20 * MS_DAY), 7 * MS_DAY);
    assert_int_equal(persist_margin_ms(0, 10 * MS_DAY), 5 * MS_DAY);
    assert_int_equal(persist_margin_ms(10, 5), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_account_uri_when_hashed_then_as_the_draft_has_it),
        cmocka_unit_test(test_record_parse_when_whole_then_all_of_it),
        cmocka_unit_test(test_record_parse_when_malformed_then_refused),
        cmocka_unit_test(test_record_format_when_read_again_then_the_same),
        cmocka_unit_test(test_offer_when_of_the_old_drafts_then_plain),
        cmocka_unit_test(test_offer_when_of_the_new_draft_then_hashed),
        cmocka_unit_test(test_offer_when_malformed_then_broken),
        cmocka_unit_test(test_offer_when_the_account_is_at_another_host_then_refused),
        cmocka_unit_test(test_offer_guess_when_nothing_was_ordered_then_from_the_directory),
        cmocka_unit_test(test_offer_parse_when_damaged_then_nothing),
        cmocka_unit_test(test_match_when_plain_then_each_fault_is_told),
        cmocka_unit_test(test_match_when_hashed_then_neither_the_plain_account_nor_another_name),
        cmocka_unit_test(test_margin_when_long_or_short_then_a_fifth_a_week_or_half),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
