/* SEES: base crypto io store config acme dns-providers inventory */
#include "house_fixture.h"

#include "inventory/held_chain.h"

#include <time.h>

static int64_t now_ms(void)
{
    return fixture_clock.wall_now_ms;
}

static void later(int64_t ms)
{
    clock_manual_advance(&fixture_clock, ms);
}

static struct set_row row_of(const char *name)
{
    struct err err = {0};
    struct set_row row = {0};
    must(register_row(&house, name, &row, &err), &err);
    return row;
}

/* What stands in the row: fault "" means none. */
static void row_is(const char *name, const char *fault, int64_t next_at_ms, const char *why)
{
    struct set_row row = row_of(name);
    if (fault[0] == '\0' && row.fault != NULL)
        fail_msg("%s: unexpected fault %s", name, row.fault);
    if (fault[0] != '\0')
        has_words(row.fault, fault);
    assert_int_equal(row.next_at_ms, next_at_ms);
    assert_string_equal(row.why, why);
    set_row_fini(&row);
}

static int64_t commits(void)
{
    return store_n_commits(house.store);
}

/* ---- files and rows ---- */

static void test_register_when_a_file_appears_then_its_set_is_due_and_told_once(void **state)
{
    (void)state;
    set_put("shop", "names: [www.example.com, shop.example.com]\n");
    struct register_result r = refresh();
    assert_int_equal(r.n_sets, 1);
    assert_int_equal(r.n_changed, 1);
    assert_int_equal(r.n_faults, 0);
    row_is("shop", "", now_ms(), "new");
    assert_int_equal(n_events("set.new"), 1);
    assert_int_equal(sql_int(0, "SELECT count(*) FROM set_name WHERE set_name = 'shop'"), 2);
    struct set_row row = row_of("shop");
    assert_string_equal(row.file, scratch("sets.d/shop.yaml"));
    assert_false(row.removed);
    set_row_fini(&row);
}

static void test_register_when_nothing_changed_then_nothing_is_committed(void **state)
{
    (void)state;
    set_put("a", "names: a.example.com\n");
    set_put("a-b", "names: ab.example.com\n");
    set_put("a.b", "names: a-b.example.com\n");
    set_put("B", "names: b.example.com\n");
    set_put("broken", "names: [\n");
    assert_int_equal(refresh().n_changed, 5);
    int64_t before = commits(), n = sql_int(0, "SELECT count(*) FROM event");
    later(MS_HOUR);
    struct register_result r = refresh();
    assert_int_equal(r.n_sets, 5);
    assert_int_equal(r.n_changed, 0);
    assert_int_equal(r.n_removed, 0);
    assert_int_equal(r.n_faults, 1);
    assert_int_equal(commits(), before);
    assert_int_equal(sql_int(0, "SELECT count(*) FROM event"), n);
}

static void test_register_when_names_change_then_the_set_is_due_and_the_change_told(void **state)
{
    (void)state;
    set_put("shop", "names: www.example.com\n");
    refresh();
    int64_t due_ms = now_ms() + 90 * MS_DAY;
    certificate_bear("shop", now_ms() - MS_HOUR, due_ms);
    later(MS_DAY);
    set_put("shop", "names: [www.example.com, new.example.com]\n");
    assert_int_equal(refresh().n_changed, 1);
    row_is("shop", "", now_ms(), "changed");
    has_words(sql_text("SELECT text FROM event WHERE event = 'set.changed'"),
              "names changed: +new.example.com");
}

static void test_register_when_only_delivery_changes_then_no_new_certificate_is_due(void **state)
{
    (void)state;
    set_put("shop", "names: www.example.com\n");
    refresh();
    certificate_bear("shop", now_ms() - MS_HOUR, now_ms() + 90 * MS_DAY);
    int64_t due_ms = sql_int(0, "SELECT due_at_ms FROM certificate");
    set_put("shop", "names: www.example.com\ndeploy: [{files: {dir: /x}}]\n");
    refresh();
    row_is("shop", "", due_ms, "due");
    has_words(sql_text("SELECT text FROM event WHERE event = 'set.changed'"),
              "nothing that matters");
}

