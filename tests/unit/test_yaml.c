/* SEES: base config */
#include "config/yaml.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

static struct yaml *parse_ok(const char *text)
{
    struct err err = {0};
    struct yaml *doc = NULL;
    if (!yaml_parse(str_of(text), "f.yaml", &doc, &err))
        fail_msg("%s", err.text);
    return doc;
}

static void tree_is(const char *text, const char *want)
{
    struct yaml *doc = parse_ok(text);
    AUTO(buf_fini)
    struct buf got = BUF(65536);
    json_format(yaml_tree(doc), &got, false);
    assert_string_equal(buf_cstr(&got), want);
    yaml_free(doc);
}

static void refused_bytes(struct str text, const char *want)
{
    struct err err = {0};
    struct yaml *doc = (struct yaml *)&err;
    if (yaml_parse(text, "f.yaml", &doc, &err))
        fail_msg("taken, but should be: %s", want);
    assert_ptr_equal(doc, &err);
    assert_int_equal(err.kind, ERR_CONFIG);
    if (strstr(err.text, want) == NULL)
        fail_msg("\"%s\"\n   is not \"%s\"", err.text, want);
}

static void refused(const char *text, const char *want)
{
    refused_bytes(str_of(text), want);
}

static void test_scalar_when_plain_then_typed_and_when_quoted_then_text(void **state)
{
    (void)state;
    tree_is("a: true\nb: false\nc: null\nd: ~\ne:\nf: 12\ng: -7\nh: 0\n",
            "{\"a\":true,\"b\":false,\"c\":null,\"d\":null,\"e\":null,\"f\":12,\"g\":-7,\"h\":0}");
    tree_is("a: 'true'\nb: \"12\"\nc: \"\"\nd: '~'\n",
            "{\"a\":\"true\",\"b\":\"12\",\"c\":\"\",\"d\":\"~\"}");
    tree_is("a: 0640\nb: 1.5\nc: 0x10\nd: yes\ne: on\nf: 1_000\ng: True\nh: -0\ni: 007\nj: +5\n",
            "{\"a\":\"0640\",\"b\":\"1.5\",\"c\":\"0x10\",\"d\":\"yes\",\"e\":\"on\",\"f\":\"1_"
            "000\",\"g\":\"True\","
            "\"h\":\"-0\",\"i\":\"007\",\"j\":\"+5\"}");
    tree_is("a: 9223372036854775807\nb: 9223372036854775808\n",
            "{\"a\":9223372036854775807,\"b\":\"9223372036854775808\"}");
    tree_is("a: |\n  one\n  two\nb: >-\n  one\n  two\n",
            "{\"a\":\"one\\ntwo\\n\",\"b\":\"one two\"}");
}

static void test_document_when_a_set_file_then_one_tree(void **state)
{
    (void)state;
    tree_is("# a comment\nnames: [shop.example.com, \"*.shop.example.com\"]\ndeploy:\n  - files: "
            "{dir: /etc/ssl/shop}\n"
            "    check: [nginx, -t]\n  - target: edge1\nendpoints: [shop.example.com:443]\n",
            "{\"names\":[\"shop.example.com\",\"*.shop.example.com\"],\"deploy\":[{\"files\":{"
            "\"dir\":\"/etc/ssl/shop\"},"
            "\"check\":[\"nginx\",\"-t\"]},{\"target\":\"edge1\"}],\"endpoints\":[\"shop.example."
            "com:443\"]}");
    tree_is("\xEF\xBB\xBF"
            "a: 1\r\nb: gr\xC3\xBC\xC3\x9F\r\n",
            "{\"a\":1,\"b\":\"gr\xC3\xBC\xC3\x9F\"}");
    tree_is("%YAML 1.1\n---\na: 1\n...\n", "{\"a\":1}");
    tree_is("[]", "[]");
}

static void place_is(const struct yaml *doc, const struct json *node, int line, int column)
{
    int l = -1, c = -1;
    yaml_place(doc, node, &l, &c);
    assert_int_equal(l, line);
    assert_int_equal(c, column);
}

static void test_place_when_asked_then_line_and_column_in_letters(void **state)
{
    (void)state;
    int line, column;
    struct yaml *doc = parse_ok("a: x\n\xC3\xBC: {k: v, n: 12}\nlist:\n  - one\n  - [two]\n");
    const struct json *tree = yaml_tree(doc), *block = json_find(tree, "\xC3\xBC"),
                      *list = json_find(tree, "list");
    place_is(doc, tree, 1, 1);
    place_is(doc, json_find(tree, "a"), 1, 4);
    place_is(doc, block, 2, 4);
    place_is(doc, json_find(block, "n"), 2, 14);
    place_is(doc, json_at(list, 0), 4, 5);
    place_is(doc, json_at(json_at(list, 1), 0), 5, 6);
    place_is(doc, NULL, 0, 0);
    yaml_key_place(doc, block, "n", &line, &column);
    assert_int_equal(line * 100 + column, 211);
    yaml_key_place(doc, block, "absent", &line, &column);
    assert_int_equal(line, 0);
    yaml_item_place(doc, list, 1, &line, &column);
    assert_int_equal(line * 100 + column, 505);
    assert_string_equal(yaml_file(doc), "f.yaml");
    yaml_free(doc);
}

