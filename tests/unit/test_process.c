/* SEES: base io */
#include "io/process.h"

#include <dirent.h>
#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/wait.h>

#include "scratch.h"

#include <cmocka.h>

/* What done said, copied. */
struct said {
    int n;
    bool has_result;
    struct process_result result;
    struct buf output, errors;
    struct err err;
    bool is_usable;
    struct err why; /* it is not */
};

static void say(void *arg, const struct process_result *result, const struct err *err)
{
    struct said *said = arg;
    said->n++;
    said->has_result = result != NULL;
    assert_true((result == NULL) != (err == NULL));
    if (err != NULL)
        said->err = *err;
    if (result == NULL)
        return;
    said->result = *result;
    said->output = BUF(1024 * 1024);
    buf_add_str(&said->output, result->output);
    said->errors = BUF(1024 * 1024);
    buf_add_str(&said->errors, result->errors);
    said->is_usable = process_result_check(result, &said->why);
}

static void said_fini(struct said *said)
{
    buf_fini(&said->output);
    buf_fini(&said->errors);
}

static void wait_for(struct loop *loop, const struct said *said)
{
    int64_t until = clock_wall_ms(&clock_system) + 20000;
    while (said->n == 0 && clock_wall_ms(&clock_system) < until)
        loop_wait(loop, until);
    assert_int_equal(said->n, 1);
}

static void run(const struct process_request *request, struct said *said)
{
    *said = (struct said){0};
    struct loop *loop = loop_new();
    assert_non_null(process_start(loop, request, say, said));
    assert_int_equal(said->n, 0);
    wait_for(loop, said);
    loop_free(loop);
    assert_int_equal(said->n, 1);
}

static void run_shell(const char *script, int64_t timeout_ms, struct said *said)
{
    const char *const argv[] = {"/bin/sh", "-c", script, NULL};
    struct process_request request = {.argv = argv, .timeout_ms = timeout_ms};
    run(&request, said);
}

static int n_descriptors(void)
{
    int n = 0;
    DIR *folder = opendir("/proc/self/fd");
    while (readdir(folder) != NULL)
        n++;
    closedir(folder);
    return n;
}

/* Gone, or a zombie that waits for somebody else's attention. */
static bool is_dead(pid_t pid)
{
    char name[64], text[256] = "";
    for (int i = 0; i < 200; i++) {
        snprintf(name, sizeof name, "/proc/%d/stat", (int)pid);
        int fd = open(name, O_RDONLY | O_CLOEXEC);
        if (fd < 0)
            return true;
        ssize_t n = read(fd, text, sizeof text - 1);
        close(fd);
        text[n > 0 ? n : 0] = '\0';
        if (strstr(text, ") Z") != NULL || n <= 0)
            return true;
        usleep(10000);
    }
    return false;
}

static void test_start_when_the_program_ends_then_code_and_both_streams(void **state)
{
    AUTO(said_fini)
    struct said said;
    (void)state;
    run_shell("echo out; echo err >&2; exit 3", 0, &said);
    assert_true(said.has_result);
    assert_int_equal(said.result.exit_code, 3);
    assert_int_equal(said.result.signal, 0);
    assert_false(said.result.timed_out);
    assert_false(process_result_ok(&said.result));
    assert_string_equal(buf_cstr(&said.output), "out\nerr\n");
    said_fini(&said);
    run_shell("exit 0", 0, &said);
    assert_true(process_result_ok(&said.result));
    assert_in_range(said.result.took_ms, 0, 10000);
}

static void run_apart(const char *script, int64_t timeout_ms, struct said *said)
{
    const char *const argv[] = {"/bin/sh", "-c", script, NULL};
    struct process_request request = {.argv = argv, .timeout_ms = timeout_ms, .errors_apart = true};
    run(&request, said);
}

