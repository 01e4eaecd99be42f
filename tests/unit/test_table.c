/* SEES: base config */
#include "config/table.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

static const struct setting eab_settings[] = {
    {.name = "kid", .kind = SETTING_SECRET, .required = true, .sentence = "Key id the CA gave."},
    {.name = "key", .kind = SETTING_SECRET, .required = true, .sentence = "MAC key the CA gave."},
};
static const struct section eab = {"authorities.NAME.eab", "External account binding.",
                                   eab_settings, 2};

static const struct setting authority_settings[] = {
    {.name = "directory",
     .kind = SETTING_TEXT,
     .required = true,
     .max = 200,
     .sentence = "Where the CA's directory is."},
    {.name = "contact",
     .kind = SETTING_TEXTS,
     .otherwise = "[]",
     .sentence = "Mail addresses of the account."},
    {.name = "agree_tos",
     .kind = SETTING_BOOL,
     .otherwise = "false",
     .sentence = "Agree to the terms."},
    {.name = "eab",
     .kind = SETTING_SECTION,
     .section = &eab,
     .sentence = "For CAs that ask for it."},
};
static const struct section authority = {"authorities.NAME", "A CA.", authority_settings, 4};

static const struct setting deploy_settings[] = {
    {.name = "dir", .kind = SETTING_TEXT, .required = true, .sentence = "Folder."},
    {.name = "mode",
     .kind = SETTING_MODE,
     .otherwise = "\"0640\"",
     .min = 0400,
     .max = 0777,
     .sentence = "Mode | bits."},
    {.name = "check", .kind = SETTING_ARGV, .sentence = "Program that must agree."},
};
static const struct section deploy = {"deploy", "Where it goes.", deploy_settings, 3};

static const struct setting limit_settings[] = {
    {.name = "wait",
     .kind = SETTING_DURATION,
     .otherwise = "10m",
     .min = 1000,
     .max = 3600000,
     .sentence = "Patience."},
    {.name = "parallel",
     .kind = SETTING_INT,
     .otherwise = "4",
     .min = 1,
     .max = 64,
     .sentence = "At once."},
};
static const struct section limit = {"limits", "How much.", limit_settings, 2};

static const struct setting root_settings[] = {
    {.name = "key",
     .kind = SETTING_TEXT,
     .otherwise = "ecdsa-p256",
     .choices = "ecdsa-p256|ecdsa-p384|rsa-2048",
     .sentence = "Kind of key."},
    {.name = "names",
     .kind = SETTING_TEXTS,
     .required = true,
     .min = 1,
     .max = 3,
     .sentence = "Identifiers."},
    {.name = "authorities",
     .kind = SETTING_MAP,
     .section = &authority,
     .sentence = "The CAs by name."},
    {.name = "deploy",
     .kind = SETTING_SECTIONS,
     .otherwise = "[]",
     .section = &deploy,
     .sentence = "Targets."},
    {.name = "limits",
     .kind = SETTING_SECTION,
     .otherwise = "{}",
     .section = &limit,
     .sentence = "Limits."},
    {.name = "formats",
     .kind = SETTING_TEXTS,
     .otherwise = "pem",
     .choices = "pem|der",
     .sentence = "Formats."},
    {.name = "extra", .kind = SETTING_ANY, .sentence = "Anything."},
    {.name = "secrets", .kind = SETTING_SECRET_MAP, .sentence = "Variables."},
};
static const struct section root = {"chancery.yaml", "The whole.", root_settings, 8};

static struct json *check(const char *text, struct complaints *complaints)
{
    struct err err = {0};
    AUTO(yaml_fini)
    struct yaml *doc = NULL;
    if (!yaml_parse(str_of(text), "c.yaml", &doc, &err))
        fail_msg("%s", err.text);
    return table_check(doc, yaml_tree(doc), &root, complaints);
}

