/* SEES: base crypto io store config acme dns-providers inventory distribution */
#include "deliver_case.h"

#include "base/failpoint.h"

#include <signal.h>
#include <sys/wait.h>

enum { HALVES_MAX = 40, POINTS_MAX = 64 };

#define PROGRAMS                                                                                   \
    lines(shell("check", "echo $CHANCERY_VERSION >> {}/checked"),                                  \
          shell("activate", "echo $CHANCERY_VERSION $CHANCERY_TRY >> {}/activated"))

/* Nothing is lost, half there, or left to a human. */
static void all_is_well(int version)
{
    assert_int_equal(served_version("web"), version);
    pair_fits("web");
    stage_is("web", "done");
    assert_int_equal(row_int("web", "previous IS NULL"), 1);
    assert_int_equal(
        sql_int(0, "SELECT count(*) FROM deployment AS d JOIN certificate AS c ON c.id = d.done_id"
                   " WHERE c.current = 1"),
        1);
    char stamp[16];
    snprintf(stamp, sizeof stamp, "%d-", version);
    assert_int_equal(strncmp(scratch_get("web/deploy.stamp"), stamp, strlen(stamp)), 0);
}

/* Carries on for so many halves of turns (collect with commit, act with wait) and then is no more.
 */
static bool abandoned_after(int halves)
{
    deliver_open(NULL, false);
    for (int i = 0; i < halves; i++) {
        if (i % 2 == 0) {
            turn_collect();
        } else {
            turn_act();
            if (turn_is_last())
                return true;
            turn_wait();
        }
    }
    deliver_close();
    return false;
}

static void test_delivery_when_abandoned_anywhere_then_the_next_run_ends_it(void **state)
{
    (void)state;
    bool was_over = false;
    target_with_version_1("web", PROGRAMS);
    int version = 1;
    for (int halves = 1; halves < HALVES_MAX && !was_over; halves++) {
        version_bear("web", 40 + halves);
        version++;
        was_over = abandoned_after(halves);
        int served = served_version("web");
        assert_true(served == version || served == version - 1);
        pair_fits("web");
        deliver_all();
        all_is_well(version);
        assert_int_equal(n_events("deploy.failed") + n_events("deploy.rolled_back"), 0);
    }
    assert_true(was_over);
}

static void test_delivery_when_abandoned_in_a_rollback_then_the_old_version_is_back(void **state)
{
    (void)state;
    bool was_over = false;
    for (int halves = 1; halves < HALVES_MAX && !was_over; halves++) {
        char set[16];
        snprintf(set, sizeof set, "web%d", halves);
        target_with_version_1(set, shell("activate", "test $CHANCERY_VERSION = 1"));
        assert_int_equal(deliver_all().n_done, 1);
        version_bear(set, 40);
        was_over = abandoned_after(halves);
        deliver_all();
        assert_int_equal(served_version(set), 1);
        pair_fits(set);
        stage_is(set, "waiting");
        has_words(row_text(set, "failure"), "version 1 is served as before");
        char sql[128];
        snprintf(
            sql, sizeof sql,
            "SELECT count(*) FROM event WHERE event = 'deploy.rolled_back' AND set_name = '%s'",
            set);
        assert_int_equal(sql_int(0, sql), 1);
    }
    assert_true(was_over);
}

static void
test_delivery_when_a_newer_version_overtakes_a_kill_then_a_refusal_goes_back_to_the_proven_one(
    void **state)
{
    (void)state;
    target_with_version_1("web", shell("activate", "echo $CHANCERY_VERSION >> {}/activated;"
                                                   " test $CHANCERY_VERSION = 1"));
    assert_int_equal(deliver_all().n_done, 1);
    version_bear("web", 40);
    abandoned_after(6); /* switched to 2, activation under way */
    assert_int_equal(served_version("web"), 2);
    version_bear("web", 50);
    assert_int_equal(deliver_all().n_failed, 1);
    assert_int_equal(served_version("web"), 1);
    has_words(scratch_get("activated"), "3\n1\n");
}

