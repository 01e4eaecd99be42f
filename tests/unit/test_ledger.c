/* SEES: base crypto io store config acme dns-providers inventory authority */
#include "authority/ledger.h"
#include "house_fixture.h"

#define LE "https://acme-v02.api.letsencrypt.org/directory"

static const char *const shop[] = {"www.example.com", "example.com"};
static struct ledger_answer answer;

static struct ledger_ask ask_for(const char *const *names, size_t n)
{
    return (struct ledger_ask){.directory = LE, .account = "", .names = names, .n_names = n};
}

static bool reserve(struct ledger_ask ask, const char *owner)
{
    struct err err = {0};
    must(store_begin(house.store, &err), &err);
    must(ledger_reserve(&house, &ask, owner, &answer, &err), &err);
    must(store_commit(house.store, &err), &err);
    return answer.may;
}

static void settle(const char *owner, enum ledger_outcome outcome)
{
    struct err err = {0};
    must(store_begin(house.store, &err), &err);
    must(ledger_settle(&house, owner, outcome, &err), &err);
    must(store_commit(house.store, &err), &err);
}

static void placed(const char *owner)
{
    struct err err = {0};
    must(store_begin(house.store, &err), &err);
    must(ledger_placed(&house, owner, &err), &err);
    must(store_commit(house.store, &err), &err);
}

static struct ledger_answer look(struct ledger_ask ask)
{
    struct err err = {0};
    struct ledger_answer ret;
    must(ledger_look(&house, &ask, &ret, &err), &err);
    return ret;
}

static const char *owner_of(int i)
{
    static char text[32];
    snprintf(text, sizeof text, "order:%d", i);
    return text;
}

static const char *const *name_of(int i)
{
    static char text[64];
    static const char *names[1];
    snprintf(text, sizeof text, "n%d.example.com", i);
    names[0] = text;
    return names;
}

static void test_set_when_five_are_issued_then_the_sixth_waits_34_hours(void **state)
{
    static const char *const turned[] = {"example.com", "www.example.com"};
    (void)state;
    for (int i = 0; i < 5; i++) {
        assert_true(reserve(ask_for(shop, 2), owner_of(i)));
        settle(owner_of(i), LEDGER_ISSUED);
    }
    assert_false(reserve(ask_for(turned, 2), "order:9"));
    assert_int_equal(answer.at_ms, house_now(&house) + 7 * MS_DAY / 5);
    assert_string_equal(answer.limit, "set");
    has_words(answer.text, "5 in 7d");
    has_words(answer.text, "example.com, www.example.com");
    has_words(answer.text, "not before 2030-01-02T09:36:00Z");
    assert_int_equal(sql_int(-1, "SELECT count(*) FROM ledger_reservation"), 0);
    clock_manual_advance(&fixture_clock, 7 * MS_DAY / 5);
    assert_true(reserve(ask_for(turned, 2), "order:9"));
}

/* What is under way counts as if it were issued already. */
static void test_domain_when_orders_are_in_flight_then_they_cannot_overrun_together(void **state)
{
    (void)state;
    int n = 0;
    while (n < 100 && reserve(ask_for(name_of(n), 1), owner_of(n)))
        n++;
    assert_int_equal(n, 45);
    assert_string_equal(answer.limit, "domain");
    has_words(answer.text, "(example.com)");
    struct ledger_ask urgent = ask_for(name_of(200), 1);
    urgent.is_emergency = true;
    for (int i = 0; i < 5; i++)
        assert_true(reserve(urgent, owner_of(300 + i)));
    assert_false(reserve(urgent, "order:400"));
    settle(owner_of(0), LEDGER_ORDERED);
    urgent.names = name_of(201);
    assert_true(reserve(urgent, "order:400"));
}

