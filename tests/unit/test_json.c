/* SEES: base */
#include "base/json.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static struct json *parsed(const char *text)
{
    struct json *tree = NULL;
    struct err err = {0};
    if (!json_parse(str_of(text), JSON_SIZE_MAX, &tree, &err))
        fail_msg("%s: %s", text, err.text);
    return tree;
}

/* Refused as BROKEN, with `why` somewhere in the text, and the output untouched. */
static void assert_refused(struct str text, size_t max_len, const char *why)
{
    struct json *const untouched = (struct json *)(uintptr_t)16;
    struct json *tree = untouched;
    struct err err = {0};
    if (json_parse(text, max_len, &tree, &err))
        fail_msg("taken: %.*s", STR_ARG(text));
    assert_ptr_equal(tree, untouched);
    assert_int_equal(err.kind, ERR_BROKEN);
    if (strstr(err.text, why) == NULL)
        fail_msg("\"%s\" does not say \"%s\"", err.text, why);
}

static void assert_formats(const struct json *tree, const char *want)
{
    AUTO(buf_fini)
    struct buf out = BUF(JSON_SIZE_MAX);
    json_format(tree, &out, false);
    assert_string_equal(buf_cstr(&out), want);
}

/* ---- parsing what peers send ---- */

static void test_json_parse_when_any_value_on_top_then_taken(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        enum json_type type;
    } rows[] = {
        {"{}", JSON_OBJECT}, {" [1] ", JSON_ARRAY}, {"\"x\"", JSON_TEXT}, {"-5", JSON_INT},
        {"1.5", JSON_REAL},  {"true", JSON_BOOL},   {"false", JSON_BOOL}, {"null", JSON_NULL},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        AUTO(json_fini)
        struct json *tree = parsed(rows[i].text);
        assert_true(json_is(tree, rows[i].type));
        assert_int_equal(json_type(tree), rows[i].type);
    }
}

static void test_json_parse_when_syntax_is_wrong_then_broken_with_place(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "{",
        "}",
        "[1,]",
        "{\"a\":1,}",
        "{'a':1}",
        "{a:1}",
        "[1 2]",
        "nul",
        "\"abc",
        "01",
        "+1",
        "1.",
        ".5",
        "{} {}",
        "[\"\x01\"]",
        "[\"\xff\"]",
        "[\"\\ud800\"]",
        "\xef\xbb\xbf{}",
        "NaN",
        "// x\n{}",
        "[\"\\x41\"]",
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_refused(str_of(bad[i]), JSON_SIZE_MAX, "JSON, line 1 column");
    assert_refused(STR("{\n\n  oops"), JSON_SIZE_MAX, "line 3");
    assert_refused(STR(""), JSON_SIZE_MAX, "nothing");
    assert_refused(STR_NONE, JSON_SIZE_MAX, "nothing");
}

static void test_json_parse_when_key_comes_twice_then_broken(void **state)
{
    (void)state;
    assert_refused(STR("{\"status\":\"valid\",\"status\":\"invalid\"}"), JSON_SIZE_MAX,
                   "duplicate");
    assert_refused(STR("{\"a\":{\"b\":1,\"\\u0062\":2}}"), JSON_SIZE_MAX, "duplicate");
}

static void test_json_parse_when_nul_in_text_or_key_then_broken(void **state)
{
    (void)state;
    assert_refused(STR("{\"a\":\"x\\u0000y\"}"), JSON_SIZE_MAX, "\\u0000");
    assert_refused(STR("{\"x\\u0000y\":1}"), JSON_SIZE_MAX, "JSON");
    assert_refused(STR("{\"a\":\"x\0y\"}"), JSON_SIZE_MAX, "JSON");
    assert_refused(STR("{}\0"), JSON_SIZE_MAX, "JSON");
}

static void test_json_parse_when_size_is_capped_then_last_byte_decides(void **state)
{
    (void)state;
    struct json *tree = NULL;
    assert_true(json_parse(STR("[12345]"), 7, &tree, NULL));
    json_free(tree);
    assert_refused(STR("[12345]"), 6, "larger than 6");
    assert_refused(STR("[]"), 0, "larger than 0");
}

static void nest(struct buf *out, const char *open, const char *close, size_t depth)
{
    for (size_t i = 0; i < depth; i++)
        buf_add_cstr(out, open);
    for (size_t i = 0; i < depth; i++)
        buf_add_cstr(out, close);
}

