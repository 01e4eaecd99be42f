/* SEES: base config crypto io store acme dns-providers inventory */
/* CMD: options.c exit_codes.c */
#include "cmd/options.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

/* A table of its own, so that the tests do not change with the program's commands. */
static const struct option renew_options[] = {
    {"force", 'f', NULL, "force"},
    {"wait", 'w', "TIME", "wait"},
};
static const struct command renew = {.name = "renew",
                                     .usage = "[SET ...]",
                                     .sentence = "Renew.",
                                     .options = renew_options,
                                     .n_options = 2,
                                     .max_words = -1};
static const struct command show = {
    .name = "show", .usage = "SET", .sentence = "Show.", .min_words = 1, .max_words = 1};
static const struct command list = {
    .name = "provider", .sub = "list", .usage = "", .sentence = "List."};
static const struct command test = {.name = "provider",
                                    .sub = "test",
                                    .usage = "NAME HOST",
                                    .sentence = "Test.",
                                    .min_words = 2,
                                    .max_words = 2};
static const struct command secret = {
    .name = "documents", .usage = "", .sentence = "Hidden.", .hidden = true};
const struct command *const commands[] = {&renew, &show, &list, &test, &secret};
const size_t n_commands = 5;

struct
try {
    struct invocation in;
    struct err err;
    bool ok;
};

/* Parses NULL-terminated words behind the program's name. */
static struct try try_words(const char *first, ...)
{
    struct try try = {.in = {.program = "chancery"}};
    char *argv[16] = {(char *)"chancery"};
    int argc = 1;
    va_list ap;
    va_start(ap, first);
    for (const char *word = first; word != NULL; word = va_arg(ap, const char *))
        argv[argc++] = (char *)word;
    va_end(ap);
    try.ok = invocation_parse(&try.in, argc, argv, &try.err);
    return try;
}

static void assert_refused(struct try *try, const char *what)
{
    assert_false(try->ok);
    assert_int_equal(try->err.kind, ERR_CONFIG);
    assert_int_equal(exit_code_of(&try->err), EXIT_CODE_USAGE);
    if (strstr(try->err.text, what) == NULL)
        fail_msg("\"%s\" does not hold \"%s\"", try->err.text, what);
    invocation_fini(&try->in);
}

static void test_options_when_mixed_with_words_then_both_are_taken(void **state)
{
    (void)state;
    struct try try = try_words("renew", "shop", "--wait", "5m", "-f", "pay", "--json", NULL);
    assert_true(try.ok);
    assert_ptr_equal(try.in.command, &renew);
    assert_string_equal(option_value(&try.in, "wait"), "5m");
    assert_true(option_is_on(&try.in, "force"));
    assert_true(try.in.json);
    assert_int_equal(try.in.n_words, 2);
    assert_string_equal(invocation_sets(&try.in)[0], "shop");
    assert_string_equal(invocation_sets(&try.in)[1], "pay");
    assert_null(invocation_sets(&try.in)[2]);
    invocation_fini(&try.in);
}

static void test_options_when_before_the_command_then_taken(void **state)
{
    (void)state;
    struct try try = try_words("--config", "a.yaml", "-j", "show", "shop", NULL);
    assert_true(try.ok);
    assert_ptr_equal(try.in.command, &show);
    assert_string_equal(option_common(&try.in, "config"), "a.yaml");
    assert_true(try.in.json);
    assert_string_equal(try.in.words[0], "shop");
    invocation_fini(&try.in);
}

static void test_options_when_given_by_equals_then_the_same(void **state)
{
    (void)state;
    struct try try = try_words("renew", "--wait=1h=2", NULL);
    assert_true(try.ok);
    assert_string_equal(option_value(&try.in, "wait"), "1h=2");
    assert_null(option_value(&try.in, "force"));
    assert_null(invocation_sets(&try.in));
    invocation_fini(&try.in);
}

static void test_words_when_behind_two_dashes_then_never_options(void **state)
{
    (void)state;
    struct try try = try_words("show", "--", "--force", NULL);
    assert_true(try.ok);
    assert_string_equal(try.in.words[0], "--force");
    invocation_fini(&try.in);
}

static void test_option_when_unknown_then_refused_with_the_nearest(void **state)
{
    (void)state;
    struct try a = try_words("renew", "--forse", NULL), b = try_words("renew", "-x", NULL),
               c = try_words("show", "s", "--force", NULL);
    assert_refused(&a, "did you mean \"--force\"?");
    assert_refused(&b, "unknown option \"-x\"");
    assert_refused(&c, "unknown option \"--force\"");
}

static void test_option_when_value_is_missing_or_too_much_then_refused(void **state)
{
    (void)state;
    struct try a = try_words("renew", "--wait", NULL), b = try_words("renew", "--force=yes", NULL);
    struct try c = try_words("renew", "--color", "sometimes", NULL),
               d = try_words("renew", "--wait", "--force", NULL);
    assert_refused(&d, "--wait TIME");
    assert_refused(&a, "--wait TIME");
    assert_refused(&b, "takes no value");
    assert_refused(&c, "auto, always or never");
}