static void test_register_when_a_file_is_touched_then_nothing_is_told(void **state)
{
    (void)state;
    set_put("shop", "names: www.example.com\n");
    refresh();
    set_put("shop", "# a remark\nnames: www.example.com\n");
    struct register_result r = refresh();
    assert_int_equal(r.n_changed, 0);
    assert_int_equal(n_events("set.changed"), 0);
    int64_t before = commits();
    refresh();
    assert_int_equal(commits(), before);
}

static void test_register_when_a_file_breaks_then_the_set_waits_and_its_last_good_form_stays(
    void **state)
{
    (void)state;
    struct err err = {0};
    struct set_config *set = NULL;
    set_put("other", "names: other.example.com\n");
    set_put("shop", "names: www.example.com\ndeploy: [{files: {dir: /x}}]\n");
    refresh();
    certificate_bear("shop", now_ms() - MS_HOUR, now_ms() + 90 * MS_DAY);
    set_put("shop", "names: www.example.com\nkye: rsa-2048\n");
    struct register_result r = refresh();
    assert_int_equal(r.n_changed, 1);
    assert_int_equal(r.n_faults, 1);
    row_is("shop", "sets.d/shop.yaml:2:1: unknown key \"kye\"; did you mean \"key\"?", INT64_MAX,
           "");
    row_is("other", "", now_ms(), "new");
    assert_int_equal(n_events("set.broken"), 1);
    has_words(sql_text("SELECT text FROM event WHERE event = 'set.broken'"), "is served on");
    must(register_set(&house, "shop", &set, &err), &err);
    assert_string_equal(set->deploys[0].dir, "/x");
    set_config_free(set);
    assert_int_equal(
        sql_int(0,
                "SELECT count(*) FROM deployment WHERE removed_at_ms IS NULL AND next_at_ms > 0"),
        1);
    set_put("shop", "# still\nnames: www.example.com\nkye: rsa-2048\n");
    refresh();
    assert_int_equal(n_events("set.broken"), 2); /* another place: another fault */
    set_put("shop", "names: www.example.com\nkey: rsa-2048\n");
    refresh();
    assert_int_equal(n_events("set.mended"), 1);
    row_is("shop", "", now_ms(), "changed");
}

static void test_register_when_a_broken_file_is_broken_the_same_way_then_it_is_told_once(
    void **state)
{
    (void)state;
    set_put("shop", "names: 7\n");
    refresh();
    set_put("shop", "names: 7\n# again\n");
    refresh();
    assert_int_equal(n_events("set.broken"), 1);
    row_is("shop", "shop.yaml:1:8", INT64_MAX, "");
    struct err err = {0};
    struct set_config *set = NULL;
    assert_false(register_set(&house, "shop", &set, &err));
    assert_int_equal(err.kind, ERR_CONFIG);
    has_words(err.text, "never could be used");
}

static void test_register_when_a_file_has_many_faults_then_the_event_is_one_line(void **state)
{
    (void)state;
    set_put("shop", "names: [localhost, www.example.org]\nkey: rsa-2048\nauthority: three\n");
    refresh();
    const char *fault = sql_text("SELECT fault FROM domain_set");
    has_words(fault, "\n");
    has_words(sql_text("SELECT text FROM event"), "; ");
    assert_null(strstr(sql_text("SELECT text FROM event"), "\n"));
}

static void test_register_when_a_file_vanishes_then_the_set_is_over_but_its_past_stays(void **state)
{
    (void)state;
    struct err err = {0};
    struct set_config *set = NULL;
    set_put("shop", "names: www.example.com\ndeploy: [{files: {dir: /x}}]\nendpoints: "
                    "[\"www.example.com:443\"]\n");
    refresh();
    certificate_bear("shop", now_ms() - MS_HOUR, now_ms() + 90 * MS_DAY);
    set_drop("shop");
    struct register_result r = refresh();
    assert_int_equal(r.n_removed, 1);
    assert_int_equal(r.n_sets, 0);
    assert_int_equal(n_events("set.removed"), 1);
    struct set_row row = row_of("shop");
    assert_true(row.removed);
    assert_int_equal(row.next_at_ms, INT64_MAX);
    set_row_fini(&row);
    assert_int_equal(sql_int(0, "SELECT count(*) FROM certificate"), 1);
    assert_int_equal(sql_int(0, "SELECT count(*) FROM deployment WHERE next_at_ms IS NOT NULL OR "
                                "removed_at_ms IS NULL"),
                     0);
    assert_int_equal(sql_int(0, "SELECT count(*) FROM endpoint"), 0);
    assert_int_equal(sql_int(0, "SELECT count(*) FROM set_name"), 0);
    assert_false(register_set(&house, "shop", &set, &err));
    assert_int_equal(err.kind, ERR_ABSENT);
    assert_int_equal(refresh().n_removed, 0);
}

