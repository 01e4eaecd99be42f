/* SEES: base crypto acme */
#include "acme/exchange.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#define NOW INT64_C(1893456000000)

static void assert_takes(struct nonce_pool *pool, int64_t now_ms, const char *expected)
{
    AUTO(mem_fini)
    char *nonce = nonce_pool_take(pool, now_ms);
    if (expected == NULL) {
        assert_null(nonce);
        return;
    }
    assert_non_null(nonce);
    assert_string_equal(nonce, expected);
}

static void test_pool_when_taken_then_newest_first_and_once(void **state)
{
    (void)state;
    struct nonce_pool *pool = nonce_pool_new();
    nonce_pool_put(pool, "old", NOW);
    nonce_pool_put(pool, "new", NOW + 1);
    nonce_pool_put(pool, NULL, NOW + 1);
    assert_int_equal(nonce_pool_len(pool), 2);
    assert_takes(pool, NOW + 2, "new");
    assert_takes(pool, NOW + 2, "old");
    assert_takes(pool, NOW + 2, NULL);
    nonce_pool_free(pool);
    nonce_pool_free(NULL);
}

static void test_pool_when_five_minutes_old_then_forgotten(void **state)
{
    (void)state;
    struct nonce_pool *pool = nonce_pool_new();
    nonce_pool_put(pool, "a", NOW);
    nonce_pool_put(pool, "b", NOW + MS_MINUTE);
    assert_takes(pool, NOW + 6 * MS_MINUTE - 1, "b");
    assert_takes(pool, NOW + 5 * MS_MINUTE, NULL);
    assert_int_equal(nonce_pool_len(pool), 0);
    nonce_pool_free(pool);
}

static void test_pool_when_clock_was_set_back_far_then_forgotten(void **state)
{
    (void)state;
    struct nonce_pool *pool = nonce_pool_new();
    nonce_pool_put(pool, "future", NOW);
    assert_takes(pool, NOW - MS_DAY, NULL);
    nonce_pool_put(pool, "near", NOW);
    assert_takes(pool, NOW - MS_SECOND, "near");
    nonce_pool_free(pool);
}

static void test_pool_when_full_then_the_oldest_go(void **state)
{
    (void)state;
    struct nonce_pool *pool = nonce_pool_new();
    for (int i = 0; i < 100; i++) {
        char nonce[16];
        snprintf(nonce, sizeof nonce, "n%d", i);
        nonce_pool_put(pool, nonce, NOW);
    }
    assert_int_equal(nonce_pool_len(pool), 64);
    for (int i = 99; i >= 36; i--) {
        char nonce[16];
        snprintf(nonce, sizeof nonce, "n%d", i);
        assert_takes(pool, NOW, nonce);
    }
    assert_takes(pool, NOW, NULL);
    nonce_pool_free(pool);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_pool_when_taken_then_newest_first_and_once),
        cmocka_unit_test(test_pool_when_five_minutes_old_then_forgotten),
        cmocka_unit_test(test_pool_when_clock_was_set_back_far_then_forgotten),
        cmocka_unit_test(test_pool_when_full_then_the_oldest_go),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
