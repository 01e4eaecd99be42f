/* SEES: base crypto io store config acme dns-providers inventory dns renewal fakedns */
#include "dns/propagation.h"

#include "dns/route.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "dns_world.h"

#define OWNER "_acme-challenge.www.example.com"

static struct dns_world world;
/* ns1 127.0.0.2, ns2 127.0.0.3 and ::1 */
static struct net_address at[3];
static struct zone_server servers[2];
static struct zone_info zone;
static char name_zone[] = "example.com", name_1[] = "ns1.example.com", name_2[] = "ns2.example.com";

static int setup(void **state)
{
    (void)state;
    world_init(&world);
    at[0] = world_address(&world, "127.0.0.2");
    at[1] = world_address(&world, "127.0.0.3");
    at[2] = world_address(&world, "::1");
    servers[0] = (struct zone_server){name_1, &at[0], 1};
    servers[1] = (struct zone_server){name_2, &at[1], 2};
    zone = (struct zone_info){.zone = name_zone, .servers = servers, .n_servers = 2};
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    world_fini(&world);
    return 0;
}

enum { VIEWS_MAX = 4 };
struct got {
    size_t n;
    struct propagation_view views[VIEWS_MAX];
    char texts[VIEWS_MAX][1000];
    size_t n_views, n_questions;
    bool all_served;
};

static void reported(void *arg, const struct propagation_report *report)
{
    struct got *got = arg;
    got->n++;
    got->n_views = report->n;
    got->n_questions = report->n_questions;
    got->all_served = report->all_served;
    for (size_t i = 0; i < report->n && i < VIEWS_MAX; i++) {
        got->views[i] = report->views[i];
        snprintf(got->texts[i], sizeof got->texts[i], "%s", report->views[i].text);
    }
}

static void check(const struct propagation_want *wants, size_t n, struct got *got)
{
    static const struct propagation_options options = {.timeout_ms = 400};
    *got = (struct got){0};
    propagation_start(world.loop, world.dns, &zone, wants, n, &options, reported, got);
    assert_int_equal(got->n, 0);
    assert_true(world_wait(&world, &got->n, 1));
    assert_int_equal(got->n_views, n);
}

static void check_one(const char *value, bool present, struct got *got)
{
    const struct propagation_want want = {OWNER, value, present};
    check(&want, 1, got);
}

static void show(const char *value)
{
    world_add(&world, "example.com", OWNER, "TXT", value);
}

/* words with a port after every address, as the port here is not 53. */
static void assert_says(const struct got *got, const char *words)
{
    char port[16], text[1000] = "";
    snprintf(port, sizeof port, ":%u)", (unsigned)world.port);
    const char *from = got->texts[0];
    for (const char *cut; (cut = strstr(from, port)) != NULL; from = cut + strlen(port))
        snprintf(text + strlen(text), sizeof text - strlen(text), "%.*s)", (int)(cut - from), from);
    snprintf(text + strlen(text), sizeof text - strlen(text), "%s", from);
    assert_string_equal(text, words);
}

static void assert_counts(const struct got *got, size_t as_wished, size_t reachable, size_t silent,
                          size_t lame, size_t skipped)
{
    const struct propagation_view *v = &got->views[0];
    assert_int_equal(v->n_as_wished, as_wished);
    assert_int_equal(v->n_reachable, reachable);
    assert_int_equal(v->n_silent, silent);
    assert_int_equal(v->n_lame, lame);
    assert_int_equal(v->n_skipped, skipped);
}

static bool begins_with_ca(void *arg, size_t want, struct str value)
{
    size_t *n_told = arg;
    assert_int_equal(want, 0);
    ++*n_told;
    return str_starts(value, STR("ca.test"));
}

static void test_check_when_another_judges_then_all_values_are_told_and_any_may_fit(void **state)
{
    size_t n_told = 0;
    struct got got = {0};
    struct propagation_options options = {
        .timeout_ms = 400, .fits = begins_with_ca, .fits_arg = &n_told};
    const struct propagation_want want = {OWNER, "", true};
    (void)state;
    show("v=spf1");
    propagation_start(world.loop, world.dns, &zone, &want, 1, &options, reported, &got);
    assert_true(world_wait(&world, &got.n, 1));
    assert_int_equal(n_told, 3);
    assert_false(got.all_served);
    show("ca.test; accounturi=x");
    got = (struct got){0};
    propagation_start(world.loop, world.dns, &zone, &want, 1, &options, reported, &got);
    assert_true(world_wait(&world, &got.n, 1));
    assert_int_equal(n_told, 9);
    assert_true(got.all_served);
    assert_counts(&got, 3, 3, 0, 0, 0);
}

