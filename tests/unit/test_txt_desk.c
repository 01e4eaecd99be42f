/* SEES: base crypto io store config acme dns-providers inventory authority dns renewal fakedns */
#include "desk_case.h"

#define WWW  "_acme-challenge.www.example.com"
#define MAIL "_acme-challenge.mail.example.com"

/* ---- the ordinary life ---- */

static void test_wish_when_wanted_and_released_then_served_and_gone(void **state)
{
    (void)state;
    struct err why = {0};
    order_row(1);
    want(1, WWW, "value-1", MS_MINUTE);
    want(1, WWW, "value-2", MS_MINUTE);
    assert_string_equal(sql_text("SELECT state FROM txt WHERE value = 'value-1'"), "planned");
    assert_int_equal(fate_settle(1, &why), TXT_SERVED);
    assert_int_equal(n_txt(WWW), 2);
    assert_int_equal(api.n_jobs, 1);
    release(1);
    assert_true(gone_settle());
    assert_int_equal(n_txt(WWW), 0);
    assert_int_equal(n_open_rows(), 0);
    assert_int_equal(api.n_jobs, 2);
}

static void test_wish_when_the_order_ends_before_a_provider_was_asked_then_nobody_is_asked(
    void **state)
{
    (void)state;
    order_row(1);
    want(1, WWW, "value-1", MS_MINUTE);
    release(1);
    assert_true(gone_settle());
    assert_int_equal(api.n_jobs, 0);
    assert_int_equal(n_open_rows(), 0);
}

/* ---- what may stand in the zone goes ---- */

static void test_wish_when_its_answer_was_lost_and_the_order_ends_then_it_is_removed(void **state)
{
    (void)state;
    order_row(1);
    api.fault = ERR_AGAIN;
    api.n_faults = 1;
    api.applies_all_the_same = true;
    want(1, WWW, "value-1", MS_MINUTE);
    turn();
    while (api.n_jobs == 0) {
        loop_wait(net.loop, house_now(&house) + 50);
        turn();
    }
    assert_int_equal(n_txt(WWW), 1);
    release(1);
    assert_true(gone_settle());
    assert_int_equal(n_txt(WWW), 0);
    assert_int_equal(n_open_rows(), 0);
}

static void test_wish_when_read_back_and_its_order_is_over_then_it_is_removed(void **state)
{
    (void)state;
    struct err why = {0};
    order_row(1);
    want(1, WWW, "value-1", MS_MINUTE);
    assert_int_equal(fate_settle(1, &why), TXT_SERVED);
    order_row_end(1);
    desk_again();
    assert_true(gone_settle());
    assert_int_equal(n_txt(WWW), 0);
    assert_int_equal(api.n_with_proof,
                     2); /* also what was read back knows what it is the digest of */
}

static void test_wish_when_read_back_and_nobody_asks_then_it_rests(void **state)
{
    (void)state;
    struct err why = {0};
    order_row(1);
    want(1, WWW, "value-1", MS_MINUTE);
    assert_int_equal(fate_settle(1, &why), TXT_SERVED);
    desk_again();
    size_t n_jobs = api.n_jobs;
    turn();
    assert_false(txt_desk_is_busy(desk));
    assert_true(txt_desk_next_at_ms(desk) == INT64_MAX);
    assert_int_equal(api.n_jobs, n_jobs);
    assert_int_equal(n_txt(WWW), 1);
    /* Its order asks again, as after a kill in the middle of PUBLISH ... */
    want(1, WWW, "value-1", MS_MINUTE);
    assert_int_equal(fate_settle(1, &why), TXT_SERVED);
    /* ... or has published long ago, and ends. */
    desk_again();
    release(1);
    assert_true(gone_settle());
    assert_int_equal(n_txt(WWW), 0);
}

/* The order went back to READ and got another authorization: what it wished before is not waited for, and goes with it. */
static void test_wish_when_read_back_and_another_is_asked_for_then_only_that_counts(void **state)
{
    (void)state;
    struct err why = {0};
    order_row(1);
    want(1, WWW, "value-1", MS_MINUTE);
    assert_int_equal(fate_settle(1, &why), TXT_SERVED);
    desk_again();
    want(1, WWW, "value-2", MS_MINUTE);
    assert_int_equal(fate_settle(1, &why), TXT_SERVED);
    assert_int_equal(n_txt(WWW), 2);
    release(1);
    assert_true(gone_settle());
    assert_int_equal(n_txt(WWW), 0);
}

