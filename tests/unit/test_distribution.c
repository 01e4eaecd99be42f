/* SEES: base crypto io store config acme dns-providers inventory distribution */
#include "deliver_case.h"

#include <dirent.h>

#define LOG_ACTIVATE "echo $CHANCERY_VERSION $CHANCERY_TRY >> {}/activated"
#define LOG_CHECK    "echo $CHANCERY_VERSION >> {}/checked"

static int n_versions(const char *set)
{
    int n = 0;
    char path[512];
    snprintf(path, sizeof path, "%s/versions", scratch(set));
    DIR *folder = opendir(path);
    assert_non_null(folder);
    for (struct dirent *entry; (entry = readdir(folder)) != NULL;)
        n += entry->d_name[0] != '.';
    closedir(folder);
    return n;
}

/* ---- good deliveries ---- */

static void test_delivery_when_a_certificate_is_new_then_it_is_in_place_checked_and_activated(
    void **state)
{
    (void)state;
    target_put("web", lines(shell("check", LOG_CHECK), shell("activate", LOG_ACTIVATE)));
    refresh();
    int64_t id = version_bear("web", 30);
    struct distribution_result result = deliver_all();
    assert_int_equal(result.n_done, 1);
    assert_int_equal(result.n_failed, 0);
    assert_int_equal(result.n_behind, 0);
    assert_int_equal(served_version("web"), 1);
    pair_fits("web");
    assert_int_equal(scratch_mode(served_file("web", "key.pem")), 0640);
    assert_string_equal(scratch_get("checked"), "1\n");
    assert_string_equal(scratch_get("activated"), "1 1\n");
    assert_int_equal(strncmp(scratch_get("web/deploy.stamp"), "1-", 2), 0);
    stage_is("web", "done");
    assert_int_equal(row_int("web", "done_id"), id);
    assert_int_equal(row_int("web", "next_at_ms"), -1);
    assert_int_equal(n_events("deploy.done"), 1);
    assert_int_equal(n_events("deploy.failed"), 0);
    assert_int_equal(sql_int(0, "SELECT next_at_ms FROM endpoint"),
                     fixture_clock.wall_now_ms + 500);
}

static void test_delivery_when_run_again_then_nothing_happens(void **state)
{
    (void)state;
    target_put("web", shell("activate", LOG_ACTIVATE));
    refresh();
    version_bear("web", 30);
    deliver_all();
    int64_t n_commits = store_n_commits(house.store);
    struct distribution_result result = deliver_all();
    assert_int_equal(result.n_done, 0);
    assert_int_equal(result.n_behind, 0);
    assert_int_equal(store_n_commits(house.store), n_commits);
    assert_int_equal(n_lines("activated"), 1);
}

static void test_delivery_when_programs_run_then_they_are_told_which_version(void **state)
{
    (void)state;
    target_put("web", lines(shell("check", "env > {}/env.check"),
                            shell("activate", "env > {}/env.activate")));
    refresh();
    version_bear("web", 30);
    deliver_all();
    const char *const files[] = {"env.check", "env.activate"};
    for (size_t i = 0; i < 2; i++) {
        char *text = mem_strdup(scratch_get(files[i]));
        char *dir = mem_printf("CHANCERY_CURRENT=%s/current\n", scratch("web"));
        char *version = mem_printf("CHANCERY_DIR=%s/versions/1-", scratch("web"));
        has_words(text, "CHANCERY_SET=web\n");
        has_words(text, "CHANCERY_VERSION=1\n");
        has_words(text, "CHANCERY_SERIAL=01\n");
        has_words(text, "CHANCERY_NAMES=www.example.com web.example.com\n");
        has_words(text, "CHANCERY_NOT_AFTER=2030-01-30T00:00:00Z\n");
        has_words(text, "CHANCERY_TRY=1\n");
        has_words(text, dir);
        has_words(text, version);
        mem_free(text);
        mem_free(dir);
        mem_free(version);
    }
}

static void test_delivery_when_several_versions_came_then_so_many_stay_as_are_kept(void **state)
{
    (void)state;
    target_put_files("web", "keep: 2", "");
    refresh();
    for (int i = 1; i <= 5; i++) {
        version_bear("web", 30 + i);
        assert_int_equal(deliver_all().n_done, 1);
        assert_int_equal(served_version("web"), i);
        assert_int_equal(n_versions("web"), i < 2 ? i : 2);
    }
}

