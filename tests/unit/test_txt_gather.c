/* SEES: base crypto io store config acme dns-providers inventory authority dns renewal fakedns */
/* Which wishes become a job, when, and beside which others. */
#include "desk_case.h"

static char *net_zones[] = {(char *)"example.net", NULL};
static char *sub_zones[] = {(char *)"sub.example.com", NULL};
static struct dns_limits limits;

/* A second configured provider of the same type and credential. */
static void second_serves(char **its_zones)
{
    configured[1] = corp;
    configured[1].name = (char *)"corp-too";
    configured[1].zones = its_zones;
    config.n_providers = 2;
}

static void limits_are(struct dns_limits now)
{
    limits = now;
    configured[0].limits = &limits;
    configured[1].limits = &limits;
}

#define NET_NAME "_acme-challenge.www.example.net"
#define SUB_NAME "_acme-challenge.www.sub.example.com"

/* ---- one job for all ---- */

static void test_orders_when_ten_want_ten_names_each_then_few_jobs_carry_all(void **state)
{
    (void)state;
    struct err err = {0}, why = {0};
    provider.capabilities = DNS_CAN_BATCH | DNS_CAN_GATHER;
    begin();
    for (int64_t order = 1; order <= 10; order++) {
        order_row(order);
        for (int i = 0; i < 10; i++) {
            char name[64], value[32];
            snprintf(name, sizeof name, "_acme-challenge.n%d.o%d.example.com", i, (int)order);
            snprintf(value, sizeof value, "value-%d-%d", (int)order, i);
            must(txt_desk_want(desk, order, "main", name, value, NULL, NULL,
                               house_now(&house) + MS_MINUTE, &err),
                 &err);
        }
    }
    commit();
    for (int64_t order = 1; order <= 10; order++)
        assert_int_equal(fate_settle(order, &why), TXT_SERVED);
    assert_int_equal(api.n_jobs, 1);
    assert_int_equal(api.n_records_most, 100);
    begin();
    for (int64_t order = 1; order <= 10; order++)
        must(txt_desk_release(desk, order, &err), &err);
    commit();
    assert_true(gone_settle());
    assert_int_equal(api.n_jobs, 2);
    assert_int_equal(api.n_removed, 100);
    provider.capabilities = DNS_CAN_BATCH;
}

/* ---- not at once ---- */

static void test_zone_when_two_configured_providers_lead_to_it_then_one_job_at_a_time(void **state)
{
    (void)state;
    struct err why = {0};
    second_serves(sub_zones);
    order_row(1);
    order_row(2);
    api.pause_ms = 100;
    want(1, WWW, "value-1", MS_MINUTE);
    want(2, SUB_NAME, "value-2", MS_MINUTE); /* its zone is example.com, says the DNS */
    assert_int_equal(fate_settle(1, &why), TXT_SERVED);
    assert_int_equal(fate_settle(2, &why), TXT_SERVED);
    assert_int_equal(sql_int(0, "SELECT count(DISTINCT provider) FROM txt"), 2);
    assert_int_equal(api.n_jobs, 2);
    assert_int_equal(api.n_under_way_most, 1);
}

static void test_account_when_it_takes_one_job_at_a_time_then_zones_wait_for_each_other(
    void **state)
{
    (void)state;
    struct err why = {0};
    for (int64_t parallel = 0; parallel < 2; parallel++) {
        second_serves(net_zones);
        limits_are((struct dns_limits){.parallel = parallel});
        memset(&api, 0, sizeof api);
        api.pause_ms = 150;
        order_row(1 + 10 * parallel);
        order_row(2 + 10 * parallel);
        want(1 + 10 * parallel, WWW, "value-1", MS_MINUTE);
        want(2 + 10 * parallel, NET_NAME, "value-2", MS_MINUTE);
        assert_int_equal(fate_settle(1 + 10 * parallel, &why), TXT_SERVED);
        assert_int_equal(fate_settle(2 + 10 * parallel, &why), TXT_SERVED);
        assert_int_equal(api.n_under_way_most, parallel == 0 ? 2 : 1);
        release(1 + 10 * parallel);
        release(2 + 10 * parallel);
        assert_true(gone_settle());
    }
}

/* ---- parked ---- */

static void turn_for(int64_t ms)
{
    int64_t until_ms = clock_wall_ms(&clock_system) + ms;
    turn();
    while (time_is_left(until_ms)) {
        loop_wait(net.loop, house_now(&house) + 20);
        turn();
    }
}

