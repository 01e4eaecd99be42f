/* SEES: base crypto acme */
/* The order as a row and a table, and its way from the key to the URLs (KEY, NEW), each branch
 * with values. What a lying CA tries: test_order_hostile.c; the whole way against a CA: test_order_ca.c. */
#include "acme_case.h"

/* ---- tables ---- */

static void test_steps_when_named_then_found_again(void **state)
{
    (void)state;
    enum order_step found;
    for (unsigned step = 0; step < ORDER_STEP_N; step++) {
        assert_true(order_step_find(order_step_name((enum order_step)step), &found));
        assert_int_equal(found, step);
    }
    assert_false(order_step_find("nonsense", &found));
    assert_false(order_step_find(NULL, &found));
    assert_int_equal(order_step_patience_ms(ORDER_VALIDATE), MS_HOUR);
    assert_int_equal(order_step_patience_ms(ORDER_ISSUE), MS_DAY);
}

static void test_steps_when_any_fails_then_tidy_may_follow_and_done_ends(void **state)
{
    (void)state;
    for (unsigned step = 0; step < ORDER_STEP_N; step++) {
        bool open = step != ORDER_TIDY && step != ORDER_DONE;
        assert_int_equal(order_step_may_follow((enum order_step)step, ORDER_TIDY), open);
        assert_false(order_step_may_follow(ORDER_DONE, (enum order_step)step));
        assert_false(order_step_may_follow((enum order_step)step, ORDER_KEY));
        assert_false(order_step_may_follow((enum order_step)step, (enum order_step)step));
    }
    assert_false(order_step_may_follow(ORDER_KEY, ORDER_FINALIZE));
    assert_false(order_step_may_follow(ORDER_PUBLISH, ORDER_VALIDATE));
    assert_false(order_step_may_follow(ORDER_STEP_N, ORDER_TIDY));
}

static void test_authz_status_when_named_then_found_again(void **state)
{
    (void)state;
    enum authz_status found;
    for (unsigned status = 0; status <= AUTHZ_REVOKED; status++) {
        assert_true(authz_status_find(authz_status_name((enum authz_status)status), &found));
        assert_int_equal(found, status);
    }
    assert_false(authz_status_find("Valid", &found));
}

static void test_memory_when_written_then_read_back_whole(void **state)
{
    struct acme_case *c = *state;
    AUTO(buf_fini)
    struct buf text = BUF(4096);
    order_memory_format(c->order, &text);
    assert_string_equal(buf_cstr(&text), "{}");
    c->order->new_sent = c->order->finalize_sent = c->order->without_replaces = true;
    c->order->published = c->order->tidied = c->order->invalid = true;
    c->order->held = c->order->wait_told = true;
    c->order->n_finalize = 2;
    c->order->n_polls = 41;
    c->order->n_back = 1;
    c->order->failure = mem_strdup("order: 403 caa: \"forbidden\"");
    c->order->failure_kind = ERR_REFUSED;
    case_kill(c);
    assert_true(c->order->new_sent && c->order->finalize_sent && c->order->without_replaces);
    assert_true(c->order->published && c->order->tidied && c->order->invalid);
    assert_true(c->order->held && c->order->wait_told);
    assert_int_equal(c->order->n_finalize, 2);
    assert_int_equal(c->order->n_polls, 41);
    assert_int_equal(c->order->n_back, 1);
    assert_string_equal(c->order->failure, "order: 403 caa: \"forbidden\"");
    assert_int_equal(c->order->failure_kind, ERR_REFUSED);
}

static void test_memory_when_damaged_then_broken_and_order_unchanged(void **state)
{
    struct acme_case *c = *state;
    struct err err = {0};
    const char *const texts[] = {"",  "[]",   "{\"new_sent\":1}",    "{\"n_polls\":\"x\"}",
                                 "{", "null", "{\"n_finalize\":-1}", "{\"n_polls\":99999999999}"};
    c->order->published = true;
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        assert_false(order_memory_parse(c->order, texts[i], &err));
        assert_int_equal(err.kind, ERR_BROKEN);
        assert_true(c->order->published);
    }
    assert_true(order_memory_parse(c->order, "{\"novel\":[1],\"tidied\":true}", &err));
    assert_true(c->order->tidied);
    assert_false(c->order->published);
}