static void test_wish_when_its_provider_left_the_configuration_then_told_once_and_kept(void **state)
{
    (void)state;
    struct err why = {0};
    char *none[] = {NULL};
    order_row(1);
    want(1, WWW, "value-1", MS_MINUTE);
    assert_int_equal(fate_settle(1, &why), TXT_SERVED);
    order_row_end(1);
    corp.name = (char *)"other";
    corp.zones = none;
    desk_again();
    desk_again();
    assert_int_equal(n_events("txt.left"), 1);
    assert_int_equal(txt_desk_n_left(desk), 1);
    corp.zones = zones;
    desk_again();
    assert_true(gone_settle());
    assert_int_equal(n_txt(WWW), 0);
}

/* ---- patience ---- */

static void test_wish_when_its_deadline_is_long_over_then_it_is_tried_all_the_same(void **state)
{
    (void)state;
    struct err why = {0};
    order_row(1);
    api.fault = ERR_AGAIN;
    api.n_faults = 2;
    fake_host_set_lag(net.ns2, 500);
    want(1, WWW, "value-1", -7 * MS_DAY);
    assert_int_equal(fate_settle(1, &why), TXT_SERVED);
    assert_int_equal(api.n_jobs, 3);
    assert_true(sql_int(0, "SELECT n_tries FROM txt") >= 2);
}

static void test_wish_when_it_is_never_shown_then_the_order_hears_who_does_not(void **state)
{
    (void)state;
    struct err why = {0};
    order_row(1);
    corp.propagation.timeout_ms = 600;
    fake_host_set_lag(net.ns2, MS_HOUR);
    want(1, WWW, "value-1", MS_MINUTE);
    assert_int_equal(fate_settle(1, &why), TXT_FAILED);
    assert_int_equal(why.kind, ERR_AGAIN);
    has_words(why.text, "ns2.example.com");
    release(1);
}

/* ---- by other rules than asking every name server ---- */

static void test_wish_when_the_provider_s_word_counts_then_no_name_server_is_asked(void **state)
{
    (void)state;
    struct err why = {0};
    order_row(1);
    corp.propagation.mode = PROPAGATION_PROVIDER;
    fake_host_set_lag(net.ns1, MS_HOUR);
    fake_host_set_lag(net.ns2, MS_HOUR);
    want(1, WWW, "value-1", MS_MINUTE);
    assert_int_equal(fate_settle(1, &why), TXT_SERVED);
    assert_int_equal(api.n_jobs, 1);
    /* Gone by its word too: the servers would go on showing it for an hour. */
    fake_host_set_lag(net.ns1, 0);
    fake_host_set_lag(net.ns2, 0);
    release(1);
    assert_true(gone_settle());
    assert_int_equal(n_txt(WWW), 0);
    assert_int_equal(api.n_jobs, 2);
}

static void test_wish_when_a_fixed_time_is_waited_then_the_run_stays_for_it(void **state)
{
    (void)state;
    struct err why = {0};
    int64_t began_at_ms = clock_wall_ms(&clock_system);
    order_row(1);
    corp.propagation.mode = PROPAGATION_WAIT;
    corp.propagation.wait_ms = 700;
    fake_host_set_lag(net.ns1, MS_HOUR);
    want(1, WWW, "value-1", MS_MINUTE);
    while (api.n_jobs == 0 && time_is_left(began_at_ms + 15000)) {
        turn();
        loop_wait(net.loop, house_now(&house) + 10);
    }
    turn();
    assert_true(txt_desk_is_busy(desk));
    assert_int_equal(fate_settle(1, &why), TXT_SERVED);
    assert_true(clock_wall_ms(&clock_system) >= began_at_ms + 700);
    release(1);
    assert_true(gone_settle());
}

