/* SEES: base crypto io store config acme dns-providers inventory authority dns renewal fakedns */
/* Wishes that turn, turn back, and are swept after whatever a kill or a person left. */
#include "desk_case.h"

/* Turns until the provider has had n jobs. */
static void turn_until_jobs(size_t n)
{
    int64_t until_ms = clock_wall_ms(&clock_system) + 15000;
    turn();
    while (api.n_jobs < n && time_is_left(until_ms)) {
        loop_wait(net.loop, house_now(&house) + 20);
        turn();
    }
    assert_true(api.n_jobs >= n);
}

static void serve(int64_t order, const char *value)
{
    struct err why = {0};
    want(order, WWW, value, MS_MINUTE);
    if (fate_settle(order, &why) != TXT_SERVED)
        fail_msg("%s", why.text);
}

/* ---- wanted again ---- */

static void test_wish_when_wanted_again_before_its_removal_began_then_nothing_is_removed(
    void **state)
{
    (void)state;
    order_row(1);
    serve(1, "value-1");
    begin();
    struct err err = {0};
    must(txt_desk_release(desk, 1, &err), &err);
    commit();
    assert_int_equal(txt_desk_n_left(desk), 1);
    serve(1, "value-1");
    assert_int_equal(txt_desk_n_left(desk), 0);
    assert_int_equal(n_txt(WWW), 1);
    assert_int_equal(api.n_removed, 0);
    assert_int_equal(sql_int(0, "SELECT count(*) FROM txt"), 1);
    assert_string_equal(sql_text("SELECT wish || ' ' || state FROM txt"), "present sent");
    release(1);
    assert_true(gone_settle());
    assert_int_equal(n_txt(WWW), 0);
}

static void test_wish_when_wanted_again_inside_its_removal_then_it_is_published_anew(void **state)
{
    (void)state;
    order_row(1);
    serve(1, "value-1");
    api.pause_ms = 150;
    begin();
    struct err err = {0};
    must(txt_desk_release(desk, 1, &err), &err);
    commit();
    turn();
    loop_wait(net.loop, house_now(&house) + 50); /* the job of the removal has begun */
    assert_int_equal(api.n_under_way, 1);
    serve(1, "value-1");
    assert_int_equal(api.n_removed, 1);
    assert_int_equal(n_txt(WWW), 1);
    assert_int_equal(txt_desk_n_left(desk), 0);
    assert_int_equal(n_open_rows(), 1);
}

static void test_wish_when_wanted_again_while_its_absence_is_looked_for_then_published_anew(
    void **state)
{
    (void)state;
    order_row(1);
    serve(1, "value-1");
    begin();
    struct err err = {0};
    must(txt_desk_release(desk, 1, &err), &err);
    commit();
    turn_until_jobs(2);
    assert_int_equal(n_txt(WWW), 0);
    serve(1, "value-1");
    assert_int_equal(n_txt(WWW), 1);
    release(1);
    assert_true(gone_settle());
    assert_int_equal(n_open_rows(), 0);
    assert_int_equal(sql_int(0, "SELECT count(*) FROM txt"), 1);
}

static void test_wish_when_wanted_again_and_killed_then_the_row_still_says_it_may_stand(
    void **state)
{
    (void)state;
    order_row(1);
    serve(1, "value-1");
    begin();
    struct err err = {0};
    must(txt_desk_release(desk, 1, &err), &err);
    must(txt_desk_want(desk, 1, "main", WWW, "value-1", NULL, NULL, house_now(&house) + MS_MINUTE,
                       &err),
         &err);
    must(txt_desk_collect(desk, &err), &err);
    commit();
    order_row_end(1);
    desk_again();
    assert_true(gone_settle());
    assert_int_equal(n_txt(WWW), 0);
}

/* ---- what a kill leaves ---- */

static void test_wish_when_its_answer_was_lost_and_killed_then_the_next_run_removes_it(void **state)
{
    (void)state;
    order_row(1);
    api.fault = ERR_AGAIN;
    api.n_faults = 1;
    api.applies_all_the_same = true;
    want(1, WWW, "value-1", MS_MINUTE);
    turn_until_jobs(1);
    turn(); /* the failure is written */
    assert_string_equal(sql_text("SELECT state FROM txt"), "sent");
    order_row_end(1);
    desk_again();
    assert_true(gone_settle());
    assert_int_equal(n_txt(WWW), 0);
}

