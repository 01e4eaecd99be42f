/* SEES: base store */
#include "base/failpoint.h"
#include "store/sqlite/sqlite.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

struct place {
    char folder[64], path[96];
};

static int place_make(void **state)
{
    struct place *p = NEW(struct place);
    snprintf(p->folder, sizeof p->folder, "/tmp/chancery-store-XXXXXX");
    assert_non_null(mkdtemp(p->folder));
    snprintf(p->path, sizeof p->path, "%s/c.db", p->folder);
    *state = p;
    return 0;
}

static int place_remove(void **state)
{
    static const char *const names[] = {"c.db",        "c.db-wal",    "c.db-shm", "b.db",
                                        "b.db.part",   "away.db",     "link.db",  "sub/c.db",
                                        "sub",         "w%3F?x#.db",  "b.db-wal", "b.db-shm",
                                        "away.db-wal", "away.db-shm", "ro/c.db",  "ro"};
    struct place *p = *state;
    char path[160];
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        snprintf(path, sizeof path, "%s/%s", p->folder, names[i]);
        remove(path);
    }
    rmdir(p->folder);
    mem_free(p);
    return 0;
}

static struct store *open_ok(const char *path, bool create, bool read_only)
{
    struct err err = {0};
    struct store *store = NULL;
    struct store_options o = {
        .path = path, .create = create, .read_only = read_only, .busy_timeout_ms = 200};
    if (!store_open(&o, &store, &err))
        fail_msg("%s", err.text);
    return store;
}

static void open_refused(const char *path, bool create, bool read_only, const char *words)
{
    struct err err = {0};
    struct store *store = (struct store *)&err;
    struct store_options o = {
        .path = path, .create = create, .read_only = read_only, .busy_timeout_ms = 50};
    assert_false(store_open(&o, &store, &err));
    assert_ptr_equal(store, &err);
    assert_int_equal(err.kind, ERR_STORE);
    if (strstr(err.text, words) == NULL)
        fail_msg("\"%s\" says nothing of \"%s\"", err.text, words);
}

static void meta_set(struct store *store, const char *name, const char *value)
{
    struct err err = {0};
    if (!store_run(store, NULL, &err, SQL_META_SET, "tt", name, value))
        fail_msg("%s", err.text);
}

/* The caller frees; NULL when absent. */
static char *meta_get(struct store *store, const char *name)
{
    struct err err = {0};
    struct rows rows;
    char *value = NULL;
    assert_true(store_query(store, &rows, &err, SQL_META_GET, "t", name));
    if (rows_next(&rows))
        value = mem_strdup(rows_text(&rows, 0));
    assert_true(rows_end(&rows, &err));
    return value;
}

static void meta_is(struct store *store, const char *name, const char *want)
{
    char *value = meta_get(store, name);
    if (want == NULL)
        assert_null(value);
    else
        assert_string_equal(value, want);
    mem_free(value);
}

static void raw_exec(const char *path, const char *sql)
{
    sqlite3 *db;
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    char *text = NULL;
    if (sqlite3_exec(db, sql, NULL, NULL, &text) != SQLITE_OK)
        fail_msg("%s: %s", sql, text);
    sqlite3_close(db);
}

static int mode_of(const char *path)
{
    struct stat st;
    assert_int_equal(stat(path, &st), 0);
    return (int)(st.st_mode & 07777);
}

static void file_write(const char *path, const void *bytes, size_t len, mode_t mode)
{
    int fd = open(path, O_CREAT | O_TRUNC | O_WRONLY, mode);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, bytes, len), (ssize_t)len);
    fchmod(fd, mode);
    close(fd);
}

static void test_statement_every_one_when_prepared_then_fits_the_schema(void **state)
{
    (void)state;
    struct store *store = open_ok(":memory:", true, false);
    int n_bad = 0;
    for (int i = 0; i < SQL_N; i++) {
        struct err err = {0};
        struct statement *s = statement_take(sqlite_of(store), (enum sql_name)i, &err);
        if (s == NULL) {
            print_error("%s\n", err.text);
            n_bad++;
            continue;
        }
        statement_give_back(s);
    }
    assert_int_equal(n_bad, 0);
    store_close(store);
}