static void test_register_when_a_file_comes_back_then_its_certificate_counts_again(void **state)
{
    (void)state;
    set_put("shop", "names: www.example.com\ndeploy: [{files: {dir: /x}}]\n");
    refresh();
    certificate_bear("shop", now_ms() - MS_HOUR, now_ms() + 90 * MS_DAY);
    int64_t due_ms = sql_int(0, "SELECT due_at_ms FROM certificate");
    set_drop("shop");
    refresh();
    later(MS_DAY);
    set_put("shop", "names: www.example.com\ndeploy: [{files: {dir: /x}}]\n");
    refresh();
    row_is("shop", "", due_ms, "due");
    assert_int_equal(sql_int(0, "SELECT next_at_ms FROM deployment WHERE removed_at_ms IS NULL"),
                     now_ms());
}

static void test_register_when_the_folder_is_gone_then_no_set_is_removed(void **state)
{
    (void)state;
    struct err err = {0};
    struct register_result r = {.n_sets = 77};
    set_put("shop", "names: www.example.com\n");
    refresh();
    assert_int_equal(rename(scratch("sets.d"), scratch("elsewhere")), 0);
    assert_false(register_refresh(&house, &r, &err));
    assert_int_equal(err.kind, ERR_CONFIG);
    assert_int_equal(r.n_sets, 77);
    assert_int_equal(rename(scratch("elsewhere"), scratch("sets.d")), 0);
    row_is("shop", "", now_ms(), "new");
    assert_int_equal(refresh().n_changed, 0);
}

static void test_register_when_chancery_yaml_changes_then_every_set_is_judged_again(void **state)
{
    (void)state;
    set_put("shop", "names: www.example.com\n");
    set_put("net", "names: www.example.net\n");
    refresh();
    scratch_put("chancery.yaml",
                "seal: file:seal.key\nauthorities:\n  one: {directory: https://one.example/dir, "
                "agree_tos: true}\n"
                "providers:\n  corp: {type: exec, zones: [example.com], argv: [/bin/true]}\n",
                0644);
    config_again();
    struct register_result r = refresh();
    assert_int_equal(r.n_changed, 1);
    assert_int_equal(r.n_faults, 1);
    row_is("net", "no provider of chancery.yaml has a zone of www.example.net", INT64_MAX, "");
    int64_t before = commits();
    refresh();
    assert_int_equal(commits(), before);
    scratch_put("chancery.yaml", FIXTURE_YAML, 0644);
    config_again();
    assert_int_equal(refresh().n_faults, 0);
    row_is("net", "", now_ms(), "new");
}

static void test_register_when_a_files_name_is_strange_then_only_it_is_refused(void **state)
{
    (void)state;
    set_put("good.example_1-x", "names: www.example.com\n");
    set_put("bad name", "names: mail.example.com\n");
    set_put("-rf", "names: rf.example.com\n");
    struct register_result r = refresh();
    assert_int_equal(r.n_sets, 3);
    assert_int_equal(r.n_faults, 2);
    row_is("bad name", "the file's name is the set's name", INT64_MAX, "");
    row_is("good.example_1-x", "", now_ms(), "new");
}

static void test_register_when_a_file_cannot_be_read_then_only_its_set_suffers(void **state)
{
    (void)state;
    AUTO(mem_fini)
    char *big = mem_new(2 * 1024 * 1024, 1);
    memset(big, '#', 2 * 1024 * 1024 - 1);
    set_put("big", big);
    set_put("shop", "names: www.example.com\n");
    assert_int_equal(refresh().n_faults, 1);
    row_is("big", "larger than", INT64_MAX, "");
    row_is("shop", "", now_ms(), "new");
}

