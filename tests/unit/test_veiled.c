/* SEES: base crypto config dns-providers */
#include "dns-providers/veiled.h"
#include "rfc_keys.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

enum { OUT_MAX = 64 * 1024 };

static const struct {
    const char *name, *value;
} known[] = {
    {"user", "Aladdin"},
    {"password", "open sesame"},
    {"key", "Jefe"},
    {"braces", "{{user}}"},
    {"quoted", "a\"b\\c\n"},
    {"rsa", RFC7515_A2_KEY},
    {"otp", "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"},
    {"account", "{\"id\": \"ajk\", \"keys\": [{\"n\": 7}]}"},
    {"tokens", "# none\nexample.com = abc=\n EXAMPLE.org=def\n"},
};

static bool resolve(void *arg, struct str name, const struct secret **ret, struct err *err)
{
    struct secret *secrets = arg;
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
        if (!str_eq(name, str_of(known[i].name)))
            continue;
        if (secrets[i].p == NULL)
            secret_init(&secrets[i], known[i].value, strlen(known[i].value));
        *ret = &secrets[i];
        return true;
    }
    return err_set(err, ERR_CONFIG, "%.*s is not configured", STR_ARG(name));
}

static bool fill(const char *text, enum veiled_place place, struct buf *out, struct err *err)
{
    struct secret secrets[sizeof known / sizeof known[0]] = {{0}};
    bool ok = veiled_fill(str_of(text), place, resolve, secrets, out, err);
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++)
        secret_fini(&secrets[i]);
    return ok;
}

static void fills(const char *text, enum veiled_place place, const char *expected)
{
    AUTO(buf_fini)
    struct buf out = BUF(OUT_MAX);
    struct err err = {0};
    if (!fill(text, place, &out, &err))
        fail_msg("%s: %s", text, err.text);
    assert_string_equal(buf_cstr(&out), expected);
}

static void refuses(const char *text, enum veiled_place place, const char *why)
{
    AUTO(buf_fini)
    struct buf out = BUF(OUT_MAX);
    struct err err = {0};
    assert_false(fill(text, place, &out, &err));
    if (strstr(err.text, why) == NULL)
        fail_msg("\"%s\" does not say \"%s\"", err.text, why);
}

static void test_fill_when_a_secret_is_named_then_it_is_encoded_for_its_place(void **state)
{
    (void)state;
    fills("Bearer {{password}}", VEILED_IN_HEADER, "Bearer open sesame");
    fills("/login?p={{password}}", VEILED_IN_URL, "/login?p=open%20sesame");
    fills("{\"p\": \"{{quoted}}\"}", VEILED_IN_JSON, "{\"p\": \"a\\\"b\\\\c\\n\"}");
    fills("{{quoted}}", VEILED_IN_BODY, "a\"b\\c\n");
    refuses("X: {{quoted}}", VEILED_IN_HEADER, "quoted holds a line break");
    refuses("{{nobody}}", VEILED_IN_BODY, "nobody is not configured");
}

static void test_fill_when_braces_are_no_expression_then_they_stay(void **state)
{
    (void)state;
    static const char *const texts[] = {"{\"a\": {\"b\": {}}}",
                                        "{{}}",
                                        "{{User}}",
                                        "{{user}",
                                        "{{ user }}",
                                        "{{b64(}}",
                                        "{{b64()}}",
                                        "{{\"",
                                        "{{(}}",
                                        "{",
                                        "{{",
                                        "{{nofn(user)}}"};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
        fills(texts[i], VEILED_IN_BODY, texts[i]);
}