static void test_store_memory_when_used_then_keeps_values(void **state)
{
    (void)state;
    struct store *store = open_ok(":memory:", false, false);
    meta_set(store, "a", "1");
    meta_set(store, "a", "2");
    meta_is(store, "a", "2");
    meta_is(store, "b", NULL);
    struct err err = {0};
    assert_true(store_check(store, &err));
    store_close(store);
}

static void test_store_file_when_created_then_private_and_durable(void **state)
{
    struct place *p = *state;
    char folder[96], path[128], log[136];
    snprintf(folder, sizeof folder, "%s/sub", p->folder);
    snprintf(path, sizeof path, "%s/c.db", folder);
    snprintf(log, sizeof log, "%s-wal", path);
    mode_t old = umask(0);
    struct store *store = open_ok(path, true, false);
    umask(old);
    assert_int_equal(mode_of(folder), 0700);
    assert_int_equal(mode_of(path), 0600);
    meta_set(store, "k", "v");
    assert_int_equal(mode_of(log), 0600);
    store_close(store);
    assert_int_not_equal(access(log, F_OK), 0);
    store = open_ok(path, false, false);
    meta_is(store, "k", "v");
    store_close(store);
}

static void test_store_when_opened_then_settings_are_the_safe_ones(void **state)
{
    struct place *p = *state;
    static const struct {
        const char *pragma;
        int64_t want;
    } cases[] = {{"PRAGMA synchronous", 2},   {"PRAGMA foreign_keys", 1},
                 {"PRAGMA secure_delete", 1}, {"PRAGMA temp_store", 2},
                 {"PRAGMA mmap_size", 0},     {"PRAGMA cache_size", -2048},
                 {"PRAGMA trusted_schema", 0}};
    struct store *store = open_ok(p->path, true, false);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct err err = {0};
        int64_t value = -7;
        assert_true(connection_int(sqlite_of(store), "test", cases[i].pragma, &value, &err));
        if (value != cases[i].want)
            fail_msg("%s is %d", cases[i].pragma, (int)value);
    }
    store_close(store);
}

static void test_store_path_when_unsafe_then_refused_with_a_reason(void **state)
{
    struct place *p = *state;
    char link[96], other[96];
    snprintf(link, sizeof link, "%s/link.db", p->folder);
    snprintf(other, sizeof other, "%s/none/there/c.db", p->folder);
    open_refused(p->path, false, false, "does not exist: make it with `chancery init`");
    open_refused(p->path, true, true, "does not exist");
    assert_int_not_equal(access(p->path, F_OK), 0);
    open_refused(other, true, false, "cannot make the folder");
    open_refused(p->folder, true, false, "is not a regular file");
    open_refused("/tmp/", true, false, "is not the path of a file");
    store_close(open_ok(p->path, true, false));
    assert_int_equal(symlink(p->path, link), 0);
    open_refused(link, true, false, "is a symbolic link");
    assert_int_equal(chmod(p->path, 0640), 0);
    open_refused(p->path, false, false, "others may read or write it (mode 0640): chmod 600");
    assert_int_equal(chmod(p->path, 0600), 0);
    store_close(open_ok(p->path, false, false));
}

static void test_store_folder_when_behind_a_link_then_the_real_file_is_used(void **state)
{
    struct place *p = *state;
    char link[96], path[128];
    store_close(open_ok(p->path, true, false));
    snprintf(link, sizeof link, "%s/link.db", p->folder);
    assert_int_equal(symlink(p->folder, link), 0);
    snprintf(path, sizeof path, "%s/c.db", link);
    struct store *store = open_ok(path, false, false);
    assert_string_equal(store->path, p->path);
    store_close(store);
}

static void test_place_when_filesystem_is_shared_then_named(void **state)
{
    (void)state;
    assert_string_equal(place_network_name(0x6969), "NFS");
    assert_string_equal(place_network_name(0xFF534D42), "CIFS");
    assert_string_equal(place_network_name(0xFE534D42), "SMB2");
    assert_null(place_network_name(0xEF53));     /* ext4 */
    assert_null(place_network_name(0x01021994)); /* tmpfs */
    assert_null(place_network_name(0x65735546)); /* FUSE: told apart by its type */
    assert_true(place_fuse_is_network(STR("fuse.sshfs")));
    assert_true(place_fuse_is_network(STR("fuse.glusterfs")));
    assert_true(place_fuse_is_network(STR("fuse.s3fs")));
    assert_false(place_fuse_is_network(STR("fuse.fuse-overlayfs")));
    assert_false(place_fuse_is_network(STR("fuseblk")));
}