static void test_look_when_files_changed_then_it_counts_and_writes_nothing(void **state)
{
    (void)state;
    struct err err = {0};
    struct register_result r = {0};
    set_put("a", "names: a.example.com\n");
    set_put("b", "names: b.example.com\n");
    refresh();
    set_drop("a");
    set_put("b", "names: bb.example.com\n");
    set_put("c", "names: c.example.com\n");
    int64_t before = commits();
    must(register_look(&house, &r, &err), &err);
    assert_int_equal(r.n_sets, 2);
    assert_int_equal(r.n_changed, 2);
    assert_int_equal(r.n_removed, 1);
    assert_int_equal(commits(), before);
}

static void test_set_when_its_name_is_misspelt_then_the_nearest_is_suggested(void **state)
{
    (void)state;
    struct err err = {0};
    struct set_config *set = NULL;
    set_put("webshop", "names: www.example.com\n");
    refresh();
    assert_false(register_set(&house, "wbeshop", &set, &err));
    assert_int_equal(err.kind, ERR_ABSENT);
    has_words(err.text, "did you mean \"webshop\"?");
}

static void test_set_when_its_record_is_damaged_then_the_text_says_how_to_mend_it(void **state)
{
    (void)state;
    struct err err = {0};
    struct set_config *set = NULL;
    set_put("shop", "names: www.example.com\n");
    refresh();
    sql_run("UPDATE domain_set SET doc = '{\"names\": [' WHERE name = 'shop'");
    assert_false(register_set(&house, "shop", &set, &err));
    assert_int_equal(err.kind, ERR_BROKEN);
    has_words(err.text, "touch");
    set_put("shop", "# touched\nnames: www.example.com\n");
    refresh();
    must(register_set(&house, "shop", &set, &err), &err);
    set_config_free(set);
}

/* ---- conflicts (S4) ---- */

static void test_conflict_when_two_sets_want_the_same_names_then_the_later_waits_and_both_are_named(
    void **state)
{
    (void)state;
    set_put("b", "names: [www.example.com, x.example.com]\n");
    refresh();
    row_is("b", "", now_ms(), "new");
    set_put("a", "names: [x.example.com, WWW.example.com]\n");
    set_put("c", "names: [x.example.com, www.example.com]\nauthority: two\n");
    set_put("d", "names: [x.example.com]\n");
    struct register_result r = refresh();
    assert_int_equal(r.n_faults, 1);
    row_is("a", "", now_ms(), "new");
    row_is("b", "sets \"a\" and \"b\" want the same names", INT64_MAX, "");
    row_is("c", "", now_ms(), "new");
    row_is("d", "", now_ms(), "new");
    assert_int_equal(n_events("set.broken"), 1);
    later(MS_MINUTE);
    set_drop("a");
    assert_int_equal(refresh().n_faults, 0);
    row_is("b", "", now_ms(), "new");
    assert_int_equal(n_events("set.mended"), 1);
}

static void test_conflict_when_one_set_changes_its_names_then_the_other_is_free(void **state)
{
    (void)state;
    set_put("a", "names: www.example.com\n");
    set_put("b", "names: www.example.com\n");
    set_put("c", "names: www.example.com\n");
    assert_int_equal(refresh().n_faults, 2);
    set_put("a", "names: else.example.com\n");
    assert_int_equal(refresh().n_faults, 1);
    row_is("b", "", now_ms(), "new");
    row_is("c", "sets \"b\" and \"c\"", INT64_MAX, "");
    assert_int_equal(n_events("set.broken"), 3); /* b, c because of a; c because of b */
}

