/* SEES: base */
#include "base/xml.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

enum { SIZE = 1024 * 1024 };

static void assert_reads(const char *text, const char *const *arrays, const char *want)
{
    AUTO(json_fini)
    struct json *tree = NULL;
    AUTO(buf_fini)
    struct buf out = BUF(4 * SIZE);
    struct err err = {0};
    if (!xml_parse(str_of(text), SIZE, arrays, &tree, &err))
        fail_msg("%s: %s", text, err.text);
    json_format(tree, &out, false);
    assert_string_equal(buf_cstr(&out), want);
}

/* BROKEN, with `why` in the text, and the output untouched. */
static void assert_refused(struct str text, size_t max_len, const char *why)
{
    struct json *const untouched = (struct json *)(uintptr_t)16;
    struct json *tree = untouched;
    struct err err = {0};
    if (xml_parse(text, max_len, NULL, &tree, &err))
        fail_msg("taken: %.*s", STR_ARG(text));
    assert_ptr_equal(tree, untouched);
    assert_int_equal(err.kind, ERR_BROKEN);
    if (strstr(err.text, why) == NULL)
        fail_msg("\"%s\" does not say \"%s\"", err.text, why);
}

static void assert_writes(const char *tree, const char *want)
{
    AUTO(json_fini)
    struct json *parsed = NULL;
    AUTO(buf_fini)
    struct buf out = BUF(SIZE);
    struct err err = {0};
    assert_true(json_parse(str_of(tree), SIZE, &parsed, &err));
    if (!xml_format(parsed, &out, &err))
        fail_msg("%s: %s", tree, err.text);
    assert_true(str_starts(buf_str(&out), STR("<?xml version=\"1.0\" encoding=\"UTF-8\"?>")));
    assert_string_equal(strchr(buf_cstr(&out), '>') + 1, want);
}

static void assert_writes_not(const char *tree, const char *why)
{
    AUTO(json_fini)
    struct json *parsed = NULL;
    AUTO(buf_fini)
    struct buf out = BUF(SIZE);
    struct err err = {0};
    assert_true(json_parse(str_of(tree), SIZE, &parsed, &err));
    assert_false(xml_format(parsed, &out, &err));
    assert_int_equal(err.kind, ERR_REFUSED);
    if (strstr(err.text, why) == NULL)
        fail_msg("\"%s\" does not say \"%s\"", err.text, why);
}

static void test_parse_when_all_kinds_stand_together_then_the_tree_is_as_documented(void **state)
{
    (void)state;
    assert_reads("<?xml version='1.0'?>\n<a:list n=\"2\" xmlns:a='urn:x'>\n <item>one</item>"
                 "<item>two</item><note lang=\"en\">fine</note><empty/>\n</a:list>",
                 NULL,
                 "{\"a:list\":{\"@n\":\"2\",\"@xmlns:a\":\"urn:x\",\"item\":[\"one\",\"two\"],"
                 "\"note\":{\"@lang\":\"en\",\"$\":\"fine\"},\"empty\":\"\"}}");
}

static void test_parse_when_texts_are_escaped_or_cdata_then_they_are_their_bytes(void **state)
{
    (void)state;
    assert_reads("<a>&lt;b&gt; &amp; &quot;&#x41;&#66;&quot; <![CDATA[<raw> & more]]></a>", NULL,
                 "{\"a\":\"<b> & \\\"AB\\\" <raw> & more\"}");
    assert_reads("<a> kept as it is </a>", NULL, "{\"a\":\" kept as it is \"}");
    assert_reads("<a>  text <b/> around  </a>", NULL,
                 "{\"a\":{\"b\":\"\",\"$\":\"text  around\"}}");
}

static void test_parse_when_the_encoding_is_latin_1_then_the_tree_is_utf_8(void **state)
{
    (void)state;
    assert_reads("<?xml version=\"1.0\" encoding=\"ISO-8859-1\"?><a>M\xfcller</a>", NULL,
                 "{\"a\":\"M\xc3\xbcller\"}");
}

