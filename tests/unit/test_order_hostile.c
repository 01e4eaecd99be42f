/* SEES: base crypto acme */
/* A CA that lies. It may make its own order fail; it may not make us publish at foreign names, ask foreign places, print its
 * bytes, or run for ever. */
#include "acme_case.h"

static void at_new(struct acme_case *c)
{
    case_at(c, ORDER_NEW);
    assert_verdict(case_ask(c), VERDICT_ASK);
}

static void assert_plain(const char *text)
{
    for (const unsigned char *p = (const unsigned char *)text; *p != '\0'; p++)
        if (*p < 0x20 || *p == 0x7f)
            fail_msg("control byte %02x in \"%s\"", *p, text);
}

/* ---- NEW ---- */

static void test_new_when_names_are_not_ours_then_broken(void **state)
{
    struct acme_case *c = *state;
#define NAME(n) "{\"type\":\"dns\",\"value\":\"" n "\"}"
    static const struct {
        const char *identifiers, *part;
    } lies[] = {
        {"[" NAME("www.example.com") "]", "lacks *.example.com"},
        {"[" NAME("www.example.com") "," NAME("*.example.com") "," NAME("evil.test") "]",
         "holds evil.test"},
        {"[" NAME("www.example.com") "," NAME("*.example.com") "," NAME("e\\u001b[2Jx") "]",
         "holds e\\x1b[2Jx"},
        {"[" NAME("www.example.com") "," NAME("example.com") "]", "lacks *.example.com"},
        {"[]", "lacks www.example.com"},
        {"{}", "not a list"},
        {"null", "not a list"},
        {"[" NAME("www.example.com") "," NAME("*.example.com") ",7]", "not a DNS name"},
        {"[" NAME("www.example.com") "," NAME(
             "*.example.com") ",{\"type\":\"ip\",\"value\":\"192.0.2.1\"}]",
         "not a DNS name"},
    };
    for (size_t i = 0; i < sizeof lies / sizeof lies[0]; i++) {
        at_new(c);
        const char *body = arena_printf(
            c->arena, "{\"status\":\"pending\"," LIFE ",\"identifiers\":%s," AUTHZ2 "}",
            lies[i].identifiers);
        struct verdict v = case_hear_with(c, 0, 201, LOCATION, body);
        assert_fails(v, ERR_BROKEN, lies[i].part);
        assert_plain(v.err.text);
        assert_null(c->order->url);
    }
}

static void test_new_when_location_may_not_be_asked_then_broken(void **state)
{
    struct acme_case *c = *state;
    const char *const locations[] = {NULL,
                                     "Location: /order/1",
                                     "Location: http://ca.test/order/1",
                                     "Location: https://user@ca.test/1",
                                     "Location: file:///etc/passwd",
                                     "Location: https://ca.test/\x01",
                                     "Location: "};
    for (size_t i = 0; i < sizeof locations / sizeof locations[0]; i++) {
        at_new(c);
        assert_fails(case_hear_with(c, 0, 201, locations[i], ORDER_NEW_IS("pending", AUTHZ2)),
                     ERR_BROKEN, "Location");
    }
}

static void test_new_when_urls_within_may_not_be_asked_then_broken(void **state)
{
    struct acme_case *c = *state;
    static const struct {
        const char *members, *part;
    } lies[] = {
        {"\"finalize\":\"http://ca.test/f\"," AUTHZ2, "finalize"},
        {"\"finalize\":7," AUTHZ2, "finalize"},
        {AUTHZ2, "finalize: missing"},
        {"\"finalize\":\"https://ca.test/f\"", "authorizations"},
        {"\"finalize\":\"https://ca.test/f\",\"authorizations\":\"https://ca.test/a\"",
         "authorizations"},
        {"\"finalize\":\"https://ca.test/f\",\"authorizations\":[\"https://ca.test/a\",\"gopher://"
         "x\"]",
         "authorizations[1]"},
        {"\"finalize\":\"https://ca.test/f\",\"authorizations\":[{}]", "authorizations[0]"},
        {"\"finalize\":\"https://ca.test/f\",\"certificate\":\"ftp://x\"," AUTHZ2, "certificate"},
    };
    for (size_t i = 0; i < sizeof lies / sizeof lies[0]; i++) {
        at_new(c);
        const char *body =
            arena_printf(c->arena, "{\"status\":\"pending\"," IDENTIFIERS ",%s}", lies[i].members);
        assert_fails(case_hear_with(c, 0, 201, LOCATION, body), ERR_BROKEN, lies[i].part);
    }
}