static void test_challenge_name_when_wildcard_then_of_the_base(void **state)
{
    struct acme_case *c = *state;
    AUTO(buf_fini)
    struct buf out = BUF(512);
    struct authz authz = {.identifier = (char *)"example.com", .wildcard = true};
    order_challenge_name(c->order, &authz, &out);
    assert_string_equal(buf_cstr(&out), "_acme-challenge.example.com");
}

static void test_document_when_made_then_every_step_has_its_rows(void **state)
{
    (void)state;
    AUTO(buf_fini)
    struct buf out = BUF(65536);
    order_life_document(&out);
    for (unsigned step = 0; step < ORDER_STEP_N; step++) {
        AUTO(mem_fini)
        char *cell = mem_printf("| `%s` | ", order_step_name((enum order_step)step));
        const char *first = strstr(buf_cstr(&out), cell);
        assert_non_null(first);
        assert_non_null(strstr(first + 1, cell));
    }
    assert_has(buf_cstr(&out), "| publish, validate, finalize, issue, fetch, tidy | 10m |");
    assert_false(out.overflow);
}

/* ---- KEY, NEW ---- */

static void test_key_when_missing_then_wanted_before_anything_is_asked(void **state)
{
    struct acme_case *c = *state;
    c->order->has_key = false;
    assert_verdict(case_ask(c), VERDICT_WANT_KEY);
    case_kill(c);
    assert_verdict(case_ask(c), VERDICT_WANT_KEY);
    c->order->has_key = true;
    case_go(c, case_ask(c), ORDER_NEW);
}

static void test_new_when_key_is_missing_then_nothing_is_ordered(void **state)
{
    struct acme_case *c = *state;
    case_at(c, ORDER_NEW);
    c->order->has_key = false;
    assert_fails(case_ask(c), ERR_BUG, "no key");
}

static void test_new_when_asked_then_intent_is_marked_and_names_are_sent(void **state)
{
    struct acme_case *c = *state;
    case_at(c, ORDER_NEW);
    struct verdict v = case_ask(c);
    assert_verdict(v, VERDICT_ASK);
    assert_true(c->order->new_sent);
    assert_int_equal(v.n_asks, 1);
    assert_int_equal(v.asks[0].method, ACME_POST);
    assert_int_equal(v.asks[0].signer, ACME_SIGN_KID);
    assert_string_equal(v.asks[0].what, "newOrder");
    assert_string_equal(v.asks[0].url, "https://ca.test/order");
    assert_string_equal(v.asks[0].payload.p,
                        "{\"identifiers\":[{\"type\":\"dns\",\"value\":\"www.example.com\"},"
                        "{\"type\":\"dns\",\"value\":\"*.example.com\"}]}");
}

static void case_offer(struct acme_case *c, const char *directory_url)
{
    acme_directory_free(c->directory);
    c->directory =
        case_directory(CASE_ARI ",\"meta\":{\"profiles\":{\"classic\":\"\",\"tlsserver\":\"\"}}");
    c->world.directory = c->directory;
    mem_set_str(&c->order->directory, directory_url);
    case_at(c, ORDER_NEW);
}

static void test_new_when_profile_is_not_offered_then_nothing_is_sent(void **state)
{
    struct acme_case *c = *state;
    case_offer(c, "https://ca.test/directory");
    c->order->profile = mem_strdup("shortlived");
    struct verdict v = case_ask(c);
    assert_int_equal(v.kind, VERDICT_FAIL);
    assert_int_equal(v.err.kind, ERR_CONFIG);
    assert_has(v.err.text, "one of classic, tlsserver");
    assert_false(c->order->new_sent);
}

static void test_new_when_more_names_than_the_profile_may_have_then_nothing_is_sent(void **state)
{
    struct acme_case *c = *state;
    case_offer(c, "https://acme-v02.api.letsencrypt.org/directory");
    c->order->profile = mem_strdup("tlsserver");
    size_t n_names = c->order->n_names;
    c->order->n_names = 26;
    struct verdict v = case_ask(c);
    c->order->n_names = n_names;
    assert_int_equal(v.kind, VERDICT_FAIL);
    assert_int_equal(v.err.kind, ERR_CONFIG);
    assert_has(v.err.text, "may have 25");
    assert_false(c->order->new_sent);
}

