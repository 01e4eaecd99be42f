/* SEES: base crypto acme */
/* From the authorizations to a validated order (READ, PUBLISH, ANSWER, VALIDATE), each branch
 * with values. What a lying CA tries: test_order_hostile.c; the whole way against a CA: test_order_ca.c. */
#include "acme_case.h"

/* ---- READ, PUBLISH ---- */

static void test_read_when_asked_then_one_ask_an_authorization(void **state)
{
    struct acme_case *c = *state;
    place(c);
    struct verdict v = case_ask(c);
    assert_verdict(v, VERDICT_ASK);
    assert_int_equal(v.n_asks, 2);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(v.asks[i].method, ACME_POST_AS_GET);
        assert_int_equal(v.asks[i].slot, i);
    }
    assert_string_equal(v.asks[1].url, "https://ca.test/authz/2");
}

static void test_read_when_pending_then_dns01_is_chosen_and_value_computed(void **state)
{
    struct acme_case *c = *state;
    char value[48];
    place_and_read(c);
    const struct authz *wild = &c->order->authz[1];
    assert_true(wild->wildcard);
    assert_string_equal(wild->identifier, "example.com");
    assert_string_equal(wild->challenge_url, "https://ca.test/chall/2");
    assert_string_equal(wild->token, TOKEN);
    dns01_value(TOKEN, THUMBPRINT, value);
    assert_string_equal(wild->value, value);
    assert_int_equal(strlen(wild->value), 43);
    assert_false(c->order->authz[0].wildcard);
}

static void test_read_when_answers_come_in_any_order_then_go_after_the_last(void **state)
{
    struct acme_case *c = *state;
    place(c);
    case_ask(c);
    assert_verdict(case_hear(c, 1, 200, AUTHZ_WILD("pending")), VERDICT_WAIT);
    case_go(c, case_hear(c, 0, 200, AUTHZ_WWW("pending")), ORDER_PUBLISH);
}

static void test_read_when_all_are_valid_then_finalize(void **state)
{
    struct acme_case *c = *state;
    place(c);
    case_ask(c);
    assert_verdict(case_hear(c, 0, 200, AUTHZ_WWW("valid")), VERDICT_WAIT);
    case_go(c, case_hear(c, 1, 200, AUTHZ_WILD("valid")), ORDER_FINALIZE);
    assert_null(c->order->authz[0].value);
}

static void test_read_when_one_is_valid_then_only_the_other_is_answered(void **state)
{
    struct acme_case *c = *state;
    place(c);
    case_ask(c);
    case_hear(c, 0, 200, AUTHZ_WWW("valid"));
    case_go(c, case_hear(c, 1, 200, AUTHZ_WILD("pending")), ORDER_PUBLISH);
    case_at(c, ORDER_ANSWER);
    struct verdict v = case_ask(c);
    assert_int_equal(v.n_asks, 1);
    assert_int_equal(v.asks[0].slot, 1);
}

static void test_read_when_one_is_lost_then_only_that_is_asked_again(void **state)
{
    struct acme_case *c = *state;
    place(c);
    case_ask(c);
    assert_again(case_lose(c, 0), ERR_AGAIN, "authorization: connection reset");
    /* The driver may have more of them to hear. The last verdict must never be WAIT. */
    assert_again(case_hear(c, 1, 200, AUTHZ_WILD("pending")), ERR_AGAIN, "1 of 2");
    struct verdict v = case_ask(c);
    assert_verdict(v, VERDICT_ASK);
    assert_int_equal(v.n_asks, 1);
    assert_int_equal(v.asks[0].slot, 0);
    case_go(c, case_hear(c, 0, 200, AUTHZ_WWW("pending")), ORDER_PUBLISH);
}

static void test_read_when_killed_half_way_then_the_rest_is_asked(void **state)
{
    struct acme_case *c = *state;
    place(c);
    case_ask(c);
    case_hear(c, 0, 200, AUTHZ_WWW("pending"));
    case_kill(c);
    struct verdict v = case_ask(c);
    assert_int_equal(v.n_asks, 1);
    assert_int_equal(v.asks[0].slot, 1);
    case_go(c, case_hear(c, 1, 200, AUTHZ_WILD("pending")), ORDER_PUBLISH);
    assert_non_null(c->order->authz[0].value);
}