static void test_start_when_errors_are_apart_then_they_do_not_spoil_the_output(void **state)
{
    AUTO(said_fini)
    struct said said;
    (void)state;
    run_apart("echo warning >&2; echo data", 0, &said);
    assert_string_equal(buf_cstr(&said.output), "data\n");
    assert_string_equal(buf_cstr(&said.errors), "warning\n");
    assert_true(said.is_usable);
    said_fini(&said);
    run_shell("echo warning >&2; echo data", 0, &said);
    assert_string_equal(buf_cstr(&said.output), "warning\ndata\n");
    assert_string_equal(buf_cstr(&said.errors), "");
}

static void test_start_when_the_output_is_data_then_what_is_wrong_with_it_is_told(void **state)
{
    AUTO(said_fini)
    struct said said;
    (void)state;
    run_apart("echo half a secret; printf 'no \\033[31mtoken\\n' >&2; exit 3", 0, &said);
    assert_false(said.is_usable);
    assert_int_equal(said.why.kind, ERR_CONFIG);
    assert_string_equal(said.why.text, "it failed (exit code 3); it said: no \\x1b[31mtoken");
    said_fini(&said);
    run_apart("echo half a secret; kill -TERM $$", 0, &said);
    assert_false(said.is_usable);
    assert_non_null(strstr(said.why.text, "signal 15"));
    assert_null(strstr(said.why.text, "secret"));
    said_fini(&said);
    run_apart("head -c 65537 /dev/zero; head -c 100000 /dev/zero >&2", 0, &said);
    assert_false(said.is_usable);
    assert_non_null(strstr(said.why.text, "65536"));
    assert_int_equal(said.errors.len, 4096);
    said_fini(&said);
    run_apart("head -c 65536 /dev/zero", 0, &said);
    assert_true(said.is_usable);
    said_fini(&said);
    run_apart("echo slow >&2; sleep 60", 300, &said);
    assert_false(said.is_usable);
    assert_non_null(strstr(said.why.text, "in time; it said: slow"));
}

static void test_start_when_the_program_dies_of_a_signal_then_that_signal(void **state)
{
    AUTO(said_fini)
    struct said said;
    (void)state;
    run_shell("echo so far; kill -SEGV $$", 0, &said);
    assert_int_equal(said.result.exit_code, -1);
    assert_int_equal(said.result.signal, SIGSEGV);
    assert_false(said.result.timed_out);
    assert_false(process_result_ok(&said.result));
    assert_non_null(strstr(buf_cstr(&said.output), "so far"));
}

static void test_start_when_a_bare_word_then_found_and_argv_is_not_read_by_a_shell(void **state)
{
    AUTO(said_fini)
    struct said said;
    const char *const argv[] = {"echo", "$(id)", "`id`", "a;b", "", "-x", NULL};
    struct process_request request = {.argv = argv};
    (void)state;
    run(&request, &said);
    assert_string_equal(buf_cstr(&said.output), "$(id) `id` a;b  -x\n");
}

static void test_start_when_environment_is_given_then_only_that_and_path_and_lang(void **state)
{
    AUTO(said_fini)
    struct said said;
    const char *const argv[] = {"env", NULL};
    const char *const environment[] = {"CHANCERY_SET=shop", NULL};
    struct process_request request = {.argv = argv, .environment = environment};
    (void)state;
    assert_int_equal(setenv("SECRET_OF_OURS", "x", 1), 0);
    run(&request, &said);
    assert_string_equal(
        buf_cstr(&said.output),
        "CHANCERY_SET=shop\n"
        "PATH=/usr/sbin:/usr/bin:/sbin:/bin:/usr/local/sbin:/usr/local/bin\nLANG=C.UTF-8\n");
}

