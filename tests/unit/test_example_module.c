/* SEES: base config crypto dns-providers */
/* The module of examples/new-provider, as its text says: what people copy must compile and do what its talks tell. */
#include "../../examples/new-provider/wick/wick.c"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static struct dns_wish step(struct dns_job *job, const struct dns_answer *answer)
{
    struct dns_wish wish = {0};
    dns_provider_wick.step(job, answer, &wish);
    return wish;
}

static void test_module_when_it_is_run_then_one_request_with_its_sum(void **state)
{
    struct dns_job_record records[] = {{.present = true,
                                        .owner = "_acme-challenge.www.example.com",
                                        .value = "gfj9Xq",
                                        .ttl_s = 60},
                                       {.owner = "_acme-challenge.example.com", .value = "Rg85nM"}};
    AUTO(json_fini)
    struct json *settings = json_set_text(json_object(), "base_url", "https://api.wick.example");
    struct dns_job job = {.zone = "example.com",
                          .settings = settings,
                          .records = records,
                          .n_records = 2,
                          .arena = arena_new(),
                          .provider = &dns_provider_wick};
    struct dns_answer good = {.status = 200}, denied = {.status = 401};
    (void)state;
    struct dns_wish wish = step(&job, NULL);
    assert_int_equal(wish.kind, DNS_WISH_HTTP);
    assert_string_equal(wish.http.url, "https://api.wick.example/lines");
    assert_string_equal(wish.http.headers[0], "Authorization: Key {{key}}");
    /* "Wikipedia" has the well-known sum 11e60398. */
    assert_int_equal(adler32(STR("Wikipedia")), 0x11e60398);
    assert_true(str_starts(str_of(wish.http.headers[1]), STR("X-Wick-Sum: ")));
    assert_int_equal(step(&job, &denied).err.kind, ERR_DENIED);
    assert_false(records[0].done);
    assert_int_equal(step(&job, &good).kind, DNS_WISH_DONE);
    assert_true(records[0].done && records[1].done);
    arena_free(job.arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_module_when_it_is_run_then_one_request_with_its_sum),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