static void test_check_when_every_address_shows_it_then_served(void **state)
{
    (void)state;
    struct got got;
    show("foreign");
    show("value");
    check_one("value", true, &got);
    assert_true(got.all_served && got.views[0].is_served);
    assert_counts(&got, 3, 3, 0, 0, 0);
    assert_says(&got, "ns1.example.com (127.0.0.2) shows it, ns2.example.com (127.0.0.3) shows it, "
                      "ns2.example.com ([::1]) shows it");
    assert_int_equal(fake_host_asked(world.ns6, OWNER, DNS_TXT), 1);
    assert_int_equal(fake_host_asked(world.resolver, NULL, 0), 0);
}

static void test_check_when_one_server_lags_then_not_served_until_it_follows(void **state)
{
    (void)state;
    struct got got;
    fake_host_set_lag(world.ns2, 600);
    show("value");
    check_one("value", true, &got);
    assert_false(got.all_served || got.views[0].is_served);
    assert_counts(&got, 2, 3, 0, 0, 0);
    assert_says(
        &got, "ns1.example.com (127.0.0.2) shows it, ns2.example.com (127.0.0.3) answers NXDOMAIN, "
              "ns2.example.com ([::1]) shows it");
    loop_wait(world.loop, clock_wall_ms(&clock_system) + 700);
    check_one("value", true, &got);
    assert_true(got.all_served);
}

static void test_check_when_servers_lack_it_then_each_says_how(void **state)
{
    (void)state;
    struct got got;
    fake_host_set_lag(world.ns1, 60000);
    world_add(&world, "example.com", "below." OWNER, "A",
              "192.0.2.1"); /* so the name exists where the value lags */
    show("one");
    show("two");
    check_one("value", true, &got);
    assert_counts(&got, 0, 3, 0, 0, 0);
    assert_says(&got, "ns1.example.com (127.0.0.2) has no TXT there, ns2.example.com (127.0.0.3) "
                      "shows 2 other values, "
                      "ns2.example.com ([::1]) shows 2 other values");
}

static void test_check_when_a_cname_is_at_the_name_then_its_target_is_told(void **state)
{
    (void)state;
    struct got got;
    servers[1].n_addresses = 0;
    world_add(&world, "example.com", OWNER, "CNAME", "else.example.com");
    world_add(&world, "example.com", "else.example.com", "TXT", "value");
    check_one("value", true, &got);
    assert_false(got.all_served);
    assert_says(&got, "ns1.example.com (127.0.0.2) answers with a CNAME to else.example.com");
}

static void test_check_when_a_value_shall_be_gone_then_absence_is_wished(void **state)
{
    (void)state;
    struct got got;
    show("sibling");
    show("value");
    check_one("value", false, &got);
    assert_false(got.all_served);
    assert_counts(&got, 0, 3, 0, 0, 0);
    assert_non_null(strstr(got.texts[0], "still shows it"));
    fake_dns_remove(world.fake, "example.com", OWNER, "TXT", "value");
    check_one("value", false, &got);
    assert_true(got.all_served);
    assert_non_null(strstr(got.texts[0], "shows 1 other value,"));
    fake_dns_remove(world.fake, "example.com", OWNER, "TXT", NULL);
    check_one("value", false, &got);
    assert_true(got.all_served);
}

static void test_check_when_two_values_at_one_name_then_one_question_a_server(void **state)
{
    (void)state;
    struct got got;
    const struct propagation_want wants[] = {
        {OWNER, "one", true}, {"other.example.com", "x", false}, {OWNER, "two", true}};
    show("one");
    check(wants, 3, &got);
    assert_true(got.views[0].is_served);
    assert_true(got.views[1].is_served);
    assert_false(got.views[2].is_served);
    assert_false(got.all_served);
    assert_int_equal(got.n_questions, 6);
    assert_int_equal(fake_host_asked(world.ns1, OWNER, DNS_TXT), 1);
    assert_int_equal(fake_host_asked(world.ns6, OWNER, DNS_TXT), 1);
}

static void test_check_when_one_family_of_a_server_is_silent_then_skipped(void **state)
{
    (void)state;
    struct got got;
    show("value");
    fake_host_say(world.ns6, NULL, 0, FAKE_SILENT, 0);
    check_one("value", true, &got);
    assert_true(got.all_served);
    assert_counts(&got, 2, 2, 0, 0, 1);
    assert_says(&got, "ns1.example.com (127.0.0.2) shows it, ns2.example.com (127.0.0.3) shows it, "
                      "ns2.example.com ([::1]) is silent (skipped)");
}

