/* SEES: base crypto acme */
#include "acme/problem.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define URN "urn:ietf:params:acme:error:"

static struct arena *arena;

static int arena_open(void **state)
{
    (void)state;
    arena = arena_new();
    return 0;
}

static int arena_close(void **state)
{
    (void)state;
    arena_free(arena);
    return 0;
}

static const struct acme_problem *problem_of(int status, const char *json)
{
    AUTO(json_fini)
    struct json *tree = NULL;
    struct err err = {0};
    if (json != NULL && !json_parse(str_of(json), JSON_SIZE_MAX, &tree, &err))
        fail_msg("%s", err.text);
    struct acme_problem *copy = arena_alloc(arena, sizeof *copy);
    *copy = *acme_problem_read(tree, status, arena);
    /* The tree goes away: only algorithms may point into it. */
    if (copy->algorithms != NULL)
        assert_true(json_is(copy->algorithms, JSON_ARRAY));
    copy->algorithms = NULL;
    return copy;
}

static struct err err_of(int status, const char *json, int64_t retry_at_ms)
{
    struct err err = {0};
    assert_false(acme_problem_err(problem_of(status, json), "newOrder", retry_at_ms, &err));
    return err;
}

static void test_types_when_looked_up_then_every_one_of_the_rfc(void **state)
{
    (void)state;
    /* RFC 8555 6.7, RFC 9773 7.4, draft-ietf-acme-profiles, Boulder */
    const char *const names[] = {"accountDoesNotExist",
                                 "alreadyRevoked",
                                 "badCSR",
                                 "badNonce",
                                 "badPublicKey",
                                 "badRevocationReason",
                                 "badSignatureAlgorithm",
                                 "caa",
                                 "compound",
                                 "connection",
                                 "dns",
                                 "externalAccountRequired",
                                 "incorrectResponse",
                                 "invalidContact",
                                 "malformed",
                                 "orderNotReady",
                                 "rateLimited",
                                 "rejectedIdentifier",
                                 "serverInternal",
                                 "tls",
                                 "unauthorized",
                                 "unsupportedContact",
                                 "unsupportedIdentifier",
                                 "userActionRequired",
                                 "alreadyReplaced",
                                 "invalidProfile",
                                 "conflict"};
    assert_int_equal(sizeof names / sizeof names[0], PROBLEM_TYPE_N - 1);
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        AUTO(mem_fini)
        char *urn = mem_printf(URN "%s", names[i]);
        enum problem_type type = problem_type_find(names[i]);
        assert_int_not_equal(type, PROBLEM_OTHER);
        assert_int_equal(problem_type_find(urn), type);
        assert_string_equal(problem_type_name(type), names[i]);
        assert_true(strlen(problem_advice(type)) > 20);
        assert_int_not_equal(problem_kind(type), ERR_NONE);
    }
    assert_int_equal(problem_type_find("urn:acme:error:malformed"), PROBLEM_MALFORMED);
    assert_int_equal(problem_type_find("Malformed"), PROBLEM_OTHER);
    assert_int_equal(problem_type_find(URN), PROBLEM_OTHER);
    assert_int_equal(problem_type_find(NULL), PROBLEM_OTHER);
}

static void test_kinds_when_asked_then_say_what_to_do(void **state)
{
    (void)state;
    assert_int_equal(problem_kind(PROBLEM_RATE_LIMITED), ERR_THROTTLED);
    assert_int_equal(problem_kind(PROBLEM_SERVER_INTERNAL), ERR_AGAIN);
    assert_int_equal(problem_kind(PROBLEM_BAD_NONCE), ERR_AGAIN);
    assert_int_equal(problem_kind(PROBLEM_USER_ACTION_REQUIRED), ERR_DENIED);
    assert_int_equal(problem_kind(PROBLEM_ACCOUNT_DOES_NOT_EXIST), ERR_ABSENT);
    assert_int_equal(problem_kind(PROBLEM_REJECTED_IDENTIFIER), ERR_REFUSED);
    assert_int_equal(problem_kind(PROBLEM_INVALID_PROFILE), ERR_CONFIG);
    assert_int_equal(problem_class(PROBLEM_BAD_NONCE), CLASS_AT_ONCE);
    assert_int_equal(problem_class(PROBLEM_ORDER_NOT_READY), CLASS_POLL);
    assert_int_equal(problem_class(PROBLEM_SERVER_INTERNAL), CLASS_LATER);
    assert_int_equal(problem_class(PROBLEM_CAA), CLASS_CONFIG);
    assert_int_equal(problem_class(PROBLEM_USER_ACTION_REQUIRED), CLASS_HUMAN);
    assert_int_equal(problem_fault(PROBLEM_CAA), FAULT_DNS);
    assert_int_equal(problem_fault(PROBLEM_USER_ACTION_REQUIRED), FAULT_PERSON);
    assert_int_equal(problem_fault(PROBLEM_MALFORMED), FAULT_US);
}

