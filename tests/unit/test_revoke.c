/* SEES: base crypto acme */
#include "acme/account.h"

#include "acme_case.h"

static void test_revoke_when_by_account_then_kid_and_der(void **state)
{
    (void)state;
    struct arena *arena = arena_new();
    struct acme_directory *directory = case_directory("");
    struct acme_ask ask;
    acme_revoke_ask(directory, str_mem("\x30\x03\xff\xfe\xfd", 5), 4, false, arena, &ask);
    assert_int_equal(ask.method, ACME_POST);
    assert_int_equal(ask.signer, ACME_SIGN_KID);
    assert_string_equal(ask.url, "https://ca.test/revoke");
    assert_string_equal(ask.payload.p, "{\"certificate\":\"MAP__v0\",\"reason\":4}");
    acme_revoke_ask(directory, STR("abc"), 0, false, arena, &ask);
    assert_string_equal(ask.payload.p, "{\"certificate\":\"YWJj\",\"reason\":0}");
    acme_directory_free(directory);
    arena_free(arena);
}

static void test_revoke_when_by_certificate_key_then_jwk_and_no_reason(void **state)
{
    (void)state;
    struct arena *arena = arena_new();
    struct acme_directory *directory = case_directory("");
    struct acme_ask ask;
    acme_revoke_ask(directory, STR("abc"), -1, true, arena, &ask);
    assert_int_equal(ask.signer, ACME_SIGN_JWK);
    assert_string_equal(ask.payload.p, "{\"certificate\":\"YWJj\"}");
    acme_directory_free(directory);
    arena_free(arena);
}

static bool hear(int status, const char *headers, const char *body, struct err *err)
{
    struct acme_case c = {.arena = arena_new(), .world = {.now_ms = CASE_NOW}};
    case_answer(&c, 0, status, headers, body);
    bool good = acme_revoke_hear(&c.answer, err);
    acme_answer_fini(&c.answer);
    arena_free(c.arena);
    return good;
}

static void test_revoke_when_done_or_done_before_then_success(void **state)
{
    (void)state;
    struct err err = {0};
    assert_true(hear(200, "Content-Type: text/plain", "", &err));
    assert_true(hear(200, "Content-Type: application/json", "", &err));
    assert_true(hear(400, NULL, "{\"type\":\"urn:ietf:params:acme:error:alreadyRevoked\"}", &err));
}

static void test_revoke_when_refused_then_kind_by_problem(void **state)
{
    (void)state;
    struct err err = {0};
    assert_false(
        hear(400, NULL, "{\"type\":\"urn:ietf:params:acme:error:badRevocationReason\"}", &err));
    assert_int_equal(err.kind, ERR_REFUSED);
    assert_false(hear(403, NULL, "{\"type\":\"urn:ietf:params:acme:error:unauthorized\"}", &err));
    assert_int_equal(err.kind, ERR_DENIED);
    assert_false(hear(503, "Retry-After: 60\nContent-Type: text/html", "x", &err));
    assert_int_equal(err.kind, ERR_THROTTLED);
    assert_int_equal(err.until_ms, CASE_NOW + MS_MINUTE);
    assert_false(hear(302, "Location: https://evil.test/", "", &err));
    assert_int_equal(err.kind, ERR_BROKEN);
}

static void test_revoke_when_lost_then_again(void **state)
{
    (void)state;
    struct arena *arena = arena_new();
    struct acme_answer answer;
    struct err why, err = {0};
    err_set(&why, ERR_AGAIN, "timeout");
    acme_answer_lost(&answer, &why, arena);
    assert_false(acme_revoke_hear(&answer, &err));
    assert_int_equal(err.kind, ERR_AGAIN);
    assert_string_equal(err.text, "revokeCert: timeout");
    arena_free(arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_revoke_when_by_account_then_kid_and_der),
        cmocka_unit_test(test_revoke_when_by_certificate_key_then_jwk_and_no_reason),
        cmocka_unit_test(test_revoke_when_done_or_done_before_then_success),
        cmocka_unit_test(test_revoke_when_refused_then_kind_by_problem),
        cmocka_unit_test(test_revoke_when_lost_then_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
