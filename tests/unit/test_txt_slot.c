/* SEES: base crypto io store config acme dns-providers inventory authority dns renewal fakedns */
/*
 * Names that hold one value only, and jobs that wait for more.
 */
#include "desk_case.h"

#define WWW  "_acme-challenge.www.example.com"
#define MAIL "_acme-challenge.mail.example.com"

static int setup_single(void **state)
{
    int failed = setup(state);
    provider.values_max = 1;
    provider.values_labels = 0;
    provider.capabilities = DNS_CAN_BATCH;
    return failed;
}

static int setup_roll(void **state)
{
    int failed = setup_single(state);
    provider.values_max = 2;
    provider.capabilities = DNS_CAN_BATCH | DNS_CAN_DELEGATE | DNS_CAN_ROLL;
    api.rolls = true;
    return failed;
}

static int setup_gather(void **state)
{
    int failed = setup(state);
    provider.values_max = 0;
    provider.capabilities = DNS_CAN_BATCH | DNS_CAN_GATHER;
    return failed;
}

static void turns(int64_t for_ms)
{
    int64_t until_ms = house_now(&house) + for_ms;
    turn();
    while (house_now(&house) < until_ms) {
        loop_wait(net.loop, house_now(&house) + 20);
        turn();
    }
}

/* The provider of this test adds beside what is there: two would be seen. */
static bool shows(const char *owner, const char *value)
{
    char sql[128];
    snprintf(sql, sizeof sql, "SELECT count(*) FROM txt WHERE value = '%s' AND state = 'sent'",
             value);
    return n_txt(owner) == 1 && sql_int(-1, sql) == 1;
}

/* ---- two values a name, none of which is ever removed ---- */

static void test_roll_when_a_third_value_is_wanted_then_it_waits_until_one_is_needed_no_more(
    void **state)
{
    (void)state;
    struct err why = {0};
    order_row(1);
    order_row(2);
    want(1, WWW, "value-1", MS_MINUTE);
    want(1, WWW, "value-2", MS_MINUTE);
    want(2, WWW, "value-3", MS_MINUTE);
    assert_int_equal(fate_settle(1, &why), TXT_SERVED);
    assert_int_equal(api.n_added, 2);
    assert_int_equal(fate_of(2, &why), TXT_PENDING);
    release(1);
    assert_int_equal(fate_settle(2, &why), TXT_SERVED);
    assert_int_equal(api.n_added, 3);
    release(2);
    assert_true(gone_settle());
    assert_int_equal(n_open_rows(), 0);
    assert_int_equal(n_txt(WWW), 3); /* nothing was waited for that is not to be seen */
}

/* Sent twice it would push out the one that is served already. */
static void test_roll_when_an_answer_is_lost_then_the_other_value_of_the_name_goes_out_again(
    void **state)
{
    (void)state;
    struct err why = {0};
    order_row(1);
    want(1, WWW, "value-1", MS_MINUTE);
    assert_int_equal(fate_settle(1, &why), TXT_SERVED);
    assert_int_equal(api.n_records_most, 1);
    api.fault = ERR_AGAIN;
    api.n_faults = 1;
    api.applies_all_the_same = true;
    want(1, WWW, "value-2", MS_MINUTE);
    assert_int_equal(fate_settle(1, &why), TXT_SERVED);
    assert_int_equal(api.n_jobs, 3);
    assert_int_equal(api.n_records_most, 2);
    assert_int_equal(api.n_added, 4); /* 1; 2 with its answer lost; both */
    release(1);
    assert_true(gone_settle());
}

/* ---- one value a name ---- */

static void test_single_when_two_orders_want_a_name_then_one_after_the_other(void **state)
{
    (void)state;
    struct err why = {0};
    order_row(1);
    order_row(2);
    want(1, WWW, "value-1", MS_MINUTE);
    want(2, WWW, "value-2", MS_MINUTE);
    assert_int_equal(fate_settle(1, &why), TXT_SERVED);
    turns(300);
    assert_true(shows(WWW, "value-1"));
    assert_int_equal(api.n_added, 1);
    assert_int_equal(fate_of(2, &why), TXT_PENDING);
    assert_true(txt_desk_trouble(desk, 2, &why));
    has_words(why.text, "waits for the value of set main to be gone");
    assert_string_equal(sql_text("SELECT state FROM txt WHERE value = 'value-2'"), "planned");
    release(1);
    assert_int_equal(fate_settle(2, &why), TXT_SERVED);
    assert_true(shows(WWW, "value-2"));
    release(2);
    assert_true(gone_settle());
    assert_int_equal(n_txt(WWW), 0);
    assert_int_equal(n_open_rows(), 0);
}

