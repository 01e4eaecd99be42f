/* SEES: base crypto io store config acme dns-providers inventory */
#include "inventory/lifetime.h"
#include "inventory/register.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define BORN INT64_C(1893456000000) /* 2030-01-01 */

static struct lifetime at(int64_t life_ms, int64_t left_ms)
{
    return lifetime_of(BORN, BORN + life_ms, BORN + life_ms - left_ms);
}

static int64_t retry_ms(int64_t life_ms, int64_t left_ms, int64_t n_failures)
{
    struct lifetime life = at(life_ms, left_ms);
    return lifetime_retry_ms(&life, retry_ladder_ms(n_failures));
}

static int64_t patience_ms(int64_t life_ms, int64_t left_ms)
{
    struct lifetime life = at(life_ms, left_ms);
    return lifetime_patience_ms(&life);
}

static int64_t look_ms(int64_t life_ms, int64_t every_ms)
{
    struct lifetime life = at(life_ms, life_ms);
    return lifetime_look_ms(&life, every_ms);
}

static void test_life_when_dates_are_odd_then_within_bounds(void **state)
{
    (void)state;
    struct lifetime life = lifetime_of(BORN, BORN + MS_DAY, BORN + 2 * MS_DAY);
    assert_int_equal(life.left_ms, 0);
    life = lifetime_of(BORN, BORN + MS_DAY, BORN - 90 * MS_DAY);
    assert_int_equal(life.left_ms, MS_DAY);
    life = lifetime_of(BORN, BORN, BORN);
    assert_int_equal(life.life_ms, 0);
}

static void test_retry_when_the_life_is_long_then_the_ladder(void **state)
{
    (void)state;
    const int64_t days[] = {45, 64, 90, 398};
    for (size_t i = 0; i < sizeof days / sizeof days[0]; i++)
        for (int64_t n = 1; n < 10; n++) {
            assert_int_equal(retry_ms(days[i] * MS_DAY, days[i] * MS_DAY / 3, n),
                             retry_ladder_ms(n));
            /* Also on the last day. */
            assert_int_equal(retry_ms(90 * MS_DAY, MS_HOUR, n), retry_ladder_ms(n));
        }
}

static void test_retry_when_the_life_is_short_then_several_tries_fit_in(void **state)
{
    (void)state;
    assert_int_equal(retry_ms(160 * MS_HOUR, 80 * MS_HOUR, 1), MS_MINUTE);
    assert_int_equal(retry_ms(160 * MS_HOUR, 80 * MS_HOUR, 9), 20 * MS_HOUR);
    assert_int_equal(retry_ms(24 * MS_HOUR, 12 * MS_HOUR, 3), 100 * MS_MINUTE);
    assert_int_equal(retry_ms(24 * MS_HOUR, 12 * MS_HOUR, 9), 3 * MS_HOUR);
    assert_int_equal(retry_ms(24 * MS_HOUR, 0, 9), 36 * MS_MINUTE);
    assert_int_equal(retry_ms(10 * MS_MINUTE, 5 * MS_MINUTE, 9), 75 * MS_SECOND);
    assert_int_equal(retry_ms(10 * MS_MINUTE, 0, 9), MS_MINUTE);
}

static void test_patience_when_lives_differ_then_a_part_of_them(void **state)
{
    (void)state;
    struct lifetime none = {0};
    assert_true(lifetime_patience_ms(&none) == INT64_MAX);
    assert_true(patience_ms(90 * MS_DAY, MS_MINUTE) > MS_DAY);
    assert_int_equal(patience_ms(24 * MS_HOUR, 12 * MS_HOUR), 4 * MS_HOUR);
    assert_int_equal(patience_ms(24 * MS_HOUR, MS_MINUTE), 144 * MS_MINUTE);
    assert_int_equal(patience_ms(10 * MS_MINUTE, 5 * MS_MINUTE), 100 * MS_SECOND);
    assert_int_equal(patience_ms(10 * MS_MINUTE, 0), MS_MINUTE);
}

static void test_look_when_the_life_is_short_then_often(void **state)
{
    (void)state;
    struct lifetime none = {0};
    assert_int_equal(lifetime_look_ms(&none, MS_DAY), MS_DAY);
    assert_int_equal(look_ms(90 * MS_DAY, 6 * MS_HOUR), 6 * MS_HOUR);
    assert_int_equal(look_ms(160 * MS_HOUR, 6 * MS_HOUR), 6 * MS_HOUR);
    assert_int_equal(look_ms(24 * MS_HOUR, 6 * MS_HOUR), 72 * MS_MINUTE);
    assert_int_equal(look_ms(10 * MS_MINUTE, 6 * MS_HOUR), MS_MINUTE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_life_when_dates_are_odd_then_within_bounds),
        cmocka_unit_test(test_retry_when_the_life_is_long_then_the_ladder),
        cmocka_unit_test(test_retry_when_the_life_is_short_then_several_tries_fit_in),
        cmocka_unit_test(test_patience_when_lives_differ_then_a_part_of_them),
        cmocka_unit_test(test_look_when_the_life_is_short_then_often),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
