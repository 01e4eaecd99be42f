/* SEES: base io */
#include "io/probe.h"

#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/mount.h>

#include "scratch.h"

#include <cmocka.h>

struct said {
    int n;
    struct net_address addresses[8];
    size_t n_addresses;
    struct err err;
};

static void say(void *arg, const struct net_address *addresses, size_t n, const struct err *err)
{
    struct said *said = arg;
    said->n++;
    assert_true((n == 0) == (err != NULL));
    if (err != NULL)
        said->err = *err;
    said->n_addresses = n;
    for (size_t i = 0; i < n && i < 8; i++)
        said->addresses[i] = addresses[i];
}

static struct said resolve(const char *host, uint16_t port)
{
    struct said said = {0};
    struct loop *loop = loop_new();
    int64_t until = clock_wall_ms(&clock_system) + 30000;
    assert_non_null(resolve_start(loop, host, port, say, &said));
    assert_int_equal(said.n, 0);
    while (said.n == 0 && clock_wall_ms(&clock_system) < until)
        loop_wait(loop, until);
    loop_free(loop);
    assert_int_equal(said.n, 1);
    return said;
}

static bool has_own_hosts;

/* Before the first question: the threads that ask keep the view of the file system they were started with. */
static int hosts_mount(void **state)
{
    if (scratch_make(state) != 0)
        return -1;
    scratch_put("hosts",
                "127.0.0.1 localhost\n127.0.0.9 twice.test\n::1 twice.test\n127.0.0.9 twice.test\n",
                0644);
    has_own_hosts = unshare(CLONE_NEWNS) == 0 &&
                    mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0 &&
                    mount(scratch("hosts"), "/etc/hosts", NULL, MS_BIND, NULL) == 0;
    return 0;
}

static int hosts_umount(void **state)
{
    if (has_own_hosts)
        umount("/etc/hosts");
    return scratch_remove(state);
}

static void test_resolve_when_the_hosts_file_names_one_twice_then_both_families_each_once(
    void **state)
{
    (void)state;
    if (!has_own_hosts) {
        print_message("NOT TESTED: may not mount a hosts file of our own here\n");
        skip();
    }
    struct said said = resolve("twice.test", 443);
    assert_int_equal(said.n_addresses, 2);
    assert_int_equal(said.addresses[0].ip_len + said.addresses[1].ip_len, 20);
}

static void test_resolve_when_localhost_then_loopback_with_the_port_each_once(void **state)
{
    bool has_v4 = false;
    (void)state;
    struct said said = resolve("localhost", 4443);
    assert_in_range(said.n_addresses, 1, 8);
    for (size_t i = 0; i < said.n_addresses; i++) {
        assert_int_equal(said.addresses[i].port, 4443);
        assert_true(net_address_is_private(&said.addresses[i]));
        has_v4 |= said.addresses[i].ip_len == 4;
        for (size_t j = 0; j < i; j++)
            assert_false(net_address_eq(&said.addresses[i], &said.addresses[j]));
    }
    assert_true(has_v4);
}

static void test_resolve_when_an_address_of_either_family_then_itself(void **state)
{
    char text[NET_ADDRESS_TEXT_MAX];
    (void)state;
    struct said said = resolve("192.0.2.7", 443);
    assert_int_equal(said.n_addresses, 1);
    net_address_format(&said.addresses[0], true, text);
    assert_string_equal(text, "192.0.2.7:443");
    said = resolve("2001:db8::7", 443);
    assert_int_equal(said.n_addresses, 1);
    net_address_format(&said.addresses[0], true, text);
    assert_string_equal(text, "[2001:db8::7]:443");
}

static void test_resolve_when_the_name_cannot_be_then_an_error_and_no_address(void **state)
{
    char longest[300];
    (void)state;
    memset(longest, 'a', sizeof longest);
    longest[sizeof longest - 1] = '\0';
    assert_int_equal(resolve("", 1).err.kind, ERR_CONFIG);
    assert_int_equal(resolve(longest, 1).err.kind, ERR_CONFIG);
    /* RFC 6761 6.4: never exists; without any resolver the system says "again". */
    enum err_kind kind = resolve("no-such-host.invalid", 1).err.kind;
    assert_true(kind == ERR_ABSENT || kind == ERR_AGAIN);
}

static void test_cancel_when_under_way_or_at_loop_free_then_silent(void **state)
{
    struct said said = {0};
    (void)state;
    struct loop *loop = loop_new();
    for (int i = 0; i < 20; i++)
        resolve_cancel(resolve_start(loop, "localhost", 1, say, &said));
    resolve_cancel(resolve_start(loop, "", 1, say, &said));
    resolve_cancel(NULL);
    loop_wait(loop, clock_wall_ms(&clock_system) + 50);
    for (int i = 0; i < 20; i++)
        resolve_start(loop, "localhost", 1, say, &said);
    resolve_start(loop, "", 1, say, &said);
    loop_free(loop);
    assert_int_equal(said.n, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(
            test_resolve_when_the_hosts_file_names_one_twice_then_both_families_each_once),
        cmocka_unit_test(test_resolve_when_localhost_then_loopback_with_the_port_each_once),
        cmocka_unit_test(test_resolve_when_an_address_of_either_family_then_itself),
        cmocka_unit_test(test_resolve_when_the_name_cannot_be_then_an_error_and_no_address),
        cmocka_unit_test(test_cancel_when_under_way_or_at_loop_free_then_silent),
    };
    return cmocka_run_group_tests(tests, hosts_mount, hosts_umount);
}
