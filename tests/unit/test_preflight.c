/* SEES: base crypto io store config acme dns-providers inventory dns renewal fakedns */
#include "renewal/preflight.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "dns_world.h"

static struct dns_world world;
static struct net_address resolver;
static struct provider_config provider;
static struct config config;
static struct house house;
static struct zone_finders *finders;
static struct preflights *preflights;
static char com[] = "example.com", net[] = "example.net", provider_name[] = "p";
static char *zones[] = {com, net, NULL};

static int setup(void **state)
{
    (void)state;
    world_init(&world);
    resolver = world_address(&world, "127.0.0.1");
    provider = (struct provider_config){.name = provider_name,
                                        .zones = zones,
                                        .follow_cname = true,
                                        .resolvers = &resolver,
                                        .n_resolvers = 1,
                                        .authoritative_port = world.port};
    config = (struct config){.providers = &provider, .n_providers = 1};
    house = (struct house){
        .clock = loop_clock(world.loop), .config = &config, .loop = world.loop, .dns = world.dns};
    finders = zone_finders_new(&house);
    preflights = preflights_new(&house, finders);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    preflights_free(preflights);
    zone_finders_free(finders);
    world_fini(&world);
    return 0;
}

static void over(void *arg)
{
    (*(size_t *)arg)++;
}

static struct preflight_wish wish_of(const char *const *names, size_t n)
{
    static const char *const identities[] = {"ca.test"};
    return (struct preflight_wish){.names = names,
                                   .n_names = n,
                                   .identities = identities,
                                   .n_identities = 1,
                                   .account_url = "https://ca.test/acct/1",
                                   .method = "dns-01"};
}

static struct preflight *fly(const char *const *names, size_t n)
{
    struct preflight_wish wish = wish_of(names, n);
    size_t n_over = 0;
    struct preflight *p = preflight_start(preflights, &wish, over, &n_over);
    assert_int_equal(n_over, 0); /* never from inside the starting call */
    assert_true(world_wait(&world, &n_over, 1));
    return p;
}

static void caa(const char *zone, const char *owner, const char *data)
{
    world_add(&world, zone, owner, "CAA", data);
}

#define FLY(...)                                                                                   \
    fly((const char *const[]){__VA_ARGS__},                                                        \
        sizeof((const char *const[]){__VA_ARGS__}) / sizeof(char *))

static void test_names_when_nothing_stands_then_clear(void **state)
{
    (void)state;
    struct preflight *p = FLY("www.example.com", "*.example.net");
    assert_int_equal(preflight_state(p), PREFLIGHT_CLEAR);
    assert_string_equal(preflight_notes(p), "");
    struct preflight_view view = preflight_view(p, 1);
    assert_string_equal(view.name, "*.example.net");
    assert_string_equal(view.zone, "example.net");
    assert_string_equal(view.dnssec, "off");
    assert_int_equal(view.finding.verdict, CAA_PERMITTED);
    preflight_free(p);
}

static void test_caa_when_asked_then_of_authoritative_servers_and_the_top_of_resolvers(void **state)
{
    (void)state;
    preflight_free(FLY("a.www.example.com"));
    size_t n = 0;
    static const char *const owners[] = {"a.www.example.com", "www.example.com", "example.com"};
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(fake_host_asked(world.resolver, owners[i], DNS_CAA), 0);
        n += fake_host_asked(world.ns1, owners[i], DNS_CAA) +
             fake_host_asked(world.ns2, owners[i], DNS_CAA);
    }
    assert_int_equal(n, 3);
    assert_int_equal(fake_host_asked(world.resolver, "com", DNS_CAA), 1);
}

static void test_parents_when_many_names_share_them_then_asked_once(void **state)
{
    (void)state;
    for (int i = 0; i < 20; i++) {
        AUTO(mem_fini)
        char *name = mem_printf("n%d.example.com", i);
        preflight_free(FLY(name));
    }
    assert_int_equal(fake_host_asked(world.ns1, "example.com", DNS_CAA) +
                         fake_host_asked(world.ns2, "example.com", DNS_CAA),
                     1);
    assert_int_equal(fake_host_asked(world.resolver, "com", DNS_CAA), 1);
}