static void test_start_when_input_is_given_then_fed_and_else_empty(void **state)
{
    AUTO(said_fini)
    struct said said;
    const char *const cat[] = {"cat", NULL}, *const again[] = {"cat", "/dev/stdin", NULL};
    struct process_request request = {.argv = cat, .input = STR("fed\0bytes")};
    (void)state;
    run(&request, &said);
    assert_int_equal(said.output.len, 9);
    assert_memory_equal(said.output.p, "fed\0bytes", 9);
    said_fini(&said);
    request.argv = again;
    run(&request, &said);
    assert_int_equal(said.output.len, 9);
    said_fini(&said);
    request.input = STR_NONE;
    run(&request, &said);
    assert_true(process_result_ok(&said.result));
    assert_int_equal(said.output.len, 0);
}

static void test_start_when_much_input_is_not_read_then_no_harm(void **state)
{
    AUTO(said_fini)
    struct said said;
    AUTO(mem_fini)
    char *bytes = mem_new(1000000, 1);
    const char *const argv[] = {"true", NULL}, *const count[] = {"wc", "-c", NULL};
    struct process_request request = {.argv = argv, .input = str_mem(bytes, 1000000)};
    (void)state;
    run(&request, &said);
    assert_true(process_result_ok(&said.result));
    said_fini(&said);
    request.argv = count;
    run(&request, &said);
    assert_string_equal(buf_cstr(&said.output), "1000000\n");
}

static void test_start_when_we_hold_descriptors_then_the_program_has_three(void **state)
{
    AUTO(said_fini)
    struct said said;
    (void)state;
    int fd = open("/dev/null", O_RDONLY);
    assert_true(fd > 2);
    run_shell("ls /proc/$$/fd; pwd", 0, &said);
    assert_string_equal(buf_cstr(&said.output), "0\n1\n2\n/\n");
    close(fd);
}

static void test_start_when_started_then_in_a_session_of_its_own_without_our_signal_rules(
    void **state)
{
    const char *const argv[] = {"cat", "/proc/self/stat", "/proc/self/status", NULL};
    struct process_request request = {.argv = argv};
    AUTO(said_fini)
    struct said said;
    long pid, group, session;
    char name[64];
    (void)state;
    run(&request, &said);
    assert_int_equal(
        sscanf(buf_cstr(&said.output), "%ld %63s %*c %*d %ld %ld", &pid, name, &group, &session),
        4);
    assert_int_equal(group, pid);
    assert_int_equal(session, pid);
    assert_non_null(strstr(buf_cstr(&said.output), "SigIgn:\t0000000000000000"));
    assert_non_null(strstr(buf_cstr(&said.output), "SigBlk:\t0000000000000000"));
}

static void test_start_when_it_hangs_then_terminated_at_the_deadline(void **state)
{
    AUTO(said_fini)
    struct said said;
    (void)state;
    run_shell("echo started; exec sleep 60", 300, &said);
    assert_true(said.result.timed_out);
    assert_int_equal(said.result.signal, SIGTERM);
    assert_in_range(said.result.took_ms, 290, 1900);
    assert_string_equal(buf_cstr(&said.output), "started\n");
}

static void test_start_when_it_ignores_term_then_killed_two_seconds_later(void **state)
{
    AUTO(said_fini)
    struct said said;
    (void)state;
    run_shell("trap '' TERM; echo $$; while :; do sleep 0.2; done", 100, &said);
    assert_true(said.result.timed_out);
    assert_int_equal(said.result.signal, SIGKILL);
    assert_in_range(said.result.took_ms, 2000, 5000);
    assert_true(is_dead((pid_t)atol(buf_cstr(&said.output))));
}

static void test_start_when_a_gigabyte_comes_then_64_kib_are_kept(void **state)
{
    AUTO(said_fini)
    struct said said;
    (void)state;
    run_shell("echo first; exec head -c 1000000000 /dev/zero", 0, &said);
    assert_true(process_result_ok(&said.result));
    assert_int_equal(said.output.len, 64 * 1024);
    assert_memory_equal(said.output.p, "first\n", 6);
}

