/* SEES: base io */
#include "io/files.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/wait.h>

#include "scratch.h"

#include <cmocka.h>

static void test_take_when_free_then_held_with_our_number_and_mode_0600(void **state)
{
    struct file_lock *lock = NULL;
    (void)state;
    mode_t before = umask(0);
    assert_true(file_lock_take(scratch("lock"), &lock, NULL));
    umask(before);
    assert_int_equal(atol(scratch_get("lock")), getpid());
    assert_int_equal(scratch_mode("lock"), 0600);
    file_lock_drop(lock);
    assert_string_equal(scratch_get("lock"), "");
    file_lock_drop(NULL);
}

static void test_take_when_held_in_the_same_process_then_held_and_free_after_drop(void **state)
{
    struct file_lock *lock = NULL, *second = NULL;
    struct err err;
    char text[32];
    (void)state;
    assert_true(file_lock_take(scratch("lock"), &lock, NULL));
    assert_false(file_lock_take(scratch("lock"), &second, &err));
    assert_null(second);
    assert_int_equal(err.kind, ERR_HELD);
    snprintf(text, sizeof text, "process %ld", (long)getpid());
    assert_non_null(strstr(err.text, text));
    /* A library that closes another descriptor of the file must not free the lock. */
    close(open(scratch("lock"), O_RDWR | O_CLOEXEC));
    assert_false(file_lock_take(scratch("lock"), &second, &err));
    file_lock_drop(lock);
    assert_true(file_lock_take(scratch("lock"), &second, &err));
    file_lock_drop(second);
}

static void test_take_when_the_holder_is_killed_then_free_at_once(void **state)
{
    struct file_lock *lock = NULL;
    struct err err;
    int ready[2];
    char byte;
    (void)state;
    assert_int_equal(pipe(ready), 0);
    pid_t pid = fork();
    if (pid == 0) {
        bool good = file_lock_take(scratch("lock"), &lock, NULL);
        ssize_t n = write(ready[1], good ? "y" : "n", 1);
        (void)n;
        pause();
        _exit(0);
    }
    assert_int_equal(read(ready[0], &byte, 1), 1);
    assert_int_equal(byte, 'y');
    assert_false(file_lock_take(scratch("lock"), &lock, &err));
    assert_int_equal(err.kind, ERR_HELD);
    assert_int_equal(kill(pid, SIGKILL), 0);
    assert_int_equal(waitpid(pid, NULL, 0), pid);
    assert_true(file_lock_take(scratch("lock"), &lock, &err));
    file_lock_drop(lock);
    close(ready[0]);
    close(ready[1]);
}

static void test_take_when_a_link_or_no_file_is_there_then_refused(void **state)
{
    struct file_lock *lock = NULL;
    struct err err;
    (void)state;
    scratch_put("victim", "mine", 0600);
    assert_int_equal(symlink("victim", scratch("lock")), 0);
    assert_false(file_lock_take(scratch("lock"), &lock, &err));
    assert_int_equal(err.kind, ERR_DENIED);
    assert_string_equal(scratch_get("victim"), "mine");
    assert_int_equal(mkfifo(scratch("fifo"), 0600), 0);
    assert_false(file_lock_take(scratch("fifo"), &lock, &err));
    assert_int_equal(err.kind, ERR_CONFIG);
    assert_false(file_lock_take(scratch("none/lock"), &lock, &err));
    assert_int_equal(err.kind, ERR_ABSENT);
    assert_null(lock);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, scratch_make, scratch_remove)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_take_when_free_then_held_with_our_number_and_mode_0600),
        TEST(test_take_when_held_in_the_same_process_then_held_and_free_after_drop),
        TEST(test_take_when_the_holder_is_killed_then_free_at_once),
        TEST(test_take_when_a_link_or_no_file_is_there_then_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