static void test_delivery_when_formats_change_then_the_same_version_goes_out_anew(void **state)
{
    (void)state;
    target_with_version_1("web", "");
    char *before = mem_strdup(scratch_get(served_file("web", "key.pem")));
    target_put_files("web", "formats: [key, fullchain, combined]", shell("activate", LOG_ACTIVATE));
    refresh();
    assert_int_equal(deliver_all().n_done, 1);
    assert_int_equal(served_version("web"), 1);
    assert_int_equal(n_lines("activated"), 1);
    assert_string_equal(scratch_get(served_file("web", "key.pem")), before);
    has_words(scratch_get(served_file("web", "combined.pem")), "PRIVATE KEY");
    assert_string_equal(scratch_get(served_file("web", "cert.pem")), "");
    mem_free(before);
}

static void test_delivery_when_only_modes_change_then_they_are_set_in_place(void **state)
{
    (void)state;
    target_with_version_1("web", "");
    target_put_files("web", "mode: \"0600\"", "");
    refresh();
    assert_int_equal(deliver_all().n_done, 1);
    assert_int_equal(scratch_mode(served_file("web", "key.pem")), 0600);
    assert_int_equal(n_versions("web"), 1);
}

static void test_delivery_when_pkcs12_alone_then_forced_it_is_made_anew_and_else_left(void **state)
{
    (void)state;
    target_put_files("web", "formats: [pkcs12]", shell("activate", LOG_ACTIVATE));
    refresh();
    version_bear("web", 30);
    assert_int_equal(deliver_all().n_done, 1);
    char *before = mem_strdup(sql_text("SELECT done_at_ms FROM deployment"));
    fixture_clock.wall_now_ms += 1000;
    assert_int_equal(deliver_only("web", true).n_done, 1);
    assert_string_not_equal(sql_text("SELECT done_at_ms FROM deployment"), before);
    assert_int_equal(deliver_only("web", true).n_done, 1);
    assert_int_equal(n_lines("activated"), 3);
    version_bear("web", 20); /* ends earlier, known from the name of the generation alone */
    assert_int_equal(deliver_all().n_failed, 1);
    has_words(last_event("deploy.failed"), "it ends at");
    mem_free(before);
}

static void test_delivery_when_it_is_a_rehearsal_then_nothing_is_touched(void **state)
{
    (void)state;
    target_put("web", "");
    refresh();
    version_bear("web", 30);
    house.rehearsal = true;
    struct distribution_result result = deliver_all();
    house.rehearsal = false;
    assert_int_equal(result.n_done + result.n_failed + result.n_behind, 0);
    assert_int_not_equal(access(scratch("web"), F_OK), 0);
    stage_is("web", "waiting");
}

static void test_delivery_when_one_set_is_named_then_others_wait(void **state)
{
    (void)state;
    target_put("a", "");
    target_put("b", "");
    refresh();
    version_bear("a", 30);
    version_bear("b", 30);
    struct distribution_result result = deliver_only("a", false);
    assert_int_equal(result.n_done, 1);
    assert_int_equal(result.n_behind, 0);
    assert_int_equal(served_version("b"), 0);
    stage_is("b", "waiting");
    assert_int_equal(deliver_all().n_done, 1);
    assert_int_equal(served_version("b"), 1);
}

static void test_delivery_when_forced_then_what_is_done_is_done_again(void **state)
{
    (void)state;
    target_put("web", shell("activate", LOG_ACTIVATE));
    refresh();
    version_bear("web", 30);
    deliver_all();
    struct distribution_result result = deliver_only("web", true);
    assert_int_equal(result.n_done, 1);
    assert_int_equal(result.n_behind, 0);
    assert_int_equal(n_lines("activated"), 2);
    assert_int_equal(served_version("web"), 1);
}

static void test_delivery_when_a_newer_version_comes_meanwhile_then_the_newest_ends_in_place(
    void **state)
{
    (void)state;
    for (int after = 0; after < 6; after++) {
        char set[16];
        snprintf(set, sizeof set, "web%d", after);
        target_put(set, lines(shell("check", "sleep 0.05"), shell("activate", LOG_ACTIVATE)));
        refresh();
        version_bear(set, 30);
        deliver_open(NULL, false);
        for (int i = 0; i < after; i++) {
            turn_collect();
            turn_act();
            if (!turn_is_last())
                turn_wait();
        }
        int64_t id = version_bear(set, 40);
        deliver_on();
        assert_int_equal(served_version(set), 2);
        assert_int_equal(row_int(set, "done_id"), id);
        stage_is(set, "done");
        pair_fits(set);
    }
}