static void test_conflict_when_two_authorities_are_one_account_then_it_counts(void **state)
{
    (void)state;
    scratch_put("chancery.yaml",
                "seal: file:k\nauthorities:\n  one: {directory: https://one.example/dir}\n"
                "  same: {directory: https://one.example/dir}\n"
                "  eab: {directory: https://one.example/dir, eab: {kid: file:a, key: file:b}}\n"
                "providers:\n  corp: {type: exec, zones: [example.com], argv: [/bin/true]}\n",
                0644);
    config_again();
    set_put("a", "names: www.example.com\nauthority: one\n");
    set_put("b", "names: www.example.com\nauthority: same\n");
    set_put("c", "names: www.example.com\nauthority: eab\n");
    assert_int_equal(refresh().n_faults, 1);
    row_is("b", "sets \"a\" and \"b\"", INT64_MAX, "");
    scratch_put("chancery.yaml", FIXTURE_YAML, 0644);
}

static void test_conflict_when_two_sets_write_one_folder_then_only_the_first_delivers(void **state)
{
    (void)state;
    set_put("b", "names: b.example.com\ndeploy: [{files: {dir: /x}}, {files: {dir: /y}}]\n");
    refresh();
    certificate_bear("b", now_ms() - MS_HOUR, now_ms() + 90 * MS_DAY);
    assert_int_equal(sql_int(0, "SELECT count(*) FROM deployment WHERE next_at_ms IS NOT NULL"), 2);
    set_put("a", "names: a.example.com\ndeploy: [{files: {dir: /x/}}]\n");
    assert_int_equal(refresh().n_faults, 1);
    row_is("b", "sets \"a\" and \"b\" both deliver to /x", INT64_MAX, "");
    assert_string_equal(
        sql_text("SELECT group_concat(set_name || target) FROM (SELECT * FROM deployment WHERE"
                 " removed_at_ms IS NULL ORDER BY set_name, target)"),
        "afiles:/x,bfiles:/y");
    set_put("a", "names: a.example.com\n");
    assert_int_equal(refresh().n_faults, 0);
    assert_int_equal(
        sql_int(0, "SELECT next_at_ms FROM deployment WHERE set_name = 'b' AND target = 'files:/x'"
                   " AND removed_at_ms IS NULL"),
        now_ms());
}

static void test_conflict_when_the_set_that_delivers_is_broken_then_its_folder_is_still_not_shared(
    void **state)
{
    (void)state;
    set_put("b", "names: b.example.com\ndeploy: [{files: {dir: /x}}]\n");
    refresh();
    certificate_bear("b", now_ms() - MS_HOUR, now_ms() + 90 * MS_DAY);
    set_put("b", "names: b.example.com\nbroken: 1\n");
    set_put("a", "names: a.example.com\ndeploy: [{files: {dir: /x}}]\n");
    refresh();
    assert_string_equal(
        sql_text("SELECT group_concat(set_name) FROM deployment WHERE removed_at_ms IS NULL"), "a");
}

/* ---- deployments and endpoints follow ---- */

static void test_deployments_when_there_is_no_certificate_yet_then_they_wait_for_it(void **state)
{
    (void)state;
    set_put("shop", "names: www.example.com\ndeploy: [{files: {dir: /x}}]\nendpoints: "
                    "[\"www.example.com:443\"]\n");
    refresh();
    assert_int_equal(sql_int(-1, "SELECT next_at_ms FROM deployment"), -1);
    assert_int_equal(sql_int(-1, "SELECT next_at_ms FROM endpoint"), -1);
    int64_t id = certificate_bear("shop", now_ms() - MS_HOUR, now_ms() + 90 * MS_DAY);
    assert_int_equal(sql_int(-1, "SELECT next_at_ms FROM deployment"), now_ms());
    assert_int_equal(sql_int(-1, "SELECT wanted_id FROM deployment"), id);
    /* The endpoint is looked at when the delivery is done. */
    assert_int_equal(sql_int(-1, "SELECT next_at_ms FROM endpoint"), -1);
}

/* As distribution leaves a row that is done. */
static void deployment_done(const char *set)
{
    struct err err = {0};
    struct set_config *config = NULL;
    struct certificate *current = NULL;
    char sql[512];
    must(register_set(&house, set, &config, &err), &err);
    must(held_current(&house, set, false, &current, &err), &err);
    for (size_t i = 0; i < config->n_deploys; i++) {
        char *print = delivery_print(&config->deploys[i], current);
        snprintf(sql, sizeof sql,
                 "UPDATE deployment SET stage = 'done', done_id = wanted_id, next_at_ms = NULL, "
                 "want = '%s'"
                 " WHERE set_name = '%s' AND target = '%s'",
                 print, set, config->deploys[i].target);
        mem_free(print);
        sql_run(sql);
    }
    certificate_free(current);
    set_config_free(config);
}