static void test_records_when_of_another_ca_then_refused_with_words(void **state)
{
    (void)state;
    caa("example.com", "example.com", "0 issue other.test");
    caa("example.com", "www.example.com", "0 issue ca.test");
    struct preflight *p = FLY("www.example.com", "a.example.com", "b.example.com");
    assert_int_equal(preflight_state(p), PREFLIGHT_REFUSED);
    const struct err *err = preflight_err(p);
    assert_int_equal(err->kind, ERR_CONFIG);
    assert_int_equal(err->class, CLASS_CONFIG);
    assert_int_equal(err->fault, FAULT_DNS);
    assert_string_equal(
        err->text,
        "pre-flight: a.example.com: CAA of example.com: 0 issue \"other.test\" does not permit "
        "ca.test to issue; add `example.com. CAA 0 issue \"ca.test; "
        "accounturi=https://ca.test/acct/1; validationmethods=dns-01\"` (and 1 name more); "
        "nothing was validated");
    assert_int_equal(preflight_view(p, 0).finding.verdict, CAA_PERMITTED);
    assert_int_equal(preflight_view(p, 2).finding.verdict, CAA_FORBIDDEN);
    preflight_free(p);
}

static void test_cname_when_it_stands_then_its_end_counts_but_not_the_parents_of_that(void **state)
{
    (void)state;
    world_add(&world, "example.com", "cdn.example.com", "CNAME", "edge.example.net");
    caa("example.net", "example.net", "0 issue other.test");
    struct preflight *p = FLY("cdn.example.com");
    assert_int_equal(preflight_state(p), PREFLIGHT_CLEAR);
    preflight_free(p);
    world_add(&world, "example.com", "web.example.com", "CNAME", "hop.example.com");
    world_add(&world, "example.com", "hop.example.com", "CNAME", "edge2.example.net");
    caa("example.net", "edge2.example.net", "0 issue other.test");
    p = FLY("web.example.com");
    assert_int_equal(preflight_state(p), PREFLIGHT_REFUSED);
    assert_non_null(strstr(preflight_err(p)->text,
                           "CAA of web.example.com (a CNAME to edge2.example.net): 0 issue"));
    assert_string_equal(preflight_view(p, 0).zone, "example.com");
    preflight_free(p);
}

static void test_cname_when_it_goes_round_then_unknown(void **state)
{
    (void)state;
    world_add(&world, "example.com", "a.example.com", "CNAME", "b.example.com");
    world_add(&world, "example.com", "b.example.com", "CNAME", "a.example.com");
    struct preflight *p = FLY("a.example.com");
    assert_int_equal(preflight_state(p), PREFLIGHT_UNKNOWN);
    assert_non_null(strstr(preflight_notes(p), "its CNAMEs lead in a circle"));
    preflight_free(p);
}

static void test_zone_below_when_delegated_then_its_servers_are_asked(void **state)
{
    (void)state;
    world_add(&world, "example.com", "sub.example.com", "NS", "ns.sub.example.com");
    world_add(&world, "example.com", "ns.sub.example.com", "A", "127.0.0.4");
    fake_dns_zone(world.fake, "sub.example.com");
    world_add(&world, "sub.example.com", "sub.example.com", "NS", "ns.sub.example.com");
    world_add(&world, "sub.example.com", "ns.sub.example.com", "A", "127.0.0.4");
    fake_host_serve(world.other, "sub.example.com");
    caa("sub.example.com", "sub.example.com", "0 issue \";\"");
    struct preflight *p = FLY("www.sub.example.com");
    assert_int_equal(preflight_state(p), PREFLIGHT_REFUSED);
    assert_string_equal(preflight_view(p, 0).zone, "sub.example.com");
    preflight_free(p);
}

static void test_servers_when_all_say_servfail_then_unknown_and_told(void **state)
{
    (void)state;
    fake_host_say(world.ns1, NULL, DNS_CAA, FAKE_SERVFAIL, 0);
    fake_host_say(world.ns2, NULL, DNS_CAA, FAKE_SERVFAIL, 0);
    struct preflight *p = FLY("www.example.com");
    assert_int_equal(preflight_state(p), PREFLIGHT_UNKNOWN);
    assert_non_null(strstr(preflight_notes(p), "the CAA records of www.example.com cannot"));
    assert_non_null(strstr(preflight_notes(p), "SERVFAIL"));
    preflight_free(p);
}