static void test_start_when_a_grandchild_keeps_the_pipe_then_done_at_the_deadline_and_it_is_killed(
    void **state)
{
    AUTO(said_fini)
    struct said said;
    (void)state;
    run_shell("trap '' TERM; sleep 60 & echo $!; exit 4", 400, &said);
    assert_int_equal(said.result.exit_code, 4);
    assert_false(said.result.timed_out);
    assert_in_range(said.result.took_ms, 390, 2000);
    assert_true(is_dead((pid_t)atol(buf_cstr(&said.output))));
}

static void test_start_when_a_grandchild_closed_the_pipe_then_done_at_once_and_it_lives(
    void **state)
{
    AUTO(said_fini)
    struct said said;
    (void)state;
    run_shell("sleep 60 >/dev/null 2>&1 & echo $!", 20000, &said);
    assert_in_range(said.result.took_ms, 0, 5000);
    pid_t pid = (pid_t)atol(buf_cstr(&said.output));
    assert_int_equal(kill(pid, 0), 0);
    assert_int_equal(kill(pid, SIGKILL), 0);
}

static void test_start_when_only_the_program_obeys_term_then_its_group_is_killed_too(void **state)
{
    AUTO(said_fini)
    struct said said;
    (void)state;
    run_shell(
        "sh -c 'trap \"\" TERM; exec >/dev/null 2>&1; while :; do sleep 0.2; done' & echo $!; "
        "exec sleep 60",
        300, &said);
    assert_true(said.result.timed_out);
    assert_int_equal(said.result.signal, SIGTERM);
    assert_in_range(said.result.took_ms, 2200, 5000);
    assert_true(is_dead((pid_t)atol(buf_cstr(&said.output))));
}

static void assert_not_started(const char *program, const char *directory, enum err_kind kind)
{
    AUTO(said_fini)
    struct said said;
    const char *const argv[] = {program, NULL};
    struct process_request request = {.argv = argv, .directory = directory};
    run(&request, &said);
    assert_false(said.has_result);
    if (said.err.kind != kind)
        fail_msg("%s: %s, not %s", said.err.text, err_kind_name(said.err.kind),
                 err_kind_name(kind));
}

static void test_start_when_it_cannot_be_started_then_the_reason(void **state)
{
    (void)state;
    int before = n_descriptors();
    scratch_put("plain", "#!/bin/sh\n", 0644);
    scratch_put("empty", "", 0755);
    scratch_put("text", "exit 0\n", 0755);
    scratch_put("lost", "#!/no/such/interpreter\n", 0755);
    assert_not_started(scratch("none"), NULL, ERR_ABSENT);
    assert_not_started("there-is-no-such-program", NULL, ERR_ABSENT);
    assert_not_started(scratch("plain"), NULL, ERR_DENIED);
    assert_not_started(scratch_dir, NULL, ERR_DENIED);
    assert_not_started(scratch("empty"), NULL, ERR_CONFIG);
    assert_not_started(scratch("text"), NULL, ERR_CONFIG);
    assert_not_started(scratch("lost"), NULL, ERR_ABSENT);
    assert_not_started("./relative", NULL, ERR_CONFIG);
    assert_not_started("", NULL, ERR_CONFIG);
    assert_not_started(NULL, NULL, ERR_CONFIG);
    assert_not_started("/bin/true", scratch("none"), ERR_ABSENT);
    assert_int_equal(n_descriptors(), before);
}

