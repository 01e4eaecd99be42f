/* SEES: base crypto io store config acme dns-providers inventory distribution */
#include "deliver_case.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>

enum { CROWD = 150 };

static void crowd_make(const char *const *sets, const char *more)
{
    for (size_t i = 0; sets[i] != NULL; i++)
        target_put(sets[i], more);
    refresh();
    for (size_t i = 0; sets[i] != NULL; i++)
        version_bear(sets[i], 30);
}

/* A crowd whose version 1 is served; version 2 waits. */
static void crowd_with_version_1(const char *const *sets, const char *more)
{
    crowd_make(sets, "");
    deliver_all();
    for (size_t i = 0; sets[i] != NULL; i++)
        target_put(sets[i], more);
    refresh();
    sql_run("UPDATE deployment SET stage = 'done', next_at_ms = NULL; DELETE FROM event");
    fixture_clock.wall_now_ms += MS_DAY;
    for (size_t i = 0; sets[i] != NULL; i++)
        version_bear(sets[i], 40);
}

static const char *const three[] = {"a", "b", "c", NULL};

static void test_server_when_several_share_an_activation_then_it_runs_once(void **state)
{
    (void)state;
    crowd_make(three, shell("activate", "echo $CHANCERY_SETS $CHANCERY_DIR >> {}/activated"));
    struct distribution_result result = deliver_all();
    assert_int_equal(result.n_done, 3);
    assert_string_equal(scratch_get("activated"), "a b c\n");
    for (size_t i = 0; i < 3; i++)
        pair_fits(three[i]);
}

static void test_server_when_several_are_checked_then_one_by_one_and_activated_once(void **state)
{
    (void)state;
    crowd_make(three,
               lines(shell("check", "mkdir {}/busy || exit 9; sleep 0.05; rmdir {}/busy"),
                     shell("activate",
                           "test ! -e {}/busy || exit 8; echo $CHANCERY_SETS >> {}/activated")));
    assert_int_equal(deliver_all().n_done, 3);
    assert_string_equal(scratch_get("activated"), "a b c\n");
}

static void test_server_when_one_check_refuses_then_the_others_are_delivered(void **state)
{
    (void)state;
    crowd_with_version_1(three, lines(shell("check", "test $CHANCERY_SET != b"),
                                      shell("activate", "echo $CHANCERY_SETS >> {}/activated")));
    struct distribution_result result = deliver_all();
    assert_int_equal(result.n_done, 2);
    assert_int_equal(result.n_failed, 1);
    assert_int_equal(served_version("a"), 2);
    assert_int_equal(served_version("b"), 1);
    assert_int_equal(served_version("c"), 2);
    assert_string_equal(scratch_get("activated"), "a c\n");
    assert_int_equal(n_events("deploy.rolled_back"), 1);
}

/* A server that takes up all files or none, as real ones do. */
#define ALL_OR_NONE                                                                                \
    "for s in a b c; do case $(readlink {}/$s/current) in *bad*|versions/2-*) test $s = b && "     \
    "exit 1;; esac; done; echo $CHANCERY_SETS >> {}/activated"

static void
test_server_when_one_pair_spoils_the_shared_run_then_the_others_are_delivered_all_the_same(
    void **state)
{
    (void)state;
    crowd_with_version_1(three, shell("activate", ALL_OR_NONE));
    struct distribution_result result = deliver_all();
    assert_int_equal(result.n_done, 2);
    assert_int_equal(result.n_failed, 1);
    assert_int_equal(served_version("a"), 2);
    assert_int_equal(served_version("b"), 1);
    assert_int_equal(served_version("c"), 2);
    assert_int_equal(n_events("deploy.rolled_back"), 1);
    assert_int_equal(n_events("deploy.done"), 2);
}

static void each_was_copied(void)
{
    for (size_t i = 0; i < 3; i++) {
        char copy[16];
        snprintf(copy, sizeof copy, "copy-%s", three[i]);
        char *text = mem_strdup(scratch_get(copy));
        assert_int_equal(served_version(three[i]), 2);
        assert_string_equal(scratch_get(served_file(three[i], "fullchain.pem")), text);
        mem_free(text);
    }
    assert_int_equal(n_events("deploy.rolled_back") + n_events("deploy.failed"), 0);
}

/* Its own failure it would not notice: the last command is the one that counts. */
#define COPY "cp $CHANCERY_DIR/fullchain.pem {}/copy-$CHANCERY_SET; echo >> {}/activated"