static void test_new_when_authorizations_are_endless_then_broken(void **state)
{
    struct acme_case *c = *state;
    AUTO(buf_fini)
    struct buf body = BUF(JSON_SIZE_MAX);
    at_new(c);
    buf_add_cstr(&body, "{\"status\":\"pending\"," LIFE "," IDENTIFIERS ",\"authorizations\":[");
    for (int i = 0; i < 201; i++)
        buf_printf(&body, "%s\"https://ca.test/authz/%d\"", i == 0 ? "" : ",", i);
    buf_add_cstr(&body, "]}");
    assert_fails(case_hear_with(c, 0, 201, LOCATION, buf_cstr(&body)), ERR_BROKEN, "201");
    assert_int_equal(c->order->n_authz, 0);
}

static void test_new_when_status_is_nonsense_then_broken(void **state)
{
    struct acme_case *c = *state;
    const char *const values[] = {"\"\"", "\"Pending\"", "\"\\u0007\\n\"", "7", "null", "[]"};
    for (size_t i = 0; i < sizeof values / sizeof values[0]; i++) {
        at_new(c);
        const char *body = arena_printf(
            c->arena, "{\"status\":%s," LIFE "," IDENTIFIERS "," AUTHZ2 "}", values[i]);
        struct verdict v = case_hear_with(c, 0, 201, LOCATION, body);
        assert_fails(v, ERR_BROKEN, "status");
        assert_plain(v.err.text);
    }
}

static void test_new_when_answer_is_no_order_then_broken(void **state)
{
    struct acme_case *c = *state;
    at_new(c);
    assert_fails(case_hear_with(c, 0, 201, LOCATION, "[]"), ERR_BROKEN, "protocol");
    assert_fails(case_hear_with(c, 0, 201, LOCATION, ""), ERR_BROKEN, "protocol");
    assert_fails(case_hear_with(c, 0, 204, LOCATION "\nContent-Type: text/plain", ""), ERR_BROKEN,
                 "204");
    assert_fails(
        case_hear_with(c, 0, 302, "Location: https://evil.test/\nContent-Type: text/html", ""),
        ERR_BROKEN, "302");
}

static void test_new_when_expires_is_nonsense_then_as_if_not_told(void **state)
{
    struct acme_case *c = *state;
    at_new(c);
    case_go(c,
            case_hear_with(c, 0, 201, LOCATION,
                           "{\"status\":\"pending\",\"expires\":\"soon\",\"finalize\":\"https://"
                           "ca.test/f\"," IDENTIFIERS "," AUTHZ2 "}"),
            ORDER_READ);
    assert_int_equal(c->order->expires_at_ms, 0);
}

/* ---- READ ---- */

static struct verdict hear_authz(struct acme_case *c, const char *identifier, const char *token,
                                 const char *url)
{
    place(c);
    case_ask(c);
    const char *body = arena_printf(
        c->arena,
        "{\"status\":\"pending\",\"identifier\":%s,\"challenges\":[{\"type\":\"dns-01\","
        "\"url\":%s,\"token\":%s}]}",
        identifier, url, token);
    return case_hear(c, 0, 200, body);
}

#define GOOD_NAME  "{\"type\":\"dns\",\"value\":\"www.example.com\"}"
#define GOOD_TOKEN "\"" TOKEN "\""
#define GOOD_URL   "\"https://ca.test/chall/1\""

static void test_read_when_name_is_foreign_then_no_record_is_wanted(void **state)
{
    struct acme_case *c = *state;
    const char *const foreign[] = {"evil.test",     "com",          "sub.www.example.com",
                                   "a.example.com", "xexample.com", ""};
    for (size_t i = 0; i < sizeof foreign / sizeof foreign[0]; i++) {
        const char *identifier =
            arena_printf(c->arena, "{\"type\":\"dns\",\"value\":\"%s\"}", foreign[i]);
        assert_fails(hear_authz(c, identifier, GOOD_TOKEN, GOOD_URL), ERR_BROKEN,
                     "was not ordered");
        assert_null(c->order->authz[0].value);
    }
    struct verdict v =
        hear_authz(c, "{\"type\":\"dns\",\"value\":\"\\u001b]0;x\\u0007\"}", GOOD_TOKEN, GOOD_URL);
    assert_fails(v, ERR_BROKEN, "\\x1b]0;x\\x07");
    assert_plain(v.err.text);
}

