/* SEES: base inventory */
#include "inventory/asks.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static const char *const two[] = {"a", "b", NULL};

static size_t count(const struct asks *asks, unsigned part, size_t *cursor)
{
    size_t n = 0;
    while (asks_next(asks, part, cursor) != NULL)
        n++;
    return n;
}

static void test_asks_when_all_is_asked_for_then_every_set_is_wanted_and_none_by_hand(void **state)
{
    (void)state;
    struct asks *asks = asks_new(NULL, ASK_RENEW, false, false, false);
    assert_true(asks_want_all(asks, ASK_RENEW));
    assert_true(asks_want(asks, ASK_RENEW, "x"));
    assert_false(asks_want(asks, ASK_DELIVER, "x"));
    assert_false(asks_by_hand(asks, "x"));
    assert_null(asks_own(asks));
    assert_true(asks_is_own(asks, "x"));
    asks_free(asks);
}

static void test_asks_when_sets_are_named_then_flags_are_theirs_alone(void **state)
{
    (void)state;
    struct asks *asks = asks_new(two, ASK_RENEW | ASK_DELIVER, false, false, false);
    struct ask more = {.set = "c", .parts = ASK_RENEW | ASK_DELIVER, .forced = true, .id = 7};
    asks_add(asks, &more);
    assert_true(asks_want(asks, ASK_RENEW, "a"));
    assert_true(asks_want(asks, ASK_RENEW, "c"));
    assert_false(asks_want(asks, ASK_RENEW, "d"));
    assert_false(asks_by_hand(asks, "a"));
    assert_true(asks_by_hand(asks, "c"));
    assert_true(asks_force(asks, ASK_RENEW, "c"));
    /* A forced renewal delivers what is new; it does not deliver again what is old. */
    assert_false(asks_force(asks, ASK_DELIVER, "c"));
    assert_false(asks_is_own(asks, "c"));
    asks_drop(asks, 7);
    assert_false(asks_want(asks, ASK_RENEW, "c"));
    assert_true(asks_want(asks, ASK_RENEW, "b"));
    asks_free(asks);
}

static void test_asks_when_one_is_added_then_each_cursor_sees_it_once(void **state)
{
    (void)state;
    struct asks *asks = asks_new(two, ASK_RENEW, false, false, false);
    struct ask more = {.set = "c", .parts = ASK_DELIVER, .forced = true, .id = 7};
    size_t renewal = 0, delivery = 0;
    assert_int_equal(count(asks, ASK_RENEW, &renewal), 2);
    asks_add(asks, &more);
    assert_int_equal(count(asks, ASK_RENEW, &renewal), 0);
    assert_int_equal(count(asks, ASK_DELIVER, &delivery), 1);
    assert_int_equal(count(asks, ASK_DELIVER, &delivery), 0);
    assert_true(asks_force(asks, ASK_DELIVER, "c"));
    asks_free(asks);
}

static void test_asks_when_a_request_is_carried_out_then_the_run_lasts_as_long(void **state)
{
    (void)state;
    struct asks *asks = asks_new(two, ASK_RENEW, false, false, false);
    struct ask more = {.set = "a", .parts = ASK_RENEW, .retries = true, .id = 7};
    assert_false(asks_lasts(asks));
    asks_add(asks, &more);
    assert_true(asks_lasts(asks));
    assert_true(asks_retry(asks, "a"));
    asks_drop(asks, 7);
    assert_false(asks_lasts(asks));
    assert_false(asks_retry(asks, "a"));
    assert_true(asks_want(asks, ASK_RENEW, "a"));
    asks_free(asks);
}

#define T(name) cmocka_unit_test(name)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(test_asks_when_all_is_asked_for_then_every_set_is_wanted_and_none_by_hand),
        T(test_asks_when_sets_are_named_then_flags_are_theirs_alone),
        T(test_asks_when_one_is_added_then_each_cursor_sees_it_once),
        T(test_asks_when_a_request_is_carried_out_then_the_run_lasts_as_long),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