static void
test_delivery_when_it_is_revoked_after_a_kill_then_the_old_version_is_back_and_activated(
    void **state)
{
    (void)state;
    struct err err = {0};
    target_with_version_1("web",
                          shell("activate", "echo $CHANCERY_VERSION >> {}/activated; sleep 0.2"));
    assert_int_equal(deliver_all().n_done, 1);
    int64_t id = version_bear("web", 40);
    abandoned_after(6);
    assert_int_equal(served_version("web"), 2);
    stage_is("web", "checked");
    must(held_certificate_revoked(&house, id, 1, &err), &err);
    assert_int_equal(deliver_all().n_failed, 1);
    assert_int_equal(served_version("web"), 1);
    has_words(scratch_get("activated"), "1\n2\n1\n");
    has_words(last_event("deploy.rolled_back"), "revoked");
    fixture_clock.wall_now_ms += 12 * MS_MINUTE;
    deliver_all();
    stage_is("web", "held");
    assert_int_equal(served_version("web"), 1);
}

static void test_delivery_when_a_kill_left_pkcs12_then_the_next_run_does_not_stumble_over_it(
    void **state)
{
    (void)state;
    bool was_over = false;
    int version = 0;
    target_put_files("web", "formats: [key, fullchain, pkcs12]", PROGRAMS);
    refresh();
    for (int halves = 1; halves < HALVES_MAX && !was_over; halves++) {
        version_bear("web", 40 + halves);
        version++;
        was_over = abandoned_after(halves);
        deliver_all();
        all_is_well(version);
    }
    assert_true(was_over);
}

#ifdef CHANCERY_FAILPOINTS

/* A program of its own that dies at a failpoint. */
static bool child_delivers(const char *specification)
{
    store_close(house.store);
    house.store = NULL;
    pid_t pid = fork();
    assert_true(pid >= 0);
    struct err err = {0};
    struct store_options options = {.path = scratch("c.db"), .no_sync = true};
    if (pid == 0) {
        must(store_open(&options, &house.store, &err), &err);
        house.loop = loop_new();
        must(failpoint_arm(specification, &err), &err);
        deliver_open(NULL, false);
        deliver_on();
        store_close(house.store);
        _exit(0);
    }
    int status = 0;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    must(store_open(&options, &house.store, &err), &err);
    assert_true(WIFSIGNALED(status) ? WTERMSIG(status) == SIGKILL : WEXITSTATUS(status) == 0);
    return WIFSIGNALED(status);
}

struct points {
    char names[POINTS_MAX][64];
    int times[POINTS_MAX];
    size_t n;
};

/* Which failpoints a delivery passes, and how often. */
static void points_learn(struct points *points)
{
    AUTO(mem_fini)
    char *list = mem_printf("list:%s", scratch("points"));
    AUTO(buf_fini)
    struct buf text = BUF(1024 * 1024);
    struct err err = {0};
    assert_false(child_delivers(list));
    must(file_read(scratch("points"), 1024 * 1024, false, &text, &err), &err);
    struct str rest = buf_str(&text), line;
    while (str_split(&rest, '\n', &line) && line.len > 0) {
        size_t i = 0;
        while (i < points->n && !str_eq(str_of(points->names[i]), line))
            i++;
        if (i == points->n) {
            assert_true(points->n < POINTS_MAX);
            snprintf(points->names[points->n++], 64, "%.*s", STR_ARG(line));
        }
        points->times[i]++;
    }
}

static bool has_point(const struct points *points, const char *name)
{
    for (size_t i = 0; i < points->n; i++)
        if (strcmp(points->names[i], name) == 0)
            return true;
    return false;
}

static bool is_inside_files(const char *point)
{
    return strncmp(point, "files.", 6) == 0;
}

/* Kills a delivery of a new version at each of these points and lets the next run end it. The
 * inside of files has a sweep of its own: there the first and the last passing are enough. */
static int points_kill(const struct points *points, bool inside_files, int *version)
{
    int n_kills = 0;
    for (size_t i = 0; i < points->n; i++)
        for (int nth = 1; nth <= points->times[i]; nth++) {
            if (is_inside_files(points->names[i]) != inside_files ||
                (inside_files && nth > 1 && nth < points->times[i]))
                continue;
            char specification[128];
            snprintf(specification, sizeof specification, "%s=kill@%d", points->names[i], nth);
            version_bear("web", 40 + *version);
            (*version)++;
            n_kills += child_delivers(specification);
            int served = served_version("web");
            assert_true(served == *version || served == *version - 1);
            pair_fits("web");
            deliver_all();
            all_is_well(*version);
        }
    return n_kills;
}

