/* SEES: base crypto config dns-providers */
#include "dns-providers/manifest/cond.h"
#include "dns-providers/manifest/tree.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

enum { OUT_MAX = 256 * 1024 };

static const struct setting settings[] = {
    {.name = "token", .kind = SETTING_SECRET},
    {.name = "account", .kind = SETTING_SECRET},
    {.name = "login", .kind = SETTING_TEXT},
    {.name = "zone_id", .kind = SETTING_TEXT},
};
static const struct section section = {.settings = settings, .n = 4};
static const unsigned char random_[32] = {1, 2, 3};

struct world {
    struct arena *arena;
    struct scope cred, zone, name, txt, now, values;
    struct template_context context;
};

static struct json *tree_of(struct arena *arena, const char *text)
{
    struct json *tree = NULL;
    struct err err = {0};
    if (!json_parse(str_of(text), OUT_MAX, &tree, &err))
        fail_msg("%s: %s", text, err.text);
    return json_in_arena(arena, tree);
}

static int setup(void **state)
{
    struct world *w = NEW(struct world);
    struct arena *a = w->arena = arena_new();
    w->cred = (struct scope){
        .name = "cred",
        .settings =
            tree_of(a, "{\"token\": \"file:/t\", \"account\": \"file:/a\", \"login\": \"me\"}"),
        .section = &section};
    w->zone = (struct scope){
        .outer = &w->cred,
        .name = "zone",
        .value = value_of_json(
            tree_of(a, "{\"id\": \"a/b c\", \"n\": 7, \"kind\": \"Master\", \"empty\": \"\", "
                       "\"evil\": \"{{token}}\", \"up\": \"..\", \"list\": [\"x\", \"y\"]}"))};
    w->name =
        (struct scope){.outer = &w->zone,
                       .name = "name",
                       .value = value_of_json(tree_of(
                           a, "{\"fqdn\": \"_acme-challenge.www.example.com\", \"rel\": \"\"}"))};
    w->txt = (struct scope){.outer = &w->name, .name = "txt", .value = value_of_cstr(a, "v\"1")};
    w->now = (struct scope){
        .outer = &w->txt, .name = "now", .value = value_of_json(tree_of(a, "{\"unix\": 59}"))};
    w->values = (struct scope){
        .outer = &w->now,
        .name = "values",
        .value = value_of_json(tree_of(a, "[{\"text\": \"ours\"}, {\"text\": \"theirs\", \"raw\": "
                                          "{\"content\": \"\\\"theirs\\\"\", \"x\": 1}}]"))};
    w->context = (struct template_context){.scope = &w->values, .arena = a, .random = random_};
    *state = w;
    return 0;
}

static int teardown(void **state)
{
    struct world *w = *state;
    arena_free(w->arena);
    mem_free(w);
    return 0;
}

static void text_is(struct world *w, const char *template, const char *expected)
{
    AUTO(buf_fini)
    struct buf out = BUF(OUT_MAX);
    const struct veiled *text = NULL;
    struct err err = {0};
    if (!template_text(&w->context, template, &text, &err))
        fail_msg("%s: %s", template, err.text);
    veiled_format(text, &out);
    assert_string_equal(buf_cstr(&out), expected);
}

static void text_fails(struct world *w, const char *template, const char *why)
{
    const struct veiled *text = NULL;
    struct err err = {0};
    if (template_text(&w->context, template, &text, &err))
        fail_msg("%s was taken", template);
    if (strstr(err.text, why) == NULL)
        fail_msg("\"%s\" does not say \"%s\"", err.text, why);
}

static void test_template_when_variables_are_set_then_they_stand_in_it(void **state)
{
    struct world *w = *state;
    text_is(w, "a {zone.kind} {{b}} {cred.login}", "a Master {b} me");
    text_is(w, "{zone.n|add:3}{zone.n|roundup:5,10,20}", "1010");
    text_is(w, "{name.rel|or:@} {zone.nothing|or:none}", "@ none");
    text_is(w, "{txt|quote} {name.fqdn|dot} {name.fqdn|labels:2}",
            "\"v\\\"1\" _acme-challenge.www.example.com. example.com");
    text_is(w, "{name.fqdn|reverse:/} {zone.kind|reverse:/}",
            "com/example/www/_acme-challenge Master");
    text_is(w, "{name.fqdn|replace:.,-|upper}", "_ACME-CHALLENGE-WWW-EXAMPLE-COM");
    text_is(w, "{zone.list|first}{zone.list:/1}", "xy");
    text_fails(w, "{zone.nothing}", "zone.nothing is not set");
    text_fails(w, "{cred.zone_id}", "cred.zone_id is not set");
    text_fails(w, "{zone.kind|int}", "is no number");
}

