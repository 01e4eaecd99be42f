/* SEES: base crypto io store config acme dns-providers inventory authority dns */
#include "house_fixture.h"

#include "dns/host_pace.h"

/* Buckets and parks of two configured providers, with a clock that is set by hand. */

static struct dns_limits limits;
static const struct setting rows[] = {
    {.name = "token", .kind = SETTING_SECRET, .sentence = "."},
    {.name = "base_url", .kind = SETTING_TEXT, .sentence = "."},
};
static const struct section section = {.name = "providers.NAME", .settings = rows, .n = 2};
static const struct dns_provider type = {
    .struct_size = sizeof(struct dns_provider), .name = "api", .settings = &section};
static struct provider_config one, two;
static struct provider_host *host;

static void settings_are(struct provider_config *p, const char *name, const char *token,
                         const char *base_url)
{
    struct json *settings = json_set_text(json_object(), "token", token);
    if (base_url != NULL)
        json_set_text(settings, "base_url", base_url);
    json_free((struct json *)(uintptr_t)p->settings);
    *p = (struct provider_config){.name = (char *)(uintptr_t)name,
                                  .provider = &type,
                                  .settings = settings,
                                  .limits = &limits};
}

static void host_again(void)
{
    provider_host_free(host);
    host = provider_host_new(&house);
}

static int setup(void **state)
{
    if (house_make(state) != 0)
        return -1;
    limits = (struct dns_limits){0};
    settings_are(&one, "one", "file:/etc/token", NULL);
    settings_are(&two, "two", "file:/etc/token", NULL);
    host = provider_host_new(&house);
    return 0;
}

static int teardown(void **state)
{
    provider_host_free(host);
    host = NULL;
    json_free((struct json *)(uintptr_t)one.settings);
    json_free((struct json *)(uintptr_t)two.settings);
    one.settings = two.settings = NULL;
    return house_remove(state);
}

static void rate_is(int64_t count, int64_t period_ms)
{
    limits.rates[0] = (struct dns_rate){count, period_ms};
    limits.n_rates = 1;
}

static struct host_place at(const struct provider_config *p)
{
    return (struct host_place){p, "example.com", "_acme-challenge.example.com"};
}

static int64_t take(const struct provider_config *p)
{
    struct host_place place = at(p);
    struct err err = {0};
    int64_t ms = host_pace_take(host, &place, &err);
    if (ms > 0)
        clock_manual_advance(&fixture_clock, ms);
    return ms;
}

static void save(bool is_ridden)
{
    struct err err = {0};
    must(store_begin(house.store, &err), &err);
    must(host_pace_save(host, is_ridden, &err), &err);
    must(store_commit(house.store, &err), &err);
}

/* ---- rates ---- */

static void test_rate_when_asked_at_once_then_never_more_than_it_in_any_stretch(void **state)
{
    (void)state;
    static const struct dns_rate rates[] = {{1, 1000},   {2, 1000},      {3, 60000},
                                            {15, 60000}, {100, 3600000}, {1200, 300000}};
    for (size_t r = 0; r < sizeof rates / sizeof rates[0]; r++) {
        int64_t sent[2000];
        rate_is(rates[r].count, rates[r].period_ms);
        size_t n = (size_t)rates[r].count * 3 / 2 + 3;
        for (size_t i = 0; i < n; i++) {
            assert_true(take(&one) >= 0);
            sent[i] = house_now(&house);
            /* so many before: at least the period ago */
            size_t most = (size_t)rates[r].count;
            assert_true(i < most || sent[i] - sent[i - most] >= rates[r].period_ms);
        }
        /* Half of it goes at once, and no time is wasted: all of it within one period. */
        assert_int_equal(sent[(rates[r].count + 1) / 2 - 1], sent[0]);
        assert_true(sent[rates[r].count - 1] - sent[0] <= rates[r].period_ms);
        clock_manual_advance(&fixture_clock, MS_DAY);
    }
}

static void test_rates_when_several_then_all_hold(void **state)
{
    (void)state;
    limits.rates[0] = (struct dns_rate){2, 1000};
    limits.rates[1] = (struct dns_rate){4, 60000};
    limits.n_rates = 2;
    int64_t began_ms = house_now(&house);
    for (int i = 0; i < 4; i++)
        take(&one);
    assert_true(house_now(&house) - began_ms >= 1000);
    take(&one);
    assert_true(house_now(&house) - began_ms >= 60000);
}

static void test_rate_when_credential_is_the_same_then_shared_and_else_not(void **state)
{
    (void)state;
    rate_is(2, 60000); /* one at once */
    assert_int_equal(take(&one), 0);
    assert_true(take(&two) > 0);
    clock_manual_advance(&fixture_clock, MS_HOUR);
    settings_are(&two, "two", "file:/etc/other-token", NULL);
    host_again();
    assert_int_equal(take(&one), 0);
    assert_int_equal(take(&two), 0);
    clock_manual_advance(&fixture_clock, MS_HOUR);
    settings_are(&two, "two", "file:/etc/token", "https://elsewhere.example");
    host_again();
    assert_int_equal(take(&one), 0);
    assert_int_equal(take(&two), 0);
}

