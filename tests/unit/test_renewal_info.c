/* SEES: base crypto acme */
#include "acme/renewal_info.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define NOW                INT64_C(1893456000000) /* 2030-01-01 */
#define CERT_ID            "aYhba4dGQEHhs3uEe6CuLN4ByNQ.AIdlQyE"
#define WINDOW(start, end) "{\"suggestedWindow\":{\"start\":\"" start "\",\"end\":\"" end "\"}}"

static const struct renewal_life life90 = {NOW, NOW + 90 * MS_DAY};
static const struct renewal_life life_short = {NOW, NOW + 160 * MS_HOUR};
static const struct renewal_life life_tiny = {NOW, NOW + 10 * MS_MINUTE};

struct talk {
    struct arena *arena;
    struct acme_answer answer;
    struct renewal_info info;
};

static int talk_open(void **state)
{
    struct talk *t = NEW(struct talk);
    t->arena = arena_new();
    *state = t;
    return 0;
}

static int talk_close(void **state)
{
    struct talk *t = *state;
    acme_answer_fini(&t->answer);
    arena_free(t->arena);
    mem_free(t);
    return 0;
}

static const struct renewal_info *hear(struct talk *t, int status, const char *retry_after,
                                       const char *body)
{
    struct acme_header headers[2] = {{"Content-Type", "application/json"},
                                     {"Retry-After", retry_after}};
    acme_answer_fini(&t->answer);
    acme_answer_read(&t->answer, status, headers, retry_after != NULL ? 2 : 1, str_of(body), NOW,
                     t->arena);
    renewal_info_hear(&t->answer, &life90, t->arena, &t->info);
    return &t->info;
}

static int64_t instant(const char *text)
{
    int64_t at_ms = 0;
    assert_true(time_parse(str_of(text), &at_ms));
    return at_ms;
}

static void assert_lasting(const struct renewal_info *info, const char *part)
{
    assert_int_equal(info->fate, RENEWAL_LASTING);
    assert_false(info->has_window);
    if (strstr(info->why.text, part) == NULL)
        fail_msg("\"%s\" does not hold \"%s\"", info->why.text, part);
}

static struct acme_directory *directory_of(const char *renewal_info)
{
    AUTO(json_fini)
    struct json *tree = json_object();
    struct acme_directory *directory = NULL;
    json_set_text(tree, "newNonce", "https://ca.test/n");
    json_set_text(tree, "newAccount", "https://ca.test/a");
    json_set_text(tree, "newOrder", "https://ca.test/o");
    json_set_text(tree, "renewalInfo", renewal_info);
    assert_true(acme_directory_read("https://ca.test/d", tree, &directory, NULL));
    return directory;
}

static void assert_url(const char *base, const char *cert_id, const char *wanted)
{
    struct acme_directory *directory = directory_of(base);
    struct err err = {0};
    AUTO(buf_fini)
    struct buf url = BUF(4096);
    assert_int_equal(renewal_info_url(directory, cert_id, &url, &err), wanted != NULL);
    if (wanted != NULL)
        assert_string_equal(buf_cstr(&url), wanted);
    else
        assert_int_equal(err.kind, base == NULL ? ERR_ABSENT : ERR_BROKEN);
    acme_directory_free(directory);
}

/* ---- the question ---- */

static void test_url_when_made_then_base_slash_and_id(void **state)
{
    (void)state;
    /* RFC 9773 4.1 */
    assert_url("https://example.com/renewal-info", CERT_ID,
               "https://example.com/renewal-info/" CERT_ID);
    assert_url("https://example.com/renewal-info/", CERT_ID,
               "https://example.com/renewal-info/" CERT_ID);
    assert_url(NULL, CERT_ID, NULL);
    assert_url("https://example.com/ri", NULL, NULL);
    assert_url("https://example.com/ri", "", NULL);
    assert_url("https://example.com/ri", "aYhb", NULL);
    assert_url("https://example.com/ri", "a.b.c", NULL);
    assert_url("https://example.com/ri", "../../x.y", NULL);
    assert_url("https://example.com/ri", ".AIdlQyE", NULL);
    assert_url("https://example.com/ri", "aYhb.AIdlQyE=", NULL);
}