static void test_walk_when_its_statement_is_asked_again_then_both_go_on(void **state)
{
    (void)state;
    struct store *store = open_ok(":memory:", true, false);
    struct err err = {0};
    struct rows outer, inner, third;
    meta_set(store, "a", "1");
    meta_set(store, "b", "2");
    meta_set(store, "c", "3");
    assert_true(store_query(store, &outer, &err, SQL_META_GET, "t", "a"));
    assert_true(store_query(store, &inner, &err, SQL_META_GET, "t", "b"));
    assert_true(rows_next(&outer));
    assert_true(store_query(store, &third, &err, SQL_META_GET, "t", "c"));
    assert_true(rows_next(&third));
    assert_true(rows_next(&inner));
    assert_string_equal(rows_text(&outer, 0), "1");
    assert_string_equal(rows_text(&inner, 0), "2");
    assert_int_equal(rows_int(&third, 0), 3);
    meta_is(store, "b", "2");
    assert_true(rows_end(&outer, &err));
    assert_false(rows_next(&inner));
    assert_false(rows_next(&inner));
    assert_true(rows_end(&inner, &err));
    assert_true(rows_end(&third, &err));
    meta_is(store, "a", "1");
    store_close(store);
}

static void test_bind_text_when_freed_after_the_query_then_the_walk_still_sees_it(void **state)
{
    (void)state;
    struct store *store = open_ok(":memory:", true, false);
    struct err err = {0};
    struct rows rows;
    meta_set(store, "name", "value");
    char *name = mem_strdup("name");
    assert_true(store_query(store, &rows, &err, SQL_META_GET, "t", name));
    mem_free(name);
    assert_true(rows_next(&rows));
    assert_false(rows_is_null(&rows, 0));
    struct str blob = rows_blob(&rows, 0);
    assert_true(str_eq(blob, STR("value")));
    assert_true(rows_end(&rows, &err));
    store_close(store);
}

static void test_statement_when_a_rule_forbids_it_then_only_it_is_undone(void **state)
{
    (void)state;
    struct store *store = open_ok(":memory:", true, false);
    struct err err = {0};
    assert_true(store_begin(store, &err));
    meta_set(store, "kept", "1");
    assert_false(store_run(store, NULL, &err, SQL_META_SET, "tt", "bad", NULL));
    assert_int_equal(err.kind, ERR_STORE);
    assert_non_null(strstr(err.text, "statement META_SET"));
    assert_non_null(strstr(err.text, "NOT NULL"));
    assert_true(store_commit(store, &err));
    meta_is(store, "kept", "1");
    meta_is(store, "bad", NULL);
    store_close(store);
}

static void test_transaction_when_rolled_back_then_nothing_stays(void **state)
{
    (void)state;
    struct store *store = open_ok(":memory:", true, false);
    struct err err = {0};
    store_rollback(store);
    assert_false(store_in_transaction(store));
    assert_true(store_begin(store, &err));
    assert_true(store_in_transaction(store));
    meta_set(store, "a", "1");
    store_rollback(store);
    assert_false(store_in_transaction(store));
    meta_is(store, "a", NULL);
    assert_int_equal(store_n_commits(store), 0);
    store_close(store);
}