static void test_json_parse_when_depth_is_at_the_cap_then_taken_and_one_more_refused(void **state)
{
    (void)state;
    AUTO(buf_fini)
    struct buf text = BUF(JSON_SIZE_MAX);
    nest(&text, "[", "]", JSON_DEPTH_MAX);
    json_free(parsed(buf_cstr(&text)));
    buf_clear(&text);
    nest(&text, "[", "]", JSON_DEPTH_MAX + 1);
    assert_refused(buf_str(&text), JSON_SIZE_MAX, "deeper than 32");
    buf_clear(&text);
    nest(&text, "{\"a\":", "}", JSON_DEPTH_MAX + 1);
    assert_refused(buf_str(&text), JSON_SIZE_MAX, "deeper than 32");
}

static void test_json_parse_when_depth_bomb_then_refused_before_the_parser_sees_it(void **state)
{
    (void)state;
    AUTO(buf_fini)
    struct buf text = BUF(JSON_SIZE_MAX);
    buf_add_cstr(&text, "[1,}"); /* the parser would complain of this first */
    for (size_t i = 0; i < 100000; i++)
        buf_add_char(&text, '[');
    assert_refused(buf_str(&text), JSON_SIZE_MAX, "deeper than 32");
}

static void test_json_parse_when_brackets_are_in_texts_then_they_do_not_count(void **state)
{
    (void)state;
    AUTO(buf_fini)
    struct buf text = BUF(JSON_SIZE_MAX);
    buf_add_cstr(&text, "{\"a\":\"\\\"");
    for (size_t i = 0; i < 100; i++)
        buf_add_cstr(&text, "[{");
    buf_add_cstr(&text, "\\\\\",\"b\":[[]]}");
    AUTO(json_fini)
    struct json *tree = parsed(buf_cstr(&text));
    assert_int_equal(strlen(json_text(tree, "a")), 202);
    /* After an escaped quote and backslash the scan must be outside again. */
    buf_cut(&text, text.len - 5);
    for (size_t i = 0; i < 40; i++)
        buf_add_char(&text, '[');
    assert_refused(buf_str(&text), JSON_SIZE_MAX, "deeper than 32");
}

static void test_json_parse_when_numbers_are_large_then_64_bits_hold_and_more_is_broken(
    void **state)
{
    (void)state;
    AUTO(json_fini)
    struct json *tree = parsed("{\"max\":9223372036854775807,\"min\":-9223372036854775808}");
    assert_true(json_int(tree, "max", 0) == INT64_MAX);
    assert_true(json_int(tree, "min", 0) == INT64_MIN);
    assert_refused(STR("[9223372036854775808]"), JSON_SIZE_MAX, "JSON");
    assert_refused(STR("[1e999]"), JSON_SIZE_MAX, "JSON");
}

static void test_json_parse_when_escapes_then_decoded(void **state)
{
    (void)state;
    AUTO(json_fini)
    struct json *tree = parsed("{\"t\":\"a\\n\\t\\\"\\\\\\/\\u00e9\\ud83d\\ude00\"}");
    assert_string_equal(json_text(tree, "t"), "a\n\t\"\\/\xc3\xa9\xf0\x9f\x98\x80");
}

/* ---- looking ---- */

static void test_json_look_when_absent_null_or_of_other_type_then_default(void **state)
{
    (void)state;
    AUTO(json_fini)
    struct json *tree =
        parsed("{\"t\":\"x\",\"i\":7,\"r\":7.0,\"b\":true,\"n\":null,\"a\":[1,\"two\"]}");
    assert_string_equal(json_text(tree, "t"), "x");
    assert_null(json_text(tree, "i"));
    assert_null(json_text(tree, "absent"));
    assert_int_equal(json_int(tree, "i", -1), 7);
    assert_int_equal(json_int(tree, "r", -1), -1);
    assert_int_equal(json_int(tree, "t", -1), -1);
    assert_true(json_bool(tree, "b", false));
    assert_true(json_bool(tree, "i", true));
    assert_false(json_bool(tree, "absent", false));
    assert_true(json_is(json_find(tree, "n"), JSON_NULL));
    assert_false(json_is(json_find(tree, "absent"), JSON_NULL));
    assert_int_equal(json_as_int(json_at(json_find(tree, "a"), 0), -1), 1);
    assert_string_equal(json_as_text(json_at(json_find(tree, "a"), 1)), "two");
    assert_null(json_at(json_find(tree, "a"), 2));
    assert_null(json_at(tree, 0));
    assert_int_equal(json_len(json_find(tree, "a")), 2);
    assert_int_equal(json_len(tree), 6);
    assert_int_equal(json_len(json_find(tree, "t")), 0);
}