/* RFC 7617 2, RFC 2202 / RFC 4231 case 2, FIPS 180 "abc", RFC 6238 appendix B at 59 s (its last six digits). */
static void test_functions_when_given_published_vectors_then_they_agree(void **state)
{
    (void)state;
    fills("Basic {{b64(user,\":\",password)}}", VEILED_IN_HEADER,
          "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==");
    fills("{{hex(hmac_md5(key,\"what do ya want \",\"for nothing?\"))}}", VEILED_IN_BODY,
          "750c783e6ab0b503eaa86e310a5db738");
    fills("{{hex(hmac_sha1(key,\"what do ya want for nothing?\"))}}", VEILED_IN_BODY,
          "effcdf6ae5eb2fa2d27416d5f184df9c259a7c79");
    fills("{{hex(hmac_sha256(key,\"what do ya want for nothing?\"))}}", VEILED_IN_BODY,
          "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
    fills("{{hex(md5(\"abc\"))}}", VEILED_IN_BODY, "900150983cd24fb0d6963f7d28e17f72");
    fills("{{hex(sha1(\"abc\"))}}", VEILED_IN_BODY, "a9993e364706816aba3e25717850c26c9cd0d89d");
    fills("{{totp(otp,\"59\")}}", VEILED_IN_BODY, "287082");
    fills("{{totp(otp,\"1111111109\")}}", VEILED_IN_BODY, "081804");
    fills("{{unb64(b64(user))}}{{upper(user)}}{{lower(user)}}", VEILED_IN_BODY,
          "AladdinALADDINaladdin");
    /* PKCS#1 1.5 signatures are always the same; this is OpenSSL's. */
    fills("{{hex(sha256(rs512(rsa,\"abc\")))}}", VEILED_IN_BODY,
          "a1f8f58c0d95ef79a4329da498b47344b474fc48e2866bdea146c0417e7c2671");
    fills("{{xml(quoted)}} {{xml(\"<&>\")}}", VEILED_IN_BODY, "a&quot;b\\c&#10; &lt;&amp;&gt;");
    fills("{{b64url(\"\\xff\\xfe\")}} {{unhex(\"4a6f\")}} {{trim(\" a \")}}", VEILED_IN_BODY,
          "__4 Jo a");
}

static void test_lookups_when_the_secret_is_structured_then_parts_of_it_are_found(void **state)
{
    (void)state;
    fills("{{at(account,\"/id\")}} {{at(account,\"/keys/0/n\")}}", VEILED_IN_BODY, "ajk 7");
    refuses("{{at(account,\"/nothing\")}}", VEILED_IN_BODY, "account: holds nothing at /nothing");
    refuses("{{at(password,\"/id\")}}", VEILED_IN_BODY, "password: is no JSON text");
    fills("{{lookup(tokens,\"example.com\")}} {{lookup(tokens,\"example.org\")}}", VEILED_IN_BODY,
          "abc= def");
    refuses("{{lookup(tokens,\"example.net\")}}", VEILED_IN_BODY,
            "tokens: has no line example.net=");
    refuses("{{totp(quoted,\"59\")}}", VEILED_IN_BODY, "quoted: is no base32");
    refuses("{{rs256(password,\"x\")}}", VEILED_IN_BODY, "password: no RSA private key");
}

static void format_is(const struct veiled *v, const char *expected)
{
    AUTO(buf_fini)
    struct buf out = BUF(OUT_MAX);
    veiled_format(v, &out);
    assert_string_equal(buf_cstr(&out), expected);
}

static void test_build_when_no_secret_is_in_it_then_it_is_worked_out_at_once(void **state)
{
    (void)state;
    struct arena *arena = arena_new();
    const struct veiled *v, *a = veiled_text(arena, STR("Aladdin:"));
    const struct veiled *arguments[] = {a, veiled_text(arena, STR("open sesame"))};
    assert_true(veiled_call(arena, VEILED_B64, arguments, 2, &v, NULL));
    assert_true(veiled_is_plain(v));
    assert_string_equal(veiled_plain(v).p, "QWxhZGRpbjpvcGVuIHNlc2FtZQ==");
    arguments[1] = veiled_secret(arena, "password");
    assert_true(veiled_call(arena, VEILED_B64, arguments, 2, &v, NULL));
    assert_false(veiled_is_plain(v));
    format_is(v, "{{b64((\"Aladdin:\",password))}}");
    format_is(veiled_join(arena, veiled_text(arena, STR("Basic ")), v),
              "Basic {{b64((\"Aladdin:\",password))}}");
    fills("{{b64((\"Aladdin:\",password))}}", VEILED_IN_HEADER, "QWxhZGRpbjpvcGVuIHNlc2FtZQ==");
    struct err err = {0};
    assert_false(veiled_call(arena, VEILED_AT, arguments, 1, &v, &err));
    assert_non_null(strstr(err.text, "at takes 2 arguments, not 1"));
    arena_free(arena);
}

/* What a hostile API answers must not become the name of a secret. */
static void test_format_when_a_text_holds_expressions_then_they_are_filled_in_as_text(void **state)
{
    (void)state;
    static const char *const texts[] = {"{{user}}", "{{{user}}}",  "{{b64(user)}}", "{",
                                        "a{",       "{\"{{user}}", "{{\"{\"}}",     "{ {user}}"};
    struct arena *arena = arena_new();
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        AUTO(buf_fini)
        struct buf out = BUF(OUT_MAX);
        veiled_format(veiled_text(arena, str_of(texts[i])), &out);
        assert_false(veiled_has_secret(buf_str(&out)));
        /* also beside a real one, and with a brace that follows */
        buf_add_cstr(&out, "{{user}}");
        AUTO(mem_fini)
        char *expected = mem_printf("%sAladdin", texts[i]);
        fills(buf_cstr(&out), VEILED_IN_BODY, expected);
        assert_true(veiled_has_secret(buf_str(&out)));
    }
    fills("{{braces}}", VEILED_IN_BODY, "{{user}}");
    arena_free(arena);
}