static void gives(const char *text, const char *want)
{
    struct complaints complaints = {0};
    AUTO(buf_fini)
    struct buf got = BUF(65536);
    AUTO(json_fini)
    struct json *tree = check(text, &complaints);
    if (tree == NULL)
        fail_msg("%s", complaints.items[0].text);
    assert_int_equal(complaints.n, 0);
    json_format(tree, &got, false);
    assert_string_equal(buf_cstr(&got), want);
}

/* Exactly these complaints, one a line. */
static void complains(const char *text, const char *want)
{
    struct complaints complaints = {0};
    AUTO(buf_fini)
    struct buf got = BUF(65536);
    struct json *tree = check(text, &complaints);
    complaints_format(&complaints, &got);
    complaints_fini(&complaints);
    assert_null(tree);
    assert_string_equal(buf_cstr(&got), want);
}

static void test_check_when_right_then_defaults_are_filled_in(void **state)
{
    (void)state;
    gives("names: a.example.com\n", "{\"key\":\"ecdsa-p256\",\"names\":[\"a.example.com\"],"
                                    "\"deploy\":[],\"limits\":{\"wait\":600000,\"parallel\":4},"
                                    "\"formats\":[\"pem\"]}");
    gives("names: [a, b]\nkey: rsa-2048\nauthorities:\n  le: {directory: https://x, agree_tos: "
          "true}\n"
          "deploy:\n  - dir: /d\n    check: [nginx, -t]\n  - {dir: /e, mode: \"0600\"}\n"
          "limits: {wait: 1m30s}\nformats: [der, pem]\nextra: {x: [1, ~]}\n",
          "{\"key\":\"rsa-2048\",\"names\":[\"a\",\"b\"],\"authorities\":{\"le\":{\"directory\":"
          "\"https://x\",\"contact\":[],"
          "\"agree_tos\":true}},\"deploy\":[{\"dir\":\"/"
          "d\",\"mode\":416,\"check\":[\"nginx\",\"-t\"]},{\"dir\":\"/e\","
          "\"mode\":384}],\"limits\":{\"wait\":90000,\"parallel\":4},\"formats\":[\"der\",\"pem\"],"
          "\"extra\":{\"x\":[1,null]}}");
}

static void test_check_when_a_block_is_commented_out_then_counts_as_absent(void **state)
{
    (void)state;
    gives("names: [a]\nauthorities:\n#  le: {}\ndeploy:\nlimits:\nformats:\n",
          "{\"key\":\"ecdsa-p256\",\"names\":[\"a\"],\"deploy\":[],\"limits\":{\"wait\":600000,"
          "\"parallel\":4},"
          "\"formats\":[\"pem\"]}");
    complains("names:\n", "c.yaml:1:1: \"names\" is missing, e.g. names: [one, two]\n");
    complains("names: [a]\nkey:\n", "c.yaml:2:5: key: a text is expected, e.g. key: ecdsa-p256; "
                                    "found nothing; remove the key to leave it out\n");
}

static void test_check_when_secrets_are_named_freely_then_each_is_a_reference(void **state)
{
    (void)state;
    gives("names: [a]\nsecrets: {API_Key: file:/k, B: \"env:B\"}\n",
          "{\"key\":\"ecdsa-p256\",\"names\":[\"a\"],\"deploy\":[],\"limits\":{\"wait\":600000,"
          "\"parallel\":4},\"formats\":[\"pem\"],"
          "\"secrets\":{\"API_Key\":\"file:/k\",\"B\":\"env:B\"}}");
    complains("names: [a]\nsecrets: {KEY: hunter2}\n",
              "c.yaml:2:16: secrets.KEY: a secret is given by reference, never bare: KEY: "
              "file:/etc/chancery/NAME, cred:NAME (systemd), exec:PROGRAM or env:NAME\n");
}

