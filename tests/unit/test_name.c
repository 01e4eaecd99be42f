/* SEES: base crypto acme */
#include "acme/name.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void assert_normal(const char *text, const char *expected)
{
    AUTO(mem_fini)
    char *name = NULL;
    struct err err = {0};
    if (!name_normalise(text, &name, &err))
        fail_msg("%s", err.text);
    assert_string_equal(name, expected);
    /* What is normal stays as it is. */
    AUTO(mem_fini)
    char *again = NULL;
    if (!name_normalise(name, &again, &err))
        fail_msg("again: %s", err.text);
    assert_string_equal(again, expected);
}

static void assert_refused(const char *text, const char *part)
{
    char *name = NULL;
    struct err err = {0};
    if (name_normalise(text, &name, &err))
        fail_msg("\"%s\" became \"%s\"", text, name);
    assert_null(name);
    assert_int_equal(err.kind, ERR_CONFIG);
    if (strstr(err.text, part) == NULL)
        fail_msg("\"%s\" does not hold \"%s\"", err.text, part);
}

static void test_name_when_plain_then_lower_case_without_final_dot(void **state)
{
    (void)state;
    assert_normal("www.example.com", "www.example.com");
    assert_normal("WWW.Example.COM", "www.example.com");
    assert_normal("www.example.com.", "www.example.com");
    assert_normal("*.Example.com", "*.example.com");
    assert_normal("*.example.com.", "*.example.com");
    assert_normal("1.example.com", "1.example.com");
    assert_normal("a-b.c--d.example.co.uk", "a-b.c--d.example.co.uk");
    assert_normal("host.internal", "host.internal");
}

/* UTS 46, non-transitional: the sharp s and the final sigma are kept. */
static void test_name_when_international_then_a_labels(void **state)
{
    (void)state;
    assert_normal("bücher.example.com", "xn--bcher-kva.example.com");
    assert_normal("BÜCHER.example.com", "xn--bcher-kva.example.com");
    assert_normal("bu\xcc\x88"
                  "cher.example.com",
                  "xn--bcher-kva.example.com");
    assert_normal("faß.de", "xn--fa-hia.de");
    assert_normal("*.例え.jp", "*.xn--r8jz45g.jp");
    assert_normal("www。example。com", "www.example.com");
    assert_normal("xn--bcher-kva.example.com", "xn--bcher-kva.example.com");
    assert_normal("ＷＷＷ.example.com", "www.example.com");
}

static void test_name_when_wildcard_is_misplaced_then_refused(void **state)
{
    (void)state;
    assert_refused("www.*.example.com", "\"*\"");
    assert_refused("*.*.example.com", "\"*\"");
    assert_refused("w*.example.com", "\"*\"");
    assert_refused("*example.com", "\"*\"");
    assert_refused("*", "\"*\"");
    assert_refused("*.", "wildcard of nothing");
    assert_refused("*.com", "single label");
    assert_refused("*.co.uk", "wildcard of a public suffix");
}

static void test_name_when_an_address_then_refused(void **state)
{
    (void)state;
    assert_refused("192.0.2.1", "address");
    assert_refused("2001:db8::1", "address");
    assert_refused("[::1]", "address");
    assert_refused("1.2.3", "address");
    assert_refused("https://www.example.com", "URL");
    assert_refused("www.example.com/path", "URL");
    assert_refused("ops@example.com", "mail");
    assert_refused("www.example.com:443", "address");
    assert_refused("１９２.0.2.1", "address");
}

static void test_name_when_public_suffix_then_refused(void **state)
{
    (void)state;
    assert_refused("com", "single label");
    assert_refused("localhost", "single label");
    assert_refused("co.uk", "public suffix");
    assert_refused("CO.UK.", "public suffix");
    assert_refused("anything.ck", "public suffix");
    /* Who runs a hosting domain of the private part may order for it. */
    assert_normal("github.io", "github.io");
    assert_normal("*.github.io", "*.github.io");
}

static void test_name_when_malformed_then_refused(void **state)
{
    (void)state;
    assert_refused("", "empty");
    assert_refused(".", "");
    assert_refused("..", "");
    assert_refused("a..example.com", "");
    assert_refused(".example.com", "");
    assert_refused("www.example.com..", "");
    assert_refused("-a.example.com", "");
    assert_refused("a-.example.com", "");
    assert_refused("a_b.example.com", "letters, digits");
    assert_refused("a\"b.example.com", "letters, digits");
    assert_refused("\xe2\x81\xbd"
                   "a.example.com",
                   "letters, digits"); /* maps to "(" */
    assert_refused("_acme-challenge.example.com", "");
    assert_refused("a b.example.com", "blank");
    assert_refused(" www.example.com", "blank");
    assert_refused("www.example.com\n", "blank");
    assert_refused("a\x01.example.com", "control");
    assert_refused("$(id).example.com", "");
    assert_refused("\xff\xfe.example.com", "");
    assert_refused("xn--a.example.com", "");
    assert_refused("xn--.example.com", "");
}

