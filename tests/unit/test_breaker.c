/* SEES: base crypto io store config acme dns-providers inventory authority */
#include "authority/breaker.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

enum { NOW = 1000000000 };

static void faults(struct breaker *b, int n, int64_t at_ms)
{
    for (int i = 0; i < n; i++)
        breaker_fault(b, at_ms + i * 10, at_ms + i * 10 + 5, 0, "refused");
}

static void test_breaker_when_three_faults_in_a_row_then_open_until_the_first_success(void **state)
{
    (void)state;
    struct breaker b = {0};
    faults(&b, 2, NOW);
    assert_int_equal(breaker_look(&b, NOW), BREAKER_CLOSED);
    breaker_success(&b, false);
    faults(&b, 2, NOW + 100);
    assert_int_equal(breaker_look(&b, NOW + 200), BREAKER_CLOSED);
    faults(&b, 1, NOW + 200);
    assert_int_equal(breaker_look(&b, NOW + 300), BREAKER_OPEN);
    assert_true(b.has_turned);
    breaker_success(&b, false);
    assert_int_equal(breaker_look(&b, NOW + 300), BREAKER_CLOSED);
    breaker_fini(&b);
}

static void test_breaker_when_a_hundred_fly_together_then_their_loss_is_one_fault(void **state)
{
    (void)state;
    struct breaker b = {0};
    for (int i = 0; i < 100; i++)
        breaker_fault(&b, NOW, NOW + 50 + i, 0, "reset");
    assert_int_equal(breaker_look(&b, NOW + 200), BREAKER_CLOSED);
    breaker_fini(&b);
}

static void test_breaker_when_silent_twice_then_open(void **state)
{
    (void)state;
    struct breaker b = {0};
    breaker_fault(&b, NOW, NOW + 15000, 0, "silence");
    assert_true(b.hangs);
    assert_int_equal(breaker_look(&b, NOW + 15000), BREAKER_CLOSED);
    breaker_fault(&b, NOW + 16000, NOW + 31000, 0, "silence");
    assert_int_equal(breaker_look(&b, NOW + 31000), BREAKER_OPEN);
    breaker_fini(&b);
}

static void test_breaker_when_its_time_is_over_then_one_probes_and_the_time_grows(void **state)
{
    (void)state;
    struct breaker b = {0};
    int64_t now_ms = NOW;
    for (int64_t wait_ms = BREAKER_FIRST_MS; wait_ms < BREAKER_MOST_MS; wait_ms *= 2) {
        if (now_ms == NOW)
            breaker_trip(&b, now_ms, "dead");
        else
            breaker_fault(&b, now_ms, now_ms, 0, "dead");
        assert_int_equal(breaker_ask(&b, now_ms + wait_ms - 1), BREAKER_OPEN);
        now_ms += wait_ms;
        assert_int_equal(breaker_ask(&b, now_ms), BREAKER_PROBE);
        assert_int_equal(breaker_ask(&b, now_ms), BREAKER_WAIT);
    }
    assert_int_equal(breaker_ask(&b, now_ms + BREAKER_PROBE_MS), BREAKER_PROBE);
    breaker_fault(&b, now_ms, now_ms, now_ms + 365 * MS_DAY, "503 for a year");
    assert_int_equal(b.until_at_ms, now_ms + BREAKER_MOST_MS);
    breaker_success(&b, false);
    assert_int_equal(breaker_ask(&b, now_ms), BREAKER_CLOSED);
    assert_int_equal(b.n_opened, 0);
    breaker_fini(&b);
}

static void test_breaker_when_nonsense_then_only_an_order_that_is_taken_closes(void **state)
{
    (void)state;
    struct breaker b = {0};
    for (int i = 0; i < 3; i++) {
        breaker_success(&b, false);
        breaker_broken(&b, NOW + i, "HTML");
    }
    assert_int_equal(breaker_look(&b, NOW + 5), BREAKER_OPEN);
    breaker_success(&b, false);
    assert_int_equal(breaker_look(&b, NOW + 5), BREAKER_OPEN);
    breaker_success(&b, true);
    assert_int_equal(breaker_look(&b, NOW + 5), BREAKER_CLOSED);
    breaker_fini(&b);
}

static void test_breaker_when_its_clock_was_ahead_then_asked_now(void **state)
{
    (void)state;
    struct breaker b = {0};
    breaker_trip(&b, NOW + 365 * MS_DAY, "dead");
    assert_int_equal(breaker_look(&b, NOW), BREAKER_PROBE);
    breaker_fini(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_breaker_when_three_faults_in_a_row_then_open_until_the_first_success),
        cmocka_unit_test(test_breaker_when_a_hundred_fly_together_then_their_loss_is_one_fault),
        cmocka_unit_test(test_breaker_when_silent_twice_then_open),
        cmocka_unit_test(test_breaker_when_its_time_is_over_then_one_probes_and_the_time_grows),
        cmocka_unit_test(test_breaker_when_nonsense_then_only_an_order_that_is_taken_closes),
        cmocka_unit_test(test_breaker_when_its_clock_was_ahead_then_asked_now),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