static void test_check_when_a_key_is_unknown_then_the_nearest_is_suggested(void **state)
{
    (void)state;
    complains("names: [a]\nauthorities:\n  le:\n    directory: https://x\n    contcat: [b]\n",
              "c.yaml:5:5: unknown key \"contcat\" in authorities.le; did you mean \"contact\"?\n");
    complains("names: [a]\nNAMES: [b]\n",
              "c.yaml:2:1: unknown key \"NAMES\"; did you mean \"names\"?\n");
    complains("names: [a]\nlimits: {zzz: 1}\n",
              "c.yaml:2:10: unknown key \"zzz\" in limits; known here: wait, parallel\n");
    complains("names: [a]\ndeploy:\n  - dir: /a\n  - dir: /b\n    agree-tos: 1\n",
              "c.yaml:5:5: unknown key \"agree-tos\" in deploy[2]; known here: dir, mode, check\n");
}

static void test_check_when_several_things_are_wrong_then_all_are_told_in_order(void **state)
{
    (void)state;
    complains("key: rsa-2084\n"
              "limits: {wait: 10, parallel: 100}\n"
              "deploy:\n"
              "  - mode: 0640\n"
              "    check: nginx -t\n"
              "authorities:\n"
              "  \"a b\": {directory: https://x}\n"
              "  le: {directory: 5, agree_tos: yes, contact: {}}\n",
              "c.yaml:1:1: \"names\" is missing, e.g. names: [one, two]\n"
              "c.yaml:1:6: key: one of ecdsa-p256, ecdsa-p384, rsa-2048 is expected; found the "
              "text \"rsa-2084\"; did you mean "
              "\"rsa-2048\"?\n"
              "c.yaml:2:16: limits.wait: a duration (number and unit ms, s, m, h or d) is "
              "expected, e.g. wait: 10m; found the number "
              "10 without a unit\n"
              "c.yaml:2:30: limits.parallel: 100: must lie between 1 and 64\n"
              "c.yaml:4:5: deploy[1]: \"dir\" is missing, e.g. dir: \"some text\"\n"
              "c.yaml:4:11: deploy[1].mode: a file mode in quotes is expected, e.g. mode: "
              "\"0640\"; found the text \"0640\"; without "
              "quotes programs read it as different numbers\n"
              "c.yaml:5:12: deploy[1].check: programs are given as a list of words, because no "
              "shell is used: check: [nginx, -t]\n"
              "c.yaml:7:3: authorities: \"a b\" cannot be a name: use 1 to 64 letters, digits, "
              "\"-\" and \"_\"\n"
              "c.yaml:8:19: authorities.le.directory: a text is expected, e.g. directory: \"some "
              "text\"; found the number 5; put it "
              "in quotes\n"
              "c.yaml:8:33: authorities.le.agree_tos: true or false is expected, e.g. agree_tos: "
              "true; found the text \"yes\"\n"
              "c.yaml:8:47: authorities.le.contact: a text or a list of texts is expected, e.g. "
              "contact: [one, two]; found a "
              "block of settings\n");
}

static void test_check_when_a_secret_is_bare_then_refused_without_showing_it(void **state)
{
    (void)state;
    complains(
        "names: [a]\nauthorities: {le: {directory: x, eab: {kid: hunter2, key: 12345}}}\n",
        "c.yaml:2:45: authorities.le.eab.kid: a secret is given by reference, never bare: kid: "
        "file:/etc/chancery/NAME, cred:NAME (systemd), exec:PROGRAM or env:NAME\n"
        "c.yaml:2:59: authorities.le.eab.key: a secret is given by reference, never bare: key: "
        "file:/etc/chancery/NAME, cred:NAME (systemd), exec:PROGRAM or env:NAME\n");
    complains(
        "names: [a]\nauthorities: {le: {directory: x, eab: {kid: 'file:', key: ~}}}\n",
        "c.yaml:2:45: authorities.le.eab.kid: a secret is given by reference, never bare: kid: "
        "file:/etc/chancery/NAME, cred:NAME (systemd), exec:PROGRAM or env:NAME\n"
        "c.yaml:2:59: authorities.le.eab.key: a secret is given by reference, never bare: key: "
        "file:/etc/chancery/NAME, cred:NAME (systemd), exec:PROGRAM or env:NAME\n");
}