static void test_commits_when_counted_then_only_those_that_changed_something(void **state)
{
    (void)state;
    struct store *store = open_ok(":memory:", true, false);
    struct err err = {0};
    int64_t changes = -1, value = 0, id = 5;
    assert_true(store_begin(store, &err));
    assert_true(store_commit(store, &err));
    assert_int_equal(store_n_commits(store), 0);
    assert_true(store_begin(store, &err));
    assert_true(store_run(store, &changes, &err, SQL_META_SET, "tt", "n", "42"));
    assert_true(store_commit(store, &err));
    assert_int_equal(changes, 1);
    assert_int_equal(store_n_commits(store), 1);
    meta_set(store, "m", "1");
    assert_int_equal(store_n_commits(store), 2);
    assert_true(store_int(store, -1, &value, &err, SQL_META_GET, "t", "n"));
    assert_int_equal(value, 42);
    assert_true(store_int(store, -1, &value, &err, SQL_META_GET, "t", "absent"));
    assert_int_equal(value, -1);
    assert_true(connection_exec(sqlite_of(store), "test", "CREATE TEMP TABLE t (x)", &err));
    assert_true(store_insert(store, &id, &err, SQL_META_SET, "tt", "z", "1"));
    store_close(store);
}

static bool hurries(void *arg)
{
    int *n = arg;
    return ++*n > 3;
}

static void test_begin_when_hurried_in_the_middle_of_a_wait_then_gives_up(void **state)
{
    struct place *p = *state;
    struct err err = {0};
    struct store *one = open_ok(p->path, true, false), *two = NULL;
    struct store_options patient = {.path = p->path, .busy_timeout_ms = 3600 * 1000};
    int n_asked = 0;
    assert_true(store_open(&patient, &two, &err));
    store_hurry_when(two, hurries, &n_asked);
    assert_true(store_begin(one, &err));
    assert_false(store_begin(two, &err));
    assert_int_equal(err.kind, ERR_STORE);
    assert_non_null(strstr(err.text, "waited 0.5 s"));
    store_rollback(one);
    assert_true(store_begin(two, &err));
    store_close(two);
    store_close(one);
}

static void test_begin_when_another_writes_then_waits_and_names_the_lock(void **state)
{
    struct place *p = *state;
    struct err err = {0};
    struct store *one = open_ok(p->path, true, false), *two = open_ok(p->path, false, false);
    assert_true(store_begin(one, &err));
    meta_set(one, "a", "1");
    assert_false(store_begin(two, &err));
    assert_int_equal(err.kind, ERR_STORE);
    assert_non_null(strstr(err.text, "another process keeps it locked (waited 0.2 s)"));
    assert_non_null(strstr(err.text, "fuser"));
    meta_is(two, "a", NULL);
    assert_true(store_commit(one, &err));
    assert_true(store_begin(two, &err));
    meta_is(two, "a", "1");
    store_rollback(two);
    store_close(one);
    store_close(two);
}

static void test_read_only_when_a_leader_writes_then_sees_its_commits_and_cannot_write(void **state)
{
    struct place *p = *state;
    struct err err = {0};
    struct store *leader = open_ok(p->path, true, false);
    meta_set(leader, "a", "1");
    struct store *reader = open_ok(p->path, false, true);
    assert_true(store_begin(leader, &err));
    meta_set(leader, "a", "2");
    meta_is(reader, "a", "1");
    assert_true(store_commit(leader, &err));
    meta_is(reader, "a", "2");
    assert_true(store_begin(reader, &err));
    meta_is(reader, "a", "2");
    meta_set(leader, "a", "3");
    meta_is(reader, "a", "2");
    store_rollback(reader);
    meta_is(reader, "a", "3");
    assert_false(store_run(reader, NULL, &err, SQL_META_SET, "tt", "b", "1"));
    assert_non_null(strstr(err.text, "read-only"));
    store_close(reader);
    store_close(leader);
}

/* Root may write everywhere, so the folder is put on a read-only mount; without mounts this
 * cannot be shown. */
static void test_read_only_when_the_mount_is_read_only_then_still_readable(void **state)
{
    struct place *p = *state;
    char folder[96], path[128], log[136];
    snprintf(folder, sizeof folder, "%s/ro", p->folder);
    snprintf(path, sizeof path, "%s/c.db", folder);
    snprintf(log, sizeof log, "%s-wal", path);
    assert_int_equal(mkdir(folder, 0700), 0);
    if (mount("tmpfs", folder, "tmpfs", 0, "size=2m") != 0)
        skip();
    struct store *store = open_ok(path, true, false);
    meta_set(store, "a", "1");
    store_close(store);
    assert_int_equal(mount("tmpfs", folder, "tmpfs", MS_REMOUNT | MS_RDONLY, NULL), 0);
    store = open_ok(path, false, true);
    meta_is(store, "a", "1");
    store_close(store);
    assert_int_not_equal(access(log, F_OK), 0);
    open_refused(path, false, false, "the file or its filesystem is read-only");
    assert_int_equal(umount(folder), 0);
}