static void test_command_when_unknown_then_the_nearest_that_is_not_hidden(void **state)
{
    (void)state;
    struct try a = try_words("rewen", NULL), b = try_words("document", NULL);
    assert_refused(&a, "did you mean \"renew\"?");
    assert_false(b.ok);
    assert_null(strstr(b.err.text, "documents"));
    invocation_fini(&b.in);
}

static void test_group_when_sub_is_missing_or_unknown_then_the_subs_are_named(void **state)
{
    (void)state;
    struct try a = try_words("provider", NULL), b = try_words("provider", "lsit", NULL),
               c = try_words("provider", "--json", NULL);
    assert_refused(&a, "needs one of: list, test");
    assert_refused(&b, "takes one of: list, test");
    assert_refused(&c, "needs one of: list, test");
    struct try good = try_words("provider", "test", "corp", "www.example.com", NULL);
    assert_true(good.ok);
    assert_ptr_equal(good.in.command, &test);
    assert_int_equal(good.in.n_words, 2);
    invocation_fini(&good.in);
}

static void test_words_when_too_few_or_too_many_then_usage_is_told(void **state)
{
    (void)state;
    struct try a = try_words("show", NULL), b = try_words("show", "one", "two", NULL),
               c = try_words("provider", "test", "corp", NULL);
    assert_refused(&a, "show needs SET");
    assert_refused(&b, "\"two\" is one word too many");
    assert_refused(&c, "provider test needs NAME HOST");
}

static void test_help_when_asked_for_then_words_are_not_counted(void **state)
{
    (void)state;
    struct try a = try_words("show", "--help", NULL), b = try_words("provider", "--help", NULL),
               c = try_words("help", "show", NULL);
    struct try d = try_words(NULL), e = try_words("--version", NULL);
    assert_true(a.ok && b.ok && c.ok && d.ok && e.ok);
    assert_ptr_equal(a.in.command, &show);
    assert_null(b.in.command);
    assert_string_equal(b.in.words[0], "provider");
    assert_null(c.in.command);
    assert_string_equal(c.in.words[0], "show");
    assert_non_null(option_common(&e.in, "version"));
    struct try *all[] = {&a, &b, &c, &d, &e};
    for (size_t i = 0; i < 5; i++)
        invocation_fini(&all[i]->in);
}

static void test_json_when_the_line_is_wrong_then_still_seen(void **state)
{
    (void)state;
    const char *wrong[] = {"chancery", "rewen", "--json", NULL},
               *behind[] = {"chancery", "renew", "--", "--json", NULL};
    assert_true(invocation_wants_json(3, (char **)wrong));
    assert_false(invocation_wants_json(4, (char **)behind));
}

static void test_color_when_never_then_off_whatever_the_output(void **state)
{
    (void)state;
    struct try a = try_words("renew", "--color", "always", NULL),
               b = try_words("renew", "--color", "never", NULL);
    assert_true(a.ok && a.in.color);
    assert_true(b.ok && !b.in.color);
    invocation_fini(&a.in);
    invocation_fini(&b.in);
}

static void test_exit_code_when_of_a_kind_then_as_documented(void **state)
{
    static const struct {
        enum err_kind kind;
        int code;
    } expected[] = {
        {ERR_NONE, 0},   {ERR_AGAIN, 1},     {ERR_DENIED, 1}, {ERR_REFUSED, 1},
        {ERR_BROKEN, 1}, {ERR_LOCAL, 1},     {ERR_BUG, 1},    {ERR_CONFIG, 2},
        {ERR_HELD, 3},   {ERR_THROTTLED, 4}, {ERR_STORE, 5},
    };
    (void)state;
    for (size_t i = 0; i < sizeof expected / sizeof expected[0]; i++) {
        struct err err = {.kind = expected[i].kind};
        assert_int_equal(exit_code_of(&err), expected[i].code);
        assert_string_not_equal(exit_code_text(exit_code_of(&err)), "unknown");
    }
    assert_string_equal(exit_code_text((enum exit_code)99), "unknown");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_options_when_mixed_with_words_then_both_are_taken),
        cmocka_unit_test(test_options_when_before_the_command_then_taken),
        cmocka_unit_test(test_options_when_given_by_equals_then_the_same),
        cmocka_unit_test(test_words_when_behind_two_dashes_then_never_options),
        cmocka_unit_test(test_option_when_unknown_then_refused_with_the_nearest),
        cmocka_unit_test(test_option_when_value_is_missing_or_too_much_then_refused),
        cmocka_unit_test(test_command_when_unknown_then_the_nearest_that_is_not_hidden),
        cmocka_unit_test(test_group_when_sub_is_missing_or_unknown_then_the_subs_are_named),
        cmocka_unit_test(test_words_when_too_few_or_too_many_then_usage_is_told),
        cmocka_unit_test(test_help_when_asked_for_then_words_are_not_counted),
        cmocka_unit_test(test_json_when_the_line_is_wrong_then_still_seen),
        cmocka_unit_test(test_color_when_never_then_off_whatever_the_output),
        cmocka_unit_test(test_exit_code_when_of_a_kind_then_as_documented),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