static void test_server_when_the_program_asks_for_its_set_then_each_gets_its_own_run(void **state)
{
    (void)state;
    crowd_with_version_1(three, shell("activate", COPY));
    assert_int_equal(deliver_all().n_done, 3);
    assert_int_equal(n_lines("activated"), 3);
    each_was_copied();
}

static void test_server_when_a_script_file_asks_for_its_set_then_each_gets_its_own_run(void **state)
{
    (void)state;
    char script[1024], argv[512];
    snprintf(script, sizeof script,
             "#!/bin/sh\ncp $CHANCERY_DIR/fullchain.pem %s/copy-$CHANCERY_SET\ntrue\n",
             scratch_dir);
    scratch_put("hook", script, 0755);
    snprintf(argv, sizeof argv, "    activate: [%s]\n", scratch("hook"));
    crowd_with_version_1(three, argv);
    assert_int_equal(deliver_all().n_done, 3);
    each_was_copied();
}

static void test_server_when_it_is_seen_only_by_its_failure_then_each_gets_its_own_run_afterwards(
    void **state)
{
    (void)state;
    char script[1024];
    snprintf(script, sizeof script,
             "cp $CHANCERY_DIR/fullchain.pem %s/copy-$CHANCERY_SET || exit 1\n", scratch_dir);
    scratch_put("hook", script, 0755);
    crowd_with_version_1(three, shell("activate", "cd {} && sh ./hook"));
    assert_int_equal(deliver_all().n_done, 3);
    each_was_copied();
}

static void test_server_when_one_set_hangs_in_a_program_of_its_own_then_the_others_do_not_wait(
    void **state)
{
    (void)state;
    crowd_with_version_1(
        three,
        lines("    timeout: 2s\n", shell("activate", "test $CHANCERY_SET != b || exec sleep 30")));
    struct distribution_result result = deliver_all();
    assert_int_equal(result.n_done, 2);
    assert_int_equal(result.n_failed, 1);
    assert_int_equal(served_version("b"), 1);
}

static void test_server_when_the_shared_run_hangs_then_it_is_not_tried_for_each(void **state)
{
    (void)state;
    crowd_with_version_1(three, lines("    timeout: 1s\n",
                                      shell("activate", "echo >> {}/activated; exec sleep 30")));
    int64_t from_ms = clock_boot_ms(&clock_system);
    struct distribution_result result = deliver_all();
    assert_int_equal(result.n_failed, 3);
    assert_true(clock_boot_ms(&clock_system) - from_ms < 6000);
    assert_int_equal(n_lines("activated"), 2); /* forward once, back once */
    for (size_t i = 0; i < 3; i++)
        assert_int_equal(served_version(three[i]), 1);
    assert_int_equal(n_events("deploy.rolled_back"), 3);
}

static void test_server_when_a_check_hangs_then_the_crowd_does_not_wait_for_it_again(void **state)
{
    (void)state;
    crowd_with_version_1(
        three, lines("    timeout: 1s\n", shell("check", "echo >> {}/checked; exec sleep 30")));
    int64_t from_ms = clock_boot_ms(&clock_system);
    struct distribution_result result = deliver_all();
    assert_int_equal(result.n_failed, 3);
    assert_true(clock_boot_ms(&clock_system) - from_ms < 4000);
    assert_int_equal(n_lines("checked"), 1);
    assert_int_equal(n_events("deploy.rolled_back"), 1);
    assert_int_equal(n_events("deploy.failed"), 2);
    has_words(last_event("deploy.failed"), "tried for others a moment ago");
    for (size_t i = 0; i < 3; i++)
        assert_int_equal(served_version(three[i]), 1);
}

static void test_server_when_activations_differ_then_each_runs(void **state)
{
    (void)state;
    target_put("a", shell("activate", "echo a >> {}/activated"));
    target_put("b", shell("activate", "echo b >> {}/activated"));
    refresh();
    version_bear("a", 30);
    version_bear("b", 30);
    assert_int_equal(deliver_all().n_done, 2);
    assert_int_equal(n_lines("activated"), 2);
}

static void test_server_when_a_late_one_comes_while_it_runs_then_it_shares_the_next_run(
    void **state)
{
    (void)state;
    const char *activate = shell("activate", "echo $CHANCERY_SETS >> {}/activated; sleep 0.3");
    target_put("a", activate);
    target_put("b", activate);
    refresh();
    version_bear("a", 30);
    deliver_open(NULL, false);
    for (int i = 0; i < 200 && n_lines("activated") == 0; i++) {
        turn_collect();
        turn_act();
        loop_wait(house.loop, clock_wall_ms(&clock_system) + 20);
    }
    version_bear("b", 30);
    deliver_on();
    assert_int_equal(deliver_result().n_done, 2);
    assert_string_equal(scratch_get("activated"), "a\nb\n");
}