static void test_parse_when_places_are_arrays_then_a_single_element_is_one(void **state)
{
    static const char *const anywhere[] = {"data/value", "member", NULL};
    static const char *const from_root[] = {"/r/x", NULL};
    (void)state;
    assert_reads(
        "<r><data><value>1</value></data><m><value>2</value></m><member/></r>", anywhere,
        "{\"r\":{\"data\":{\"value\":[\"1\"]},\"m\":{\"value\":\"2\"},\"member\":[\"\"]}}");
    assert_reads("<r><x>1</x><y><r><x>2</x></r></y></r>", from_root,
                 "{\"r\":{\"x\":[\"1\"],\"y\":{\"r\":{\"x\":\"2\"}}}}");
}

static void test_parse_when_it_is_xml_rpc_then_order_and_types_are_there(void **state)
{
    static const char *const arrays[] = {"param", "member", "data/value", NULL};
    (void)state;
    assert_reads(
        "<methodResponse><params><param><value><array><data>"
        "<value><struct><member><name>id</name><value><int>7</int></value></member>"
        "</struct></value></data></array></value></param></params></methodResponse>",
        arrays,
        "{\"methodResponse\":{\"params\":{\"param\":[{\"value\":{\"array\":{\"data\":{"
        "\"value\":[{\"struct\":{\"member\":[{\"name\":\"id\",\"value\":{\"int\":\"7\"}}]}}"
        "]}}}}]}}}");
}

static void test_parse_when_it_declares_a_document_type_then_it_is_refused(void **state)
{
    (void)state;
    assert_refused(STR("<!DOCTYPE a [<!ENTITY x \"y\">]><a>&x;</a>"), SIZE, "document type");
    assert_refused(STR("<!DOCTYPE a SYSTEM \"file:///etc/passwd\"><a/>"), SIZE, "document type");
    assert_refused(STR("<a>&x;</a>"), SIZE, "undefined entity");
}

static void test_parse_when_it_is_not_well_formed_then_line_and_column_are_told(void **state)
{
    (void)state;
    assert_refused(STR(""), SIZE, "there is nothing");
    assert_refused(STR("<a>\n<b></a>"), SIZE, "line 2");
    assert_refused(STR("{\"a\": 1}"), SIZE, "line 1 column 1");
    assert_refused(STR("<a/><b/>"), SIZE, "junk");
    assert_refused(STR("<a x='1' x='2'/>"), SIZE, "duplicate attribute");
    assert_refused(STR("<a>\x01</a>"), SIZE, "not well-formed");
}

static void test_parse_when_it_is_too_large_deep_or_many_then_it_is_refused(void **state)
{
    (void)state;
    AUTO(buf_fini)
    struct buf deep = BUF(SIZE);
    AUTO(buf_fini)
    struct buf many = BUF(SIZE);
    assert_refused(STR("<a>12345</a>"), 8, "larger than 8");
    for (int i = 0; i <= XML_DEPTH_MAX; i++)
        buf_add_cstr(&deep, "<a>");
    assert_refused(buf_str(&deep), SIZE, "too deep");
    buf_add_cstr(&many, "<a>");
    for (int i = 0; i < XML_NODES_MAX; i++)
        buf_add_cstr(&many, "<b/>");
    buf_add_cstr(&many, "</a>");
    assert_refused(buf_str(&many), SIZE, "too many");
}

static void test_format_when_all_kinds_stand_together_then_the_order_is_kept(void **state)
{
    (void)state;
    assert_writes("{\"packet\":{\"@version\":\"1.6\",\"z\":[1,true,{\"@k\":\"v\",\"$\":\"t\"}],"
                  "\"a\":{\"b\":null},\"none\":[]}}",
                  "<packet version=\"1.6\"><z>1</z><z>true</z><z k=\"v\">t</z><a><b></b></a>"
                  "</packet>");
}

