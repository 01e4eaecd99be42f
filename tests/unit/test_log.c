/* SEES: base */
#include "base/json.h"
#include "base/log.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

enum { OUT_MAX = 64 * 1024, LINE_MAX_LEN = 4096 };

/* A log over memory: what was written is read back with written(). */
struct fixture {
    struct clock_manual clock;
    int fd;
    struct log *log;
    char out[OUT_MAX];
};

static void fixture_open(struct fixture *f, bool as_json)
{
    clock_manual_init(&f->clock, INT64_C(1795298483250));
    f->fd = memfd_create("log", MFD_CLOEXEC);
    assert_true(f->fd >= 0);
    f->log = log_new(f->fd, LOG_LEVEL_INFO, as_json, &f->clock.clock);
}

static const char *written(struct fixture *f)
{
    ssize_t n = pread(f->fd, f->out, sizeof f->out - 1, 0);
    assert_true(n >= 0);
    f->out[n] = '\0';
    return f->out;
}

static void fixture_close(struct fixture *f)
{
    log_free(f->log);
    close(f->fd);
}

static void test_log_line_when_text_then_time_level_event_set_and_message(void **state)
{
    (void)state;
    struct fixture f;
    fixture_open(&f, false);
    log_line(f.log, LOG_LEVEL_WARNING, "order.retry", "shop", "order=%d CA %s: 503", 17,
             "letsencrypt");
    log_line(f.log, LOG_LEVEL_ERROR, "store.lost", NULL, "disk full");
    assert_string_equal(
        written(&f),
        "2026-11-21T22:01:23Z warning order.retry set=shop order=17 CA letsencrypt: 503\n"
        "2026-11-21T22:01:23Z error store.lost disk full\n");
    fixture_close(&f);
}

static void test_log_line_when_below_the_least_level_then_nothing(void **state)
{
    (void)state;
    struct fixture f;
    fixture_open(&f, false);
    assert_false(log_is_on(f.log, LOG_LEVEL_DEBUG));
    assert_true(log_is_on(f.log, LOG_LEVEL_INFO));
    log_line(f.log, LOG_LEVEL_DEBUG, "x", NULL, "hidden");
    assert_string_equal(written(&f), "");
    fixture_close(&f);
}

static void test_log_when_null_then_nothing_happens(void **state)
{
    (void)state;
    assert_false(log_is_on(NULL, LOG_LEVEL_ERROR));
    log_line(NULL, LOG_LEVEL_ERROR, "x", NULL, "%s", "nowhere");
    log_mask(NULL, STR("secret!"));
    log_free(NULL);
}

static void test_log_line_when_control_bytes_then_one_escaped_line(void **state)
{
    (void)state;
    struct fixture f;
    fixture_open(&f, false);
    log_line(f.log, LOG_LEVEL_ERROR, "ca.answer", "a\nb", "%s",
             "x\r\n2026 error forged\x1b[2J\x7f\xff\\");
    assert_string_equal(written(&f), "2026-11-21T22:01:23Z error ca.answer set=a\\x0ab "
                                     "x\\x0d\\x0a2026 error forged\\x1b[2J\\x7f\\xff\\x5c\n");
    fixture_close(&f);
}

static void test_log_line_when_message_is_huge_then_one_line_of_4096_bytes(void **state)
{
    (void)state;
    struct fixture f;
    for (int as_json = 0; as_json < 2; as_json++) {
        fixture_open(&f, as_json != 0);
        AUTO(mem_fini)
        char *huge = mem_new(100001, 1);
        memset(huge, '"', 100000); /* doubles in JSON */
        log_line(f.log, LOG_LEVEL_ERROR, "x", "shop", "%s", huge);
        log_line(f.log, LOG_LEVEL_ERROR, "y", NULL, "next");
        const char *out = written(&f), *end = strchr(out, '\n');
        assert_non_null(end);
        assert_true(end - out + 1 <= LINE_MAX_LEN);
        assert_non_null(strstr(out, "..."));
        assert_non_null(strstr(end + 1, "next"));
        fixture_close(&f);
    }
}

static void test_log_line_when_just_fitting_then_whole_and_one_more_is_cut(void **state)
{
    (void)state;
    struct fixture f;
    const size_t head = strlen("2026-11-21T22:01:23Z error x ");
    AUTO(mem_fini)
    char *text = mem_new(LINE_MAX_LEN + 1, 1);
    memset(text, 'a', LINE_MAX_LEN - 1 - head);
    fixture_open(&f, false);
    log_line(f.log, LOG_LEVEL_ERROR, "x", NULL, "%s", text);
    assert_int_equal(strlen(written(&f)), LINE_MAX_LEN);
    assert_null(strstr(f.out, "..."));
    fixture_close(&f);
    memset(text, 'a', LINE_MAX_LEN - head);
    fixture_open(&f, false);
    log_line(f.log, LOG_LEVEL_ERROR, "x", NULL, "%s", text);
    assert_int_equal(strlen(written(&f)), LINE_MAX_LEN);
    assert_string_equal(f.out + LINE_MAX_LEN - 5, "a...\n");
    fixture_close(&f);
}