static void test_check_when_a_server_is_silent_altogether_then_counted_and_named(void **state)
{
    (void)state;
    struct got got;
    show("value");
    fake_host_say(world.ns1, NULL, 0, FAKE_SILENT, 0);
    check_one("value", true, &got);
    assert_true(
        got.views[0].is_served); /* by all that can be reached; the caller sees that one cannot */
    assert_counts(&got, 2, 2, 1, 0, 0);
    assert_non_null(strstr(got.texts[0], ") is silent,"));
}

static void check_with(const struct propagation_options *options, struct got *got)
{
    const struct propagation_want want = {OWNER, "value", true};
    *got = (struct got){0};
    propagation_start(world.loop, world.dns, &zone, &want, 1, options, reported, got);
    assert_true(world_wait(&world, &got->n, 1));
}

static void test_check_when_fewer_answer_than_must_then_not_served(void **state)
{
    (void)state;
    struct got got;
    struct propagation_config rules = {.min_answers = 2};
    struct propagation_options options = {.timeout_ms = 400, .rules = &rules};
    show("value");
    check_with(&options, &got);
    assert_true(got.all_served);
    assert_int_equal(got.views[0].n_servers, 2); /* however many addresses they have */
    assert_int_equal(got.views[0].n_answering, 2);
    fake_host_say(world.ns2, NULL, 0, FAKE_REFUSED, 0);
    fake_host_say(world.ns6, NULL, 0, FAKE_SILENT, 0);
    check_with(&options, &got);
    assert_false(got.all_served);
    assert_int_equal(got.views[0].n_answering, 1);
    rules.min_answers = 0; /* half of them */
    check_with(&options, &got);
    assert_true(got.all_served);
}

static void test_check_when_there_is_no_route_to_a_server_then_the_floor_does_not_count_it(
    void **state)
{
    (void)state;
    struct got got;
    struct propagation_config rules = {.min_percent = 100};
    struct propagation_options options = {.timeout_ms = 400, .rules = &rules};
    net_address_parse(STR("fd00:dead::1"), 53, &at[1]);
    if (route_exists(&at[1])) {
        print_message("left out: this host has a way to every IPv6 address\n");
        skip();
    }
    servers[1].n_addresses = 1;
    show("value");
    check_with(&options, &got);
    assert_true(got.all_served);
    assert_int_equal(got.views[0].n_servers, 1);
    assert_non_null(strstr(got.texts[0], "cannot be reached from this host (skipped)"));
}

static void test_check_when_resolvers_are_asked_then_they_need_no_authority(void **state)
{
    (void)state;
    struct got got;
    struct propagation_options options = {.timeout_ms = 400, .recurse = true};
    at[0] = world_address(&world, "127.0.0.1");
    zone.n_servers = 1;
    check_with(&options, &got);
    assert_false(got.all_served);
    show("value");
    check_with(&options, &got);
    assert_true(got.all_served);
    assert_int_equal(fake_host_asked(world.ns1, NULL, 0), 0);
    options.recurse = false; /* as a name server it would be lame */
    check_with(&options, &got);
    assert_false(got.all_served);
    assert_counts(&got, 0, 0, 0, 1, 0);
}

static void test_check_when_no_server_answers_then_not_served(void **state)
{
    (void)state;
    struct got got;
    show("value");
    servers[1].n_addresses = 0;
    fake_host_say(world.ns1, NULL, 0, FAKE_SILENT, 0);
    check_one("value", true, &got);
    assert_false(got.all_served || got.views[0].is_served);
    check_one("value", false, &got); /* silence is no absence either */
    assert_false(got.all_served || got.views[0].is_served);
}

static void test_check_when_there_is_no_route_then_skipped_at_once(void **state)
{
    (void)state;
    struct got got;
    show("value");
    net_address_parse(STR("fd00:dead::1"), 53, &at[2]);
    /* a host with a default IPv6 route would try: then the address is merely silent, and skipped as well */
    check_one("value", true, &got);
    assert_true(got.all_served);
    assert_counts(&got, 2, 2, 0, 0, 1);
    assert_non_null(strstr(got.texts[0], "(fd00:dead::1) "));
    assert_non_null(strstr(got.texts[0], "(skipped)"));
}