static void test_deployments_when_settings_change_then_only_the_changed_target_is_due(void **state)
{
    (void)state;
    set_put("shop", "names: www.example.com\ndeploy: [{files: {dir: /x}}, {files: {dir: /y}}]\n");
    refresh();
    certificate_bear("shop", now_ms() - MS_HOUR, now_ms() + 90 * MS_DAY);
    deployment_done("shop");
    later(MS_HOUR);
    set_put("shop", "names: www.example.com\ndeploy: [{files: {dir: /x, keep: 5}}, {files: {dir: "
                    "/y, mode: \"0600\"}},"
                    " {files: {dir: /z}}]\n");
    refresh();
    assert_int_equal(sql_int(-1, "SELECT next_at_ms FROM deployment WHERE target = 'files:/x'"),
                     -1);
    assert_int_equal(sql_int(-1, "SELECT next_at_ms FROM deployment WHERE target = 'files:/y'"),
                     now_ms());
    assert_string_equal(sql_text("SELECT stage FROM deployment WHERE target = 'files:/y'"),
                        "waiting");
    assert_int_equal(sql_int(-1, "SELECT next_at_ms FROM deployment WHERE target = 'files:/z'"),
                     now_ms());
    set_put("shop", "names: www.example.com\n");
    refresh();
    assert_int_equal(
        sql_int(-1,
                "SELECT count(*) FROM deployment WHERE removed_at_ms IS NULL OR next_at_ms > 0"),
        0);
}

static void test_endpoints_when_settings_change_then_they_are_looked_at_again(void **state)
{
    (void)state;
    set_put("shop",
            "names: www.example.com\nendpoints: [\"a.example.com:25\", \"b.example.com:443\"]\n");
    refresh();
    certificate_bear("shop", now_ms() - MS_HOUR, now_ms() + 90 * MS_DAY);
    assert_int_equal(sql_int(0, "SELECT count(*) FROM endpoint WHERE next_at_ms IS NOT NULL"), 2);
    sql_run("UPDATE endpoint SET next_at_ms = 1, verdict = 'match'");
    set_put("shop",
            "names: www.example.com\nendpoints: [{endpoint: \"a.example.com:25\", starttls: smtp},"
            " \"c.example.com:443\"]\n");
    refresh();
    assert_string_equal(
        sql_text("SELECT group_concat(endpoint) FROM (SELECT * FROM endpoint ORDER BY endpoint)"),
        "a.example.com:25,c.example.com:443");
    assert_int_equal(sql_int(0, "SELECT count(*) FROM endpoint WHERE next_at_ms = 1"), 0);
}

/* ---- schedule ---- */

static void test_ladder_when_failures_grow_then_1_10_100_minutes_then_daily(void **state)
{
    (void)state;
    static const int64_t ladder[] = {MS_MINUTE, 10 * MS_MINUTE, 100 * MS_MINUTE, MS_DAY, MS_DAY};
    for (int64_t n = 1; n <= 5; n++)
        assert_int_equal(retry_ladder_ms(n), ladder[n - 1]);
    assert_int_equal(retry_ladder_ms(1000000), MS_DAY);
}

static int64_t fail_once(const char *set, enum err_kind kind, int64_t until_ms)
{
    struct err err = {0}, failure = {.kind = kind, .until_ms = until_ms, .text = "the CA said no"};
    int64_t next_ms = 0;
    must(store_begin(house.store, &err), &err);
    must(register_failed(&house, set, &failure, &next_ms, &err), &err);
    must(store_commit(house.store, &err), &err);
    return next_ms;
}