static void test_account_when_throttled_then_no_zone_of_it_is_asked_before_then(void **state)
{
    (void)state;
    struct err why = {0};
    second_serves(net_zones);
    order_row(1);
    order_row(2);
    api.fault = ERR_THROTTLED;
    api.n_faults = 1;
    api.again_in_ms = 30 * 1000;
    want(1, WWW, "value-1", MS_MINUTE);
    turn_for(500);
    assert_int_equal(api.n_jobs, 1);
    want(2, NET_NAME, "value-2", MS_MINUTE);
    turn_for(500);
    assert_int_equal(api.n_jobs, 1);
    assert_int_equal(fate_of(2, &why), TXT_PENDING);
    assert_true(txt_desk_trouble(desk, 2, &why));
    has_words(why.text, "is asked nothing until");
    has_words(why.text, "503: not now");
    assert_int_equal(n_events("dns.parked"), 1);
    assert_int_equal(sql_int(0, "SELECT count(*) FROM dns_park"), 1);
    /* The next run knows it; a set of its own order asks again. */
    desk_again();
    want(2, NET_NAME, "value-2", MS_MINUTE);
    turn_for(500);
    assert_int_equal(api.n_jobs, 1);
    assert_int_equal(n_events("dns.parked"), 1);
    sql_run("DELETE FROM dns_park");
    desk_again();
    want(2, NET_NAME, "value-2", MS_MINUTE);
    assert_int_equal(fate_settle(2, &why), TXT_SERVED);
}

static void test_account_when_throttled_for_a_moment_then_goes_on_by_itself(void **state)
{
    (void)state;
    struct err why = {0};
    order_row(1);
    api.fault = ERR_THROTTLED;
    api.n_faults = 1;
    api.again_in_ms = 1500;
    int64_t before_ms = clock_wall_ms(&clock_system);
    want(1, WWW, "value-1", MS_MINUTE);
    assert_int_equal(fate_settle(1, &why), TXT_SERVED);
    assert_true(clock_wall_ms(&clock_system) - before_ms >= 1500);
    assert_int_equal(api.n_jobs, 2);
}

static void test_account_when_throttled_beyond_the_order_then_it_hears_at_once(void **state)
{
    (void)state;
    struct err why = {0};
    order_row(1);
    order_row(2);
    api.fault = ERR_THROTTLED;
    api.n_faults = 1;
    api.again_in_ms = MS_HOUR;
    want(1, WWW, "value-1", 2 * MS_HOUR);
    turn_for(500);
    assert_int_equal(fate_of(1, &why), TXT_PENDING);
    want(2, MAIL, "value-2", MS_MINUTE);
    assert_int_equal(fate_settle(2, &why), TXT_FAILED);
    assert_int_equal(why.kind, ERR_THROTTLED);
    has_words(why.text, "its order cannot wait so long");
    assert_int_equal(api.n_jobs, 1);
    assert_int_equal(fate_of(1, &why), TXT_PENDING);
}

static void test_other_account_when_one_is_parked_then_it_is_asked(void **state)
{
    (void)state;
    struct err why = {0};
    AUTO(json_fini)
    struct json *settings = json_set_text(json_object(), "base_url", "https://other.example.net");
    second_serves(net_zones);
    configured[1].settings = settings;
    order_row(1);
    order_row(2);
    api.fault = ERR_THROTTLED;
    api.n_faults = 1;
    api.again_in_ms = 30 * 1000;
    want(1, WWW, "value-1", MS_MINUTE);
    turn_for(500);
    want(2, NET_NAME, "value-2", MS_MINUTE);
    assert_int_equal(fate_settle(2, &why), TXT_SERVED);
    assert_int_equal(n_txt(WWW), 0);
}

/* ---- limits that cannot be met in time ---- */

static void test_order_when_the_limit_lets_its_names_too_late_then_it_hears_which_at_once(
    void **state)
{
    (void)state;
    struct err why = {0};
    limits_are((struct dns_limits){.rates = {{10, MS_HOUR}}, .n_rates = 1, .calls_per_record = 1});
    order_row(1);
    order_row(2);
    struct err err = {0};
    begin();
    for (int i = 0; i < 20; i++) {
        char name[64];
        snprintf(name, sizeof name, "_acme-challenge.n%d.example.com", i);
        must(txt_desk_want(desk, 1, "main", name, "value-1", NULL, NULL,
                           house_now(&house) + MS_HOUR, &err),
             &err);
    }
    must(txt_desk_want(desk, 2, "main", WWW, "value-2", NULL, NULL, house_now(&house) + MS_HOUR,
                       &err),
         &err);
    commit();
    assert_int_equal(fate_settle(1, &why), TXT_FAILED);
    assert_int_equal(why.kind, ERR_THROTTLED);
    has_words(why.text, "its limit of 10 requests in 1h");
    has_words(why.text, "its order cannot wait so long");
    /* One name is in time, and no name of the other order was published for nothing. */
    assert_int_equal(fate_settle(2, &why), TXT_SERVED);
    assert_int_equal(api.n_added, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(test_orders_when_ten_want_ten_names_each_then_few_jobs_carry_all),
        T(test_zone_when_two_configured_providers_lead_to_it_then_one_job_at_a_time),
        T(test_account_when_it_takes_one_job_at_a_time_then_zones_wait_for_each_other),
        T(test_account_when_throttled_then_no_zone_of_it_is_asked_before_then),
        T(test_account_when_throttled_for_a_moment_then_goes_on_by_itself),
        T(test_account_when_throttled_beyond_the_order_then_it_hears_at_once),
        T(test_other_account_when_one_is_parked_then_it_is_asked),
        T(test_order_when_the_limit_lets_its_names_too_late_then_it_hears_which_at_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
