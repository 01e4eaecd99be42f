/* SEES: base crypto io store config acme dns-providers inventory */
#include "house_fixture.h"

#include "inventory/plan.h"

#include <time.h>

/* ---- judgement, with values ---- */

static const int64_t now_ms = INT64_C(1900000000000);

static struct set_config *set_new(const char *const *names, const char *want)
{
    struct set_config *set = NEW(struct set_config);
    set->name = mem_strdup("shop");
    for (set->n_names = 0; names[set->n_names] != NULL; set->n_names++)
        ;
    set->names = NEW_N(set->n_names + 1, char *);
    for (size_t i = 0; i < set->n_names; i++)
        set->names[i] = mem_strdup(names[i]);
    set->authorities = NEW_N(3, char *);
    set->directories = NEW_N(3, char *);
    set->authorities[0] = mem_strdup("one");
    set->directories[0] = mem_strdup("https://one/d");
    set->key = KEY_ECDSA_P256;
    set->want = mem_strdup(want);
    return set;
}

static struct certificate *certificate_new(const char *const *names, int64_t age_ms,
                                           int64_t life_ms)
{
    struct certificate *c = NEW(struct certificate);
    c->key_id = 1;
    for (c->n_names = 0; names[c->n_names] != NULL; c->n_names++)
        ;
    c->names = NEW_N(c->n_names + 1, char *);
    for (size_t i = 0; i < c->n_names; i++)
        c->names[i] = mem_strdup(names[i]);
    c->id = 1;
    c->want = mem_strdup("w");
    c->authority = mem_strdup("one");
    c->directory = mem_strdup("https://one/d");
    c->key_kind = mem_strdup("ecdsa-p256");
    c->not_before_at_ms = now_ms - age_ms;
    c->not_after_at_ms = c->not_before_at_ms + life_ms;
    c->due_at_ms = due_at_ms(c->not_before_at_ms, c->not_after_at_ms, 0);
    return c;
}

static const char *const both[] = {"www.example.com", "example.com", NULL};

static const struct set_row calm = {
    .name = (char *)"shop", .why = (char *)"due", .want = (char *)"w", .next_at_ms = INT64_MAX};

static void judged(const struct set_config *set, const struct set_row *row,
                   const struct certificate *c, bool open, enum plan_action action, bool is_now,
                   const char *words)
{
    struct plan_line line;
    plan_judge(set, row, c, open, now_ms, &line);
    has_words(line.why, words);
    assert_string_equal(plan_action_name(line.action), plan_action_name(action));
    assert_int_equal(line.is_now, is_now);
    assert_string_equal(line.set, "shop");
    plan_line_fini(&line);
}

static void test_judge_when_there_is_no_certificate_then_one_is_issued_now(void **state)
{
    (void)state;
    struct set_config *set = set_new(both, "w");
    judged(set, &calm, NULL, false, PLAN_ISSUE, true, "no certificate yet");
    judged(NULL, &calm, NULL, false, PLAN_ISSUE, true, "no certificate yet");
    judged(set, &calm, NULL, true, PLAN_CONTINUE, true, "an order is open");
    set_config_free(set);
}

static void test_judge_when_life_is_left_then_nothing_is_done_and_the_date_told(void **state)
{
    (void)state;
    struct plan_line line;
    struct certificate *c = certificate_new(both, 30 * MS_DAY, 90 * MS_DAY);
    judged(NULL, &calm, c, false, PLAN_NONE, false, "to be renewed in 30 days, at 2030-");
    plan_judge(NULL, &calm, c, false, now_ms, &line);
    assert_int_equal(line.at_ms, c->due_at_ms);
    plan_line_fini(&line);
    certificate_free(c);
}