static void test_place_when_values_are_shared_then_told_from_the_container(void **state)
{
    (void)state;
    int line, column;
    struct yaml *doc =
        parse_ok("a: true\nb: [true, null,\n  true]\nc:   true\nd: null\ne: false\n");
    const struct json *tree = yaml_tree(doc);
    yaml_value_place(doc, tree, "a", &line, &column);
    assert_int_equal(line * 100 + column, 104);
    yaml_value_place(doc, tree, "c", &line, &column);
    assert_int_equal(line * 100 + column, 406);
    yaml_item_place(doc, json_find(tree, "b"), 2, &line, &column);
    assert_int_equal(line * 100 + column, 303);
    place_is(doc, json_find(tree, "a"), 0, 0);
    place_is(doc, json_find(tree, "e"), 6, 4);
    yaml_value_place(NULL, tree, "a", &line, &column);
    assert_int_equal(line, 0);
    yaml_free(doc);
}

static void test_quotes_when_asked_then_told_apart(void **state)
{
    (void)state;
    struct yaml *doc = parse_ok("a: 0640\nb: \"0640\"\nc: '0640'\n");
    assert_true(yaml_is_plain(doc, json_find(yaml_tree(doc), "a")));
    assert_false(yaml_is_plain(doc, json_find(yaml_tree(doc), "b")));
    assert_false(yaml_is_plain(doc, json_find(yaml_tree(doc), "c")));
    yaml_free(doc);
}

static void test_parse_when_indentation_is_wrong_then_says_how_to_write_it(void **state)
{
    (void)state;
    refused("a:\n\tb: 1\n", "f.yaml:2:1: a tab cannot indent YAML; use spaces");
    refused("a:\n  b: 1\n \t c: 2\n", "f.yaml:3:2: a tab cannot indent YAML; use spaces");
    refused("a:\n  b: x\n\ty\n", "f.yaml:3:1: a tab cannot indent YAML; use spaces");
    refused("a:\n  b: 1\n c: 2\n", "f.yaml:3:2: this does not fit the block it is in");
    refused("a: 1\n  b: 2\n", "f.yaml:2:4: \":\" is not expected here");
    refused("a:\n  - x\n - y\n", "f.yaml:3:2: ");
    refused("- x\ny: 1\n", "f.yaml:2:1: this does not fit the list it is in");
    refused("a: - x\n", "f.yaml:1:4: \"- \" begins a list item");
    refused("a: 1\nb\nc: 2\n",
            "f.yaml:2:1: a setting is written \"key: value\", but the \":\" is missing here");
    refused("a: b: c\n", "f.yaml:1:5: \":\" is not expected here");
    refused("names: [a,\n  b\nkey: x\n",
            "f.yaml:1:8: the list that opens here is never closed by \"]\"");
    refused("names: {a: 1\n", "f.yaml:1:8: the block that opens here is never closed by \"}\"");
    refused("a: \"x\nb: 1\n", "f.yaml:1:4: the quote that opens here is never closed");
    refused("a: 'it's'\n", "f.yaml:1:8: ");
    refused("a: \"C:\\dir\"\n", "unknown \\ sequence");
}

static void test_parse_when_a_text_needs_quotes_then_shows_them(void **state)
{
    (void)state;
    refused("names: [a.example.com, *.example.com]\n",
            "f.yaml:1:24: \"*\" at the start of a text has a meaning of its own in YAML; put the "
            "text in quotes: \"*.example.com\"");
    refused("names:\n  - *.example.com\n", "f.yaml:2:5: \"*\" at the start of a text");
    refused("a: *name\n", "put the text in quotes: \"*name\"");
    refused("a: @home\n", "f.yaml:1:4: \"@\" at the start of a text has a meaning of its own in "
                          "YAML; put the text in quotes: \"@home\"");
    refused("a: `x`\n", "put the text in quotes: \"`x`\"");
    refused("a: %x\n", "\"%\" at the start of a text");
    refused("a: &b c\n", "f.yaml:1:4: anchors (&) are not used here");
    refused("a: &b [1]\n", "f.yaml:1:4: anchors (&)");
    refused("a: &b {x: 1}\n", "f.yaml:1:4: anchors (&)");
    refused("a: !b c\n", "f.yaml:1:4: tags (!) are not used here");
    refused("a: !!str 5\n", "f.yaml:1:4: tags (!) are not used here");
    refused("a: !x!y 5\n", "put");
    refused("<<: {a: 1}\n", "f.yaml:1:1: merge keys (<<) are not used here");
    refused("? [a]\n: 1\n", "f.yaml:1:3: a list or block cannot be a key");
    refused("{a: 1}: 2\n", "f.yaml:1:1: a list or block cannot be a key");
    refused("\"\": 1\n", "f.yaml:1:1: a key is missing before \":\"");
    refused(": 1\n", "f.yaml:1:1: ");
}