static void test_new_when_another_profile_is_echoed_then_given_up_at_the_ca(void **state)
{
    struct acme_case *c = *state;
    case_offer(c, "https://ca.test/directory");
    c->order->profile = mem_strdup("tlsserver");
    case_ask(c);
    struct verdict v = case_hear_with(
        c, 0, 201, "Location: https://ca.test/order/1",
        "{\"status\":\"pending\",\"identifiers\":[{\"type\":\"dns\",\"value\":\"www.example.com\"},"
        "{\"type\":\"dns\",\"value\":\"*.example.com\"}],\"authorizations\":[\"https://ca.test/a/"
        "1\","
        "\"https://ca.test/a/2\"],\"profile\":\"classic\"," LIFE "}");
    assert_int_equal(v.kind, VERDICT_FAIL);
    assert_int_equal(v.err.kind, ERR_REFUSED);
    assert_has(v.err.text, "profile \"classic\", but \"tlsserver\" was asked for");
    /* What TIDY needs. */
    assert_int_equal(c->order->n_authz, 2);
    assert_string_equal(c->order->url, "https://ca.test/order/1");
}

static void test_new_when_profile_and_predecessor_then_both_go_along(void **state)
{
    struct acme_case *c = *state;
    case_offer(c, "https://ca.test/directory");
    c->order->profile = mem_strdup("tlsserver");
    c->order->replaces = mem_strdup("aYhba4dGQEHhs3uEe6CuLN4ByNQ.AIdlQyE");
    struct verdict v = case_ask(c);
    assert_has(v.asks[0].payload.p, "\"profile\":\"tlsserver\"");
    assert_has(v.asks[0].payload.p, "\"replaces\":\"aYhba4dGQEHhs3uEe6CuLN4ByNQ.AIdlQyE\"");
}

static void test_new_when_ca_has_no_ari_then_no_predecessor_is_named(void **state)
{
    struct acme_case *c = *state;
    acme_directory_free(c->directory);
    c->directory = case_directory("");
    c->world.directory = c->directory;
    case_at(c, ORDER_NEW);
    c->order->replaces = mem_strdup("aki.serial");
    struct verdict v = case_ask(c);
    assert_null(strstr(v.asks[0].payload.p, "replaces"));
    /* Then no refusal can be about it. */
    assert_fails(case_problem(c, 0, 400, "malformed", "no"), ERR_REFUSED, "malformed");
}

static void test_new_when_answered_then_urls_are_kept_octet_for_octet(void **state)
{
    struct acme_case *c = *state;
    case_at(c, ORDER_NEW);
    case_ask(c);
    struct verdict v = case_hear_with(c, 0, 201, "Location: https://ca.test/order/%2F1?a=b",
                                      ORDER_NEW_IS("pending", AUTHZ2));
    case_go(c, v, ORDER_READ);
    assert_string_equal(c->order->url, "https://ca.test/order/%2F1?a=b");
    assert_string_equal(c->order->finalize_url, "https://ca.test/finalize/1");
    assert_int_equal(c->order->expires_at_ms, time_from_civil(2030, 1, 8, 0, 0, 0));
    assert_int_equal(c->order->n_authz, 2);
    assert_string_equal(c->order->authz[1].url, "https://ca.test/authz/2");
    assert_int_equal(c->order->authz[0].status, AUTHZ_UNREAD);
}

static void assert_new_goes(void **state, const char *body, enum order_step expected)
{
    struct acme_case *c = *state;
    case_at(c, ORDER_NEW);
    case_ask(c);
    case_go(c, case_hear_with(c, 0, 201, LOCATION, body), expected);
}

static void test_new_when_ready_then_authorizations_are_read(void **state)
{
    assert_new_goes(state, ORDER_NEW_IS("ready", AUTHZ2), ORDER_READ);
}

static void test_new_when_ready_without_authorizations_then_finalize(void **state)
{
    assert_new_goes(state, ORDER_NEW_IS("ready", "\"authorizations\":[]"), ORDER_FINALIZE);
}

static void test_new_when_pending_without_authorizations_then_poll(void **state)
{
    assert_new_goes(state, ORDER_NEW_IS("pending", "\"authorizations\":[]"), ORDER_VALIDATE);
}

static void test_new_when_processing_then_issue(void **state)
{
    assert_new_goes(state, ORDER_NEW_IS("processing", AUTHZ2), ORDER_ISSUE);
}

static void test_new_when_valid_then_fetch_or_issue(void **state)
{
    assert_new_goes(state, ORDER_NEW_IS("valid", AUTHZ2 "," CERTIFICATE), ORDER_FETCH);
    struct acme_case *c = *state;
    assert_string_equal(c->order->certificate_url, "https://ca.test/cert/1");
}

