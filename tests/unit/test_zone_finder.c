/* SEES: base io dns renewal fakedns */
#include "dns/zone_finder.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "dns_world.h"

#define CHALLENGE "_acme-challenge.www.example.com"

static struct dns_world world;
static struct net_address resolvers[2];

static int setup(void **state)
{
    (void)state;
    world_init(&world);
    resolvers[0] = world_address(&world, "127.0.0.1");
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    world_fini(&world);
    return 0;
}

static struct zone_finder_options usual(void)
{
    return (struct zone_finder_options){.resolvers = resolvers,
                                        .n_resolvers = 1,
                                        .authoritative_port = world.port,
                                        .follow_cname = true,
                                        .timeout_ms = 400};
}

struct got {
    size_t n, n_good;
    struct zone_info *info; /* of the last */
    struct err err;
};

static void found(void *arg, const struct zone_info *info, const struct err *err)
{
    struct got *got = arg;
    got->n++;
    zone_info_free(got->info);
    got->info = NULL;
    if (info != NULL) {
        got->info = zone_info_copy(info);
        got->n_good++;
        return;
    }
    got->err = *err;
}

static void got_fini(struct got *got)
{
    zone_info_free(got->info);
}

static void find_with(const struct zone_finder_options *options, const char *challenge,
                      const char *alias, struct got *got)
{
    struct zone_finder *finder = zone_finder_new(world.loop, world.dns, options);
    zone_finder_find(finder, challenge, alias, found, got);
    assert_int_equal(got->n, 0); /* never from inside the starting call */
    assert_true(world_wait(&world, &got->n, 1));
    zone_finder_free(finder);
}

static void find(const char *challenge, const char *alias, struct got *got)
{
    struct zone_finder_options options = usual();
    find_with(&options, challenge, alias, got);
}

static void assert_found(const struct got *got, const char *zone, const char *owner)
{
    if (got->info == NULL)
        fail_msg("not found: %s", got->err.text);
    assert_string_equal(got->info->zone, zone);
    assert_string_equal(got->info->owner, owner);
}

static void assert_failed(const struct got *got, enum err_kind kind, const char *words)
{
    assert_null(got->info);
    assert_string_equal(err_kind_name(got->err.kind), err_kind_name(kind));
    if (strstr(got->err.text, words) == NULL)
        fail_msg("\"%s\" is not in: %s", words, got->err.text);
}

static bool has_address(const struct net_address *addresses, size_t n, const char *text)
{
    struct net_address wanted = world_address(&world, text);
    for (size_t i = 0; i < n; i++)
        if (net_address_eq(&addresses[i], &wanted))
            return true;
    return false;
}

static void test_find_when_nothing_is_special_then_zone_servers_and_primary(void **state)
{
    (void)state;
    AUTO(got_fini)
    struct got got = {0};
    find(CHALLENGE, NULL, &got);
    assert_found(&got, "example.com", CHALLENGE);
    assert_int_equal(got.info->n_servers, 2);
    for (size_t i = 0; i < 2; i++) {
        const struct zone_server *s = &got.info->servers[i];
        const char *address = strcmp(s->name, "ns1.example.com") == 0 ? "127.0.0.2" : "127.0.0.3";
        assert_int_equal(s->n_addresses, 1);
        assert_true(has_address(s->addresses, s->n_addresses, address));
    }
    assert_string_equal(got.info->primary, "ns1.example.com");
    assert_true(
        has_address(got.info->primary_addresses, got.info->n_primary_addresses, "127.0.0.2"));
    assert_int_equal(got.info->n_hops, 0);
    assert_null(got.info->note);
}

static void test_find_when_resolver_used_then_never_asked_about_the_challenge_name(void **state)
{
    (void)state;
    AUTO(got_fini)
    struct got a = {0}, b = {0}, c = {0};
    world_add(&world, "example.com", "_acme-challenge.c.example.com", "CNAME",
              "deep.alias.example.net");
    find("_acme-challenge.no.such.host.example.com", NULL, &a);
    find("_acme-challenge.c.example.com", NULL, &b);
    find(CHALLENGE, "token.example.net", &c);
    assert_found(&a, "example.com", "_acme-challenge.no.such.host.example.com");
    assert_found(&b, "example.net", "deep.alias.example.net");
    assert_found(&c, "example.net", "token.example.net");
    assert_true(fake_host_asked(world.resolver, NULL, 0) > 0);
    assert_int_equal(fake_host_asked(world.resolver, NULL, DNS_TXT), 0);
    assert_int_equal(fake_host_asked(world.resolver, "_acme-challenge.no.such.host.example.com", 0),
                     0);
    assert_int_equal(fake_host_asked(world.resolver, "_acme-challenge.c.example.com", 0), 0);
    assert_int_equal(fake_host_asked(world.resolver, "deep.alias.example.net", 0), 0);
    assert_int_equal(fake_host_asked(world.resolver, "token.example.net", 0), 0);
}

