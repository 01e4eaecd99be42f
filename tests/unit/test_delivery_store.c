/* SEES: base crypto io store config acme dns-providers inventory distribution */
/* Deliveries whose store fails while they are prepared: for a moment, or for longer. */
#include "deliver_case.h"

/* The store fails what asks this table, from after the commit until the next turn. */
static void turn_without(const char *table)
{
    char sql[128];
    turn_collect();
    snprintf(sql, sizeof sql, "ALTER TABLE %s RENAME TO aside", table);
    sql_run(sql);
    turn_act();
    snprintf(sql, sizeof sql, "ALTER TABLE aside RENAME TO %s", table);
    sql_run(sql);
}

static void is_delivered_after_a_turn_without(const char *table)
{
    target_with_version_1("web", "");
    version_bear("web", 40);
    deliver_open(NULL, false);
    turn_without(table);
    assert_false(turn_is_last());
    assert_int_equal(served_version("web"), 1);
    deliver_on();
    struct distribution_result result = deliver_result();
    assert_int_equal(result.n_failed, 0);
    assert_int_equal(result.n_done, 1);
    assert_int_equal(served_version("web"), 2);
    pair_fits("web");
    stage_is("web", "done");
    assert_int_equal(row_int("web", "n_tries"), 0);
    assert_int_equal(n_events("deploy.failed"), 0);
}

static void
test_delivery_when_the_set_cannot_be_read_for_a_moment_then_it_is_no_fault_of_the_target(
    void **state)
{
    (void)state;
    is_delivered_after_a_turn_without("domain_set");
}

static void test_delivery_when_the_certificate_cannot_be_read_for_a_moment_then_neither(
    void **state)
{
    (void)state;
    is_delivered_after_a_turn_without("certificate");
}

static void test_delivery_when_the_key_cannot_be_read_for_a_moment_then_neither(void **state)
{
    (void)state;
    is_delivered_after_a_turn_without("private_key");
}

static void test_delivery_when_the_key_cannot_be_read_twice_then_that_is_told(void **state)
{
    (void)state;
    target_with_version_1("web", "");
    version_bear("web", 40);
    deliver_open(NULL, false);
    turn_without("private_key");
    turn_without("private_key");
    deliver_on();
    assert_int_equal(deliver_result().n_failed, 1);
    assert_int_equal(served_version("web"), 1);
    stage_is("web", "waiting");
    assert_int_equal(n_events("deploy.failed"), 1);
    assert_non_null(strstr(said, "private_key"));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, deliver_make, deliver_remove)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(
            test_delivery_when_the_set_cannot_be_read_for_a_moment_then_it_is_no_fault_of_the_target),
        TEST(test_delivery_when_the_certificate_cannot_be_read_for_a_moment_then_neither),
        TEST(test_delivery_when_the_key_cannot_be_read_for_a_moment_then_neither),
        TEST(test_delivery_when_the_key_cannot_be_read_twice_then_that_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
