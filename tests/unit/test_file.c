/* SEES: base io */
#include "io/files_at.h"

#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <sys/xattr.h>

#include "base/failpoint.h"
#include "scratch.h"

#include <cmocka.h>

static int n_entries(const char *folder)
{
    int n = 0;
    DIR *stream = opendir(folder);
    while (stream != NULL && readdir(stream) != NULL)
        n++;
    closedir(stream);
    return n - 2;
}

static bool replace(const char *name, const char *text, uint32_t mode, struct err *err)
{
    return file_replace(scratch(name), str_of(text), mode, NULL, err);
}

static void test_replace_when_absent_then_written_with_its_mode(void **state)
{
    (void)state;
    mode_t before = umask(077);
    assert_true(replace("a.pem", "bytes\n", 0644, NULL));
    umask(before);
    assert_string_equal(scratch_get("a.pem"), "bytes\n");
    assert_int_equal(scratch_mode("a.pem"), 0644);
    assert_int_equal(n_entries(scratch_dir), 1);
}

static void test_replace_when_open_elsewhere_then_that_reader_keeps_the_old(void **state)
{
    char text[16] = "";
    (void)state;
    assert_true(replace("a.pem", "old", 0600, NULL));
    int fd = open(scratch("a.pem"), O_RDONLY | O_CLOEXEC);
    assert_true(replace("a.pem", "newer", 0640, NULL));
    assert_int_equal(read(fd, text, sizeof text), 3);
    assert_memory_equal(text, "old", 3);
    close(fd);
    assert_string_equal(scratch_get("a.pem"), "newer");
    assert_int_equal(scratch_mode("a.pem"), 0640);
}

static void test_replace_when_the_final_name_is_a_link_then_refused_and_its_target_whole(
    void **state)
{
    struct err err;
    (void)state;
    scratch_put("victim", "mine", 0600);
    assert_int_equal(symlink(scratch("victim"), scratch("a.pem")), 0);
    assert_false(replace("a.pem", "evil", 0600, &err));
    assert_int_equal(err.kind, ERR_DENIED);
    assert_string_equal(scratch_get("victim"), "mine");
    assert_int_equal(n_entries(scratch_dir), 2);
}

static void test_replace_when_the_final_name_is_a_folder_fifo_or_device_then_refused(void **state)
{
    struct err err;
    (void)state;
    assert_int_equal(mkdir(scratch("d"), 0700), 0);
    assert_int_equal(mkfifo(scratch("f"), 0600), 0);
    assert_false(replace("d", "x", 0600, &err));
    assert_int_equal(err.kind, ERR_CONFIG);
    assert_false(replace("f", "x", 0600, &err));
    assert_int_equal(err.kind, ERR_CONFIG);
    assert_false(file_replace("/dev/full", STR("x"), 0600, NULL, &err));
    assert_int_equal(err.kind, ERR_CONFIG);
}

static void test_replace_when_another_user_planted_a_link_on_the_way_then_refused(void **state)
{
    struct err err;
    (void)state;
    assert_int_equal(mkdir(scratch("real"), 0700), 0);
    assert_int_equal(symlink("real", scratch("way")), 0);
    assert_true(replace("way/a", "through a link of ours", 0600, NULL));
    if (geteuid() != 0) {
        print_message("NOT TESTED: planting a link as another user needs root\n");
        skip();
    }
    assert_int_equal(lchown(scratch("way"), 4321, 4321), 0);
    assert_false(replace("way/a", "x", 0600, &err));
    assert_int_equal(err.kind, ERR_DENIED);
    assert_string_equal(scratch_get("real/a"), "through a link of ours");
}

static void test_replace_when_links_turn_in_a_circle_then_refused(void **state)
{
    struct err err;
    (void)state;
    assert_int_equal(symlink("y", scratch("x")), 0);
    assert_int_equal(symlink("x", scratch("y")), 0);
    assert_false(replace("x/a", "x", 0600, &err));
    assert_int_equal(err.kind, ERR_CONFIG);
}

