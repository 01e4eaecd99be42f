/* SEES: base crypto io store config acme dns-providers inventory distribution */
#include "deliver_case.h"

#include "distribution/guard.h"

/* ---- judged by values ---- */

struct gate {
    struct certificate certificate;
    struct chain *chain;
    struct cert_facts facts, served;
    char *names[2];
    struct guard_case c;
};

static struct gate gate;

static int gate_make(void **state)
{
    struct err err = {0};
    if (house_make(state) != 0)
        return -1;
    int64_t now_ms = fixture_clock.wall_now_ms;
    memset(&gate, 0, sizeof gate);
    gate.chain = chain_make("DNS:www.example.com,DNS:*.shop.example.com", now_ms - MS_DAY,
                            now_ms + 30 * MS_DAY, NULL);
    must(chain_facts(gate.chain, 0, &gate.facts, &err), &err);
    gate.names[0] = (char *)(uintptr_t) "www.example.com";
    gate.names[1] = (char *)(uintptr_t) "*.shop.example.com";
    gate.certificate = (struct certificate){.set_name = (char *)(uintptr_t) "shop",
                                            .sha256 = gate.facts.sha256_hex,
                                            .names = gate.names,
                                            .n_names = 2,
                                            .not_before_at_ms = gate.facts.not_before_at_ms,
                                            .not_after_at_ms = gate.facts.not_after_at_ms};
    gate.served = gate.facts;
    memset(gate.served.sha256_hex, 'e', 64);
    gate.served.not_after_at_ms -= 10 * MS_DAY;
    gate.c = (struct guard_case){.certificate = &gate.certificate,
                                 .chain = gate.chain,
                                 .spki_hex = gate.facts.spki_hex,
                                 .names = gate.names,
                                 .n_names = 2,
                                 .served = &gate.served,
                                 .now_ms = now_ms};
    return 0;
}

static int gate_remove(void **state)
{
    cert_facts_fini(&gate.facts);
    chain_free(gate.chain);
    return house_remove(state);
}

static void admitted(void)
{
    struct err err = {0};
    int64_t again_ms = 0;
    must(guard_admits(&gate.c, &again_ms, &err), &err);
}

static void held(const char *words, int64_t again_ms)
{
    struct err err = {0};
    int64_t ms = 0;
    assert_false(guard_admits(&gate.c, &ms, &err));
    assert_int_equal(err.kind, ERR_REFUSED);
    has_words(err.text, "held back");
    has_words(err.text, words);
    assert_int_equal(ms, again_ms);
}

static void test_guard_when_the_pair_is_sound_then_it_goes_out(void **state)
{
    (void)state;
    admitted();
    gate.c.served = NULL;
    admitted();
}

static void test_guard_when_the_key_is_another_then_it_is_held(void **state)
{
    (void)state;
    char spki[SPKI_HEX_MAX];
    struct key *other = key_new(KEY_ECDSA_P256);
    key_spki(other, spki);
    key_free(other);
    gate.c.spki_hex = spki;
    held("another key", INT64_MAX);
    gate.c.forced = true;
    held("another key", INT64_MAX);
}

static void test_guard_when_time_is_out_then_it_is_held_and_not_yet_means_until_then(void **state)
{
    (void)state;
    gate.c.now_ms = gate.certificate.not_after_at_ms;
    held("expired", INT64_MAX);
    gate.c.now_ms = gate.certificate.not_before_at_ms - 1;
    held("not valid yet", gate.certificate.not_before_at_ms);
}

static void test_guard_when_it_was_ordered_for_other_names_then_it_is_held(void **state)
{
    (void)state;
    gate.certificate.n_names = 1;
    gate.c.n_names = 1;
    held("not ordered", INT64_MAX);
}

static void test_guard_when_a_configured_name_is_missing_then_what_is_served_decides(void **state)
{
    (void)state;
    static char *const more[] = {(char *)(uintptr_t) "www.example.com",
                                 (char *)(uintptr_t) "new.example.com"};
    char *served[] = {more[0], more[1]};
    gate.c.names = more;
    admitted(); /* the old one lacks it, too: late is worse than without it */
    gate.c.served = NULL;
    held("new.example.com", INT64_MAX);
    gate.c.served = &gate.served;
    gate.served.names = served;
    gate.served.n_names = 2;
    held("new.example.com, which is served now", INT64_MAX);
}