static void test_find_when_a_thousand_names_of_one_zone_then_a_handful_of_questions_and_one_each(
    void **state)
{
    (void)state;
    AUTO(got_fini)
    struct got got = {0};
    struct zone_finder_options options = usual();
    options.timeout_ms = 5000;
    struct zone_finder *finder = zone_finder_new(world.loop, world.dns, &options);
    for (int i = 0; i < 1000; i++) {
        char name[64];
        snprintf(name, sizeof name, "_acme-challenge.host%d.example.com", i);
        zone_finder_find(finder, name, NULL, found, &got);
    }
    assert_true(world_wait(&world, &got.n, 1000));
    assert_int_equal(got.n_good, 1000);
    assert_true(fake_host_asked(world.resolver, NULL, 0) <= 8);
    size_t n = fake_host_asked(world.ns1, NULL, 0) + fake_host_asked(world.ns2, NULL, 0);
    assert_true(n >= 1000 && n <= 1010);
    assert_int_equal(zone_finder_figures(finder).n_climbs, 1);
    assert_int_equal(zone_finder_figures(finder).n_loads, 1);
    zone_finder_free(finder);
}

static void test_find_when_three_hundred_zones_at_once_then_each_its_own(void **state)
{
    (void)state;
    AUTO(got_fini)
    struct got got = {0};
    struct zone_finder_options options = usual();
    options.timeout_ms = 5000;
    struct zone_finder *finder = zone_finder_new(world.loop, world.dns, &options);
    for (int i = 0; i < 300; i++) {
        char zone[32], name[64];
        snprintf(zone, sizeof zone, "z%d.test", i);
        snprintf(name, sizeof name, "_acme-challenge.%s", zone);
        fake_dns_zone(world.fake, zone);
        world_add(&world, zone, zone, "NS", "ns.example.net");
        fake_host_serve(world.other, zone);
        zone_finder_find(finder, name, NULL, found, &got);
    }
    assert_true(world_wait(&world, &got.n, 300));
    assert_int_equal(got.n_good, 300);
    assert_int_equal(zone_finder_figures(finder).n_loads, 300);
    zone_finder_free(finder);
}

static void test_find_when_child_zone_is_on_the_same_server_then_child(void **state)
{
    (void)state;
    AUTO(got_fini)
    struct got first = {0}, second = {0};
    fake_dns_zone(world.fake, "sub.example.com");
    world_add(&world, "sub.example.com", "sub.example.com", "NS", "ns1.example.com");
    world_add(&world, "example.com", "sub.example.com", "NS", "ns1.example.com");
    fake_host_serve(world.ns1, "sub.example.com");
    fake_host_serve(world.ns2, "sub.example.com");
    struct zone_finder_options options = usual();
    struct zone_finder *finder = zone_finder_new(world.loop, world.dns, &options);
    zone_finder_find(finder, CHALLENGE, NULL, found, &first); /* makes the parent known */
    assert_true(world_wait(&world, &first.n, 1));
    zone_finder_find(finder, "_acme-challenge.sub.example.com", NULL, found, &second);
    assert_true(world_wait(&world, &second.n, 1));
    zone_finder_free(finder);
    assert_found(&first, "example.com", CHALLENGE);
    assert_found(&second, "sub.example.com", "_acme-challenge.sub.example.com");
    assert_int_equal(second.info->n_servers, 1);
    assert_string_equal(second.info->primary,
                        "ns1.sub.example.com"); /* hidden: it has no address */
    assert_int_equal(second.info->n_primary_addresses, 0);
}