static void test_problem_when_subproblems_then_each_name_is_told(void **state)
{
    (void)state;
    struct err err = err_of(
        403,
        "{\"type\":\"" URN "rejectedIdentifier\",\"detail\":\"2 of 3 refused\",\"subproblems\":["
        "{\"type\":\"" URN "rejectedIdentifier\",\"detail\":\"on a list\","
        "\"identifier\":{\"type\":\"dns\",\"value\":\"a.example\"}},"
        "{\"type\":\"" URN "caa\",\"identifier\":{\"type\":\"dns\",\"value\":\"b.example\"}},"
        "{\"detail\":\"nameless\"}]}",
        0);
    assert_int_equal(err.kind, ERR_REFUSED);
    assert_string_equal(err.text,
                        "newOrder: 403 rejectedIdentifier: 2 of 3 refused [a.example: on a "
                        "list; b.example: caa; nameless]");
}

static void test_problem_when_compound_then_kind_of_its_first_known_part(void **state)
{
    (void)state;
    const struct acme_problem *p = problem_of(
        400, "{\"type\":\"" URN "compound\",\"subproblems\":[{\"type\":\"x:y\"},{\"type\":\"" URN
             "unauthorized\"},{\"type\":\"" URN "dns\"}]}");
    assert_int_equal(p->kind, ERR_DENIED);
    assert_int_equal(problem_of(400, "{\"type\":\"" URN "compound\"}")->kind, ERR_REFUSED);
}

static void test_problem_when_type_unknown_then_status_decides(void **state)
{
    (void)state;
    const struct acme_problem *p =
        problem_of(503, "{\"type\":\"urn:ietf:params:acme:error:novelty\",\"detail\":\"d\"}");
    assert_int_equal(p->type, PROBLEM_OTHER);
    assert_int_equal(p->kind, ERR_AGAIN);
    assert_string_equal(p->urn, URN "novelty");
    assert_string_equal(err_of(418, "{\"type\":\"urn:x\",\"detail\":\"teapot\"}", 0).text,
                        "newOrder: 418 urn:x: teapot");
    assert_string_equal(err_of(503, NULL, 0).text, "newOrder: 503");
    assert_string_equal(err_of(500, "{\"type\":\"about:blank\",\"detail\":\"oops\"}", 0).text,
                        "newOrder: 500: oops");
}

static void test_err_when_made_of_a_problem_then_knows_who_must_move(void **state)
{
    (void)state;
    struct err err = err_of(503, NULL, 0);
    assert_int_equal(err.class, CLASS_LATER);
    assert_int_equal(err.fault, FAULT_CA);
    err = err_of(418, "{\"type\":\"urn:x\"}", 0);
    assert_int_equal(err.class, CLASS_CONFIG);
    assert_int_equal(err.fault, FAULT_UNKNOWN);
    err = err_of(400, "{\"type\":\"" URN "caa\"}", 0);
    assert_int_equal(err.fault, FAULT_DNS);
    assert_string_equal(err.advice, problem_advice(PROBLEM_CAA));
    err = err_of(400,
                 "{\"type\":\"" URN "compound\",\"subproblems\":[{\"type\":\"" URN
                 "unsupportedIdentifier\"}]}",
                 0);
    assert_int_equal(err.class, CLASS_HUMAN);
    err = err_of(429,
                 "{\"type\":\"" URN "rateLimited\",\"detail\":\"paused: "
                 "https://ca.example/unpause?jwt=x\"}",
                 0);
    assert_int_equal(err.kind, ERR_DENIED);
    assert_int_equal(err.class, CLASS_HUMAN);
    assert_int_equal(err.fault, FAULT_PERSON);
    assert_non_null(strstr(err.advice, "--retry"));
}

static void test_problem_when_throttled_then_time_is_kept(void **state)
{
    (void)state;
    struct err err =
        err_of(429, "{\"type\":\"" URN "rateLimited\",\"detail\":\"too many\"}", 12345);
    assert_int_equal(err.kind, ERR_THROTTLED);
    assert_int_equal(err.until_ms, 12345);
    err = err_of(503, NULL, 777);
    assert_int_equal(err.kind, ERR_THROTTLED);
    assert_int_equal(err.until_ms, 777);
    err = err_of(503, NULL, 0);
    assert_int_equal(err.kind, ERR_AGAIN);
    assert_int_equal(err_of(429, "{\"type\":\"" URN "malformed\"}", 0).kind, ERR_THROTTLED);
    assert_int_equal(err_of(403, "{\"type\":\"" URN "caa\"}", 777).until_ms, 0);
}

