/* SEES: base */
#include "base/buf.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

enum { OUT_MAX = 4096 };

typedef bool decoder(struct buf *out, struct str text);

static void assert_decodes(decoder *decode, struct str text, struct str bytes)
{
    AUTO(buf_fini)
    struct buf out = BUF(OUT_MAX);
    buf_add_cstr(&out, "<"); /* decoders append */
    assert_true(decode(&out, text));
    assert_int_equal(out.len, bytes.len + 1);
    assert_memory_equal(out.p + 1, bytes.p, bytes.len);
}

static void assert_refuses(decoder *decode, struct str text)
{
    AUTO(buf_fini)
    struct buf out = BUF(OUT_MAX);
    buf_add_cstr(&out, "kept");
    if (decode(&out, text))
        fail_msg("decoded: %.*s", STR_ARG(text));
    assert_string_equal(buf_cstr(&out), "kept");
}

/* RFC 4648 10 */
static const struct {
    const char *plain, *base64, *base64url;
} vectors[] = {
    {"", "", ""},
    {"f", "Zg==", "Zg"},
    {"fo", "Zm8=", "Zm8"},
    {"foo", "Zm9v", "Zm9v"},
    {"foob", "Zm9vYg==", "Zm9vYg"},
    {"fooba", "Zm9vYmE=", "Zm9vYmE"},
    {"foobar", "Zm9vYmFy", "Zm9vYmFy"},
    {"\xfb\xff\xbf", "+/+/", "-_-_"},
};

static void test_base64_when_vectors_of_rfc_4648_then_both_ways(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof vectors / sizeof vectors[0]; i++) {
        struct str plain = str_of(vectors[i].plain);
        AUTO(buf_fini)
        struct buf a = BUF(OUT_MAX);
        AUTO(buf_fini)
        struct buf b = BUF(OUT_MAX);
        base64_encode(&a, plain.p, plain.len);
        base64url_encode(&b, plain.p, plain.len);
        assert_string_equal(buf_cstr(&a), vectors[i].base64);
        assert_string_equal(buf_cstr(&b), vectors[i].base64url);
        assert_decodes(base64url_decode, buf_str(&b), plain);
        assert_decodes(base64_decode_any, buf_str(&a), plain);
        assert_decodes(base64_decode_any, buf_str(&b), plain);
    }
}

static void test_base64_when_every_byte_and_length_then_round_trip(void **state)
{
    (void)state;
    unsigned char bytes[256];
    for (size_t i = 0; i < 256; i++)
        bytes[i] = (unsigned char)(255 - i);
    for (size_t len = 0; len <= 256; len++) {
        AUTO(buf_fini)
        struct buf url = BUF(OUT_MAX);
        AUTO(buf_fini)
        struct buf std = BUF(OUT_MAX);
        AUTO(buf_fini)
        struct buf hex = BUF(OUT_MAX);
        base64url_encode(&url, bytes, len);
        base64_encode(&std, bytes, len);
        hex_encode(&hex, bytes, len);
        assert_int_equal(std.len, (len + 2) / 3 * 4);
        assert_decodes(base64url_decode, buf_str(&url), str_mem(bytes, len));
        assert_decodes(base64_decode_any, buf_str(&std), str_mem(bytes, len));
        assert_decodes(hex_decode, buf_str(&hex), str_mem(bytes, len));
    }
}

static void test_base64url_decode_when_not_canonical_then_refused(void **state)
{
    (void)state;
    static const char *const bad[] = {"Z",     "Zg==",   "Zm8=", "Zh",    "Zm9", "Zm9vY",
                                      "Zm 9v", "Zm9v\n", "+/+/", "Zm9v=", "Zg.", "\xc3\xa9\xc3\xa9",
                                      "===="};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_refuses(base64url_decode, str_of(bad[i]));
    assert_refuses(base64url_decode, STR("Zm9\0"));
}

static void test_base64_decode_any_when_forms_vary_then_taken(void **state)
{
    (void)state;
    assert_decodes(base64_decode_any, STR(" Zm9v\r\n\tYg =\n="), STR("foob"));
    assert_decodes(base64_decode_any, STR("-_-_"), STR("\xfb\xff\xbf"));
    assert_decodes(base64_decode_any, STR("\n \t"), STR(""));
}

static void test_base64_decode_any_when_wrong_then_refused(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "Z",                                    /* a letter alone */
        "Zg=",                                  /* half the padding */
        "Zg===",                                /* too much */
        "Zm9v=",                                /* padding where none belongs */
        "Zm9v====", "=",    "Z===", "Zg==Zg==", /* text after the padding */
        "Zh==",                                 /* bits beyond the end */
        "Zm9=",     "Zm9*", "+_+_",             /* both alphabets */
        "Zm9v.",
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_refuses(base64_decode_any, str_of(bad[i]));
}

static void test_decode_when_beyond_the_ceiling_then_false(void **state)
{
    (void)state;
    AUTO(buf_fini)
    struct buf out = BUF(2);
    assert_false(base64url_decode(&out, STR("Zm9v")));
    AUTO(buf_fini)
    struct buf small = BUF(1);
    assert_false(hex_decode(&small, STR("0011")));
}

