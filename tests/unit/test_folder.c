/* SEES: base io */
#include "base/clock.h"
#include "io/files.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

#include "scratch.h"

#include <cmocka.h>

struct seen {
    struct buf names;
    int n, stop_after;
    struct file_stamp last;
};

static bool see(void *arg, const char *name, const struct file_stamp *stamp)
{
    struct seen *seen = arg;
    buf_printf(&seen->names, "%s ", name);
    seen->last = *stamp;
    return ++seen->n != seen->stop_after;
}

static void test_walk_when_mixed_then_only_fitting_regular_files_in_order(void **state)
{
    struct seen seen = {.names = BUF(1000)};
    (void)state;
    scratch_put("b.yaml", "12", 0600);
    scratch_put("a.yaml", "1", 0600);
    scratch_put("B.yaml", "1", 0600);
    scratch_put(".hidden.yaml", "1", 0600);
    scratch_put("c.yml", "1", 0600);
    assert_int_equal(mkdir(scratch("d.yaml"), 0700), 0);
    assert_int_equal(mkfifo(scratch("e.yaml"), 0600), 0);
    assert_int_equal(symlink("nowhere", scratch("f.yaml")), 0);
    assert_int_equal(symlink("b.yaml", scratch("z.yaml")), 0);
    assert_true(folder_walk(scratch_dir, ".yaml", see, &seen, NULL));
    assert_string_equal(buf_cstr(&seen.names), "B.yaml a.yaml b.yaml z.yaml ");
    assert_int_equal(seen.last.size, 2);
    buf_fini(&seen.names);
}

static void test_walk_when_another_user_planted_a_link_then_not_shown(void **state)
{
    struct seen seen = {.names = BUF(1000)};
    (void)state;
    if (geteuid() != 0) {
        print_message("NOT TESTED: planting a link as another user needs root\n");
        skip();
    }
    scratch_put("a.yaml", "1", 0600);
    assert_int_equal(symlink("a.yaml", scratch("b.yaml")), 0);
    assert_int_equal(lchown(scratch("b.yaml"), 4321, 4321), 0);
    assert_true(folder_walk(scratch_dir, ".yaml", see, &seen, NULL));
    assert_string_equal(buf_cstr(&seen.names), "a.yaml ");
    buf_fini(&seen.names);
}

static void test_walk_when_visit_says_stop_then_stops(void **state)
{
    struct seen seen = {.names = BUF(1000), .stop_after = 2};
    (void)state;
    scratch_put("a", "", 0600);
    scratch_put("b", "", 0600);
    scratch_put("c", "", 0600);
    assert_true(folder_walk(scratch_dir, "", see, &seen, NULL));
    assert_string_equal(buf_cstr(&seen.names), "a b ");
    buf_fini(&seen.names);
}

static void test_walk_when_empty_or_absent_then_nothing_or_absent(void **state)
{
    struct seen seen = {.names = BUF(1000)};
    struct err err;
    (void)state;
    assert_true(folder_walk(scratch_dir, ".yaml", see, &seen, &err));
    assert_int_equal(seen.n, 0);
    assert_false(folder_walk(scratch("none"), ".yaml", see, &seen, &err));
    assert_int_equal(err.kind, ERR_ABSENT);
}

static void test_walk_when_a_file_changes_then_its_stamp_changes(void **state)
{
    struct file_stamp first, second;
    (void)state;
    scratch_put("a", "1", 0600);
    assert_true(file_stat(scratch("a"), &first, NULL));
    assert_true(file_replace(scratch("a"), STR("2"), 0600, NULL, NULL));
    assert_true(file_stat(scratch("a"), &second, NULL));
    assert_true(first.inode != second.inode || first.mtime_ns != second.mtime_ns);
    assert_int_equal(second.size, 1);
    struct err err;
    assert_false(file_stat(scratch("none"), &second, &err));
    assert_int_equal(err.kind, ERR_ABSENT);
    assert_false(file_stat(scratch_dir, &second, &err));
    assert_int_equal(err.kind, ERR_CONFIG);
}

enum { MANY = 10000 };

static bool count(void *arg, const char *name, const struct file_stamp *stamp)
{
    (void)name;
    (void)stamp;
    (*(int *)arg)++;
    return true;
}

static int64_t now_us(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

/* A bare loop over the same names is the floor; what we add is the listing and the sorting. */
static void test_walk_when_10000_files_then_near_a_bare_stat_loop(void **state)
{
    char name[32];
    struct stat st;
    int64_t bare_us = INT64_MAX, walk_us = INT64_MAX;
    (void)state;
    for (int i = 0; i < MANY; i++) {
        snprintf(name, sizeof name, "set-%05d.yaml", (i * 7919) % MANY);
        scratch_put(name, "", 0600);
    }
    for (int round = 0; round < 5; round++) {
        int n = 0;
        int64_t start = now_us();
        for (int i = 0; i < MANY; i++) {
            snprintf(name, sizeof name, "set-%05d.yaml", i);
            assert_int_equal(stat(scratch(name), &st), 0);
        }
        int64_t middle = now_us();
        assert_true(folder_walk(scratch_dir, ".yaml", count, &n, NULL));
        int64_t end = now_us();
        assert_int_equal(n, MANY);
        bare_us = middle - start < bare_us ? middle - start : bare_us;
        walk_us = end - middle < walk_us ? end - middle : walk_us;
    }
    print_message("%d files: bare stat loop %lld us, folder_walk %lld us\n", MANY,
                  (long long)bare_us, (long long)walk_us);
    assert_true(walk_us < bare_us * 4);
}

static void test_make_when_parents_are_missing_then_all_made_with_the_mode(void **state)
{
    struct err err;
    (void)state;
    assert_int_equal(mkdir(scratch("a"), 0711), 0);
    mode_t before = umask(077);
    assert_true(folder_make(scratch("a/b/c//d/"), 0750, &err));
    assert_true(folder_make(scratch("a/b/c/d"), 0700, &err));
    umask(before);
    assert_int_equal(scratch_mode("a"), 0711);
    assert_int_equal(scratch_mode("a/b"), 0750);
    assert_int_equal(scratch_mode("a/b/c/d"), 0750);
}

static void test_make_when_a_file_is_in_the_way_then_absent_and_nothing_made(void **state)
{
    struct err err;
    (void)state;
    scratch_put("a", "", 0600);
    assert_false(folder_make(scratch("a/b"), 0750, &err));
    assert_int_equal(err.kind, ERR_ABSENT);
    char name[400];
    memset(name, 'x', sizeof name);
    memcpy(name, "long/", 5);
    name[sizeof name - 1] = '\0';
    assert_false(folder_make(scratch(name), 0750, &err));
    assert_int_equal(err.kind, ERR_CONFIG);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, scratch_make, scratch_remove)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_walk_when_mixed_then_only_fitting_regular_files_in_order),
        TEST(test_walk_when_another_user_planted_a_link_then_not_shown),
        TEST(test_walk_when_visit_says_stop_then_stops),
        TEST(test_walk_when_empty_or_absent_then_nothing_or_absent),
        TEST(test_walk_when_a_file_changes_then_its_stamp_changes),
        TEST(test_walk_when_10000_files_then_near_a_bare_stat_loop),
        TEST(test_make_when_parents_are_missing_then_all_made_with_the_mode),
        TEST(test_make_when_a_file_is_in_the_way_then_absent_and_nothing_made),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