static void test_read_when_killed_before_the_commit_of_go_then_goes_again(void **state)
{
    struct acme_case *c = *state;
    place_and_read(c);
    case_at(c, ORDER_READ);
    case_kill(c);
    case_go(c, case_ask(c), ORDER_PUBLISH);
}

static void test_read_when_unusable_then_fail_with_status_and_reason(void **state)
{
    struct acme_case *c = *state;
    const char *const statuses[] = {"invalid", "deactivated", "expired", "revoked"};
    for (size_t i = 0; i < 4; i++) {
        place(c);
        case_ask(c);
        const char *body = arena_printf(c->arena,
                                        "{\"status\":\"%s\",\"identifier\":{\"type\":\"dns\","
                                        "\"value\":\"www.example.com\"},\"challenges\":[]}",
                                        statuses[i]);
        struct verdict v = case_hear(c, 0, 200, body);
        assert_fails(v, ERR_AGAIN, statuses[i]);
        assert_has(v.err.text, "www.example.com");
    }
    place(c);
    case_ask(c);
    assert_fails(case_hear(c, 0, 200, AUTHZ_FAILED("www.example.com", "unauthorized", "no TXT")),
                 ERR_REFUSED, "no TXT");
    assert_string_equal(c->order->authz[0].failure, "no TXT");
}

static void test_read_when_no_dns01_is_offered_then_refused_and_named(void **state)
{
    struct acme_case *c = *state;
    place(c);
    case_ask(c);
    struct verdict v = case_hear(
        c, 0, 200,
        "{\"status\":\"pending\",\"identifier\":{\"type\":\"dns\",\"value\":\"www.example."
        "com\"},\"challenges\":[{\"type\":\"http-01\",\"url\":\"https://ca.test/h\"}]}");
    assert_fails(v, ERR_REFUSED, "www.example.com");
    assert_has(v.err.text, "dns-01");
}

static void test_read_when_the_row_lost_its_authorizations_then_the_order_is_read(void **state)
{
    struct acme_case *c = *state;
    place(c);
    struct order *order = c->order;
    order->n_authz = 0;
    for (int i = 0; i < 2; i++)
        mem_free(order->authz[i].url);
    struct verdict v = case_ask(c);
    assert_verdict(v, VERDICT_ASK);
    assert_string_equal(v.asks[0].url, "https://ca.test/order/1");
    v = case_hear(c, 0, 200, ORDER_NEW_IS("pending", AUTHZ2));
    assert_verdict(v, VERDICT_SLEEP);
    assert_int_equal(v.until_ms, c->world.now_ms);
    assert_int_equal(c->order->n_authz, 2);
    assert_int_equal(case_ask(c).n_asks, 2);
}

/* READ with a row that lost its authorizations. */
static void at_read_without_rows(struct acme_case *c)
{
    at_validate(c);
    struct order *bare = order_new("shop", case_names, 2);
    bare->url = mem_strdup(c->order->url);
    bare->has_key = true;
    memcpy(bare->thumbprint, c->order->thumbprint, sizeof bare->thumbprint);
    order_free(c->order);
    c->order = bare;
    case_at(c, ORDER_READ);
    assert_verdict(case_ask(c), VERDICT_ASK);
}

static void test_read_when_the_order_went_on_meanwhile_then_follows_it(void **state)
{
    struct acme_case *c = *state;
    static const struct {
        const char *body;
        enum order_step next;
    } cases[] = {
        {ORDER_NEW_IS("ready", AUTHZ2), ORDER_FINALIZE},
        {ORDER_NEW_IS("processing", AUTHZ2), ORDER_ISSUE},
        {ORDER_NEW_IS("valid", AUTHZ2), ORDER_ISSUE},
        {ORDER_NEW_IS("valid", AUTHZ2 "," CERTIFICATE), ORDER_FETCH},
        {ORDER_NEW_IS("pending", "\"authorizations\":[]"), ORDER_VALIDATE},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        at_read_without_rows(c);
        case_go(c, case_hear(c, 0, 200, cases[i].body), cases[i].next);
    }
    at_read_without_rows(c);
    assert_fails(case_hear(c, 0, 200, ORDER_NEW_IS("invalid", AUTHZ2)), ERR_REFUSED, "invalid");
    at_read_without_rows(c);
    assert_fails(case_hear(c, 0, 200, ORDER_IS("pending")), ERR_BROKEN, "authorizations");
    assert_fails(case_problem(c, 0, 404, "malformed", "?"), ERR_AGAIN, "forgot");
    assert_again(case_lose(c, 0), ERR_AGAIN, "order: connection reset");
    mem_set_str(&c->order->url, NULL);
    assert_fails(case_ask(c), ERR_BUG, "URL");
}

