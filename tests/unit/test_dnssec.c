/* SEES: base io fakedns */
#include "io/dnssec.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "dns_world.h"

/* Chains that hold and chains that do not are judged with a real signer: tests/e2e/test_preflight.py. */
#define KEY                                                                                        \
    "IN DNSKEY 257 3 13 mdsswUyr3DPW132mOi8V9xESWE8jTo0dxCjjnopKl+GqJxpVXckHAeF+KkxLbxILfDLUT0rA"  \
    "K9iUzy1L53eKGQ==\n"

static struct dns_world world;
static char anchor[64];

static void anchor_write(const char *text)
{
    snprintf(anchor, sizeof anchor, "/tmp/chancery-anchor-XXXXXX");
    int fd = mkstemp(anchor);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
    close(fd);
}

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
    if (anchor[0] != '\0')
        unlink(anchor);
    anchor[0] = '\0';
    return 0;
}

struct got {
    size_t n;
    enum dnssec_verdict verdict;
    char why[512];
};

static void judged(void *arg, enum dnssec_verdict verdict, const char *why)
{
    struct got *got = arg;
    got->n++;
    got->verdict = verdict;
    snprintf(got->why, sizeof got->why, "%s", why);
}

/* The world's ns1 serves example.com, unsigned. */
static struct dnssec *resolver_new(const struct net_address *server, int64_t timeout_ms)
{
    struct dnssec_stub stub = {"example.com", *server};
    struct dnssec_options options = {
        .trust_anchor = anchor, .stubs = &stub, .n_stubs = 1, .timeout_ms = timeout_ms};
    struct dnssec *dnssec = NULL;
    struct err err = {0};
    if (!dnssec_new(world.loop, &options, &dnssec, &err))
        fail_msg("%s", err.text);
    return dnssec;
}

static struct got ask(struct dnssec *dnssec, const char *name)
{
    struct got got = {0};
    dnssec_ask(dnssec, name, judged, &got);
    assert_int_equal(got.n, 0);
    assert_true(world_wait(&world, &got.n, 1));
    return got;
}

static void test_zone_when_no_anchor_stands_above_then_insecure(void **state)
{
    (void)state;
    anchor_write("; another island\nother.test. " KEY);
    struct net_address ns1 = world_address(&world, "127.0.0.2");
    struct dnssec *dnssec = resolver_new(&ns1, 0);
    struct got got = ask(dnssec, "example.com");
    assert_int_equal(got.verdict, DNSSEC_INSECURE);
    assert_string_equal(got.why, "");
    got = ask(dnssec, "absent.example.com");
    assert_int_equal(got.verdict, DNSSEC_INSECURE);
    dnssec_free(dnssec);
}

static void test_zone_when_its_own_anchor_does_not_validate_then_unknown_not_bogus(void **state)
{
    (void)state;
    anchor_write("Example.COM. 3600 " KEY);
    struct net_address ns1 = world_address(&world, "127.0.0.2");
    struct dnssec *dnssec = resolver_new(&ns1, 0);
    struct got got = ask(dnssec, "example.com");
    assert_int_equal(got.verdict, DNSSEC_UNKNOWN);
    assert_non_null(strstr(got.why, "example.com of the trust anchor itself does not validate"));
    dnssec_free(dnssec);
}

static void test_servers_when_silent_then_unknown_in_time(void **state)
{
    (void)state;
    anchor_write("other.test. " KEY);
    fake_host_say(world.ns1, NULL, 0, FAKE_SILENT, 0);
    struct net_address ns1 = world_address(&world, "127.0.0.2");
    struct dnssec *dnssec = resolver_new(&ns1, 300);
    struct got got = ask(dnssec, "example.com");
    assert_int_equal(got.verdict, DNSSEC_UNKNOWN);
    assert_non_null(strstr(got.why, "no answer within"));
    dnssec_free(dnssec);
}

static void test_calls_when_cancelled_or_left_then_nobody_is_told(void **state)
{
    (void)state;
    anchor_write("other.test. " KEY);
    fake_host_say(world.ns1, NULL, 0, FAKE_SILENT, 0);
    struct net_address ns1 = world_address(&world, "127.0.0.2");
    struct dnssec *dnssec = resolver_new(&ns1, 0);
    struct got got = {0};
    struct dnssec_call *call = dnssec_ask(dnssec, "example.com", judged, &got);
    dnssec_ask(dnssec, "www.example.com", judged, &got);
    loop_wait(world.loop, clock_wall_ms(&clock_system) + 50);
    dnssec_cancel(call);
    dnssec_cancel(NULL);
    dnssec_free(dnssec);
    loop_wait(world.loop, clock_wall_ms(&clock_system) + 50);
    assert_int_equal(got.n, 0);
}

static void test_loop_when_freed_first_then_the_resolver_is_gone_too(void **state)
{
    (void)state;
    anchor_write("other.test. " KEY);
    struct net_address ns1 = world_address(&world, "127.0.0.2");
    struct dnssec *dnssec = resolver_new(&ns1, 0);
    struct got got = {0};
    dnssec_ask(dnssec, "example.com", judged, &got);
    dns_free(world.dns);
    loop_free(world.loop);
    dnssec_free(dnssec);
    assert_int_equal(got.n, 0);
    world.loop = loop_new();
    world.dns = dns_new(world.loop);
}

static void refused(const char *text, const char *part)
{
    struct dnssec *dnssec = NULL;
    struct err err = {0};
    if (text != NULL)
        anchor_write(text);
    struct dnssec_options options = {.trust_anchor = text != NULL ? anchor : "/nonexistent/key"};
    assert_false(dnssec_new(world.loop, &options, &dnssec, &err));
    assert_int_equal(err.kind, ERR_CONFIG);
    if (strstr(err.text, part) == NULL)
        fail_msg("\"%s\" does not hold \"%s\"", err.text, part);
    if (text != NULL)
        unlink(anchor);
    anchor[0] = '\0';
}

static void test_anchor_when_unusable_then_refused(void **state)
{
    (void)state;
    refused(NULL, "/nonexistent/key");
    refused("", "holds no DS or DNSKEY record");
    refused("; DNSKEY\nnothing here\n", "holds no DS or DNSKEY record");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_zone_when_no_anchor_stands_above_then_insecure),
        TEST(test_zone_when_its_own_anchor_does_not_validate_then_unknown_not_bogus),
        TEST(test_servers_when_silent_then_unknown_in_time),
        TEST(test_calls_when_cancelled_or_left_then_nobody_is_told),
        TEST(test_loop_when_freed_first_then_the_resolver_is_gone_too),
        TEST(test_anchor_when_unusable_then_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
