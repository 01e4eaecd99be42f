/* SEES: base */
#include "base/buf.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define assert_str(s, literal)                                                                     \
    do {                                                                                           \
        struct str s_ = (s);                                                                       \
        assert_int_equal(s_.len, sizeof(literal) - 1);                                             \
        assert_memory_equal(s_.p, literal, s_.len);                                                \
    } while (0)

static void test_str_comparisons_when_empty_null_or_different_then_as_bytes_say(void **state)
{
    (void)state;
    assert_true(str_eq(STR_NONE, STR("")));
    assert_true(str_eq(str_of(NULL), STR_NONE));
    assert_false(str_eq(STR("a"), STR("A")));
    assert_false(str_eq(STR("a\0b"), STR("a\0c")));
    assert_true(str_eq_nocase(STR("ExAmple.COM"), STR("example.com")));
    assert_false(str_eq_nocase(STR("[\\]"), STR("{|}")));          /* 0x20 apart, yet no letters */
    assert_false(str_eq_nocase(STR("\xc3\x89"), STR("\xc3\xa9"))); /* ASCII only */
    assert_int_equal(str_cmp(STR("a"), STR("b")), -1);
    assert_int_equal(str_cmp(STR("ab"), STR("a")), 1);
    assert_int_equal(str_cmp(STR_NONE, STR("")), 0);
    assert_int_equal(str_cmp(STR("\xff"), STR("a")), 1); /* bytes are unsigned */
}

static void test_str_affixes_when_longer_than_text_then_false(void **state)
{
    (void)state;
    assert_true(str_starts(STR("abc"), STR("ab")));
    assert_true(str_starts(STR("abc"), STR("")));
    assert_false(str_starts(STR("ab"), STR("abc")));
    assert_true(str_ends(STR("abc"), STR("bc")));
    assert_true(str_ends(STR_NONE, STR("")));
    assert_false(str_ends(STR("bc"), STR("abc")));
}

static void test_str_find_when_absent_then_length(void **state)
{
    (void)state;
    assert_int_equal(str_find_char(STR("a.b.c"), '.'), 1);
    assert_int_equal(str_find_char(STR("abc"), '.'), 3);
    assert_int_equal(str_find_char(STR_NONE, '.'), 0);
    assert_int_equal(str_find(STR("abcabd"), STR("abd")), 3);
    assert_int_equal(str_find(STR("abc"), STR("")), 0);
    assert_int_equal(str_find(STR("ab"), STR("abc")), 2);
    assert_int_equal(str_find(str_mem("abcabd", 5), STR("abd")), 5);
}

static void test_str_trim_when_blank_on_both_ends_then_gone(void **state)
{
    (void)state;
    assert_str(str_trim(STR(" \t\r\n a b \n")), "a b");
    assert_str(str_trim(STR(" \n\t")), "");
    assert_int_equal(str_trim(STR_NONE).len, 0);
}

static void test_str_split_when_separators_at_ends_then_empty_pieces(void **state)
{
    (void)state;
    struct str rest = STR(",a,,b,"), piece;
    assert_true(str_split(&rest, ',', &piece));
    assert_str(piece, "");
    assert_true(str_split(&rest, ',', &piece));
    assert_str(piece, "a");
    assert_true(str_split(&rest, ',', &piece));
    assert_str(piece, "");
    assert_true(str_split(&rest, ',', &piece));
    assert_str(piece, "b");
    assert_true(str_split(&rest, ',', &piece));
    assert_str(piece, "");
    piece = STR("kept");
    assert_false(str_split(&rest, ',', &piece));
    assert_str(piece, "kept");
    rest = STR("");
    assert_true(str_split(&rest, ',', &piece));
    assert_false(str_split(&rest, ',', &piece));
    rest = STR_NONE;
    assert_false(str_split(&rest, ',', &piece));
}

static void test_str_to_i64_when_at_the_bounds_then_exact(void **state)
{
    (void)state;
    int64_t v = 0;
    assert_true(str_to_i64(STR("9223372036854775807"), &v));
    assert_true(v == INT64_MAX);
    assert_true(str_to_i64(STR("-9223372036854775808"), &v));
    assert_true(v == INT64_MIN);
    assert_true(str_to_i64(STR("-0"), &v));
    assert_true(v == 0);
    assert_true(str_to_i64(STR("007"), &v));
    assert_true(v == 7);
}

static void test_str_to_i64_when_not_a_number_then_refused_and_value_kept(void **state)
{
    (void)state;
    static const char *const bad[] = {"",
                                      "-",
                                      "+1",
                                      " 1",
                                      "1 ",
                                      "1a",
                                      "--1",
                                      "1-",
                                      "0x10",
                                      "1.0",
                                      "1e3",
                                      "9223372036854775808",
                                      "-9223372036854775809",
                                      "99999999999999999999"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        int64_t v = 42;
        assert_false(str_to_i64(str_of(bad[i]), &v));
        assert_true(v == 42);
    }
    int64_t v;
    assert_false(str_to_i64(STR("1\0"), &v));
    assert_false(str_to_i64(STR_NONE, &v));
}

static void test_buf_when_empty_then_reads_as_empty_text(void **state)
{
    (void)state;
    AUTO(buf_fini)
    struct buf b = BUF(10);
    assert_string_equal(buf_cstr(&b), "");
    assert_int_equal(buf_str(&b).len, 0);
    char *taken = buf_take(&b);
    assert_string_equal(taken, "");
    mem_free(taken);
    buf_cut(&b, 0);
    buf_clear(&b);
    buf_fini(NULL);
}