/* ---- the answer ---- */

static void test_hear_when_good_then_window_and_explanation(void **state)
{
    /* RFC 9773 4.2 has this shape. */
    const struct renewal_info *info =
        hear(*state, 200, "21600",
             "{\"suggestedWindow\":{\"start\":\"2030-02-27T04:00:00Z\",\"end\":\"2030-03-04T04:00:"
             "00Z\"},\"explanationURL\":\"https://acme.example.com/docs/ari\"}");
    assert_int_equal(info->fate, RENEWAL_HEARD);
    assert_true(info->has_window);
    assert_int_equal(info->start_at_ms, instant("2030-02-27T04:00:00Z"));
    assert_int_equal(info->end_at_ms, instant("2030-03-04T04:00:00Z"));
    assert_int_equal(info->retry_at_ms, NOW + 6 * MS_HOUR);
    assert_string_equal(info->explanation, "https://acme.example.com/docs/ari");
}

static void test_hear_when_fractions_and_offsets_then_understood(void **state)
{
    const struct renewal_info *info =
        hear(*state, 200, "60",
             WINDOW("2030-02-27T04:00:00.123456789+02:00", "2030-02-26T23:00:00.5-04:00"));
    assert_int_equal(info->fate, RENEWAL_HEARD);
    assert_int_equal(info->start_at_ms, instant("2030-02-27T02:00:00.123Z"));
    assert_int_equal(info->end_at_ms, instant("2030-02-27T03:00:00.500Z"));
}

static void test_hear_when_end_is_not_after_start_then_no_answer(void **state)
{
    assert_lasting(hear(*state, 200, "60", WINDOW("2030-02-27T04:00:00Z", "2030-02-27T04:00:00Z")),
                   "not after its start");
    assert_lasting(hear(*state, 200, "60", WINDOW("2030-02-27T04:00:00Z", "2030-02-26T04:00:00Z")),
                   "not after its start");
}

static void test_hear_when_the_window_is_too_late_then_no_answer(void **state)
{
    assert_lasting(hear(*state, 200, "60", WINDOW("2031-01-01T00:00:00Z", "2031-01-02T00:00:00Z")),
                   "too late");
    /* The last tenth of 90 days. */
    assert_lasting(hear(*state, 200, "60", WINDOW("2030-03-23T00:00:00Z", "2030-03-24T00:00:00Z")),
                   "too late");
}

static void test_hear_when_no_window_then_lasting(void **state)
{
    assert_lasting(hear(*state, 200, "60", "{}"), "no suggestedWindow");
    assert_lasting(hear(*state, 200, "60", "{\"suggestedWindow\":[]}"), "no suggestedWindow");
    assert_lasting(hear(*state, 200, "60", "{\"suggestedWindow\":{\"start\":7}}"), "start");
    assert_lasting(hear(*state, 200, "60", WINDOW("2030-02-27", "2030-02-28T04:00:00Z")), "start");
    assert_lasting(hear(*state, 200, "60", WINDOW("2030-02-27T04:00:00Z", "\\u001b[2J")), "end");
    assert_lasting(hear(*state, 200, "60", "not json"), "renewalInfo");
    assert_lasting(hear(*state, 204, "60", ""), "renewalInfo");
    assert_lasting(hear(*state, 404, "60", "{}"), "404");
}

static void test_hear_when_retry_after_is_bad_then_the_window_counts_all_the_same(void **state)
{
    const char *const bad[] = {NULL, "", "soon", "-5"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        const struct renewal_info *info =
            hear(*state, 200, bad[i], WINDOW("2030-02-27T04:00:00Z", "2030-03-04T04:00:00Z"));
        assert_int_equal(info->fate, RENEWAL_LASTING);
        assert_true(info->has_window);
        assert_int_equal(info->start_at_ms, instant("2030-02-27T04:00:00Z"));
        assert_non_null(strstr(info->why.text, "Retry-After"));
    }
}