static void test_find_when_the_known_parent_refers_then_child_on_its_own_server(void **state)
{
    (void)state;
    AUTO(got_fini)
    struct got first = {0}, second = {0};
    fake_dns_zone(world.fake, "sub.example.com");
    world_add(&world, "sub.example.com", "sub.example.com", "NS", "ns.sub.example.com");
    world_add(&world, "sub.example.com", "ns.sub.example.com", "A", "127.0.0.4");
    world_add(&world, "example.com", "sub.example.com", "NS", "ns.sub.example.com");
    world_add(&world, "example.com", "ns.sub.example.com", "A", "127.0.0.4");
    fake_host_serve(world.other, "sub.example.com");
    struct zone_finder_options options = usual();
    struct zone_finder *finder = zone_finder_new(world.loop, world.dns, &options);
    zone_finder_find(finder, CHALLENGE, NULL, found, &first);
    assert_true(world_wait(&world, &first.n, 1));
    zone_finder_find(finder, "_acme-challenge.a.sub.example.com", NULL, found, &second);
    assert_true(world_wait(&world, &second.n, 1));
    zone_finder_free(finder);
    assert_found(&second, "sub.example.com", "_acme-challenge.a.sub.example.com");
    assert_int_equal(second.info->n_servers, 1);
    assert_true(has_address(second.info->servers[0].addresses, second.info->servers[0].n_addresses,
                            "127.0.0.4"));
    assert_int_equal(fake_host_asked(world.other, "_acme-challenge.a.sub.example.com", DNS_TXT), 1);
}

static void test_find_when_the_challenge_name_is_a_zone_of_its_own_then_that_zone(void **state)
{
    (void)state;
    AUTO(got_fini)
    struct got got = {0};
    fake_dns_zone(world.fake, CHALLENGE);
    world_add(&world, CHALLENGE, CHALLENGE, "NS", "ns.example.net");
    world_add(&world, "example.com", CHALLENGE, "NS", "ns.example.net");
    fake_host_serve(world.other, CHALLENGE);
    find(CHALLENGE, NULL, &got);
    assert_found(&got, CHALLENGE, CHALLENGE);
    assert_string_equal(got.info->servers[0].name, "ns.example.net");
    assert_int_equal(fake_host_asked(world.resolver, CHALLENGE, 0), 0);
}

static void test_find_when_an_old_value_hides_the_child_zone_then_still_the_child(void **state)
{
    (void)state;
    AUTO(got_fini)
    struct got got = {0};
    fake_dns_zone(world.fake, CHALLENGE);
    world_add(&world, CHALLENGE, CHALLENGE, "NS", "ns1.example.com");
    world_add(&world, CHALLENGE, CHALLENGE, "TXT", "left over");
    fake_host_serve(world.ns1, CHALLENGE);
    fake_host_serve(world.ns2, CHALLENGE);
    find(CHALLENGE, NULL, &got);
    assert_found(&got, CHALLENGE, CHALLENGE);
}

static void test_find_when_cname_on_the_exact_name_then_its_target(void **state)
{
    (void)state;
    AUTO(got_fini)
    struct got got = {0};
    world_add(&world, "example.com", CHALLENGE, "CNAME", "one.example.com");
    world_add(&world, "example.com", "one.example.com", "CNAME", "two.example.net");
    find(CHALLENGE, NULL, &got);
    assert_found(&got, "example.net", "two.example.net");
    assert_string_equal(got.info->challenge, CHALLENGE);
    assert_int_equal(got.info->n_hops, 2);
    assert_string_equal(got.info->servers[0].name, "ns.example.net");
}

static void test_find_when_a_wildcard_made_the_cname_up_then_not_followed(void **state)
{
    (void)state;
    AUTO(got_fini)
    struct got got = {0};
    world_add(&world, "example.com", "*.example.com", "CNAME", "parked.example.net");
    find("_acme-challenge.shop.example.com", NULL, &got);
    assert_found(&got, "example.com", "_acme-challenge.shop.example.com");
    assert_int_equal(got.info->n_hops, 0);
    assert_non_null(strstr(got.info->note, "parked.example.net is not followed: a wildcard"));
}

static void test_find_when_wildcard_and_exact_cname_differ_then_followed(void **state)
{
    (void)state;
    AUTO(got_fini)
    struct got got = {0};
    world_add(&world, "example.com", "*.example.com", "CNAME", "parked.example.net");
    world_add(&world, "example.com", "_acme-challenge.shop.example.com", "CNAME",
              "shop.example.net");
    find("_acme-challenge.shop.example.com", NULL, &got);
    assert_found(&got, "example.net", "shop.example.net");
}

