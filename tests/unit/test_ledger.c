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

static void test_many_waiting_when_refused_then_the_gap_between_them_is_told(void **state)
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
    assert_int_equal(look(ask).gap_ms, 36 * MS_SECOND);
    assert_string_equal(look(ask).limit, "orders");
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

/* ---- what the CA says ---- */

static void learn(const char *text, const char *help, int64_t wait_ms, const char *const *names,
                  size_t n)
{
    struct err err = {0};
    struct ledger_refusal refusal = {.directory = LE,
                                     .account = "",
                                     .names = names,
                                     .n_names = n,
                                     .until_ms = house_now(&house) + wait_ms,
                                     .text = text,
                                     .help = help};
    must(store_begin(house.store, &err), &err);
    must(ledger_learn(&house, &refusal, &err), &err);
    must(store_commit(house.store, &err), &err);
}

static int64_t wait_for(const char *const *names, size_t n)
{
    struct ledger_answer ret = look(ask_for(names, n));
    return ret.may ? 0 : ret.at_ms - house_now(&house);
}

static void test_learn_when_the_ca_says_which_limit_then_only_that_one_is_closed(void **state)
{
    static const char *const other[] = {"other.example.com"}, *const far[] = {"www.example.net"};
    (void)state;
    learn("newOrder: 429 rateLimited: too many certificates (5) already issued for this exact set "
          "of identifiers in the last 168h0m0s",
          NULL, 5 * MS_HOUR, shop, 2);
    assert_int_equal(wait_for(shop, 2), 5 * MS_HOUR);
    assert_int_equal(wait_for(other, 1), 0);
    learn("429: too many certificates (50) already issued for \"example.com\" in the last 168h0m0s",
          NULL, 2 * MS_HOUR, shop, 2);
    assert_true(wait_for(other, 1) > 0);
    assert_int_equal(wait_for(far, 1), 0);
    learn("429", "https://letsencrypt.org/docs/rate-limits/#new-orders-per-account", MS_HOUR, far,
          1);
    assert_int_equal(wait_for(far, 1) % (36 * MS_SECOND), 0);
    assert_true(wait_for(far, 1) >= MS_HOUR);
    assert_int_equal(n_events("limit.told"), 3);
    assert_int_equal(sql_int(-1, "SELECT sum(is_guess) FROM ledger_bucket"), 0);
}

static void test_learn_when_failed_authorizations_are_named_then_the_name_is_closed(void **state)
{
    (void)state;
    const char *const www[] = {"*.www.example.com"}, *const apex[] = {"example.com"};
    learn("429: too many failed authorizations (5) for \"www.example.com\" in the last 1h0m0s",
          NULL, 30 * MS_MINUTE, shop, 2);
    assert_int_equal(wait_for(www, 1), 30 * MS_MINUTE);
    assert_int_equal(wait_for(apex, 1), 0);
}

static void test_learn_when_nothing_is_told_then_the_account_for_an_hour_and_not_for_who_is_in_need(
    void **state)
{
    static const char *const far[] = {"www.example.net"};
    (void)state;
    struct ledger_ask ask = ask_for(far, 1);
    ask.directory = "https://one.example/dir";
    struct err err = {0};
    struct ledger_refusal refusal = {.directory = ask.directory,
                                     .account = "",
                                     .names = shop,
                                     .n_names = 2,
                                     .until_ms = house_now(&house) + 20 * MS_HOUR,
                                     .text = "slow down"};
    must(store_begin(house.store, &err), &err);
    must(ledger_learn(&house, &refusal, &err) && ledger_learn(&house, &refusal, &err), &err);
    must(store_commit(house.store, &err), &err);
    assert_int_equal(n_events("limit.told"), 1);
    assert_false(look(ask).may);
    assert_int_equal(look(ask).at_ms, house_now(&house) + MS_HOUR);
    has_words(look(ask).text, "new orders of an account");
    ask.account = "other";
    assert_true(look(ask).may);
    ask.account = "";
    ask.is_emergency = true;
    assert_true(look(ask).may);
    ask.is_emergency = false;
    clock_manual_advance(&fixture_clock, MS_HOUR);
    assert_true(look(ask).may);
}

/* ---- names that fail ---- */

static void fails(const char *name)
{
    struct err err = {0};
    must(store_begin(house.store, &err), &err);
    must(ledger_authz_failed(&house, LE, "", name, &err), &err);
    must(store_commit(house.store, &err), &err);
}

static void test_failures_when_five_in_an_hour_then_the_name_waits_whatever_order_it_stands_in(
    void **state)
{
    static const char *const apex[] = {"example.com"}, *const more[] = {"a.example.com",
                                                                        "*.www.example.com"};
    (void)state;
    for (int i = 0; i < 5; i++)
        fails("www.example.com");
    assert_int_equal(wait_for(more, 2), 12 * MS_MINUTE);
    assert_string_equal(look(ask_for(more, 2)).limit, "failures");
    assert_int_equal(wait_for(apex, 1), 0);
    struct ledger_ask ask = ask_for(more, 2);
    ask.account = "another";
    assert_true(look(ask).may);
}

static void test_failures_in_a_row_when_one_is_given_then_they_are_forgotten(void **state)
{
    (void)state;
    struct err err = {0};
    for (int i = 0; i < 1152; i++)
        fails("www.example.com");
    clock_manual_advance(&fixture_clock, 10 * MS_DAY);
    for (int i = 0; i < 10; i++)
        fails("www.example.com");
    clock_manual_advance(&fixture_clock, 2 * MS_HOUR);
    assert_string_equal(look(ask_for(shop, 2)).limit, "failures_in_a_row");
    assert_false(look(ask_for(shop, 2)).may);
    must(store_begin(house.store, &err), &err);
    must(ledger_authz_passed(&house, LE, "", shop, 2, &err), &err);
    must(store_commit(house.store, &err), &err);
    assert_true(look(ask_for(shop, 2)).may);
}

