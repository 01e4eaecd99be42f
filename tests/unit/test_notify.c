/* SEES: base io */
#include "io/notify.h"

#include "base/buf.h"
#include "base/mem.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

struct manager {
    int fd;
    char folder[64], name[100]; /* name: as NOTIFY_SOCKET says it */
    char text[1024];
};

static int setup(void **state)
{
    struct manager *m = calloc(1, sizeof *m);
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    snprintf(m->folder, sizeof m->folder, "/tmp/test-notify-XXXXXX");
    assert_non_null(mkdtemp(m->folder));
    snprintf(m->name, sizeof m->name, "%s/socket", m->folder);
    snprintf(address.sun_path, sizeof address.sun_path, "%s", m->name);
    m->fd = socket(AF_UNIX, SOCK_DGRAM, 0);
    assert_int_equal(bind(m->fd, (struct sockaddr *)&address, sizeof address), 0);
    *state = m;
    return 0;
}

static int teardown(void **state)
{
    struct manager *m = *state;
    char path[100];
    snprintf(path, sizeof path, "%s/socket", m->folder);
    unlink(path);
    rmdir(m->folder);
    close(m->fd);
    free(m);
    return 0;
}

static const char *heard(struct manager *m)
{
    ssize_t n = recv(m->fd, m->text, sizeof m->text - 1, MSG_DONTWAIT);
    if (n < 0)
        return "";
    m->text[n] = '\0';
    return m->text;
}

static struct notify *notify_of(const char *socket, const char *usec, const char *pid)
{
    struct notify_environment e = {socket, usec, pid, 4711};
    struct notify *notify = NULL;
    struct err err = {0};
    assert_true(notify_open(&e, &notify, &err));
    return notify;
}

static void test_states_when_told_then_heard_as_the_protocol_writes_them(void **state)
{
    struct manager *m = *state;
    struct notify *n = notify_of(m->name, NULL, NULL);
    struct timespec before, after;
    long long usec = 0;
    assert_true(notify_is_on(n));
    notify_ready(n);
    assert_string_equal(heard(m), "READY=1");
    clock_gettime(CLOCK_MONOTONIC, &before);
    notify_reloading(n);
    clock_gettime(CLOCK_MONOTONIC, &after);
    assert_int_equal(sscanf(heard(m), "RELOADING=1\nMONOTONIC_USEC=%lld", &usec), 1);
    assert_true(usec >= (long long)before.tv_sec * 1000000 + before.tv_nsec / 1000);
    assert_true(usec <= (long long)after.tv_sec * 1000000 + after.tv_nsec / 1000);
    notify_stopping(n);
    assert_string_equal(heard(m), "STOPPING=1");
    notify_alive(n);
    assert_string_equal(heard(m), "WATCHDOG=1");
    assert_string_equal(heard(m), "");
    notify_close(n);
}

static void test_status_when_the_same_then_said_once_and_on_one_line(void **state)
{
    struct manager *m = *state;
    struct notify *n = notify_of(m->name, NULL, NULL);
    notify_status(n, "leads, %d sets", 3);
    assert_string_equal(heard(m), "STATUS=leads, 3 sets");
    notify_status(n, "leads, %d sets", 3);
    assert_string_equal(heard(m), "");
    notify_status(n, "a\nREADY=1");
    assert_string_equal(heard(m), "STATUS=a READY=1");
    char *text = mem_printf("%600s", "x");
    notify_status(n, "%s", text);
    assert_int_equal(strlen(heard(m)), strlen("STATUS=") + 500);
    mem_free(text);
    notify_close(n);
}