static void test_json_look_when_tree_is_null_then_nothing(void **state)
{
    (void)state;
    const char *key;
    const struct json *value;
    void *position = NULL;
    assert_null(json_find(NULL, "x"));
    assert_null(json_text(NULL, "x"));
    assert_int_equal(json_int(NULL, "x", 3), 3);
    assert_true(json_bool(NULL, "x", true));
    assert_int_equal(json_len(NULL), 0);
    assert_null(json_at(NULL, 0));
    assert_null(json_as_text(NULL));
    assert_false(json_member(NULL, 0, &key, &value));
    assert_false(json_next(NULL, &position, &key, &value));
    assert_false(json_is(NULL, JSON_NULL));
    assert_null(json_copy(NULL));
    assert_true(json_equal(NULL, NULL));
    json_free(NULL);
    assert_formats(NULL, "null");
}

static void test_json_member_when_walked_then_stored_order(void **state)
{
    (void)state;
    AUTO(json_fini)
    struct json *tree = parsed("{\"z\":1,\"a\":2,\"m\":3}");
    static const char *const keys[] = {"z", "a", "m"};
    const char *key = NULL;
    const struct json *value = NULL;
    void *position = NULL;
    for (size_t i = 0; i < 3; i++) {
        assert_true(json_member(tree, i, &key, &value));
        assert_string_equal(key, keys[i]);
        assert_int_equal(json_as_int(value, 0), i + 1);
        assert_true(json_next(tree, &position, &key, &value));
        assert_string_equal(key, keys[i]);
    }
    assert_false(json_member(tree, 3, &key, &value));
    assert_false(json_next(tree, &position, &key, &value));
    assert_string_equal(key, "m"); /* untouched at the end */
}

/* ---- building and writing ---- */

static void test_json_build_when_formatted_then_compact_in_insertion_order(void **state)
{
    (void)state;
    AUTO(json_fini)
    struct json *tree = json_object();
    json_set_text(tree, "z", "a\"b\\c\n");
    json_set_text(tree, "none", NULL);
    json_set_str(tree, "part", str_mem("abcdef", 3));
    json_set_int(tree, "i", INT64_MIN);
    json_set_bool(tree, "b", false);
    json_set(tree, "list", json_push_text(json_push(json_array(), json_new_int(1)), "x"));
    json_set(tree, "o", json_object());
    assert_formats(tree, "{\"z\":\"a\\\"b\\\\c\\n\",\"none\":null,\"part\":\"abc\","
                         "\"i\":-9223372036854775808,\"b\":false,\"list\":[1,\"x\"],\"o\":{}}");
}

static void test_json_set_when_key_exists_then_replaced_in_place(void **state)
{
    (void)state;
    AUTO(json_fini)
    struct json *tree = parsed("{\"a\":[1,2],\"b\":2}");
    json_set_text(tree, "a", "new");
    assert_formats(tree, "{\"a\":\"new\",\"b\":2}");
    json_remove(tree, "a");
    json_remove(tree, "never there");
    json_remove(NULL, "a");
    assert_formats(tree, "{\"b\":2}");
}

static void test_json_text_when_bytes_are_no_utf8_or_nul_then_replacement_mark(void **state)
{
    (void)state;
    AUTO(json_fini)
    struct json *tree = json_object();
    json_set_text(tree, "t", "a\xff\xc3z");
    json_set_str(tree, "n", STR("a\0b"));
    json_set_text(tree, "bad\xfe", "v");
    assert_formats(tree, "{\"t\":\"a\xef\xbf\xbd\xef\xbf\xbdz\",\"n\":\"a\xef\xbf\xbd"
                         "b\","
                         "\"bad\xef\xbf\xbd\":\"v\"}");
    AUTO(buf_fini)
    struct buf out = BUF(JSON_SIZE_MAX);
    json_format(tree, &out, false);
    json_free(parsed(buf_cstr(&out))); /* whatever came in, what goes out can be read */
}

static void test_json_format_when_pretty_then_indented_by_two(void **state)
{
    (void)state;
    AUTO(json_fini)
    struct json *tree = parsed("{\"b\":[1],\"a\":{}}");
    AUTO(buf_fini)
    struct buf out = BUF(JSON_SIZE_MAX);
    json_format(tree, &out, true);
    assert_string_equal(buf_cstr(&out), "{\n  \"b\": [\n    1\n  ],\n  \"a\": {}\n}");
}

