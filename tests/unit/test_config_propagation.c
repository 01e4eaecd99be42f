/* SEES: base crypto io store config acme dns-providers inventory */
#include "house_fixture.h"

#include "inventory/config.h"

#include <stdio.h>

/* What stands in `propagation` of a provider, and what is made of it. */

static struct config *load_as(const char *type, const char *propagation, struct err *err)
{
    struct config *c = NULL;
    AUTO(mem_fini)
    char *text = mem_printf("seal: env:SEAL\n"
                            "authorities: {one: {directory: https://one.example/dir}}\n"
                            "providers:\n"
                            "  corp:\n"
                            "    zones: [example.com, intern.example]\n"
                            "    %s\n"
                            "    propagation: {%s}\n",
                            type, propagation);
    scratch_put("chancery.yaml", text, 0644);
    return config_load(scratch("chancery.yaml"), no_environment, &c, err) ? c : NULL;
}

static struct config *load(const char *propagation)
{
    struct err err = {0};
    struct config *c = load_as("type: exec\n    argv: [/bin/true]", propagation, &err);
    if (c == NULL)
        fail_msg("%s", err.text);
    return c;
}

static void assert_refused(const char *propagation, const char *words)
{
    struct err err = {0};
    assert_null(load_as("type: exec\n    argv: [/bin/true]", propagation, &err));
    if (strstr(err.text, words) == NULL)
        fail_msg("%s: \"%s\" is not in: %s", propagation, words, err.text);
}

static const struct propagation_config *rules(const struct config *c, const char *zone)
{
    return config_propagation(config_provider(c, "corp"), zone);
}

static void test_rules_when_nothing_is_said_then_every_name_server_is_asked(void **state)
{
    (void)state;
    struct config *c = load("");
    assert_int_equal(rules(c, "example.com")->mode, PROPAGATION_AUTHORITATIVE);
    assert_int_equal(rules(c, "example.com")->timeout_ms, 10 * MS_MINUTE);
    assert_int_equal(propagation_floor(rules(c, "example.com"), 4), 2);
    config_free(c);
}

static void test_rules_when_a_mode_follows_from_what_is_said_then_it_need_not_be_named(void **state)
{
    (void)state;
    struct config *c = load("resolvers: [192.0.2.53, '192.0.2.54:5353']");
    assert_int_equal(rules(c, "example.com")->mode, PROPAGATION_RESOLVERS);
    assert_int_equal(rules(c, "example.com")->n_resolvers, 2);
    assert_int_equal(rules(c, "example.com")->resolvers[1].port, 5353);
    config_free(c);
    c = load("wait: 2m");
    assert_int_equal(rules(c, "example.com")->mode, PROPAGATION_WAIT);
    assert_int_equal(rules(c, "example.com")->wait_ms, 2 * MS_MINUTE);
    config_free(c);
}

static void test_rules_when_a_zone_has_its_own_then_what_is_not_said_is_the_provider_s(void **state)
{
    (void)state;
    struct config *c = load("settle: 7s, resolvers: [192.0.2.53], zones: ["
                            "{zone: intern.example, wait: 30s}, "
                            "{zone: deep.intern.example, mode: authoritative, min_answers: 3}, "
                            "{zone: sub.example.com, settle: 1s}]");
    assert_int_equal(rules(c, "intern.example")->mode, PROPAGATION_WAIT);
    assert_int_equal(rules(c, "intern.example")->settle_ms, 7 * MS_SECOND);
    assert_int_equal(rules(c, "x.deep.intern.example")->mode, PROPAGATION_AUTHORITATIVE);
    assert_int_equal(propagation_floor(rules(c, "x.deep.intern.example"), 9), 3);
    assert_int_equal(rules(c, "notintern.example")->mode, PROPAGATION_RESOLVERS);
    assert_int_equal(rules(c, "sub.example.com")->mode, PROPAGATION_RESOLVERS);
    assert_int_equal(rules(c, "sub.example.com")->n_resolvers, 1);
    assert_int_equal(rules(c, "sub.example.com")->settle_ms, MS_SECOND);
    config_free(c);
}