static void test_judge_when_the_due_time_has_come_then_the_life_is_told(void **state)
{
    (void)state;
    static const struct {
        int64_t age_ms, life_ms;
        const char *words;
    } cases[] = {
        {60 * MS_DAY, 90 * MS_DAY, "2/3 of its life is over (30 days of 90 days left)"},
        {89 * MS_DAY, 90 * MS_DAY, "2/3 of its life is over (1 day of 90 days left)"},
        {3 * MS_DAY, 6 * MS_DAY, "half of its life is over (3 days of 6 days left)"},
        {6 * MS_MINUTE, 10 * MS_MINUTE, "half of its life is over (4m of 10m left)"},
        {12 * MS_HOUR, MS_DAY, "half of its life is over (12h of 1d left)"},
        {95 * MS_DAY, 90 * MS_DAY, "expired 5 days ago"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct certificate *c = certificate_new(both, cases[i].age_ms, cases[i].life_ms);
        judged(NULL, &calm, c, false, PLAN_RENEW, true, cases[i].words);
        certificate_free(c);
    }
}

static void test_judge_when_the_configuration_differs_then_each_difference_is_told(void **state)
{
    (void)state;
    static const char *const held[] = {"www.example.com", "old.example.com", NULL};
    struct certificate *c = certificate_new(held, 0, 90 * MS_DAY);
    struct set_config *set = set_new(both, "other");
    judged(set, &calm, c, false, PLAN_RENEW, true, "names changed: +example.com -old.example.com");
    set->key = KEY_RSA_2048;
    judged(set, &calm, c, false, PLAN_RENEW, true, "; key type changed: ecdsa-p256 -> rsa-2048");
    set->profile = mem_strdup("tlsserver");
    judged(set, &calm, c, false, PLAN_RENEW, true, "; profile changed: none -> tlsserver");
    mem_set_str(&set->authorities[0], "two");
    mem_set_str(&set->directories[0], "https://two/d");
    judged(set, &calm, c, false, PLAN_RENEW, true, "; authority changed: one -> two");
    mem_set_str(&set->authorities[0], "one");
    judged(set, &calm, c, false, PLAN_RENEW, true,
           "directory of the authority changed: https://one/d -> https://two/d");
    set_config_free(set);
    certificate_free(c);
}

static void test_judge_when_many_names_change_then_ten_are_shown_and_all_counted(void **state)
{
    (void)state;
    char texts[30][32];
    const char *names[31] = {NULL};
    for (int i = 0; i < 30; i++) {
        snprintf(texts[i], sizeof texts[i], "h%d.example.com", i);
        names[i] = texts[i];
    }
    struct set_config *set = set_new(names, "other");
    struct certificate *c = certificate_new(both, 0, 90 * MS_DAY);
    judged(set, &calm, c, false, PLAN_RENEW, true,
           "+h9.example.com (+20 more) -www.example.com -example.com");
    set_config_free(set);
    certificate_free(c);
}

static void test_judge_when_only_a_fallback_was_added_then_nothing_is_issued(void **state)
{
    (void)state;
    struct set_config *set = set_new(both, "other");
    struct certificate *c = certificate_new(both, 0, 90 * MS_DAY);
    set->authorities[1] = mem_strdup("two");
    set->directories[1] = mem_strdup("https://two/d");
    judged(set, &calm, c, false, PLAN_NONE, false, "to be renewed");
    mem_set_str(&c->directory, "https://two/d");
    judged(set, &calm, c, false, PLAN_NONE, false, "to be renewed");
    set_config_free(set);
    certificate_free(c);
}

static void test_judge_when_it_failed_before_then_it_waits_until_its_time(void **state)
{
    (void)state;
    struct plan_line line;
    struct set_row row = calm;
    row.n_failures = 2;
    row.failure = (char *)"the CA said no";
    row.next_at_ms = now_ms + MS_HOUR;
    judged(NULL, &row, NULL, false, PLAN_RETRY, false,
           "no certificate yet; waits after failure: the CA said no");
    plan_judge(NULL, &row, NULL, false, now_ms, &line);
    assert_int_equal(line.at_ms, row.next_at_ms);
    plan_line_fini(&line);
    row.next_at_ms = now_ms;
    judged(NULL, &row, NULL, false, PLAN_ISSUE, true,
           "no certificate yet; retry after failure: the CA said no");
}

/* A renewal by hand of a certificate that is far from due: what its event promised is kept. */
static void test_judge_when_a_forced_one_failed_then_it_is_still_owed(void **state)
{
    (void)state;
    struct certificate *c = certificate_new(both, 0, 90 * MS_DAY);
    struct set_row row = calm;
    row.n_failures = 1;
    row.failure = (char *)"the CA said no";
    row.why = (char *)"retry";
    row.next_at_ms = now_ms + MS_MINUTE;
    judged(NULL, &row, c, false, PLAN_RETRY, false,
           "asked for, and not done yet; waits after failure: the CA said no");
    row.next_at_ms = now_ms;
    judged(NULL, &row, c, false, PLAN_RENEW, true,
           "asked for, and not done yet; retry after failure: the CA said no");
    certificate_free(c);
}

static void test_judge_when_revoked_forced_broken_or_removed_then_that_is_told(void **state)
{
    (void)state;
    struct certificate *c = certificate_new(both, 0, 90 * MS_DAY);
    struct set_row row = calm;
    row.why = (char *)"forced";
    row.next_at_ms = now_ms;
    judged(NULL, &row, c, false, PLAN_RENEW, true, "forced");
    c->revoked_at_ms = now_ms - 1;
    judged(NULL, &calm, c, false, PLAN_RENEW, true, "revoked");
    row = calm;
    row.fault = (char *)"shop.yaml:1:1: unknown key";
    judged(NULL, &row, c, false, PLAN_BROKEN, false, "unknown key");
    row.removed = true;
    judged(NULL, &row, c, false, PLAN_NONE, false, "its file is gone");
    certificate_free(c);
}

/* ---- the walk, with a store ---- */

static bool line_gather(void *arg, const struct plan_line *line)
{
    buf_printf(arg, "%s=%s%s ", line->set, plan_action_name(line->action), line->is_now ? "!" : "");
    return true;
}

static const char *plan_of(bool all)
{
    static struct buf out;
    struct err err = {0};
    buf_fini(&out);
    out = BUF(64 * 1024);
    must(plan_each(&house, all, line_gather, &out, &err), &err);
    return buf_cstr(&out);
}

static void certificate_aged(const char *set, int64_t age_ms, int64_t life_ms)
{
    int64_t from_ms = fixture_clock.wall_now_ms - age_ms;
    char sql[256];
    int64_t id = certificate_bear(set, from_ms, from_ms + life_ms);
    snprintf(sql, sizeof sql, "UPDATE certificate SET due_at_ms = %lld WHERE id = %lld",
             (long long)due_at_ms(from_ms, from_ms + life_ms, 0), (long long)id);
    sql_run(sql);
    snprintf(
        sql, sizeof sql,
        "UPDATE domain_set SET next_at_ms = (SELECT due_at_ms FROM certificate WHERE id = %lld)"
        " WHERE name = '%s'",
        (long long)id, set);
    sql_run(sql);
}

static void put(const char *set)
{
    char text[128];
    snprintf(text, sizeof text, "names: %s.example.com\n", set);
    set_put(set, text);
}

static void test_each_when_sets_are_due_then_the_most_urgent_come_first(void **state)
{
    (void)state;
    put("fresh");
    put("third");
    put("expired");
    put("none");
    put("nearly");
    put("short");
    refresh();
    certificate_aged("fresh", 0, 90 * MS_DAY);
    certificate_aged("third", 61 * MS_DAY, 90 * MS_DAY);
    certificate_aged("expired", 91 * MS_DAY, 90 * MS_DAY);
    certificate_aged("nearly", 88 * MS_DAY, 90 * MS_DAY);
    certificate_aged("short", 5 * MS_DAY, 6 * MS_DAY);
    assert_string_equal(plan_of(false),
                        "expired=renew! nearly=renew! none=issue! short=renew! third=renew! ");
    assert_string_equal(
        plan_of(true),
        "expired=renew! fresh=none nearly=renew! none=issue! short=renew! third=renew! ");
}

static void test_each_when_sets_are_broken_failed_or_gone_then_only_all_shows_them(void **state)
{
    (void)state;
    struct err err = {0}, failure = {.kind = ERR_AGAIN, .text = "no"};
    int64_t next_ms;
    set_put("broken", "names: 7\n");
    put("failed");
    put("gone");
    refresh();
    set_drop("gone");
    refresh();
    must(register_failed(&house, "failed", &failure, &next_ms, &err), &err);
    assert_string_equal(plan_of(false), "");
    assert_string_equal(plan_of(true), "broken=broken failed=retry ");
    clock_manual_advance(&fixture_clock, MS_HOUR);
    assert_string_equal(plan_of(false), "failed=issue! ");
}

static void test_each_when_names_were_changed_then_the_set_is_due(void **state)
{
    (void)state;
    put("shop");
    refresh();
    certificate_bear("shop", fixture_clock.wall_now_ms, fixture_clock.wall_now_ms + 90 * MS_DAY);
    assert_string_equal(plan_of(false), "");
    set_put("shop", "names: more.example.com\n");
    refresh();
    assert_string_equal(plan_of(false), "shop=renew! ");
}

static void test_each_when_a_certificates_record_is_damaged_then_the_others_are_judged(void **state)
{
    (void)state;
    put("a");
    put("b");
    refresh();
    certificate_bear("a", fixture_clock.wall_now_ms, fixture_clock.wall_now_ms + 90 * MS_DAY);
    certificate_bear("b", fixture_clock.wall_now_ms, fixture_clock.wall_now_ms + 90 * MS_DAY);
    sql_run("UPDATE certificate SET names = x'00ff' WHERE set_name = 'a'");
    assert_string_equal(plan_of(true), "a=retry b=none ");
    clock_manual_advance(&fixture_clock, 61 * MS_DAY);
    has_words(plan_of(false), "a=renew!");
}

/* Every column of the row of one set spoilt in turn (PROMISES L5): the other set is judged as ever. */
static void spoil_and_judge(const char *table, const char *column, const char *key)
{
    static const char *const values[] = {"'x'",  "x'00ff00'", "-5",    "1e300",
                                         "NULL", "'{}'",      "'[7]'", "9223372036854775807"};
    for (size_t i = 0; i < sizeof values / sizeof values[0]; i++) {
        struct err err = {0};
        struct register_result result = {0};
        AUTO(mem_fini)
        char *sql = mem_printf("SAVEPOINT spoil; UPDATE OR IGNORE %s SET %s = %s WHERE %s = 'bad'",
                               table, column, values[i], key);
        sql_run(sql);
        has_words(plan_of(true), "good=none");
        plan_of(false);
        must(register_look(&house, &result, &err), &err);
        struct set_config *set = NULL;
        if (register_set(&house, "bad", &set, &err))
            set_config_free(set);
        struct certificate *c = NULL;
        if (held_current(&house, "bad", true, &c, &err))
            certificate_free(c);
        sql_run("ROLLBACK TO spoil; RELEASE spoil");
    }
}

static void test_each_when_any_column_of_a_set_is_spoilt_then_the_other_sets_are_judged(
    void **state)
{
    (void)state;
    static const struct {
        const char *table, *key;
    } tables[] = {{"domain_set", "name"},
                  {"certificate", "set_name"},
                  {"deployment", "set_name"},
                  {"endpoint", "set_name"}};
    put("good");
    set_put(
        "bad",
        "names: bad.example.com\ndeploy: [{files: {dir: /x}}]\nendpoints: [\"a.example.com:1\"]\n");
    refresh();
    certificate_bear("good", fixture_clock.wall_now_ms, fixture_clock.wall_now_ms + 90 * MS_DAY);
    certificate_bear("bad", fixture_clock.wall_now_ms, fixture_clock.wall_now_ms + 90 * MS_DAY);
    sql_run("PRAGMA foreign_keys = OFF");
    sql_run(
        "UPDATE certificate SET want = 'another' WHERE set_name = 'bad'"); /* so that its tree is read */
    for (size_t i = 0; i < sizeof tables / sizeof tables[0]; i++)
        for (int column = 0;; column++) {
            AUTO(mem_fini)
            char *sql = mem_printf("SELECT name FROM pragma_table_info('%s') WHERE cid = %d",
                                   tables[i].table, column);
            const char *name = sql_text(sql);
            if (name[0] == '\0')
                break;
            if (strcmp(name, "id") != 0) /* an INTEGER PRIMARY KEY takes nothing else */
                spoil_and_judge(tables[i].table, name, tables[i].key);
        }
}

static bool first_only(void *arg, const struct plan_line *line)
{
    (void)line;
    ++*(int *)arg;
    return false;
}

static void test_each_when_the_visitor_has_enough_then_the_walk_ends(void **state)
{
    (void)state;
    struct err err = {0};
    int n = 0;
    put("a");
    put("b");
    refresh();
    must(plan_each(&house, true, first_only, &n, &err), &err);
    assert_int_equal(n, 1);
}

static double seconds(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void test_each_when_nothing_of_100000_rows_is_due_then_it_takes_milliseconds(void **state)
{
    (void)state;
    sql_run("WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 100000)"
            " INSERT INTO domain_set (name, file, mtime_ns, size, inode, doc, next_at_ms)"
            " SELECT 'set-' || i, 'set-' || i || '.yaml', 0, 0, i, "
            "'{\"names\":[\"x.example.com\"]}', 9000000000000 FROM n");
    double t0 = seconds();
    assert_string_equal(plan_of(false), "");
    double took = (seconds() - t0) * 1e3;
    print_message("idle plan over 100,000 rows: %.3f ms\n", took);
    assert_true(took < 50); /* a scan takes far longer, even here */
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, house_make, house_remove)
int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_judge_when_there_is_no_certificate_then_one_is_issued_now),
        cmocka_unit_test(test_judge_when_life_is_left_then_nothing_is_done_and_the_date_told),
        cmocka_unit_test(test_judge_when_the_due_time_has_come_then_the_life_is_told),
        cmocka_unit_test(test_judge_when_the_configuration_differs_then_each_difference_is_told),
        cmocka_unit_test(test_judge_when_many_names_change_then_ten_are_shown_and_all_counted),
        cmocka_unit_test(test_judge_when_only_a_fallback_was_added_then_nothing_is_issued),
        cmocka_unit_test(test_judge_when_it_failed_before_then_it_waits_until_its_time),
        cmocka_unit_test(test_judge_when_a_forced_one_failed_then_it_is_still_owed),
        cmocka_unit_test(test_judge_when_revoked_forced_broken_or_removed_then_that_is_told),
        TEST(test_each_when_sets_are_due_then_the_most_urgent_come_first),
        TEST(test_each_when_sets_are_broken_failed_or_gone_then_only_all_shows_them),
        TEST(test_each_when_names_were_changed_then_the_set_is_due),
        TEST(test_each_when_a_certificates_record_is_damaged_then_the_others_are_judged),
        TEST(test_each_when_any_column_of_a_set_is_spoilt_then_the_other_sets_are_judged),
        TEST(test_each_when_the_visitor_has_enough_then_the_walk_ends),
        TEST(test_each_when_nothing_of_100000_rows_is_due_then_it_takes_milliseconds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