static void test_read_when_the_ca_forgot_the_order_then_fail_again_kind(void **state)
{
    struct acme_case *c = *state;
    place(c);
    case_ask(c);
    assert_fails(case_problem(c, 1, 404, "malformed", "no such authz"), ERR_AGAIN, "forgot");
}

static void test_read_when_heard_twice_then_the_second_changes_nothing(void **state)
{
    struct acme_case *c = *state;
    place(c);
    case_ask(c);
    case_hear(c, 0, 200, AUTHZ_WWW("pending"));
    assert_verdict(case_hear(c, 0, 200, AUTHZ_WWW("invalid")), VERDICT_WAIT);
    assert_int_equal(c->order->authz[0].status, AUTHZ_PENDING);
}

static void test_read_when_thumbprint_is_missing_then_it_is_a_defect(void **state)
{
    struct acme_case *c = *state;
    place(c);
    c->order->thumbprint[0] = '\0';
    case_ask(c);
    assert_fails(case_hear(c, 0, 200, AUTHZ_WWW("pending")), ERR_BUG, "thumbprint");
}

static void test_publish_when_not_yet_served_then_wanted_and_kill_changes_nothing(void **state)
{
    struct acme_case *c = *state;
    place_and_read(c);
    assert_verdict(case_ask(c), VERDICT_WANT_TXT);
    case_kill(c);
    assert_verdict(case_ask(c), VERDICT_WANT_TXT);
    c->order->published = true;
    case_kill(c);
    case_go(c, case_ask(c), ORDER_ANSWER);
}

/* ---- ANSWER, VALIDATE ---- */

static void test_answer_when_asked_then_an_empty_object_to_each_challenge(void **state)
{
    struct acme_case *c = *state;
    place_and_read(c);
    case_at(c, ORDER_ANSWER);
    struct verdict v = case_ask(c);
    assert_int_equal(v.n_asks, 2);
    assert_string_equal(v.asks[0].url, "https://ca.test/chall/1");
    assert_string_equal(v.asks[0].payload.p, "{}");
    assert_int_equal(v.asks[0].method, ACME_POST);
    assert_verdict(case_hear(c, 0, 200, "{\"status\":\"processing\"}"), VERDICT_WAIT);
    /* Already invalid: VALIDATE learns why. */
    case_go(c, case_hear(c, 1, 200, "{\"status\":\"invalid\"}"), ORDER_VALIDATE);
    assert_true(c->order->authz[0].answered && c->order->authz[1].answered);
}

static void test_answer_when_killed_half_way_then_only_the_rest_is_answered(void **state)
{
    struct acme_case *c = *state;
    place_and_read(c);
    case_at(c, ORDER_ANSWER);
    case_ask(c);
    case_hear(c, 1, 200, "{}");
    case_kill(c);
    struct verdict v = case_ask(c);
    assert_int_equal(v.n_asks, 1);
    assert_int_equal(v.asks[0].slot, 0);
    case_go(c, case_hear(c, 0, 200, "{}"), ORDER_VALIDATE);
    case_at(c, ORDER_ANSWER);
    case_go(c, case_ask(c), ORDER_VALIDATE);
}

static void test_answer_when_no_longer_pending_then_counts_as_answered(void **state)
{
    struct acme_case *c = *state;
    place_and_read(c);
    case_at(c, ORDER_ANSWER);
    case_ask(c);
    assert_verdict(case_problem(c, 0, 400, "malformed", "authz is not pending"), VERDICT_WAIT);
    case_go(c, case_problem(c, 1, 404, "malformed", "expired authorization"), ORDER_VALIDATE);
}

static void test_answer_when_it_fails_then_by_kind(void **state)
{
    struct acme_case *c = *state;
    place_and_read(c);
    case_at(c, ORDER_ANSWER);
    case_ask(c);
    assert_again(case_lose(c, 0), ERR_AGAIN, "challenge: connection reset");
    assert_again(case_hear(c, 1, 200, "{}"), ERR_AGAIN, "1 of 2");
    case_ask(c);
    assert_again(case_problem(c, 0, 429, "rateLimited", "slow"), ERR_THROTTLED, "slow");
    case_ask(c);
    assert_fails(case_problem(c, 0, 403, "unauthorized", "deactivated"), ERR_DENIED, "deactivated");
}

