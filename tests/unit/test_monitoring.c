/* SEES: base crypto io store config acme dns-providers inventory authority monitoring */
#include "house_fixture.h"

#include "monitoring/monitoring.h"

static int64_t now_ms(void)
{
    return fixture_clock.wall_now_ms;
}

static struct asks *asks;

static struct monitoring *monitoring_on(const char *const *only)
{
    asks_free(asks);
    asks = asks_new(only, ASK_VERIFY, false, false, false);
    struct monitoring_options options = {.asks = asks};
    return monitoring_new(&house, &options);
}

static void collect(const struct concern *concern)
{
    struct err err = {0};
    must(store_begin(house.store, &err), &err);
    must(concern->collect(concern->self, &err), &err);
    must(store_commit(house.store, &err), &err);
}

static void endpoint_due(const char *set, int64_t in_ms)
{
    char sql[256];
    snprintf(sql, sizeof sql, "UPDATE endpoint SET next_at_ms = %lld WHERE set_name = '%s'",
             (long long)(now_ms() + in_ms), set);
    sql_run(sql);
}

static void delivered(const char *set, int64_t ago_ms)
{
    char sql[256];
    snprintf(sql, sizeof sql,
             "UPDATE deployment SET done_at_ms = %lld, stage = 'done', next_at_ms = NULL WHERE "
             "set_name = '%s'",
             (long long)(now_ms() - ago_ms), set);
    sql_run(sql);
}

#define SET_TEXT(dir)                                                                              \
    "names: [www.example.com]\ndeploy:\n  - files: {dir: " dir                                     \
    "}\nendpoints: ['www.example.com:443']\n"

static void test_run_when_other_endpoints_become_due_all_the_time_then_it_ends(void **state)
{
    (void)state;
    set_put("a", SET_TEXT("a"));
    refresh();
    certificate_bear("a", now_ms() - MS_DAY, now_ms() + 80 * MS_DAY);
    delivered("a", MS_HOUR);
    endpoint_due("a", 2000);
    struct monitoring *m = monitoring_on(NULL);
    struct concern concern = monitoring_concern(m);
    collect(&concern);
    assert_false(concern.is_busy(m));
    assert_true(concern.next_at_ms(m) == INT64_MAX);
    monitoring_free(m);
}

static void test_run_when_it_has_delivered_itself_then_the_look_is_awaited(void **state)
{
    (void)state;
    set_put("a", SET_TEXT("a"));
    refresh();
    certificate_bear("a", now_ms() - MS_DAY, now_ms() + 80 * MS_DAY);
    struct monitoring *m = monitoring_on(NULL);
    struct concern concern = monitoring_concern(m);
    endpoint_due("a", MS_HOUR);
    collect(&concern);
    clock_manual_advance(&fixture_clock, 100);
    delivered("a", 0);
    endpoint_due("a", 500);
    collect(&concern);
    assert_true(concern.next_at_ms(m) == now_ms() + 500);
    monitoring_free(m);
}

static void test_endpoint_when_there_is_no_certificate_then_it_rests(void **state)
{
    (void)state;
    set_put("a", SET_TEXT("a"));
    refresh();
    endpoint_due("a", 0);
    struct monitoring *m = monitoring_on(NULL);
    struct concern concern = monitoring_concern(m);
    collect(&concern);
    assert_int_equal(sql_int(-1, "SELECT next_at_ms FROM endpoint"), -1);
    monitoring_free(m);
}

static void test_endpoint_when_its_set_cannot_be_read_then_it_is_looked_at_later(void **state)
{
    (void)state;
    set_put("a", SET_TEXT("a"));
    refresh();
    certificate_bear("a", now_ms() - MS_DAY, now_ms() + 80 * MS_DAY);
    endpoint_due("a", 0);
    sql_run("UPDATE domain_set SET doc = '{'");
    struct monitoring *m = monitoring_on(NULL);
    struct concern concern = monitoring_concern(m);
    collect(&concern);
    assert_false(concern.is_busy(m));
    assert_true(sql_int(-1, "SELECT next_at_ms FROM endpoint") > now_ms());
    monitoring_free(m);
}

static void test_endpoint_when_many_others_are_due_then_the_named_set_is_not_forgotten(void **state)
{
    (void)state;
    static const char *const only[] = {"z", NULL};
    set_put("z", SET_TEXT("z"));
    refresh();
    certificate_bear("z", now_ms() - MS_DAY, now_ms() + 80 * MS_DAY);
    for (int i = 0; i < 400; i++) {
        char sql[256];
        snprintf(sql, sizeof sql,
                 "INSERT INTO endpoint (set_name, endpoint, next_at_ms) VALUES ('other', "
                 "'o%d:443', %lld)",
                 i, (long long)(now_ms() - MS_HOUR));
        sql_run(sql);
    }
    endpoint_due("z", 0);
    struct monitoring *m = monitoring_on(only);
    struct concern concern = monitoring_concern(m);
    collect(&concern);
    /* It is taken up and waits to be started: nothing was written for it, nor for the others. */
    assert_int_equal(sql_int(-1, "SELECT count(*) FROM endpoint WHERE next_at_ms IS NULL"), 0);
    struct monitoring_result result = {0};
    struct err err = {0};
    must(monitoring_result(m, &result, &err), &err);
    assert_int_equal(monitoring_n_watches(m), 1);
    monitoring_free(m);
}

#define T(name) cmocka_unit_test_setup_teardown(name, house_make, house_remove)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(test_run_when_other_endpoints_become_due_all_the_time_then_it_ends),
        T(test_run_when_it_has_delivered_itself_then_the_look_is_awaited),
        T(test_endpoint_when_there_is_no_certificate_then_it_rests),
        T(test_endpoint_when_its_set_cannot_be_read_then_it_is_looked_at_later),
        T(test_endpoint_when_many_others_are_due_then_the_named_set_is_not_forgotten),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    asks_free(asks);
    return failed;
}