static void test_delivery_when_the_target_is_removed_meanwhile_then_it_is_not_touched(void **state)
{
    (void)state;
    target_with_version_1("web", "");
    version_bear("web", 40);
    deliver_open(NULL, false);
    turn_collect();
    turn_act(); /* written */
    set_put("web", "names: [www.example.com, web.example.com]\n");
    refresh();
    deliver_on();
    assert_int_equal(served_version("web"), 1);
    assert_int_equal(sql_int(-1, "SELECT count(*) FROM deployment WHERE next_at_ms IS NOT NULL"),
                     0);
    assert_int_equal(deliver_result().n_behind, 0);
}

/* ---- what fails ---- */

static void
test_delivery_when_the_check_refuses_then_the_old_version_is_back_and_nobody_was_activated(
    void **state)
{
    (void)state;
    target_with_version_1("web",
                          lines(shell("check", "echo one; echo broken at line 7 >&2; exit 3"),
                                shell("activate", LOG_ACTIVATE)));
    deliver_all(); /* version 1 by the new settings: it has nothing to go back to but itself */
    sql_run("DELETE FROM event; UPDATE deployment SET stage = 'done', next_at_ms = NULL, failure = "
            "NULL, n_tries = 0");
    char *key = mem_strdup(scratch_get(served_file("web", "key.pem")));
    version_bear("web", 40);
    struct distribution_result result = deliver_all();
    assert_int_equal(result.n_done, 0);
    assert_int_equal(result.n_failed, 1);
    assert_int_equal(result.n_behind, 1);
    assert_int_equal(served_version("web"), 1);
    assert_string_equal(scratch_get(served_file("web", "key.pem")), key);
    pair_fits("web");
    assert_string_equal(scratch_get("activated"), "");
    assert_int_equal(n_events("deploy.rolled_back"), 1);
    assert_int_equal(n_events("deploy.failed"), 0);
    const char *text = last_event("deploy.rolled_back");
    has_words(text, "version 2 to files:");
    has_words(text, "exit code 3: broken at line 7");
    has_words(text, "version 1 is served as before");
    has_words(text, "next try at 2030-01-02T00:01");
    stage_is("web", "waiting");
    assert_string_equal(row_text("web", "previous"), "");
    assert_string_equal(row_text("web", "failure_kind"), "refused");
    mem_free(key);
}

static void
test_delivery_when_the_activation_fails_then_the_old_version_is_back_and_activated_again(
    void **state)
{
    (void)state;
    target_with_version_1("web", shell("activate", LOG_ACTIVATE "; test $CHANCERY_VERSION = 1"));
    assert_int_equal(deliver_all().n_done, 1);
    version_bear("web", 40);
    struct distribution_result result = deliver_all();
    assert_int_equal(result.n_failed, 1);
    assert_int_equal(served_version("web"), 1);
    assert_string_equal(scratch_get("activated"), "1 1\n2 1\n1 1\n");
    assert_int_equal(n_events("deploy.rolled_back"), 1);
    has_words(last_event("deploy.rolled_back"), "exit code 1");
}

static void test_delivery_when_the_old_version_cannot_be_activated_either_then_it_says_so(
    void **state)
{
    (void)state;
    target_with_version_1("web", shell("activate", "echo no such service; exit 5"));
    sql_run("UPDATE deployment SET stage = 'done', next_at_ms = NULL");
    version_bear("web", 40);
    assert_int_equal(deliver_all().n_failed, 1);
    assert_int_equal(served_version("web"), 1);
    has_words(last_event("deploy.rolled_back"), "activating the old version failed, too");
    assert_int_equal(n_events("deploy.rolled_back"), 1);
}

static void test_delivery_when_the_first_one_is_refused_then_the_link_is_gone_again(void **state)
{
    (void)state;
    target_put("web", lines(shell("check", "exit 1"), shell("activate", LOG_ACTIVATE)));
    refresh();
    version_bear("web", 30);
    assert_int_equal(deliver_all().n_failed, 1);
    assert_int_equal(served_version("web"), 0);
    struct stat st;
    assert_int_not_equal(lstat(scratch("web/current"), &st), 0);
    assert_string_equal(scratch_get("activated"), "");
    has_words(last_event("deploy.rolled_back"), "nothing was served there before");
}

