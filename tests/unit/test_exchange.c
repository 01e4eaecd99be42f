/* SEES: base crypto acme */
#include "acme/exchange.h"

#include "acme/link.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define NOW INT64_C(1893456000000)

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

#define READ(answer, status, body, ...)                                                            \
    do {                                                                                           \
        const struct acme_header headers_[] = {__VA_ARGS__};                                       \
        acme_answer_read(&(answer), (status), headers_, sizeof headers_ / sizeof headers_[0],      \
                         str_of(body), NOW, arena);                                                \
    } while (0)

static void test_answer_when_json_then_tree_and_headers(void **state)
{
    (void)state;
    struct acme_answer a;
    READ(a, 201, "{\"status\":\"pending\"}", {"content-TYPE", "application/json; charset=utf-8"},
         {"LOCATION", "https://ca.test/order/1?x=%2F"}, {"retry-after", "7"});
    assert_int_equal(a.status, 201);
    assert_string_equal(a.location, "https://ca.test/order/1?x=%2F");
    assert_int_equal(a.retry_at_ms, NOW + 7000);
    assert_string_equal(json_text(a.tree, "status"), "pending");
    assert_null(a.problem);
    assert_non_null(a.alternates);
    assert_null(a.alternates[0]);
    acme_answer_fini(&a);
    acme_answer_fini(&a);
}

static void test_answer_when_no_headers_then_absent(void **state)
{
    (void)state;
    struct acme_answer a;
    acme_answer_read(&a, 200, NULL, 0, STR_NONE, NOW, arena);
    assert_null(a.location);
    assert_null(a.tree);
    assert_null(a.problem);
    assert_int_equal(a.retry_at_ms, 0);
    acme_answer_fini(&a);
}

static void test_answer_when_body_not_terminated_then_read_within_its_length(void **state)
{
    (void)state;
    struct acme_answer a;
    const struct acme_header type = {"Content-Type", "application/json"};
    acme_answer_read(&a, 200, &type, 1, str_mem("{\"a\":1}garbage", 7), NOW, arena);
    assert_int_equal(json_int(a.tree, "a", 0), 1);
    assert_null(a.problem);
    acme_answer_fini(&a);
}

static void test_answer_when_json_broken_then_problem_broken(void **state)
{
    (void)state;
    const char *const bodies[] = {"{\"a\":", "", "[", "{\"a\":1,\"a\":2}", "\xff\xfe", "{} x"};
    for (size_t i = 0; i < sizeof bodies / sizeof bodies[0]; i++) {
        struct acme_answer a;
        struct err err = {0};
        READ(a, 200, bodies[i], {"Content-Type", "application/json"});
        assert_null(a.tree);
        assert_non_null(a.problem);
        assert_int_equal(a.problem->kind, ERR_BROKEN);
        assert_false(acme_problem_err(a.problem, "order", 0, &err));
        assert_int_equal(err.kind, ERR_BROKEN);
        assert_non_null(strstr(err.text, "order: the CA broke the protocol: "));
        acme_answer_fini(&a);
    }
}

static void test_answer_when_error_page_then_status_decides(void **state)
{
    (void)state;
    const struct {
        int status;
        const char *type, *body;
        enum err_kind kind;
    } cases[] = {
        {502, "text/html", "<html>Bad gateway</html>", ERR_AGAIN},
        {503, "application/json", "<html>", ERR_AGAIN},
        {500, "application/problem+json", "", ERR_AGAIN},
        {429, "text/plain", "slow down", ERR_THROTTLED},
        {404, "text/html", "", ERR_ABSENT},
        {403, "text/html", "", ERR_DENIED},
        {400, "text/html", "", ERR_REFUSED},
        {408, "text/html", "", ERR_AGAIN},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct acme_answer a;
        READ(a, cases[i].status, cases[i].body, {"Content-Type", cases[i].type});
        assert_non_null(a.problem);
        assert_int_equal(a.problem->kind, cases[i].kind);
        assert_int_equal(a.problem->type, PROBLEM_OTHER);
        assert_int_equal(a.problem->status, cases[i].status);
        acme_answer_fini(&a);
    }
}

static void test_answer_when_type_missing_then_an_object_is_json(void **state)
{
    (void)state;
    struct acme_answer a;
    acme_answer_read(&a, 200, NULL, 0, STR(" {\"a\":1}"), NOW, arena);
    assert_non_null(a.tree);
    acme_answer_fini(&a);
    acme_answer_read(&a, 200, NULL, 0, STR("-----BEGIN"), NOW, arena);
    assert_null(a.tree);
    assert_null(a.problem);
    acme_answer_fini(&a);
}

static void test_answer_when_pem_then_no_tree_but_body(void **state)
{
    (void)state;
    struct acme_answer a;
    READ(a, 200, "-----BEGIN CERTIFICATE-----",
         {"Content-Type", "application/pem-certificate-chain"});
    assert_null(a.tree);
    assert_null(a.problem);
    assert_int_equal(a.body.len, 27);
    acme_answer_fini(&a);
}

static void test_answer_when_links_then_each_in_its_place(void **state)
{
    (void)state;
    struct acme_answer a;
    READ(a, 200, "",
         {"Link",
          "<https://ca.test/dir>;rel=\"index\", <https://ca.test/cert/1/1>; rel=\"alternate\""},
         {"link", "<https://ca.test/tos,v2>;rel=terms-of-service;title=\"a, b; c\\\"\", "
                  "<https://ca.test/cert/1/2>;title=x;REL=\"foo Alternate\""},
         {"LINK", "<https://ca.test/help>; rel=\"help\""},
         {"Link", "<https://ca.test/orders?page=2>;rel=next"});
    assert_string_equal(a.terms_link, "https://ca.test/tos,v2");
    assert_string_equal(a.help_link, "https://ca.test/help");
    assert_string_equal(a.next_link, "https://ca.test/orders?page=2");
    assert_string_equal(a.alternates[0], "https://ca.test/cert/1/1");
    assert_string_equal(a.alternates[1], "https://ca.test/cert/1/2");
    assert_null(a.alternates[2]);
    acme_answer_fini(&a);
}