static void test_find_when_wildcard_belongs_to_a_child_zone_then_the_child(void **state)
{
    (void)state;
    AUTO(got_fini)
    struct got first = {0}, got = {0};
    fake_dns_zone(world.fake, "sub.example.com");
    world_add(&world, "sub.example.com", "sub.example.com", "NS", "ns1.example.com");
    world_add(&world, "sub.example.com", "*.sub.example.com", "CNAME", "parked.example.net");
    fake_host_serve(world.ns1, "sub.example.com");
    fake_host_serve(world.ns2, "sub.example.com");
    struct zone_finder_options options = usual();
    struct zone_finder *finder = zone_finder_new(world.loop, world.dns, &options);
    zone_finder_find(finder, CHALLENGE, NULL, found, &first);
    assert_true(world_wait(&world, &first.n, 1));
    zone_finder_find(finder, "_acme-challenge.sub.example.com", NULL, found, &got);
    assert_true(world_wait(&world, &got.n, 1));
    zone_finder_free(finder);
    assert_found(&got, "sub.example.com", "_acme-challenge.sub.example.com");
}

static void test_find_when_configured_and_a_wildcard_covers_the_parent_too_then_the_zone_above(
    void **state)
{
    (void)state;
    AUTO(got_fini)
    struct got got = {0};
    struct zone_finder_options options = usual();
    struct net_address known = world_address(&world, "127.0.0.2");
    options.authoritative = &known;
    options.n_authoritative = 1;
    world_add(&world, "example.com", "*.example.com", "CNAME", "parked.example.net");
    find_with(&options, "_acme-challenge.a.b.example.com", NULL, &got);
    assert_found(&got, "example.com", "_acme-challenge.a.b.example.com");
}

static void test_find_when_a_dname_is_above_then_its_target(void **state)
{
    (void)state;
    AUTO(got_fini)
    struct got got = {0};
    world_add(&world, "example.com", "old.example.com", "DNAME", "new.example.net");
    find("_acme-challenge.www.old.example.com", NULL, &got);
    assert_found(&got, "example.net", "_acme-challenge.www.new.example.net");
}

static void test_find_when_following_is_off_then_the_name_itself(void **state)
{
    (void)state;
    AUTO(got_fini)
    struct got got = {0};
    struct zone_finder_options options = usual();
    options.follow_cname = false;
    world_add(&world, "example.com", CHALLENGE, "CNAME", "two.example.net");
    find_with(&options, CHALLENGE, NULL, &got);
    assert_found(&got, "example.com", CHALLENGE);
    assert_non_null(strstr(got.info->note, "follow_cname is off"));
}

static void chain_make(int n)
{
    char from[64], to[64];
    for (int i = 0; i < n; i++) {
        snprintf(from, sizeof from, "%s%d.example.com", i == 0 ? "_acme-challenge.c" : "c", i);
        snprintf(to, sizeof to, "c%d.example.com", i + 1);
        world_add(&world, "example.com", from, "CNAME", to);
    }
}

static void test_find_when_eight_cnames_then_followed_to_the_end(void **state)
{
    (void)state;
    AUTO(got_fini)
    struct got got = {0};
    chain_make(8);
    find("_acme-challenge.c0.example.com", NULL, &got);
    assert_found(&got, "example.com", "c8.example.com");
    assert_int_equal(got.info->n_hops, 8);
}

static void test_find_when_nine_cnames_then_refused(void **state)
{
    (void)state;
    AUTO(got_fini)
    struct got got = {0};
    chain_make(9);
    find("_acme-challenge.c0.example.com", NULL, &got);
    assert_failed(&got, ERR_REFUSED,
                  "the CNAME of c8.example.com leads to c9.example.com: more than 8");
}

static void test_find_when_cnames_run_in_a_circle_then_refused(void **state)
{
    (void)state;
    AUTO(got_fini)
    struct got got = {0};
    world_add(&world, "example.com", CHALLENGE, "CNAME", "a.example.com");
    world_add(&world, "example.com", "a.example.com", "CNAME", "b.example.com");
    world_add(&world, "example.com", "b.example.com", "CNAME", "a.example.com");
    find(CHALLENGE, NULL, &got);
    assert_failed(&got, ERR_REFUSED, "the CNAME of b.example.com leads to a.example.com: a loop");
}