static void test_hear_when_the_fault_passes_then_passing(void **state)
{
    struct talk *t = *state;
    struct err why;
    assert_int_equal(hear(t, 503, NULL, "busy")->fate, RENEWAL_PASSING);
    assert_int_equal(hear(t, 500, NULL, "{}")->fate, RENEWAL_PASSING);
    assert_int_equal(hear(t, 429, "60", "{}")->fate, RENEWAL_PASSING);
    err_set(&why, ERR_AGAIN, "connection timed out");
    acme_answer_fini(&t->answer);
    acme_answer_lost(&t->answer, &why, t->arena);
    renewal_info_hear(&t->answer, &life90, t->arena, &t->info);
    assert_int_equal(t->info.fate, RENEWAL_PASSING);
    assert_non_null(strstr(t->info.why.text, "timed out"));
    err_set(&why, ERR_CONFIG, "not trusted");
    acme_answer_lost(&t->answer, &why, t->arena);
    renewal_info_hear(&t->answer, &life90, t->arena, &t->info);
    assert_int_equal(t->info.fate, RENEWAL_LASTING);
}

static void test_explanation_when_hostile_then_absent_or_harmless(void **state)
{
    struct talk *t = *state;
#define EXPLAINED(url)                                                                             \
    "{\"suggestedWindow\":{\"start\":\"2030-02-27T04:00:00Z\",\"end\":\"2030-03-04T04:00:00Z\"},"  \
    "\"explanationURL\":" url "}"
    assert_null(hear(t, 200, "60", EXPLAINED("\"javascript:alert(1)\""))->explanation);
    assert_null(hear(t, 200, "60", EXPLAINED("7"))->explanation);
    assert_null(hear(t, 200, "60", EXPLAINED("null"))->explanation);
    const char *text =
        hear(t, 200, "60", EXPLAINED("\"https://x/\\u001b[2J\\nnext line\""))->explanation;
    for (const char *p = text; *p != '\0'; p++)
        assert_true(*p >= 0x20);
}

/* ---- what follows ---- */

static void test_draw_when_many_then_uniform_in_the_window(void **state)
{
    (void)state;
    struct renewal_info info = {.start_at_ms = NOW + 60 * MS_DAY, .end_at_ms = NOW + 62 * MS_DAY};
    size_t n_first_half = 0;
    for (uint64_t random = 0; random < 1000000; random += 1000) {
        int64_t at_ms = renewal_info_draw(&info, &life90, random);
        assert_in_range(at_ms, info.start_at_ms, info.end_at_ms - 1);
        n_first_half += at_ms < NOW + 61 * MS_DAY ? 1 : 0;
    }
    assert_int_equal(n_first_half, 500);
}

static void test_draw_when_the_window_reaches_into_the_last_tenth_then_cut(void **state)
{
    (void)state;
    struct renewal_info info = {.start_at_ms = NOW + 80 * MS_DAY, .end_at_ms = NOW + 300 * MS_DAY};
    assert_in_range(renewal_info_draw(&info, &life90, 999999), NOW + 80 * MS_DAY,
                    NOW + 81 * MS_DAY);
}

static int64_t next_in_ms(enum renewal_fate fate, int64_t retry_ms, const struct renewal_life *life,
                          int64_t n_failures, uint64_t random)
{
    struct renewal_info info = {.fate = fate, .retry_at_ms = retry_ms == 0 ? 0 : NOW + retry_ms};
    return renewal_info_next_at_ms(&info, life, n_failures, NOW, random) - NOW;
}

