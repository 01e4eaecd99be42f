/* SEES: base crypto acme */
#include "acme/exchange.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define NOW INT64_C(1893456000000) /* Tue, 01 Jan 2030 00:00:00 GMT */

static int64_t wait_ms(const char *text)
{
    int64_t at_ms = 0;
    if (!retry_after_parse(str_of(text), NOW, MS_DAY, &at_ms))
        return -1;
    return at_ms - NOW;
}

static void test_retry_after_when_seconds_then_from_now(void **state)
{
    (void)state;
    assert_int_equal(wait_ms("3"), 3000);
    assert_int_equal(wait_ms("0"), 0);
    assert_int_equal(wait_ms("00120"), 120000);
    assert_int_equal(wait_ms(" 10 "), 10000);
}

static void test_retry_after_when_http_date_then_the_instant(void **state)
{
    (void)state;
    assert_int_equal(wait_ms("Tue, 01 Jan 2030 00:01:00 GMT"), MS_MINUTE);
    assert_int_equal(wait_ms("Tuesday, 01-Jan-30 00:01:00 GMT"), MS_MINUTE);
    assert_int_equal(wait_ms("Tue Jan  1 00:01:00 2030"), MS_MINUTE);
}

static void test_retry_after_when_past_then_now(void **state)
{
    (void)state;
    assert_int_equal(wait_ms("Mon, 31 Dec 2029 23:00:00 GMT"), 0);
    assert_int_equal(wait_ms("Thu, 01 Jan 1970 00:00:00 GMT"), 0);
}

static void test_retry_after_when_absurd_then_capped(void **state)
{
    (void)state;
    assert_int_equal(wait_ms("86401"), MS_DAY);
    assert_int_equal(wait_ms("9223372036854775807"), MS_DAY);
    assert_int_equal(wait_ms("99999999999999999999999999999"), MS_DAY);
    assert_int_equal(wait_ms("Fri, 31 Dec 9999 23:59:59 GMT"), MS_DAY);
}

static void test_retry_after_when_not_understood_then_says_so(void **state)
{
    (void)state;
    const char *const texts[] = {"",
                                 "-1",
                                 "+5",
                                 "1.5",
                                 "soon",
                                 "5s",
                                 "0x10",
                                 "1e3",
                                 "1, 2",
                                 "NaN",
                                 "Tue, 32 Jan 2030 00:00:00 GMT"};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
        assert_int_equal(wait_ms(texts[i]), -1);
}

static void test_retry_after_when_refused_then_output_untouched(void **state)
{
    (void)state;
    int64_t at_ms = 42;
    assert_false(retry_after_parse(STR("soon"), NOW, MS_DAY, &at_ms));
    assert_int_equal(at_ms, 42);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_retry_after_when_seconds_then_from_now),
        cmocka_unit_test(test_retry_after_when_http_date_then_the_instant),
        cmocka_unit_test(test_retry_after_when_past_then_now),
        cmocka_unit_test(test_retry_after_when_absurd_then_capped),
        cmocka_unit_test(test_retry_after_when_not_understood_then_says_so),
        cmocka_unit_test(test_retry_after_when_refused_then_output_untouched),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