static void test_abstract_socket_when_named_then_reached(void **state)
{
    (void)state;
    struct manager m = {0};
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int len = snprintf(m.name, sizeof m.name, "@chancery-test-%ld", (long)getpid());
    memcpy(address.sun_path + 1, m.name + 1, (size_t)len - 1);
    m.fd = socket(AF_UNIX, SOCK_DGRAM, 0);
    assert_int_equal(bind(m.fd, (struct sockaddr *)&address,
                          (socklen_t)(offsetof(struct sockaddr_un, sun_path) + (size_t)len)),
                     0);
    struct notify *n = notify_of(m.name, NULL, NULL);
    notify_ready(n);
    assert_string_equal(heard(&m), "READY=1");
    notify_close(n);
    close(m.fd);
}

static void test_nothing_when_not_started_by_a_manager_then_all_is_silent(void **state)
{
    (void)state;
    const char *const sockets[] = {NULL, ""};
    for (int i = 0; i < 2; i++) {
        struct notify *n = notify_of(sockets[i], "1000000", NULL);
        assert_false(notify_is_on(n));
        assert_int_equal(notify_watchdog_ms(n), 0);
        notify_ready(n);
        notify_status(n, "x");
        notify_alive(n);
        notify_close(n);
    }
}

static void test_socket_when_it_is_none_then_told_and_silent(void **state)
{
    (void)state;
    char longer[200];
    memset(longer, 'a', sizeof longer);
    longer[0] = '/';
    longer[sizeof longer - 1] = '\0';
    const char *const bad[] = {"relative", "@", "/", "vsock:2:1234", longer};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct notify_environment e = {.socket = bad[i]};
        struct notify *n = NULL;
        struct err err = {0};
        assert_false(notify_open(&e, &n, &err));
        assert_int_equal(err.kind, ERR_CONFIG);
        assert_non_null(strstr(err.text, "NOTIFY_SOCKET"));
        assert_false(notify_is_on(n));
        notify_ready(n);
        notify_close(n);
    }
}

static void test_manager_when_gone_or_full_then_nobody_waits_for_it(void **state)
{
    struct manager *m = *state;
    struct notify *n = notify_of(m->name, NULL, NULL);
    struct timespec before, after;
    clock_gettime(CLOCK_MONOTONIC, &before);
    for (int i = 0; i < 2000; i++)
        notify_alive(n);
    notify_status(n, "there is no room for this");
    for (int i = 0; i < 2000 && heard(m)[0] != '\0'; i++) {
    }
    notify_status(n, "there is no room for this");
    assert_string_equal(heard(m), "STATUS=there is no room for this");
    close(m->fd);
    m->fd = -1;
    notify_ready(n);
    notify_stopping(n);
    clock_gettime(CLOCK_MONOTONIC, &after);
    assert_true(after.tv_sec - before.tv_sec < 5);
    notify_close(n);
}

static void test_watchdog_when_asked_for_then_twice_as_often(void **state)
{
    struct manager *m = *state;
    static const struct {
        const char *usec, *pid;
        int64_t ms;
    } cases[] = {
        {"60000000", NULL, 30000}, {"60000000", "4711", 30000}, {"60000000", "1", 0},
        {"60000000", "x", 0},      {"1000", NULL, 1},           {"0", NULL, 0},
        {"-5", NULL, 0},           {"soon", NULL, 0},           {NULL, "4711", 0},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct notify *n = notify_of(m->name, cases[i].usec, cases[i].pid);
        assert_int_equal(notify_watchdog_ms(n), cases[i].ms);
        notify_close(n);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(
            test_states_when_told_then_heard_as_the_protocol_writes_them, setup, teardown),
        cmocka_unit_test_setup_teardown(test_status_when_the_same_then_said_once_and_on_one_line,
                                        setup, teardown),
        cmocka_unit_test(test_abstract_socket_when_named_then_reached),
        cmocka_unit_test(test_nothing_when_not_started_by_a_manager_then_all_is_silent),
        cmocka_unit_test(test_socket_when_it_is_none_then_told_and_silent),
        cmocka_unit_test_setup_teardown(test_manager_when_gone_or_full_then_nobody_waits_for_it,
                                        setup, teardown),
        cmocka_unit_test_setup_teardown(test_watchdog_when_asked_for_then_twice_as_often, setup,
                                        teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