static void test_log_line_when_json_then_each_line_parses(void **state)
{
    (void)state;
    struct fixture f;
    fixture_open(&f, true);
    log_line(f.log, LOG_LEVEL_NOTICE, "cert.issued", "shop", "serial \"%s\"\n\xff", "01");
    struct json *tree = NULL;
    struct err err = {0};
    struct str rest = str_of(written(&f)), line;
    assert_true(str_split(&rest, '\n', &line));
    assert_int_equal(rest.len, 0);
    assert_true(json_parse(line, JSON_SIZE_MAX, &tree, &err));
    assert_string_equal(json_text(tree, "time"), "2026-11-21T22:01:23Z");
    assert_string_equal(json_text(tree, "level"), "notice");
    assert_string_equal(json_text(tree, "event"), "cert.issued");
    assert_string_equal(json_text(tree, "set"), "shop");
    assert_string_equal(json_text(tree, "message"), "serial \"01\"\n\xef\xbf\xbd");
    json_free(tree);
    fixture_close(&f);
}

static void test_log_line_when_json_is_cut_inside_a_character_then_still_whole_characters(
    void **state)
{
    (void)state;
    for (size_t shift = 0; shift < 3; shift++) {
        struct fixture f;
        AUTO(buf_fini)
        struct buf text = BUF(OUT_MAX);
        buf_add(&text, "aaa", shift);
        for (size_t i = 0; i < 2000; i++)
            buf_add_cstr(&text, "\xe2\x82\xac");
        fixture_open(&f, true);
        log_line(f.log, LOG_LEVEL_ERROR, "x", NULL, "%s", buf_cstr(&text));
        assert_true(strlen(written(&f)) <= LINE_MAX_LEN);
        assert_null(strstr(f.out, "\xef\xbf\xbd")); /* no mark of a broken character */
        assert_non_null(strstr(f.out, "\xe2\x82\xac...\"}\n"));
        fixture_close(&f);
    }
}

/* Logs what `form` writes of the secret, between two neighbours, and wants it gone. */
static void assert_masked(const char *secret, const char *form)
{
    struct fixture f;
    for (int as_json = 0; as_json < 2; as_json++) {
        fixture_open(&f, as_json != 0);
        log_mask(f.log, str_of(secret));
        log_line(f.log, LOG_LEVEL_ERROR, "x", NULL, "before=%s;after", form);
        written(&f);
        if (strstr(f.out, "before=***;after") == NULL)
            fail_msg("%s of %s: %s", form, secret, f.out);
        fixture_close(&f);
    }
}

static void test_log_mask_when_raw_hex_or_base64_then_masked(void **state)
{
    (void)state;
    static const char *const secrets[] = {"hunter", "s3cr3t-t0ken", "\xfb\xff\xbf\xfb\xff\xbf",
                                          "sixteen bytes ok", "with\nnewline\\and\x01more"};
    for (size_t i = 0; i < sizeof secrets / sizeof secrets[0]; i++) {
        struct str s = str_of(secrets[i]);
        AUTO(buf_fini)
        struct buf text = BUF(OUT_MAX);
        assert_masked(secrets[i], secrets[i]);
        hex_encode(&text, s.p, s.len);
        assert_masked(secrets[i], buf_cstr(&text));
        for (size_t k = 0; k < text.len; k++)
            text.p[k] = (char)(text.p[k] >= 'a' ? text.p[k] - 32 : text.p[k]);
        assert_masked(secrets[i], buf_cstr(&text));
        buf_clear(&text);
        text_escape(&text, s, OUT_MAX);
        assert_masked(secrets[i], buf_cstr(&text));
    }
}

/* The last letter of base64 may depend on what follows the secret; all that only the secret decides
 * is gone. */
static void test_log_mask_when_base64_at_any_alignment_then_masked(void **state)
{
    (void)state;
    static const char secret[] = "correct-horse";
    static const char *const heads[] = {"", "u", "u:", "us:", "user:"};
    static const char *const tails[] = {"", "x", "xy"};
    for (size_t h = 0; h < sizeof heads / sizeof heads[0]; h++)
        for (size_t t = 0; t < sizeof tails / sizeof tails[0]; t++)
            for (int url = 0; url < 2; url++) {
                AUTO(buf_fini)
                struct buf plain = BUF(OUT_MAX);
                AUTO(buf_fini)
                struct buf text = BUF(OUT_MAX);
                struct fixture f;
                buf_printf(&plain, "%s%s%s", heads[h], secret, tails[t]);
                (url ? base64url_encode : base64_encode)(&text, plain.p, plain.len);
                fixture_open(&f, false);
                log_mask(f.log, str_of(secret));
                log_line(f.log, LOG_LEVEL_ERROR, "x", NULL, "Basic %s.", buf_cstr(&text));
                written(&f);
                assert_non_null(strstr(f.out, "***"));
                /* what is left of the encoded text is at most its ends */
                const char *left = strstr(f.out, "Basic ");
                assert_true(strlen(left) <= strlen("Basic ***.\n") + strlen(heads[h]) * 4 / 3 + 8);
                fixture_close(&f);
            }
}