static void test_validate_when_it_begins_then_sleeps_as_long_as_the_ca_takes(void **state)
{
    struct acme_case *c = *state;
    at_validate(c);
    case_at(c, ORDER_VALIDATE);
    struct verdict v = case_ask(c);
    assert_verdict(v, VERDICT_SLEEP);
    assert_int_equal(v.until_ms, c->world.now_ms + 50);
    c->world.poll_first_ms = 4000;
    v = case_ask(c);
    assert_int_equal(v.until_ms, c->world.now_ms + 4000);
    c->world.now_ms += 4000;
    v = case_ask(c);
    assert_verdict(v, VERDICT_ASK);
    assert_string_equal(v.asks[0].url, "https://ca.test/order/1");
    assert_int_equal(v.asks[0].method, ACME_POST_AS_GET);
}

static void test_validate_when_the_clock_was_set_back_then_asks_at_once(void **state)
{
    struct acme_case *c = *state;
    at_validate(c);
    c->world.now_ms -= MS_DAY;
    assert_verdict(case_ask(c), VERDICT_ASK);
}

static void test_validate_when_pending_then_sleeps_ever_longer(void **state)
{
    struct acme_case *c = *state;
    static const int64_t waits_ms[] = {250, 400, 640, 1024, 1638, 2620, 4192, 6707, 10000, 10000};
    at_validate(c);
    for (size_t i = 0; i < sizeof waits_ms / sizeof waits_ms[0]; i++) {
        assert_verdict(case_ask(c), VERDICT_ASK);
        struct verdict v = case_hear(c, 0, 200, ORDER_IS("pending"));
        assert_verdict(v, VERDICT_SLEEP);
        assert_int_equal(v.until_ms - c->world.now_ms, waits_ms[i]);
        c->world.now_ms = v.until_ms;
        case_kill(c);
    }
}

static void test_validate_when_retry_after_then_it_counts_unless_it_is_now(void **state)
{
    struct acme_case *c = *state;
    at_validate(c);
    case_ask(c);
    struct verdict v = case_hear_with(c, 0, 200, "Retry-After: 30", ORDER_IS("pending"));
    assert_int_equal(v.until_ms, c->world.now_ms + 30000);
    v = case_hear_with(c, 0, 200, "Retry-After: 0", ORDER_IS("pending"));
    assert_int_equal(v.until_ms, c->world.now_ms + 250);
    v = case_hear_with(c, 0, 200, "Retry-After: Thu, 01 Jan 1970 00:00:00 GMT",
                       ORDER_IS("pending"));
    assert_true(v.until_ms >= c->world.now_ms + 250);
}

static void test_validate_when_decided_then_goes_on(void **state)
{
    struct acme_case *c = *state;
    at_validate(c);
    case_go(c, case_hear(c, 0, 200, ORDER_IS("ready")), ORDER_FINALIZE);
    case_at(c, ORDER_VALIDATE);
    case_go(c, case_hear(c, 0, 200, ORDER_IS("processing")), ORDER_ISSUE);
    case_at(c, ORDER_VALIDATE);
    case_go(c, case_hear(c, 0, 200, ORDER_IS("valid")), ORDER_ISSUE);
    case_at(c, ORDER_VALIDATE);
    case_go(c, case_hear(c, 0, 200, "{\"status\":\"valid\"," CERTIFICATE "}"), ORDER_FETCH);
}

static void test_validate_when_invalid_then_each_name_and_reason_is_told(void **state)
{
    struct acme_case *c = *state;
    at_validate(c);
    case_ask(c);
    struct verdict v = case_hear(c, 0, 200, ORDER_IS("invalid"));
    assert_verdict(v, VERDICT_SLEEP);
    assert_int_equal(v.until_ms, c->world.now_ms);
    case_kill(c);
    v = case_ask(c);
    assert_verdict(v, VERDICT_ASK);
    assert_int_equal(v.n_asks, 2);
    v = case_hear(c, 1, 200, AUTHZ_FAILED("example.com", "dns", "SERVFAIL looking up TXT"));
    assert_verdict(v, VERDICT_WAIT);
    v = case_hear(c, 0, 200, AUTHZ_FAILED("www.example.com", "unauthorized", "Incorrect TXT"));
    assert_fails(v, ERR_REFUSED, "www.example.com: unauthorized: Incorrect TXT");
    assert_has(v.err.text, "example.com: dns: SERVFAIL looking up TXT");
    assert_has(v.err.text, problem_advice(PROBLEM_UNAUTHORIZED));
    assert_string_equal(c->order->authz[0].failure, "unauthorized: Incorrect TXT");
}