static void test_hex_when_cases_vary_then_decoded_and_written_lower(void **state)
{
    (void)state;
    AUTO(buf_fini)
    struct buf out = BUF(OUT_MAX);
    hex_encode(&out, "\x00\xab\xff", 3);
    assert_string_equal(buf_cstr(&out), "00abff");
    assert_decodes(hex_decode, STR("00AbfF"), STR("\x00\xab\xff"));
    assert_decodes(hex_decode, STR(""), STR(""));
    static const char *const bad[] = {"0", "0g", "g0", "00 1", "0x00", "00:1"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_refuses(hex_decode, str_of(bad[i]));
}

static void test_utf8_len_when_well_formed_then_its_length(void **state)
{
    (void)state;
    assert_int_equal(utf8_len(STR("a")), 1);
    assert_int_equal(utf8_len(STR("\xc2\x80")), 2);
    assert_int_equal(utf8_len(STR("\xe0\xa0\x80")), 3);
    assert_int_equal(utf8_len(STR("\xed\x9f\xbf")), 3);
    assert_int_equal(utf8_len(STR("\xf0\x90\x80\x80")), 4);
    assert_int_equal(utf8_len(STR("\xf4\x8f\xbf\xbf")), 4);
}

static void test_utf8_len_when_malformed_then_zero(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "\x80",      "\xc0\x80",         "\xc1\xbf",         "\xc2",
        "\xc2z",     "\xe0\x9f\xbf",     "\xed\xa0\x80",     "\xe2\x82",
        "\xe2\x82z", "\xf0\x8f\xbf\xbf", "\xf4\x90\x80\x80", "\xf5\x80\x80\x80",
        "\xff",
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_int_equal(utf8_len(str_of(bad[i])), 0);
    assert_int_equal(utf8_len(STR("")), 0);
    assert_int_equal(utf8_len(STR_NONE), 0);
}

static void assert_escapes(struct str text, size_t max, const char *want)
{
    AUTO(buf_fini)
    struct buf out = BUF(OUT_MAX);
    buf_add_cstr(&out, "<");
    text_escape(&out, text, max);
    assert_string_equal(buf_cstr(&out) + 1, want);
    assert_true(out.len - 1 <= max);
}

static void test_text_escape_when_bytes_are_unsafe_then_as_hex(void **state)
{
    (void)state;
    assert_escapes(STR("a\nb\x1b[0m\x7f\\\0z"), 100, "a\\x0ab\\x1b[0m\\x7f\\x5c\\x00z");
    assert_escapes(STR("gr\xc3\xbc\xc3\x9f \xf0\x9f\x98\x80"), 100,
                   "gr\xc3\xbc\xc3\x9f \xf0\x9f\x98\x80");
    assert_escapes(STR("\xff\xc3"), 100, "\\xff\\xc3");
    assert_escapes(STR("\xc2\x9b"
                       "31m"),
                   100, "\\xc2\\x9b31m"); /* a C1 control in UTF-8 */
    assert_escapes(STR(""), 0, "");
}

static void test_text_escape_when_text_turns_its_direction_then_as_hex(void **state)
{
    (void)state;
    assert_escapes(STR("a\xe2\x80\xaegpj.exe"), 100, "a\\xe2\\x80\\xaegpj.exe"); /* U+202E */
    assert_escapes(STR("\xe2\x80\x8e\xe2\x80\x8f"), 100, "\\xe2\\x80\\x8e\\xe2\\x80\\x8f");
    assert_escapes(STR("\xe2\x81\xa6x\xe2\x81\xa9"), 100, "\\xe2\\x81\\xa6x\\xe2\\x81\\xa9");
    assert_escapes(STR("\xe2\x80\xa8"), 100, "\\xe2\\x80\\xa8"); /* a line separator */
    assert_escapes(STR("\xd8\x9c"), 100, "\\xd8\\x9c");
    /* Their neighbours, and letters that are written from right to left, are no such thing. */
    assert_escapes(STR("\xe2\x80\x93\xe2\x80\xaf\xe2\x81\xaa"), 100,
                   "\xe2\x80\x93\xe2\x80\xaf\xe2\x81\xaa");
    assert_escapes(STR("\xd7\xa9\xd7\x9c\xd7\x95\xd7\x9d"), 100,
                   "\xd7\xa9\xd7\x9c\xd7\x95\xd7\x9d");
}

static void test_text_escape_when_longer_than_max_then_cut_with_dots(void **state)
{
    (void)state;
    assert_escapes(STR("abcdef"), 6, "abcdef");
    assert_escapes(STR("abcdefg"), 6, "abc...");
    assert_escapes(STR("abc\n"), 6, "abc...");
    assert_escapes(STR("\n\n"), 8, "\\x0a\\x0a");
    assert_escapes(STR("\n\n\n"), 8, "\\x0a...");
    assert_escapes(STR("aa\xc3\xbc\xc3\xbc"), 5, "aa...");
    assert_escapes(STR("abcd"), 3, "...");
    assert_escapes(STR("abcd"), 2, "..");
    assert_escapes(STR("abcd"), 0, "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_base64_when_vectors_of_rfc_4648_then_both_ways),
        cmocka_unit_test(test_base64_when_every_byte_and_length_then_round_trip),
        cmocka_unit_test(test_base64url_decode_when_not_canonical_then_refused),
        cmocka_unit_test(test_base64_decode_any_when_forms_vary_then_taken),
        cmocka_unit_test(test_base64_decode_any_when_wrong_then_refused),
        cmocka_unit_test(test_decode_when_beyond_the_ceiling_then_false),
        cmocka_unit_test(test_hex_when_cases_vary_then_decoded_and_written_lower),
        cmocka_unit_test(test_utf8_len_when_well_formed_then_its_length),
        cmocka_unit_test(test_utf8_len_when_malformed_then_zero),
        cmocka_unit_test(test_text_escape_when_bytes_are_unsafe_then_as_hex),
        cmocka_unit_test(test_text_escape_when_text_turns_its_direction_then_as_hex),
        cmocka_unit_test(test_text_escape_when_longer_than_max_then_cut_with_dots),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
