/* SEES: base crypto io store config acme dns-providers inventory authority */
#include "authority/account_hold.h"

#include "house_fixture.h"

/* Holds as rows: begun once, told once, ended by settings or by a person. */

static const struct authority_config *one(void)
{
    return &house.config->authorities[0];
}

static void hold_put(enum account_hold_reason reason)
{
    struct err err = {0};
    struct account_hold hold = {.reason = reason, .failure = mem_strdup("it says no")};
    must(account_hold_begin(&house, one(), one()->directory, &hold, &err), &err);
    account_hold_fini(&hold);
}

static enum account_hold_reason hold_now(void)
{
    struct err err = {0};
    struct account_hold hold = {0};
    must(account_hold_find(&house, one(), one()->directory, &hold, &err), &err);
    enum account_hold_reason reason = hold.reason;
    account_hold_fini(&hold);
    return reason;
}

static bool any_is_stale(void)
{
    struct err err = {0};
    bool stale = false;
    must(account_holds_are_stale(&house, &stale, &err), &err);
    return stale;
}

static void authority_put(const char *settings)
{
    AUTO(mem_fini)
    char *yaml =
        mem_printf("store: sqlite:c.db\nseal: file:seal.key\nauthorities:\n"
                   "  one: {directory: https://one.example/dir%s}\n"
                   "providers:\n  corp: {type: exec, zones: [example.com], argv: [/bin/true]}\n",
                   settings);
    scratch_put("chancery.yaml", yaml, 0644);
    config_again();
}

static void test_hold_when_begun_twice_then_told_once_and_again_for_another_reason(void **state)
{
    (void)state;
    assert_int_equal(hold_now(), ACCOUNT_HOLD_NONE);
    hold_put(ACCOUNT_HOLD_TERMS);
    hold_put(ACCOUNT_HOLD_TERMS);
    assert_int_equal(hold_now(), ACCOUNT_HOLD_TERMS);
    assert_int_equal(sql_int(0, "SELECT count(*) FROM event WHERE event = 'account.terms'"), 1);
    hold_put(ACCOUNT_HOLD_DEACTIVATED);
    assert_int_equal(hold_now(), ACCOUNT_HOLD_DEACTIVATED);
    assert_int_equal(sql_int(0, "SELECT count(*) FROM event WHERE event = 'account.deactivated'"),
                     1);
}

static void test_hold_when_ended_then_what_waited_is_due(void **state)
{
    (void)state;
    struct err err = {0};
    struct register_result result;
    set_put("shop", "names: [www.example.com]\n");
    set_put("fine", "names: [fine.example.com]\n");
    must(register_refresh(&house, &result, &err), &err);
    int64_t later_ms = house_now(&house) + MS_DAY;
    must(store_begin(house.store, &err), &err);
    must(register_schedule(&house, "shop", later_ms, "held", &err), &err);
    must(register_schedule(&house, "fine", later_ms, "due", &err), &err);
    must(store_commit(house.store, &err), &err);
    hold_put(ACCOUNT_HOLD_BINDING);
    must(account_hold_end(&house, one(), one()->directory, "bound", &err), &err);
    must(account_hold_end(&house, one(), one()->directory, "bound", &err), &err);
    assert_int_equal(hold_now(), ACCOUNT_HOLD_NONE);
    assert_int_equal(sql_int(0, "SELECT count(*) FROM event WHERE event = 'account.resumed'"), 1);
    assert_int_equal(sql_int(0, "SELECT next_at_ms FROM domain_set WHERE name = 'shop'"),
                     house_now(&house));
    assert_int_equal(sql_int(0, "SELECT next_at_ms FROM domain_set WHERE name = 'fine'"), later_ms);
}

static void test_hold_when_settings_change_then_over_unless_it_was_deactivated(void **state)
{
    (void)state;
    static const struct {
        enum account_hold_reason reason;
        bool ends;
    } cases[] = {{ACCOUNT_HOLD_TERMS, true},  {ACCOUNT_HOLD_BINDING, true},
                 {ACCOUNT_HOLD_LOST, true},   {ACCOUNT_HOLD_REFUSED, true},
                 {ACCOUNT_HOLD_SECRET, true}, {ACCOUNT_HOLD_DEACTIVATED, false}};
    struct err err = {0};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        authority_put("");
        hold_put(cases[i].reason);
        assert_false(any_is_stale());
        must(account_holds_mend(&house, &err), &err);
        assert_int_equal(hold_now(), cases[i].reason);
        authority_put(", contact: ['mailto:a@example.com']");
        assert_int_equal(any_is_stale(), cases[i].ends);
        must(account_holds_mend(&house, &err), &err);
        assert_int_equal(hold_now(), cases[i].ends ? ACCOUNT_HOLD_NONE : cases[i].reason);
    }
}

static void test_hold_when_its_binding_is_read_from_elsewhere_then_another_account(void **state)
{
    (void)state;
    authority_put(", eab: {kid: 'file:k1', key: 'file:m'}");
    hold_put(ACCOUNT_HOLD_BINDING);
    authority_put(", eab: {kid: 'file:k2', key: 'file:m'}");
    assert_int_equal(hold_now(), ACCOUNT_HOLD_NONE);
    assert_true(any_is_stale());
}

static void test_hold_when_its_row_has_an_unknown_reason_then_it_still_holds(void **state)
{
    (void)state;
    hold_put(ACCOUNT_HOLD_TERMS);
    sql_run("UPDATE account_hold SET reason = 'of-a-later-version'");
    assert_int_equal(hold_now(), ACCOUNT_HOLD_REFUSED);
}

static void test_hold_when_told_then_a_persons_matter(void **state)
{
    (void)state;
    struct err err = {0};
    struct account_hold hold = {.reason = ACCOUNT_HOLD_TERMS, .failure = mem_strdup("new terms")};
    assert_false(account_hold_err(&hold, "one", &err));
    assert_int_equal(err.kind, ERR_DENIED);
    assert_int_equal(err.class, CLASS_HUMAN);
    assert_string_equal(err.text, "authority one: new terms");
    account_hold_fini(&hold);
}

int main(void)
{
#define HOUSE_TEST(f) cmocka_unit_test_setup_teardown(f, house_make, house_remove)
    const struct CMUnitTest tests[] = {
        HOUSE_TEST(test_hold_when_begun_twice_then_told_once_and_again_for_another_reason),
        HOUSE_TEST(test_hold_when_ended_then_what_waited_is_due),
        HOUSE_TEST(test_hold_when_settings_change_then_over_unless_it_was_deactivated),
        HOUSE_TEST(test_hold_when_its_binding_is_read_from_elsewhere_then_another_account),
        HOUSE_TEST(test_hold_when_its_row_has_an_unknown_reason_then_it_still_holds),
        HOUSE_TEST(test_hold_when_told_then_a_persons_matter),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