static void test_next_when_heard_then_retry_after_within_bounds(void **state)
{
    (void)state;
    assert_int_equal(next_in_ms(RENEWAL_HEARD, 6 * MS_HOUR, &life90, 0, 0), 6 * MS_HOUR);
    assert_int_equal(next_in_ms(RENEWAL_HEARD, MS_SECOND, &life90, 0, 0), MS_MINUTE);
    assert_int_equal(next_in_ms(RENEWAL_HEARD, 30 * MS_DAY, &life90, 0, 0), MS_DAY);
    assert_int_equal(next_in_ms(RENEWAL_HEARD, MS_DAY, &life_short, 0, 0), 8 * MS_HOUR);
    assert_int_equal(next_in_ms(RENEWAL_HEARD, 6 * MS_HOUR, &life_tiny, 0, 0), MS_MINUTE);
    for (uint64_t random = 0; random < 1000000; random += 10007) {
        assert_in_range(next_in_ms(RENEWAL_HEARD, 6 * MS_HOUR, &life90, 0, random), 6 * MS_HOUR,
                        6 * MS_HOUR + 36 * MS_MINUTE);
        assert_in_range(next_in_ms(RENEWAL_HEARD, 2 * MS_DAY, &life90, 0, random), 21 * MS_HOUR,
                        MS_DAY);
        assert_int_equal(next_in_ms(RENEWAL_HEARD, 6 * MS_HOUR, &life_tiny, 0, random), MS_MINUTE);
    }
}

static void test_next_when_passing_then_doubles_up_to_six_hours(void **state)
{
    (void)state;
    assert_int_equal(next_in_ms(RENEWAL_PASSING, 0, &life90, 1, 0), MS_MINUTE);
    assert_int_equal(next_in_ms(RENEWAL_PASSING, 0, &life90, 2, 0), 2 * MS_MINUTE);
    assert_int_equal(next_in_ms(RENEWAL_PASSING, 0, &life90, 5, 0), 16 * MS_MINUTE);
    assert_int_equal(next_in_ms(RENEWAL_PASSING, 0, &life90, 1000000, 0), 6 * MS_HOUR);
    assert_int_equal(next_in_ms(RENEWAL_PASSING, MS_HOUR, &life90, 1, 0), MS_HOUR);
    assert_int_equal(next_in_ms(RENEWAL_PASSING, 30 * MS_DAY, &life90, 1, 0), MS_DAY);
}

static void test_next_when_lasting_then_six_hours(void **state)
{
    (void)state;
    assert_int_equal(next_in_ms(RENEWAL_LASTING, 0, &life90, 1, 0), 6 * MS_HOUR);
    assert_int_equal(next_in_ms(RENEWAL_LASTING, MS_MINUTE, &life_tiny, 9, 0), 6 * MS_HOUR);
}

static void test_brake_when_called_back_in_a_row_then_a_sixth_of_the_life(void **state)
{
    (void)state;
    int64_t issued = NOW + MS_MINUTE;
    assert_int_equal(renewal_info_brake_at_ms(&life90, issued, 0), issued);
    assert_int_equal(renewal_info_brake_at_ms(&life90, issued, issued - 60 * MS_DAY), issued);
    assert_int_equal(renewal_info_brake_at_ms(&life90, issued, NOW), issued + 36 * MS_HOUR);
    /* The next one in the row, too. */
    assert_int_equal(renewal_info_brake_at_ms(&life90, issued, issued - 37 * MS_HOUR),
                     issued + 36 * MS_HOUR);
    assert_int_equal(renewal_info_brake_at_ms(&life_tiny, issued, NOW), issued + 100 * MS_SECOND);
}

int main(void)
{
#define T(test) cmocka_unit_test_setup_teardown(test, talk_open, talk_close)
    const struct CMUnitTest tests[] = {
        T(test_url_when_made_then_base_slash_and_id),
        T(test_hear_when_good_then_window_and_explanation),
        T(test_hear_when_fractions_and_offsets_then_understood),
        T(test_hear_when_end_is_not_after_start_then_no_answer),
        T(test_hear_when_the_window_is_too_late_then_no_answer),
        T(test_hear_when_no_window_then_lasting),
        T(test_hear_when_retry_after_is_bad_then_the_window_counts_all_the_same),
        T(test_hear_when_the_fault_passes_then_passing),
        T(test_explanation_when_hostile_then_absent_or_harmless),
        T(test_draw_when_many_then_uniform_in_the_window),
        T(test_draw_when_the_window_reaches_into_the_last_tenth_then_cut),
        T(test_next_when_heard_then_retry_after_within_bounds),
        T(test_next_when_passing_then_doubles_up_to_six_hours),
        T(test_next_when_lasting_then_six_hours),
        T(test_brake_when_called_back_in_a_row_then_a_sixth_of_the_life),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