static void test_read_when_identifier_is_no_name_then_broken(void **state)
{
    struct acme_case *c = *state;
    const char *const bad[] = {"{\"type\":\"ip\",\"value\":\"192.0.2.1\"}",
                               "{}",
                               "null",
                               "7",
                               "{\"type\":\"dns\"}",
                               "{\"type\":\"dns\",\"value\":9}"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_fails(hear_authz(c, bad[i], GOOD_TOKEN, GOOD_URL), ERR_BROKEN, "identifier");
}

static void test_read_when_token_is_not_base64url_then_broken(void **state)
{
    struct acme_case *c = *state;
    AUTO(buf_fini)
    struct buf monster = BUF(4096);
    buf_add_char(&monster, '"');
    for (int i = 0; i < 513; i++)
        buf_add_char(&monster, 'a');
    buf_add_char(&monster, '"');
    const char *const bad[] = {"\"\"",
                               "\"tooshort\"",
                               "\"abcdefghijklmnopqrstu\"",
                               "\"../../../../../../etc/passwd\"",
                               "\"$(touch /tmp/x)aaaaaaaaaaaaaaaa\"",
                               "\"`id`aaaaaaaaaaaaaaaaaaaaaaaa\"",
                               "\"aaaaaaaaaaaaaaaaaaaaaaaa\\n\"",
                               "\"aaaaaaaaaaaaaaaaaaaaaaaa==\"",
                               "\"aaaaaaaaaaaa+aaaaaaaaaaa/aaaa\"",
                               "\"\xc3\xa9"
                               "aaaaaaaaaaaaaaaaaaaaaaaaaaa\"",
                               "7",
                               "null",
                               buf_cstr(&monster)};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_fails(hear_authz(c, GOOD_NAME, bad[i], GOOD_URL), ERR_BROKEN, "token");
        assert_null(c->order->authz[0].value);
    }
}

static void test_read_when_token_is_at_its_limits_then_taken(void **state)
{
    struct acme_case *c = *state;
    AUTO(buf_fini)
    struct buf longest = BUF(4096);
    buf_add_char(&longest, '"');
    for (int i = 0; i < 512; i++)
        buf_add_char(&longest, '-');
    buf_add_char(&longest, '"');
    assert_verdict(hear_authz(c, GOOD_NAME, buf_cstr(&longest), GOOD_URL), VERDICT_WAIT);
    assert_verdict(hear_authz(c, GOOD_NAME, "\"abcdefghijklmnopqrstu_\"", GOOD_URL), VERDICT_WAIT);
}

static void test_read_when_challenge_url_may_not_be_asked_then_broken(void **state)
{
    struct acme_case *c = *state;
    const char *const bad[] = {"\"http://ca.test/c\"", "\"//ca.test\"", "7", "null",
                               "\"https://a@b/\""};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_fails(hear_authz(c, GOOD_NAME, GOOD_TOKEN, bad[i]), ERR_BROKEN, "challenge.url");
}

static void test_read_when_status_is_nonsense_then_broken(void **state)
{
    struct acme_case *c = *state;
    const char *const bad[] = {"\"unread\"", "\"\"", "7", "null", "\"VALID\""};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        place(c);
        case_ask(c);
        const char *body = arena_printf(
            c->arena, "{\"status\":%s,\"identifier\":" GOOD_NAME ",\"challenges\":[]}", bad[i]);
        assert_fails(case_hear(c, 0, 200, body), ERR_BROKEN, "status");
    }
}

static void test_read_when_challenges_are_odd_then_the_good_one_is_found(void **state)
{
    struct acme_case *c = *state;
    place(c);
    case_ask(c);
    assert_verdict(
        case_hear(c, 0, 200,
                  "{\"status\":\"pending\",\"identifier\":" GOOD_NAME
                  ",\"challenges\":[7,null,[],{},{\"type\":5},{\"type\":\"dns-persist-01\"},"
                  "{\"type\":\"DNS-01\"},{\"type\":\"dns-01\",\"url\":" GOOD_URL
                  ",\"token\":" GOOD_TOKEN "}]}"),
        VERDICT_WAIT);
    assert_non_null(c->order->authz[0].value);
}

static void test_read_when_both_are_the_same_name_then_both_are_answered(void **state)
{
    struct acme_case *c = *state;
    place(c);
    case_ask(c);
    case_hear(c, 0, 200, AUTHZ_WWW("pending"));
    case_go(c, case_hear(c, 1, 200, AUTHZ_WWW("pending")), ORDER_PUBLISH);
}

