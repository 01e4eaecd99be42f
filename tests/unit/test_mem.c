/* SEES: base */
#include "base/mem.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

/* So that an impossible allocation reaches our code instead of ending in AddressSanitizer. */
__attribute__((visibility("default"))) const char *__asan_default_options(void);
const char *__asan_default_options(void)
{
    return "allocator_may_return_null=1";
}

/* Runs what() in a child whose stderr is read into text; gives the wait status. */
static int child_run(void (*what)(void), char *text, size_t size)
{
    int ends[2], status;
    assert_int_equal(pipe(ends), 0);
    pid_t child = fork();
    if (child == 0) {
        dup2(ends[1], STDERR_FILENO);
        signal(SIGABRT, SIG_DFL);
        what();
        _exit(0);
    }
    close(ends[1]);
    size_t len = 0;
    ssize_t n;
    while (len < size - 1 && (n = read(ends[0], text + len, size - 1 - len)) > 0)
        len += (size_t)n;
    text[len] = '\0';
    close(ends[0]);
    waitpid(child, &status, 0);
    return status;
}

static void too_much(void)
{
    mem_free(mem_new(SIZE_MAX / 2, 1));
}

static void too_many(void)
{
    volatile size_t n = SIZE_MAX / 2;
    mem_free(mem_new(n, 3));
}

static void grow_too_many(void)
{
    volatile size_t n = SIZE_MAX / 2;
    mem_free(mem_grow(NULL, 0, n, 3));
}

static void shrink(void)
{
    mem_free(mem_grow(mem_new(4, 1), 4, 3, 1));
}

static void test_mem_when_memory_ends_then_exit_70_with_one_line(void **state)
{
    (void)state;
    char text[8192];
    int status = child_run(too_much, text, sizeof text);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 70);
    assert_non_null(strstr(text, "chancery: out of memory"));
}

static void test_mem_when_sizes_overflow_then_check_stops(void **state)
{
    (void)state;
    char text[8192];
    int status = child_run(too_many, text, sizeof text);
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
    assert_non_null(strstr(text, "check failed"));
    status = child_run(grow_too_many, text, sizeof text);
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
    status = child_run(shrink, text, sizeof text);
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
}

static void test_mem_new_when_called_then_zeroed_and_never_null(void **state)
{
    (void)state;
    unsigned char *p = mem_new(100, 3);
    for (size_t i = 0; i < 300; i++)
        assert_int_equal(p[i], 0);
    mem_free(p);
    void *nothing = mem_new(0, 8);
    assert_non_null(nothing);
    mem_free(nothing);
    mem_free(NULL);
}

static void test_mem_grow_when_called_then_old_part_stays_and_new_part_is_zero(void **state)
{
    (void)state;
    int *p = mem_grow(NULL, 0, 2, sizeof *p);
    assert_int_equal(p[0], 0);
    p[0] = 7;
    p[1] = 8;
    p = mem_grow(p, 2, 1000, sizeof *p);
    assert_int_equal(p[0], 7);
    assert_int_equal(p[1], 8);
    for (size_t i = 2; i < 1000; i++)
        assert_int_equal(p[i], 0);
    mem_free(p);
}

static void test_mem_strings_when_null_or_part_then_copied(void **state)
{
    (void)state;
    assert_null(mem_strdup(NULL));
    assert_null(mem_strndup(NULL, 0));
    AUTO(mem_fini)
    char *part = mem_strndup("abcdef", 3);
    assert_string_equal(part, "abc");
    AUTO(mem_fini)
    char *whole = mem_strdup("");
    assert_string_equal(whole, "");
    AUTO(mem_fini)
    char *made = mem_printf("%s-%d-%0600d", "x", 5, 1);
    assert_int_equal(strlen(made), 604);
    assert_memory_equal(made, "x-5-000", 7);
}

static void test_mem_set_str_when_source_is_inside_the_slot_then_still_right(void **state)
{
    (void)state;
    char *slot = NULL;
    mem_set_str(&slot, "hello world");
    mem_set_str(&slot, slot + 6);
    assert_string_equal(slot, "world");
    mem_set_str(&slot, NULL);
    assert_null(slot);
}