static void test_floor_when_said_in_each_way_then_never_none_and_never_more_than_there_are(
    void **state)
{
    (void)state;
    static const struct {
        const char *said;
        size_t n, floor;
    } cases[] = {
        {"min_answers: half", 1, 1},   {"min_answers: half", 2, 1},  {"min_answers: half", 3, 1},
        {"min_answers: half", 5, 2},   {"min_answers: all", 3, 3},   {"min_answers: 2", 4, 2},
        {"min_answers: 9", 4, 4},      {"min_answers: '60%'", 4, 3}, {"min_answers: '1%'", 3, 1},
        {"min_answers: '100%'", 3, 3}, {"min_answers: all", 0, 0}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct config *c = load(cases[i].said);
        assert_int_equal(propagation_floor(rules(c, "example.com"), cases[i].n), cases[i].floor);
        config_free(c);
    }
}

static void test_rules_when_wrong_then_place_and_cure_are_told(void **state)
{
    (void)state;
    assert_refused("mode: resolvers", "name at least one resolver");
    assert_refused("mode: wait", "say how long, e.g. wait: 2m");
    assert_refused("mode: authoritative, wait: 2m", "it counts only with mode: wait");
    assert_refused("wait: 2m, resolvers: [192.0.2.53]", "it counts only with mode: wait");
    assert_refused("mode: provider", "the API of exec does not tell when a record is served");
    assert_refused("mode: asking", "authoritative");
    assert_refused("resolvers: [nine]", "\"nine\" is no address");
    assert_refused("min_answers: 0", "a number of name servers, a share such as");
    assert_refused("min_answers: '120%'", "a number of name servers, a share such as");
    assert_refused("min_answers: many", "a number of name servers, a share such as");
    assert_refused("wait: 2h", "must lie between");
    assert_refused("zones: [{zone: example.org, wait: 1s}]", "this provider has no such zone");
    assert_refused("zones: [{zone: intern.example, mode: wait}]", "say how long");
    assert_refused("zones: [{zone: intern.example, mode: wait}]", "chancery.yaml:8:");
}

static void test_rules_when_the_api_tells_then_its_word_can_be_chosen(void **state)
{
    (void)state;
    struct err err = {0};
    const char *type = "type: cloudns\n    auth_id: env:A\n    auth_password: env:B";
    struct config *c = load_as(type, "mode: provider, settle: 3s", &err);
    if (c == NULL)
        fail_msg("%s", err.text);
    assert_int_equal(rules(c, "example.com")->mode, PROPAGATION_PROVIDER);
    config_free(c);
}

static void test_rules_when_changes_take_long_there_then_patience_does_too(void **state)
{
    (void)state;
    struct err err = {0};
    const char *type = "type: linode\n    token: env:A";
    struct config *c = load_as(type, "settle: 3s", &err);
    if (c == NULL)
        fail_msg("%s", err.text);
    assert_int_equal(rules(c, "example.com")->timeout_ms, 15 * MS_MINUTE);
    config_free(c);
    c = load_as(type, "timeout: 1m", &err);
    assert_int_equal(rules(c, "example.com")->timeout_ms, MS_MINUTE);
    config_free(c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rules_when_nothing_is_said_then_every_name_server_is_asked),
        cmocka_unit_test(
            test_rules_when_a_mode_follows_from_what_is_said_then_it_need_not_be_named),
        cmocka_unit_test(
            test_rules_when_a_zone_has_its_own_then_what_is_not_said_is_the_provider_s),
        cmocka_unit_test(
            test_floor_when_said_in_each_way_then_never_none_and_never_more_than_there_are),
        cmocka_unit_test(test_rules_when_wrong_then_place_and_cure_are_told),
        cmocka_unit_test(test_rules_when_the_api_tells_then_its_word_can_be_chosen),
        cmocka_unit_test(test_rules_when_changes_take_long_there_then_patience_does_too),
    };
    return cmocka_run_group_tests(tests, house_make, house_remove);
}