static void test_parse_when_it_was_formatted_then_it_is_the_same_again(void **state)
{
    (void)state;
    static const char *const texts[] = {"plain", "", "a{{user}}b{{b64(user,\":\",password)}}",
                                        "{{hex(hmac_sha256(key,\"a\\\"b\\x0a\"))}}c",
                                        "{{\"{\"}}{{\"{\"}}user}}"};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        struct arena *arena = arena_new();
        const struct veiled *v = NULL;
        AUTO(buf_fini)
        struct buf once = BUF(OUT_MAX), twice = BUF(OUT_MAX);
        assert_true(veiled_parse(arena, str_of(texts[i]), &v, NULL));
        veiled_format(v, &once);
        assert_true(veiled_parse(arena, buf_str(&once), &v, NULL));
        veiled_format(v, &twice);
        assert_string_equal(buf_cstr(&once), buf_cstr(&twice));
        assert_int_equal(veiled_has_secret(str_of(texts[i])), !veiled_is_plain(v));
        buf_fini(&twice);
        arena_free(arena);
    }
}

static void test_join_when_it_has_many_parts_then_it_is_read_back(void **state)
{
    (void)state;
    struct arena *arena = arena_new();
    const struct veiled *all = NULL, *digest = NULL;
    AUTO(buf_fini)
    struct buf text = BUF(OUT_MAX);
    AUTO(buf_fini)
    struct buf plain = BUF(OUT_MAX);
    for (int i = 0; i < 200; i++) {
        all = veiled_join(arena, all, veiled_secret(arena, "user"));
        all = veiled_join(arena, all, veiled_text(arena, STR("-")));
        buf_add_cstr(&plain, "Aladdin-");
    }
    const struct veiled *whole = veiled_text(arena, buf_str(&plain)), *wanted = NULL;
    assert_true(veiled_call(arena, VEILED_SHA256, &all, 1, &digest, NULL));
    assert_true(veiled_call(arena, VEILED_HEX, &digest, 1, &digest, NULL));
    assert_true(veiled_call(arena, VEILED_SHA256, &whole, 1, &wanted, NULL));
    assert_true(veiled_call(arena, VEILED_HEX, &wanted, 1, &wanted, NULL));
    veiled_format(digest, &text);
    fills(buf_cstr(&text), VEILED_IN_HEADER, veiled_plain(wanted).p);
    arena_free(arena);
}

static void test_fill_when_it_nests_too_deep_then_it_is_text(void **state)
{
    (void)state;
    AUTO(buf_fini)
    struct buf text = BUF(OUT_MAX);
    buf_add_cstr(&text, "{{");
    for (int i = 0; i < 5000; i++)
        buf_add_cstr(&text, "b64(");
    buf_add_cstr(&text, "user");
    for (int i = 0; i < 5000; i++)
        buf_add_cstr(&text, ")");
    buf_add_cstr(&text, "}}");
    fills(buf_cstr(&text), VEILED_IN_BODY, buf_cstr(&text));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_fill_when_a_secret_is_named_then_it_is_encoded_for_its_place),
        cmocka_unit_test(test_fill_when_braces_are_no_expression_then_they_stay),
        cmocka_unit_test(test_functions_when_given_published_vectors_then_they_agree),
        cmocka_unit_test(test_lookups_when_the_secret_is_structured_then_parts_of_it_are_found),
        cmocka_unit_test(test_build_when_no_secret_is_in_it_then_it_is_worked_out_at_once),
        cmocka_unit_test(test_format_when_a_text_holds_expressions_then_they_are_filled_in_as_text),
        cmocka_unit_test(test_parse_when_it_was_formatted_then_it_is_the_same_again),
        cmocka_unit_test(test_join_when_it_has_many_parts_then_it_is_read_back),
        cmocka_unit_test(test_fill_when_it_nests_too_deep_then_it_is_text),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