static void test_rate_when_of_a_scope_then_only_what_is_inside_shares_it(void **state)
{
    (void)state;
    struct err err;
    struct host_place here = at(&one), there = {&one, "example.net", "_acme-challenge.example.net"};
    struct host_place beside = {&one, "example.com", "_acme-challenge.www.example.com"};
    static const struct {
        enum dns_scope scope;
        bool there, beside, other;
    } cases[] = {{DNS_SCOPE_ACCOUNT, true, true, false},
                 {DNS_SCOPE_ZONE, false, true, false},
                 {DNS_SCOPE_NAME, false, false, false},
                 {DNS_SCOPE_HOST, true, true, true}};
    settings_are(&two, "two", "file:/etc/other-token", NULL);
    struct host_place other = at(&two);
    rate_is(2, 60000);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        limits.scope = cases[i].scope;
        clock_manual_advance(&fixture_clock, MS_HOUR);
        host_again();
        assert_int_equal(host_pace_take(host, &here, &err), 0);
        assert_int_equal(host_pace_wait_ms(host, &there, 1, NULL) > 0, cases[i].there);
        assert_int_equal(host_pace_wait_ms(host, &beside, 1, NULL) > 0, cases[i].beside);
        assert_int_equal(host_pace_wait_ms(host, &other, 1, NULL) > 0, cases[i].other);
    }
}

static void test_rate_when_used_up_for_long_then_a_job_is_put_off_with_the_instant(void **state)
{
    (void)state;
    struct err err = {0};
    struct host_place place = at(&one);
    rate_is(4, MS_HOUR);
    assert_int_equal(take(&one), 0);
    assert_int_equal(take(&one), 0);
    assert_int_equal(host_pace_take(host, &place, &err), -1);
    assert_int_equal(err.kind, ERR_THROTTLED);
    assert_int_equal(err.until_ms, house_now(&house) + 20 * MS_MINUTE);
    has_words(err.text, "limit of 4 requests in 1h");
    /* What was not asked does not count. */
    clock_manual_advance(&fixture_clock, 20 * MS_MINUTE);
    assert_int_equal(take(&one), 0);
}

/* ---- rows ---- */

static void test_bucket_when_the_program_starts_again_then_it_is_as_full(void **state)
{
    (void)state;
    struct host_place place = at(&one);
    rate_is(20, 10 * MS_MINUTE);
    host_pace_expect(host, &place, 8);
    save(false);
    assert_int_equal(sql_int(0, "SELECT count(*) FROM dns_bucket"), 1);
    for (int i = 0; i < 8; i++)
        assert_int_equal(take(&one), 0);
    save(false);
    int64_t wait_ms = host_pace_wait_ms(host, &place, 3, NULL);
    assert_true(wait_ms > 0);
    host_again();
    assert_true(host_pace_wait_ms(host, &place, 3, NULL) >= wait_ms - 8 * 55 * MS_SECOND);
    assert_true(host_pace_wait_ms(host, &place, 3, NULL) > 0);
    assert_null(strstr(sql_text("SELECT key FROM dns_bucket"), "token"));
}

/* A turn was killed before it could write: the row is ahead of what was asked. */
static void test_bucket_when_killed_before_it_is_written_then_no_less_counts(void **state)
{
    (void)state;
    struct host_place place = at(&one);
    rate_is(20, 10 * MS_MINUTE);
    host_pace_expect(host, &place, 100);
    for (int i = 0; i < 9; i++) {
        save(false);
        assert_int_equal(take(&one), 0);
        assert_true(sql_int(0, "SELECT full_at_ms FROM dns_bucket") >=
                    house_now(&house) + (i + 1) * 10 * MS_MINUTE / 11);
    }
    /* And not with each request. */
    int64_t n_commits = store_n_commits(house.store);
    assert_true(n_commits < 8);
}

static void test_bucket_when_nothing_is_asked_then_nothing_is_written(void **state)
{
    (void)state;
    struct host_place place = at(&one);
    rate_is(20, 10 * MS_MINUTE);
    int64_t n_commits = store_n_commits(house.store);
    assert_int_equal(host_pace_wait_ms(host, &place, 1, NULL), 0);
    save(false);
    save(true);
    assert_int_equal(store_n_commits(house.store), n_commits);
    assert_int_equal(sql_int(0, "SELECT count(*) FROM dns_bucket"), 0);
}