/* ---- many, under a reader who never rests ---- */

struct reader {
    atomic_bool stop;
    atomic_long n_reads, n_bad;
};

static ssize_t small_read(const char *path, char *out, size_t max)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t len = fd >= 0 ? read(fd, out, max - 1) : -1;
    if (fd >= 0)
        close(fd);
    out[len > 0 ? len : 0] = '\0';
    return len;
}

/* As a server does it: the link is resolved once, then two files are read one after the other. The
 * one ends with the bytes of the other, or they are not of one generation. */
static bool pair_is_whole(const char *set)
{
    char path[1024], link[256], combined[8192], key[2048];
    snprintf(path, sizeof path, "%s/%s/current", scratch_dir, set);
    ssize_t n = readlink(path, link, sizeof link - 1);
    if (n < 0)
        return errno == ENOENT;
    link[n] = '\0';
    snprintf(path, sizeof path, "%s/%s/%s/combined.pem", scratch_dir, set, link);
    ssize_t combined_len = small_read(path, combined, sizeof combined);
    snprintf(path, sizeof path, "%s/%s/%s/key.pem", scratch_dir, set, link);
    ssize_t key_len = small_read(path, key, sizeof key);
    return key_len > 100 && combined_len > key_len &&
           strncmp(combined, "-----BEGIN CERTIFICATE-----", 27) == 0 &&
           strcmp(combined + combined_len - key_len, key) == 0;
}

static void *reader_read(void *arg)
{
    struct reader *reader = arg;
    while (!atomic_load(&reader->stop))
        for (int i = 0; i < CROWD && !atomic_load(&reader->stop); i++) {
            char set[32];
            snprintf(set, sizeof set, "crowd%03d", i);
            atomic_fetch_add(&reader->n_bad, pair_is_whole(set) ? 0 : 1);
            atomic_fetch_add(&reader->n_reads, 1);
        }
    return NULL;
}

static void test_server_when_hundreds_are_due_then_one_activation_and_no_reader_sees_a_part(
    void **state)
{
    (void)state;
    struct reader reader = {0};
    pthread_t thread;
    for (int i = 0; i < CROWD; i++) {
        char set[32];
        snprintf(set, sizeof set, "crowd%03d", i);
        target_put_files(set, "formats: [key, combined]",
                         shell("activate", "echo >> {}/activated"));
    }
    refresh();
    assert_int_equal(pthread_create(&thread, NULL, reader_read, &reader), 0);
    for (int round = 1; round <= 2; round++) {
        for (int i = 0; i < CROWD; i++) {
            char set[32];
            snprintf(set, sizeof set, "crowd%03d", i);
            version_bear(set, 30 + round);
        }
        assert_int_equal(deliver_all().n_done, CROWD);
    }
    atomic_store(&reader.stop, true);
    pthread_join(thread, NULL);
    assert_int_equal(atomic_load(&reader.n_bad), 0);
    assert_true(atomic_load(&reader.n_reads) > CROWD);
    assert_in_range(n_lines("activated"), 2, 8); /* a round comes in two waves */
    assert_int_equal(sql_int(0, "SELECT count(*) FROM deployment WHERE stage = 'done'"), CROWD);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, deliver_make, deliver_remove)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_server_when_several_share_an_activation_then_it_runs_once),
        TEST(test_server_when_several_are_checked_then_one_by_one_and_activated_once),
        TEST(test_server_when_one_check_refuses_then_the_others_are_delivered),
        TEST(
            test_server_when_one_pair_spoils_the_shared_run_then_the_others_are_delivered_all_the_same),
        TEST(test_server_when_the_program_asks_for_its_set_then_each_gets_its_own_run),
        TEST(test_server_when_a_script_file_asks_for_its_set_then_each_gets_its_own_run),
        TEST(test_server_when_it_is_seen_only_by_its_failure_then_each_gets_its_own_run_afterwards),
        TEST(test_server_when_one_set_hangs_in_a_program_of_its_own_then_the_others_do_not_wait),
        TEST(test_server_when_the_shared_run_hangs_then_it_is_not_tried_for_each),
        TEST(test_server_when_a_check_hangs_then_the_crowd_does_not_wait_for_it_again),
        TEST(test_server_when_activations_differ_then_each_runs),
        TEST(test_server_when_a_late_one_comes_while_it_runs_then_it_shares_the_next_run),
        TEST(test_server_when_hundreds_are_due_then_one_activation_and_no_reader_sees_a_part),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