static void test_check_when_shared_values_are_wrong_then_the_place_is_exact(void **state)
{
    (void)state;
    complains(
        "names: [a, true, b]\nkey: true\nlimits:\n  wait: true\nextra: true\n",
        "c.yaml:1:12: names: a text is expected, e.g. names: \"some text\"; found true; put it in "
        "quotes\n"
        "c.yaml:2:6: key: a text is expected, e.g. key: ecdsa-p256; found true; put it in quotes\n"
        "c.yaml:4:9: limits.wait: a duration (number and unit ms, s, m, h or d) is expected, e.g. "
        "wait: 10m; found true\n");
}

static void test_check_when_values_are_bad_then_each_kind_says_what_is_right(void **state)
{
    (void)state;
    static const struct {
        const char *text, *want;
    } cases[] = {
        {"wait: soon", "found the text \"soon\""},
        {"wait: 2h", "2h: must lie between 1s and 1h"},
        {"wait: 10ms", "10ms: must lie between 1s and 1h"},
        {"wait: -5s", "a duration"},
        {"wait: 5 s", "a duration"},
        {"wait: 99999999999999999999d", "a duration"},
        {"parallel: \"5\"", "a whole number is expected, e.g. parallel: 10; found the text \"5\"; "
                            "leave the quotes away"},
        {"parallel: 0", "0: must lie between 1 and 64"},
        {"parallel: 1.5", "found the text \"1.5\""},
        {"parallel: [1]", "found a list"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct complaints complaints = {0};
        AUTO(mem_fini)
        char *text = mem_printf("names: [a]\nlimits:\n  %s\n", cases[i].text);
        assert_null(check(text, &complaints));
        assert_int_equal(complaints.n, 1);
        assert_int_equal(complaints.items[0].line, 3);
        if (strstr(complaints.items[0].text, cases[i].want) == NULL)
            fail_msg("%s: %s", cases[i].text, complaints.items[0].text);
        complaints_fini(&complaints);
    }
}

static void test_check_when_a_mode_is_odd_then_refused(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        const char *want; /* NULL: good */
    } cases[] = {{"\"0640\"", NULL},
                 {"'640'", NULL},
                 {"\"00640\"", NULL},
                 {"0640", "without quotes"},
                 {"640", "without quotes"},
                 {"\"0680\"", "in quotes is expected"},
                 {"\"rw-r-----\"", "in quotes is expected"},
                 {"\"01777\"", "1777: must lie between 0400 and 0777"},
                 {"\"\"", "in quotes is expected"},
                 {"\"64\"", "in quotes is expected"}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct complaints complaints = {0};
        AUTO(mem_fini)
        char *text = mem_printf("names: [a]\ndeploy: [{dir: /d, mode: %s}]\n", cases[i].text);
        AUTO(json_fini)
        struct json *tree = check(text, &complaints);
        assert_int_equal(tree == NULL, cases[i].want != NULL);
        if (tree == NULL && strstr(complaints.items[0].text, cases[i].want) == NULL)
            fail_msg("%s: %s", cases[i].text, complaints.items[0].text);
        complaints_fini(&complaints);
    }
}

