/* SEES: base crypto acme */
/* From the certificate request to the end (FINALIZE, ISSUE, FETCH, TIDY, DONE), each branch
 * with values. What a lying CA tries: test_order_hostile.c; the whole way against a CA: test_order_ca.c. */
#include "acme_case.h"

/* ---- FINALIZE, ISSUE ---- */

static void test_finalize_when_asked_then_marked_before_it_is_sent(void **state)
{
    struct acme_case *c = *state;
    at_validate(c);
    case_at(c, ORDER_FINALIZE);
    struct verdict v = case_ask(c);
    assert_verdict(v, VERDICT_ASK);
    assert_true(c->order->finalize_sent);
    assert_int_equal(c->order->n_finalize, 1);
    assert_string_equal(v.asks[0].url, "https://ca.test/finalize/1");
    assert_string_equal(v.asks[0].payload.p, "{\"csr\":\"bm90IHJlYWxseSBhIENTUg\"}");
    /* A kill now: it may have been sent, so it is not sent again. */
    case_kill(c);
    case_go(c, case_ask(c), ORDER_ISSUE);
}

static void test_finalize_when_key_or_request_is_missing_then_nothing_is_sent(void **state)
{
    struct acme_case *c = *state;
    at_validate(c);
    case_at(c, ORDER_FINALIZE);
    c->order->has_key = false;
    assert_fails(case_ask(c), ERR_BUG, "no key");
    c->order->has_key = true;
    buf_clear(&c->order->csr);
    assert_fails(case_ask(c), ERR_BUG, "request");
    assert_false(c->order->finalize_sent);
}

static void assert_finalize_goes(struct acme_case *c, int status, const char *body,
                                 enum order_step expected)
{
    case_at(c, ORDER_FINALIZE);
    c->order->finalize_sent = false;
    assert_verdict(case_ask(c), VERDICT_ASK);
    case_go(c, case_hear(c, 0, status, body), expected);
    assert_true(c->order->finalize_sent);
}

static void test_finalize_when_answered_then_issue_or_fetch(void **state)
{
    struct acme_case *c = *state;
    at_validate(c);
    assert_finalize_goes(c, 200, ORDER_IS("processing"), ORDER_ISSUE);
    assert_finalize_goes(c, 200, ORDER_IS("ready"), ORDER_ISSUE);
    assert_finalize_goes(c, 200, ORDER_IS("valid"), ORDER_ISSUE);
    assert_finalize_goes(c, 403, "{\"type\":\"urn:ietf:params:acme:error:orderNotReady\"}",
                         ORDER_ISSUE);
    /* Whatever was done by what we cannot read, the order will tell. */
    assert_finalize_goes(c, 200, "{\"status\":", ORDER_ISSUE);
    assert_finalize_goes(c, 200, "{}", ORDER_ISSUE);
    assert_finalize_goes(c, 200, "{\"status\":\"valid\"," CERTIFICATE "}", ORDER_FETCH);
}

static void test_finalize_when_lost_then_the_order_is_read_instead_of_sending_again(void **state)
{
    struct acme_case *c = *state;
    at_validate(c);
    case_at(c, ORDER_FINALIZE);
    case_ask(c);
    assert_again(case_lose(c, 0), ERR_AGAIN, "finalize: connection reset");
    case_go(c, case_ask(c), ORDER_ISSUE);
    assert_int_equal(c->order->n_finalize, 1);
    case_at(c, ORDER_FINALIZE);
    c->order->finalize_sent = false;
    case_ask(c);
    assert_again(case_problem(c, 0, 500, "serverInternal", "oops"), ERR_AGAIN, "oops");
    case_go(c, case_ask(c), ORDER_ISSUE);
    assert_int_equal(c->order->n_finalize, 1); /* a server in trouble: that was no try */
}

static void test_finalize_when_throttled_then_sent_again_later(void **state)
{
    struct acme_case *c = *state;
    at_validate(c);
    case_at(c, ORDER_FINALIZE);
    case_ask(c);
    assert_again(case_problem(c, 0, 429, "rateLimited", "slow"), ERR_THROTTLED, "slow");
    assert_false(c->order->finalize_sent);
    assert_verdict(case_ask(c), VERDICT_ASK);
    assert_int_equal(c->order->n_finalize, 1);
}