static void
test_delivery_when_killed_at_every_failpoint_then_readers_see_a_whole_pair_and_the_next_run_ends_it(
    void **state)
{
    (void)state;
    static const char *const must_pass[] = {"deploy.write.before",   "deploy.write.after",
                                            "deploy.switch.before",  "deploy.switch.after",
                                            "deploy.check.before",   "deploy.activate.before",
                                            "deploy.activate.after", "store.commit.before"};
    struct points points = {0};
    int version = 2;
    target_with_version_1("web", PROGRAMS);
    version_bear("web", 40);
    points_learn(&points);
    all_is_well(2);
    for (size_t i = 0; i < sizeof must_pass / sizeof must_pass[0]; i++)
        assert_true(has_point(&points, must_pass[i]));
    assert_true(points_kill(&points, false, &version) >= 8);
    target_put("web", ""); /* programs only cost time there */
    refresh();
    deliver_all();
    assert_true(points_kill(&points, true, &version) >= 20);
}

static void test_delivery_when_killed_in_a_rollback_then_the_next_run_ends_it(void **state)
{
    (void)state;
    static const char *const points[] = {"deploy.rollback.before", "deploy.rollback.after"};
    for (size_t i = 0; i < 2; i++) {
        char set[16], specification[64];
        snprintf(set, sizeof set, "web%zu", i);
        target_with_version_1(set, shell("check", "test $CHANCERY_VERSION = 1"));
        version_bear(set, 40);
        snprintf(specification, sizeof specification, "%s=kill", points[i]);
        assert_true(child_delivers(specification));
        deliver_all();
        assert_int_equal(served_version(set), 1);
        pair_fits(set);
        stage_is(set, "waiting");
    }
}

static void test_delivery_when_a_step_fails_then_the_old_version_is_served_and_the_ladder_mends_it(
    void **state)
{
    (void)state;
    static const char *const points[] = {"deploy.write.before=error", "deploy.switch.before=error",
                                         "files.switch.before=error", "files.fsync.before=error@4",
                                         "files.rename.before=error"};
    struct err err = {0};
    target_with_version_1("web", PROGRAMS);
    int version = 1;
    for (size_t i = 0; i < sizeof points / sizeof points[0]; i++) {
        version_bear("web", 50 + (int)i);
        version++;
        must(failpoint_arm(points[i], &err), &err);
        struct distribution_result result = deliver_all();
        must(failpoint_arm("", &err), &err);
        assert_int_equal(result.n_failed, 1);
        assert_int_equal(served_version("web"), version - 1);
        pair_fits("web");
        assert_int_equal(n_events("deploy.failed"), (int)i + 1);
        fixture_clock.wall_now_ms += 2 * MS_MINUTE;
        assert_int_equal(deliver_all().n_done, 1);
        all_is_well(version);
    }
}

static void test_delivery_when_it_cannot_be_switched_back_then_that_is_tried_again(void **state)
{
    (void)state;
    struct err err = {0};
    target_with_version_1("web", shell("check", "exit 1"));
    version_bear("web", 40);
    must(failpoint_arm("deploy.rollback.before=error", &err), &err);
    assert_int_equal(deliver_all().n_failed, 1);
    must(failpoint_arm("", &err), &err);
    assert_int_equal(served_version("web"), 2);
    stage_is("web", "rollback");
    has_words(last_event("deploy.failed"), "cannot be switched back");
    fixture_clock.wall_now_ms += 2 * MS_MINUTE;
    assert_int_equal(deliver_all().n_failed, 1);
    assert_int_equal(served_version("web"), 1);
    stage_is("web", "waiting");
}

#endif

#define TEST(name) cmocka_unit_test_setup_teardown(name, deliver_make, deliver_remove)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_delivery_when_abandoned_anywhere_then_the_next_run_ends_it),
        TEST(test_delivery_when_abandoned_in_a_rollback_then_the_old_version_is_back),
        TEST(
            test_delivery_when_a_newer_version_overtakes_a_kill_then_a_refusal_goes_back_to_the_proven_one),
        TEST(
            test_delivery_when_it_is_revoked_after_a_kill_then_the_old_version_is_back_and_activated),
        TEST(test_delivery_when_a_kill_left_pkcs12_then_the_next_run_does_not_stumble_over_it),
#ifdef CHANCERY_FAILPOINTS
        TEST(
            test_delivery_when_killed_at_every_failpoint_then_readers_see_a_whole_pair_and_the_next_run_ends_it),
        TEST(test_delivery_when_killed_in_a_rollback_then_the_next_run_ends_it),
        TEST(
            test_delivery_when_a_step_fails_then_the_old_version_is_served_and_the_ladder_mends_it),
        TEST(test_delivery_when_it_cannot_be_switched_back_then_that_is_tried_again),
#endif
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