static void test_failures_when_they_repeat_then_the_ladder_is_climbed_with_little_jitter(
    void **state)
{
    (void)state;
    set_put("shop", "names: www.example.com\n");
    refresh();
    for (int64_t n = 1; n <= 6; n++) {
        int64_t wait_ms = fail_once("shop", ERR_AGAIN, 0) - now_ms();
        assert_true(wait_ms >= retry_ladder_ms(n));
        assert_true(wait_ms <= retry_ladder_ms(n) + retry_ladder_ms(n) / 10);
        later(wait_ms);
    }
    struct set_row row = row_of("shop");
    assert_int_equal(row.n_failures, 6);
    assert_string_equal(row.failure, "the CA said no");
    assert_string_equal(row.failure_kind, "again");
    assert_string_equal(row.why, "retry");
    set_row_fini(&row);
}

static void test_failures_when_the_ca_asks_for_more_patience_then_that_counts(void **state)
{
    (void)state;
    set_put("shop", "names: www.example.com\n");
    refresh();
    assert_int_equal(fail_once("shop", ERR_THROTTLED, now_ms() + 3 * MS_HOUR),
                     now_ms() + 3 * MS_HOUR);
    assert_true(fail_once("shop", ERR_THROTTLED, now_ms() + 1) >= now_ms() + 10 * MS_MINUTE);
}

static void test_failures_when_the_set_changes_then_it_is_tried_at_once(void **state)
{
    (void)state;
    set_put("shop", "names: www.example.com\n");
    refresh();
    int64_t next_ms = fail_once("shop", ERR_REFUSED, 0);
    set_put("shop", "names: www.example.com\nendpoints: [\"a.example.com:1\"]\n");
    refresh();
    row_is("shop", "", next_ms, "retry"); /* nothing that would help */
    set_put("shop", "names: shop.example.com\n");
    refresh();
    row_is("shop", "", now_ms(), "new");
    assert_int_equal(sql_int(9, "SELECT n_failures FROM domain_set"), 0);
}

static void test_failures_when_chancery_yaml_is_mended_then_those_for_a_person_are_tried_again(
    void **state)
{
    (void)state;
    set_put("a", "names: a.example.com\n");
    set_put("b", "names: b.example.com\n");
    refresh();
    fail_once("a", ERR_DENIED, 0);
    int64_t next_ms = fail_once("b", ERR_AGAIN, 0);
    scratch_put("chancery.yaml", FIXTURE_YAML "sets: ./sets.d/*.yaml\n", 0644);
    config_again();
    assert_int_equal(refresh().n_changed, 0);
    assert_int_equal(sql_int(0, "SELECT next_at_ms FROM domain_set WHERE name = 'a'"), now_ms());
    assert_int_equal(sql_int(0, "SELECT n_failures FROM domain_set WHERE name = 'a'"), 1);
    assert_int_equal(sql_int(0, "SELECT next_at_ms FROM domain_set WHERE name = 'b'"), next_ms);
}

static void test_schedule_when_the_set_is_broken_or_removed_then_nothing_is_scheduled(void **state)
{
    (void)state;
    struct err err = {0};
    set_put("shop", "names: 7\n");
    set_put("gone", "names: www.example.com\n");
    refresh();
    set_drop("gone");
    refresh();
    must(register_schedule(&house, "shop", now_ms(), "forced", &err), &err);
    must(register_succeeded(&house, "gone", now_ms(), &err), &err);
    fail_once("gone", ERR_AGAIN, 0);
    assert_int_equal(sql_int(0, "SELECT count(*) FROM domain_set WHERE next_at_ms IS NOT NULL"), 0);
}

static bool names_gather(void *arg, const struct set_row *row)
{
    buf_printf(arg, "%s ", row->name);
    return strcmp(row->name, "c") != 0;
}

static void test_each_when_walked_then_sets_come_by_name_until_the_visitor_has_enough(void **state)
{
    (void)state;
    struct err err = {0};
    AUTO(buf_fini)
    struct buf names = BUF(256);
    set_put("c", "names: c.example.com\n");
    set_put("a", "names: a.example.com\n");
    set_put("d", "names: d.example.com\n");
    set_put("b", "names: 7\n");
    refresh();
    must(register_each(&house, names_gather, &names, &err), &err);
    assert_string_equal(buf_cstr(&names), "a b c ");
}

/* ---- bench: printed, not asserted ---- */