static void test_name_when_too_long_then_refused(void **state)
{
    (void)state;
    AUTO(buf_fini)
    struct buf label = BUF(2048), name = BUF(2048);
    for (int i = 0; i < 63; i++)
        buf_add_char(&label, 'a');
    buf_printf(&name, "%s.com", buf_cstr(&label));
    assert_normal(buf_cstr(&name), buf_cstr(&name));
    buf_clear(&name);
    buf_printf(&name, "%sa.com", buf_cstr(&label));
    assert_refused(buf_cstr(&name), "");
    buf_clear(&name);
    for (int i = 0; i < 3; i++)
        buf_printf(&name, "%s.", buf_cstr(&label));
    for (int i = 0; i < 57; i++)
        buf_add_char(&name, 'b');
    buf_add_cstr(&name, ".com");
    assert_int_equal(name.len, 253);
    assert_normal(buf_cstr(&name), buf_cstr(&name));
    AUTO(mem_fini)
    char *wild = mem_printf("*.%s", buf_cstr(&name));
    assert_refused(wild, "253");
    AUTO(mem_fini)
    char *longer = mem_printf("b%s", buf_cstr(&name));
    assert_refused(longer, "");
    buf_clear(&name);
    for (int i = 0; i < 1500; i++)
        buf_add_char(&name, 'a');
    assert_refused(buf_cstr(&name), "253");
}

static void test_name_when_refused_then_text_shows_it_escaped(void **state)
{
    (void)state;
    assert_refused("a\x1b[31m.example.com", "a\\x1b[31m.example.com");
    struct err err = {0};
    char *name = NULL;
    AUTO(buf_fini)
    struct buf text = BUF(2048);
    for (int i = 0; i < 1000; i++)
        buf_add_char(&text, '-');
    assert_false(name_normalise(buf_cstr(&text), &name, &err));
    assert_true(strlen(err.text) < 300);
}

static void assert_registered(const char *name, const char *expected)
{
    AUTO(mem_fini)
    char *domain = name_registered_domain(name);
    assert_string_equal(domain, expected);
}

static void test_registered_domain_when_listed_then_one_label_below_the_suffix(void **state)
{
    (void)state;
    assert_registered("www.example.com", "example.com");
    assert_registered("*.a.b.example.co.uk", "example.co.uk");
    assert_registered("example.com", "example.com");
    assert_registered("*.example.com", "example.com");
    assert_registered("a.user.github.io", "user.github.io");
    assert_registered("xn--bcher-kva.example.com", "example.com");
    assert_registered("a.b.internal", "b.internal");
    assert_registered("github.io", "github.io");
}

static void test_cover_when_one_label_below_then_redundant(void **state)
{
    (void)state;
    assert_true(name_is_covered_by("www.example.com", "*.example.com"));
    assert_false(name_is_covered_by("example.com", "*.example.com"));
    assert_false(name_is_covered_by("a.b.example.com", "*.example.com"));
    assert_false(name_is_covered_by("*.example.com", "*.example.com"));
    assert_false(name_is_covered_by("*.b.example.com", "*.example.com"));
    assert_false(name_is_covered_by("www.example.com", "www.example.com"));
    assert_false(name_is_covered_by("wwwexample.com", "*.example.com"));
    assert_false(name_is_covered_by("com", "*.com"));
}

static void test_challenge_name_when_wildcard_then_of_its_base(void **state)
{
    (void)state;
    const char *const names[] = {"www.example.com", "*.www.example.com"};
    for (size_t i = 0; i < 2; i++) {
        AUTO(buf_fini)
        struct buf out = BUF(512);
        name_challenge(names[i], &out);
        assert_string_equal(buf_cstr(&out), "_acme-challenge.www.example.com");
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_name_when_plain_then_lower_case_without_final_dot),
        cmocka_unit_test(test_name_when_international_then_a_labels),
        cmocka_unit_test(test_name_when_wildcard_is_misplaced_then_refused),
        cmocka_unit_test(test_name_when_an_address_then_refused),
        cmocka_unit_test(test_name_when_public_suffix_then_refused),
        cmocka_unit_test(test_name_when_malformed_then_refused),
        cmocka_unit_test(test_name_when_too_long_then_refused),
        cmocka_unit_test(test_name_when_refused_then_text_shows_it_escaped),
        cmocka_unit_test(test_registered_domain_when_listed_then_one_label_below_the_suffix),
        cmocka_unit_test(test_cover_when_one_label_below_then_redundant),
        cmocka_unit_test(test_challenge_name_when_wildcard_then_of_its_base),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
