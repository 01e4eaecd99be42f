/* SEES: base crypto io store config acme dns-providers inventory */
/* CMD: http/target.c http/credential.c */
/* What a request to the HTTP face asks for, and by what it says who asks. */
#include "cmd/http/credential.h"
#include "cmd/http/target.h"
#include "crypto/key.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static struct target target;

static const char *refusal(const char *text)
{
    static struct err err;
    err = (struct err){0};
    if (target_parse(str_of(text), &target, &err))
        fail_msg("taken: %s", text);
    assert_int_equal(err.kind, ERR_CONFIG);
    return err.text;
}

static void test_target_when_escaped_then_words_and_fields_are_decoded(void **state)
{
    (void)state;
    struct err err = {0};
    assert_true(
        target_parse(STR("/v1/locks/%2A%2eExample.com?wait_s=5&set=a+b%2B&empty="), &target, &err));
    assert_int_equal(target.n_words, 3);
    assert_string_equal(target.words[2], "*.Example.com");
    assert_string_equal(target_field(&target, "wait_s"), "5");
    assert_string_equal(target_field(&target, "set"), "a b+");
    assert_string_equal(target_field(&target, "empty"), "");
    assert_null(target_field(&target, "other"));
    assert_true(target_parse(STR("/a+b%2Fc"), &target, &err));
    assert_int_equal(target.n_words, 1);
    assert_string_equal(target.words[0], "a+b/c");
    assert_true(target_parse(STR("/x?&&a&"), &target, &err));
    assert_string_equal(target_field(&target, "a"), "");
}

static void test_target_when_it_is_none_then_refused(void **state)
{
    (void)state;
    static const char *const broken[] = {"",     "*",           "http://x/", "/%",
                                         "/%1",  "/%zz",        "/%00",      "/a%0d",
                                         "/%c3", "/x?a=%c3%28", "/x?a=%7f",  "/x?%0a=1"};
    for (size_t i = 0; i < sizeof broken / sizeof broken[0]; i++)
        assert_true(refusal(broken[i])[0] != '\0');
    assert_non_null(strstr(refusal("/x?a=1&b=2&a=3"), "\"a\" twice"));
    assert_non_null(strstr(refusal("/1/2/3/4/5/6/7"), "more than 6 parts"));
    assert_non_null(strstr(refusal("/x?a&b&c&d&e&f&g&h&i"), "more than 8 fields"));
    char text[400] = "/";
    memset(text + 1, 'a', 301);
    assert_non_null(strstr(refusal(text), "longer than 300"));
}

static struct http_pass passes[3];
static const struct http_config config = {.passes = passes, .n_passes = 3};

static const char *pass_of(const char *authorization, const char *fingerprint, const char *subject)
{
    struct credential c;
    credential_read(&c, authorization, fingerprint, subject);
    const struct http_pass *pass = credential_pass(&c, &config);
    return pass != NULL ? pass->name : "nobody";
}

static void test_credential_when_shown_then_it_is_its_pass_and_no_other(void **state)
{
    static char print[65], web[] = "web", edge[] = "edge", agent[] = "agent",
                           subject[] = "CN=agent";
    (void)state;
    memset(print, 'a', 64);
    passes[0] = (struct http_pass){.name = web, .is_token = true};
    sha256("chy_0123456789abcdef", 20, passes[0].sha256);
    passes[1] = (struct http_pass){.name = edge, .fingerprint = print};
    passes[2] = (struct http_pass){.name = agent, .subject = subject};
    static const struct {
        const char *authorization, *fingerprint, *subject, *pass;
    } cases[] = {
        {"Bearer chy_0123456789abcdef", NULL, NULL, "web"},
        {"bearer   chy_0123456789abcdef ", NULL, NULL, "web"},
        {"Bearer chy_0123456789abcdeF", NULL, NULL, "nobody"},
        {"Bearer chy_0123456789abcdef x", NULL, NULL, "nobody"},
        {"Bearer", NULL, NULL, "nobody"},
        {"Bearer short", NULL, NULL, "nobody"},
        {"Basic chy_0123456789abcdef", NULL, NULL, "nobody"},
        {"chy_0123456789abcdef", NULL, NULL, "nobody"},
        {"", NULL, NULL, "nobody"},
        {NULL, NULL, NULL, "nobody"},
        {NULL, print, "CN=whoever", "edge"},
        {NULL, "bbbb", "CN=agent", "agent"},
        {NULL, "bbbb", "CN=agent,O=Other", "nobody"},
        {NULL, "bbbb", "", "nobody"},
        {NULL, "bbbb", NULL, "nobody"},
        /* A token that is not known is not made good by a certificate. */
        {"Bearer chy_unknown_0123456", print, "CN=agent", "nobody"},
        {"Basic xyz", print, "CN=agent", "nobody"},
        {"Bearer chy_0123456789abcdef", print, "CN=agent", "web"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        assert_string_equal(pass_of(cases[i].authorization, cases[i].fingerprint, cases[i].subject),
                            cases[i].pass);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_target_when_escaped_then_words_and_fields_are_decoded),
        cmocka_unit_test(test_target_when_it_is_none_then_refused),
        cmocka_unit_test(test_credential_when_shown_then_it_is_its_pass_and_no_other),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
