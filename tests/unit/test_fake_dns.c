/* SEES: base io fakedns */
/* The fake is what other tests believe, so it is held against what DNS says. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "dns_world.h"

static struct dns_world world;

static int setup(void **state)
{
    (void)state;
    world_init(&world);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    world_fini(&world);
    return 0;
}

struct got {
    size_t n, n_answers;
    int rcode;
    bool authoritative;
    char last[256];  /* data of the last record of the answer */
    char about[256]; /* owner of the first record of the authority section */
    struct err err;
};

static void replied(void *arg, const struct dns_reply *reply, const struct err *err)
{
    struct got *got = arg;
    got->n++;
    if (reply == NULL) {
        got->err = *err;
        return;
    }
    got->rcode = reply->rcode;
    got->authoritative = reply->authoritative;
    for (size_t i = 0; i < reply->n_records; i++) {
        const struct dns_record *r = &reply->records[i];
        if (r->section == DNS_ANSWER) {
            got->n_answers++;
            memcpy(got->last, r->data, r->data_len < 255 ? r->data_len + 1 : 255);
        } else if (r->section == DNS_AUTHORITY && got->about[0] == '\0') {
            memcpy(got->about, r->owner, strlen(r->owner) + 1);
        }
    }
}

static void ask(const char *server, bool recurse, const char *name, enum dns_type type,
                struct got *got)
{
    const struct dns_question question = {.name = name,
                                          .type = type,
                                          .recurse = recurse,
                                          .server = world_address(&world, server),
                                          .timeout_ms = 500};
    *got = (struct got){0};
    dns_ask(world.dns, &question, replied, got);
    assert_true(world_wait(&world, &got->n, 1));
}

static void updated(void *arg, const struct err *err)
{
    struct got *got = arg;
    got->n++;
    if (err != NULL)
        got->err = *err;
}

static enum err_kind update(const char *zone, const struct dns_change *changes, size_t n,
                            const char *key)
{
    struct got got = {0};
    struct secret secret;
    secret_init(&secret, "0123456789abcdef", 16);
    const struct dns_update update = {.zone = zone,
                                      .server = world_address(&world, "127.0.0.2"),
                                      .changes = changes,
                                      .n_changes = n,
                                      .tsig_name = key,
                                      .tsig_algorithm = key != NULL ? "hmac-sha256" : NULL,
                                      .tsig_secret = key != NULL ? &secret : NULL};
    dns_update(world.dns, &update, updated, &got);
    assert_true(world_wait(&world, &got.n, 1));
    secret_fini(&secret);
    return got.err.kind;
}

static void test_ask_when_name_is_missing_then_nxdomain_with_soa(void **state)
{
    (void)state;
    struct got got;
    ask("127.0.0.2", false, "no.example.com", DNS_TXT, &got);
    assert_int_equal(got.rcode, DNS_NXDOMAIN);
    assert_true(got.authoritative);
    assert_string_equal(got.about, "example.com");
    ask("127.0.0.2", false, "www.example.com", DNS_TXT, &got);
    assert_int_equal(got.rcode, DNS_NOERROR);
    assert_int_equal(got.n_answers, 0);
    assert_string_equal(got.about, "example.com");
    ask("127.0.0.2", false, "example.net", DNS_TXT, &got);
    assert_int_equal(got.rcode, DNS_REFUSED);
}

static void test_ask_when_wildcard_then_only_where_nothing_exists(void **state)
{
    (void)state;
    struct got got;
    world_add(&world, "example.com", "*.example.com", "TXT", "wild");
    ask("127.0.0.2", false, "a.b.example.com", DNS_TXT, &got);
    assert_string_equal(got.last, "wild");
    ask("127.0.0.2", false, "www.example.com", DNS_TXT, &got);
    assert_int_equal(got.n_answers, 0);
    ask("127.0.0.2", false, "below.www.example.com", DNS_TXT,
        &got); /* www is the closest encloser */
    assert_int_equal(got.rcode, DNS_NXDOMAIN);
}

static void test_ask_when_name_is_below_a_cut_then_referral(void **state)
{
    (void)state;
    struct got got;
    world_add(&world, "example.com", "sub.example.com", "NS", "ns.elsewhere.test");
    ask("127.0.0.2", false, "www.sub.example.com", DNS_TXT, &got);
    assert_int_equal(got.rcode, DNS_NOERROR);
    assert_false(got.authoritative);
    assert_int_equal(got.n_answers, 0);
    assert_string_equal(got.about, "sub.example.com");
}

static void test_resolver_when_cname_leads_to_another_zone_then_followed(void **state)
{
    (void)state;
    struct got got;
    world_add(&world, "example.com", "a.example.com", "CNAME", "b.example.net");
    world_add(&world, "example.net", "b.example.net", "TXT", "there");
    ask("127.0.0.1", true, "a.example.com", DNS_TXT, &got);
    assert_int_equal(got.n_answers, 2);
    assert_string_equal(got.last, "there");
    assert_false(got.authoritative);
    ask("127.0.0.2", false, "a.example.com", DNS_TXT, &got); /* does not serve the other zone */
    assert_int_equal(got.n_answers, 1);
    assert_string_equal(got.last, "b.example.net");
}