static void test_check_when_servers_are_lame_then_they_neither_show_nor_block(void **state)
{
    (void)state;
    static const struct {
        enum fake_act act;
        const char *words;
    } cases[] = {{FAKE_REFUSED, "answers REFUSED"},
                 {FAKE_SERVFAIL, "answers SERVFAIL"},
                 {FAKE_NOTAUTH, "answers NOTAUTH"},
                 {FAKE_LAME, "answers NOERROR without authority"},
                 {FAKE_GARBAGE, "gives no answer that can be understood"}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct got got;
        show("value");
        fake_host_say(world.ns1, NULL, 0, cases[i].act, 0);
        check_one("value", true, &got);
        assert_true(got.all_served);
        if (got.views[0].n_lame != 1 || strstr(got.texts[0], cases[i].words) == NULL)
            fail_msg("%s: %s", cases[i].words, got.texts[0]);
    }
}

static void test_check_when_the_answer_is_cut_then_asked_over_tcp(void **state)
{
    (void)state;
    struct got got;
    for (int i = 0; i < 60; i++) { /* 60 values of 100 bytes: far beyond a datagram */
        char value[101];
        snprintf(value, sizeof value, "%0100d", i);
        show(value);
    }
    show("value");
    check_one("value", true, &got);
    assert_true(got.all_served);
    assert_counts(&got, 3, 3, 0, 0, 0);
}

static void test_check_when_a_thousand_names_and_a_silent_server_then_one_patience(void **state)
{
    (void)state;
    struct propagation_want wants[1000];
    char names[1000][64];
    struct got got = {0};
    fake_host_say(world.ns1, NULL, 0, FAKE_SILENT, 0);
    for (int i = 0; i < 1000; i++) {
        snprintf(names[i], sizeof names[i], "_acme-challenge.host%d.example.com", i);
        wants[i] = (struct propagation_want){names[i], "value", true};
        world_add(&world, "example.com", names[i], "TXT", "value");
    }
    int64_t before_ms = clock_boot_ms(&clock_system);
    check(wants, 1000, &got);
    assert_true(clock_boot_ms(&clock_system) - before_ms < 4000); /* of 400 ms each */
    assert_true(got.all_served);
    assert_int_equal(fake_host_asked(world.ns2, NULL, DNS_TXT), 1000);
}

static void test_check_when_the_zone_has_no_address_then_not_served(void **state)
{
    (void)state;
    struct got got;
    zone.n_servers = 0;
    check_one("value", true, &got);
    assert_false(got.all_served);
    assert_string_equal(got.texts[0], "the zone has no name server with an address");
    check(NULL, 0, &got);
    assert_true(got.all_served); /* nothing wished, nothing missing */
}

static void test_cancel_when_under_way_then_not_told(void **state)
{
    (void)state;
    struct got got = {0};
    const struct propagation_want want = {OWNER, "value", true};
    for (int turns = 0; turns < 4; turns++) {
        struct propagation_check *c =
            propagation_start(world.loop, world.dns, &zone, &want, 1, NULL, reported, &got);
        fake_host_say(world.ns1, NULL, 0, FAKE_SILENT, 0);
        for (int i = 0; i < turns; i++)
            loop_wait(world.loop, clock_wall_ms(&clock_system) + 2);
        propagation_cancel(c);
        loop_wait(world.loop, clock_wall_ms(&clock_system) + 5);
    }
    assert_int_equal(got.n, 0);
}

int main(void)
{
#define T(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
    const struct CMUnitTest tests[] = {
        T(test_check_when_another_judges_then_all_values_are_told_and_any_may_fit),
        T(test_check_when_every_address_shows_it_then_served),
        T(test_check_when_one_server_lags_then_not_served_until_it_follows),
        T(test_check_when_servers_lack_it_then_each_says_how),
        T(test_check_when_a_cname_is_at_the_name_then_its_target_is_told),
        T(test_check_when_a_value_shall_be_gone_then_absence_is_wished),
        T(test_check_when_two_values_at_one_name_then_one_question_a_server),
        T(test_check_when_one_family_of_a_server_is_silent_then_skipped),
        T(test_check_when_a_server_is_silent_altogether_then_counted_and_named),
        T(test_check_when_fewer_answer_than_must_then_not_served),
        T(test_check_when_there_is_no_route_to_a_server_then_the_floor_does_not_count_it),
        T(test_check_when_resolvers_are_asked_then_they_need_no_authority),
        T(test_check_when_no_server_answers_then_not_served),
        T(test_check_when_there_is_no_route_then_skipped_at_once),
        T(test_check_when_servers_are_lame_then_they_neither_show_nor_block),
        T(test_check_when_the_answer_is_cut_then_asked_over_tcp),
        T(test_check_when_a_thousand_names_and_a_silent_server_then_one_patience),
        T(test_check_when_the_zone_has_no_address_then_not_served),
        T(test_cancel_when_under_way_then_not_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