static void test_finalize_when_refused_then_fail(void **state)
{
    struct acme_case *c = *state;
    at_validate(c);
    case_at(c, ORDER_FINALIZE);
    case_ask(c);
    assert_fails(case_problem(c, 0, 400, "badCSR", "no email"), ERR_REFUSED, "badCSR: no email");
    assert_fails(case_problem(c, 0, 403, "caa", "rechecked"), ERR_REFUSED, "rechecked");
    assert_fails(case_problem(c, 0, 404, "malformed", "what order"), ERR_AGAIN, "forgot");
    struct verdict v =
        case_hear(c, 0, 200,
                  "{\"status\":\"invalid\",\"error\":{\"type\":\"urn:ietf:params:acme:error:"
                  "rateLimited\",\"detail\":\"duplicates\",\"status\":429}}");
    assert_fails(v, ERR_THROTTLED, "duplicates");
}

static void test_issue_when_it_begins_then_sleeps_as_long_as_the_ca_takes(void **state)
{
    struct acme_case *c = *state;
    at_issue(c);
    case_at(c, ORDER_ISSUE);
    c->world.poll_first_ms = 3000;
    struct verdict v = case_ask(c);
    assert_verdict(v, VERDICT_SLEEP);
    assert_int_equal(v.until_ms, c->world.now_ms + 3000);
}

static void test_issue_when_processing_then_sleeps_and_survives_a_kill(void **state)
{
    struct acme_case *c = *state;
    at_issue(c);
    case_ask(c);
    struct verdict v = case_hear_with(c, 0, 200, "Retry-After: 86400", ORDER_IS("processing"));
    assert_verdict(v, VERDICT_SLEEP);
    assert_int_equal(v.until_ms, c->world.now_ms + MS_DAY);
    case_kill(c);
    c->world.now_ms = v.until_ms;
    assert_verdict(case_ask(c), VERDICT_ASK);
    case_go(c, case_hear(c, 0, 200, "{\"status\":\"valid\"," CERTIFICATE "}"), ORDER_FETCH);
}

static void test_issue_when_ready_then_the_same_request_goes_three_times_at_most(void **state)
{
    struct acme_case *c = *state;
    at_issue(c);
    for (int i = 2; i <= 3; i++) {
        case_go(c, case_hear(c, 0, 200, ORDER_IS("ready")), ORDER_FINALIZE);
        case_kill(c);
        struct verdict v = case_ask(c);
        assert_verdict(v, VERDICT_ASK);
        assert_has(v.asks[0].payload.p, "bm90IHJlYWxseSBhIENTUg");
        assert_int_equal(c->order->n_finalize, i);
        case_go(c, case_hear(c, 0, 200, ORDER_IS("processing")), ORDER_ISSUE);
    }
    assert_fails(case_hear(c, 0, 200, ORDER_IS("ready")), ERR_AGAIN, "after 3");
}

static void test_issue_when_pending_then_back_to_what_is_open(void **state)
{
    struct acme_case *c = *state;
    at_issue(c);
    case_go(c, case_hear(c, 0, 200, ORDER_IS("pending")), ORDER_VALIDATE);
    assert_false(c->order->finalize_sent);
    case_at(c, ORDER_ISSUE);
    c->order->authz[0].answered = false;
    case_go(c, case_hear(c, 0, 200, ORDER_IS("pending")), ORDER_PUBLISH);
    assert_false(c->order->published);
    case_at(c, ORDER_ISSUE);
    c->order->authz[1].status = AUTHZ_UNREAD;
    case_go(c, case_hear(c, 0, 200, ORDER_IS("pending")), ORDER_READ);
    case_at(c, ORDER_ISSUE);
    assert_fails(case_hear(c, 0, 200, ORDER_IS("pending")), ERR_BROKEN, "again and again");
}

static void test_issue_when_valid_without_url_then_polls_until_time_is_over(void **state)
{
    struct acme_case *c = *state;
    at_issue(c);
    assert_verdict(case_hear(c, 0, 200, ORDER_IS("valid")), VERDICT_SLEEP);
    c->world.now_ms = c->order->step_at_ms + MS_DAY;
    assert_fails(case_hear(c, 0, 200, ORDER_IS("valid")), ERR_AGAIN, "where the certificate is");
}