/* Until the provider has removed it, it may be there: also when the removal fails for a while. */
static void test_single_when_the_first_cannot_be_removed_then_the_second_waits(void **state)
{
    (void)state;
    struct err why = {0};
    order_row(1);
    order_row(2);
    want(1, WWW, "value-1", MS_MINUTE);
    assert_int_equal(fate_settle(1, &why), TXT_SERVED);
    want(2, WWW, "value-2", MS_MINUTE);
    api.fault = ERR_AGAIN;
    api.n_faults = 2;
    release(1);
    turns(700);
    assert_int_equal(api.n_added, 1);
    assert_int_equal(n_txt(WWW), 1);
    assert_int_equal(fate_settle(2, &why), TXT_SERVED);
    assert_true(shows(WWW, "value-2"));
    release(2);
    assert_true(gone_settle());
}

static void test_single_when_killed_between_then_the_second_still_waits(void **state)
{
    (void)state;
    struct err why = {0};
    order_row(1);
    order_row(2);
    want(1, WWW, "value-1", MS_MINUTE);
    want(2, WWW, "value-2", MS_MINUTE);
    assert_int_equal(fate_settle(1, &why), TXT_SERVED);
    desk_again();
    want(2, WWW, "value-2", MS_MINUTE);
    turns(300);
    assert_true(shows(WWW, "value-1"));
    release(1);
    assert_int_equal(fate_settle(2, &why), TXT_SERVED);
    assert_true(shows(WWW, "value-2"));
    release(2);
    assert_true(gone_settle());
}

static void test_single_when_one_order_wants_two_then_it_fails_before_anything_is_written(
    void **state)
{
    (void)state;
    struct err why = {0};
    order_row(1);
    want(1, WWW, "value-1", MS_MINUTE);
    want(1, WWW, "value-2", MS_MINUTE);
    assert_int_equal(fate_settle(1, &why), TXT_FAILED);
    assert_int_equal(why.kind, ERR_CONFIG);
    has_words(why.text, "needs 2 values at once");
    has_words(why.text, "sets of their own");
    release(1);
    assert_true(gone_settle());
    assert_int_equal(api.n_jobs, 0);
}

/* Each has got the one and waits for the other: that must not be. */
static void test_single_when_two_orders_want_the_same_two_names_then_both_are_served(void **state)
{
    (void)state;
    struct err why = {0};
    order_row(1);
    order_row(2);
    want(1, WWW, "value-1", MS_MINUTE);
    want(1, MAIL, "value-1m", MS_MINUTE);
    want(2, MAIL, "value-2m", MS_MINUTE);
    want(2, WWW, "value-2", MS_MINUTE);
    assert_int_equal(fate_settle(1, &why), TXT_SERVED);
    release(1);
    assert_int_equal(fate_settle(2, &why), TXT_SERVED);
    assert_true(shows(WWW, "value-2"));
    assert_true(shows(MAIL, "value-2m"));
    release(2);
    assert_true(gone_settle());
}

/* As below duckdns.org: names that share their last labels share the value. */
static void test_single_when_names_share_a_place_then_one_after_the_other(void **state)
{
    (void)state;
    struct err why = {0};
    provider.values_labels = 2;
    order_row(1);
    order_row(2);
    want(1, WWW, "value-1", MS_MINUTE);
    want(2, MAIL, "value-2", MS_MINUTE);
    assert_int_equal(fate_settle(1, &why), TXT_SERVED);
    turns(300);
    assert_int_equal(n_txt(MAIL), 0);
    release(1);
    assert_int_equal(fate_settle(2, &why), TXT_SERVED);
    assert_int_equal(n_txt(WWW), 0);
    release(2);
    assert_true(gone_settle());
}