static void test_find_when_the_base_is_a_cname_to_elsewhere_then_its_own_zone(void **state)
{
    (void)state;
    AUTO(got_fini)
    struct got got = {0};
    world_add(&world, "example.com", "blog.example.com", "CNAME", "hosted.example.net");
    find("_acme-challenge.blog.example.com", NULL, &got);
    assert_found(&got, "example.com", "_acme-challenge.blog.example.com");
}

static void test_find_when_the_base_leads_to_a_dead_cname_then_its_own_zone(void **state)
{
    (void)state;
    AUTO(got_fini)
    struct got got = {0};
    fake_host_say(world.resolver, "www.example.com", 0, FAKE_SERVFAIL, 0);
    find(CHALLENGE, NULL, &got);
    assert_found(&got, "example.com", CHALLENGE);
}

static void test_find_when_name_servers_are_silent_then_the_resolvers_word_may_be_enough(
    void **state)
{
    (void)state;
    AUTO(got_fini)
    struct got got = {0};
    struct zone_finder_options options = usual();
    fake_host_say(world.ns1, NULL, 0, FAKE_SILENT, 0);
    fake_host_say(world.ns2, NULL, 0, FAKE_SILENT, 0);
    options.trusts_resolvers = true;
    struct zone_finder *finder = zone_finder_new(world.loop, world.dns, &options);
    zone_finder_find(finder, CHALLENGE, NULL, found, &got);
    zone_finder_find(finder, "_acme-challenge.mail.example.com", NULL, found, &got);
    assert_true(world_wait(&world, &got.n, 2));
    assert_int_equal(got.n_good, 2);
    /* Once is enough to know: nobody is waited for again. */
    size_t n_asked = fake_host_asked(world.ns1, NULL, 0);
    zone_finder_find(finder, "_acme-challenge.shop.example.com", NULL, found, &got);
    assert_true(world_wait(&world, &got.n, 3));
    assert_found(&got, "example.com", "_acme-challenge.shop.example.com");
    assert_non_null(strstr(got.info->note, "taken as the resolvers tell it"));
    assert_int_equal(fake_host_asked(world.ns1, NULL, 0), n_asked);
    assert_int_equal(fake_host_asked(world.resolver, CHALLENGE, 0), 0);
    zone_finder_free(finder);
}

static void test_find_when_name_servers_refuse_then_the_resolvers_word_is_not_enough(void **state)
{
    (void)state;
    AUTO(got_fini)
    struct got got = {0};
    struct zone_finder_options options = usual();
    options.trusts_resolvers = true;
    fake_host_say(world.ns1, NULL, 0, FAKE_REFUSED, 0);
    fake_host_say(world.ns2, NULL, 0, FAKE_REFUSED, 0);
    find_with(&options, CHALLENGE, NULL, &got);
    assert_failed(&got, ERR_AGAIN, "answers REFUSED");
}

static void test_find_when_alias_is_given_then_the_challenge_name_is_not_looked_at(void **state)
{
    (void)state;
    AUTO(got_fini)
    struct got got = {0};
    find(CHALLENGE, "Token.Example.NET.", &got);
    assert_found(&got, "example.net", "token.example.net");
    assert_string_equal(got.info->challenge, CHALLENGE);
    assert_int_equal(fake_host_asked(world.ns1, NULL, 0) + fake_host_asked(world.ns2, NULL, 0), 0);
}

static void test_find_when_alias_is_a_registered_domain_then_no_question_above_it(void **state)
{
    (void)state;
    AUTO(got_fini)
    struct got got = {0};
    find(CHALLENGE, "example.net", &got);
    assert_found(&got, "example.net", "example.net");
    assert_int_equal(fake_host_asked(world.resolver, "net", 0), 0);
}

static void test_find_when_some_servers_misbehave_then_the_next_one_tells(void **state)
{
    (void)state;
    static const enum fake_act acts[] = {FAKE_SERVFAIL, FAKE_REFUSED, FAKE_SILENT, FAKE_LAME,
                                         FAKE_NOTAUTH,  FAKE_GARBAGE, FAKE_CUT};
    for (size_t i = 0; i < sizeof acts / sizeof acts[0]; i++) {
        AUTO(got_fini)
        struct got got = {0};
        fake_host_say(world.ns1, NULL, 0, acts[i], 0);
        find(CHALLENGE, NULL, &got);
        assert_found(&got, "example.com", CHALLENGE);
    }
}