static void test_answer_when_many_alternates_then_capped(void **state)
{
    (void)state;
    struct acme_answer a;
    AUTO(buf_fini)
    struct buf link = BUF(65536);
    for (int i = 0; i < 1000; i++)
        buf_printf(&link, "<https://ca.test/%d>;rel=alternate,", i);
    READ(a, 200, "", {"Link", buf_cstr(&link)});
    size_t n = 0;
    while (a.alternates[n] != NULL)
        n++;
    assert_int_equal(n, ACME_ALTERNATES_MAX);
    acme_answer_fini(&a);
}

static void test_link_when_malformed_then_the_rest_is_ignored(void **state)
{
    (void)state;
    const char *const fields[] = {"",
                                  ",,,",
                                  "https://ca.test/;rel=next",
                                  "<https://ca.test",
                                  "rel=next",
                                  ";",
                                  "<",
                                  "=\"",
                                  "\"<a>;rel=next"};
    for (size_t i = 0; i < sizeof fields / sizeof fields[0]; i++) {
        struct str rest = str_of(fields[i]), target, relations;
        assert_false(link_next(&rest, &target, &relations));
    }
    struct str rest = STR("<a>;rel=\"next"), target, relations;
    assert_true(link_next(&rest, &target, &relations));
    assert_true(link_has_relation(relations, "next"));
    assert_false(link_next(&rest, &target, &relations));
    rest = STR("<a>; ; =; rel; rel=one; rel=two");
    assert_true(link_next(&rest, &target, &relations));
    assert_false(link_has_relation(relations, "two"));
}

static void test_nonce_when_not_base64url_then_none(void **state)
{
    (void)state;
    const char *const bad[] = {"", "a b", "a=", "a+b", "a/b", "a\r\nb", "\xff"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        const struct acme_header header = {"Replay-Nonce", bad[i]};
        assert_null(acme_answer_nonce(&header, 1));
    }
    const struct acme_header good[] = {{"Date", "x"}, {"REPLAY-nonce", "oFvnlFP1wIhRlYS2jTaXbA-_"}};
    assert_string_equal(acme_answer_nonce(good, 2), "oFvnlFP1wIhRlYS2jTaXbA-_");
    assert_null(acme_answer_nonce(good, 1));
    assert_null(acme_answer_nonce(NULL, 0));
    AUTO(buf_fini)
    struct buf nonce = BUF(1024);
    while (nonce.len < 513)
        buf_add_char(&nonce, 'n');
    const struct acme_header monster = {"Replay-Nonce", buf_cstr(&nonce)};
    assert_null(acme_answer_nonce(&monster, 1));
}

static void test_answer_when_lost_then_keeps_why(void **state)
{
    (void)state;
    struct acme_answer a;
    struct err why;
    err_set(&why, ERR_AGAIN, "connection reset");
    acme_answer_lost(&a, &why, arena);
    err_set(&why, ERR_BUG, "overwritten");
    assert_int_equal(a.status, 0);
    assert_string_equal(a.lost->text, "connection reset");
    assert_int_equal(a.lost->kind, ERR_AGAIN);
    acme_answer_fini(&a);
}

static void test_answer_when_too_deep_or_large_then_problem(void **state)
{
    (void)state;
    struct acme_answer a;
    AUTO(buf_fini)
    struct buf body = BUF(1 << 20);
    for (int i = 0; i < 100000; i++)
        buf_add_char(&body, '[');
    READ(a, 200, buf_cstr(&body), {"Content-Type", "application/json"});
    assert_int_equal(a.problem->kind, ERR_BROKEN);
    acme_answer_fini(&a);
    buf_clear(&body);
    buf_add_char(&body, '"');
    while (body.len < JSON_SIZE_MAX)
        buf_add_char(&body, 'x');
    buf_add_char(&body, '"');
    READ(a, 200, buf_cstr(&body), {"Content-Type", "application/json"});
    assert_int_equal(a.problem->kind, ERR_BROKEN);
    acme_answer_fini(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_answer_when_json_then_tree_and_headers),
        cmocka_unit_test(test_answer_when_no_headers_then_absent),
        cmocka_unit_test(test_answer_when_body_not_terminated_then_read_within_its_length),
        cmocka_unit_test(test_answer_when_json_broken_then_problem_broken),
        cmocka_unit_test(test_answer_when_error_page_then_status_decides),
        cmocka_unit_test(test_answer_when_type_missing_then_an_object_is_json),
        cmocka_unit_test(test_answer_when_pem_then_no_tree_but_body),
        cmocka_unit_test(test_answer_when_links_then_each_in_its_place),
        cmocka_unit_test(test_answer_when_many_alternates_then_capped),
        cmocka_unit_test(test_link_when_malformed_then_the_rest_is_ignored),
        cmocka_unit_test(test_nonce_when_not_base64url_then_none),
        cmocka_unit_test(test_answer_when_lost_then_keeps_why),
        cmocka_unit_test(test_answer_when_too_deep_or_large_then_problem),
    };
    return cmocka_run_group_tests(tests, arena_open, arena_close);
}