static void test_cancel_when_running_then_silent_and_the_group_is_dead(void **state)
{
    AUTO(said_fini)
    struct said said = {0};
    const char *const argv[] = {"/bin/sh", "-c",
                                "trap '' TERM; echo $$ > \"$0\"; while :; do sleep 0.2; done",
                                scratch("pid"), NULL};
    struct process_request request = {.argv = argv};
    (void)state;
    int before = n_descriptors();
    struct loop *loop = loop_new();
    struct process_call *call = process_start(loop, &request, say, &said);
    for (int i = 0; i < 500 && scratch_get("pid")[0] == '\0'; i++)
        loop_wait(loop, clock_wall_ms(&clock_system) + 10);
    pid_t pid = (pid_t)atol(scratch_get("pid"));
    assert_true(pid > 0);
    process_cancel(call);
    process_cancel(NULL);
    loop_wait(loop, clock_wall_ms(&clock_system) + 50);
    loop_free(loop);
    assert_int_equal(said.n, 0);
    assert_true(is_dead(pid));
    assert_int_equal(n_descriptors(), before);
    assert_true(waitpid(-1, NULL, WNOHANG) == -1 && errno == ECHILD);
}

static void test_loop_free_when_programs_run_then_none_is_left(void **state)
{
    struct said said = {0};
    const char *const hang[] = {"sleep", "60", NULL}, *const none[] = {"there-is-no-such-program",
                                                                       NULL};
    struct process_request hanging = {.argv = hang}, missing = {.argv = none};
    (void)state;
    int before = n_descriptors();
    struct loop *loop = loop_new();
    for (int i = 0; i < 5; i++)
        process_start(loop, &hanging, say, &said);
    process_start(loop, &missing, say, &said);
    loop_free(loop);
    assert_int_equal(said.n, 0);
    assert_int_equal(n_descriptors(), before);
    assert_true(waitpid(-1, NULL, WNOHANG) == -1 && errno == ECHILD);
}

static void count_ok(void *arg, const struct process_result *result, const struct err *err)
{
    (void)err;
    *(int *)arg += process_result_ok(result) && str_eq(result->output, STR("x\n"));
}

static void test_start_when_many_at_once_then_each_is_told(void **state)
{
    const char *const argv[] = {"echo", "x", NULL};
    struct process_request request = {.argv = argv};
    int n = 0;
    (void)state;
    struct loop *loop = loop_new();
    for (int i = 0; i < 40; i++)
        process_start(loop, &request, count_ok, &n);
    int64_t until = clock_wall_ms(&clock_system) + 20000;
    while (n < 40 && clock_wall_ms(&clock_system) < until)
        loop_wait(loop, until);
    loop_free(loop);
    assert_int_equal(n, 40);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, scratch_make, scratch_remove)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_start_when_the_program_ends_then_code_and_both_streams),
        TEST(test_start_when_errors_are_apart_then_they_do_not_spoil_the_output),
        TEST(test_start_when_the_output_is_data_then_what_is_wrong_with_it_is_told),
        TEST(test_start_when_the_program_dies_of_a_signal_then_that_signal),
        TEST(test_start_when_a_bare_word_then_found_and_argv_is_not_read_by_a_shell),
        TEST(test_start_when_environment_is_given_then_only_that_and_path_and_lang),
        TEST(test_start_when_input_is_given_then_fed_and_else_empty),
        TEST(test_start_when_much_input_is_not_read_then_no_harm),
        TEST(test_start_when_we_hold_descriptors_then_the_program_has_three),
        TEST(test_start_when_started_then_in_a_session_of_its_own_without_our_signal_rules),
        TEST(test_start_when_it_hangs_then_terminated_at_the_deadline),
        TEST(test_start_when_it_ignores_term_then_killed_two_seconds_later),
        TEST(test_start_when_a_gigabyte_comes_then_64_kib_are_kept),
        TEST(
            test_start_when_a_grandchild_keeps_the_pipe_then_done_at_the_deadline_and_it_is_killed),
        TEST(test_start_when_a_grandchild_closed_the_pipe_then_done_at_once_and_it_lives),
        TEST(test_start_when_only_the_program_obeys_term_then_its_group_is_killed_too),
        TEST(test_start_when_it_cannot_be_started_then_the_reason),
        TEST(test_cancel_when_running_then_silent_and_the_group_is_dead),
        TEST(test_loop_free_when_programs_run_then_none_is_left),
        TEST(test_start_when_many_at_once_then_each_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
