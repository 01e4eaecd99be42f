/* SEES: base crypto config dns-providers */
/* What a signature can be made over: the parts of the request as it will be sent, and the time as schemes write it. */
#include "dns-providers/manifest/manifest.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define HEAD                                                                                       \
    "manifest: 1\nid: t\nname: T\nstatus: trial\ncredentials: {token: {help: x}}\nbase: "          \
    "https://api.test:443/v1/\nhosts: [api.test]\nttl: {default: 60}\nmodel: value\nadd: "         \
    "{method: POST, path: /a}\nremove: {method: POST, path: /a}\nzone:\n  by: probe\n  hit: "      \
    "/id\n  call:\n"

struct run {
    struct json *settings;
    const struct dns_provider *provider;
    struct dns_job job;
    struct dns_job_record record;
    struct dns_wish wish;
};

static void run_begin(struct run *r, const char *call, const char *auth)
{
    struct err err = {0};
    AUTO(mem_fini)
    char *text = mem_printf(HEAD "%sauth:\n%s", call, auth);
    *r = (struct run){
        .record = {.present = true, .owner = "_acme-challenge.example.org", .value = "x"}};
    if (!manifest_load(str_of(text), "t.yaml", &r->provider, &err))
        fail_msg("%s\n%s", err.text, text);
    assert_true(json_parse(STR("{\"token\": \"file:/t\"}"), 100, &r->settings, NULL));
    r->job = (struct dns_job){.zone = "example.org",
                              .records = &r->record,
                              .n_records = 1,
                              .provider = r->provider,
                              .settings = r->settings,
                              .arena = arena_new(),
                              .now_ms = INT64_C(1900000000250)};
    r->job.state = r->provider->begin(&r->job);
    r->provider->step(&r->job, NULL, &r->wish);
}

static void run_end(struct run *r)
{
    r->provider->end(r->job.state);
    arena_free(r->job.arena);
    json_free(r->settings);
    manifest_free(r->provider);
}

static void header_is(const char *call, const char *auth, const char *expected)
{
    struct run r;
    run_begin(&r, call, auth);
    if (r.wish.kind != DNS_WISH_HTTP)
        fail_msg("%s", r.wish.err.text);
    assert_string_equal(r.wish.http.headers[0], expected);
    run_end(&r);
}

static void fails(const char *call, const char *auth, const char *why)
{
    struct run r;
    run_begin(&r, call, auth);
    assert_int_equal(r.wish.kind, DNS_WISH_FAIL);
    assert_int_equal(r.wish.err.kind, ERR_CONFIG);
    if (strstr(r.wish.err.text, why) == NULL)
        fail_msg("\"%s\" does not say \"%s\"", r.wish.err.text, why);
    run_end(&r);
}

#define GET "    method: GET\n    path: \"/zones/{zone.candidate}\"\n"
#define PARTS                                                                                      \
    "  - headers: {X: \"{req.method} {req.host} {req.path} {req.target} {req.query} "              \
    "{req.sorted} {req.type}.\"}\n"

static void test_parts_when_there_is_no_query_then_it_is_empty(void **state)
{
    (void)state;
    header_is(GET, PARTS, "X: GET api.test /v1/zones/example.org /v1/zones/example.org   .");
}

static void test_parts_when_there_is_a_query_then_it_is_sorted_by_name_then_by_value(void **state)
{
    (void)state;
    /* "a-b" comes after "a" though "-" comes before "="; a bare name gets its "="; what is encoded stays so. */
    header_is(GET "    query: {b: [z, 'y +'], a-b: '1', a: '2', JSON: null}\n", PARTS,
              "X: GET api.test /v1/zones/example.org "
              "/v1/zones/example.org?b=z&b=y%20%2B&a-b=1&a=2&JSON b=z&b=y%20%2B&a-b=1&a=2&JSON "
              "JSON=&a=2&a-b=1&b=y%20%2B&b=z .");
}

static void test_parts_when_there_is_a_body_then_its_type_and_length_are_known(void **state)
{
    (void)state;
    static const char auth[] =
        "  - headers: {X: \"{req.type} {req.body|len} {req.body|sha256|hex}\"}\n";
    header_is("    method: POST\n    path: /a\n    json: {a: 1}\n", auth,
              "X: application/json 7 "
              "015abd7f5cc57a2dd94b7590f04ad8084273905ee33ec5cebeae62276a97f862");
    header_is("    method: POST\n    path: /a\n    text: abc\n    headers: {content-type: a/b}\n",
              "  - headers: {Y: \"{req.type} {req.body|len}\"}\n", "content-type: a/b");
    header_is("    method: POST\n    path: /a\n",
              "  - headers: {X: \"{req.type}{req.body|len}\"}\n", "X: 0");
}

static void test_parts_when_the_body_holds_a_secret_then_its_digest_is_an_expression(void **state)
{
    (void)state;
    static const char call[] = "    method: POST\n    path: /a\n    json: {t: \"{cred.token}\"}\n";
    header_is(call, "  - headers: {X: \"{req.body|sha256|hex}\"}\n",
              "X: {{hex(sha256((\"{\\\"t\\\":\\\"\",json(token),\"\\\"}\")))}}");
    fails(call, "  - headers: {X: \"{req.body|len}\"}\n", "cannot be applied to a secret");
}

static void test_parts_when_the_url_holds_a_secret_then_they_are_not_set(void **state)
{
    (void)state;
    static const char call[] = GET "    query: {t: \"{cred.token}\"}\n";
    fails(call, "  - headers: {X: \"{req.path}\"}\n", "req.path is not set");
    fails(call, "  - headers: {X: \"{req.sorted}\"}\n", "req.sorted is not set");
    header_is(call, "  - headers: {X: \"{req.method}\"}\n", "X: GET");
}

static void test_time_when_written_then_in_the_forms_of_the_schemes(void **state)
{
    (void)state;
    header_is(GET,
              "  - headers: {X: \"{now.unix} {now.iso} {now.day} {now.compact} {now.date} "
              "{now.http}\"}\n",
              "X: 1900000000 2030-03-17T17:46:40Z 2030-03-17 20300317T174640Z 20300317 "
              "Sun, 17 Mar 2030 17:46:40 GMT");
}

static void test_lets_when_there_are_too_many_then_it_is_told(void **state)
{
    (void)state;
    AUTO(buf_fini)
    struct buf auth = BUF(8192);
    buf_add_cstr(&auth, "  - let:\n");
    for (int i = 0; i < 80; i++)
        buf_printf(&auth, "      v%d: x\n", i);
    buf_add_cstr(&auth, "    headers: {X: \"{let.v1}\"}\n");
    fails(GET, buf_cstr(&auth), "variables of `let`");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_parts_when_there_is_no_query_then_it_is_empty),
        cmocka_unit_test(test_parts_when_there_is_a_query_then_it_is_sorted_by_name_then_by_value),
        cmocka_unit_test(test_parts_when_there_is_a_body_then_its_type_and_length_are_known),
        cmocka_unit_test(test_parts_when_the_body_holds_a_secret_then_its_digest_is_an_expression),
        cmocka_unit_test(test_parts_when_the_url_holds_a_secret_then_they_are_not_set),
        cmocka_unit_test(test_time_when_written_then_in_the_forms_of_the_schemes),
        cmocka_unit_test(test_lets_when_there_are_too_many_then_it_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
