/* SEES: base config crypto dns-providers */
#include "dns-providers/builtin.h"
#include "dns-providers/manifest/dry_run.h"
#include "dns-providers/manifest/manifest.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

/* Looking at manifests without a server: the requests they would make, and what is questionable about them. */

static const struct dns_provider *load(const char *text)
{
    const struct dns_provider *provider = NULL;
    struct err err = {0};
    if (!manifest_load(str_of(text), "x.yaml", &provider, &err))
        fail_msg("%s", err.text);
    return provider;
}

static char *replaced(const char *text, const char *old, const char *new)
{
    AUTO(buf_fini)
    struct buf out = BUF(64 * 1024);
    const char *at;
    assert_non_null(strstr(text, old));
    for (; (at = strstr(text, old)) != NULL; text = at + strlen(old)) {
        buf_add(&out, text, (size_t)(at - text));
        buf_add_cstr(&out, new);
    }
    buf_add_cstr(&out, text);
    return buf_take(&out);
}

static char *skeleton(const char *model)
{
    for (size_t i = 0; builtin_skeletons[i].name != NULL; i++)
        if (strcmp(builtin_skeletons[i].name, model) == 0)
            return replaced(builtin_skeletons[i].text, "@NAME@", "lantern");
    fail_msg("no skeleton %s", model);
    return NULL;
}

static void warnings_format(const struct dns_provider *provider, struct buf *out)
{
    struct complaints complaints = {0};
    manifest_lint(provider, &complaints);
    complaints_format(&complaints, out);
    complaints_fini(&complaints);
}

static void assert_dry_run_whole(const struct dns_provider *provider)
{
    for (int i = 0; i < 2; i++) {
        struct err err = {0};
        AUTO(json_fini)
        struct json *calls = NULL;
        if (!manifest_dry_run(provider, i == 0, &calls, &err))
            fail_msg("%s, %s: %s", provider->name, i == 0 ? "add" : "remove", err.text);
        assert_true(json_len(calls) > 0);
    }
}

static void test_dry_run_when_any_provider_then_it_comes_to_its_end(void **state)
{
    size_t n;
    const struct dns_provider *const *all = dns_provider_all(&n);
    (void)state;
    for (size_t i = 0; i < n; i++)
        if (manifest_tree(all[i]) != NULL)
            assert_dry_run_whole(all[i]);
}

static void test_skeletons_when_written_then_nothing_is_wrong_or_questionable(void **state)
{
    (void)state;
    size_t n = 0;
    for (; builtin_skeletons[n].name != NULL; n++) {
        AUTO(mem_fini)
        char *text = skeleton(builtin_skeletons[n].name);
        AUTO(buf_fini)
        struct buf warnings = BUF(8192);
        const struct dns_provider *provider = load(text);
        assert_string_equal(dns_provider_model(provider), builtin_skeletons[n].name);
        warnings_format(provider, &warnings);
        assert_string_equal(buf_cstr(&warnings), "");
        assert_dry_run_whole(provider);
        manifest_free(provider);
    }
    assert_true(n >= 3);
}

static void test_dry_run_when_printed_then_secrets_are_names_and_requests_are_whole(void **state)
{
    struct err err = {0};
    AUTO(json_fini)
    struct json *calls = NULL;
    AUTO(mem_fini)
    char *text = skeleton("record");
    const struct dns_provider *provider = load(text);
    (void)state;
    assert_true(manifest_dry_run(provider, true, &calls, &err));
    assert_int_equal(json_len(calls), 2);
    const struct json *probe = json_at(calls, 0), *add = json_at(calls, 1);
    assert_string_equal(json_text(probe, "url"), "https://api.example.net/v1/zones/example.com");
    assert_string_equal(json_as_text(json_at(json_find(probe, "headers"), 0)),
                        "Authorization: Bearer {{token}}");
    assert_string_equal(json_text(add, "method"), "POST");
    assert_string_equal(json_text(add, "url"),
                        "https://api.example.net/v1/zones/sample-zone-id/records");
    assert_non_null(strstr(json_text(add, "body"), "\"name\":\"_acme-challenge.www\""));
    manifest_free(provider);
}

static void test_dry_run_when_values_of_others_are_there_then_they_are_written_back(void **state)
{
    struct err err = {0};
    AUTO(json_fini)
    struct json *calls = NULL;
    AUTO(mem_fini)
    char *text = skeleton("rrset");
    const struct dns_provider *provider = load(text);
    (void)state;
    assert_true(manifest_dry_run(provider, false, &calls, &err));
    const struct json *write = json_at(calls, json_len(calls) - 1);
    assert_non_null(strstr(json_text(write, "body"), "kept as it is"));
    assert_null(strstr(json_text(write, "body"), "LHDhK3oG"));
    manifest_free(provider);
}

/* A manifest that cannot go on with what it asked for tells where it stops. */
static void test_dry_run_when_a_variable_is_never_set_then_it_ends_there_and_says_so(void **state)
{
    struct err err = {0};
    AUTO(json_fini)
    struct json *calls = NULL;
    AUTO(mem_fini)
    char *whole = skeleton("record");
    AUTO(mem_fini)
    char *text = replaced(whole, "path: \"/zones/{zone.id}/records\"\n  json",
                          "path: \"/{out.nothing}\"\n  json");
    const struct dns_provider *provider = load(text);
    (void)state;
    assert_false(manifest_dry_run(provider, true, &calls, &err));
    assert_int_equal(json_len(calls), 1);
    assert_non_null(strstr(err.text, "out.nothing is not set"));
    manifest_free(provider);
}