static void test_replace_when_the_folder_is_missing_then_absent(void **state)
{
    struct err err;
    (void)state;
    assert_false(replace("none/a", "x", 0600, &err));
    assert_int_equal(err.kind, ERR_ABSENT);
    assert_false(file_replace("", STR("x"), 0600, NULL, &err));
    assert_int_equal(err.kind, ERR_CONFIG);
    assert_false(file_replace("/", STR("x"), 0600, NULL, &err));
    assert_int_equal(err.kind, ERR_CONFIG);
}

static void test_replace_when_a_sync_or_rename_fails_then_the_old_stays_and_nothing_is_left(
    void **state)
{
    static const char *const points[] = {"files.create.before=error", "files.write.before=error",
                                         "files.fsync.before=error", "files.rename.before=error"};
    struct err err;
    (void)state;
    if (!failpoint_arm("x=error", NULL)) {
        print_message("NOT TESTED: built without failpoints\n");
        skip();
    }
    assert_true(replace("a", "old", 0600, NULL));
    for (size_t i = 0; i < sizeof points / sizeof points[0]; i++) {
        assert_true(failpoint_arm(points[i], NULL));
        assert_false(replace("a", "new", 0600, &err));
        assert_int_equal(err.kind, ERR_LOCAL);
        assert_string_equal(scratch_get("a"), "old");
        assert_int_equal(n_entries(scratch_dir), 1);
    }
    assert_true(failpoint_arm("", NULL));
}

static void test_write_at_when_a_link_is_planted_at_the_very_name_then_refused_and_its_target_whole(
    void **state)
{
    struct err err;
    (void)state;
    scratch_put("victim", "mine", 0600);
    assert_int_equal(symlink("victim", scratch("temporary")), 0);
    int dirfd = folder_open(scratch_dir, false, &err);
    assert_true(dirfd >= 0);
    assert_false(file_write_at(dirfd, "temporary", STR("evil"), 0600, NULL, scratch_dir, &err));
    assert_false(file_write_at(dirfd, "victim", STR("evil"), 0600, NULL, scratch_dir, &err));
    assert_string_equal(scratch_get("victim"), "mine");
    close(dirfd);
}