static void test_new_when_valid_without_certificate_then_issue(void **state)
{
    assert_new_goes(state, ORDER_NEW_IS("valid", AUTHZ2), ORDER_ISSUE);
}

static void test_new_when_invalid_at_once_then_fail_with_its_error(void **state)
{
    struct acme_case *c = *state;
    case_at(c, ORDER_NEW);
    case_ask(c);
    struct verdict v = case_hear_with(
        c, 0, 201, LOCATION,
        ORDER_NEW_IS("invalid", AUTHZ2 ",\"error\":{\"type\":\"urn:ietf:params:acme:error:caa\","
                                       "\"detail\":\"CAA says no\",\"status\":403}"));
    assert_fails(v, ERR_REFUSED, "CAA says no");
}

static void test_new_when_predecessor_is_refused_then_once_without(void **state)
{
    static const struct {
        int status;
        const char *type;
    } refusals[] = {{400, "malformed"},       {401, "unauthorized"}, {404, "malformed"},
                    {409, "alreadyReplaced"}, {409, "conflict"},     {500, "serverInternal"}};
    for (size_t i = 0; i < sizeof refusals / sizeof refusals[0]; i++) {
        struct acme_case *c = *state;
        case_at(c, ORDER_NEW);
        c->order->without_replaces = false;
        mem_set_str(&c->order->replaces, "aki.serial");
        case_ask(c);
        struct verdict v = case_problem(c, 0, refusals[i].status, refusals[i].type, "dislike");
        assert_again(v, ERR_AGAIN, "dislike");
        assert_int_equal(v.until_ms, 0);
        assert_true(c->order->without_replaces);
        case_kill(c);
        v = case_ask(c);
        assert_verdict(v, VERDICT_ASK);
        assert_null(strstr(v.asks[0].payload.p, "replaces"));
        /* The second refusal is about something else. */
        v = case_problem(c, 0, 400, "malformed", "still");
        assert_fails(v, ERR_REFUSED, "still");
    }
}

static void test_new_when_refused_for_another_reason_then_predecessor_stays(void **state)
{
    struct acme_case *c = *state;
    case_at(c, ORDER_NEW);
    c->order->replaces = mem_strdup("aki.serial");
    case_ask(c);
    assert_again(case_problem(c, 0, 429, "rateLimited", "slow"), ERR_THROTTLED, "slow");
    assert_again(case_problem(c, 0, 400, "rateLimited", "slow"), ERR_THROTTLED, "slow");
    assert_fails(case_problem(c, 0, 400, "badPublicKey", "weak"), ERR_CONFIG, "weak");
    assert_fails(case_problem(c, 0, 400, "accountDoesNotExist", "who"), ERR_DENIED, "who");
    assert_fails(case_problem(c, 0, 403, "userActionRequired", "terms"), ERR_DENIED, "terms");
    assert_again(case_lose(c, 0), ERR_AGAIN, "connection reset");
    assert_again(case_hear_with(c, 0, 503, "Content-Type: text/html", "x"), ERR_AGAIN, "503");
    assert_false(c->order->without_replaces);
}

static void test_new_when_throttled_then_time_of_the_ca_is_kept(void **state)
{
    struct acme_case *c = *state;
    case_at(c, ORDER_NEW);
    case_ask(c);
    struct verdict v = case_hear_with(
        c, 0, 429, "Retry-After: 3600",
        "{\"type\":\"urn:ietf:params:acme:error:rateLimited\",\"detail\":\"too many\"}");
    assert_again(v, ERR_THROTTLED, "newOrder: 429 rateLimited: too many");
    assert_int_equal(v.err.until_ms, CASE_NOW + MS_HOUR);
    assert_int_equal(v.until_ms, CASE_NOW + MS_HOUR);
}

static void test_new_when_account_is_unknown_then_denied_and_named(void **state)
{
    struct acme_case *c = *state;
    case_at(c, ORDER_NEW);
    case_ask(c);
    struct verdict v = case_problem(c, 0, 400, "accountDoesNotExist", "no such account");
    assert_fails(v, ERR_DENIED, "testca");
    assert_has(v.err.text, THUMBPRINT);
    assert_has(v.err.text, "no such account");
}