/* Each text holds the one before ten times: two dozen short lines would come to more than any memory. */
static void test_dry_run_when_texts_grow_without_end_then_it_is_refused_in_time(void **state)
{
    static const char *const seeds[] = {"{txt}", "{cred.token}"};
    (void)state;
    for (size_t k = 0; k < 2; k++) {
        struct err err = {0};
        AUTO(json_fini)
        struct json *calls = NULL;
        AUTO(mem_fini)
        char *whole = skeleton("record");
        AUTO(buf_fini)
        struct buf lets = BUF(64 * 1024);
        buf_add_cstr(&lets, "  let:\n");
        for (int i = 0; i < 24; i++) {
            buf_printf(&lets, "    l%d: \"", i);
            for (int j = 0; j < 10; j++)
                if (i == 0)
                    buf_add_cstr(&lets, seeds[k]);
                else
                    buf_printf(&lets, "{let.l%d}", i - 1);
            buf_add_cstr(&lets, "\"\n");
        }
        buf_add_cstr(&lets, "  json: {all: \"{let.l23}\", type: TXT,");
        AUTO(mem_fini)
        char *text = replaced(whole, "  json: {type: TXT,", buf_cstr(&lets));
        const struct dns_provider *provider = load(text);
        assert_false(manifest_dry_run(provider, true, &calls, &err));
        assert_non_null(strstr(err.text, "grows beyond"));
        manifest_free(provider);
    }
}

/* The warning stands in the line where `at` stands. */
static void assert_warned(const char *model, const char *old, const char *new, const char *at,
                          const char *words)
{
    AUTO(mem_fini)
    char *whole = skeleton(model);
    AUTO(mem_fini)
    char *text = replaced(whole, old, new);
    AUTO(buf_fini)
    struct buf warnings = BUF(8192);
    const struct dns_provider *provider = load(text);
    int line = 1;
    assert_non_null(strstr(text, at));
    for (const char *p = text; p < strstr(text, at) + (at[0] == '\n' ? 1 : 0); p++)
        line += *p == '\n' ? 1 : 0;
    AUTO(mem_fini)
    char *place = mem_printf("x.yaml:%d:", line);
    warnings_format(provider, &warnings);
    manifest_free(provider);
    const char *found = strstr(buf_cstr(&warnings), place);
    if (found == NULL || strstr(found, words) == NULL)
        fail_msg("expected %s and \"%s\" in: %s", place, words, buf_cstr(&warnings));
}

static void test_lint_when_a_secret_stands_in_a_url_then_warned(void **state)
{
    (void)state;
    assert_warned("record", "query: {type: TXT,", "query: {key: \"{cred.token}\", type: TXT,",
                  "query: {key", "a secret stands in the query");
    assert_warned("record", "/zones/{zone.candidate}", "/{cred.token}/zones/{zone.candidate}",
                  "/{cred.token}", "a secret stands in the path");
    assert_warned("record", "- headers: {Authorization: \"Bearer {cred.token}\"}",
                  "- query: {key: \"{cred.token}\"}", "query: {key",
                  "a secret stands in the query");
}

static void test_lint_when_what_is_gone_is_not_told_then_warned(void **state)
{
    (void)state;
    assert_warned("record", "  gone: [404]", "  # gone", "\nremove:", "\"gone\" is not told");
    assert_warned("rrset", "  gone: [404]", "  # gone", "\nclear:", "clear: \"gone\" is not told");
    assert_warned("rrset", "  absent: [404]", "  # absent",
                  "\nread:", "read: \"absent\" is not told");
    assert_warned("record", ", absent: [404]", "", "call: {method", "call: \"absent\" is not told");
}

static void test_lint_when_limits_contradict_then_warned(void **state)
{
    (void)state;
    assert_warned("record", "default: 120, min: 60", "default: 30, min: 60", "ttl: {",
                  "outside of min and max");
    assert_warned("record", "min: 60, max: 86400", "min: 60, max: 30", "ttl: {",
                  "min is larger than max");
    assert_warned("record", "max: 86400", "max: 86400, steps: [60, 300, 120]", "ttl: {",
                  "smallest to the largest");
}

static void test_lint_when_something_is_missing_or_unused_then_warned(void **state)
{
    (void)state;
    assert_warned("record", "docs_read:", "#", "manifest: 1", "\"docs_read\" is missing");
    assert_warned("record", "  error: {code: /error/code, text: /error/message}\n", "",
                  "manifest: 1", "no \"error\"");
    assert_warned("record", "require:\n", "  spare: {help: Not needed.}\nrequire:\n",
                  "spare:", "cred.spare is never used");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_dry_run_when_any_provider_then_it_comes_to_its_end),
        cmocka_unit_test(test_skeletons_when_written_then_nothing_is_wrong_or_questionable),
        cmocka_unit_test(test_dry_run_when_printed_then_secrets_are_names_and_requests_are_whole),
        cmocka_unit_test(test_dry_run_when_values_of_others_are_there_then_they_are_written_back),
        cmocka_unit_test(test_dry_run_when_a_variable_is_never_set_then_it_ends_there_and_says_so),
        cmocka_unit_test(test_dry_run_when_texts_grow_without_end_then_it_is_refused_in_time),
        cmocka_unit_test(test_lint_when_a_secret_stands_in_a_url_then_warned),
        cmocka_unit_test(test_lint_when_what_is_gone_is_not_told_then_warned),
        cmocka_unit_test(test_lint_when_limits_contradict_then_warned),
        cmocka_unit_test(test_lint_when_something_is_missing_or_unused_then_warned),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