static void test_find_when_no_server_tells_then_again_and_who_said_what(void **state)
{
    (void)state;
    AUTO(got_fini)
    struct got got = {0};
    fake_host_say(world.ns1, NULL, 0, FAKE_REFUSED, 0);
    fake_host_say(world.ns2, NULL, 0, FAKE_SILENT, 0);
    find(CHALLENGE, NULL, &got);
    assert_failed(&got, ERR_AGAIN, "no name server of example.com tells about " CHALLENGE ": ");
    assert_non_null(strstr(got.err.text, "ns1.example.com (127.0.0.2:"));
    assert_non_null(strstr(got.err.text, ") answers REFUSED"));
    assert_non_null(strstr(got.err.text, "ns2.example.com (127.0.0.3:"));
    assert_non_null(strstr(got.err.text, "no answer within"));
}

static void test_find_when_one_resolver_fails_then_the_other_is_asked(void **state)
{
    (void)state;
    AUTO(got_fini)
    struct got got = {0};
    struct fake_host *broken = fake_dns_host(world.fake, "127.0.0.9", FAKE_RECURSIVE);
    fake_host_say(broken, NULL, 0, FAKE_REFUSED, 0);
    struct zone_finder_options options = usual();
    resolvers[1] = resolvers[0];
    resolvers[0] = world_address(&world, "127.0.0.9");
    options.n_resolvers = 2;
    find_with(&options, CHALLENGE, NULL, &got);
    assert_found(&got, "example.com", CHALLENGE);
}

static void test_find_when_resolvers_are_silent_then_all_fail_after_one_patience(void **state)
{
    (void)state;
    AUTO(got_fini)
    struct got got = {0};
    struct zone_finder_options options = usual();
    struct zone_finder *finder = zone_finder_new(world.loop, world.dns, &options);
    fake_host_say(world.resolver, NULL, 0, FAKE_SILENT, 0);
    int64_t before_ms = clock_boot_ms(&clock_system);
    for (int i = 0; i < 100; i++) {
        char name[64];
        snprintf(name, sizeof name, "_acme-challenge.host%d.example.com", i);
        zone_finder_find(finder, name, NULL, found, &got);
    }
    assert_true(world_wait(&world, &got.n, 100));
    assert_true(clock_boot_ms(&clock_system) - before_ms < 3 * options.timeout_ms);
    assert_failed(&got, ERR_AGAIN, "no resolver tells the SOA");
    assert_int_equal(got.n_good, 0);
    zone_finder_free(finder);
}

static void test_find_when_all_servers_are_silent_then_all_fail_soon(void **state)
{
    (void)state;
    AUTO(got_fini)
    struct got got = {0};
    struct zone_finder_options options = usual();
    struct zone_finder *finder = zone_finder_new(world.loop, world.dns, &options);
    fake_host_say(world.ns1, NULL, 0, FAKE_SILENT, 0);
    fake_host_say(world.ns2, NULL, 0, FAKE_SILENT, 0);
    int64_t before_ms = clock_boot_ms(&clock_system);
    for (int i = 0; i < 500; i++) {
        char name[64];
        snprintf(name, sizeof name, "_acme-challenge.host%d.example.com", i);
        zone_finder_find(finder, name, NULL, found, &got);
    }
    assert_true(world_wait(&world, &got.n, 500));
    assert_true(clock_boot_ms(&clock_system) - before_ms < 6 * options.timeout_ms);
    assert_int_equal(got.n_good, 0);
    zone_finder_free(finder);
}

static void test_find_when_no_zone_exists_then_absent(void **state)
{
    (void)state;
    AUTO(got_fini)
    struct got got = {0};
    find("_acme-challenge.www.example.invalid", NULL, &got);
    assert_failed(&got, ERR_ABSENT, "no zone holds www.example.invalid");
}

static void test_find_when_what_is_asked_is_no_name_then_refused(void **state)
{
    (void)state;
    static const char *const names[] = {"", ".", "a..b", "with blank.example.com",
                                        "_acme-challenge"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        AUTO(got_fini)
        struct got got = {0};
        find(names[i], NULL, &got);
        assert_failed(&got, ERR_REFUSED, "is no name a zone can hold");
    }
}

static void test_find_when_servers_have_no_address_then_again(void **state)
{
    (void)state;
    AUTO(got_fini)
    struct got got = {0};
    fake_dns_zone(world.fake, "example.org");
    world_add(&world, "example.org", "example.org", "NS", "gone.example.org");
    find("_acme-challenge.example.org", NULL, &got);
    assert_failed(&got, ERR_AGAIN,
                  "no address is known of the name servers of example.org (gone.example.org");
}