/* ---- sent once more, registrations, sweeping ---- */

static struct ledger_answer repeat(const char *owner, bool was_lost)
{
    struct err err = {0};
    struct ledger_answer ret;
    must(store_begin(house.store, &err), &err);
    must(ledger_repeat(&house, owner, was_lost, &ret, &err), &err);
    must(store_commit(house.store, &err), &err);
    return ret;
}

static void test_repeat_when_the_answer_was_lost_then_each_newOrder_counts(void **state)
{
    (void)state;
    assert_true(reserve(ask_for(shop, 2), "order:1"));
    int n = 0;
    while (n < 1000 && repeat("order:1", true).may)
        n++;
    assert_int_equal(n, 299);
    assert_false(repeat("order:1", false).may);
    assert_int_equal(repeat("order:1", false).at_ms, house_now(&house) + 36 * MS_SECOND);
}

static void test_repeat_when_several_were_refused_then_they_come_one_after_the_other(void **state)
{
    (void)state;
    for (int i = 0; i < 5; i++)
        assert_true(reserve(ask_for(name_of(i), 1), owner_of(i)));
    learn("too many new orders (300) from this account in the last 3h0m0s", NULL, MS_HOUR,
          name_of(0), 1);
    for (int i = 0; i < 5; i++)
        assert_int_equal(repeat(owner_of(i), false).at_ms,
                         house_now(&house) + MS_HOUR + i * 36 * MS_SECOND);
    clock_manual_advance(&fixture_clock, MS_HOUR);
    assert_true(repeat("order:0", false).may);
    assert_false(repeat("order:1", false).may);
}

static void test_registrations_when_ten_were_made_then_the_eleventh_waits(void **state)
{
    (void)state;
    struct err err = {0};
    for (int i = 0; i < 11; i++) {
        must(store_begin(house.store, &err), &err);
        must(ledger_reserve_registration(&house, LE, owner_of(i), &answer, &err), &err);
        must(ledger_settle(&house, owner_of(i), LEDGER_ORDERED, &err), &err);
        must(store_commit(house.store, &err), &err);
        assert_int_equal(answer.may, i < 10);
    }
    assert_string_equal(answer.limit, "registrations");
    assert_int_equal(answer.at_ms, house_now(&house) + 18 * MS_MINUTE);
}

static void test_sweep_when_an_order_ended_unheard_then_its_reservation_counts_as_spent(
    void **state)
{
    (void)state;
    struct err err = {0};
    assert_true(reserve(ask_for(shop, 2), "set:shop"));
    must(store_begin(house.store, &err), &err);
    must(ledger_sweep(&house, &err), &err);
    must(store_commit(house.store, &err), &err);
    assert_int_equal(sql_int(-1, "SELECT count(*) FROM ledger_reservation"), 0);
    assert_int_equal(sql_int(-1, "SELECT count(*) FROM ledger_bucket"), 3);
    clock_manual_advance(&fixture_clock, 8 * MS_DAY);
    must(store_begin(house.store, &err), &err);
    must(ledger_sweep(&house, &err), &err);
    must(store_commit(house.store, &err), &err);
    assert_int_equal(sql_int(-1, "SELECT count(*) FROM ledger_bucket"), 0);
}

static bool entry_count(void *arg, const struct ledger_entry *e)
{
    int *n = arg;
    n[0]++;
    if (e->limit == CA_LIMIT_DOMAIN) {
        assert_string_equal(e->subject, "example.com");
        assert_int_equal(e->rate.count, 50);
        assert_int_equal(e->left, 48);
        assert_int_equal(e->left_ordinary, 43);
        assert_int_equal(e->n_reserved, 1);
        assert_int_equal(e->full_at_ms, house_now(&house) + 7 * MS_DAY / 50);
        n[1]++;
    }
    return true;
}

static void test_each_when_used_and_reserved_then_every_bucket_once(void **state)
{
    static const char *const other[] = {"other.example.com"};
    (void)state;
    struct err err = {0};
    int n[2] = {0};
    assert_true(reserve(ask_for(shop, 2), "order:1"));
    settle("order:1", LEDGER_ISSUED);
    assert_true(reserve(ask_for(other, 1), "order:2"));
    must(ledger_each(&house, entry_count, n, &err), &err);
    assert_int_equal(n[0], 4);
    assert_int_equal(n[1], 1);
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
        T(test_many_waiting_when_refused_then_the_gap_between_them_is_told),
        T(test_addresses_when_asked_then_v4_alone_and_v6_by_its_64),
        T(test_learn_when_the_ca_says_which_limit_then_only_that_one_is_closed),
        T(test_learn_when_failed_authorizations_are_named_then_the_name_is_closed),
        T(test_learn_when_nothing_is_told_then_the_account_for_an_hour_and_not_for_who_is_in_need),
        T(test_failures_when_five_in_an_hour_then_the_name_waits_whatever_order_it_stands_in),
        T(test_failures_in_a_row_when_one_is_given_then_they_are_forgotten),
        T(test_repeat_when_the_answer_was_lost_then_each_newOrder_counts),
        T(test_repeat_when_several_were_refused_then_they_come_one_after_the_other),
        T(test_registrations_when_ten_were_made_then_the_eleventh_waits),
        T(test_sweep_when_an_order_ended_unheard_then_its_reservation_counts_as_spent),
        T(test_each_when_used_and_reserved_then_every_bucket_once),
        T(test_row_when_written_by_a_clock_that_was_ahead_then_it_costs_one_period_at_most),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