static void test_commit_when_the_disk_is_full_then_all_is_undone_and_it_resumes(void **state)
{
    struct place *p = *state;
    char folder[96], path[128], *big = mem_new(1, 300001);
    memset(big, 'x', 300000);
    snprintf(folder, sizeof folder, "%s/sub", p->folder);
    snprintf(path, sizeof path, "%s/c.db", folder);
    assert_int_equal(mkdir(folder, 0700), 0);
    bool mounted = mount("tmpfs", folder, "tmpfs", 0, "size=600k") == 0;
    struct err err = {0};
    struct store *store = open_ok(path, true, false);
    if (!mounted)
        assert_true(connection_exec(sqlite_of(store), "test", "PRAGMA max_page_count = 100", &err));
    meta_set(store, "before", "1");
    bool failed = false;
    int n = 0;
    for (; !failed && n < 10; n++) {
        char name[16];
        snprintf(name, sizeof name, "big%d", n);
        assert_true(store_begin(store, &err));
        bool ran = store_run(store, NULL, &err, SQL_META_SET, "tt", name, big);
        bool small = store_run(store, NULL, ran ? &err : NULL, SQL_META_SET, "tt", "after", name);
        failed = !(store_commit(store, ran && small ? &err : NULL) && ran && small);
    }
    assert_true(failed);
    assert_int_equal(err.kind, ERR_STORE);
    if (strstr(err.text, "the disk is full") == NULL)
        fail_msg("%s", err.text);
    assert_false(store_in_transaction(store));
    meta_is(store, "before", "1");
    if (n > 1) {
        char last[16];
        snprintf(last, sizeof last, "big%d", n - 2);
        meta_is(store, "after", last);
    }
    if (mounted)
        assert_int_equal(mount("tmpfs", folder, "tmpfs", MS_REMOUNT, "size=16m"), 0);
    else
        assert_true(
            connection_exec(sqlite_of(store), "test", "PRAGMA max_page_count = 10000", &err));
    assert_true(store_begin(store, &err));
    meta_set(store, "resumed", big);
    assert_true(store_commit(store, &err));
    assert_true(store_check(store, &err));
    store_close(store);
    mem_free(big);
    if (mounted)
        assert_int_equal(umount(folder), 0);
}

static void test_transaction_when_sqlite_undid_it_then_no_later_step_slips_through(void **state)
{
    struct place *p = *state;
    struct err err = {0};
    struct store *store = open_ok(p->path, true, false);
    assert_true(store_begin(store, &err));
    meta_set(store, "a", "1");
    assert_int_equal(sqlite3_exec(sqlite_of(store)->db, "ROLLBACK", NULL, NULL, NULL), SQLITE_OK);
    assert_false(store_run(store, NULL, &err, SQL_META_SET, "tt", "b", "1"));
    assert_non_null(strstr(err.text, "an earlier step of the same change failed"));
    assert_false(store_commit(store, &err));
    assert_false(store_in_transaction(store));
    meta_is(store, "a", NULL);
    meta_is(store, "b", NULL);
    meta_set(store, "c", "1");
    store_close(store);
}

static void test_commit_when_failpoint_says_error_then_rolled_back(void **state)
{
    (void)state;
#ifdef CHANCERY_FAILPOINTS
    struct store *store = open_ok(":memory:", true, false);
    struct err err = {0};
    assert_true(failpoint_arm("store.commit.fail=error@2", &err));
    assert_true(store_begin(store, &err));
    meta_set(store, "a", "1");
    assert_true(store_commit(store, &err));
    assert_true(store_begin(store, &err));
    meta_set(store, "a", "2");
    assert_false(store_commit(store, &err));
    assert_non_null(strstr(err.text, "commit: the disk is full"));
    meta_is(store, "a", "1");
    assert_true(failpoint_arm("", &err));
    store_close(store);
#else
    skip();
#endif
}