static void replace_and_die(const char *point)
{
    pid_t pid = fork();
    int status;
    if (pid == 0) {
        failpoint_arm(point, NULL);
        replace("a", "new", 0600, NULL);
        _exit(0);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
}

static void test_replace_when_killed_before_then_the_next_one_sweeps_the_remains(void **state)
{
    (void)state;
    if (!failpoint_arm("", NULL) || !failpoint_arm("x=error", NULL)) {
        print_message("NOT TESTED: built without failpoints\n");
        skip();
    }
    failpoint_arm("", NULL);
    assert_true(replace("a", "old", 0600, NULL));
    replace_and_die("files.write.after=kill");
    assert_int_equal(n_entries(scratch_dir), 2);
    assert_string_equal(scratch_get("a"), "old");
    assert_true(replace("a", "newer", 0600, NULL));
    assert_int_equal(n_entries(scratch_dir), 1);
    assert_string_equal(scratch_get("a"), "newer");
}

static void test_replace_with_owner_then_owner_and_mode_are_set(void **state)
{
    struct file_owner owner = {.set = true, .uid = 4321, .gid = 1234};
    struct stat st;
    struct err err;
    (void)state;
    bool good = file_replace(scratch("a"), STR("x"), 0640, &owner, &err);
    if (geteuid() != 0) {
        assert_false(good);
        assert_int_equal(err.kind, ERR_DENIED);
        return;
    }
    assert_true(good);
    assert_int_equal(stat(scratch("a"), &st), 0);
    assert_int_equal(st.st_uid, 4321);
    assert_int_equal(st.st_gid, 1234);
    assert_int_equal(st.st_mode & 07777, 0640);
    owner.uid = UINT32_MAX;
    assert_true(file_replace(scratch("a"), STR("x"), 0600, &owner, &err));
    assert_int_equal(stat(scratch("a"), &st), 0);
    assert_int_equal(st.st_uid, 0);
}

static void test_read_when_regular_then_whole(void **state)
{
    struct buf bytes = {0};
    (void)state;
    AUTO(buf_fini)
    struct buf big = BUF(200000);
    for (int i = 0; i < 20000; i++)
        buf_printf(&big, "%06d\n", i);
    assert_true(file_replace(scratch("big"), buf_str(&big), 0644, NULL, NULL));
    assert_true(file_read(scratch("big"), 140000, false, &bytes, NULL));
    assert_int_equal(bytes.len, big.len);
    assert_memory_equal(bytes.p, big.p, big.len);
    scratch_put("empty", "", 0600);
    assert_true(file_read(scratch("empty"), 0, false, &bytes, NULL));
    assert_int_equal(bytes.len, 0);
    buf_fini(&bytes);
}

static void test_read_when_too_large_or_special_then_refused_without_waiting(void **state)
{
    AUTO(buf_fini)
    struct buf bytes = BUF(100);
    struct err err;
    (void)state;
    buf_add_cstr(&bytes, "before");
    scratch_put("a", "0123456789", 0600);
    assert_false(file_read(scratch("a"), 9, false, &bytes, &err));
    assert_int_equal(err.kind, ERR_BROKEN);
    assert_int_equal(mkfifo(scratch("f"), 0600), 0);
    assert_false(file_read(scratch("f"), 9, false, &bytes, &err));
    assert_int_equal(err.kind, ERR_CONFIG);
    assert_false(file_read("/dev/zero", 9, false, &bytes, &err));
    assert_int_equal(err.kind, ERR_CONFIG);
    assert_false(file_read(scratch_dir, 9, false, &bytes, &err));
    assert_int_equal(err.kind, ERR_CONFIG);
    assert_false(file_read(scratch("none"), 9, false, &bytes, &err));
    assert_int_equal(err.kind, ERR_ABSENT);
    assert_string_equal(buf_cstr(&bytes), "before");
}

static void test_read_secret_when_others_may_read_then_denied(void **state)
{
    AUTO(secret_fini)
    struct secret secret = {0};
    struct err err;
    (void)state;
    scratch_put("a", "s3cret", 0640);
    assert_false(file_read_secret(scratch("a"), 100, &secret, &err));
    assert_int_equal(err.kind, ERR_DENIED);
    assert_null(strstr(err.text, "s3cret"));
    assert_int_equal(chmod(scratch("a"), 0604), 0);
    assert_false(file_read_secret(scratch("a"), 100, &secret, &err));
    assert_int_equal(chmod(scratch("a"), 0400), 0);
    assert_true(file_read_secret(scratch("a"), 100, &secret, &err));
    assert_int_equal(secret.len, 6);
    assert_memory_equal(secret.p, "s3cret", 7);
}

struct acl {
    uint32_t version;
    struct {
        uint16_t tag, perm;
        uint32_t id;
    } entries[5];
};

static void test_read_secret_when_an_acl_names_only_us_then_private(void **state)
{
    AUTO(secret_fini)
    struct secret secret = {0};
    struct acl acl = {2,
                      {{0x01, 4, UINT32_MAX},
                       {0x02, 4, geteuid()},
                       {0x04, 0, UINT32_MAX},
                       {0x10, 4, UINT32_MAX},
                       {0x20, 0, UINT32_MAX}}};
    struct err err;
    (void)state;
    scratch_put("a", "s3cret", 0400);
    if (setxattr(scratch("a"), "system.posix_acl_access", &acl, sizeof acl, 0) != 0) {
        print_message("NOT TESTED: no ACLs on this file system\n");
        skip();
    }
    assert_int_equal(scratch_mode("a"), 0440);
    assert_true(file_read_secret(scratch("a"), 100, &secret, &err));
    acl.entries[1].id = geteuid() + 7;
    assert_int_equal(setxattr(scratch("a"), "system.posix_acl_access", &acl, sizeof acl, 0), 0);
    assert_false(file_read_secret(scratch("a"), 100, &secret, &err));
    assert_int_equal(err.kind, ERR_DENIED);
}

static void test_read_when_the_name_is_a_link_then_its_owner_decides(void **state)
{
    AUTO(buf_fini)
    struct buf bytes = BUF(100);
    struct err err;
    (void)state;
    assert_int_equal(mkdir(scratch("..data"), 0700), 0);
    scratch_put("..data/key", "x", 0600);
    assert_int_equal(symlink("..data/key", scratch("key")), 0);
    assert_true(file_read(scratch("key"), 9, true, &bytes, &err));
    if (geteuid() != 0)
        return;
    assert_int_equal(lchown(scratch("key"), 4321, 4321), 0);
    assert_false(file_read(scratch("key"), 9, true, &bytes, &err));
    assert_int_equal(err.kind, ERR_DENIED);
}

static void test_owner_find_when_given_names_or_numbers_then_ids(void **state)
{
    struct file_owner owner = {0};
    struct err err;
    (void)state;
    assert_true(file_owner_find("root", "0", &owner, &err));
    assert_true(owner.set && owner.uid == 0 && owner.gid == 0);
    assert_true(file_owner_find(NULL, "4242", &owner, &err));
    assert_true(owner.set && owner.uid == UINT32_MAX && owner.gid == 4242);
    assert_true(file_owner_find(NULL, NULL, &owner, &err));
    assert_false(owner.set);
    assert_false(file_owner_find("nobody-has-this-name", NULL, &owner, &err));
    assert_int_equal(err.kind, ERR_CONFIG);
    assert_false(file_owner_find("-1", NULL, &owner, &err));
    assert_false(file_owner_find("4294967295", NULL, &owner, &err));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, scratch_make, scratch_remove)

static void test_kernel_file_when_read_then_whole_though_it_has_no_size(void **state)
{
    (void)state;
    AUTO(buf_fini)
    struct buf bytes = BUF(0);
    struct err err = {0};
    assert_true(file_read_kernel("/proc/sys/kernel/random/boot_id", 256, &bytes, &err));
    assert_int_equal(bytes.len, 37);
    assert_false(file_read_kernel("/proc/sys/kernel/random/boot_id", 9, &bytes, &err));
    assert_int_equal(err.kind, ERR_BROKEN);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_kernel_file_when_read_then_whole_though_it_has_no_size),
        TEST(test_replace_when_absent_then_written_with_its_mode),
        TEST(test_replace_when_open_elsewhere_then_that_reader_keeps_the_old),
        TEST(test_replace_when_the_final_name_is_a_link_then_refused_and_its_target_whole),
        TEST(test_replace_when_the_final_name_is_a_folder_fifo_or_device_then_refused),
        TEST(test_replace_when_another_user_planted_a_link_on_the_way_then_refused),
        TEST(test_replace_when_links_turn_in_a_circle_then_refused),
        TEST(test_replace_when_the_folder_is_missing_then_absent),
        TEST(test_replace_when_a_sync_or_rename_fails_then_the_old_stays_and_nothing_is_left),
        TEST(
            test_write_at_when_a_link_is_planted_at_the_very_name_then_refused_and_its_target_whole),
        TEST(test_replace_when_killed_before_then_the_next_one_sweeps_the_remains),
        TEST(test_replace_with_owner_then_owner_and_mode_are_set),
        TEST(test_read_when_regular_then_whole),
        TEST(test_read_when_too_large_or_special_then_refused_without_waiting),
        TEST(test_read_secret_when_others_may_read_then_denied),
        TEST(test_read_secret_when_an_acl_names_only_us_then_private),
        TEST(test_read_when_the_name_is_a_link_then_its_owner_decides),
        TEST(test_owner_find_when_given_names_or_numbers_then_ids),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