static void test_find_when_zone_has_no_servers_then_broken(void **state)
{
    (void)state;
    AUTO(got_fini)
    struct got got = {0};
    fake_dns_zone(world.fake, "example.org");
    find("_acme-challenge.example.org", NULL, &got);
    assert_failed(&got, ERR_BROKEN, "zone example.org has no NS records");
}

static void test_find_when_a_server_has_both_families_then_both(void **state)
{
    (void)state;
    AUTO(got_fini)
    struct got got = {0};
    world_add(&world, "example.com", "ns1.example.com", "AAAA", "::1");
    find(CHALLENGE, NULL, &got);
    assert_found(&got, "example.com", CHALLENGE);
    const struct zone_server *s =
        &got.info->servers[strcmp(got.info->servers[0].name, "ns1.example.com") == 0 ? 0 : 1];
    assert_int_equal(s->n_addresses, 2);
    assert_true(has_address(s->addresses, s->n_addresses, "::1"));
    assert_int_equal(got.info->n_primary_addresses, 2);
}

static void test_find_when_servers_are_configured_then_only_they_are_asked(void **state)
{
    (void)state;
    AUTO(got_fini)
    struct got got = {0};
    struct zone_finder_options options = usual();
    struct net_address hidden = world_address(&world, "127.0.0.8");
    struct fake_host *inside = fake_dns_host(world.fake, "127.0.0.8", FAKE_AUTHORITATIVE);
    fake_host_serve(inside, "example.com");
    options.authoritative = &hidden;
    options.n_authoritative = 1;
    find_with(&options, CHALLENGE, NULL, &got);
    assert_found(&got, "example.com", CHALLENGE);
    assert_int_equal(got.info->n_servers, 1);
    assert_true(has_address(got.info->servers[0].addresses, 1, "127.0.0.8"));
    assert_string_equal(got.info->primary, "ns1.example.com");
    assert_int_equal(fake_host_asked(world.resolver, NULL, DNS_NS) +
                         fake_host_asked(world.resolver, NULL, DNS_SOA),
                     0);
    assert_int_equal(fake_host_asked(world.ns1, NULL, 0) + fake_host_asked(world.ns2, NULL, 0), 0);
}

static void test_find_when_configured_servers_do_not_know_the_zone_then_told(void **state)
{
    (void)state;
    AUTO(got_fini)
    struct got got = {0};
    struct zone_finder_options options = usual();
    struct net_address wrong = world_address(&world, "127.0.0.4");
    options.authoritative = &wrong;
    options.n_authoritative = 1;
    find_with(&options, CHALLENGE, NULL, &got);
    assert_failed(&got, ERR_AGAIN, "no name server configured tells about " CHALLENGE);
}

static void test_forget_when_called_then_learnt_anew(void **state)
{
    (void)state;
    AUTO(got_fini)
    struct got got = {0};
    struct zone_finder_options options = usual();
    struct zone_finder *finder = zone_finder_new(world.loop, world.dns, &options);
    for (size_t i = 1; i <= 2; i++) {
        zone_finder_find(finder, CHALLENGE, NULL, found, &got);
        assert_true(world_wait(&world, &got.n, i));
    }
    assert_int_equal(zone_finder_figures(finder).n_loads, 1);
    zone_finder_forget(finder, "example.com");
    zone_finder_find(finder, CHALLENGE, NULL, found, &got);
    assert_true(world_wait(&world, &got.n, 3));
    assert_int_equal(zone_finder_figures(finder).n_loads, 2);
    zone_finder_free(finder);
}

static void test_cancel_when_others_wait_for_the_same_then_they_go_on(void **state)
{
    (void)state;
    AUTO(got_fini)
    struct got dropped = {0}, got = {0};
    struct zone_finder_options options = usual();
    struct zone_finder *finder = zone_finder_new(world.loop, world.dns, &options);
    struct zone_find *first =
        zone_finder_find(finder, "_acme-challenge.a.example.com", NULL, found, &dropped);
    zone_finder_find(finder, "_acme-challenge.b.example.com", NULL, found, &got);
    struct zone_find *third =
        zone_finder_find(finder, "_acme-challenge.c.example.com", NULL, found, &dropped);
    zone_finder_cancel(first);
    assert_true(world_wait(&world, &got.n, 1));
    zone_finder_cancel(dropped.n == 0 ? third : NULL);
    assert_found(&got, "example.com", "_acme-challenge.b.example.com");
    zone_finder_free(finder);
    assert_true(dropped.n <= 1);
}