#ifdef CHANCERY_FAILPOINTS
/* Runs one change in a child that dies at the failpoint and returns the value a new process
 * finds. */
static char *value_after_death_at(const char *path, const char *specification)
{
    pid_t child = fork();
    if (child == 0) {
        struct err err = {0};
        struct store *store = NULL;
        struct store_options o = {.path = path, .create = true};
        bool ok = store_open(&o, &store, &err) && failpoint_arm(specification, &err) &&
                  store_begin(store, &err) &&
                  store_run(store, NULL, &err, SQL_META_SET, "tt", "k", specification) &&
                  store_commit(store, &err);
        _exit(ok ? 3 : 4);
    }
    int status = 0;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFSIGNALED(status));
    struct store *store = open_ok(path, false, false);
    char *value = meta_get(store, "k");
    struct err err = {0};
    assert_true(store_check(store, &err));
    store_close(store);
    return value;
}
#endif

static void test_commit_when_killed_around_it_then_all_or_nothing(void **state)
{
#ifdef CHANCERY_FAILPOINTS
    struct place *p = *state;
    char *before = value_after_death_at(p->path, "store.commit.before=kill");
    char *after = value_after_death_at(p->path, "store.commit.after=kill");
    assert_null(before);
    assert_string_equal(after, "store.commit.after=kill");
    mem_free(after);
#else
    (void)state;
    skip();
#endif
}

static void test_store_when_file_is_moved_then_begin_refuses_until_it_is_back(void **state)
{
    struct place *p = *state;
    struct err err = {0};
    char away[96];
    snprintf(away, sizeof away, "%s/away.db", p->folder);
    struct store *store = open_ok(p->path, true, false);
    meta_set(store, "a", "1");
    assert_int_equal(rename(p->path, away), 0);
    assert_false(store_begin(store, &err));
    assert_non_null(strstr(err.text, "moved, removed or replaced"));
    assert_false(store_begin(store, &err));
    assert_non_null(strstr(err.text, "its log"));
    assert_int_not_equal(access(p->path, F_OK), 0);
    assert_false(store_run(store, NULL, &err, SQL_META_SET, "tt", "a", "2"));
    assert_int_equal(rename(away, p->path), 0);
    assert_true(store_begin(store, &err));
    meta_is(store, "a", "1");
    assert_true(store_commit(store, &err));
    store_close(store);
}

static void test_store_when_file_is_replaced_then_the_old_log_never_meets_it(void **state)
{
    struct place *p = *state;
    struct err err = {0};
    char copy[96], log[104];
    snprintf(copy, sizeof copy, "%s/b.db", p->folder);
    snprintf(log, sizeof log, "%s-wal", p->path);
    struct store *store = open_ok(p->path, true, false);
    meta_set(store, "a", "old");
    assert_true(store_backup(store, copy, &err));
    meta_set(store, "a", "new");
    assert_int_equal(rename(copy, p->path), 0);
    assert_false(store_begin(store, &err));
    assert_non_null(strstr(err.text, "moved, removed or replaced"));
    assert_false(store_begin(store, &err));
    assert_non_null(strstr(err.text, "another file was put in its place"));
    assert_int_equal(unlink(log), 0);
    assert_true(store_begin(store, &err));
    meta_is(store, "a", "old");
    store_rollback(store);
    assert_true(store_check(store, &err));
    store_close(store);
}

static void test_store_when_the_disk_failed_then_next_use_opens_anew(void **state)
{
    struct place *p = *state;
    struct err err = {0};
    struct store *store = open_ok(p->path, true, false);
    meta_set(store, "a", "1");
    assert_true(store_begin(store, &err));
    store_fault(sqlite_of(store), SQLITE_IOERR_FSYNC, "commit", &err);
    assert_non_null(strstr(err.text, "the disk reports an error"));
    assert_false(store_run(store, NULL, &err, SQL_META_SET, "tt", "a", "2"));
    assert_false(store_commit(store, &err));
    sqlite3 *before = sqlite_of(store)->db;
    assert_true(store_begin(store, &err));
    (void)before;
    meta_is(store, "a", "1");
    store_rollback(store);
    assert_true(store_retry_open(store, &err));
    meta_is(store, "a", "1");
    store_close(store);
}