static void test_servers_when_one_says_servfail_then_the_other_counts(void **state)
{
    (void)state;
    fake_host_say(world.ns1, NULL, DNS_CAA, FAKE_SERVFAIL, 0);
    caa("example.com", "example.com", "0 issue ca.test");
    struct preflight *p = FLY("www.example.com");
    assert_int_equal(preflight_state(p), PREFLIGHT_CLEAR);
    preflight_free(p);
}

static void test_top_when_resolvers_fail_then_a_lower_set_is_enough(void **state)
{
    (void)state;
    fake_host_say(world.resolver, "com", DNS_CAA, FAKE_SILENT, 0);
    caa("example.com", "example.com", "0 issue ca.test");
    struct preflight *p = FLY("www.example.com");
    assert_int_equal(preflight_state(p),
                     PREFLIGHT_CLEAR); /* at once: the test has 20 s, c-ares 5 */
    preflight_free(p);
}

static void test_flights_when_freed_under_way_then_nobody_is_told(void **state)
{
    (void)state;
    const char *const names[] = {"www.example.com", "example.net"};
    struct preflight_wish wish = wish_of(names, 2);
    size_t n_first = 0, n_second = 0;
    struct preflight *first = preflight_start(preflights, &wish, over, &n_first);
    struct preflight *second = preflight_start(preflights, &wish, over, &n_second);
    preflight_free(first);
    assert_true(world_wait(&world, &n_second, 1));
    assert_int_equal(n_first, 0);
    assert_int_equal(preflight_state(second), PREFLIGHT_CLEAR);
    preflight_start(preflights, &wish, over, &n_first); /* left to preflights_free */
}

static void test_flight_when_of_many_names_then_all_are_judged(void **state)
{
    (void)state;
    const char *names[100];
    char *made[100];
    for (size_t i = 0; i < 100; i++)
        names[i] = made[i] = mem_printf("n%zu.a%zu.example.com", i, i);
    caa("example.com", "a99.example.com", "0 issue \";\"");
    struct preflight *p = fly(names, 100);
    assert_int_equal(preflight_state(p), PREFLIGHT_REFUSED);
    assert_non_null(strstr(preflight_err(p)->text, "n99.a99.example.com: CAA of a99.example.com"));
    preflight_free(p);
    for (size_t i = 0; i < 100; i++)
        mem_free(made[i]);
}

static void test_identities_when_asked_for_then_directory_before_table(void **state)
{
    (void)state;
    const char *const *found = NULL;
    size_t n = 0;
    assert_true(preflight_identities("https://acme.zerossl.com/v2/DV90", NULL, &found, &n));
    assert_string_equal(found[0], "sectigo.com");
    assert_int_equal(n, 5);
    assert_false(preflight_identities("https://ca.corp.example/dir", NULL, &found, &n));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_names_when_nothing_stands_then_clear),
        TEST(test_caa_when_asked_then_of_authoritative_servers_and_the_top_of_resolvers),
        TEST(test_parents_when_many_names_share_them_then_asked_once),
        TEST(test_records_when_of_another_ca_then_refused_with_words),
        TEST(test_cname_when_it_stands_then_its_end_counts_but_not_the_parents_of_that),
        TEST(test_cname_when_it_goes_round_then_unknown),
        TEST(test_zone_below_when_delegated_then_its_servers_are_asked),
        TEST(test_servers_when_all_say_servfail_then_unknown_and_told),
        TEST(test_servers_when_one_says_servfail_then_the_other_counts),
        TEST(test_top_when_resolvers_fail_then_a_lower_set_is_enough),
        TEST(test_flights_when_freed_under_way_then_nobody_is_told),
        TEST(test_flight_when_of_many_names_then_all_are_judged),
        TEST(test_identities_when_asked_for_then_directory_before_table),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