static void test_mem_fini_when_called_then_pointer_is_emptied(void **state)
{
    (void)state;
    char *p = mem_strdup("x");
    mem_fini(&p);
    assert_null(p);
    mem_fini(&p);
}

static void test_arena_when_filled_then_all_pieces_are_apart_aligned_and_zero(void **state)
{
    (void)state;
    struct arena *a = arena_new();
    unsigned char *pieces[300];
    for (size_t i = 0; i < 300; i++) {
        pieces[i] = arena_alloc(a, i);
        assert_int_equal((uintptr_t)pieces[i] % _Alignof(max_align_t), 0);
        for (size_t k = 0; k < i; k++)
            assert_int_equal(pieces[i][k], 0);
        memset(pieces[i], (int)(i & 255), i);
    }
    for (size_t i = 0; i < 300; i++)
        for (size_t k = 0; k < i; k++)
            assert_int_equal(pieces[i][k], i & 255);
    assert_int_equal(arena_used(a), 299 * 300 / 2);
    arena_free(a);
    arena_free(NULL);
}

static void test_arena_reset_when_used_again_then_memory_is_zero_again(void **state)
{
    (void)state;
    struct arena *a = arena_new();
    arena_reset(a);
    memset(arena_alloc(a, 1000), 0xff, 1000);
    memset(arena_alloc(a, 1000000), 0xff, 1000000); /* larger than what is kept */
    arena_reset(a);
    assert_int_equal(arena_used(a), 0);
    memset(arena_alloc(a, 3000), 0xff, 3000);
    arena_reset(a);
    const unsigned char *p = arena_alloc(a, 3000);
    for (size_t i = 0; i < 3000; i++)
        assert_int_equal(p[i], 0);
    arena_free(a);
}

static char released[8];

static void release(void *thing)
{
    size_t len = strlen(released);
    released[len] = *(const char *)thing;
}

static void test_arena_defer_when_reset_or_freed_then_released_once_the_last_first(void **state)
{
    (void)state;
    struct arena *a = arena_new();
    arena_defer(a, release, (void *)"a");
    arena_defer(a, release, (void *)"b");
    arena_reset(a);
    assert_string_equal(released, "ba");
    arena_defer(a, release, (void *)"c");
    arena_free(a);
    assert_string_equal(released, "bac");
}

static void test_arena_strings_when_made_then_terminated(void **state)
{
    (void)state;
    struct arena *a = arena_new();
    assert_null(arena_strdup(a, NULL));
    assert_string_equal(arena_strdup(a, "abc"), "abc");
    assert_string_equal(arena_strndup(a, "abcdef", 2), "ab");
    const char *made = arena_printf(a, "%05000d", 7);
    assert_int_equal(strlen(made), 5000);
    assert_int_equal(made[4999], '7');
    arena_free(a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_mem_when_memory_ends_then_exit_70_with_one_line),
        cmocka_unit_test(test_mem_when_sizes_overflow_then_check_stops),
        cmocka_unit_test(test_mem_new_when_called_then_zeroed_and_never_null),
        cmocka_unit_test(test_mem_grow_when_called_then_old_part_stays_and_new_part_is_zero),
        cmocka_unit_test(test_mem_strings_when_null_or_part_then_copied),
        cmocka_unit_test(test_mem_set_str_when_source_is_inside_the_slot_then_still_right),
        cmocka_unit_test(test_mem_fini_when_called_then_pointer_is_emptied),
        cmocka_unit_test(test_arena_when_filled_then_all_pieces_are_apart_aligned_and_zero),
        cmocka_unit_test(test_arena_reset_when_used_again_then_memory_is_zero_again),
        cmocka_unit_test(test_arena_defer_when_reset_or_freed_then_released_once_the_last_first),
        cmocka_unit_test(test_arena_strings_when_made_then_terminated),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