static void test_guard_when_it_ends_earlier_then_it_is_held_unless_forced_or_the_old_one_is_revoked(
    void **state)
{
    (void)state;
    gate.served.not_after_at_ms = gate.certificate.not_after_at_ms;
    admitted();
    gate.served.not_after_at_ms++;
    held("chancery deploy --force shop", INT64_MAX);
    gate.c.served_is_revoked = true;
    admitted();
    gate.c.served_is_revoked = false;
    gate.c.forced = true;
    admitted();
    gate.c.forced = false;
    memcpy(gate.served.sha256_hex, gate.facts.sha256_hex, sizeof gate.served.sha256_hex);
    admitted();
}

static void test_guard_when_it_is_revoked_then_it_is_held_even_when_forced(void **state)
{
    (void)state;
    gate.certificate.revoked_at_ms = 1;
    gate.c.forced = true;
    held("revoked", INT64_MAX);
}

/* ---- at the gate of a target ---- */

static void old_pair_stays(const char *key)
{
    assert_int_equal(served_version("web"), 1);
    assert_string_equal(scratch_get(served_file("web", "key.pem")), key);
    pair_fits("web");
    stage_is("web", "held");
}

static char *key_of_version_1(void)
{
    target_with_version_1("web", shell("activate", "echo >> {}/activated"));
    sql_run("UPDATE deployment SET stage = 'done', next_at_ms = NULL");
    return mem_strdup(scratch_get(served_file("web", "key.pem")));
}

static void test_delivery_when_the_key_in_the_store_is_another_then_the_old_pair_stays(void **state)
{
    (void)state;
    char *key = key_of_version_1();
    version_bear("web", 40);
    sql_run("UPDATE certificate SET key_id = (SELECT key_id FROM certificate WHERE version = 1)"
            " WHERE version = 2");
    struct distribution_result result = deliver_all();
    assert_int_equal(result.n_failed, 1);
    assert_int_equal(result.n_behind, 1);
    old_pair_stays(key);
    assert_string_equal(scratch_get("activated"), "");
    assert_int_equal(n_events("deploy.failed"), 1);
    has_words(last_event("deploy.failed"), "version 1 stays served");
    mem_free(key);
}

static void test_delivery_when_it_has_expired_in_the_store_then_the_old_pair_stays(void **state)
{
    (void)state;
    char *key = key_of_version_1();
    version_bear("web", 40);
    fixture_clock.wall_now_ms += 41 * MS_DAY;
    assert_int_equal(deliver_all().n_failed, 1);
    old_pair_stays(key);
    assert_int_equal(row_int("web", "next_at_ms"), fixture_clock.wall_now_ms + MS_DAY);
    mem_free(key);
}

static void test_guard_when_another_profile_or_ca_was_wished_for_then_it_may_end_earlier(
    void **state)
{
    (void)state;
    char want[] = "wish", old_want[] = "old wish", profile[] = "shortlived", old[] = "classic";
    char directory[] = "https://ca.test/directory", other[] = "https://old.test/directory";
    struct certificate served = {.want = old_want, .profile = old, .directory = directory};
    gate.certificate.want = want;
    gate.certificate.profile = profile;
    gate.certificate.directory = directory;
    gate.served.not_after_at_ms = gate.certificate.not_after_at_ms + MS_DAY;
    gate.c.served_held = &served;
    admitted();
    /* Only the names were changed. */
    served.profile = profile;
    held("before what is served now", INT64_MAX);
    served.directory = other;
    admitted();
    /* A CA that stands in for another. */
    served.want = want;
    held("before what is served now", INT64_MAX);
    gate.c.served_held = NULL;
    held("before what is served now", INT64_MAX);
}