static void test_wish_when_its_order_ends_while_time_is_waited_then_it_goes_at_once(void **state)
{
    (void)state;
    order_row(1);
    corp.propagation.mode = PROPAGATION_WAIT;
    corp.propagation.wait_ms = MS_HOUR;
    want(1, WWW, "value-1", MS_MINUTE);
    int64_t until_ms = clock_wall_ms(&clock_system) + 15000;
    while (n_txt(WWW) == 0 && time_is_left(until_ms)) {
        turn();
        loop_wait(net.loop, house_now(&house) + 10);
    }
    turn();
    release(1);
    assert_true(gone_settle());
    assert_int_equal(n_txt(WWW), 0);
    assert_false(txt_desk_is_busy(desk));
}

static void test_wish_when_changes_take_a_while_there_then_the_first_look_comes_later(void **state)
{
    (void)state;
    struct err why = {0};
    struct dns_provider slow = provider;
    int64_t began_at_ms = clock_wall_ms(&clock_system);
    order_row(1);
    slow.publish_typical_ms = 6000;
    corp.provider = &slow;
    want(1, WWW, "value-1", MS_MINUTE);
    assert_int_equal(fate_settle(1, &why), TXT_SERVED);
    assert_true(clock_wall_ms(&clock_system) >= began_at_ms + 600);
    release(1);
    assert_true(gone_settle());
    corp.provider = &provider;
}

static void test_wish_when_too_few_servers_answer_then_the_order_hears_how_many_must(void **state)
{
    (void)state;
    struct err why = {0};
    order_row(1);
    corp.propagation.timeout_ms = 600;
    corp.propagation.min_percent = 100;
    fake_host_say(net.ns2, NULL, 0, FAKE_REFUSED, 0);
    want(1, WWW, "value-1", MS_MINUTE);
    assert_int_equal(fate_settle(1, &why), TXT_FAILED);
    has_words(why.text, "(1 of 2 answer, at least 2 must: min_answers); asked last at 20");
    has_words(why.text, "answers REFUSED");
    release(1);
}

static void test_wish_when_a_server_does_not_answer_then_told_once_for_the_zone(void **state)
{
    (void)state;
    struct err why = {0};
    order_row(1);
    fake_host_say(net.ns2, NULL, 0, FAKE_REFUSED, 0);
    want(1, WWW, "value-1", MS_MINUTE);
    want(1, MAIL, "value-2", MS_MINUTE);
    assert_int_equal(fate_settle(1, &why), TXT_SERVED);
    turn();
    assert_int_equal(sql_int(-1, "SELECT count(*) FROM event WHERE event = 'txt.unheard'"), 1);
    release(1);
}

/* ---- one bad name ---- */

static void test_job_when_one_name_is_refused_then_only_its_order_fails(void **state)
{
    (void)state;
    struct err why = {0};
    order_row(1);
    order_row(2);
    order_row(3);
    api.bad_owner = MAIL;
    want(1, WWW, "value-1", MS_MINUTE);
    want(2, MAIL, "value-2", MS_MINUTE);
    want(3, "_acme-challenge.shop.example.com", "value-3", MS_MINUTE);
    assert_int_equal(fate_settle(2, &why), TXT_FAILED);
    has_words(why.text, "not acceptable");
    assert_int_equal(fate_settle(1, &why), TXT_SERVED);
    assert_int_equal(fate_settle(3, &why), TXT_SERVED);
    assert_int_equal(n_txt(WWW), 1);
}

/* ---- twins: one record, two orders ---- */

static void test_twins_when_one_order_ends_then_the_record_stays_for_the_other(void **state)
{
    (void)state;
    struct err why = {0};
    order_row(1);
    order_row(2);
    want(1, WWW, "value-1", MS_MINUTE);
    want(2, WWW, "value-1", MS_MINUTE);
    assert_int_equal(fate_settle(1, &why), TXT_SERVED);
    assert_int_equal(fate_settle(2, &why), TXT_SERVED);
    assert_int_equal(n_txt(WWW), 1);
    release(1);
    assert_true(gone_settle());
    assert_int_equal(n_txt(WWW), 1);
    assert_int_equal(api.n_removed, 0);
    assert_int_equal(n_open_rows(), 1);
    release(2);
    assert_true(gone_settle());
    assert_int_equal(n_txt(WWW), 0);
    assert_int_equal(n_open_rows(), 0);
}