static void test_any_step_when_the_slot_is_foreign_then_no_harm(void **state)
{
    struct acme_case *c = *state;
    static const enum order_step with_slots[] = {ORDER_READ, ORDER_ANSWER, ORDER_TIDY};
    for (size_t i = 0; i < sizeof with_slots / sizeof with_slots[0]; i++) {
        place_and_read(c);
        c->order->failed = true;
        case_at(c, with_slots[i]);
        case_ask(c);
        struct verdict v = case_hear(c, 99, 200, "{}");
        assert_true(v.kind == VERDICT_FAIL || v.kind == VERDICT_WAIT);
        v = case_hear(c, -1, 200, "{}");
        assert_true(v.kind == VERDICT_FAIL || v.kind == VERDICT_WAIT);
    }
    at_validate(c);
    c->order->invalid = true;
    assert_fails(case_hear(c, 99, 200, "{}"), ERR_BUG, "slot");
}

/* ---- VALIDATE and beyond ---- */

static void test_validate_when_reasons_are_hostile_then_escaped_and_cut(void **state)
{
    struct acme_case *c = *state;
    AUTO(buf_fini)
    struct buf detail = BUF(65536);
    at_validate(c);
    case_hear(c, 0, 200, ORDER_IS("invalid"));
    case_ask(c);
    buf_add_cstr(&detail, "\\u001b[31m\\r\\nFAKE LOG LINE ");
    for (int i = 0; i < 10000; i++)
        buf_add_cstr(&detail, "A");
    const char *body = arena_printf(
        c->arena,
        "{\"status\":\"invalid\",\"identifier\":" GOOD_NAME
        ",\"challenges\":[{\"type\":\"dns-01\",\"error\":{\"type\":\"urn:x\",\"detail\":"
        "\"%s\"}}]}",
        buf_cstr(&detail));
    case_hear(c, 0, 200, body);
    struct verdict v = case_hear(c, 1, 200, AUTHZ_FAILED("example.com", "dns", "SERVFAIL"));
    assert_verdict(v, VERDICT_FAIL);
    assert_plain(v.err.text);
    /* One name's flood leaves room for the other's reason. */
    assert_has(v.err.text, "SERVFAIL");
    assert_has(v.err.text, "\\x1b[31m");
}

static void test_validate_when_reason_names_another_identifier_then_not_believed(void **state)
{
    struct acme_case *c = *state;
    at_validate(c);
    case_hear(c, 0, 200, ORDER_IS("invalid"));
    case_ask(c);
    case_hear(c, 0, 200, AUTHZ_FAILED("evil.test", "dns", "x"));
    assert_string_equal(c->order->authz[0].identifier, "www.example.com");
}

/* A CA that changes its mind with every answer. Returns how many requests it took to give up. */
static int requests_until_failure(struct acme_case *c, const char *const *answers, size_t n)
{
    int n_asks = 0;
    size_t next = 0;
    struct verdict v = case_ask(c);
    while (n_asks < 2000) {
        switch (v.kind) {
        case VERDICT_ASK:
            n_asks++;
            v = case_hear(c, v.asks[0].slot, 200, answers[next++ % n]);
            break;
        case VERDICT_GO:
            case_go(c, v, v.next);
            v = case_ask(c);
            break;
        case VERDICT_SLEEP:
            c->world.now_ms = v.until_ms;
            v = case_ask(c);
            break;
        case VERDICT_WANT_TXT:
            c->order->published = true;
            v = case_ask(c);
            break;
        case VERDICT_FAIL:
            return n_asks;
        case VERDICT_AGAIN:
        case VERDICT_WAIT:
        case VERDICT_WANT_KEY:
            fail_msg("verdict %d: %s", (int)v.kind, v.err.text);
        }
        case_kill(c);
    }
    return n_asks;
}

static void test_order_when_ca_flips_for_ever_then_fails_soon(void **state)
{
    struct acme_case *c = *state;
    static const char *const flips[][2] = {
        {ORDER_IS("ready"), ORDER_IS("pending")},    {ORDER_IS("processing"), ORDER_IS("pending")},
        {ORDER_IS("pending"), ORDER_IS("ready")},    {ORDER_IS("ready"), ORDER_IS("ready")},
        {ORDER_IS("processing"), ORDER_IS("ready")}, {ORDER_IS("valid"), ORDER_IS("pending")},
    };
    for (size_t i = 0; i < sizeof flips / sizeof flips[0]; i++) {
        at_validate(c);
        c->order->finalize_sent = false;
        c->order->n_finalize = c->order->n_back = 0;
        int n = requests_until_failure(c, flips[i], 2);
        if (n > 40)
            fail_msg("flip %zu took %d requests", i, n);
    }
}