static void test_issue_when_the_order_expired_then_fail_after_an_hour_of_grace(void **state)
{
    struct acme_case *c = *state;
    const char *body = "{\"status\":\"processing\",\"expires\":\"2030-01-01T02:00:00Z\"}";
    at_issue(c);
    c->world.now_ms = CASE_NOW + 3 * MS_HOUR - 1;
    assert_verdict(case_hear(c, 0, 200, body), VERDICT_SLEEP);
    c->world.now_ms = CASE_NOW + 3 * MS_HOUR;
    assert_fails(case_hear(c, 0, 200, body), ERR_AGAIN, "issued the certificate");
}

static void test_issue_when_invalid_then_fail_with_the_orders_error(void **state)
{
    struct acme_case *c = *state;
    at_issue(c);
    struct verdict v = case_hear(
        c, 0, 200,
        "{\"status\":\"invalid\",\"error\":{\"type\":\"urn:ietf:params:acme:error:compound\","
        "\"detail\":\"CAA\",\"status\":403,\"subproblems\":[{\"type\":\"urn:ietf:params:acme:error:"
        "caa\",\"detail\":\"letsencrypt.org is "
        "missing\",\"identifier\":{\"type\":\"dns\",\"value\":"
        "\"www.example.com\"}}]}}");
    assert_fails(v, ERR_REFUSED, "www.example.com: letsencrypt.org is missing");
}

static void test_issue_when_the_ca_forgot_the_order_then_fail_again_kind(void **state)
{
    struct acme_case *c = *state;
    at_issue(c);
    assert_fails(case_problem(c, 0, 404, "malformed", "?"), ERR_AGAIN, "forgot");
    assert_fails(case_problem(c, 0, 400, "accountDoesNotExist", "?"), ERR_DENIED, "testca");
}

/* ---- FETCH, TIDY, DONE ---- */

static void at_fetch(struct acme_case *c)
{
    at_issue(c);
    c->order->certificate_url = mem_strdup("https://ca.test/cert/1");
    case_at(c, ORDER_FETCH);
}

static void test_fetch_when_asked_then_pem_is_wanted(void **state)
{
    struct acme_case *c = *state;
    at_fetch(c);
    struct verdict v = case_ask(c);
    assert_verdict(v, VERDICT_ASK);
    assert_string_equal(v.asks[0].url, "https://ca.test/cert/1");
    assert_true(v.asks[0].wants_pem);
    assert_int_equal(v.asks[0].method, ACME_POST_AS_GET);
    case_kill(c);
    assert_verdict(case_ask(c), VERDICT_ASK);
}

static void test_fetch_when_no_chain_then_again_for_ten_minutes_then_held_back(void **state)
{
    struct acme_case *c = *state;
    const char *const type = "Content-Type: application/pem-certificate-chain";
    at_fetch(c);
    assert_again(case_hear_with(c, 0, 200, type, ""), ERR_AGAIN, "downloaded again");
    assert_again(case_hear_with(c, 0, 200, type, "<html>"), ERR_AGAIN, "downloaded again");
    c->world.now_ms += 10 * MS_MINUTE;
    assert_fails(case_hear_with(c, 0, 200, type, ""), ERR_BROKEN, "held back");
    assert_fails(case_hear_with(c, 0, 200, type, "<html>"), ERR_BROKEN, "held back");
    assert_null(c->order->chain);
}

static void test_fetch_when_not_there_yet_then_again_for_ten_minutes(void **state)
{
    struct acme_case *c = *state;
    at_fetch(c);
    assert_again(case_problem(c, 0, 404, "malformed", "no certificate"), ERR_AGAIN, "no certifi");
    c->world.now_ms += 10 * MS_MINUTE;
    assert_fails(case_problem(c, 0, 404, "malformed", "no certificate"), ERR_AGAIN, "no certifi");
    assert_again(case_lose(c, 0), ERR_AGAIN, "certificate: connection reset");
    assert_again(case_problem(c, 0, 500, "serverInternal", "x"), ERR_AGAIN, "x");
    assert_fails(case_problem(c, 0, 403, "unauthorized", "x"), ERR_DENIED, "x");
}