static void test_twins_when_both_orders_end_at_once_then_the_record_goes(void **state)
{
    (void)state;
    struct err why = {0};
    order_row(1);
    order_row(2);
    want(1, WWW, "value-1", MS_MINUTE);
    want(2, WWW, "value-1", MS_MINUTE);
    assert_int_equal(fate_settle(2, &why), TXT_SERVED);
    assert_int_equal(fate_settle(1, &why), TXT_SERVED);
    release(1);
    release(2);
    assert_true(gone_settle());
    assert_int_equal(n_txt(WWW), 0);
    assert_int_equal(n_open_rows(), 0);
}

/* The first order failed; the CA gives its successor the same authorization, while the record is being removed. */
static void test_twins_when_one_comes_while_the_other_goes_then_it_is_served(void **state)
{
    (void)state;
    struct err why = {0};
    order_row(1);
    order_row(2);
    want(1, WWW, "value-1", MS_MINUTE);
    assert_int_equal(fate_settle(1, &why), TXT_SERVED);
    release(1);
    want(2, WWW, "value-1", MS_MINUTE);
    assert_int_equal(fate_settle(2, &why), TXT_SERVED);
    assert_int_equal(n_txt(WWW), 1);
    assert_true(gone_settle());
    assert_int_equal(n_txt(WWW), 1);
    release(2);
    assert_true(gone_settle());
    assert_int_equal(n_txt(WWW), 0);
}

/* Whoever asks between collect and act, too. */
static void test_desk_when_a_record_is_to_go_then_never_idle_before_it_is_gone(void **state)
{
    struct err err = {0}, why = {0};
    (void)state;
    order_row(1);
    want(1, WWW, "value-1", MS_MINUTE);
    assert_int_equal(fate_settle(1, &why), TXT_SERVED);
    release(1);
    int64_t until_ms = clock_wall_ms(&clock_system) + 15000;
    while (txt_desk_n_left(desk) > 0 && time_is_left(until_ms)) {
        assert_true(txt_desk_is_busy(desk) ||
                    txt_desk_next_at_ms(desk) <= house_now(&house) + MS_MINUTE);
        txt_desk_act(desk);
        loop_wait(net.loop, house_now(&house) + 10);
        begin();
        must(txt_desk_collect(desk, &err), &err);
        commit();
    }
    assert_int_equal(txt_desk_n_left(desk), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(test_wish_when_wanted_and_released_then_served_and_gone),
        T(test_desk_when_a_record_is_to_go_then_never_idle_before_it_is_gone),
        T(test_wish_when_the_order_ends_before_a_provider_was_asked_then_nobody_is_asked),
        T(test_wish_when_its_answer_was_lost_and_the_order_ends_then_it_is_removed),
        T(test_wish_when_read_back_and_its_order_is_over_then_it_is_removed),
        T(test_wish_when_read_back_and_nobody_asks_then_it_rests),
        T(test_wish_when_read_back_and_another_is_asked_for_then_only_that_counts),
        T(test_wish_when_its_provider_left_the_configuration_then_told_once_and_kept),
        T(test_wish_when_its_deadline_is_long_over_then_it_is_tried_all_the_same),
        T(test_wish_when_it_is_never_shown_then_the_order_hears_who_does_not),
        T(test_wish_when_the_provider_s_word_counts_then_no_name_server_is_asked),
        T(test_wish_when_a_fixed_time_is_waited_then_the_run_stays_for_it),
        T(test_wish_when_its_order_ends_while_time_is_waited_then_it_goes_at_once),
        T(test_wish_when_changes_take_a_while_there_then_the_first_look_comes_later),
        T(test_wish_when_too_few_servers_answer_then_the_order_hears_how_many_must),
        T(test_wish_when_a_server_does_not_answer_then_told_once_for_the_zone),
        T(test_job_when_one_name_is_refused_then_only_its_order_fails),
        T(test_twins_when_one_order_ends_then_the_record_stays_for_the_other),
        T(test_twins_when_both_orders_end_at_once_then_the_record_goes),
        T(test_twins_when_one_comes_while_the_other_goes_then_it_is_served),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
