/* SEES: base */
#include "base/err.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static void test_err_set_when_called_then_kind_text_and_false(void **state)
{
    (void)state;
    struct err err = {.until_ms = 5};
    assert_false(err_set(&err, ERR_AGAIN, "connect to %s: %s", "ca.example", "refused"));
    assert_int_equal(err.kind, ERR_AGAIN);
    assert_int_equal(err.until_ms, 0);
    assert_string_equal(err.text, "connect to ca.example: refused");
}

static void test_err_functions_when_err_is_null_then_only_false(void **state)
{
    (void)state;
    assert_false(err_set(NULL, ERR_BUG, "x"));
    assert_false(err_wrap(NULL, "x"));
    assert_false(err_throttled(NULL, 1, "x"));
    assert_false(err_errno(NULL, ENOENT, "x"));
    err_clear(NULL);
}

static void test_err_set_when_argument_is_own_text_then_text_survives(void **state)
{
    (void)state;
    struct err err = {0};
    err_set(&err, ERR_REFUSED, "badCSR");
    err_set(&err, ERR_DENIED, "finalize: %s (%s)", err.text, err.text);
    assert_string_equal(err.text, "finalize: badCSR (badCSR)");
    err_wrap(&err, "order %s", err.text);
    assert_string_equal(err.text, "order finalize: badCSR (badCSR): finalize: badCSR (badCSR)");
    err_set(&err, ERR_LOCAL, "disk");
    err_errno(&err, ENOSPC, "while %s", err.text);
    assert_string_equal(err.text, "while disk: No space left on device");
}

static void test_err_wrap_when_nested_then_outermost_comes_first_and_kind_stays(void **state)
{
    (void)state;
    struct err err = {0};
    err_throttled(&err, 1234, "429 rateLimited");
    assert_false(err_wrap(&err, "order at %s", "letsencrypt"));
    assert_false(err_wrap(&err, "set shop"));
    assert_int_equal(err.kind, ERR_THROTTLED);
    assert_int_equal(err.until_ms, 1234);
    assert_string_equal(err.text, "set shop: order at letsencrypt: 429 rateLimited");
}

static void test_err_text_when_longest_that_fits_then_uncut(void **state)
{
    (void)state;
    struct err err;
    char text[ERR_TEXT_MAX];
    memset(text, 'a', sizeof text);
    text[ERR_TEXT_MAX - 1] = '\0';
    err_set(&err, ERR_AGAIN, "%s", text);
    assert_string_equal(err.text, text);
}

static void test_err_text_when_too_long_then_cut_with_dots(void **state)
{
    (void)state;
    struct err err;
    char text[ERR_TEXT_MAX + 1];
    memset(text, 'a', sizeof text);
    text[ERR_TEXT_MAX] = '\0';
    err_set(&err, ERR_AGAIN, "%s", text);
    assert_int_equal(strlen(err.text), ERR_TEXT_MAX - 1);
    assert_string_equal(err.text + ERR_TEXT_MAX - 5, "a...");
    err_wrap(&err, "context");
    assert_int_equal(strlen(err.text), ERR_TEXT_MAX - 1);
    assert_memory_equal(err.text, "context: aaa", 12);
    assert_string_equal(err.text + ERR_TEXT_MAX - 5, "a...");
    err_errno(&err, ENOENT, "%s", text);
    assert_string_equal(err.text + ERR_TEXT_MAX - 5, "a...");
}

static void test_err_text_when_cut_inside_a_character_then_whole_character_goes(void **state)
{
    (void)state;
    struct err err;
    char text[ERR_TEXT_MAX + 8];
    /* Two-byte characters from an odd offset: the cut falls inside one. */
    for (size_t shift = 0; shift < 2; shift++) {
        memset(text, 'a', sizeof text);
        for (size_t i = shift; i + 1 < sizeof text - 1; i += 2)
            memcpy(text + i, "\xc3\xa9", 2);
        text[sizeof text - 1] = '\0';
        err_set(&err, ERR_AGAIN, "%s", text);
        size_t len = strlen(err.text);
        assert_string_equal(err.text + len - 3, "...");
        assert_int_equal((unsigned char)err.text[len - 4], 0xa9);
    }
}