static void test_open_when_not_a_store_then_refused_and_untouched(void **state)
{
    struct place *p = *state;
    char text[8192], again[8192];
    memset(text, 'n', sizeof text);
    file_write(p->path, text, sizeof text, 0600);
    open_refused(p->path, true, false, "the file is not a chancery store");
    open_refused(p->path, false, true, "the file is not a chancery store");
    int fd = open(p->path, O_RDONLY);
    assert_int_equal(read(fd, again, sizeof again), (ssize_t)sizeof again);
    close(fd);
    assert_memory_equal(text, again, sizeof text);
    unlink(p->path);
    raw_exec(p->path, "CREATE TABLE theirs (x)");
    chmod(p->path, 0600);
    open_refused(p->path, true, false, "is a database of another program");
}

static void test_open_when_blank_then_only_create_makes_a_register(void **state)
{
    struct place *p = *state;
    char log[128];
    snprintf(log, sizeof log, "%s-wal", p->path);
    file_write(p->path, "", 0, 0600);
    open_refused(p->path, false, false, "is empty: restore a backup");
    open_refused(p->path, false, true, "is empty: restore a backup");
    file_write(log, "frames", 6, 0600);
    open_refused(p->path, true, false, "its log");
    unlink(p->path);
    open_refused(p->path, true, false, "its log");
    unlink(log);
    store_close(open_ok(p->path, true, false));
    store_close(open_ok(p->path, false, true));
}

static void test_check_when_pages_are_damaged_then_says_so(void **state)
{
    struct place *p = *state;
    struct err err = {0};
    struct store *store = open_ok(p->path, true, false);
    for (int i = 0; i < 500; i++) {
        char name[32];
        snprintf(name, sizeof name, "name-%04d", i);
        meta_set(store, name, "some value that takes a little room in the page it is on");
    }
    store_close(store);
    struct stat st;
    assert_int_equal(stat(p->path, &st), 0);
    int fd = open(p->path, O_WRONLY);
    char junk[4096];
    memset(junk, 0xA5, sizeof junk);
    for (off_t at = st.st_size - 4 * 4096; at < st.st_size; at += 4096)
        assert_int_equal(pwrite(fd, junk, sizeof junk, at), (ssize_t)sizeof junk);
    close(fd);
    store = open_ok(p->path, false, false);
    assert_false(store_check(store, &err));
    assert_int_equal(err.kind, ERR_STORE);
    assert_non_null(strstr(err.text, "damaged"));
    assert_non_null(strstr(err.text, "restore a backup"));
    store_close(store);
}

static void test_backup_when_the_store_is_in_use_then_a_whole_private_copy(void **state)
{
    struct place *p = *state;
    struct err err = {0};
    char copy[96], part[104], log[104];
    snprintf(copy, sizeof copy, "%s/b.db", p->folder);
    snprintf(part, sizeof part, "%s.part", copy);
    snprintf(log, sizeof log, "%s-wal", copy);
    struct store *store = open_ok(p->path, true, false);
    meta_set(store, "a", "1");
    mode_t old = umask(0);
    bool ok = store_backup(store, copy, &err);
    umask(old);
    if (!ok)
        fail_msg("%s", err.text);
    assert_int_equal(mode_of(copy), 0600);
    assert_int_not_equal(access(part, F_OK), 0);
    assert_int_not_equal(access(log, F_OK), 0);
    meta_set(store, "a", "2");
    assert_false(store_backup(store, copy, &err));
    assert_non_null(strstr(err.text, "exists already"));
    store_close(store);
    store = open_ok(copy, false, false);
    meta_is(store, "a", "1");
    meta_set(store, "a", "9");
    assert_true(store_check(store, &err));
    store_close(store);
}

static void test_backup_when_the_folder_is_missing_then_says_why(void **state)
{
    (void)state;
    struct err err = {0};
    struct store *store = open_ok(":memory:", true, false);
    assert_false(store_backup(store, "/tmp/chancery-no-such-folder/b.db", &err));
    assert_non_null(strstr(err.text, "No such file or directory"));
    store_close(store);
}