static void test_wish_when_killed_in_the_middle_of_a_job_then_ids_are_in_the_rows(void **state)
{
    (void)state;
    order_row(1);
    api.pause_ms = 60 * 1000;
    want(1, WWW, "value-1", MS_MINUTE);
    want(1, MAIL, "value-2", MS_MINUTE);
    turn();
    int64_t until_ms = clock_wall_ms(&clock_system) + 15000;
    while (sql_int(0, "SELECT count(*) FROM txt WHERE ref IS NOT NULL") < 2 &&
           time_is_left(until_ms)) {
        loop_wait(net.loop, house_now(&house) + 20);
        turn();
    }
    assert_int_equal(api.n_jobs, 0);
    assert_string_equal(sql_text("SELECT ref FROM txt WHERE value = 'value-1'"), "id of value-1");
    assert_string_equal(sql_text("SELECT ref FROM txt WHERE value = 'value-2'"), "id of value-2");
}

static void test_wish_when_its_order_is_unknown_then_it_is_removed(void **state)
{
    (void)state;
    order_row(1);
    serve(1, "value-1");
    sql_run("PRAGMA foreign_keys = OFF");
    sql_run("DELETE FROM orders");
    desk_again();
    assert_true(gone_settle());
    assert_int_equal(n_txt(WWW), 0);
    assert_int_equal(n_open_rows(), 0);
}

/* ---- what a person changed meanwhile ---- */

static char *no_zones[] = {NULL};

static void test_wish_when_its_zone_went_to_another_provider_then_removed_where_it_stands(
    void **state)
{
    (void)state;
    static struct dns_provider another;
    another = provider;
    another.name = "another";
    order_row(1);
    serve(1, "value-1");
    order_row_end(1);
    corp.zones = no_zones;
    configured[1] = corp;
    configured[1].name = (char *)"late";
    configured[1].provider = &another;
    configured[1].zones = zones;
    config.n_providers = 2;
    desk_again();
    assert_true(gone_settle());
    assert_int_equal(n_txt(WWW), 0);
    assert_string_equal(sql_text("SELECT provider FROM txt"), "corp");
}

static void test_wish_when_its_provider_refuses_us_then_kept_and_told_once(void **state)
{
    (void)state;
    order_row(1);
    serve(1, "value-1");
    order_row_end(1);
    api.fault = ERR_DENIED;
    api.n_faults = 2;
    for (size_t i = 0; i < 2; i++) {
        size_t n_before = api.n_jobs;
        desk_again();
        turn_until_jobs(n_before + 1);
        turn();
        assert_int_equal(txt_desk_n_left(desk), 1);
    }
    assert_int_equal(n_events("txt.left"), 1);
    has_words(sql_text("SELECT text FROM event WHERE event = 'txt.left'"), "value-1");
    has_words(sql_text("SELECT text FROM event WHERE event = 'txt.left'"), WWW);
    assert_int_equal(n_open_rows(), 1);
    desk_again();
    assert_true(gone_settle());
    assert_int_equal(n_txt(WWW), 0);
}

static void test_wish_when_foreign_values_stand_beside_it_then_they_stay(void **state)
{
    (void)state;
    fake_dns_add(net.fake, "example.com", WWW, "TXT", "somebody-else", 60);
    order_row(1);
    serve(1, "value-1");
    order_row_end(1);
    desk_again();
    assert_true(gone_settle());
    assert_int_equal(n_txt(WWW), 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(test_wish_when_wanted_again_before_its_removal_began_then_nothing_is_removed),
        T(test_wish_when_wanted_again_inside_its_removal_then_it_is_published_anew),
        T(test_wish_when_wanted_again_while_its_absence_is_looked_for_then_published_anew),
        T(test_wish_when_wanted_again_and_killed_then_the_row_still_says_it_may_stand),
        T(test_wish_when_its_answer_was_lost_and_killed_then_the_next_run_removes_it),
        T(test_wish_when_killed_in_the_middle_of_a_job_then_ids_are_in_the_rows),
        T(test_wish_when_its_order_is_unknown_then_it_is_removed),
        T(test_wish_when_its_zone_went_to_another_provider_then_removed_where_it_stands),
        T(test_wish_when_its_provider_refuses_us_then_kept_and_told_once),
        T(test_wish_when_foreign_values_stand_beside_it_then_they_stay),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