static void test_order_when_never_decided_then_fails_in_its_time(void **state)
{
    struct acme_case *c = *state;
    const char *const pending = ORDER_IS("pending");
    at_validate(c);
    int64_t began_ms = c->world.now_ms;
    int n = requests_until_failure(c, &pending, 1);
    assert_true(n < 400);
    assert_true(c->world.now_ms - began_ms <= MS_HOUR + 10 * MS_SECOND);
}

static void test_issue_when_certificate_url_may_not_be_asked_then_never_fetched(void **state)
{
    struct acme_case *c = *state;
    at_issue(c);
    case_ask(c);
    assert_again(
        case_hear(c, 0, 200, "{\"status\":\"valid\",\"certificate\":\"http://ca.test/cert\"}"),
        ERR_BROKEN, "certificate");
    assert_null(c->order->certificate_url);
    assert_again(
        case_hear(c, 0, 200,
                  "{\"status\":\"valid\",\"certificate\":\"https://169.254.169.254\\\\@x/\"}"),
        ERR_BROKEN, "certificate");
    assert_null(c->order->certificate_url);
}

static void test_finalize_when_url_is_swapped_to_a_bad_one_then_the_old_stays(void **state)
{
    struct acme_case *c = *state;
    at_validate(c);
    case_ask(c);
    assert_again(case_hear(c, 0, 200, "{\"status\":\"ready\",\"finalize\":\"http://evil.test/\"}"),
                 ERR_BROKEN, "finalize");
    assert_string_equal(c->order->finalize_url, "https://ca.test/finalize/1");
}

static void test_problems_when_hostile_then_one_plain_line(void **state)
{
    struct acme_case *c = *state;
    at_new(c);
    struct verdict v = case_hear(
        c, 0, 400,
        "{\"type\":\"urn:ietf:params:acme:error:malformed\",\"detail\":\"a\\nb\\u001b]8;;"
        "x\\u0007\","
        "\"instance\":\"\\n\",\"subproblems\":[{\"detail\":\"c\\rd\",\"identifier\":{\"value\":"
        "\"e\\tf\"}}]}");
    assert_fails(v, ERR_REFUSED, "a\\x0ab\\x1b]8;;x\\x07");
    assert_plain(v.err.text);
    v = case_hear_with(c, 0, 403, "Link: <https://x/\x1b[2J>;rel=terms-of-service",
                       "{\"type\":\"urn:ietf:params:acme:error:userActionRequired\"}");
    assert_fails(v, ERR_DENIED, "\\x1b[2J");
    assert_plain(v.err.text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE_TEST(test_new_when_names_are_not_ours_then_broken),
        CASE_TEST(test_new_when_location_may_not_be_asked_then_broken),
        CASE_TEST(test_new_when_urls_within_may_not_be_asked_then_broken),
        CASE_TEST(test_new_when_authorizations_are_endless_then_broken),
        CASE_TEST(test_new_when_status_is_nonsense_then_broken),
        CASE_TEST(test_new_when_answer_is_no_order_then_broken),
        CASE_TEST(test_new_when_expires_is_nonsense_then_as_if_not_told),
        CASE_TEST(test_read_when_name_is_foreign_then_no_record_is_wanted),
        CASE_TEST(test_read_when_identifier_is_no_name_then_broken),
        CASE_TEST(test_read_when_token_is_not_base64url_then_broken),
        CASE_TEST(test_read_when_token_is_at_its_limits_then_taken),
        CASE_TEST(test_read_when_challenge_url_may_not_be_asked_then_broken),
        CASE_TEST(test_read_when_status_is_nonsense_then_broken),
        CASE_TEST(test_read_when_challenges_are_odd_then_the_good_one_is_found),
        CASE_TEST(test_read_when_both_are_the_same_name_then_both_are_answered),
        CASE_TEST(test_any_step_when_the_slot_is_foreign_then_no_harm),
        CASE_TEST(test_validate_when_reasons_are_hostile_then_escaped_and_cut),
        CASE_TEST(test_validate_when_reason_names_another_identifier_then_not_believed),
        CASE_TEST(test_order_when_ca_flips_for_ever_then_fails_soon),
        CASE_TEST(test_order_when_never_decided_then_fails_in_its_time),
        CASE_TEST(test_issue_when_certificate_url_may_not_be_asked_then_never_fetched),
        CASE_TEST(test_finalize_when_url_is_swapped_to_a_bad_one_then_the_old_stays),
        CASE_TEST(test_problems_when_hostile_then_one_plain_line),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