static void test_bucket_when_less_was_used_then_given_back_with_the_next_write(void **state)
{
    (void)state;
    struct host_place place = at(&one);
    rate_is(100, MS_HOUR);
    host_pace_expect(host, &place, 50);
    save(false);
    assert_int_equal(take(&one), 0);
    int64_t reserved_ms = sql_int(0, "SELECT full_at_ms FROM dns_bucket");
    host_pace_expect(host, &place, -50);
    save(false);
    assert_int_equal(sql_int(0, "SELECT full_at_ms FROM dns_bucket"), reserved_ms);
    save(true);
    assert_true(sql_int(0, "SELECT full_at_ms FROM dns_bucket") < reserved_ms);
}

static void test_bucket_when_the_clock_was_ahead_then_it_waits_no_longer_than_its_period(
    void **state)
{
    (void)state;
    struct host_place place = at(&one);
    rate_is(4, MS_MINUTE);
    for (int i = 0; i < 2; i++)
        take(&one);
    save(false);
    clock_manual_advance(&fixture_clock, -7 * MS_DAY);
    host_again();
    assert_true(host_pace_wait_ms(host, &place, 1, NULL) <= MS_MINUTE);
}

/* ---- parks ---- */

static void test_park_when_set_then_it_outlives_the_program_and_ends(void **state)
{
    (void)state;
    struct err why = {0};
    struct host_place place = at(&one), too = at(&two);
    host_park(host, &place, house_now(&house) + 10 * MS_MINUTE, "429: slow down");
    save(false);
    host_again();
    assert_int_equal(host_parked_until_ms(host, &too, &why), house_now(&house) + 10 * MS_MINUTE);
    assert_int_equal(why.kind, ERR_THROTTLED);
    has_words(why.text, "429: slow down");
    assert_int_equal(n_events("dns.parked"), 1);
    assert_int_equal(host_pace_take(host, &too, &why), -1);
    clock_manual_advance(&fixture_clock, 10 * MS_MINUTE);
    assert_int_equal(host_parked_until_ms(host, &too, &why), 0);
    assert_int_equal(host_pace_take(host, &too, &why), 0);
}

static void test_park_when_an_api_exaggerates_then_a_day_at_most(void **state)
{
    (void)state;
    struct err why = {0};
    struct host_place place = at(&one);
    host_park(host, &place, house_now(&house) + 365 * MS_DAY, "429");
    assert_int_equal(host_parked_until_ms(host, &place, &why), house_now(&house) + MS_DAY);
}

static void test_headers_when_no_request_is_left_then_parked_until_they_say(void **state)
{
    (void)state;
    static const struct {
        enum dns_reset is;
        const char *left, *reset;
        int64_t in_ms;
    } cases[] = {{DNS_RESET_SECONDS, "1", "30", 0},
                 {DNS_RESET_SECONDS, "0", "30", 30 * MS_SECOND},
                 {DNS_RESET_SECONDS, "0", NULL, 0},
                 {DNS_RESET_SECONDS, "0", "soon", 0},
                 {DNS_RESET_SECONDS, "none", "30", 0},
                 {DNS_RESET_EPOCH, "0", "1893456090", 90 * MS_SECOND},
                 {DNS_RESET_EPOCH, "0", "90", 0},
                 {DNS_RESET_DATE, "0", "Tue, 01 Jan 2030 00:02:00 GMT", 2 * MS_MINUTE},
                 {DNS_RESET_DATE, "0", "2030-01-01T00:03:00Z", 3 * MS_MINUTE},
                 {DNS_RESET_DATE, "0", "9999-01-01T00:00:00Z", MS_DAY}};
    struct host_place place = at(&one);
    fixture_clock.wall_now_ms = time_from_civil(2030, 1, 1, 0, 0, 0);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct err why;
        limits.reset_is = cases[i].is;
        host_again();
        host_pace_hear(host, &place, cases[i].left, cases[i].reset);
        int64_t until_ms = host_parked_until_ms(host, &place, &why);
        assert_int_equal(until_ms, cases[i].in_ms > 0 ? house_now(&house) + cases[i].in_ms : 0);
    }
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(test_rate_when_asked_at_once_then_never_more_than_it_in_any_stretch),
        T(test_rates_when_several_then_all_hold),
        T(test_rate_when_credential_is_the_same_then_shared_and_else_not),
        T(test_rate_when_of_a_scope_then_only_what_is_inside_shares_it),
        T(test_rate_when_used_up_for_long_then_a_job_is_put_off_with_the_instant),
        T(test_bucket_when_the_program_starts_again_then_it_is_as_full),
        T(test_bucket_when_killed_before_it_is_written_then_no_less_counts),
        T(test_bucket_when_nothing_is_asked_then_nothing_is_written),
        T(test_bucket_when_less_was_used_then_given_back_with_the_next_write),
        T(test_bucket_when_the_clock_was_ahead_then_it_waits_no_longer_than_its_period),
        T(test_park_when_set_then_it_outlives_the_program_and_ends),
        T(test_park_when_an_api_exaggerates_then_a_day_at_most),
        T(test_headers_when_no_request_is_left_then_parked_until_they_say),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
