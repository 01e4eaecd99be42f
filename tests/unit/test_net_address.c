/* SEES: base io */
#include "io/loop.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka wants the four above first */
#include <cmocka.h>

static void expect_text(const char *text, const char *formatted)
{
    struct net_address a;
    char out[NET_ADDRESS_TEXT_MAX];
    assert_true(net_address_parse(str_of(text), 53, &a));
    net_address_format(&a, true, out);
    assert_string_equal(out, formatted);
}

static void test_address_when_parsed_then_formats_back(void **state)
{
    (void)state;
    expect_text("192.0.2.1", "192.0.2.1:53");
    expect_text("192.0.2.1:5353", "192.0.2.1:5353");
    expect_text("2001:db8::1", "[2001:db8::1]:53");
    expect_text("[2001:DB8::1]:5353", "[2001:db8::1]:5353");
    expect_text("[::1]", "[::1]:53");
    expect_text("::ffff:192.0.2.1", "[::ffff:192.0.2.1]:53");
    struct net_address a;
    char out[NET_ADDRESS_TEXT_MAX];
    assert_true(net_address_parse(STR("[2001:db8::1]:65535"), 0, &a));
    net_address_format(&a, false, out);
    assert_string_equal(out, "2001:db8::1");
}

static void test_address_when_malformed_then_refused(void **state)
{
    (void)state;
    static const char *const bad[] = {"",
                                      "192.0.2",
                                      "192.0.2.1:",
                                      "192.0.2.1:0",
                                      "192.0.2.1:65536",
                                      "192.0.2.1:-1",
                                      "192.0.2.1:+1",
                                      "[192.0.2.1]:53",
                                      "[::1",
                                      "[::1]53",
                                      "[::1]:",
                                      "::1]:53",
                                      "localhost",
                                      "192.0.2.256",
                                      "1.2.3.4:5 ",
                                      " 1.2.3.4",
                                      "fe80::1%eth0",
                                      "[]:53",
                                      ":53",
                                      ":"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct net_address a = {.port = 7};
        if (net_address_parse(str_of(bad[i]), 53, &a))
            fail_msg("accepted: \"%s\"", bad[i]);
        assert_int_equal(a.port, 7);
    }
    struct net_address a;
    assert_false(net_address_parse(str_mem("192.0.2.1\0x", 11), 53, &a));
}

static void test_address_when_compared_then_family_bytes_and_port_count(void **state)
{
    (void)state;
    struct net_address a, b, c, d;
    assert_true(net_address_parse(STR("192.0.2.1:53"), 0, &a));
    assert_true(net_address_parse(STR("192.0.2.1"), 53, &b));
    assert_true(net_address_parse(STR("192.0.2.1:54"), 0, &c));
    assert_true(net_address_parse(STR("::ffff:192.0.2.1"), 53, &d));
    assert_true(net_address_eq(&a, &b));
    assert_false(net_address_eq(&a, &c));
    assert_false(net_address_eq(&a, &d));
}

static void expect_private(const char *text, bool expected)
{
    struct net_address a;
    assert_true(net_address_parse(str_of(text), 443, &a));
    if (net_address_is_private(&a) != expected)
        fail_msg("%s is %s", text, expected ? "not public" : "public");
}

static void test_address_when_not_public_unicast_then_private(void **state)
{
    (void)state;
    static const char *const private_ones[] = {"0.0.0.0",
                                               "10.255.0.1",
                                               "100.64.0.1",
                                               "100.127.255.255",
                                               "127.0.0.1",
                                               "127.8.8.8",
                                               "169.254.169.254",
                                               "172.16.0.1",
                                               "172.31.255.255",
                                               "192.0.0.8",
                                               "192.0.2.1",
                                               "192.88.99.1",
                                               "192.168.1.1",
                                               "198.18.0.1",
                                               "198.19.255.255",
                                               "198.51.100.7",
                                               "203.0.113.9",
                                               "224.0.0.1",
                                               "239.1.1.1",
                                               "240.0.0.1",
                                               "255.255.255.255",
                                               "::",
                                               "::1",
                                               "fe80::1",
                                               "febf::1",
                                               "fc00::1",
                                               "fd12::1",
                                               "ff02::1",
                                               "2001:db8::1",
                                               "2001::1",
                                               "2001:20::1",
                                               "2002:7f00:1::",
                                               "3fff::1",
                                               "::ffff:127.0.0.1",
                                               "::ffff:10.0.0.1",
                                               "64:ff9b::7f00:1",
                                               "64:ff9b:1::1",
                                               "100::1",
                                               "4000::1",
                                               "::127.0.0.1"};
    static const char *const public_ones[] = {"1.1.1.1",
                                              "9.255.255.255",
                                              "11.0.0.1",
                                              "100.63.255.255",
                                              "100.128.0.0",
                                              "126.255.255.255",
                                              "128.0.0.1",
                                              "172.15.255.255",
                                              "172.32.0.1",
                                              "192.0.1.1",
                                              "192.167.1.1",
                                              "198.17.255.255",
                                              "198.20.0.0",
                                              "223.255.255.255",
                                              "2606:4700:4700::1111",
                                              "2001:4860:4860::8888",
                                              "2001:200::1",
                                              "2a00::1",
                                              "3ffe::1",
                                              "::ffff:1.1.1.1",
                                              "64:ff9b::101:101"};
    for (size_t i = 0; i < sizeof private_ones / sizeof private_ones[0]; i++)
        expect_private(private_ones[i], true);
    for (size_t i = 0; i < sizeof public_ones / sizeof public_ones[0]; i++)
        expect_private(public_ones[i], false);
    const struct net_address none = {0};
    assert_true(net_address_is_private(&none));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_address_when_parsed_then_formats_back),
        cmocka_unit_test(test_address_when_malformed_then_refused),
        cmocka_unit_test(test_address_when_compared_then_family_bytes_and_port_count),
        cmocka_unit_test(test_address_when_not_public_unicast_then_private),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