static void test_new_when_a_person_must_act_then_the_address_is_told(void **state)
{
    struct acme_case *c = *state;
    case_at(c, ORDER_NEW);
    case_ask(c);
    struct verdict v =
        case_hear(c, 0, 403,
                  "{\"type\":\"urn:ietf:params:acme:error:userActionRequired\",\"detail\":\"new "
                  "terms\",\"instance\":\"https://ca.test/agree/7\"}");
    assert_fails(v, ERR_DENIED, "https://ca.test/agree/7");
}

static void test_new_when_rejected_then_every_name_is_told(void **state)
{
    struct acme_case *c = *state;
    case_at(c, ORDER_NEW);
    case_ask(c);
    struct verdict v = case_hear(
        c, 0, 400,
        "{\"type\":\"urn:ietf:params:acme:error:rejectedIdentifier\",\"detail\":\"policy\","
        "\"subproblems\":[{\"type\":\"urn:ietf:params:acme:error:rejectedIdentifier\",\"detail\":"
        "\"blocked\",\"identifier\":{\"type\":\"dns\",\"value\":\"www.example.com\"}}]}");
    assert_fails(v, ERR_REFUSED, "www.example.com: blocked");
}

static void test_new_when_killed_after_sending_then_asked_again(void **state)
{
    struct acme_case *c = *state;
    case_at(c, ORDER_NEW);
    case_ask(c);
    case_kill(c);
    assert_true(c->order->new_sent);
    struct verdict v = case_ask(c);
    assert_verdict(v, VERDICT_ASK);
    /* The CA answers with the order it made the first time. */
    case_go(c, case_hear_with(c, 0, 200, LOCATION, ORDER_NEW_IS("pending", AUTHZ2)), ORDER_READ);
    /* And a third time, should the row be from before: the table is not doubled. */
    case_at(c, ORDER_NEW);
    case_go(c, case_hear_with(c, 0, 201, LOCATION, ORDER_NEW_IS("pending", AUTHZ2)), ORDER_READ);
    assert_int_equal(c->order->n_authz, 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE_TEST(test_steps_when_named_then_found_again),
        CASE_TEST(test_steps_when_any_fails_then_tidy_may_follow_and_done_ends),
        CASE_TEST(test_authz_status_when_named_then_found_again),
        CASE_TEST(test_memory_when_written_then_read_back_whole),
        CASE_TEST(test_memory_when_damaged_then_broken_and_order_unchanged),
        CASE_TEST(test_challenge_name_when_wildcard_then_of_the_base),
        CASE_TEST(test_document_when_made_then_every_step_has_its_rows),
        CASE_TEST(test_key_when_missing_then_wanted_before_anything_is_asked),
        CASE_TEST(test_new_when_key_is_missing_then_nothing_is_ordered),
        CASE_TEST(test_new_when_asked_then_intent_is_marked_and_names_are_sent),
        CASE_TEST(test_new_when_profile_is_not_offered_then_nothing_is_sent),
        CASE_TEST(test_new_when_more_names_than_the_profile_may_have_then_nothing_is_sent),
        CASE_TEST(test_new_when_another_profile_is_echoed_then_given_up_at_the_ca),
        CASE_TEST(test_new_when_profile_and_predecessor_then_both_go_along),
        CASE_TEST(test_new_when_ca_has_no_ari_then_no_predecessor_is_named),
        CASE_TEST(test_new_when_answered_then_urls_are_kept_octet_for_octet),
        CASE_TEST(test_new_when_ready_then_authorizations_are_read),
        CASE_TEST(test_new_when_ready_without_authorizations_then_finalize),
        CASE_TEST(test_new_when_pending_without_authorizations_then_poll),
        CASE_TEST(test_new_when_processing_then_issue),
        CASE_TEST(test_new_when_valid_then_fetch_or_issue),
        CASE_TEST(test_new_when_valid_without_certificate_then_issue),
        CASE_TEST(test_new_when_invalid_at_once_then_fail_with_its_error),
        CASE_TEST(test_new_when_predecessor_is_refused_then_once_without),
        CASE_TEST(test_new_when_refused_for_another_reason_then_predecessor_stays),
        CASE_TEST(test_new_when_throttled_then_time_of_the_ca_is_kept),
        CASE_TEST(test_new_when_account_is_unknown_then_denied_and_named),
        CASE_TEST(test_new_when_a_person_must_act_then_the_address_is_told),
        CASE_TEST(test_new_when_rejected_then_every_name_is_told),
        CASE_TEST(test_new_when_killed_after_sending_then_asked_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