static void test_check_when_lists_are_odd_then_refused(void **state)
{
    (void)state;
    complains("names: []\n", "c.yaml:1:8: names: the list is empty; at least one is needed\n");
    complains("names: [a, b, c, d]\n", "c.yaml:1:8: names: 4 texts: must lie between 1 and 3\n");
    complains("names: [a]\nformats: [pem, dre]\n",
              "c.yaml:2:16: formats: one of pem, der is expected; found the text \"dre\"; did you "
              "mean \"der\"?\n");
    complains("names: [a]\ndeploy: {dir: /d}\n",
              "c.yaml:2:9: deploy: a list of blocks of settings (- key: value) is expected, e.g. "
              "deploy: [{...}]; found a block of "
              "settings; put \"- \" before its first key\n");
    complains("names: [a]\ndeploy: [{dir: /d, check: []}, 5]\n",
              "c.yaml:2:27: deploy[1].check: a list: the program and its arguments is expected, "
              "e.g. check: [/usr/sbin/nginx, -t]; "
              "found a list\n"
              "c.yaml:2:32: deploy[2]: a block of settings (key: value) is expected here\n");
    complains("names: [\"a\\x1b[31m\"]\n",
              "c.yaml:1:9: names: a control character cannot stand in this text\n");
    complains("[1, 2]\n", "c.yaml:1:1: a block of settings (key: value) is expected here\n");
}

static void test_check_when_thousands_are_wrong_then_the_first_hundred_are_told(void **state)
{
    (void)state;
    struct complaints complaints = {0};
    AUTO(buf_fini)
    struct buf text = BUF(1 << 20);
    buf_add_cstr(&text, "names: [a]\n");
    for (int i = 0; i < 20000; i++)
        buf_printf(&text, "wrong%d: 1\n", i);
    assert_null(check(buf_cstr(&text), &complaints));
    assert_int_equal(complaints.n, 101);
    assert_string_equal(complaints.items[100].text, "... and more; these are the first 100");
    complaints_fini(&complaints);
}

static void test_check_when_there_is_no_document_then_works_without_places(void **state)
{
    (void)state;
    struct complaints complaints = {0};
    struct err err = {0};
    AUTO(json_fini)
    struct json *tree = NULL;
    assert_true(json_parse(STR("{\"names\":[\"a\"],\"kye\":1,\"limits\":{\"wait\":true}}"), 1000,
                           &tree, &err));
    assert_null(table_check(NULL, tree, &root, &complaints));
    assert_int_equal(complaints.n, 2);
    assert_int_equal(complaints.items[0].line, 0);
    complaints_add(&complaints, NULL, tree, "own %s", "words");
    assert_string_equal(complaints.items[2].text, "own words");
    complaints_fini(&complaints);
}

static void test_complaints_when_added_by_hand_then_carry_the_place(void **state)
{
    (void)state;
    struct complaints complaints = {0};
    struct err err = {0};
    struct yaml *doc = NULL;
    AUTO(buf_fini)
    struct buf got = BUF(4096);
    assert_true(yaml_parse(STR("a: 1\nb: true\n"), "x.yaml", &doc, &err));
    complaints_add(&complaints, doc, json_find(yaml_tree(doc), "a"), "a is %d", 1);
    complaints_add_key(&complaints, doc, yaml_tree(doc), "b", "b\nis bad");
    complaints_add(&complaints, doc, NULL, "somewhere");
    complaints_format(&complaints, &got);
    assert_string_equal(buf_cstr(&got),
                        "x.yaml:1:4: a is 1\nx.yaml:2:1: b?is bad\nx.yaml: somewhere\n");
    complaints_fini(&complaints);
    yaml_free(doc);
}

static void test_suggest_when_near_then_named_and_when_far_then_not(void **state)
{
    (void)state;
    static const char *const words[] = {"names", "deploy", "agree_tos", "authorities", "key"};
    static const struct {
        const char *word, *want;
    } cases[] = {{"name", "names"},
                 {"nmaes", "names"},
                 {"deplyo", "deploy"},
                 {"agree-tos", "agree_tos"},
                 {"Agree_TOS", "agree_tos"},
                 {"authority", "authorities"},
                 {"kee", "key"},
                 {"ky", NULL},
                 {"x", NULL},
                 {"", NULL},
                 {"something", NULL},
                 {"deployments", NULL}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const char *got = table_suggest(cases[i].word, words, sizeof words / sizeof words[0]);
        if (cases[i].want == NULL ? got != NULL : got == NULL || strcmp(got, cases[i].want) != 0)
            fail_msg("%s gives %s", cases[i].word, got != NULL ? got : "nothing");
    }
}

