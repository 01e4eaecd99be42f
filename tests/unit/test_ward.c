/* SEES: base io */
#include "io/ward.h"

#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

extern char **environ;

static int64_t now(void)
{
    return clock_boot_ms(&clock_system);
}

static bool start(const char *script, int64_t term_in_ms, int64_t kill_in_ms, struct ward **ret,
                  struct err *err)
{
    const char *argv[] = {"sh", "-c", script, NULL};
    struct ward_request request = {.argv = argv,
                                   .environment = (const char *const *)environ,
                                   .umask = 022,
                                   .term_at_boot_ms = now() + term_in_ms,
                                   .kill_at_boot_ms = now() + kill_in_ms};
    return ward_start(&request, ret, err);
}

static int code_of(const char *script, int64_t term_in_ms, int64_t kill_in_ms)
{
    struct err err = {0};
    struct ward *ward = NULL;
    if (!start(script, term_in_ms, kill_in_ms, &ward, &err))
        fail_msg("%s", err.text);
    while (ward_wait(ward, now() + 1000) != WARD_ENDED)
        ;
    int code = ward_code(ward);
    ward_free(ward);
    return code;
}

static void test_ward_when_it_ends_then_its_code_or_its_signal(void **state)
{
    (void)state;
    assert_int_equal(code_of("exit 7", 60000, 60000), 7);
    assert_int_equal(code_of("kill -USR1 $$", 60000, 60000), 128 + SIGUSR1);
    assert_int_equal(code_of("[ $(umask) = 0022 ]", 60000, 60000), 0);
}

static void test_ward_when_its_program_cannot_be_started_then_an_error_and_nothing_runs(
    void **state)
{
    (void)state;
    struct err err = {0};
    struct ward *ward = NULL;
    const char *argv[] = {"no-such-program-anywhere", NULL};
    struct ward_request request = {.argv = argv,
                                   .environment = (const char *const *)environ,
                                   .term_at_boot_ms = now() + 60000,
                                   .kill_at_boot_ms = now() + 60000};
    assert_false(ward_start(&request, &ward, &err));
    assert_int_equal(err.kind, ERR_ABSENT);
    argv[0] = "/etc/passwd";
    assert_false(ward_start(&request, &ward, &err));
    assert_int_equal(err.kind, ERR_DENIED);
    assert_true(waitpid(-1, NULL, WNOHANG) < 0 && errno == ECHILD);
}

static void test_ward_when_its_time_comes_then_term_and_if_need_be_kill(void **state)
{
    (void)state;
    int64_t began = now();
    assert_int_equal(code_of("sleep 60", 200, 60000), 128 + SIGTERM);
    assert_int_equal(code_of("trap 'exit 3' TERM; while :; do sleep 0.05; done", 200, 60000), 3);
    assert_int_equal(code_of("trap '' TERM; while :; do sleep 0.05; done", 200, 500),
                     128 + SIGKILL);
    assert_true(now() - began >= 900 && now() - began < 30000);
}

static void test_ward_when_extended_then_it_may_go_on(void **state)
{
    (void)state;
    struct err err = {0};
    struct ward *ward = NULL;
    assert_true(start("sleep 1; exit 5", 500, 700, &ward, &err));
    ward_extend(ward, now() + 60000, now() + 60000);
    assert_int_equal(ward_wait(ward, now() + 50), WARD_TIME);
    while (ward_wait(ward, now() + 1000) != WARD_ENDED)
        ;
    assert_int_equal(ward_code(ward), 5);
    ward_free(ward);
}

static void test_ward_when_signals_reach_us_then_its_group_gets_them(void **state)
{
    (void)state;
    struct err err = {0};
    struct ward *ward = NULL;
    assert_true(start("trap 'exit 9' HUP; kill -HUP $PPID; while :; do sleep 0.05; done", 60000,
                      60000, &ward, &err));
    while (ward_wait(ward, now() + 1000) != WARD_ENDED)
        ;
    assert_int_equal(ward_code(ward), 9);
    ward_free(ward);
}

/* A grandchild that ignores what it can: gone with the program that started it. */
static void test_ward_when_it_ended_or_we_were_killed_then_nothing_of_its_group_is_left(
    void **state)
{
    (void)state;
    char script[256];
    for (int is_killed = 0; is_killed < 2; is_killed++) {
        int ends[2];
        char byte;
        assert_int_equal(pipe(ends), 0);
        /* The grandchild alone keeps the pipe open. */
        snprintf(script, sizeof script,
                 "(trap '' TERM HUP; while :; do sleep 0.05; done) & exec %d>&-; %s", ends[1],
                 is_killed ? "sleep 60" : "sleep 0.3");
        pid_t pid = fork();
        if (pid == 0) {
            struct ward *ward = NULL;
            close(ends[0]);
            if (!start(script, 60000, 60000, &ward, NULL))
                _exit(1);
            close(ends[1]);
            if (is_killed)
                raise(SIGKILL);
            while (ward_wait(ward, now() + 1000) != WARD_ENDED)
                ;
            _exit(0);
        }
        close(ends[1]);
        assert_int_equal(read(ends[0], &byte, 1), 0);
        close(ends[0]);
        waitpid(pid, NULL, 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_ward_when_it_ends_then_its_code_or_its_signal),
        cmocka_unit_test(
            test_ward_when_its_program_cannot_be_started_then_an_error_and_nothing_runs),
        cmocka_unit_test(test_ward_when_its_time_comes_then_term_and_if_need_be_kill),
        cmocka_unit_test(test_ward_when_extended_then_it_may_go_on),
        cmocka_unit_test(test_ward_when_signals_reach_us_then_its_group_gets_them),
        cmocka_unit_test(
            test_ward_when_it_ended_or_we_were_killed_then_nothing_of_its_group_is_left),
    };
    /* As in the program: a keeper that is gone makes a write fail. */
    signal(SIGPIPE, SIG_IGN);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