static void test_validate_when_killed_among_the_reasons_then_fails_the_same_way(void **state)
{
    struct acme_case *c = *state;
    at_validate(c);
    case_ask(c);
    case_hear(c, 0, 200, ORDER_IS("invalid"));
    case_ask(c);
    case_hear(c, 0, 200, AUTHZ_FAILED("www.example.com", "caa", "forbidden"));
    case_kill(c);
    assert_verdict(case_ask(c), VERDICT_ASK);
    case_hear(c, 0, 200, AUTHZ_FAILED("www.example.com", "caa", "forbidden"));
    struct verdict v = case_hear(c, 1, 200, AUTHZ_WILD("pending"));
    assert_fails(v, ERR_REFUSED, "www.example.com: caa: forbidden");
    assert_null(strstr(v.err.text, "*.example.com:"));
}

static void test_validate_when_reasons_are_lost_then_three_tries_and_fail(void **state)
{
    struct acme_case *c = *state;
    at_validate(c);
    case_ask(c);
    case_hear(c, 0, 200,
              "{\"status\":\"invalid\",\"error\":{\"type\":\"urn:ietf:params:acme:error:"
              "unauthorized\",\"status\":403,\"detail\":\"order says so\"}}");
    case_ask(c);
    assert_verdict(case_hear(c, 0, 200, AUTHZ_WWW("valid")), VERDICT_WAIT);
    assert_again(case_lose(c, 1), ERR_AGAIN, "connection reset");
    assert_int_equal(case_ask(c).n_asks, 1);
    assert_again(case_hear(c, 1, 500, "{\"type\":\"urn:ietf:params:acme:error:malformed\"}"),
                 ERR_AGAIN, "malformed");
    case_ask(c);
    assert_fails(case_lose(c, 1), ERR_REFUSED, "order says so");
}

static void test_validate_when_the_ca_says_nothing_then_fail_all_the_same(void **state)
{
    struct acme_case *c = *state;
    at_validate(c);
    case_ask(c);
    case_hear(c, 0, 200, ORDER_IS("invalid"));
    case_ask(c);
    case_hear(c, 0, 404, "{}");
    assert_fails(case_hear(c, 1, 200, "{\"status\":\"invalid\"}"), ERR_REFUSED, "does not say why");
}

static void test_validate_when_an_authorization_gives_no_reason_then_named_all_the_same(
    void **state)
{
    struct acme_case *c = *state;
    at_validate(c);
    case_ask(c);
    case_hear(c, 0, 200, ORDER_IS("invalid"));
    case_ask(c);
    assert_again(case_lose(c, 0), ERR_AGAIN, "connection reset");
    assert_again(case_hear(c, 1, 200,
                           "{\"status\":\"expired\",\"wildcard\":true,\"identifier\":{\"type\":"
                           "\"dns\",\"value\":\"EXAMPLE.com\"}}"),
                 ERR_AGAIN, "not all");
    assert_int_equal(case_ask(c).n_asks, 1);
    assert_fails(case_hear(c, 0, 200, AUTHZ_WWW("valid")), ERR_REFUSED,
                 "*.example.com: the CA does not say why");
}

static void test_validate_when_patience_is_over_then_fail(void **state)
{
    struct acme_case *c = *state;
    at_validate(c);
    c->world.now_ms = c->order->step_at_ms + MS_HOUR - 1;
    case_ask(c);
    assert_verdict(case_hear(c, 0, 200, ORDER_IS("pending")), VERDICT_SLEEP);
    c->world.now_ms++;
    case_ask(c);
    assert_fails(case_hear(c, 0, 200, ORDER_IS("pending")), ERR_AGAIN, "within 1h");
    /* But what has come meanwhile is taken, however late. */
    c->world.now_ms += MS_DAY;
    case_go(c, case_hear(c, 0, 200, ORDER_IS("ready")), ORDER_FINALIZE);
}