static void test_err_text_when_control_bytes_then_question_marks(void **state)
{
    (void)state;
    struct err err;
    err_set(&err, ERR_BROKEN, "a\nb\tc\x1b[31md\x7f");
    assert_string_equal(err.text, "a?b?c?[31md?");
    err_wrap(&err, "x\r\ny");
    assert_string_equal(err.text, "x??y: a?b?c?[31md?");
}

static void test_err_errno_when_known_then_kind_follows(void **state)
{
    (void)state;
    static const struct {
        int errnum;
        enum err_kind kind;
    } rows[] = {
        {ENOSPC, ERR_LOCAL},       {EDQUOT, ERR_LOCAL},       {EMFILE, ERR_LOCAL},
        {ENFILE, ERR_LOCAL},       {ENOMEM, ERR_LOCAL},       {EROFS, ERR_LOCAL},
        {EIO, ERR_LOCAL},          {EINVAL, ERR_LOCAL},       {ENOENT, ERR_ABSENT},
        {ENOTDIR, ERR_ABSENT},     {EACCES, ERR_DENIED},      {EPERM, ERR_DENIED},
        {ECONNREFUSED, ERR_AGAIN}, {ETIMEDOUT, ERR_AGAIN},    {ECONNRESET, ERR_AGAIN},
        {ENETUNREACH, ERR_AGAIN},  {EHOSTUNREACH, ERR_AGAIN},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct err err = {.until_ms = 9};
        assert_false(err_errno(&err, rows[i].errnum, "open %s", "f"));
        assert_int_equal(err.kind, rows[i].kind);
        assert_int_equal(err.until_ms, 0);
    }
    struct err err;
    err_errno(&err, ENOENT, "open %s", "/etc/x");
    assert_string_equal(err.text, "open /etc/x: No such file or directory");
}

static void test_err_kind_when_named_then_found_again(void **state)
{
    (void)state;
    for (unsigned kind = 0; kind < ERR_KIND_N; kind++)
        assert_int_equal(err_kind_find(err_kind_name((enum err_kind)kind)), kind);
    assert_string_equal(err_kind_name(ERR_THROTTLED), "throttled");
    assert_int_equal(err_kind_find("no such kind"), ERR_NONE);
    assert_int_equal(err_kind_find(NULL), ERR_NONE);
    assert_string_equal(err_kind_name((enum err_kind)99), "unknown");
}

static void test_err_clear_when_called_then_nothing_is_left(void **state)
{
    (void)state;
    struct err err;
    err_throttled(&err, 77, "later");
    err_clear(&err);
    assert_int_equal(err.kind, ERR_NONE);
    assert_int_equal(err.until_ms, 0);
    assert_string_equal(err.text, "");
}

static void test_check_when_false_then_process_stops_and_says_where(void **state)
{
    (void)state;
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    pid_t child = fork();
    if (child == 0) {
        dup2(ends[1], STDERR_FILENO);
        signal(SIGABRT, SIG_DFL);
        CHECK(1 + 1 == 3);
        _exit(0);
    }
    close(ends[1]);
    char line[512] = "";
    ssize_t n = read(ends[0], line, sizeof line - 1);
    close(ends[0]);
    int status;
    waitpid(child, &status, 0);
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
    assert_true(n > 0);
    assert_non_null(strstr(line, "test_err.c"));
    assert_non_null(strstr(line, "1 + 1 == 3"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_err_set_when_called_then_kind_text_and_false),
        cmocka_unit_test(test_err_functions_when_err_is_null_then_only_false),
        cmocka_unit_test(test_err_set_when_argument_is_own_text_then_text_survives),
        cmocka_unit_test(test_err_wrap_when_nested_then_outermost_comes_first_and_kind_stays),
        cmocka_unit_test(test_err_text_when_longest_that_fits_then_uncut),
        cmocka_unit_test(test_err_text_when_too_long_then_cut_with_dots),
        cmocka_unit_test(test_err_text_when_cut_inside_a_character_then_whole_character_goes),
        cmocka_unit_test(test_err_text_when_control_bytes_then_question_marks),
        cmocka_unit_test(test_err_errno_when_known_then_kind_follows),
        cmocka_unit_test(test_err_kind_when_named_then_found_again),
        cmocka_unit_test(test_err_clear_when_called_then_nothing_is_left),
        cmocka_unit_test(test_check_when_false_then_process_stops_and_says_where),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