/* A command has a desk of its own, which holds none of the orders' rows: `provider test` while an order is left to a later run. */
static void test_single_when_another_desk_has_a_value_there_then_it_is_not_written_over(
    void **state)
{
    (void)state;
    struct err why = {0};
    order_row(1);
    want(1, WWW, "value-1", MS_MINUTE);
    assert_int_equal(fate_settle(1, &why), TXT_SERVED);
    txt_desk_free(desk);
    desk = txt_desk_new(&house);
    want(-1, WWW, "trial", MS_MINUTE);
    assert_int_equal(fate_settle(-1, &why), TXT_FAILED);
    has_words(why.text, "holds the value of main");
    release(-1);
    assert_true(gone_settle());
    assert_int_equal(n_txt(WWW), 1);
    /* At another name there is room. */
    want(-1, MAIL, "trial", MS_MINUTE);
    assert_int_equal(fate_settle(-1, &why), TXT_SERVED);
    release(-1);
    assert_true(gone_settle());
    desk_again();
    want(1, WWW, "value-1", MS_MINUTE);
    release(1);
    assert_true(gone_settle());
    assert_int_equal(n_txt(WWW), 0);
}

/* ---- what comes together is done together ---- */

enum { MANY = 40 };

static void want_many(int64_t order_id, size_t i)
{
    char challenge[64], value[32];
    snprintf(challenge, sizeof challenge, "_acme-challenge.h%zu.example.com", i);
    snprintf(value, sizeof value, "value-%zu", i);
    want(order_id, challenge, value, MS_MINUTE);
}

static void test_gather_when_many_names_of_a_zone_are_wanted_then_one_job(void **state)
{
    (void)state;
    struct err why = {0};
    order_row(1);
    for (size_t i = 0; i < MANY; i++)
        want_many(1, i);
    assert_int_equal(fate_settle(1, &why), TXT_SERVED);
    assert_int_equal(api.n_jobs, 1);
    assert_int_equal(api.n_records_most, MANY);
    release(1);
    assert_true(gone_settle());
    assert_int_equal(api.n_jobs, 2);
}

static void test_gather_when_orders_end_shortly_one_after_the_other_then_one_removal(void **state)
{
    (void)state;
    struct err why = {0};
    for (int64_t id = 1; id <= 5; id++)
        order_row(id);
    for (int64_t id = 1; id <= 5; id++)
        want_many(id, (size_t)id);
    for (int64_t id = 1; id <= 5; id++)
        assert_int_equal(fate_settle(id, &why), TXT_SERVED);
    assert_int_equal(api.n_jobs, 1);
    for (int64_t id = 1; id <= 4; id++) {
        release(id);
        turns(30);
    }
    assert_int_equal(api.n_jobs, 1);
    release(5);
    assert_true(gone_settle());
    assert_int_equal(api.n_jobs, 2);
    assert_int_equal(api.n_removed, 5);
}

#define S(name) cmocka_unit_test_setup_teardown(name, setup_single, teardown)
#define G(name) cmocka_unit_test_setup_teardown(name, setup_gather, teardown)
int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(
            test_roll_when_a_third_value_is_wanted_then_it_waits_until_one_is_needed_no_more,
            setup_roll, teardown),
        cmocka_unit_test_setup_teardown(
            test_roll_when_an_answer_is_lost_then_the_other_value_of_the_name_goes_out_again,
            setup_roll, teardown),
        S(test_single_when_two_orders_want_a_name_then_one_after_the_other),
        S(test_single_when_the_first_cannot_be_removed_then_the_second_waits),
        S(test_single_when_killed_between_then_the_second_still_waits),
        S(test_single_when_one_order_wants_two_then_it_fails_before_anything_is_written),
        S(test_single_when_two_orders_want_the_same_two_names_then_both_are_served),
        S(test_single_when_names_share_a_place_then_one_after_the_other),
        S(test_single_when_another_desk_has_a_value_there_then_it_is_not_written_over),
        G(test_gather_when_many_names_of_a_zone_are_wanted_then_one_job),
        G(test_gather_when_orders_end_shortly_one_after_the_other_then_one_removal),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