static void test_validate_when_the_ca_forgot_the_order_then_fail_again_kind(void **state)
{
    struct acme_case *c = *state;
    at_validate(c);
    case_ask(c);
    assert_fails(case_problem(c, 0, 404, "malformed", "no such order"), ERR_AGAIN, "forgot");
    assert_fails(case_hear_with(c, 0, 410, "Content-Type: text/html", ""), ERR_AGAIN, "forgot");
}

static void test_validate_when_answers_are_faulty_then_asked_again(void **state)
{
    struct acme_case *c = *state;
    at_validate(c);
    case_ask(c);
    assert_again(case_lose(c, 0), ERR_AGAIN, "order: connection reset");
    assert_again(case_hear_with(c, 0, 502, "Content-Type: text/html", "<html>"), ERR_AGAIN, "502");
    assert_again(case_hear(c, 0, 200, "{\"status\":"), ERR_BROKEN, "protocol");
    assert_again(case_hear(c, 0, 200, "{}"), ERR_BROKEN, "order.status: missing");
    assert_again(case_hear(c, 0, 200, "[]"), ERR_BROKEN, "not what was asked for");
    assert_again(case_hear_with(c, 0, 503, "Retry-After: 9\nContent-Type: text/plain", "x"),
                 ERR_THROTTLED, "503");
    /* Not for ever. */
    c->world.now_ms += MS_DAY;
    assert_fails(case_hear(c, 0, 200, "{}"), ERR_BROKEN, "order.status");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE_TEST(test_read_when_asked_then_one_ask_an_authorization),
        CASE_TEST(test_read_when_pending_then_dns01_is_chosen_and_value_computed),
        CASE_TEST(test_read_when_answers_come_in_any_order_then_go_after_the_last),
        CASE_TEST(test_read_when_all_are_valid_then_finalize),
        CASE_TEST(test_read_when_one_is_valid_then_only_the_other_is_answered),
        CASE_TEST(test_read_when_one_is_lost_then_only_that_is_asked_again),
        CASE_TEST(test_read_when_killed_half_way_then_the_rest_is_asked),
        CASE_TEST(test_read_when_killed_before_the_commit_of_go_then_goes_again),
        CASE_TEST(test_read_when_unusable_then_fail_with_status_and_reason),
        CASE_TEST(test_read_when_no_dns01_is_offered_then_refused_and_named),
        CASE_TEST(test_read_when_the_row_lost_its_authorizations_then_the_order_is_read),
        CASE_TEST(test_read_when_the_order_went_on_meanwhile_then_follows_it),
        CASE_TEST(test_read_when_the_ca_forgot_the_order_then_fail_again_kind),
        CASE_TEST(test_read_when_heard_twice_then_the_second_changes_nothing),
        CASE_TEST(test_read_when_thumbprint_is_missing_then_it_is_a_defect),
        CASE_TEST(test_publish_when_not_yet_served_then_wanted_and_kill_changes_nothing),
        CASE_TEST(test_answer_when_asked_then_an_empty_object_to_each_challenge),
        CASE_TEST(test_answer_when_killed_half_way_then_only_the_rest_is_answered),
        CASE_TEST(test_answer_when_no_longer_pending_then_counts_as_answered),
        CASE_TEST(test_answer_when_it_fails_then_by_kind),
        CASE_TEST(test_validate_when_it_begins_then_sleeps_as_long_as_the_ca_takes),
        CASE_TEST(test_validate_when_the_clock_was_set_back_then_asks_at_once),
        CASE_TEST(test_validate_when_pending_then_sleeps_ever_longer),
        CASE_TEST(test_validate_when_retry_after_then_it_counts_unless_it_is_now),
        CASE_TEST(test_validate_when_decided_then_goes_on),
        CASE_TEST(test_validate_when_invalid_then_each_name_and_reason_is_told),
        CASE_TEST(test_validate_when_killed_among_the_reasons_then_fails_the_same_way),
        CASE_TEST(test_validate_when_reasons_are_lost_then_three_tries_and_fail),
        CASE_TEST(test_validate_when_the_ca_says_nothing_then_fail_all_the_same),
        CASE_TEST(test_validate_when_an_authorization_gives_no_reason_then_named_all_the_same),
        CASE_TEST(test_validate_when_patience_is_over_then_fail),
        CASE_TEST(test_validate_when_the_ca_forgot_the_order_then_fail_again_kind),
        CASE_TEST(test_validate_when_answers_are_faulty_then_asked_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