static void test_json_format_when_scalar_then_written(void **state)
{
    (void)state;
    AUTO(json_fini)
    struct json *text = json_new_text_str(STR("x"));
    AUTO(json_fini)
    struct json *yes = json_new_bool(true);
    AUTO(json_fini)
    struct json *nothing = json_new_null();
    assert_formats(text, "\"x\"");
    assert_formats(yes, "true");
    assert_formats(nothing, "null");
}

static void test_json_format_when_beyond_the_ceiling_then_overflow(void **state)
{
    (void)state;
    AUTO(json_fini)
    struct json *tree = parsed("[1,2,3,4,5]");
    AUTO(buf_fini)
    struct buf out = BUF(5);
    json_format(tree, &out, false);
    assert_true(out.overflow);
}

static void test_json_format_canonical_when_trees_are_equal_then_bytes_are_equal(void **state)
{
    (void)state;
    AUTO(json_fini)
    struct json *a = parsed("{\"b\":{\"y\":1,\"x\":[2, 3]},\"a\":null}");
    AUTO(json_fini)
    struct json *b = parsed("{\"a\":null, \"b\":{\"x\":[2,3],\"y\":1}}");
    AUTO(buf_fini)
    struct buf of_a = BUF(JSON_SIZE_MAX);
    AUTO(buf_fini)
    struct buf of_b = BUF(JSON_SIZE_MAX);
    json_format_canonical(a, &of_a);
    json_format_canonical(b, &of_b);
    assert_string_equal(buf_cstr(&of_a), "{\"a\":null,\"b\":{\"x\":[2,3],\"y\":1}}");
    assert_string_equal(buf_cstr(&of_a), buf_cstr(&of_b));
    assert_true(json_equal(a, b));
    json_set_int(b, "a", 0);
    assert_false(json_equal(a, b));
    assert_false(json_equal(a, NULL));
}

static void test_json_copy_when_original_changes_then_copy_stays(void **state)
{
    (void)state;
    struct json *tree = parsed("{\"a\":{\"b\":[1]}}");
    AUTO(json_fini)
    struct json *copy = json_copy(tree);
    json_set_text(tree, "a", "gone");
    json_fini(&tree);
    assert_null(tree);
    assert_formats(copy, "{\"a\":{\"b\":[1]}}");
}

/* ---- reading by table ---- */

struct thing {
    char *status, *note;
    int64_t count;
    bool ready;
    const struct json *list;
};
static const struct json_field thing_fields[] = {
    {"status", JSON_FIELD_TEXT, offsetof(struct thing, status), true, 0},
    {"note", JSON_FIELD_TEXT, offsetof(struct thing, note), false, 5},
    {"count", JSON_FIELD_INT, offsetof(struct thing, count), false, 0},
    {"ready", JSON_FIELD_BOOL, offsetof(struct thing, ready), false, 0},
    {"list", JSON_FIELD_TREE, offsetof(struct thing, list), false, 0},
};

static bool thing_read(const struct json *tree, struct thing *out, struct err *err)
{
    return json_read(tree, "thing", thing_fields, sizeof thing_fields / sizeof thing_fields[0], out,
                     err);
}

static void test_json_read_when_all_there_then_filled(void **state)
{
    (void)state;
    AUTO(json_fini)
    struct json *tree = parsed("{\"note\":\"12345\",\"status\":\"valid\",\"other\":{},"
                               "\"count\":3,\"ready\":true,\"list\":[1]}");
    struct thing thing = {0};
    struct err err;
    assert_true(thing_read(tree, &thing, &err));
    assert_string_equal(thing.status, "valid");
    assert_string_equal(thing.note, "12345");
    assert_int_equal(thing.count, 3);
    assert_true(thing.ready);
    assert_int_equal(json_len(thing.list), 1);
    mem_free(thing.status);
    mem_free(thing.note);
}

static void test_json_read_when_optional_are_absent_or_null_then_defaults_stay(void **state)
{
    (void)state;
    AUTO(json_fini)
    struct json *tree = parsed("{\"status\":\"x\",\"note\":null,\"count\":null,\"list\":null}");
    struct thing thing = {.note = (char *)(uintptr_t)16, .count = 42, .ready = true};
    assert_true(thing_read(tree, &thing, NULL));
    assert_null(thing.note);
    assert_null(thing.list);
    assert_int_equal(thing.count, 42);
    assert_true(thing.ready);
    mem_free(thing.status);
}

static void assert_read_fails(const char *text, const char *why)
{
    AUTO(json_fini)
    struct json *tree = parsed(text);
    struct thing thing = {0};
    struct err err = {0};
    assert_false(thing_read(tree, &thing, &err));
    assert_int_equal(err.kind, ERR_BROKEN);
    assert_string_equal(err.text, why);
    assert_null(thing.status); /* released: AddressSanitizer would see a leak */
    assert_null(thing.note);
    assert_null(thing.list);
}