static void test_parse_when_a_key_stands_twice_then_both_places_are_named(void **state)
{
    (void)state;
    refused("a: 1\nb: 2\n\"a\": 3\n",
            "f.yaml:3:1: \"a\" stands twice in this block: first in line 1");
    refused("x:\n  - {k: 1, k: 2}\n",
            "f.yaml:2:12: \"k\" stands twice in this block: first in line 2");
    tree_is("a: {k: 1}\nb: {k: 2}\n", "{\"a\":{\"k\":1},\"b\":{\"k\":2}}");
}

static void test_parse_when_not_one_text_document_then_refused(void **state)
{
    (void)state;
    refused("", "f.yaml:1:1: the file holds nothing but blanks and comments");
    refused("# only\n\n", "the file holds nothing");
    refused("a: 1\n---\nb: 2\n", "f.yaml:2:1: a second document begins here; one file holds one");
    refused("a: 1\n]\n", "f.yaml:2:1: ");
    refused_bytes(str_mem("a: 1\nb\0c: 2\n", 11),
                  "f.yaml:2:2: a NUL byte cannot stand in a text file");
    refused_bytes(str_mem("\xFF\xFE"
                          "a\0:\0",
                          6),
                  "a NUL byte");
    refused("a: \"x\\0y\"\n", "f.yaml:1:4: a text cannot hold a NUL character");
    refused("\"a\\0b\": 1\n", "a text cannot hold a NUL character");
    refused("a: 1\nb: \xC3\x28\n", "f.yaml:2:5: a byte that is not UTF-8 text cannot stand here");
    refused("a: 1\nb: x\x01y\n", "f.yaml:2:5: a control character cannot stand here");
}

static void test_parse_when_too_much_then_refused_quickly(void **state)
{
    (void)state;
    AUTO(buf_fini)
    struct buf text = BUF(4 << 20);
    for (int i = 0; i < 33; i++)
        buf_add_char(&text, '[');
    refused(buf_cstr(&text), "f.yaml:1:33: nested deeper than 32 levels");
    buf_clear(&text);
    for (int i = 0; i < 500000; i++)
        buf_add_char(&text, '[');
    refused(buf_cstr(&text), "nested deeper than 32 levels");
    buf_clear(&text);
    for (int i = 0; i < 500000; i++)
        buf_add_cstr(&text, "- ");
    refused(buf_cstr(&text), "nested deeper than 32 levels");
    buf_clear(&text);
    buf_add_cstr(&text, "a: [");
    for (int i = 0; i < 100001; i++)
        buf_add_cstr(&text, "1,");
    refused(buf_cstr(&text), "more than 100000 values in one file");
    buf_clear(&text);
    for (int i = 0; i < (1 << 20) + 1; i++)
        buf_add_char(&text, '#');
    refused(buf_cstr(&text), "f.yaml: 1048577 bytes are more than the 1048576 that are read");
    buf_clear(&text);
    for (int i = 0; i < 300; i++)
        buf_add_char(&text, 'k');
    buf_add_cstr(&text, ": 1\n");
    refused(buf_cstr(&text), "this key is too long");
}

static void test_parse_when_many_members_then_every_one_is_found(void **state)
{
    (void)state;
    AUTO(buf_fini)
    struct buf text = BUF(1 << 20);
    char key[16];
    for (int i = 0; i < 20000; i++)
        buf_printf(&text, "k%d: %d\n", i, i);
    struct yaml *doc = parse_ok(buf_cstr(&text));
    for (int i = 0; i < 20000; i++) {
        int line = 0, column = 0;
        snprintf(key, sizeof key, "k%d", i);
        yaml_key_place(doc, yaml_tree(doc), key, &line, &column);
        assert_int_equal(line, i + 1);
        assert_int_equal(json_int(yaml_tree(doc), key, -1), i);
    }
    yaml_free(doc);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_scalar_when_plain_then_typed_and_when_quoted_then_text),
        cmocka_unit_test(test_document_when_a_set_file_then_one_tree),
        cmocka_unit_test(test_place_when_asked_then_line_and_column_in_letters),
        cmocka_unit_test(test_place_when_values_are_shared_then_told_from_the_container),
        cmocka_unit_test(test_quotes_when_asked_then_told_apart),
        cmocka_unit_test(test_parse_when_indentation_is_wrong_then_says_how_to_write_it),
        cmocka_unit_test(test_parse_when_a_text_needs_quotes_then_shows_them),
        cmocka_unit_test(test_parse_when_a_key_stands_twice_then_both_places_are_named),
        cmocka_unit_test(test_parse_when_not_one_text_document_then_refused),
        cmocka_unit_test(test_parse_when_too_much_then_refused_quickly),
        cmocka_unit_test(test_parse_when_many_members_then_every_one_is_found),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
