/* SEES: base crypto io store config acme dns-providers inventory */
#include "acme/name.h"
#include "house_fixture.h"
#include "inventory/ca_limits.h"

#define LE "https://acme-v02.api.letsencrypt.org/directory"

#define LIMITS_YAML(limits)                                                                        \
    "store: sqlite:c.db\nseal: file:seal.key\nauthorities:\n"                                      \
    "  one: {directory: " LE ", agree_tos: true, limits: " limits "}\n"                            \
    "  two: {directory: https://two.example/dir, agree_tos: true}\n"                               \
    "providers:\n  corp: {type: exec, zones: [example.com], argv: [/bin/true]}\n"

static void configure(const char *yaml)
{
    unlink(scratch("chancery.yaml"));
    scratch_put("chancery.yaml", yaml, 0644);
    config_again();
}

static void complains(const char *yaml, const char *words)
{
    struct err err = {0};
    struct config *config = NULL;
    unlink(scratch("chancery.yaml"));
    scratch_put("chancery.yaml", yaml, 0644);
    assert_false(config_load(scratch("chancery.yaml"), no_environment, &config, &err));
    has_words(err.text, words);
}

static void test_builtin_when_asked_for_lets_encrypt_then_its_published_numbers(void **state)
{
    (void)state;
    const struct ca_limits *l = config_limits(house.config, LE);
    assert_int_equal(l->rates[CA_LIMIT_ORDERS].bucket.burst, 300);
    assert_int_equal(l->rates[CA_LIMIT_ORDERS].bucket.gap, 36 * MS_SECOND);
    assert_int_equal(l->rates[CA_LIMIT_DOMAIN].bucket.gap, 12096 * MS_SECOND);
    assert_int_equal(l->rates[CA_LIMIT_SET].bucket.gap, 120960 * MS_SECOND);
    assert_int_equal(l->rates[CA_LIMIT_FAILURES].bucket.gap, 12 * MS_MINUTE);
    assert_int_equal(l->rates[CA_LIMIT_FAILURES_IN_A_ROW].bucket.gap, MS_DAY);
    assert_int_equal(l->rates[CA_LIMIT_REGISTRATIONS].bucket.gap, 18 * MS_MINUTE);
    assert_int_equal(l->same_set_ms, 120 * MS_DAY);
    assert_true(l->replaced_in_window);
    assert_string_equal(l->file, "letsencrypt");
    assert_ptr_equal(l, config_limits(house.config, LE));
}

static void test_builtin_when_a_ca_publishes_nothing_then_none(void **state)
{
    static const char *const directories[] = {"https://acme.zerossl.com/v2/DV90",
                                              "https://one.example/dir"};
    (void)state;
    for (size_t i = 0; i < 2; i++)
        for (size_t k = 0; k < CA_LIMIT_N; k++)
            assert_int_equal(config_limits(house.config, directories[i])->rates[k].count, 0);
}

static void test_configured_when_single_limits_are_said_then_the_others_stay(void **state)
{
    (void)state;
    configure(LIMITS_YAML("{domain: 500/7d, set: none, kept: 20}"));
    const struct ca_limits *l = config_limits(house.config, LE);
    assert_int_equal(l->rates[CA_LIMIT_DOMAIN].count, 500);
    assert_int_equal(l->rates[CA_LIMIT_SET].count, 0);
    assert_int_equal(l->rates[CA_LIMIT_ORDERS].count, 300);
    assert_int_equal(l->kept_percent, 20);
    assert_int_equal(l->same_set_ms, 120 * MS_DAY);
}

static void test_configured_when_a_file_is_named_then_it_stands_alone(void **state)
{
    (void)state;
    scratch_put("mine.yaml", "orders: 7/1m\nsame_set_within: 30d\n", 0644);
    configure(LIMITS_YAML("{file: mine.yaml, failures: 2/1h}"));
    const struct ca_limits *l = config_limits(house.config, LE);
    assert_int_equal(l->rates[CA_LIMIT_ORDERS].count, 7);
    assert_int_equal(l->rates[CA_LIMIT_FAILURES].count, 2);
    assert_int_equal(l->rates[CA_LIMIT_DOMAIN].count, 0);
    assert_int_equal(l->same_set_ms, 30 * MS_DAY);
    assert_false(l->replaced_in_window);
}

static void test_configured_when_wrong_then_the_place_is_told(void **state)
{
    (void)state;
    complains(LIMITS_YAML("{orders: 3x}"), "chancery.yaml:4:");
    complains(LIMITS_YAML("{orders: 0/1h}"), "\"0/1h\" is no rate");
    complains(LIMITS_YAML("{order: 3/1h}"), "did you mean \"orders\"");
    complains(LIMITS_YAML("{file: nowhere.yaml}"), "nowhere.yaml");
    scratch_put("bad.yaml", "orders: 3/1h\nset: often\n", 0644);
    complains(LIMITS_YAML("{file: bad.yaml}"), "bad.yaml:2:6");
}

static void test_suffixes_when_a_newer_list_is_configured_then_it_decides(void **state)
{
    (void)state;
    assert_null(config_suffixes(house.config));
    scratch_put("list.dat",
                "// VERSION: 2029-12-24_08-00-00_UTC\n// ===BEGIN ICANN "
                "DOMAINS===\ncom\nnet\nexample.com\n// ===END ICANN DOMAINS===\n",
                0644);
    configure("store: sqlite:c.db\nseal: file:seal.key\npublic_suffix_list: list.dat\n"
              "authorities:\n  one: {directory: https://one.example/dir}\n"
              "providers:\n  corp: {type: exec, zones: [example.com], argv: [/bin/true]}\n");
    const struct suffix_list *list = config_suffixes(house.config);
    assert_non_null(list);
    char *domain = suffix_list_domain(list, "*.a.b.example.com");
    assert_string_equal(domain, "b.example.com");
    mem_free(domain);
    assert_int_equal(suffix_list_made_at_ms(list), time_from_civil(2029, 12, 24, 0, 0, 0));
    assert_true(suffix_list_made_at_ms(NULL) > time_from_civil(2015, 1, 1, 0, 0, 0));
}

static void test_suffixes_when_the_file_is_no_list_then_the_one_of_the_build_and_a_fault(
    void **state)
{
    (void)state;
    scratch_put("list.dat", "<html>moved</html>\n", 0644);
    configure("store: sqlite:c.db\nseal: file:seal.key\npublic_suffix_list: list.dat\n"
              "authorities:\n  one: {directory: https://one.example/dir}\n"
              "providers:\n  corp: {type: exec, zones: [example.com], argv: [/bin/true]}\n");
    assert_null(config_suffixes(house.config));
    has_words(house.config->suffixes_fault.text, "is no public suffix list");
    has_words(house.config->suffixes_fault.text, "list.dat");
}

#define T(f) cmocka_unit_test_setup_teardown(f, house_make, house_remove)
int main(void)
{
    const struct CMUnitTest tests[] = {
        T(test_builtin_when_asked_for_lets_encrypt_then_its_published_numbers),
        T(test_builtin_when_a_ca_publishes_nothing_then_none),
        T(test_configured_when_single_limits_are_said_then_the_others_stay),
        T(test_configured_when_a_file_is_named_then_it_stands_alone),
        T(test_configured_when_wrong_then_the_place_is_told),
        T(test_suffixes_when_a_newer_list_is_configured_then_it_decides),
        T(test_suffixes_when_the_file_is_no_list_then_the_one_of_the_build_and_a_fault),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
