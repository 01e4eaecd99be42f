/* SEES: base crypto acme */
#include "acme/profile.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#define LETSENCRYPT "https://acme-v02.api.letsencrypt.org/directory"

/* profiles: the JSON of meta.profiles, or NULL. */
static struct acme_directory *directory_of(const char *profiles)
{
    AUTO(json_fini)
    struct json *tree = NULL;
    AUTO(mem_fini)
    char *text =
        mem_printf("{\"newNonce\":\"https://ca.test/n\",\"newAccount\":\"https://ca.test/"
                   "a\",\"newOrder\":\"https://ca.test/o\",\"meta\":{%s%s}}",
                   profiles != NULL ? "\"profiles\":" : "", profiles != NULL ? profiles : "");
    struct acme_directory *directory = NULL;
    assert_true(json_parse(str_of(text), JSON_SIZE_MAX, &tree, NULL));
    assert_true(acme_directory_read("https://ca.test/d", tree, &directory, NULL));
    return directory;
}

static void assert_check(const char *profiles, const char *profile, const char *part)
{
    struct acme_directory *directory = directory_of(profiles);
    struct err err = {0};
    assert_int_equal(profile_check(directory, profile, &err), part == NULL);
    assert_int_equal(profile_is_offered(directory, profile), part == NULL);
    if (part != NULL) {
        assert_int_equal(err.kind, ERR_CONFIG);
        if (strstr(err.text, part) == NULL)
            fail_msg("\"%s\" does not hold \"%s\"", err.text, part);
    }
    acme_directory_free(directory);
}

static void test_profile_when_offered_then_fine(void **state)
{
    (void)state;
    assert_check("{\"classic\":\"https://x\",\"short\":\"6 days\"}", "short", NULL);
    assert_check("{\"classic\":null}", "classic", NULL);
    assert_check(NULL, NULL, NULL);
    assert_check("{\"classic\":\"\"}", NULL, NULL);
}

static void test_profile_when_not_offered_then_the_list_is_told(void **state)
{
    (void)state;
    assert_check("{\"classic\":\"\",\"short\":\"\"}", "Short",
                 "one of classic, short, or leave it out");
    assert_check(NULL, "short", "offers no profiles");
    assert_check("{}", "short", "offers no profiles");
    assert_check("[\"short\"]", "short", "offers no profiles");
    assert_check("{\"a\\u001b[2J\\nb\":\"\"}", "short", "one of a\\x1b[2J\\x0ab");
}

static void test_profile_when_the_ca_offers_many_then_some_are_told(void **state)
{
    (void)state;
    AUTO(buf_fini)
    struct buf text = BUF(4096);
    buf_add_cstr(&text, "{");
    for (int i = 0; i < 50; i++)
        buf_printf(&text, "%s\"p%d\":\"\"", i > 0 ? "," : "", i);
    buf_add_cstr(&text, "}");
    assert_check(buf_cstr(&text), "short", "p18, p19 and 30 more");
}

static void assert_echo(const char *asked, const char *order, bool good)
{
    AUTO(json_fini)
    struct json *tree = NULL;
    struct err err = {0};
    assert_true(json_parse(str_of(order), JSON_SIZE_MAX, &tree, NULL));
    assert_int_equal(profile_check_echo(asked, tree, &err), good);
    if (!good)
        assert_int_equal(err.kind, ERR_REFUSED);
}

static void test_echo_when_another_profile_then_refused(void **state)
{
    (void)state;
    assert_echo("short", "{\"profile\":\"short\"}", true);
    assert_echo("short", "{}", true);
    assert_echo("short", "{\"profile\":7}", true);
    assert_echo(NULL, "{\"profile\":\"classic\"}", true);
    assert_echo("short", "{\"profile\":\"classic\"}", false);
    assert_echo("short", "{\"profile\":\"\"}", false);
}

static void test_names_when_the_limit_is_known_then_judged(void **state)
{
    (void)state;
    struct err err = {0};
    assert_int_equal(profile_names_max(LETSENCRYPT, NULL), 100);
    assert_int_equal(profile_names_max(LETSENCRYPT, "classic"), 100);
    assert_int_equal(profile_names_max(LETSENCRYPT, "tlsserver"), 25);
    assert_int_equal(profile_names_max(LETSENCRYPT, "shortlived"), 25);
    assert_int_equal(profile_names_max("https://ACME-staging-v02.api.letsencrypt.org:443/directory",
                                       "tlsserver"),
                     25);
    assert_true(profile_check_names(LETSENCRYPT, "tlsserver", 25, &err));
    assert_false(profile_check_names(LETSENCRYPT, "tlsserver", 26, &err));
    assert_int_equal(err.kind, ERR_CONFIG);
    assert_string_equal(err.text,
                        "26 names, but a certificate of profile \"tlsserver\" at "
                        "acme-v02.api.letsencrypt.org may have 25: part them into several sets, "
                        "or ask for another profile");
    assert_false(profile_check_names(LETSENCRYPT, NULL, 101, &err));
}

static void test_names_when_the_limit_is_not_known_then_fine(void **state)
{
    (void)state;
    const char *const urls[] = {"https://ca.test/directory",
                                "https://acme-v02.api.letsencrypt.org.evil.test/directory",
                                "acme-v02.api.letsencrypt.org", "", NULL};
    for (size_t i = 0; i < sizeof urls / sizeof urls[0]; i++) {
        assert_int_equal(profile_names_max(urls[i], "tlsserver"), 0);
        assert_true(profile_check_names(urls[i], "tlsserver", 1000, NULL));
    }
    assert_int_equal(profile_names_max(LETSENCRYPT, "mtcshortlived"), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_profile_when_offered_then_fine),
        cmocka_unit_test(test_profile_when_not_offered_then_the_list_is_told),
        cmocka_unit_test(test_profile_when_the_ca_offers_many_then_some_are_told),
        cmocka_unit_test(test_echo_when_another_profile_then_refused),
        cmocka_unit_test(test_names_when_the_limit_is_known_then_judged),
        cmocka_unit_test(test_names_when_the_limit_is_not_known_then_fine),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