static void test_template_when_secrets_are_in_it_then_only_their_names_are(void **state)
{
    struct world *w = *state;
    text_is(w, "Bearer {cred.token}", "Bearer {{token}}");
    text_is(w, "{cred.token|sha256|hex}", "{{hex(sha256(token))}}");
    text_is(w, "{txt|hmac:sha256,cred.token|b64}", "{{b64(hmac_sha256(token,\"v\\\"1\"))}}");
    text_is(w, "{cred.account:/id}", "{{at(account,\"/id\")}}");
    text_is(w, "{name.fqdn|lookup:cred.account}",
            "{{lookup(account,\"_acme-challenge.www.example.com\")}}");
    text_is(w, "{cred.token|totp}", "{{totp(token,\"59\")}}");
    text_is(w, "{zone.evil}", "{{\"{\"}}{token}}");
    text_fails(w, "{cred.token|replace:a,b}", "cannot be applied to a secret");
}

static void test_template_when_in_a_path_then_each_placeholder_is_one_segment(void **state)
{
    struct world *w = *state;
    w->context.in_path = true;
    text_is(w, "/zones/{zone.id}/x", "/zones/a%2Fb%20c/x");
    text_is(w, "/zones/{zone.id|path}", "/zones/a/b%20c");
    text_is(w, "/p/{cred.token}", "/p/{{enc(token)}}");
    text_fails(w, "/zones/{zone.up}/x", "segments . and ..");
}

static void checks(const char *template, const char *why)
{
    struct err err = {0};
    bool ok = template_check(template, NULL, NULL, &err);
    if (ok != (why == NULL) || (why != NULL && strstr(err.text, why) == NULL))
        fail_msg("%s: \"%s\"", template, err.text);
}

static void test_check_when_a_template_is_malformed_then_it_says_how(void **state)
{
    (void)state;
    checks("{zone.id|seg} {{ }} {cred.a:/b/0}", NULL);
    checks("{zone.id", "without \"}\"");
    checks("a } b", "a single \"}\"");
    checks("{Zone}", "a variable is made of");
    checks("{}", "a variable is made of");
    checks("{txt|nofilter}", "no filter \"nofilter\"");
    checks("{txt|or}", "takes 1 to 1 arguments, not 0");
    checks("{txt|hmac:sha3,cred.k}", "does not know \"sha3\"");
    checks("{txt|add:x}", "\"x\" is no number");
    checks("{zone:b}", "no JSON pointer");
}

static void tree_is(struct world *w, const char *tree, const char *expected)
{
    AUTO(buf_fini)
    struct buf out = BUF(OUT_MAX);
    const struct veiled *text = NULL;
    struct err err = {0};
    if (!tree_render(&w->context, tree_of(w->arena, tree), &text, &err))
        fail_msg("%s: %s", tree, err.text);
    veiled_format(text, &out);
    assert_string_equal(buf_cstr(&out), expected);
}

static void test_tree_when_worked_out_then_types_stay_and_text_is_encoded(void **state)
{
    struct world *w = *state;
    tree_is(
        w,
        "{\"a\": \"{zone.n}\", \"b\": \"{zone.n|str}!\", \"c\": [true, null, 1], \"d\": \"{txt}\"}",
        "{\"a\":7,\"b\":\"7!\",\"c\":[true,null,1],\"d\":\"v\\\"1\"}");
    tree_is(w, "{\"n\": {\"o\": {}}}", "{\"n\":{\"o\":{}}}");
    tree_is(w, "{\"p\": \"{cred.token}\", \"q\": \"a{cred.token|b64}\"}",
            "{\"p\":\"{{json(token)}}\",\"q\":\"{{json((\"a\",b64(token)))}}\"}");
    tree_is(w, "{\"e\": \"{zone.evil}\"}", "{\"e\":\"{{\"{\"}}{token}}\"}");
}

