/* SEES: base config crypto io store acme dns-providers inventory */
/* CMD: findings.c output.c */
#include "cmd/findings.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

static void assert_finding(const struct findings *f, size_t i, const char *file, int line,
                           int column, const char *text)
{
    assert_true(i < f->n);
    assert_string_equal(f->items[i].file, file);
    assert_int_equal(f->items[i].place.line, line);
    assert_int_equal(f->items[i].place.column, column);
    assert_string_equal(f->items[i].text, text);
}

static void test_lines_when_they_hold_places_then_taken_apart(void **state)
{
    (void)state;
    struct findings f = {0};
    findings_add_lines(&f, "given.yaml", (struct place){9, 9},
                       "/etc/c:d/a.yaml:7:3: unknown key \"x\": y\nno place here: 12:30 "
                       "o'clock\nb.yaml:1:1: tab\ngiven.yaml: as a whole");
    assert_int_equal(f.n, 4);
    assert_int_equal(f.n_errors, 4);
    assert_finding(&f, 3, "given.yaml", 9, 9, "as a whole");
    assert_finding(&f, 0, "/etc/c:d/a.yaml", 7, 3, "unknown key \"x\": y");
    assert_finding(&f, 1, "given.yaml", 9, 9, "no place here: 12:30 o'clock");
    assert_finding(&f, 2, "b.yaml", 1, 1, "tab");
    findings_fini(&f);
}

static void test_sort_when_mixed_then_main_file_first_then_by_place(void **state)
{
    (void)state;
    struct findings f = {0};
    findings_note(&f, "a note");
    findings_add(&f, "b.yaml", (struct place){1, 1}, "five");
    findings_add(&f, "a.yaml", (struct place){10, 1}, "four");
    findings_add(&f, "a.yaml", (struct place){2, 5}, "three");
    findings_add(&f, "z.yaml", (struct place){1, 1}, "one");
    findings_add(&f, "z.yaml", (struct place){1, 1}, "two");
    findings_add(&f, NULL, (struct place){0, 0}, "six");
    findings_sort(&f, "z.yaml");
    static const char *const order[] = {"one", "two", "three", "four", "five", "six", "a note"};
    assert_int_equal(f.n, 7);
    assert_int_equal(f.n_errors, 6);
    for (size_t i = 0; i < 7; i++)
        assert_string_equal(f.items[i].text, order[i]);
    findings_fini(&f);
}

static void test_json_when_no_place_is_known_then_null(void **state)
{
    (void)state;
    struct findings f = {0};
    findings_add(&f, "a.yaml", (struct place){3, 4}, "wrong");
    findings_note(&f, "mind");
    AUTO(json_fini)
    struct json *tree = findings_json(&f);
    assert_int_equal(json_int(json_at(tree, 0), "line", 0), 3);
    assert_string_equal(json_text(json_at(tree, 0), "level"), "error");
    assert_true(json_is(json_find(json_at(tree, 1), "line"), JSON_NULL));
    assert_string_equal(json_text(json_at(tree, 1), "level"), "note");
    findings_fini(&f);
}

static void test_place_when_key_is_absent_then_where_the_block_stands(void **state)
{
    (void)state;
    struct err err = {0};
    AUTO(yaml_fini)
    struct yaml *doc = NULL;
    assert_true(yaml_parse(STR("a: 1\nb:\n  c: 2\n"), "x.yaml", &doc, &err));
    const struct json *b = json_find(yaml_tree(doc), "b");
    assert_int_equal(place_of_value(doc, b, "c").line, 3);
    assert_int_equal(place_of_value(doc, b, "c").column, 6);
    assert_int_equal(place_of_value(doc, b, "d").line, 3);
    assert_int_equal(place_of_value(doc, NULL, "d").line, 0);
}

static void test_when_formatted_then_a_person_reads_it(void **state)
{
    (void)state;
    char out[64];
    when_format(1000 * MS_DAY + 29 * MS_DAY + 4 * MS_HOUR, 1000 * MS_DAY, out);
    assert_string_equal(out, "in 29d 4h");
    when_format(1000 * MS_DAY - 3 * MS_HOUR, 1000 * MS_DAY, out);
    assert_string_equal(out, "3h ago");
    when_format(1000 * MS_DAY, 1000 * MS_DAY, out);
    assert_string_equal(out, "now");
    when_format(INT64_MAX, 1000 * MS_DAY, out);
    assert_string_equal(out, "-");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_lines_when_they_hold_places_then_taken_apart),
        cmocka_unit_test(test_sort_when_mixed_then_main_file_first_then_by_place),
        cmocka_unit_test(test_json_when_no_place_is_known_then_null),
        cmocka_unit_test(test_place_when_key_is_absent_then_where_the_block_stands),
        cmocka_unit_test(test_when_formatted_then_a_person_reads_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
