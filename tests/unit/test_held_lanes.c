/* SEES: base crypto io store config acme dns-providers inventory */
#include "house_fixture.h"

#define SET_TEXT(keys) "names: www.example.com\n" keys "\ndeploy:\n  - files: {dir: live}\n"

static int64_t bear(const char *lane, const char *kind)
{
    struct err err = {0};
    struct set_config *set = NULL;
    int64_t id = 0, key_id = 0, now_ms = fixture_clock.wall_now_ms;
    must(register_set(&house, "shop", &set, &err), &err);
    struct chain *chain = chain_make("DNS:www.example.com", now_ms, now_ms + 90 * MS_DAY, &key_id);
    struct certificate_birth birth = {.set_name = "shop",
                                      .lane = lane,
                                      .authority = set->authorities[0],
                                      .directory = set->directories[0],
                                      .want = set->want,
                                      .key_kind = kind,
                                      .names = (const char *const *)set->names,
                                      .n_names = set->n_names,
                                      .key_id = key_id,
                                      .chain = chain};
    must(store_begin(house.store, &err), &err);
    must(held_certificate_born(&house, &birth, &id, &err), &err);
    must(store_commit(house.store, &err), &err);
    chain_free(chain);
    set_config_free(set);
    return id;
}

static int64_t delivery_in_ms(void)
{
    return sql_int(0, "SELECT next_at_ms FROM deployment") - fixture_clock.wall_now_ms;
}

static void test_born_when_another_lane_is_lacking_then_delivery_waits_for_it(void **state)
{
    (void)state;
    set_put("shop", SET_TEXT("keys: [ecdsa-p256, rsa-2048]"));
    refresh();
    bear("ecdsa", "ecdsa-p256");
    assert_true(delivery_in_ms() > MS_MINUTE);
    assert_int_equal(sql_int(0, "SELECT next_at_ms FROM domain_set"), fixture_clock.wall_now_ms);
    bear("rsa", "rsa-2048");
    assert_int_equal(delivery_in_ms(), 0);
    assert_true(sql_int(0, "SELECT next_at_ms FROM domain_set") > fixture_clock.wall_now_ms);
    assert_int_equal(sql_int(0, "SELECT count(*) FROM certificate WHERE current = 1"), 2);
}

static void test_release_when_the_other_lane_does_not_come_then_delivered_now(void **state)
{
    (void)state;
    struct err err = {0};
    set_put("shop", SET_TEXT("keys: [ecdsa-p256, rsa-2048]"));
    refresh();
    bear("ecdsa", "ecdsa-p256");
    must(held_unit_release(&house, "shop", &err), &err);
    assert_int_equal(delivery_in_ms(), 0);
}

static void test_born_when_its_kind_is_not_wanted_any_more_then_kept_but_not_current(void **state)
{
    (void)state;
    set_put("shop", SET_TEXT("keys: [ecdsa-p256, rsa-2048]"));
    refresh();
    bear("ecdsa", "ecdsa-p256");
    set_put("shop", SET_TEXT("key: ecdsa-p256"));
    refresh();
    assert_string_equal(sql_text("SELECT lane FROM certificate WHERE current = 1"), "");
    int64_t id = bear("rsa", "rsa-2048");
    assert_int_equal(sql_int(0, "SELECT max(id) FROM certificate WHERE current = 0"), id);
    assert_string_equal(sql_text("SELECT key_kind FROM certificate WHERE current = 1"),
                        "ecdsa-p256");
}

static void test_refresh_when_a_kind_is_dropped_then_retired_and_delivered_anew(void **state)
{
    (void)state;
    set_put("shop", SET_TEXT("keys: [ecdsa-p256, rsa-2048]"));
    refresh();
    bear("ecdsa", "ecdsa-p256");
    bear("rsa", "rsa-2048");
    sql_run("UPDATE deployment SET stage = 'done', next_at_ms = NULL");
    set_put("shop", SET_TEXT("key: rsa-2048"));
    refresh();
    assert_string_equal(sql_text("SELECT key_kind FROM certificate WHERE current = 1"), "rsa-2048");
    assert_int_equal(delivery_in_ms(), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(
            test_born_when_another_lane_is_lacking_then_delivery_waits_for_it, house_make,
            house_remove),
        cmocka_unit_test_setup_teardown(
            test_release_when_the_other_lane_does_not_come_then_delivered_now, house_make,
            house_remove),
        cmocka_unit_test_setup_teardown(
            test_born_when_its_kind_is_not_wanted_any_more_then_kept_but_not_current, house_make,
            house_remove),
        cmocka_unit_test_setup_teardown(
            test_refresh_when_a_kind_is_dropped_then_retired_and_delivered_anew, house_make,
            house_remove),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
