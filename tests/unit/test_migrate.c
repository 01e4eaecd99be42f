/* SEES: base store */
#include "base/failpoint.h"
#include "store/sqlite/sqlite.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

static const struct migration steps[] = {
    {101, "one more table", "CREATE TABLE extra (x INTEGER NOT NULL);"},
    {102, "its first row", "INSERT INTO extra VALUES (7); CREATE INDEX extra_x ON extra (x);"},
    {103, "a mistake", "INSERT INTO extra VALUES (8); INSERT INTO no_such_table VALUES (1);"},
};

struct place {
    char folder[64], path[96];
};

static int place_make(void **state)
{
    struct place *p = NEW(struct place);
    snprintf(p->folder, sizeof p->folder, "/tmp/chancery-migrate-XXXXXX");
    assert_non_null(mkdtemp(p->folder));
    snprintf(p->path, sizeof p->path, "%s/c.db", p->folder);
    *state = p;
    return 0;
}

static int place_remove(void **state)
{
    static const char *const tails[] = {"", "-wal", "-shm"};
    struct place *p = *state;
    char path[128];
    for (size_t i = 0; i < 3; i++) {
        snprintf(path, sizeof path, "%s%s", p->path, tails[i]);
        unlink(path);
    }
    rmdir(p->folder);
    mem_free(p);
    return 0;
}

static struct store *open_new(const char *path)
{
    struct err err = {0};
    struct store *store = NULL;
    struct store_options o = {.path = path, .create = true};
    if (!store_open(&o, &store, &err))
        fail_msg("%s", err.text);
    return store;
}

static void open_refused(const char *path, bool read_only, const char *words)
{
    struct err err = {0};
    struct store *store = NULL;
    struct store_options o = {.path = path, .create = !read_only, .read_only = read_only};
    assert_false(store_open(&o, &store, &err));
    assert_int_equal(err.kind, ERR_STORE);
    if (strstr(err.text, words) == NULL)
        fail_msg("\"%s\" says nothing of \"%s\"", err.text, words);
}

static int64_t number_of(struct store *store, const char *sql)
{
    struct err err = {0};
    int64_t value = -1;
    if (!connection_int(sqlite_of(store), "test", sql, &value, &err))
        return -2;
    return value;
}

static void raw_exec(const char *path, const char *sql)
{
    sqlite3 *db;
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
    sqlite3_close(db);
}

static void test_open_when_new_then_schema_is_the_newest(void **state)
{
    (void)state;
    struct store *store = open_new(":memory:");
    assert_int_equal(number_of(store, "PRAGMA user_version"), store_schema());
    assert_true(number_of(store, "SELECT count(*) FROM sqlite_schema WHERE type = 'table'") >= 15);
    store_close(store);
}

static void test_migrate_when_steps_are_missing_then_applied_in_order_once(void **state)
{
    (void)state;
    struct err err = {0};
    struct store *store = open_new(":memory:");
    assert_true(migrate_run(sqlite_of(store), steps, 2, &err));
    assert_int_equal(number_of(store, "PRAGMA user_version"), 102);
    assert_int_equal(number_of(store, "SELECT sum(x) FROM extra"), 7);
    assert_true(migrate_run(sqlite_of(store), steps, 2, &err));
    assert_int_equal(number_of(store, "SELECT sum(x) FROM extra"), 7);
    store_close(store);
}

static void test_migrate_when_a_step_fails_then_the_ones_before_stay_whole(void **state)
{
    (void)state;
    struct err err = {0};
    struct store *store = open_new(":memory:");
    assert_false(migrate_run(sqlite_of(store), steps, 3, &err));
    assert_int_equal(err.kind, ERR_STORE);
    assert_non_null(strstr(err.text, "migrate to schema 103 (a mistake)"));
    assert_non_null(strstr(err.text, "no_such_table"));
    assert_int_equal(number_of(store, "PRAGMA user_version"), 102);
    assert_int_equal(number_of(store, "SELECT sum(x) FROM extra"), 7);
    assert_false(store_in_transaction(store));
    assert_true(store_begin(store, &err));
    store_rollback(store);
    store_close(store);
}