static void test_update_when_values_come_and_go_then_only_the_named_ones(void **state)
{
    (void)state;
    fake_host_take_updates(world.ns1, true);
    const struct dns_change add[] = {{true, "_a.example.com", 60, "one"},
                                     {true, "_a.example.com", 60, "two"}};
    assert_int_equal(update("example.com", add, 2, NULL), ERR_NONE);
    assert_int_equal(fake_dns_n_txt(world.fake, "_a.example.com"), 2);
    assert_int_equal(update("example.com", add, 2, NULL), ERR_NONE); /* again: no change */
    assert_int_equal(fake_dns_n_txt(world.fake, "_a.example.com"), 2);
    const struct dns_change drop[] = {{false, "_a.example.com", 0, "one"},
                                      {false, "_a.example.com", 0, "three"}};
    assert_int_equal(update("example.com", drop, 2, NULL), ERR_NONE);
    assert_int_equal(fake_dns_n_txt(world.fake, "_a.example.com"), 1);
    struct got got;
    ask("127.0.0.3", false, "_a.example.com", DNS_TXT, &got);
    assert_string_equal(got.last, "two");
    assert_int_equal(fake_host_n_updates(world.ns1), 3);
}

static void test_update_when_a_cname_owns_the_name_then_ignored_without_a_word(void **state)
{
    (void)state;
    fake_host_take_updates(world.ns1, true);
    world_add(&world, "example.com", "c.example.com", "CNAME", "else.example.com");
    const struct dns_change add = {true, "c.example.com", 60, "one"};
    assert_int_equal(update("example.com", &add, 1, NULL), ERR_NONE);
    assert_int_equal(fake_dns_n_txt(world.fake, "c.example.com"), 0);
}

static void test_update_when_not_allowed_signed_or_outside_then_nothing_changes(void **state)
{
    (void)state;
    const struct dns_change add[] = {{true, "_a.example.com", 60, "one"},
                                     {true, "_a.example.net", 60, "one"}};
    assert_int_equal(update("example.com", add, 1, NULL), ERR_DENIED); /* REFUSED */
    fake_host_take_updates(world.ns1, true);
    assert_int_equal(update("example.com", add, 1, "key"), ERR_DENIED); /* NOTAUTH: it has no key */
    assert_int_equal(update("example.com", add, 2, NULL),
                     ERR_REFUSED); /* NOTZONE, and the first is undone */
    assert_int_equal(fake_dns_n_txt(world.fake, "_a.example.com"), 0);
}

static void test_lag_when_a_value_goes_then_it_stays_in_sight_as_long(void **state)
{
    (void)state;
    struct got got;
    world_add(&world, "example.com", "_a.example.com", "TXT", "one");
    fake_host_set_lag(world.ns2, 300);
    ask("127.0.0.3", false, "_a.example.com", DNS_TXT, &got);
    assert_int_equal(got.rcode, DNS_NXDOMAIN);
    loop_wait(world.loop, clock_wall_ms(&clock_system) + 350);
    ask("127.0.0.3", false, "_a.example.com", DNS_TXT, &got);
    assert_string_equal(got.last, "one");
    fake_dns_remove(world.fake, "example.com", "_a.example.com", "TXT", "one");
    ask("127.0.0.2", false, "_a.example.com", DNS_TXT, &got);
    assert_int_equal(got.rcode, DNS_NXDOMAIN);
    ask("127.0.0.3", false, "_a.example.com", DNS_TXT, &got);
    assert_string_equal(got.last, "one");
    loop_wait(world.loop, clock_wall_ms(&clock_system) + 350);
    ask("127.0.0.3", false, "_a.example.com", DNS_TXT, &got);
    assert_int_equal(got.rcode, DNS_NXDOMAIN);
}

static void test_say_when_counted_then_only_so_often(void **state)
{
    (void)state;
    struct got got;
    fake_host_say(world.ns1, "www.example.com", 0, FAKE_SERVFAIL, 2);
    ask("127.0.0.2", false, "www.example.com", DNS_A, &got);
    assert_int_equal(got.rcode, DNS_SERVFAIL);
    ask("127.0.0.2", false, "example.com", DNS_SOA, &got);
    assert_int_equal(got.rcode, DNS_NOERROR);
    ask("127.0.0.2", false, "www.example.com", DNS_A, &got);
    assert_int_equal(got.rcode, DNS_SERVFAIL);
    ask("127.0.0.2", false, "www.example.com", DNS_A, &got);
    assert_string_equal(got.last, "192.0.2.1");
    assert_int_equal(fake_host_asked(world.ns1, "www.example.com", DNS_A), 3);
}

int main(void)
{
#define T(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
    const struct CMUnitTest tests[] = {
        T(test_ask_when_name_is_missing_then_nxdomain_with_soa),
        T(test_ask_when_wildcard_then_only_where_nothing_exists),
        T(test_ask_when_name_is_below_a_cut_then_referral),
        T(test_resolver_when_cname_leads_to_another_zone_then_followed),
        T(test_update_when_values_come_and_go_then_only_the_named_ones),
        T(test_update_when_a_cname_owns_the_name_then_ignored_without_a_word),
        T(test_update_when_not_allowed_signed_or_outside_then_nothing_changes),
        T(test_lag_when_a_value_goes_then_it_stays_in_sight_as_long),
        T(test_say_when_counted_then_only_so_often),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