static void test_delivery_when_the_first_one_is_checked_but_not_activated_then_the_files_stay(
    void **state)
{
    (void)state;
    target_put("web", lines(shell("check", "true"), shell("activate", "test -e {}/up")));
    refresh();
    version_bear("web", 30);
    assert_int_equal(deliver_all().n_failed, 1);
    assert_int_equal(served_version("web"), 1);
    assert_int_equal(n_events("deploy.failed"), 1);
    has_words(last_event("deploy.failed"), "version 1 stays in place");
    scratch_put("up", "", 0644);
    fixture_clock.wall_now_ms += 2 * MS_MINUTE;
    assert_int_equal(deliver_all().n_done, 1);
}

static void test_delivery_when_the_first_one_is_unchecked_and_not_activated_then_the_link_is_gone(
    void **state)
{
    (void)state;
    target_put("web", shell("activate", "exit 1"));
    refresh();
    version_bear("web", 30);
    assert_int_equal(deliver_all().n_failed, 1);
    assert_int_equal(served_version("web"), 0);
}

static void test_delivery_when_a_program_says_75_then_it_is_a_passing_fault(void **state)
{
    (void)state;
    target_with_version_1("web", shell("check", "echo in an hour; exit 75"));
    version_bear("web", 40);
    assert_int_equal(deliver_all().n_failed, 1);
    assert_string_equal(row_text("web", "failure_kind"), "again");
    has_words(last_event("deploy.rolled_back"), "tried later");
    has_words(last_event("deploy.rolled_back"), "in an hour");
}

static void test_delivery_when_a_program_is_missing_then_the_old_version_stays(void **state)
{
    (void)state;
    target_with_version_1("web", "    check: [/nonexistent/nginx, -t]\n");
    version_bear("web", 40);
    assert_int_equal(deliver_all().n_failed, 1);
    assert_int_equal(served_version("web"), 1);
    assert_string_equal(row_text("web", "failure_kind"), "absent");
    has_words(last_event("deploy.rolled_back"), "/nonexistent/nginx");
}

static void test_delivery_when_a_unit_is_to_be_activated_then_systemctl_is_asked(void **state)
{
    (void)state;
    target_with_version_1("web", "    activate: {systemd: chancery-test-nobody.service}\n");
    sql_run("UPDATE deployment SET stage = 'done', next_at_ms = NULL");
    version_bear("web", 40);
    assert_int_equal(deliver_all().n_failed, 1);
    assert_int_equal(served_version("web"), 1);
    has_words(last_event("deploy.rolled_back"),
              "activate systemctl reload-or-restart chancery-test-nobody.service: ");
}

static void test_delivery_when_the_stamp_cannot_be_written_then_only_that_is_tried_again(
    void **state)
{
    (void)state;
    target_with_version_1("web", shell("activate", LOG_ACTIVATE));
    sql_run("UPDATE deployment SET stage = 'done', next_at_ms = NULL");
    unlink(scratch("web/deploy.stamp"));
    assert_int_equal(mkdir(scratch("web/deploy.stamp"), 0755), 0);
    version_bear("web", 40);
    assert_int_equal(deliver_all().n_failed, 1);
    assert_int_equal(served_version("web"), 2);
    has_words(last_event("deploy.failed"), "version 2 stays in place");
    assert_int_equal(rmdir(scratch("web/deploy.stamp")), 0);
    fixture_clock.wall_now_ms += 2 * MS_MINUTE;
    assert_int_equal(deliver_all().n_done, 1);
    assert_int_equal(n_lines("activated"), 1);
    assert_int_equal(strncmp(scratch_get("web/deploy.stamp"), "2-", 2), 0);
}