static void test_problem_when_paused_then_a_person_gets_the_whole_address(void **state)
{
    (void)state;
    AUTO(buf_fini)
    struct buf json = BUF(4096);
    buf_add_cstr(&json, "{\"type\":\"" URN "rateLimited\",\"detail\":\"Your account is temporarily "
                        "prevented from requesting certificates for www.example.com. Please visit: "
                        "https://portal.ca.test/sfe/v1/unpause?jwt=");
    for (int i = 0; i < 500; i++)
        buf_add_char(&json, 'j');
    buf_add_cstr(&json, "END\"}");
    struct err err = err_of(429, buf_cstr(&json), 0);
    assert_int_equal(err.kind, ERR_DENIED);
    assert_non_null(strstr(err.text, "jjjEND"));
}

static void test_problem_when_texts_are_hostile_then_escaped_and_cut(void **state)
{
    (void)state;
    AUTO(buf_fini)
    struct buf json = BUF(65536);
    buf_add_cstr(&json, "{\"type\":\"urn:\\u001b[31mred\",\"instance\":\"https://x/\\n\","
                        "\"detail\":\"line\\r\\nSet-Cookie: a\\u0007\\u202e");
    for (int i = 0; i < 5000; i++)
        buf_add_char(&json, 'A');
    buf_add_cstr(&json, "\"}");
    const struct acme_problem *p = problem_of(400, buf_cstr(&json));
    assert_true(strlen(p->detail) <= 512);
    for (const char *text = p->detail; *text != '\0'; text++)
        assert_true((unsigned char)*text >= 0x20);
    assert_null(strchr(p->urn, 0x1b));
    assert_null(strchr(p->instance, '\n'));
}

static void test_problem_when_members_have_wrong_types_then_as_if_absent(void **state)
{
    (void)state;
    const char *const bodies[] = {
        "[]",
        "1",
        "\"x\"",
        "null",
        "{\"type\":1,\"detail\":[],\"subproblems\":{},\"instance\":{}}",
        ("{\"subproblems\":[1,null,\"x\",{\"identifier\":\"x\"},{\"identifier\":{\"value\":3}}],"
         "\"algorithms\":\"none\"}")};
    for (size_t i = 0; i < sizeof bodies / sizeof bodies[0]; i++) {
        const struct acme_problem *p = problem_of(400, bodies[i]);
        assert_int_equal(p->type, PROBLEM_OTHER);
        assert_string_equal(p->detail, "");
        assert_null(p->instance);
        for (size_t k = 0; k < p->n_subproblems; k++)
            assert_null(p->subproblems[k].identifier);
    }
}

static void test_problem_when_thousands_of_subproblems_then_capped(void **state)
{
    (void)state;
    AUTO(buf_fini)
    struct buf json = BUF(JSON_SIZE_MAX);
    buf_add_cstr(&json, "{\"subproblems\":[{}");
    for (int i = 0; i < 5000; i++)
        buf_add_cstr(&json, ",{\"detail\":\"x\"}");
    buf_add_cstr(&json, "]}");
    const struct acme_problem *p = problem_of(400, buf_cstr(&json));
    assert_int_equal(p->n_subproblems, 100);
    struct err err = {0};
    acme_problem_err(p, "newOrder", 0, &err);
    assert_true(strlen(err.text) < ERR_TEXT_MAX);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_types_when_looked_up_then_every_one_of_the_rfc),
        cmocka_unit_test(test_kinds_when_asked_then_say_what_to_do),
        cmocka_unit_test(test_problem_when_subproblems_then_each_name_is_told),
        cmocka_unit_test(test_problem_when_compound_then_kind_of_its_first_known_part),
        cmocka_unit_test(test_problem_when_type_unknown_then_status_decides),
        cmocka_unit_test(test_err_when_made_of_a_problem_then_knows_who_must_move),
        cmocka_unit_test(test_problem_when_throttled_then_time_is_kept),
        cmocka_unit_test(test_problem_when_paused_then_a_person_gets_the_whole_address),
        cmocka_unit_test(test_problem_when_texts_are_hostile_then_escaped_and_cut),
        cmocka_unit_test(test_problem_when_members_have_wrong_types_then_as_if_absent),
        cmocka_unit_test(test_problem_when_thousands_of_subproblems_then_capped),
    };
    return cmocka_run_group_tests(tests, arena_open, arena_close);
}