static void test_buf_when_filled_to_the_ceiling_then_no_overflow(void **state)
{
    (void)state;
    AUTO(buf_fini)
    struct buf b = BUF(5);
    buf_add_cstr(&b, "abc");
    buf_printf(&b, "%d", 45);
    assert_false(b.overflow);
    assert_string_equal(buf_cstr(&b), "abc45");
    buf_add(&b, "", 0);
    assert_false(b.overflow);
    buf_add_char(&b, '!');
    assert_true(b.overflow);
    assert_string_equal(buf_cstr(&b), "abc45");
}

static void test_buf_when_overflowed_then_later_writes_do_nothing(void **state)
{
    (void)state;
    AUTO(buf_fini)
    struct buf b = BUF(4);
    buf_add_cstr(&b, "ab");
    buf_printf(&b, "%s", "cde");
    assert_true(b.overflow);
    buf_add_char(&b, 'c');
    assert_string_equal(buf_cstr(&b), "ab");
    buf_clear(&b);
    assert_false(b.overflow);
    buf_add_cstr(&b, "wxyz");
    assert_string_equal(buf_cstr(&b), "wxyz");
    buf_add(&b, "x", SIZE_MAX); /* lengths must not wrap around */
    assert_true(b.overflow);
}

static void test_buf_when_grown_often_then_content_is_whole(void **state)
{
    (void)state;
    AUTO(buf_fini)
    struct buf b;
    buf_init(&b, 100000);
    for (int i = 0; i < 10000; i++)
        buf_printf(&b, "%04d,", i);
    assert_false(b.overflow);
    assert_int_equal(b.len, 50000);
    assert_memory_equal(b.p + 5 * 9999, "9999,", 6);
    buf_cut(&b, 9);
    assert_string_equal(buf_cstr(&b), "0000,0001");
    buf_cut(&b, 100); /* beyond the end: nothing */
    assert_int_equal(b.len, 9);
}

static void test_buf_take_when_taken_then_buffer_is_empty_with_same_ceiling(void **state)
{
    (void)state;
    AUTO(buf_fini)
    struct buf b = BUF(3);
    buf_add_cstr(&b, "abc");
    AUTO(mem_fini)
    char *taken = buf_take(&b);
    assert_string_equal(taken, "abc");
    assert_int_equal(b.len, 0);
    buf_add_cstr(&b, "defg");
    assert_true(b.overflow);
}

static void test_secret_when_made_then_terminated_and_compared(void **state)
{
    (void)state;
    struct secret a, b, c, none = {NULL, 0};
    secret_init(&a, "pass\0word", 9);
    secret_init(&b, "pass\0word", 9);
    secret_init(&c, "pass\0worD", 9);
    assert_int_equal(a.p[9], 0);
    assert_true(secret_eq(&a, &b));
    assert_false(secret_eq(&a, &c));
    assert_false(secret_eq(&a, &none));
    assert_true(secret_eq(&none, &none));
    assert_int_equal(secret_str(&a).len, 9);
    secret_fini(&a);
    assert_null(a.p);
    assert_int_equal(a.len, 0);
    secret_fini(&a);
    secret_fini(&b);
    secret_fini(&c);
    secret_fini(NULL);
}

static void test_secret_take_buf_when_taken_then_buffer_is_empty(void **state)
{
    (void)state;
    struct buf b = BUF(100);
    struct secret s;
    buf_add_cstr(&b, "hunter2");
    secret_take_buf(&s, &b);
    assert_str(secret_str(&s), "hunter2");
    assert_null(b.p);
    secret_fini(&s);
    secret_take_buf(&s, &b); /* also of nothing */
    assert_int_equal(s.len, 0);
    assert_non_null(s.p);
    secret_fini(&s);
}

static void test_mem_cleanse_when_called_then_zero(void **state)
{
    (void)state;
    char bytes[] = "secret";
    mem_cleanse(bytes, 3);
    assert_memory_equal(bytes, "\0\0\0ret", 6);
    mem_cleanse(NULL, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_str_comparisons_when_empty_null_or_different_then_as_bytes_say),
        cmocka_unit_test(test_str_affixes_when_longer_than_text_then_false),
        cmocka_unit_test(test_str_find_when_absent_then_length),
        cmocka_unit_test(test_str_trim_when_blank_on_both_ends_then_gone),
        cmocka_unit_test(test_str_split_when_separators_at_ends_then_empty_pieces),
        cmocka_unit_test(test_str_to_i64_when_at_the_bounds_then_exact),
        cmocka_unit_test(test_str_to_i64_when_not_a_number_then_refused_and_value_kept),
        cmocka_unit_test(test_buf_when_empty_then_reads_as_empty_text),
        cmocka_unit_test(test_buf_when_filled_to_the_ceiling_then_no_overflow),
        cmocka_unit_test(test_buf_when_overflowed_then_later_writes_do_nothing),
        cmocka_unit_test(test_buf_when_grown_often_then_content_is_whole),
        cmocka_unit_test(test_buf_take_when_taken_then_buffer_is_empty_with_same_ceiling),
        cmocka_unit_test(test_secret_when_made_then_terminated_and_compared),
        cmocka_unit_test(test_secret_take_buf_when_taken_then_buffer_is_empty),
        cmocka_unit_test(test_mem_cleanse_when_called_then_zero),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
