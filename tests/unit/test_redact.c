/* SEES: base */
#include "base/redact.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define SECRET "s3cr/et \"t+key"

static void shows(const char *text, const char *wanted)
{
    struct redactor r = {0};
    AUTO(buf_fini)
    struct buf out = BUF(4096);
    redactor_add(&r, STR(SECRET));
    redactor_apply(&r, str_of(text), &out);
    assert_string_equal(buf_cstr(&out), wanted);
    redactor_fini(&r);
}

static void test_text_when_it_holds_any_form_of_a_secret_then_stars(void **state)
{
    (void)state;
    shows("key " SECRET " was refused", "key *** was refused");
    shows("{\"key\": \"s3cr/et \\\"t+key\"}", "{\"key\": \"***\"}");
    shows("shown s3cr/et \\x5c\"t+key", "shown ***");
    shows("twice s3cr/et \\x5c\\x5c\\x5c\"t+key", "twice ***\\x5c\\x5c\\x5c\"t+key");
    shows("GET /x?key=s3cr%2Fet%20%22t%2Bkey&y=1", "GET /x?key=***&y=1");
    shows("GET /x?key=s3cr%2fet%20%22t%2bkey", "GET /x?key=***");
    shows("733363722f65742022742b6b6579 hex", "*** hex");
    shows("Basic dXNlcjpzM2NyL2V0ICJ0K2tleQ==",
          "Basic dXNlcjp***Q=="); /* "user:" in front; Q is 2 bits of it */
}

static void test_text_when_cut_inside_a_secret_then_what_is_left_of_it_goes_too(void **state)
{
    (void)state;
    shows("refused: s3cr/et \"t+ke", "refused: ***");
    shows("refused: s3cr", "refused: ***");
    shows("refused: s3cr/et...; next try later", "refused: ***...; next try later");
    shows("refused: s3cr%2Fet...", "refused: ***...");
}

static void test_text_when_it_holds_no_secret_then_it_stays(void **state)
{
    (void)state;
    shows("", "");
    shows("s3cr", "***"); /* that is all that can be told of it */
    shows("s3c", "s3c");
    shows("s3cr of another kind ... and so on", "s3cr of another kind ... and so on");
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_text_when_it_holds_any_form_of_a_secret_then_stars),
        cmocka_unit_test(test_text_when_cut_inside_a_secret_then_what_is_left_of_it_goes_too),
        cmocka_unit_test(test_text_when_it_holds_no_secret_then_it_stays),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