static void test_delivery_when_a_program_hangs_then_it_is_cut_and_others_were_not_delayed(
    void **state)
{
    (void)state;
    target_put("a",
               lines("    timeout: 1s\n", shell("check", "trap \"\" TERM; sleep 60; sleep 60")));
    target_put("b", shell("check", "true"));
    refresh();
    version_bear("a", 30);
    version_bear("b", 30);
    deliver_open(NULL, false);
    int64_t from_ms = clock_boot_ms(&clock_system), b_ms = 0;
    while (!turn_is_last()) {
        turn_collect();
        turn_act();
        turn_wait();
        if (b_ms == 0 && strcmp(row_text("b", "stage"), "done") == 0)
            b_ms = clock_boot_ms(&clock_system) - from_ms;
    }
    assert_true(b_ms > 0 && b_ms < 1000);
    assert_true(clock_boot_ms(&clock_system) - from_ms < 5000);
    assert_string_equal(row_text("a", "failure_kind"), "again");
    has_words(last_event("deploy.rolled_back"), "did not end within 1s");
}

static void test_delivery_when_it_fails_then_it_climbs_the_ladder_until_it_works(void **state)
{
    (void)state;
    static const int64_t waits_ms[] = {MS_MINUTE, 10 * MS_MINUTE, 100 * MS_MINUTE, MS_DAY, MS_DAY};
    target_with_version_1("web", shell("check", "test -e {}/mended"));
    version_bear("web", 40);
    for (size_t i = 0; i < sizeof waits_ms / sizeof waits_ms[0]; i++) {
        assert_int_equal(deliver_all().n_failed, 1);
        int64_t wait_ms = row_int("web", "next_at_ms") - fixture_clock.wall_now_ms;
        assert_in_range(wait_ms, waits_ms[i], waits_ms[i] + waits_ms[i] / 10);
        assert_int_equal(row_int("web", "n_tries"), (int64_t)i + 1);
        struct distribution_result idle = deliver_all();
        assert_int_equal(idle.n_failed, 0);
        assert_int_equal(idle.n_behind, 1);
        fixture_clock.wall_now_ms += wait_ms;
    }
    scratch_put("mended", "", 0644);
    assert_int_equal(deliver_all().n_done, 1);
    assert_int_equal(row_int("web", "n_tries"), 0);
    assert_string_equal(row_text("web", "failure"), "");
}

static void test_delivery_when_it_waits_for_a_retry_then_asking_by_name_does_not_wait(void **state)
{
    (void)state;
    target_with_version_1("web", shell("check", "test -e {}/mended"));
    version_bear("web", 40);
    assert_int_equal(deliver_all().n_failed, 1);
    scratch_put("mended", "", 0644);
    assert_int_equal(deliver_all().n_done, 0);
    assert_int_equal(deliver_only("web", false).n_done, 1);
}

static void test_delivery_when_the_same_fault_comes_back_at_once_then_it_is_told_once(void **state)
{
    (void)state;
    target_with_version_1("web", shell("check", "exit 1"));
    version_bear("web", 40);
    for (int i = 0; i < 5; i++)
        assert_int_equal(deliver_only("web", false).n_failed, 1);
    assert_int_equal(n_events("deploy.rolled_back"), 1);
    fixture_clock.wall_now_ms += 11 * MS_MINUTE;
    assert_int_equal(deliver_only("web", false).n_failed, 1);
    assert_int_equal(n_events("deploy.rolled_back"), 2);
}

/* ---- targets that refuse ---- */

static void test_delivery_when_the_folder_cannot_be_made_then_it_says_what_is_missing(void **state)
{
    (void)state;
    AUTO(mem_fini)
    char *text =
        mem_printf("names: [www.example.com, web.example.com]\ndeploy:\n  - files: {dir: %s}\n",
                   scratch("no/such/place"));
    set_put("web", text);
    refresh();
    version_bear("web", 30);
    assert_int_equal(deliver_all().n_failed, 1);
    assert_int_equal(n_events("deploy.failed"), 1);
    has_words(last_event("deploy.failed"), "no/such");
    has_words(last_event("deploy.failed"), "next try at");
    assert_string_equal(row_text("web", "failure_kind"), "absent");
}

static void test_delivery_when_the_owner_is_unknown_then_the_old_version_stays(void **state)
{
    (void)state;
    target_with_version_1("web", "");
    target_put_files("web", "owner: nobody-of-this-name", "");
    refresh();
    version_bear("web", 40);
    assert_int_equal(deliver_all().n_failed, 1);
    assert_int_equal(served_version("web"), 1);
    has_words(last_event("deploy.failed"), "nobody-of-this-name");
    has_words(last_event("deploy.failed"), "version 1 stays served");
}