static void test_free_when_finds_are_under_way_then_none_is_told(void **state)
{
    (void)state;
    AUTO(got_fini)
    struct got got = {0};
    for (int turns = 0; turns < 12; turns++) { /* at every stage of the way */
        struct zone_finder_options options = usual();
        struct zone_finder *finder = zone_finder_new(world.loop, world.dns, &options);
        size_t before = got.n;
        for (int i = 0; i < 200; i++) {
            char name[64];
            snprintf(name, sizeof name, "_acme-challenge.host%d.example%s", i,
                     i % 3 == 0 ? ".net" : ".com");
            zone_finder_find(finder, name, NULL, found, &got);
        }
        for (int i = 0; i < turns; i++)
            loop_wait(world.loop, clock_wall_ms(&clock_system) + 1);
        before = got.n;
        zone_finder_free(finder);
        loop_wait(world.loop, clock_wall_ms(&clock_system) + 2);
        assert_int_equal(got.n, before);
    }
}

int main(void)
{
#define T(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
    const struct CMUnitTest tests[] = {
        T(test_find_when_nothing_is_special_then_zone_servers_and_primary),
        T(test_find_when_resolver_used_then_never_asked_about_the_challenge_name),
        T(test_find_when_a_thousand_names_of_one_zone_then_a_handful_of_questions_and_one_each),
        T(test_find_when_three_hundred_zones_at_once_then_each_its_own),
        T(test_find_when_child_zone_is_on_the_same_server_then_child),
        T(test_find_when_the_known_parent_refers_then_child_on_its_own_server),
        T(test_find_when_the_challenge_name_is_a_zone_of_its_own_then_that_zone),
        T(test_find_when_an_old_value_hides_the_child_zone_then_still_the_child),
        T(test_find_when_cname_on_the_exact_name_then_its_target),
        T(test_find_when_a_wildcard_made_the_cname_up_then_not_followed),
        T(test_find_when_wildcard_and_exact_cname_differ_then_followed),
        T(test_find_when_wildcard_belongs_to_a_child_zone_then_the_child),
        T(test_find_when_configured_and_a_wildcard_covers_the_parent_too_then_the_zone_above),
        T(test_find_when_a_dname_is_above_then_its_target),
        T(test_find_when_following_is_off_then_the_name_itself),
        T(test_find_when_eight_cnames_then_followed_to_the_end),
        T(test_find_when_nine_cnames_then_refused),
        T(test_find_when_cnames_run_in_a_circle_then_refused),
        T(test_find_when_the_base_is_a_cname_to_elsewhere_then_its_own_zone),
        T(test_find_when_the_base_leads_to_a_dead_cname_then_its_own_zone),
        T(test_find_when_name_servers_are_silent_then_the_resolvers_word_may_be_enough),
        T(test_find_when_name_servers_refuse_then_the_resolvers_word_is_not_enough),
        T(test_find_when_alias_is_given_then_the_challenge_name_is_not_looked_at),
        T(test_find_when_alias_is_a_registered_domain_then_no_question_above_it),
        T(test_find_when_some_servers_misbehave_then_the_next_one_tells),
        T(test_find_when_no_server_tells_then_again_and_who_said_what),
        T(test_find_when_one_resolver_fails_then_the_other_is_asked),
        T(test_find_when_resolvers_are_silent_then_all_fail_after_one_patience),
        T(test_find_when_all_servers_are_silent_then_all_fail_soon),
        T(test_find_when_no_zone_exists_then_absent),
        T(test_find_when_what_is_asked_is_no_name_then_refused),
        T(test_find_when_servers_have_no_address_then_again),
        T(test_find_when_zone_has_no_servers_then_broken),
        T(test_find_when_a_server_has_both_families_then_both),
        T(test_find_when_servers_are_configured_then_only_they_are_asked),
        T(test_find_when_configured_servers_do_not_know_the_zone_then_told),
        T(test_forget_when_called_then_learnt_anew),
        T(test_cancel_when_others_wait_for_the_same_then_they_go_on),
        T(test_free_when_finds_are_under_way_then_none_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
