/* SEES: base */
#include "base/failpoint.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#ifdef CHANCERY_FAILPOINTS

/* Arms in a child, passes "a" up to `passes` times; gives the wait status. The child ends with how
 * often it came through. */
static int child_pass(const char *specification, int passes)
{
    int status;
    pid_t child = fork();
    if (child == 0) {
        if (!failpoint_arm(specification, NULL))
            _exit(99);
        for (int i = 0; i < passes; i++)
            FAILPOINT("a");
        _exit(passes);
    }
    waitpid(child, &status, 0);
    return status;
}

static void test_failpoint_when_kill_then_sigkill(void **state)
{
    (void)state;
    int status = child_pass("a=kill", 1);
    assert_true(WIFSIGNALED(status));
    assert_int_equal(WTERMSIG(status), SIGKILL);
}

static void test_failpoint_when_exit_then_process_ends_at_once(void **state)
{
    (void)state;
    int status = child_pass("a=exit", 1);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 71);
}

static void test_failpoint_when_nth_then_the_passings_before_come_through(void **state)
{
    (void)state;
    assert_int_equal(WEXITSTATUS(child_pass("a=kill@4", 3)), 3);
    assert_true(WIFSIGNALED(child_pass("a=kill@4", 4)));
    assert_int_equal(WEXITSTATUS(child_pass("b=kill", 3)), 3);
    assert_true(WIFSIGNALED(child_pass(";b=exit;a=kill@2;", 2)));
}

static void test_failpoint_when_error_then_true_only_at_that_passing(void **state)
{
    (void)state;
    assert_true(failpoint_arm("a=error@2;b=error", NULL));
    assert_false(FAILPOINT_ERROR("a"));
    assert_true(FAILPOINT_ERROR("a"));
    assert_false(FAILPOINT_ERROR("a"));
    assert_true(FAILPOINT_ERROR("b"));
    assert_false(FAILPOINT_ERROR("ab"));
    assert_true(
        failpoint_arm("a=error;a=error@3", NULL)); /* counted afresh, two acts at one name */
    assert_true(FAILPOINT_ERROR("a"));
    assert_false(FAILPOINT_ERROR("a"));
    assert_true(FAILPOINT_ERROR("a"));
    assert_true(failpoint_arm("", NULL)); /* disarms */
    assert_false(FAILPOINT_ERROR("a"));
}

static void test_failpoint_when_sleep_then_that_long(void **state)
{
    (void)state;
    struct timespec from, to;
    assert_true(failpoint_arm("a=sleep:50", NULL));
    clock_gettime(CLOCK_MONOTONIC, &from);
    assert_false(FAILPOINT_ERROR("a"));
    clock_gettime(CLOCK_MONOTONIC, &to);
    int64_t took_ms = (to.tv_sec - from.tv_sec) * 1000 + (to.tv_nsec - from.tv_nsec) / 1000000;
    assert_true(took_ms >= 49);
    assert_true(failpoint_arm("", NULL));
}

static void test_failpoint_when_listed_then_names_are_appended_in_order(void **state)
{
    (void)state;
    char path[] = "/tmp/test_failpoint.XXXXXX", specification[64], text[128];
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    snprintf(specification, sizeof specification, "list:%s", path);
    assert_true(failpoint_arm(specification, NULL));
    FAILPOINT("order.new.before_send");
    FAILPOINT("order.new.after_commit");
    FAILPOINT("order.new.before_send");
    assert_true(failpoint_arm(NULL, NULL));
    FAILPOINT("not.listed.any.more");
    ssize_t n = read(fd, text, sizeof text);
    static const char want[] =
        "order.new.before_send\norder.new.after_commit\norder.new.before_send\n";
    assert_true(n > 0 && (size_t)n <= sizeof text);
    assert_memory_equal(text, want, (size_t)n);
    struct stat st;
    assert_int_equal(fstat(fd, &st), 0);
    assert_int_equal(st.st_size, sizeof want - 1);
    close(fd);
    unlink(path);
}

static void test_failpoint_arm_when_malformed_then_config_error_and_nothing_armed(void **state)
{
    (void)state;
    static const char *const bad[] = {"a",        "a=",         "=kill",     "a=boom",   "a=sleep",
                                      "a=sleep:", "a=sleep:-1", "a=sleep:x", "a=kill@0", "a=kill@x",
                                      "a=kill@",  "a=kill@-1",  "b=error;a"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct err err = {0};
        if (failpoint_arm(bad[i], &err))
            fail_msg("taken: %s", bad[i]);
        assert_int_equal(err.kind, ERR_CONFIG);
        assert_false(FAILPOINT_ERROR("b"));
    }
    struct err err;
    assert_false(failpoint_arm("list:/nonexistent/dir/file", &err));
    assert_int_equal(err.kind, ERR_ABSENT);
}

static void test_failpoint_arm_when_too_many_then_config_error(void **state)
{
    (void)state;
    char text[1024] = "";
    for (int i = 0; i < 33; i++)
        memcpy(text + strlen(text), "a=error;", 9);
    struct err err;
    assert_false(failpoint_arm(text, &err));
    assert_int_equal(err.kind, ERR_CONFIG);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_failpoint_when_kill_then_sigkill),
        cmocka_unit_test(test_failpoint_when_exit_then_process_ends_at_once),
        cmocka_unit_test(test_failpoint_when_nth_then_the_passings_before_come_through),
        cmocka_unit_test(test_failpoint_when_error_then_true_only_at_that_passing),
        cmocka_unit_test(test_failpoint_when_sleep_then_that_long),
        cmocka_unit_test(test_failpoint_when_listed_then_names_are_appended_in_order),
        cmocka_unit_test(test_failpoint_arm_when_malformed_then_config_error_and_nothing_armed),
        cmocka_unit_test(test_failpoint_arm_when_too_many_then_config_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

#else

static void test_failpoint_when_built_without_then_arming_is_refused(void **state)
{
    (void)state;
    struct err err;
    assert_true(failpoint_arm(NULL, &err));
    assert_true(failpoint_arm("", &err));
    assert_false(failpoint_arm("a=kill", &err));
    assert_int_equal(err.kind, ERR_CONFIG);
    FAILPOINT("a");
    assert_false(FAILPOINT_ERROR("a"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_failpoint_when_built_without_then_arming_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

#endif