static void test_log_mask_when_secrets_overlap_then_all_bytes_are_gone(void **state)
{
    (void)state;
    struct fixture f;
    fixture_open(&f, false);
    log_mask(f.log, STR("abcdef"));
    log_mask(f.log, STR("abcdefghij"));
    log_mask(f.log, STR("hijklmn"));
    log_line(f.log, LOG_LEVEL_ERROR, "x", NULL, "<abcdefghijklmn> <abcdefabcdef> <abcde>");
    assert_string_equal(written(&f), "2026-11-21T22:01:23Z error x <***> <***> <abcde>\n");
    fixture_close(&f);
}

static void test_log_mask_when_secret_lies_on_the_cut_then_no_half_of_it_shows(void **state)
{
    (void)state;
    struct fixture f;
    for (size_t at = LINE_MAX_LEN - 60; at < LINE_MAX_LEN; at++) {
        AUTO(buf_fini)
        struct buf text = BUF(OUT_MAX);
        for (size_t i = 0; i < at; i++)
            buf_add_char(&text, '.');
        buf_add_cstr(&text, "QZQZQZQZQZQZQZQZ");
        fixture_open(&f, at % 2 == 0);
        log_mask(f.log, STR("QZQZQZQZQZQZQZQZ"));
        log_line(f.log, LOG_LEVEL_ERROR, "x", NULL, "%s", buf_cstr(&text));
        assert_null(strstr(written(&f), "Q"));
        fixture_close(&f);
    }
}

static void test_log_mask_when_in_the_set_name_then_masked(void **state)
{
    (void)state;
    struct fixture f;
    fixture_open(&f, false);
    log_mask(f.log, STR("secret-name"));
    log_line(f.log, LOG_LEVEL_ERROR, "x", "secret-name", "m");
    assert_string_equal(written(&f), "2026-11-21T22:01:23Z error x set=*** m\n");
    fixture_close(&f);
}

static void test_log_mask_when_shorter_than_six_bytes_then_ignored(void **state)
{
    (void)state;
    struct fixture f;
    fixture_open(&f, false);
    log_mask(f.log, STR("error"));
    log_mask(f.log, STR(""));
    log_mask(f.log, STR_NONE);
    log_line(f.log, LOG_LEVEL_ERROR, "x", NULL, "an error");
    assert_string_equal(written(&f), "2026-11-21T22:01:23Z error x an error\n");
    fixture_close(&f);
}

static void test_log_line_when_the_disk_is_full_then_program_goes_on(void **state)
{
    (void)state;
    struct clock_manual clock;
    clock_manual_init(&clock, 0);
    int fd = open("/dev/full", O_WRONLY | O_CLOEXEC);
    assert_true(fd >= 0);
    struct log *log = log_new(fd, LOG_LEVEL_DEBUG, false, &clock.clock);
    log_line(log, LOG_LEVEL_ERROR, "x", NULL, "nobody reads this");
    log_free(log);
    close(fd);
}

static void test_log_level_when_named_then_parsed_again(void **state)
{
    (void)state;
    for (unsigned level = 0; level <= LOG_LEVEL_ERROR; level++) {
        enum log_level again = LOG_LEVEL_DEBUG;
        assert_true(log_level_parse(log_level_name((enum log_level)level), &again));
        assert_int_equal(again, level);
    }
    enum log_level kept = LOG_LEVEL_NOTICE;
    assert_false(log_level_parse("loud", &kept));
    assert_false(log_level_parse("", &kept));
    assert_false(log_level_parse(NULL, &kept));
    assert_int_equal(kept, LOG_LEVEL_NOTICE);
    assert_string_equal(log_level_name((enum log_level)42), "unknown");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_log_line_when_text_then_time_level_event_set_and_message),
        cmocka_unit_test(test_log_line_when_below_the_least_level_then_nothing),
        cmocka_unit_test(test_log_when_null_then_nothing_happens),
        cmocka_unit_test(test_log_line_when_control_bytes_then_one_escaped_line),
        cmocka_unit_test(test_log_line_when_message_is_huge_then_one_line_of_4096_bytes),
        cmocka_unit_test(test_log_line_when_just_fitting_then_whole_and_one_more_is_cut),
        cmocka_unit_test(test_log_line_when_json_then_each_line_parses),
        cmocka_unit_test(
            test_log_line_when_json_is_cut_inside_a_character_then_still_whole_characters),
        cmocka_unit_test(test_log_mask_when_raw_hex_or_base64_then_masked),
        cmocka_unit_test(test_log_mask_when_base64_at_any_alignment_then_masked),
        cmocka_unit_test(test_log_mask_when_secrets_overlap_then_all_bytes_are_gone),
        cmocka_unit_test(test_log_mask_when_secret_lies_on_the_cut_then_no_half_of_it_shows),
        cmocka_unit_test(test_log_mask_when_in_the_set_name_then_masked),
        cmocka_unit_test(test_log_mask_when_shorter_than_six_bytes_then_ignored),
        cmocka_unit_test(test_log_line_when_the_disk_is_full_then_program_goes_on),
        cmocka_unit_test(test_log_level_when_named_then_parsed_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