static void test_tidy_when_issued_then_done_at_once(void **state)
{
    struct acme_case *c = *state;
    place_and_read(c);
    case_at(c, ORDER_TIDY);
    case_go(c, case_ask(c), ORDER_DONE);
}

static void test_tidy_when_failed_then_pending_ones_are_given_up_once(void **state)
{
    struct acme_case *c = *state;
    place_and_read(c);
    c->order->failed = true;
    case_at(c, ORDER_TIDY);
    struct verdict v = case_ask(c);
    assert_verdict(v, VERDICT_ASK);
    assert_int_equal(v.n_asks, 2);
    assert_string_equal(v.asks[0].url, "https://ca.test/authz/1");
    assert_string_equal(v.asks[0].payload.p, "{\"status\":\"deactivated\"}");
    assert_verdict(case_hear(c, 0, 200, "{\"status\":\"deactivated\"}"), VERDICT_WAIT);
    assert_int_equal(c->order->authz[0].status, AUTHZ_DEACTIVATED);
    case_go(c, case_lose(c, 1), ORDER_DONE);
    assert_true(c->order->tidied);
    case_at(c, ORDER_TIDY);
    case_kill(c);
    c->order->failed = true;
    case_go(c, case_ask(c), ORDER_DONE);
}

static void test_tidy_when_killed_half_way_then_only_the_rest_is_asked(void **state)
{
    struct acme_case *c = *state;
    place_and_read(c);
    c->order->failed = true;
    case_at(c, ORDER_TIDY);
    case_ask(c);
    case_hear(c, 1, 200, "{}");
    case_kill(c);
    struct verdict v = case_ask(c);
    assert_int_equal(v.n_asks, 1);
    assert_int_equal(v.asks[0].slot, 0);
    case_go(c, case_problem(c, 0, 500, "serverInternal", "x"), ORDER_DONE);
}

static void test_tidy_when_failed_before_any_authorization_then_done(void **state)
{
    struct acme_case *c = *state;
    c->order->failed = true;
    case_at(c, ORDER_TIDY);
    case_go(c, case_ask(c), ORDER_DONE);
}

static void test_done_when_run_then_it_is_a_defect(void **state)
{
    struct acme_case *c = *state;
    case_at(c, ORDER_DONE);
    assert_fails(case_ask(c), ERR_BUG, "done");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE_TEST(test_finalize_when_asked_then_marked_before_it_is_sent),
        CASE_TEST(test_finalize_when_key_or_request_is_missing_then_nothing_is_sent),
        CASE_TEST(test_finalize_when_answered_then_issue_or_fetch),
        CASE_TEST(test_finalize_when_lost_then_the_order_is_read_instead_of_sending_again),
        CASE_TEST(test_finalize_when_throttled_then_sent_again_later),
        CASE_TEST(test_finalize_when_refused_then_fail),
        CASE_TEST(test_issue_when_it_begins_then_sleeps_as_long_as_the_ca_takes),
        CASE_TEST(test_issue_when_processing_then_sleeps_and_survives_a_kill),
        CASE_TEST(test_issue_when_ready_then_the_same_request_goes_three_times_at_most),
        CASE_TEST(test_issue_when_pending_then_back_to_what_is_open),
        CASE_TEST(test_issue_when_valid_without_url_then_polls_until_time_is_over),
        CASE_TEST(test_issue_when_the_order_expired_then_fail_after_an_hour_of_grace),
        CASE_TEST(test_issue_when_invalid_then_fail_with_the_orders_error),
        CASE_TEST(test_issue_when_the_ca_forgot_the_order_then_fail_again_kind),
        CASE_TEST(test_fetch_when_asked_then_pem_is_wanted),
        CASE_TEST(test_fetch_when_no_chain_then_again_for_ten_minutes_then_held_back),
        CASE_TEST(test_fetch_when_not_there_yet_then_again_for_ten_minutes),
        CASE_TEST(test_tidy_when_issued_then_done_at_once),
        CASE_TEST(test_tidy_when_failed_then_pending_ones_are_given_up_once),
        CASE_TEST(test_tidy_when_killed_half_way_then_only_the_rest_is_asked),
        CASE_TEST(test_tidy_when_failed_before_any_authorization_then_done),
        CASE_TEST(test_done_when_run_then_it_is_a_defect),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
