/* SEES: base crypto io store config acme dns-providers inventory authority dns renewal */
#include "renewal/key_choice.h"

#include "house_fixture.h"

static struct key_choice choice_of(const struct set_config *set, const struct certificate *held,
                                   enum key_kind kind)
{
    struct err err = {0};
    struct key_choice choice;
    must(key_choose(&house, set, held, kind, &choice, &err), &err);
    return choice;
}

static char p256[] = "ecdsa-p256", spki_text[] = "00ff", csr_reference[] = "file:x.csr";

static struct certificate held_p256(void)
{
    return (struct certificate){.key_id = 7, .key_kind = p256, .spki = spki_text};
}

static void test_choice_when_nothing_is_said_then_a_new_key_of_the_wanted_kind(void **state)
{
    (void)state;
    struct set_config set = {.key = KEY_ECDSA_P256};
    struct certificate held = held_p256();
    struct key_choice choice = choice_of(&set, &held, KEY_RSA_2048);
    assert_int_equal(choice.way, KEY_IS_MADE);
    assert_int_equal(choice.kind, KEY_RSA_2048);
    /* Its file cannot be read any more: an order that is open goes on all the same. */
    assert_int_equal(choice_of(NULL, &held, KEY_RSA_2048).way, KEY_IS_MADE);
}

static void test_choice_when_the_key_is_to_be_kept_then_that_of_what_is_held(void **state)
{
    (void)state;
    struct set_config set = {.key = KEY_ECDSA_P256, .keep_key = true};
    struct certificate held = held_p256();
    struct key_choice choice = choice_of(&set, &held, KEY_ECDSA_P256);
    assert_int_equal(choice.way, KEY_IS_KEPT);
    assert_int_equal(choice.key_id, 7);
    assert_int_equal(choice_of(&set, NULL, KEY_ECDSA_P256).way, KEY_IS_MADE);
    assert_int_equal(choice_of(&set, &held, KEY_ECDSA_P384).way, KEY_IS_MADE);
    set.is_key_kind_free = true;
    assert_int_equal(choice_of(&set, &held, KEY_ECDSA_P384).way, KEY_IS_KEPT);
    held.key_id = 0; /* it lives elsewhere */
    assert_int_equal(choice_of(&set, &held, KEY_ECDSA_P256).way, KEY_IS_MADE);
}

static void test_choice_when_the_kept_key_was_reported_compromised_then_a_new_one(void **state)
{
    (void)state;
    sql_run("INSERT INTO private_key (purpose, kind, spki, sealed, created_at_ms, "
            "compromised_at_ms) VALUES ('leaf', 'ecdsa-p256', '00ff', x'00', 1, 2)");
    struct set_config set = {.keep_key = true, .is_key_kind_free = true};
    struct certificate held = held_p256();
    struct key_choice choice = choice_of(&set, &held, KEY_ECDSA_P256);
    assert_int_equal(choice.way, KEY_IS_MADE);
    assert_true(choice.is_kept_lost);
    set.keep_key = false;
    assert_false(choice_of(&set, &held, KEY_ECDSA_P256).is_kept_lost);
}

static void test_choice_when_a_request_is_configured_then_it_is_asked_for(void **state)
{
    (void)state;
    struct set_config set = {.csr = csr_reference};
    struct certificate held = held_p256();
    assert_int_equal(choice_of(&set, &held, KEY_ECDSA_P256).way, KEY_IS_ELSEWHERE);
    assert_int_equal(choice_of(&set, NULL, KEY_ECDSA_P256).way, KEY_IS_ELSEWHERE);
}

static void test_request_when_its_key_must_not_be_used_then_refused(void **state)
{
    static const char *const names[] = {"www.example.com"};
    static const char *const others[] = {"mail.example.com"};
    struct err err = {0};
    int64_t id = 0;
    (void)state;
    AUTO(key_fini)
    struct key *key = key_new(KEY_ECDSA_P256);
    AUTO(buf_fini)
    struct buf der = BUF(0);
    AUTO(csr_facts_fini)
    struct csr_facts request = {0};
    must(csr_new(key, names, 1, &der, &err) && csr_parse(buf_str(&der), &request, &err), &err);
    must(request_admit(&house, &request, names, 1, &err), &err);
    assert_false(request_admit(&house, &request, others, 1, &err));
    assert_int_equal(err.kind, ERR_REFUSED);
    must(held_key_save(&house, key, "account", &id, &err), &err);
    assert_false(request_admit(&house, &request, names, 1, &err));
    has_words(err.text, "ACME account");
    sql_run("UPDATE private_key SET purpose = 'leaf'");
    must(request_admit(&house, &request, names, 1, &err), &err);
    sql_run("UPDATE private_key SET compromised_at_ms = 1");
    assert_false(request_admit(&house, &request, names, 1, &err));
    assert_int_equal(err.kind, ERR_REFUSED);
    has_words(err.text, "reported compromised");
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, house_make, house_remove)
int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_choice_when_nothing_is_said_then_a_new_key_of_the_wanted_kind),
        TEST(test_choice_when_the_key_is_to_be_kept_then_that_of_what_is_held),
        TEST(test_choice_when_the_kept_key_was_reported_compromised_then_a_new_one),
        TEST(test_choice_when_a_request_is_configured_then_it_is_asked_for),
        TEST(test_request_when_its_key_must_not_be_used_then_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