static void test_tree_when_it_has_directives_then_they_are_obeyed(void **state)
{
    struct world *w = *state;
    tree_is(w,
            "{\"r\": {\"$each\": \"values\", \"emit\": {\"$if\": {\"set\": \"raw\"}, \"then\": "
            "{\"$doc\": "
            "\"raw\"}, \"else\": {\"content\": \"{item|quote}\"}}}}",
            "{\"r\":[{\"content\":\"\\\"ours\\\"\"},{\"content\":\"\\\"theirs\\\"\",\"x\":1}]}");
    tree_is(
        w, "{\"a\": {\"$if\": {\"var\": \"zone.kind\", \"is\": \"Slave\"}, \"then\": 1}, \"b\": 2}",
        "{\"b\":2}");
    tree_is(w, "{\"$merge\": [{\"a\": 1, \"b\": 1}, {\"b\": \"{zone.n}\"}]}", "{\"a\":1,\"b\":7}");
    tree_is(w, "{\"j\": {\"$json\": {\"t\": \"{txt}\"}}}",
            "{\"j\":\"{\\\"t\\\":\\\"v\\\\\\\"1\\\"}\"}");
    tree_is(w, "{\"$each\": \"zone.list\", \"as\": \"l\", \"emit\": \"{l|upper}\"}",
            "[\"X\",\"Y\"]");
}

static void test_tree_when_it_signs_a_token_then_the_key_stays_a_name(void **state)
{
    struct world *w = *state;
    AUTO(buf_fini)
    struct buf out = BUF(OUT_MAX);
    const struct veiled *text = NULL;
    struct err err = {0};
    assert_true(tree_render(
        &w->context,
        tree_of(w->arena, "{\"$jwt\": {\"alg\": \"RS256\", \"key\": \"{cred.account:/k}\", "
                          "\"claims\": {\"aud\": \"x\"}, \"life\": 60}}"),
        &text, &err));
    veiled_format(text, &out);
    /* {"alg":"RS256","typ":"JWT"} */
    assert_non_null(strstr(buf_cstr(&out), "eyJhbGciOiJSUzI1NiIsInR5cCI6IkpXVCJ9."));
    assert_non_null(strstr(buf_cstr(&out), "b64url(rs256(at(account,\"/k\"),\"eyJ"));
}

static void cond_is(struct world *w, const char *cond, bool expected)
{
    struct err err = {0};
    bool holds = !expected;
    const struct json *answer =
        tree_of(w->arena, "{\"success\": true, \"code\": 4001, \"list\": []}");
    if (!cond_holds(&w->context, tree_of(w->arena, cond), answer, &holds, &err))
        fail_msg("%s: %s", cond, err.text);
    if (holds != expected)
        fail_msg("%s", cond);
}

static void test_cond_when_tests_are_made_then_texts_and_numbers_compare(void **state)
{
    struct world *w = *state;
    cond_is(w, "{\"ptr\": \"/success\", \"is\": true}", true);
    cond_is(w, "{\"ptr\": \"/code\", \"in\": [\"4000\", \"4001\"]}", true);
    cond_is(w, "{\"ptr\": \"/code\", \"starts\": \"40\"}", true);
    cond_is(w, "{\"ptr\": \"/list\", \"empty\": true}", true);
    cond_is(w, "{\"ptr\": \"/nothing\", \"is\": \"\"}", false);
    cond_is(w, "{\"set\": \"cred.token\"}", true);
    cond_is(w, "{\"set\": \"cred.zone_id\"}", false);
    cond_is(w, "{\"not\": {\"var\": \"zone.kind\", \"is\": \"Master\"}}", false);
    cond_is(w, "{\"all\": [{\"set\": \"zone.id\"}, {\"set\": \"zone.nothing\"}]}", false);
    cond_is(w, "{\"any\": [{\"set\": \"zone.nothing\"}, {\"set\": \"zone.id\"}]}", true);
    struct err err = {0};
    bool holds = false;
    assert_false(cond_holds(&w->context,
                            tree_of(w->arena, "{\"var\": \"cred.token\", \"starts\": \"a\"}"), NULL,
                            &holds, &err));
    assert_non_null(strstr(err.text, "cannot look at a secret"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_template_when_variables_are_set_then_they_stand_in_it,
                                        setup, teardown),
        cmocka_unit_test_setup_teardown(
            test_template_when_secrets_are_in_it_then_only_their_names_are, setup, teardown),
        cmocka_unit_test_setup_teardown(
            test_template_when_in_a_path_then_each_placeholder_is_one_segment, setup, teardown),
        cmocka_unit_test(test_check_when_a_template_is_malformed_then_it_says_how),
        cmocka_unit_test_setup_teardown(
            test_tree_when_worked_out_then_types_stay_and_text_is_encoded, setup, teardown),
        cmocka_unit_test_setup_teardown(test_tree_when_it_has_directives_then_they_are_obeyed,
                                        setup, teardown),
        cmocka_unit_test_setup_teardown(test_tree_when_it_signs_a_token_then_the_key_stays_a_name,
                                        setup, teardown),
        cmocka_unit_test_setup_teardown(
            test_cond_when_tests_are_made_then_texts_and_numbers_compare, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
