/* SEES: base crypto acme */
#include "acme/directory.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define URL "https://ca.test/directory"
#define REQUIRED                                                                                   \
    "\"newNonce\":\"https://ca.test/n\",\"newAccount\":\"https://ca.test/"                         \
    "a\",\"newOrder\":\"https://ca.test/o\""

static bool read_json(const char *json, struct acme_directory **ret, struct err *err)
{
    AUTO(json_fini)
    struct json *tree = NULL;
    assert_true(json_parse(str_of(json), JSON_SIZE_MAX, &tree, err));
    return acme_directory_read(URL, tree, ret, err);
}

static struct acme_directory *read_good(const char *json)
{
    struct acme_directory *directory = NULL;
    struct err err = {0};
    if (!read_json(json, &directory, &err))
        fail_msg("%s", err.text);
    return directory;
}

static void assert_refused(const char *json, const char *part)
{
    struct acme_directory *directory = NULL;
    struct err err = {0};
    assert_false(read_json(json, &directory, &err));
    assert_null(directory);
    assert_int_equal(err.kind, ERR_BROKEN);
    if (strstr(err.text, part) == NULL)
        fail_msg("\"%s\" does not hold \"%s\"", err.text, part);
}

static void test_directory_when_complete_then_everything_is_read(void **state)
{
    (void)state;
    struct acme_directory *d = read_good(
        "{" REQUIRED ",\"revokeCert\":\"https://ca.test/r\",\"keyChange\":\"https://ca.test/k\","
        "\"renewalInfo\":\"https://ca.test/ri\",\"meta\":{\"termsOfService\":\"https://ca.test/"
        "tos\","
        "\"website\":\"https://ca.test\",\"caaIdentities\":[\"ca.test\",\"alias.test\"],"
        "\"externalAccountRequired\":true,\"profiles\":{\"classic\":\"90 "
        "days\",\"short\":\"6\"}}}");
    assert_string_equal(d->url, URL);
    assert_string_equal(d->new_nonce, "https://ca.test/n");
    assert_string_equal(d->new_account, "https://ca.test/a");
    assert_string_equal(d->new_order, "https://ca.test/o");
    assert_string_equal(d->revoke_cert, "https://ca.test/r");
    assert_string_equal(d->key_change, "https://ca.test/k");
    assert_string_equal(d->renewal_info, "https://ca.test/ri");
    assert_string_equal(d->terms, "https://ca.test/tos");
    assert_string_equal(d->website, "https://ca.test");
    assert_true(d->eab_required);
    assert_int_equal(d->n_caa_identities, 2);
    assert_string_equal(d->caa_identities[1], "alias.test");
    assert_string_equal(json_text(d->profiles, "short"), "6");
    acme_directory_free(d);
    acme_directory_free(NULL);
}

static void test_directory_when_minimal_then_the_rest_is_absent(void **state)
{
    (void)state;
    struct acme_directory *d = read_good("{" REQUIRED "}");
    assert_null(d->renewal_info);
    assert_null(d->revoke_cert);
    assert_null(d->terms);
    assert_null(d->profiles);
    assert_false(d->eab_required);
    assert_int_equal(d->n_caa_identities, 0);
    acme_directory_free(d);
}

/* Let's Encrypt puts a random key with a forum URL into its directory. */
static void test_directory_when_unknown_members_then_ignored(void **state)
{
    (void)state;
    struct acme_directory *d =
        read_good("{" REQUIRED ",\"tOzFE4_8Z0o\":\"https://community.test/t/33417\",\"newAuthz\":7,"
                  "\"x\":{\"y\":[1]},\"meta\":{\"z\":null}}");
    assert_non_null(d);
    acme_directory_free(d);
}

static void test_directory_when_a_needed_url_is_missing_then_broken(void **state)
{
    (void)state;
    assert_refused("{}", "newNonce");
    assert_refused("{\"newNonce\":\"https://ca.test/n\",\"newAccount\":\"https://ca.test/a\"}",
                   "newOrder");
    assert_refused("{\"newNonce\":3}", "newNonce");
    assert_refused("[]", "directory");
}

static void test_directory_when_a_url_may_not_be_asked_then_broken(void **state)
{
    (void)state;
    assert_refused("{\"newNonce\":\"http://ca.test/n\",\"newAccount\":\"https://ca.test/a\","
                   "\"newOrder\":\"https://ca.test/o\"}",
                   "newNonce");
    assert_refused("{" REQUIRED ",\"renewalInfo\":\"https://u:p@ca.test/\"}", "renewalInfo");
    assert_refused("{" REQUIRED ",\"keyChange\":\"file:///etc/passwd\"}", "keyChange");
}

static void test_directory_when_meta_is_hostile_then_harmless(void **state)
{
    (void)state;
    struct acme_directory *d = read_good(
        "{" REQUIRED ",\"meta\":{\"termsOfService\":\"https://x/\\u001b[2J\\n\",\"website\":[],"
        "\"caaIdentities\":[1,\"\",\"a b\",\"a;b\",\"ok.test\",null,\"x\\ny\"],"
        "\"externalAccountRequired\":\"yes\",\"profiles\":[\"a\"]}}");
    assert_string_equal(d->terms, "https://x/\\x1b[2J\\x0a");
    assert_null(d->website);
    assert_int_equal(d->n_caa_identities, 1);
    assert_string_equal(d->caa_identities[0], "ok.test");
    assert_false(d->eab_required);
    assert_null(d->profiles);
    acme_directory_free(d);
}

static void test_directory_when_lists_are_endless_then_capped(void **state)
{
    (void)state;
    AUTO(buf_fini)
    struct buf json = BUF(JSON_SIZE_MAX);
    buf_add_cstr(&json, "{" REQUIRED ",\"meta\":{\"caaIdentities\":[\"a.test\"");
    for (int i = 0; i < 5000; i++)
        buf_add_cstr(&json, ",\"b.test\"");
    buf_add_cstr(&json, "]}}");
    struct acme_directory *d = read_good(buf_cstr(&json));
    assert_int_equal(d->n_caa_identities, 32);
    acme_directory_free(d);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_directory_when_complete_then_everything_is_read),
        cmocka_unit_test(test_directory_when_minimal_then_the_rest_is_absent),
        cmocka_unit_test(test_directory_when_unknown_members_then_ignored),
        cmocka_unit_test(test_directory_when_a_needed_url_is_missing_then_broken),
        cmocka_unit_test(test_directory_when_a_url_may_not_be_asked_then_broken),
        cmocka_unit_test(test_directory_when_meta_is_hostile_then_harmless),
        cmocka_unit_test(test_directory_when_lists_are_endless_then_capped),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