static void test_open_when_written_by_a_newer_program_then_refused_and_untouched(void **state)
{
    struct place *p = *state;
    store_close(open_new(p->path));
    raw_exec(p->path, "PRAGMA user_version = 7");
    char words[120];
    snprintf(words, sizeof words,
             "written by a newer chancery (schema 7, this program knows %d): use the newer program",
             store_schema());
    open_refused(p->path, false, words);
    open_refused(p->path, true, words);
    sqlite3 *db;
    sqlite3_stmt *stmt;
    assert_int_equal(sqlite3_open(p->path, &db), SQLITE_OK);
    assert_int_equal(sqlite3_prepare_v2(db, "PRAGMA user_version", -1, &stmt, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_step(stmt), SQLITE_ROW);
    assert_int_equal(sqlite3_column_int(stmt, 0), 7);
    sqlite3_finalize(stmt);
    sqlite3_close(db);
}

static void test_read_only_when_the_schema_is_older_then_says_who_migrates(void **state)
{
    struct place *p = *state;
    store_close(open_new(p->path));
    raw_exec(p->path, "PRAGMA user_version = 0");
    open_refused(p->path, true, "written by an older chancery (schema 0");
}

static void test_open_when_eight_start_at_once_then_all_get_one_schema(void **state)
{
    struct place *p = *state;
    pid_t children[8];
    for (size_t i = 0; i < 8; i++) {
        children[i] = fork();
        if (children[i] == 0) {
            struct err err = {0};
            struct store *store = NULL;
            struct store_options o = {.path = p->path, .create = true, .busy_timeout_ms = 20000};
            bool ok = store_open(&o, &store, &err) && store_begin(store, &err) &&
                      store_run(store, NULL, &err, SQL_META_SET, "tt", "who", "me") &&
                      store_commit(store, &err);
            if (!ok)
                fprintf(stderr, "%s\n", err.text);
            store_close(store);
            _exit(ok ? 0 : 1);
        }
    }
    for (size_t i = 0; i < 8; i++) {
        int status = -1;
        assert_int_equal(waitpid(children[i], &status, 0), children[i]);
        assert_int_equal(status, 0);
    }
    struct err err = {0};
    struct store *store = open_new(p->path);
    assert_int_equal(number_of(store, "PRAGMA user_version"), store_schema());
    assert_true(store_check(store, &err));
    store_close(store);
}

static void test_migrate_when_killed_within_then_the_next_start_finishes(void **state)
{
#ifdef CHANCERY_FAILPOINTS
    struct place *p = *state;
    static const char *const points[] = {"store.migrate.before=kill", "store.migrate.after=kill"};
    for (size_t i = 0; i < 2; i++) {
        pid_t child = fork();
        if (child == 0) {
            struct err err = {0};
            failpoint_arm(points[i], &err);
            struct store *store = NULL;
            struct store_options o = {.path = p->path, .create = true};
            _exit(store_open(&o, &store, &err) ? 3 : 4);
        }
        int status = 0;
        assert_int_equal(waitpid(child, &status, 0), child);
        assert_true(WIFSIGNALED(status));
        open_refused(p->path, true, "is empty");
    }
    struct err err = {0};
    struct store *store = open_new(p->path);
    assert_int_equal(number_of(store, "PRAGMA user_version"), store_schema());
    assert_true(store_check(store, &err));
    store_close(store);
#else
    (void)state;
    skip();
#endif
}

#define IN_PLACE(f) cmocka_unit_test_setup_teardown(f, place_make, place_remove)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_open_when_new_then_schema_is_the_newest),
        cmocka_unit_test(test_migrate_when_steps_are_missing_then_applied_in_order_once),
        cmocka_unit_test(test_migrate_when_a_step_fails_then_the_ones_before_stay_whole),
        IN_PLACE(test_open_when_written_by_a_newer_program_then_refused_and_untouched),
        IN_PLACE(test_read_only_when_the_schema_is_older_then_says_who_migrates),
        IN_PLACE(test_open_when_eight_start_at_once_then_all_get_one_schema),
        IN_PLACE(test_migrate_when_killed_within_then_the_next_start_finishes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