static void test_settle_when_the_order_came_to_nothing_then_only_the_order_is_spent(void **state)
{
    (void)state;
    int64_t left = look(ask_for(shop, 2)).left;
    assert_true(reserve(ask_for(shop, 2), "order:1"));
    placed("order:1");
    assert_int_equal(sql_int(-1, "SELECT count(*) FROM ledger_reservation"), 2);
    assert_int_equal(sql_int(-1, "SELECT full_at_ms FROM ledger_bucket WHERE kind = 'orders'"),
                     house_now(&house) + 36 * MS_SECOND);
    settle("order:1", LEDGER_ORDERED);
    assert_int_equal(sql_int(-1, "SELECT count(*) FROM ledger_reservation"), 0);
    assert_int_equal(sql_int(-1, "SELECT count(*) FROM ledger_bucket"), 1);
    assert_int_equal(look(ask_for(shop, 2)).left, left);
    settle("order:1", LEDGER_ISSUED);
    assert_int_equal(sql_int(-1, "SELECT count(*) FROM ledger_bucket"), 1);
}

static void test_settle_when_unused_or_unknown_then_nothing_or_everything_is_spent(void **state)
{
    (void)state;
    assert_true(reserve(ask_for(shop, 2), "order:1"));
    settle("order:1", LEDGER_UNUSED);
    assert_int_equal(sql_int(-1, "SELECT count(*) FROM ledger_bucket"), 0);
    assert_true(reserve(ask_for(shop, 2), "order:2"));
    settle("order:2", LEDGER_UNKNOWN);
    assert_int_equal(sql_int(-1, "SELECT count(*) FROM ledger_bucket"), 3);
    assert_int_equal(sql_int(-1, "SELECT count(*) FROM ledger_bucket WHERE issued_at_ms > 0"), 0);
}

static void test_renewal_when_the_set_was_issued_before_then_only_its_exact_set_counts(void **state)
{
    (void)state;
    assert_true(reserve(ask_for(shop, 2), "order:1"));
    settle("order:1", LEDGER_ISSUED);
    clock_manual_advance(&fixture_clock, 60 * MS_DAY);
    assert_true(reserve(ask_for(shop, 2), "order:2"));
    assert_int_equal(sql_int(-1, "SELECT count(*) FROM ledger_reservation"), 1);
    settle("order:2", LEDGER_ISSUED);
    assert_int_equal(sql_int(-1, "SELECT full_at_ms FROM ledger_bucket WHERE kind = 'set'"),
                     house_now(&house) + 7 * MS_DAY / 5);
    assert_true(sql_int(-1, "SELECT full_at_ms FROM ledger_bucket WHERE kind = 'domain'") <
                house_now(&house));
    clock_manual_advance(&fixture_clock, 121 * MS_DAY);
    assert_true(reserve(ask_for(shop, 2), "order:3"));
    assert_int_equal(sql_int(-1, "SELECT count(*) FROM ledger_reservation"), 3);
}

static void test_replacement_when_in_the_window_then_nothing_hinders_it_and_its_certificate_counts(
    void **state)
{
    (void)state;
    struct ledger_ask ask = ask_for(shop, 2);
    for (int i = 0; i < 5; i++) {
        assert_true(reserve(ask, owner_of(i)));
        settle(owner_of(i), LEDGER_ISSUED);
    }
    assert_false(look(ask).may);
    ask.is_replacement_in_window = true;
    assert_true(reserve(ask, "order:9"));
    settle("order:9", LEDGER_ISSUED);
    assert_int_equal(sql_int(-1, "SELECT full_at_ms FROM ledger_bucket WHERE kind = 'set'"),
                     house_now(&house) + 6 * (7 * MS_DAY / 5));
}

static void test_override_when_a_person_gives_a_reason_then_it_goes_and_counts(void **state)
{
    (void)state;
    struct ledger_ask ask = ask_for(shop, 2);
    for (int i = 0; i < 5; i++) {
        assert_true(reserve(ask, owner_of(i)));
        settle(owner_of(i), LEDGER_ISSUED);
    }
    ask.override_reason = "the CA raised it";
    assert_true(reserve(ask, "order:9"));
    assert_int_equal(sql_int(-1, "SELECT count(*) FROM ledger_reservation"), 1);
}

