/* SEES: base crypto io store config acme dns-providers inventory */
#include "house_fixture.h"

#include <time.h>

static const char *environment(const char *name)
{
    if (strcmp(name, "TOKEN") == 0)
        return "from the environment\n";
    if (strcmp(name, "EMPTY") == 0)
        return "";
    if (strcmp(name, "CREDENTIALS_DIRECTORY") == 0)
        return scratch("credentials");
    return NULL;
}

static int secrets_make(void **state)
{
    if (house_make(state) != 0)
        return -1;
    house.config->environment = environment;
    mkdir(scratch("credentials"), 0700);
    return 0;
}

static void resolves_to(const char *reference, const char *bytes)
{
    struct err err = {0};
    AUTO(secret_fini)
    struct secret secret = {0};
    must(secret_resolve(house.config, reference, &secret, &err), &err);
    assert_int_equal(secret.len, strlen(bytes));
    assert_string_equal((const char *)secret.p, bytes);
}

static const char *refused(const char *reference, enum err_kind kind)
{
    static struct err err;
    struct secret secret = {0};
    err = (struct err){0};
    assert_false(secret_resolve(house.config, reference, &secret, &err));
    assert_null(secret.p);
    if (err.kind != kind)
        fail_msg("%s: kind %s: %s", reference, err_kind_name(err.kind), err.text);
    return err.text;
}

static void test_secret_when_it_lies_in_a_file_then_one_final_newline_is_cut(void **state)
{
    (void)state;
    scratch_put("plain", "s3cret", 0600);
    scratch_put("line", "s3cret\n", 0400);
    scratch_put("lines", "a\nb\n\n", 0600);
    resolves_to("file:plain", "s3cret");
    resolves_to("file:./line", "s3cret");
    resolves_to("file:lines", "a\nb\n");
    AUTO(mem_fini)
    char *absolute = mem_printf("file:%s", scratch("plain"));
    resolves_to(absolute, "s3cret");
}

static void test_secret_when_others_may_read_the_file_then_it_is_denied(void **state)
{
    (void)state;
    scratch_put("open", "s3cret", 0644);
    has_words(refused("file:open", ERR_DENIED), "others may read it");
    assert_null(strstr(refused("file:open", ERR_DENIED), "s3cret"));
}

static void test_secret_when_it_cannot_be_had_then_the_text_names_the_reference(void **state)
{
    (void)state;
    scratch_put("empty", "\n", 0600);
    has_words(refused("file:absent", ERR_CONFIG), "secret file:absent:");
    has_words(refused("file:empty", ERR_CONFIG), "it is empty");
    has_words(refused("env:NOTHING", ERR_CONFIG), "NOTHING is not set");
    has_words(refused("env:EMPTY", ERR_CONFIG), "it is empty");
    has_words(refused("file:sets.d", ERR_CONFIG), "not a regular file");
}

static void test_secret_when_it_is_no_reference_then_it_is_not_shown(void **state)
{
    (void)state;
    assert_null(strstr(refused("hunter2", ERR_CONFIG), "hunter2"));
}

static void test_secret_when_it_is_a_credential_then_systemds_folder_is_read(void **state)
{
    (void)state;
    scratch_put("credentials/token", "abc\n", 0400);
    resolves_to("cred:token", "abc");
    has_words(refused("cred:../plain", ERR_CONFIG), "no name of a credential");
    has_words(refused("cred:nothing", ERR_CONFIG), "secret cred:nothing");
    house.config->environment = no_environment;
    has_words(refused("cred:token", ERR_CONFIG), "LoadCredential=token");
}

static void test_secret_when_it_is_in_the_environment_then_it_is_read(void **state)
{
    (void)state;
    resolves_to("env:TOKEN", "from the environment");
}

static void test_secret_when_a_program_tells_it_then_words_go_without_a_shell(void **state)
{
    (void)state;
    resolves_to("exec:/bin/echo  a   $HOME *", "a $HOME *");
    resolves_to("exec:/bin/pwd", scratch_dir);
}

static void test_secret_when_the_program_fails_then_its_output_is_not_shown(void **state)
{
    (void)state;
    scratch_put("half", "#!/bin/sh\necho half-a-secret\nexit 3\n", 0700);
    AUTO(mem_fini)
    char *reference = mem_printf("exec:%s", scratch("half"));
    const char *text = refused(reference, ERR_CONFIG);
    has_words(text, "exit code 3");
    assert_null(strstr(text, "half-a-secret"));
    has_words(refused("exec:/nowhere/at/all", ERR_CONFIG), "/nowhere/at/all");
    has_words(refused("exec:   ", ERR_CONFIG), "a program");
}

static void test_secret_when_the_program_warns_then_the_secret_is_not_spoilt(void **state)
{
    (void)state;
    scratch_put("warns", "#!/bin/sh\necho 'the vault is old' >&2\necho s3cret\n", 0700);
    AUTO(mem_fini)
    char *reference = mem_printf("exec:%s", scratch("warns"));
    resolves_to(reference, "s3cret");
    scratch_put("warns", "#!/bin/sh\necho 'the vault is closed' >&2\nexit 1\n", 0700);
    has_words(refused(reference, ERR_CONFIG), "the vault is closed");
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, secrets_make, house_remove)
int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_secret_when_it_lies_in_a_file_then_one_final_newline_is_cut),
        TEST(test_secret_when_others_may_read_the_file_then_it_is_denied),
        TEST(test_secret_when_it_cannot_be_had_then_the_text_names_the_reference),
        TEST(test_secret_when_it_is_no_reference_then_it_is_not_shown),
        TEST(test_secret_when_it_is_a_credential_then_systemds_folder_is_read),
        TEST(test_secret_when_it_is_in_the_environment_then_it_is_read),
        TEST(test_secret_when_a_program_tells_it_then_words_go_without_a_shell),
        TEST(test_secret_when_the_program_fails_then_its_output_is_not_shown),
        TEST(test_secret_when_the_program_warns_then_the_secret_is_not_spoilt),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