static void test_delivery_when_current_is_somebody_elses_link_then_it_is_left_alone(void **state)
{
    (void)state;
    target_with_version_1("web", "");
    assert_int_equal(unlink(scratch("web/current")), 0);
    assert_int_equal(symlink("/etc", scratch("web/current")), 0);
    version_bear("web", 40);
    assert_int_equal(deliver_all().n_failed, 1);
    char target[64] = {0};
    assert_int_equal(readlink(scratch("web/current"), target, sizeof target - 1), 4);
    assert_string_equal(target, "/etc");
}

static void test_delivery_when_the_folder_is_a_planted_link_then_nothing_is_written_through_it(
    void **state)
{
    (void)state;
    target_put("web", "");
    refresh();
    mkdir(scratch("elsewhere"), 0755);
    assert_int_equal(symlink(scratch("elsewhere"), scratch("web")), 0);
    version_bear("web", 30);
    assert_int_equal(deliver_all().n_failed, 1);
    assert_int_not_equal(access(scratch("elsewhere/versions"), F_OK), 0);
}

static void test_delivery_when_the_seal_cannot_be_opened_then_nothing_is_written(void **state)
{
    (void)state;
    target_with_version_1("web", "");
    version_bear("web", 40);
    struct seal *seal = house.seal;
    house.seal = NULL;
    assert_int_equal(deliver_all().n_failed, 1);
    house.seal = seal;
    assert_int_equal(served_version("web"), 1);
    assert_int_equal(n_versions("web"), 1);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, deliver_make, deliver_remove)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_delivery_when_a_certificate_is_new_then_it_is_in_place_checked_and_activated),
        TEST(test_delivery_when_run_again_then_nothing_happens),
        TEST(test_delivery_when_programs_run_then_they_are_told_which_version),
        TEST(test_delivery_when_several_versions_came_then_so_many_stay_as_are_kept),
        TEST(test_delivery_when_formats_change_then_the_same_version_goes_out_anew),
        TEST(test_delivery_when_only_modes_change_then_they_are_set_in_place),
        TEST(test_delivery_when_pkcs12_alone_then_forced_it_is_made_anew_and_else_left),
        TEST(test_delivery_when_it_is_a_rehearsal_then_nothing_is_touched),
        TEST(test_delivery_when_one_set_is_named_then_others_wait),
        TEST(test_delivery_when_forced_then_what_is_done_is_done_again),
        TEST(test_delivery_when_a_newer_version_comes_meanwhile_then_the_newest_ends_in_place),
        TEST(test_delivery_when_the_target_is_removed_meanwhile_then_it_is_not_touched),
        TEST(
            test_delivery_when_the_check_refuses_then_the_old_version_is_back_and_nobody_was_activated),
        TEST(
            test_delivery_when_the_activation_fails_then_the_old_version_is_back_and_activated_again),
        TEST(test_delivery_when_the_old_version_cannot_be_activated_either_then_it_says_so),
        TEST(test_delivery_when_the_first_one_is_refused_then_the_link_is_gone_again),
        TEST(test_delivery_when_the_first_one_is_checked_but_not_activated_then_the_files_stay),
        TEST(test_delivery_when_the_first_one_is_unchecked_and_not_activated_then_the_link_is_gone),
        TEST(test_delivery_when_a_program_says_75_then_it_is_a_passing_fault),
        TEST(test_delivery_when_a_program_is_missing_then_the_old_version_stays),
        TEST(test_delivery_when_a_unit_is_to_be_activated_then_systemctl_is_asked),
        TEST(test_delivery_when_the_stamp_cannot_be_written_then_only_that_is_tried_again),
        TEST(test_delivery_when_a_program_hangs_then_it_is_cut_and_others_were_not_delayed),
        TEST(test_delivery_when_it_fails_then_it_climbs_the_ladder_until_it_works),
        TEST(test_delivery_when_it_waits_for_a_retry_then_asking_by_name_does_not_wait),
        TEST(test_delivery_when_the_same_fault_comes_back_at_once_then_it_is_told_once),
        TEST(test_delivery_when_the_folder_cannot_be_made_then_it_says_what_is_missing),
        TEST(test_delivery_when_the_owner_is_unknown_then_the_old_version_stays),
        TEST(test_delivery_when_current_is_somebody_elses_link_then_it_is_left_alone),
        TEST(test_delivery_when_the_folder_is_a_planted_link_then_nothing_is_written_through_it),
        TEST(test_delivery_when_the_seal_cannot_be_opened_then_nothing_is_written),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