static void test_unknown_ca_when_asked_then_no_limit_and_no_row(void **state)
{
    (void)state;
    struct ledger_ask ask = ask_for(shop, 2);
    ask.directory = "https://one.example/dir";
    assert_true(reserve(ask, "order:1"));
    assert_int_equal(answer.left, INT64_MAX);
    assert_string_equal(answer.limit, "");
    assert_int_equal(sql_int(-1, "SELECT count(*) FROM ledger_reservation"), 0);
}

static void test_many_waiting_when_refused_then_each_has_its_own_time(void **state)
{
    (void)state;
    struct ledger_ask ask = ask_for(shop, 2);
    for (int i = 0; i < 270; i++) {
        char name[64];
        snprintf(name, sizeof name, "www.example%d.com", i);
        const char *names[] = {name};
        assert_true(reserve(ask_for(names, 1), owner_of(i)));
        placed(owner_of(i));
    }
    assert_false(look(ask).may);
    assert_int_equal(look(ask).at_ms, house_now(&house) + 36 * MS_SECOND);
    ask.n_before = 99;
    assert_int_equal(look(ask).at_ms, house_now(&house) + 3600 * MS_SECOND);
}

static void test_addresses_when_asked_then_v4_alone_and_v6_by_its_64(void **state)
{
    static const char *const names[] = {"192.0.2.1",   "192.0.2.2",       "2001:db8::1",
                                        "2001:db8::2", "2001:db8:0:1::1", "a.co.uk",
                                        "*.b.co.uk",   "x.b.co.uk"};
    (void)state;
    assert_true(reserve(ask_for(names, 8), "order:1"));
    assert_int_equal(sql_int(-1, "SELECT count(*) FROM ledger_reservation WHERE kind = 'domain'"),
                     6);
    assert_int_equal(
        sql_int(-1, "SELECT count(*) FROM ledger_reservation WHERE subject = '2001:db8::/64'"), 1);
}

static void test_row_when_written_by_a_clock_that_was_ahead_then_it_costs_one_period_at_most(
    void **state)
{
    (void)state;
    assert_true(reserve(ask_for(shop, 2), "order:1"));
    settle("order:1", LEDGER_ISSUED);
    sql_run(
        "UPDATE ledger_bucket SET full_at_ms = full_at_ms + 365 * 86400000, issued_at_ms = NULL");
    assert_false(look(ask_for(shop, 2)).may);
    assert_true(look(ask_for(shop, 2)).at_ms <= house_now(&house) + 7 * MS_DAY);
}

#define T(f) cmocka_unit_test_setup_teardown(f, house_make, house_remove)
int main(void)
{
    const struct CMUnitTest tests[] = {
        T(test_set_when_five_are_issued_then_the_sixth_waits_34_hours),
        T(test_domain_when_orders_are_in_flight_then_they_cannot_overrun_together),
        T(test_settle_when_the_order_came_to_nothing_then_only_the_order_is_spent),
        T(test_settle_when_unused_or_unknown_then_nothing_or_everything_is_spent),
        T(test_renewal_when_the_set_was_issued_before_then_only_its_exact_set_counts),
        T(test_replacement_when_in_the_window_then_nothing_hinders_it_and_its_certificate_counts),
        T(test_override_when_a_person_gives_a_reason_then_it_goes_and_counts),
        T(test_unknown_ca_when_asked_then_no_limit_and_no_row),
        T(test_many_waiting_when_refused_then_each_has_its_own_time),
        T(test_addresses_when_asked_then_v4_alone_and_v6_by_its_64),
        T(test_row_when_written_by_a_clock_that_was_ahead_then_it_costs_one_period_at_most),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