static double seconds(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void test_bench_when_ten_thousand_files_are_idle_then_the_cost_is_printed(void **state)
{
    (void)state;
    enum { N = 10000 };
    char name[64], text[128];
    struct stat st;
    for (int i = 0; i < N; i++) {
        snprintf(name, sizeof name, "set-%05d", i);
        snprintf(text, sizeof text, "names: [host%d.example.com]\n", i);
        set_put(name, text);
    }
    double t0 = seconds();
    struct register_result r = refresh();
    double t1 = seconds();
    assert_int_equal(r.n_changed, N);
    for (int i = 0; i < 3; i++)
        assert_int_equal(refresh().n_changed, 0);
    double t2 = seconds();
    for (int i = 0; i < N; i++) {
        snprintf(name, sizeof name, "sets.d/set-%05d.yaml", i);
        assert_int_equal(stat(scratch(name), &st), 0);
    }
    double t3 = seconds();
    print_message("%d sets: first refresh %.0f ms, idle refresh %.1f ms, bare stat loop %.1f ms\n",
                  N, (t1 - t0) * 1e3, (t2 - t1) * 1e3 / 3, (t3 - t2) * 1e3);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, house_make, house_remove)
int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_register_when_a_file_appears_then_its_set_is_due_and_told_once),
        TEST(test_register_when_nothing_changed_then_nothing_is_committed),
        TEST(test_register_when_names_change_then_the_set_is_due_and_the_change_told),
        TEST(test_register_when_only_delivery_changes_then_no_new_certificate_is_due),
        TEST(test_register_when_a_file_is_touched_then_nothing_is_told),
        TEST(test_register_when_a_file_breaks_then_the_set_waits_and_its_last_good_form_stays),
        TEST(test_register_when_a_broken_file_is_broken_the_same_way_then_it_is_told_once),
        TEST(test_register_when_a_file_has_many_faults_then_the_event_is_one_line),
        TEST(test_register_when_a_file_vanishes_then_the_set_is_over_but_its_past_stays),
        TEST(test_register_when_a_file_comes_back_then_its_certificate_counts_again),
        TEST(test_register_when_the_folder_is_gone_then_no_set_is_removed),
        TEST(test_register_when_chancery_yaml_changes_then_every_set_is_judged_again),
        TEST(test_register_when_a_files_name_is_strange_then_only_it_is_refused),
        TEST(test_register_when_a_file_cannot_be_read_then_only_its_set_suffers),
        TEST(test_look_when_files_changed_then_it_counts_and_writes_nothing),
        TEST(test_set_when_its_name_is_misspelt_then_the_nearest_is_suggested),
        TEST(test_set_when_its_record_is_damaged_then_the_text_says_how_to_mend_it),
        TEST(
            test_conflict_when_two_sets_want_the_same_names_then_the_later_waits_and_both_are_named),
        TEST(test_conflict_when_one_set_changes_its_names_then_the_other_is_free),
        TEST(test_conflict_when_two_authorities_are_one_account_then_it_counts),
        TEST(test_conflict_when_two_sets_write_one_folder_then_only_the_first_delivers),
        TEST(
            test_conflict_when_the_set_that_delivers_is_broken_then_its_folder_is_still_not_shared),
        TEST(test_deployments_when_there_is_no_certificate_yet_then_they_wait_for_it),
        TEST(test_deployments_when_settings_change_then_only_the_changed_target_is_due),
        TEST(test_endpoints_when_settings_change_then_they_are_looked_at_again),
        TEST(test_ladder_when_failures_grow_then_1_10_100_minutes_then_daily),
        TEST(test_failures_when_they_repeat_then_the_ladder_is_climbed_with_little_jitter),
        TEST(test_failures_when_the_ca_asks_for_more_patience_then_that_counts),
        TEST(test_failures_when_the_set_changes_then_it_is_tried_at_once),
        TEST(test_failures_when_chancery_yaml_is_mended_then_those_for_a_person_are_tried_again),
        TEST(test_schedule_when_the_set_is_broken_or_removed_then_nothing_is_scheduled),
        TEST(test_each_when_walked_then_sets_come_by_name_until_the_visitor_has_enough),
        TEST(test_bench_when_ten_thousand_files_are_idle_then_the_cost_is_printed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
