/* SEES: base */
#include "base/gcra.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

enum { N_TAKEN = 4000 };

/* Takes as early as it may, over and over; every stretch of the period between two of them is counted. */
static int64_t most_in_a_period(struct gcra g, int64_t period, size_t n, int64_t *at)
{
    int64_t full_at = 0, now = 1000000, most = 0;
    for (size_t i = 0; i < n; i++) {
        now = gcra_at(&g, full_at, now, 1);
        at[i] = now;
        full_at = gcra_take(&g, full_at, now, 1);
    }
    for (size_t i = 0, k = 0; k < n; k++) {
        while (at[k] - at[i] >= period)
            i++;
        if ((int64_t)(k - i + 1) > most)
            most = (int64_t)(k - i + 1);
    }
    return most;
}

static void test_window_when_taken_as_early_as_possible_then_no_period_holds_more(void **state)
{
    static const int64_t rates[][2] = {{1, 10},     {2, 10},         {5, 3600},
                                       {20, 60000}, {300, 10800000}, {7, 11}};
    static int64_t at[N_TAKEN];
    (void)state;
    for (size_t i = 0; i < sizeof rates / sizeof rates[0]; i++) {
        int64_t most =
            most_in_a_period(gcra_window(rates[i][0], rates[i][1]), rates[i][1], N_TAKEN, at);
        assert_true(most <= rates[i][0]);
        assert_true(most >= (rates[i][0] + 1) / 2);
    }
}

/* The bucket as it is described: tokens that drip in. Every take that our number allows finds a token in it, and no later than it is there. */
static void test_bucket_when_compared_with_dripping_tokens_then_never_ahead_of_them(void **state)
{
    struct gcra g = gcra_bucket(50, 7LL * 86400000);
    int64_t full_at = 0, now = 5000, last = 5000, refill = 0, tokens = 50;
    (void)state;
    assert_int_equal(g.gap, 12096000);
    srand(11);
    for (int i = 0; i < 3000; i++) {
        now += rand() % 5 == 0 ? rand() % (40 * 3600000) : rand() % 9000000;
        refill += now - last;
        last = now;
        for (; refill >= 12096000 && tokens < 50; refill -= 12096000)
            tokens++;
        if (tokens == 50)
            refill = 0;
        assert_int_equal(gcra_left(&g, full_at, now), tokens);
        assert_int_equal(gcra_at(&g, full_at, now, 1) <= now, tokens > 0);
        if (tokens == 0)
            assert_int_equal(gcra_at(&g, full_at, now, 1), now + 12096000 - refill);
        if (tokens > 0) {
            full_at = gcra_take(&g, full_at, now, 1);
            tokens--;
        }
    }
}

static void test_at_when_several_wait_then_each_has_its_own_instant(void **state)
{
    struct gcra g = gcra_bucket(3, 30);
    (void)state;
    int64_t full_at = gcra_take(&g, 0, 100, 3);
    assert_int_equal(full_at, 130);
    assert_int_equal(gcra_at(&g, full_at, 100, 1), 110);
    assert_int_equal(gcra_at(&g, full_at, 100, 2), 120);
    assert_int_equal(gcra_at(&g, full_at, 100, 5), 150);
    assert_int_equal(gcra_at(&g, 0, 100, 3), 100);
    assert_int_equal(gcra_at(&g, 0, 100, 4), 110);
}

static void test_closed_when_the_instant_comes_then_exactly_one_may_go(void **state)
{
    struct gcra g = gcra_bucket(5, 50), unknown = {.burst = 1};
    (void)state;
    int64_t full_at = gcra_closed(&g, 700);
    assert_int_equal(gcra_at(&g, full_at, 100, 1), 700);
    assert_int_equal(gcra_left(&g, full_at, 699), 0);
    assert_int_equal(gcra_left(&g, full_at, 700), 1);
    assert_int_equal(gcra_left(&g, full_at, 710), 2);
    full_at = gcra_closed(&unknown, 700);
    assert_int_equal(gcra_at(&unknown, full_at, 100, 9), 700);
    assert_int_equal(gcra_left(&unknown, full_at, 699), 0);
    assert_int_equal(gcra_left(&unknown, full_at, 700), INT64_MAX);
}

static void test_bucket_when_the_period_cannot_be_divided_then_the_gap_is_rounded_up(void **state)
{
    (void)state;
    assert_int_equal(gcra_bucket(30000, 1000).gap, 1);
    assert_int_equal(gcra_bucket(7, 100).gap, 15);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_window_when_taken_as_early_as_possible_then_no_period_holds_more),
        cmocka_unit_test(test_bucket_when_compared_with_dripping_tokens_then_never_ahead_of_them),
        cmocka_unit_test(test_at_when_several_wait_then_each_has_its_own_instant),
        cmocka_unit_test(test_closed_when_the_instant_comes_then_exactly_one_may_go),
        cmocka_unit_test(test_bucket_when_the_period_cannot_be_divided_then_the_gap_is_rounded_up),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