static void test_document_when_written_then_each_section_once(void **state)
{
    (void)state;
    AUTO(buf_fini)
    struct buf out = BUF(65536);
    table_document(&root, 2, &out);
    const char *text = buf_cstr(&out);
    assert_non_null(strstr(text, "## chancery.yaml\n\nThe whole.\n\n| Setting | Kind | Default | "
                                 "Meaning |\n|---|---|---|---|\n"));
    assert_non_null(strstr(
        text,
        "| `key` | `ecdsa-p256`, `ecdsa-p384`, `rsa-2048` | `ecdsa-p256` | Kind of key. |\n"));
    assert_non_null(strstr(text, "### authorities.NAME\n"));
    assert_non_null(strstr(text, "#### authorities.NAME.eab\n"));
    assert_non_null(strstr(
        text,
        "| `directory` | text, 0 to 200 bytes | **required** | Where the CA's directory is. |\n"));
    assert_non_null(
        strstr(text, "| `mode` | file mode, 0400 to 0777 | `\"0640\"` | Mode \\| bits. |\n"));
    assert_non_null(strstr(text, "| `wait` | duration, 1s to 1h | `10m` | Patience. |\n"));
    assert_null(strstr(strstr(text, "### deploy\n") + 5, "### deploy\n"));
}

static void test_schema_when_made_then_an_editor_knows_kinds_and_limits(void **state)
{
    (void)state;
    AUTO(json_fini)
    struct json *schema = table_schema(&root);
    const struct json *members = json_find(schema, "properties");
    assert_string_equal(json_text(schema, "$schema"),
                        "https://json-schema.org/draft/2020-12/schema");
    assert_false(json_bool(schema, "additionalProperties", true));
    assert_string_equal(json_as_text(json_at(json_find(schema, "required"), 0)), "names");
    assert_int_equal(json_len(json_find(json_find(members, "key"), "enum")), 3);
    const struct json *limits = json_find(json_find(members, "limits"), "properties");
    assert_int_equal(json_int(json_find(limits, "parallel"), "maximum", 0), 64);
    assert_string_equal(json_text(json_find(limits, "wait"), "default"), "10m");
    const struct json *map = json_find(members, "authorities");
    assert_non_null(
        json_find(json_find(json_find(map, "additionalProperties"), "properties"), "eab"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_check_when_right_then_defaults_are_filled_in),
        cmocka_unit_test(test_check_when_a_block_is_commented_out_then_counts_as_absent),
        cmocka_unit_test(test_check_when_secrets_are_named_freely_then_each_is_a_reference),
        cmocka_unit_test(test_check_when_a_key_is_unknown_then_the_nearest_is_suggested),
        cmocka_unit_test(test_check_when_several_things_are_wrong_then_all_are_told_in_order),
        cmocka_unit_test(test_check_when_a_secret_is_bare_then_refused_without_showing_it),
        cmocka_unit_test(test_check_when_shared_values_are_wrong_then_the_place_is_exact),
        cmocka_unit_test(test_check_when_values_are_bad_then_each_kind_says_what_is_right),
        cmocka_unit_test(test_check_when_a_mode_is_odd_then_refused),
        cmocka_unit_test(test_check_when_lists_are_odd_then_refused),
        cmocka_unit_test(test_check_when_thousands_are_wrong_then_the_first_hundred_are_told),
        cmocka_unit_test(test_check_when_there_is_no_document_then_works_without_places),
        cmocka_unit_test(test_complaints_when_added_by_hand_then_carry_the_place),
        cmocka_unit_test(test_suggest_when_near_then_named_and_when_far_then_not),
        cmocka_unit_test(test_document_when_written_then_each_section_once),
        cmocka_unit_test(test_schema_when_made_then_an_editor_knows_kinds_and_limits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