static void test_delivery_when_the_profile_was_changed_then_a_shorter_life_goes_out(void **state)
{
    (void)state;
    char *key = key_of_version_1();
    version_bear("web", 7);
    sql_run(
        "UPDATE certificate SET profile = 'shortlived', want = 'another wish' WHERE version = 2");
    assert_int_equal(deliver_all().n_failed, 0);
    assert_int_equal(served_version("web"), 2);
    pair_fits("web");
    mem_free(key);
}

static void test_delivery_when_it_ends_earlier_then_it_waits_for_a_person(void **state)
{
    (void)state;
    char *key = key_of_version_1();
    version_bear("web", 7);
    assert_int_equal(deliver_all().n_failed, 1);
    old_pair_stays(key);
    assert_int_equal(deliver_only("web", false).n_failed, 1);
    old_pair_stays(key);
    assert_int_equal(n_events("deploy.failed"), 1);
    assert_int_equal(deliver_only("web", true).n_done, 1);
    assert_int_equal(served_version("web"), 2);
    mem_free(key);
}

static void test_delivery_when_a_held_one_is_followed_by_a_good_one_then_that_goes_out(void **state)
{
    (void)state;
    char *key = key_of_version_1();
    version_bear("web", 7);
    assert_int_equal(deliver_all().n_failed, 1);
    version_bear("web", 40);
    assert_int_equal(deliver_all().n_done, 1);
    assert_int_equal(served_version("web"), 3);
    mem_free(key);
}

static void test_delivery_when_it_is_revoked_then_nobody_is_behind_for_it(void **state)
{
    (void)state;
    struct err err = {0};
    char *key = key_of_version_1();
    int64_t id = version_bear("web", 40);
    must(held_certificate_revoked(&house, id, 0, &err), &err);
    struct distribution_result result = deliver_all();
    assert_int_equal(result.n_behind, 0);
    old_pair_stays(key);
    assert_int_equal(row_int("web", "next_at_ms"), -1);
    mem_free(key);
}

static void test_delivery_when_the_served_one_is_revoked_then_its_successor_may_end_earlier(
    void **state)
{
    (void)state;
    struct err err = {0};
    char *key = key_of_version_1();
    must(held_certificate_revoked(&house, sql_int(0, "SELECT id FROM certificate"), 1, &err), &err);
    version_bear("web", 7);
    assert_int_equal(deliver_all().n_done, 1);
    assert_int_equal(served_version("web"), 2);
    mem_free(key);
}

#define GATE(name) cmocka_unit_test_setup_teardown(name, gate_make, gate_remove)
#define TEST(name) cmocka_unit_test_setup_teardown(name, deliver_make, deliver_remove)

int main(void)
{
    const struct CMUnitTest tests[] = {
        GATE(test_guard_when_the_pair_is_sound_then_it_goes_out),
        GATE(test_guard_when_the_key_is_another_then_it_is_held),
        GATE(test_guard_when_time_is_out_then_it_is_held_and_not_yet_means_until_then),
        GATE(test_guard_when_it_was_ordered_for_other_names_then_it_is_held),
        GATE(test_guard_when_a_configured_name_is_missing_then_what_is_served_decides),
        GATE(
            test_guard_when_it_ends_earlier_then_it_is_held_unless_forced_or_the_old_one_is_revoked),
        GATE(test_guard_when_it_is_revoked_then_it_is_held_even_when_forced),
        TEST(test_delivery_when_the_key_in_the_store_is_another_then_the_old_pair_stays),
        TEST(test_delivery_when_it_has_expired_in_the_store_then_the_old_pair_stays),
        GATE(test_guard_when_another_profile_or_ca_was_wished_for_then_it_may_end_earlier),
        TEST(test_delivery_when_the_profile_was_changed_then_a_shorter_life_goes_out),
        TEST(test_delivery_when_it_ends_earlier_then_it_waits_for_a_person),
        TEST(test_delivery_when_a_held_one_is_followed_by_a_good_one_then_that_goes_out),
        TEST(test_delivery_when_it_is_revoked_then_nobody_is_behind_for_it),
        TEST(test_delivery_when_the_served_one_is_revoked_then_its_successor_may_end_earlier),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