static void test_log_when_many_commits_then_stays_small(void **state)
{
    struct place *p = *state;
    char log[128], value[2000];
    struct stat st;
    memset(value, 'v', sizeof value);
    value[sizeof value - 1] = '\0';
    snprintf(log, sizeof log, "%s-wal", p->path);
    struct err err = {0};
    struct store *store = NULL;
    struct store_options o = {.path = p->path, .create = true, .no_sync = true};
    assert_true(store_open(&o, &store, &err));
    for (int i = 0; i < 6000; i++) {
        char name[16];
        snprintf(name, sizeof name, "n%d", i % 500);
        meta_set(store, name, value);
    }
    assert_int_equal(stat(log, &st), 0);
    assert_true(st.st_size <= 16 * 1024 * 1024);
    store_close(store);
}

static void test_path_when_it_has_odd_letters_then_opens(void **state)
{
    struct place *p = *state;
    char path[128];
    snprintf(path, sizeof path, "%s/w%%3F?x#.db", p->folder);
    struct store *store = open_ok(path, true, false);
    meta_set(store, "a", "1");
    store_close(store);
    store = open_ok(path, false, true);
    meta_is(store, "a", "1");
    store_close(store);
    char extra[160];
    snprintf(extra, sizeof extra, "%s-wal", path);
    unlink(extra);
    snprintf(extra, sizeof extra, "%s-shm", path);
    unlink(extra);
}

#define IN_PLACE(f) cmocka_unit_test_setup_teardown(f, place_make, place_remove)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_statement_every_one_when_prepared_then_fits_the_schema),
        cmocka_unit_test(test_store_memory_when_used_then_keeps_values),
        IN_PLACE(test_store_file_when_created_then_private_and_durable),
        IN_PLACE(test_store_when_opened_then_settings_are_the_safe_ones),
        IN_PLACE(test_store_path_when_unsafe_then_refused_with_a_reason),
        IN_PLACE(test_store_folder_when_behind_a_link_then_the_real_file_is_used),
        cmocka_unit_test(test_place_when_filesystem_is_shared_then_named),
        cmocka_unit_test(test_walk_when_its_statement_is_asked_again_then_both_go_on),
        cmocka_unit_test(test_bind_text_when_freed_after_the_query_then_the_walk_still_sees_it),
        cmocka_unit_test(test_statement_when_a_rule_forbids_it_then_only_it_is_undone),
        cmocka_unit_test(test_transaction_when_rolled_back_then_nothing_stays),
        cmocka_unit_test(test_commits_when_counted_then_only_those_that_changed_something),
        IN_PLACE(test_begin_when_hurried_in_the_middle_of_a_wait_then_gives_up),
        IN_PLACE(test_begin_when_another_writes_then_waits_and_names_the_lock),
        IN_PLACE(test_read_only_when_a_leader_writes_then_sees_its_commits_and_cannot_write),
        IN_PLACE(test_read_only_when_the_mount_is_read_only_then_still_readable),
        IN_PLACE(test_commit_when_the_disk_is_full_then_all_is_undone_and_it_resumes),
        IN_PLACE(test_transaction_when_sqlite_undid_it_then_no_later_step_slips_through),
        cmocka_unit_test(test_commit_when_failpoint_says_error_then_rolled_back),
        IN_PLACE(test_commit_when_killed_around_it_then_all_or_nothing),
        IN_PLACE(test_store_when_file_is_moved_then_begin_refuses_until_it_is_back),
        IN_PLACE(test_store_when_file_is_replaced_then_the_old_log_never_meets_it),
        IN_PLACE(test_store_when_the_disk_failed_then_next_use_opens_anew),
        IN_PLACE(test_open_when_not_a_store_then_refused_and_untouched),
        IN_PLACE(test_open_when_blank_then_only_create_makes_a_register),
        IN_PLACE(test_check_when_pages_are_damaged_then_says_so),
        IN_PLACE(test_backup_when_the_store_is_in_use_then_a_whole_private_copy),
        cmocka_unit_test(test_backup_when_the_folder_is_missing_then_says_why),
        IN_PLACE(test_log_when_many_commits_then_stays_small),
        IN_PLACE(test_path_when_it_has_odd_letters_then_opens),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