static void test_json_read_when_wrong_then_error_names_the_path_and_texts_are_released(void **state)
{
    (void)state;
    assert_read_fails("{}", "thing.status: missing");
    assert_read_fails("{\"status\":null}", "thing.status: missing");
    assert_read_fails("{\"status\":5}", "thing.status: not a text");
    assert_read_fails("{\"status\":\"x\",\"note\":\"123456\"}", "thing.note: longer than 5 bytes");
    assert_read_fails("{\"status\":\"x\",\"note\":\"y\",\"count\":\"7\"}",
                      "thing.count: not a whole number");
    assert_read_fails("{\"status\":\"x\",\"count\":7.5}", "thing.count: not a whole number");
    assert_read_fails("{\"status\":\"x\",\"ready\":1}", "thing.ready: not true or false");
    assert_read_fails("[]", "thing: not an object");
    struct thing thing;
    struct err err;
    assert_false(thing_read(NULL, &thing, &err));
    assert_string_equal(err.text, "thing: not an object");
}

static void test_json_read_when_text_has_no_own_limit_then_4096(void **state)
{
    (void)state;
    char text[4098];
    memset(text, 'x', sizeof text);
    text[4097] = '\0';
    AUTO(json_fini)
    struct json *tree = json_set_text(json_object(), "status", text);
    struct thing thing = {0};
    struct err err;
    assert_false(thing_read(tree, &thing, &err));
    assert_string_equal(err.text, "thing.status: longer than 4096 bytes");
    json_set_text(tree, "status", text + 1);
    assert_true(thing_read(tree, &thing, &err));
    mem_free(thing.status);
}

static void test_json_type_name_when_any_then_reads_as_a_noun(void **state)
{
    (void)state;
    assert_string_equal(json_type_name(JSON_TEXT), "a text");
    assert_string_equal(json_type_name(JSON_NULL), "null");
    assert_string_equal(json_type_name((enum json_type)99), "unknown");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_json_parse_when_any_value_on_top_then_taken),
        cmocka_unit_test(test_json_parse_when_syntax_is_wrong_then_broken_with_place),
        cmocka_unit_test(test_json_parse_when_key_comes_twice_then_broken),
        cmocka_unit_test(test_json_parse_when_nul_in_text_or_key_then_broken),
        cmocka_unit_test(test_json_parse_when_size_is_capped_then_last_byte_decides),
        cmocka_unit_test(test_json_parse_when_depth_is_at_the_cap_then_taken_and_one_more_refused),
        cmocka_unit_test(test_json_parse_when_depth_bomb_then_refused_before_the_parser_sees_it),
        cmocka_unit_test(test_json_parse_when_brackets_are_in_texts_then_they_do_not_count),
        cmocka_unit_test(
            test_json_parse_when_numbers_are_large_then_64_bits_hold_and_more_is_broken),
        cmocka_unit_test(test_json_parse_when_escapes_then_decoded),
        cmocka_unit_test(test_json_look_when_absent_null_or_of_other_type_then_default),
        cmocka_unit_test(test_json_look_when_tree_is_null_then_nothing),
        cmocka_unit_test(test_json_member_when_walked_then_stored_order),
        cmocka_unit_test(test_json_build_when_formatted_then_compact_in_insertion_order),
        cmocka_unit_test(test_json_set_when_key_exists_then_replaced_in_place),
        cmocka_unit_test(test_json_text_when_bytes_are_no_utf8_or_nul_then_replacement_mark),
        cmocka_unit_test(test_json_format_when_pretty_then_indented_by_two),
        cmocka_unit_test(test_json_format_when_scalar_then_written),
        cmocka_unit_test(test_json_format_when_beyond_the_ceiling_then_overflow),
        cmocka_unit_test(test_json_format_canonical_when_trees_are_equal_then_bytes_are_equal),
        cmocka_unit_test(test_json_copy_when_original_changes_then_copy_stays),
        cmocka_unit_test(test_json_read_when_all_there_then_filled),
        cmocka_unit_test(test_json_read_when_optional_are_absent_or_null_then_defaults_stay),
        cmocka_unit_test(
            test_json_read_when_wrong_then_error_names_the_path_and_texts_are_released),
        cmocka_unit_test(test_json_read_when_text_has_no_own_limit_then_4096),
        cmocka_unit_test(test_json_type_name_when_any_then_reads_as_a_noun),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