static void test_format_when_texts_hold_markup_then_it_reads_back_the_same(void **state)
{
    (void)state;
    assert_writes("{\"a\":{\"@x\":\"\\\"<&>'\\n\",\"$\":\"</a><b>&amp;\\r\\n\"}}",
                  "<a x=\"&quot;&lt;&amp;&gt;&#39;&#10;\">&lt;/a&gt;&lt;b&gt;&amp;amp;&#13;\n</a>");
    assert_reads("<a x=\"&quot;&lt;&amp;&gt;&#39;&#10;\">&lt;/a&gt;&lt;b&gt;&amp;amp;&#13;\n</a>",
                 NULL, "{\"a\":{\"@x\":\"\\\"<&>'\\n\",\"$\":\"</a><b>&amp;\\r\\n\"}}");
}

static void test_format_when_xml_cannot_say_it_then_it_is_refused(void **state)
{
    (void)state;
    assert_writes_not("{}", "one root");
    assert_writes_not("{\"a\":1,\"b\":2}", "one root");
    assert_writes_not("{\"a\":[1]}", "one root");
    assert_writes_not("[1]", "one root");
    assert_writes_not("{\"a b\":1}", "cannot be an element");
    assert_writes_not("{\"a\":{\"@1\":1}}", "cannot be an attribute");
    assert_writes_not("{\"a\":{\"@x\":{}}}", "a text is needed");
    assert_writes_not("{\"a\":{\"b\":[[1]]}}", "list directly in a list");
    assert_writes_not("{\"a\":\"\\u0002\"}", "cannot hold");
    assert_writes_not("{\"a\":\"\\uffff\"}", "cannot hold");
}

static void test_escape_when_bytes_are_not_xml_then_a_mark_stands_for_them(void **state)
{
    (void)state;
    AUTO(buf_fini)
    struct buf out = BUF(1024);
    xml_escape(&out, str_mem("a<\xff\x02"
                             "b\"",
                             6));
    assert_string_equal(buf_cstr(&out), "a&lt;\xef\xbf\xbd\xef\xbf\xbd"
                                        "b&quot;");
}

static void test_names_when_asked_then_only_plain_ones_are_good(void **state)
{
    (void)state;
    assert_true(xml_name_is_good(STR("soap:Body")));
    assert_true(xml_name_is_good(STR("site-id")));
    assert_false(xml_name_is_good(STR("")));
    assert_false(xml_name_is_good(STR("1a")));
    assert_false(xml_name_is_good(STR("a b")));
    assert_false(xml_name_is_good(STR("a>b")));
    assert_true(xml_place_is_good(STR("/a/b")));
    assert_true(xml_place_is_good(STR("data/value")));
    assert_false(xml_place_is_good(STR("")));
    assert_false(xml_place_is_good(STR("a//b")));
    assert_false(xml_place_is_good(STR("a/")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_parse_when_all_kinds_stand_together_then_the_tree_is_as_documented),
        cmocka_unit_test(test_parse_when_texts_are_escaped_or_cdata_then_they_are_their_bytes),
        cmocka_unit_test(test_parse_when_the_encoding_is_latin_1_then_the_tree_is_utf_8),
        cmocka_unit_test(test_parse_when_places_are_arrays_then_a_single_element_is_one),
        cmocka_unit_test(test_parse_when_it_is_xml_rpc_then_order_and_types_are_there),
        cmocka_unit_test(test_parse_when_it_declares_a_document_type_then_it_is_refused),
        cmocka_unit_test(test_parse_when_it_is_not_well_formed_then_line_and_column_are_told),
        cmocka_unit_test(test_parse_when_it_is_too_large_deep_or_many_then_it_is_refused),
        cmocka_unit_test(test_format_when_all_kinds_stand_together_then_the_order_is_kept),
        cmocka_unit_test(test_format_when_texts_hold_markup_then_it_reads_back_the_same),
        cmocka_unit_test(test_format_when_xml_cannot_say_it_then_it_is_refused),
        cmocka_unit_test(test_escape_when_bytes_are_not_xml_then_a_mark_stands_for_them),
        cmocka_unit_test(test_names_when_asked_then_only_plain_ones_are_good),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
