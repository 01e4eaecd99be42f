/* SEES: base crypto io store config acme dns-providers inventory */
#include "house_fixture.h"

#include <time.h>

static int64_t now_ms(void)
{
    return fixture_clock.wall_now_ms;
}

/* ---- due ---- */

static void test_due_when_the_life_is_long_then_a_third_is_left(void **state)
{
    (void)state;
    static const int64_t lives_ms[] = {90 * MS_DAY, 398 * MS_DAY, 45 * MS_DAY, 10 * MS_DAY};
    for (size_t i = 0; i < sizeof lives_ms / sizeof lives_ms[0]; i++) {
        int64_t life_ms = lives_ms[i], from_ms = INT64_C(1900000000000);
        int64_t latest_ms = due_at_ms(from_ms, from_ms + life_ms, 0);
        int64_t earliest_ms = due_at_ms(from_ms, from_ms + life_ms, 999999);
        assert_int_equal(latest_ms, from_ms + life_ms - life_ms / 3);
        assert_true(earliest_ms < latest_ms);
        assert_true(latest_ms - earliest_ms <= life_ms / 100);
        assert_true(latest_ms - earliest_ms >= life_ms / 101);
    }
}

static void test_due_when_the_life_is_short_then_half_is_left(void **state)
{
    (void)state;
    static const int64_t lives_ms[] = {6 * MS_DAY, MS_DAY, 10 * MS_MINUTE, 10 * MS_DAY - 1,
                                       MS_SECOND};
    for (size_t i = 0; i < sizeof lives_ms / sizeof lives_ms[0]; i++) {
        int64_t life_ms = lives_ms[i];
        assert_int_equal(due_at_ms(0, life_ms, 0), life_ms - life_ms / 2);
        assert_true(due_at_ms(0, life_ms, 999999) >= life_ms - life_ms / 2 - life_ms / 100 - 1);
        assert_true(due_at_ms(0, life_ms, 999999) > 0);
    }
}

static void test_due_when_the_life_is_absurd_then_nothing_overflows(void **state)
{
    (void)state;
    int64_t end_ms = time_from_civil(9999, 12, 31, 23, 59, 59);
    assert_true(due_at_ms(0, end_ms, UINT64_MAX) > end_ms / 2);
    assert_int_equal(due_at_ms(1000, 1000, 5), 1000);
    assert_int_equal(due_at_ms(1000, 500, 5), 1000);
}

/* ---- keys ---- */

static void test_key_when_saved_then_it_is_sealed_and_comes_back_the_same(void **state)
{
    (void)state;
    struct err err = {0};
    int64_t id = 0, again = 0;
    char spki[SPKI_HEX_MAX], stored[SPKI_HEX_MAX];
    struct key *key = key_new(KEY_ECDSA_P256), *back = NULL;
    key_spki(key, spki);
    must(held_key_save(&house, key, "leaf", &id, &err), &err);
    must(held_key_save(&house, key, "leaf", &again, &err), &err);
    assert_int_equal(id, again);
    must(held_key_load(&house, id, &back, &err), &err);
    key_spki(back, stored);
    assert_string_equal(stored, spki);
    must(held_key_spki(&house, id, stored, &err), &err);
    assert_string_equal(stored, spki);
    AUTO(secret_fini)
    struct secret der = {0};
    key_to_der(key, &der);
    const char *hex = sql_text("SELECT hex(sealed) FROM private_key");
    AUTO(buf_fini)
    struct buf plain = BUF(8192);
    hex_encode(&plain, der.p + der.len / 2, 16);
    assert_null(strcasestr(hex, buf_cstr(&plain)));
    key_free(key);
    key_free(back);
}

static void test_key_when_it_is_moved_to_another_row_then_it_does_not_open(void **state)
{
    (void)state;
    struct err err = {0};
    int64_t one = 0, two = 0;
    struct key *a = key_new(KEY_ECDSA_P256), *b = key_new(KEY_ECDSA_P256), *back = NULL;
    must(held_key_save(&house, a, "leaf", &one, &err), &err);
    must(held_key_save(&house, b, "leaf", &two, &err), &err);
    sql_run("UPDATE private_key SET sealed = (SELECT sealed FROM private_key WHERE id = 1) WHERE "
            "id = 2");
    assert_false(held_key_load(&house, two, &back, &err));
    assert_int_equal(err.kind, ERR_STORE);
    assert_null(back);
    must(held_key_load(&house, one, &back, &err), &err);
    key_free(a);
    key_free(b);
    key_free(back);
}

static void test_key_when_it_is_an_accounts_then_never_a_certificates(void **state)
{
    (void)state;
    static const char *const purposes[] = {"account", "leaf", "account"};
    int64_t id = 0, other = 0;
    for (size_t i = 0; i < 2; i++) {
        struct err err = {0};
        AUTO(key_fini)
        struct key *key = key_new(KEY_ECDSA_P256);
        must(held_key_save(&house, key, purposes[i], &id, &err), &err);
        must(held_key_save(&house, key, purposes[i], &other, &err), &err);
        assert_int_equal(id, other);
        assert_false(held_key_save(&house, key, purposes[i + 1], &other, &err));
        assert_int_equal(err.kind, ERR_REFUSED);
    }
}

static void test_key_when_there_is_no_seal_or_no_row_then_the_store_is_to_blame(void **state)
{
    (void)state;
    struct err err = {0};
    int64_t id = 0;
    struct key *key = key_new(KEY_ECDSA_P256), *back = NULL;
    assert_false(held_key_load(&house, 99, &back, &err));
    assert_int_equal(err.kind, ERR_STORE);
    char spki[SPKI_HEX_MAX];
    assert_false(held_key_spki(&house, 99, spki, &err));
    struct seal *seal = house.seal;
    house.seal = NULL;
    assert_false(held_key_save(&house, key, "leaf", &id, &err));
    assert_int_equal(err.kind, ERR_STORE);
    house.seal = seal;
    key_free(key);
}

/* ---- certificates ---- */

static void test_born_when_it_is_the_first_then_everything_of_it_can_be_read(void **state)
{
    (void)state;
    struct err err = {0};
    struct certificate *c = NULL;
    set_put("shop", "names: [www.example.com, \"*.shop.example.com\"]\nprofile: tlsserver\n");
    refresh();
    int64_t id = certificate_bear("shop", now_ms() - MS_HOUR, now_ms() - MS_HOUR + 90 * MS_DAY);
    must(held_current(&house, "shop", true, &c, &err), &err);
    assert_int_equal(c->id, id);
    assert_int_equal(c->version, 1);
    assert_true(c->is_current);
    assert_string_equal(c->set_name, "shop");
    assert_string_equal(c->authority, "one");
    assert_string_equal(c->directory, "https://one.example/dir");
    assert_string_equal(c->key_kind, "ecdsa-p256");
    assert_string_equal(c->profile, "tlsserver");
    assert_string_equal(c->url, "https://one.example/cert/1");
    assert_string_equal(c->issuer, "CN=CA");
    assert_non_null(c->ari_id);
    assert_int_equal(strlen(c->sha256), 64);
    assert_int_equal(c->n_names, 2);
    assert_string_equal(c->names[1], "*.shop.example.com");
    assert_int_equal(c->not_after_at_ms, now_ms() - MS_HOUR + 90 * MS_DAY);
    assert_int_equal(c->issued_at_ms, now_ms());
    assert_int_equal(c->revoked_at_ms, 0);
    assert_int_equal(c->order_id, 0);
    char spki[SPKI_HEX_MAX];
    must(held_key_spki(&house, c->key_id, spki, &err), &err);
    assert_string_equal(c->spki, spki);
    struct chain *chain = NULL;
    must(chain_parse_pem(buf_str(&c->chain_pem), &chain, &err), &err);
    assert_int_equal(chain_len(chain), 2);
    chain_free(chain);
    struct set_row row = {0};
    must(register_row(&house, "shop", &row, &err), &err);
    assert_int_equal(row.next_at_ms, c->due_at_ms);
    assert_string_equal(row.why, "due");
    set_row_fini(&row);
    certificate_free(c);
}

static void test_born_when_there_was_one_then_the_new_one_is_current_and_versions_are_kept(
    void **state)
{
    (void)state;
    struct err err = {0};
    struct certificate **list = NULL, *c = NULL;
    size_t n = 0;
    set_put("shop", "names: www.example.com\n");
    refresh();
    int64_t first = certificate_bear("shop", now_ms() - MS_HOUR, now_ms() + 90 * MS_DAY);
    clock_manual_advance(&fixture_clock, 60 * MS_DAY);
    int64_t second = certificate_bear("shop", now_ms() - MS_HOUR, now_ms() + 90 * MS_DAY);
    must(held_versions(&house, "shop", &list, &n, &err), &err);
    assert_int_equal(n, 2);
    assert_int_equal(list[0]->id, second);
    assert_int_equal(list[0]->version, 2);
    assert_true(list[0]->is_current);
    assert_int_equal(list[1]->id, first);
    assert_false(list[1]->is_current);
    certificates_free(list, n);
    must(held_certificate(&house, first, false, &c, &err), &err);
    assert_int_equal(c->chain_pem.len, 0);
    certificate_free(c);
}

static void test_held_when_there_is_none_then_it_is_absent(void **state)
{
    (void)state;
    struct err err = {0};
    struct certificate *c = NULL, **list = NULL;
    size_t n = 7;
    assert_false(held_current(&house, "shop", false, &c, &err));
    assert_int_equal(err.kind, ERR_ABSENT);
    assert_false(held_certificate(&house, 5, false, &c, &err));
    assert_int_equal(err.kind, ERR_ABSENT);
    must(held_versions(&house, "shop", &list, &n, &err), &err);
    assert_int_equal(n, 0);
    certificates_free(list, n);
}

static void test_born_when_it_was_backdated_beyond_its_due_time_then_it_is_not_due_at_once(
    void **state)
{
    (void)state;
    set_put("shop", "names: www.example.com\n");
    refresh();
    certificate_bear("shop", now_ms() - 80 * MS_DAY, now_ms() + 10 * MS_DAY);
    int64_t due_ms = sql_int(0, "SELECT due_at_ms FROM certificate");
    assert_true(due_ms > now_ms() + 6 * MS_DAY);
    assert_true(due_ms < now_ms() + 10 * MS_DAY);
}

static void test_born_when_the_set_had_failed_then_that_is_forgotten(void **state)
{
    (void)state;
    struct err err = {0}, failure = {.kind = ERR_AGAIN, .text = "no"};
    int64_t next_ms;
    set_put("shop", "names: www.example.com\n");
    refresh();
    must(register_failed(&house, "shop", &failure, &next_ms, &err), &err);
    certificate_bear("shop", now_ms() - MS_HOUR, now_ms() + 90 * MS_DAY);
    assert_int_equal(sql_int(1, "SELECT n_failures FROM domain_set"), 0);
    assert_string_equal(sql_text("SELECT coalesce(failure, 'none') FROM domain_set"), "none");
}

static void test_born_when_the_set_delivers_then_every_live_target_is_due(void **state)
{
    (void)state;
    set_put("shop", "names: www.example.com\ndeploy: [{files: {dir: /x}}, {files: {dir: /y}}]\n"
                    "endpoints: [\"www.example.com:443\"]\n");
    refresh();
    certificate_bear("shop", now_ms() - MS_HOUR, now_ms() + 90 * MS_DAY);
    sql_run("UPDATE deployment SET stage = 'done', done_id = wanted_id, next_at_ms = NULL, n_tries "
            "= 3, failure = 'x'");
    sql_run("UPDATE deployment SET removed_at_ms = 1 WHERE target = 'files:/y'");
    clock_manual_advance(&fixture_clock, MS_HOUR);
    int64_t id = certificate_bear("shop", now_ms() - MS_HOUR, now_ms() + 90 * MS_DAY);
    assert_int_equal(sql_int(0, "SELECT wanted_id FROM deployment WHERE target = 'files:/x'"), id);
    assert_int_equal(sql_int(0, "SELECT next_at_ms FROM deployment WHERE target = 'files:/x'"),
                     now_ms());
    assert_string_equal(sql_text("SELECT stage || n_tries || coalesce(failure, '-') FROM "
                                 "deployment WHERE target = 'files:/x'"),
                        "waiting0-");
    assert_int_equal(sql_int(-1, "SELECT next_at_ms FROM deployment WHERE target = 'files:/y'"),
                     -1);
}

static void test_born_when_the_set_delivers_nowhere_then_its_endpoints_are_due(void **state)
{
    (void)state;
    set_put("shop", "names: www.example.com\nendpoints: [\"www.example.com:443\"]\n");
    refresh();
    certificate_bear("shop", now_ms() - MS_HOUR, now_ms() + 90 * MS_DAY);
    assert_int_equal(sql_int(0, "SELECT next_at_ms FROM endpoint"), now_ms());
}

static void test_born_when_the_set_changed_meanwhile_then_it_is_due_again(void **state)
{
    (void)state;
    struct err err = {0};
    struct set_config *set = NULL;
    int64_t key_id = 0, id = 0;
    set_put("shop", "names: www.example.com\n");
    refresh();
    must(register_set(&house, "shop", &set, &err), &err);
    set_put("shop", "names: [www.example.com, more.example.com]\n");
    refresh();
    struct chain *chain =
        chain_make("DNS:www.example.com", now_ms(), now_ms() + 90 * MS_DAY, &key_id);
    struct certificate_birth birth = {.set_name = "shop",
                                      .authority = "one",
                                      .directory = set->directories[0],
                                      .want = set->want,
                                      .key_kind = "ecdsa-p256",
                                      .url = "https://one.example/c",
                                      .names = (const char *const *)set->names,
                                      .n_names = set->n_names,
                                      .key_id = key_id,
                                      .chain = chain};
    must(store_begin(house.store, &err), &err);
    must(held_certificate_born(&house, &birth, &id, &err), &err);
    must(store_commit(house.store, &err), &err);
    assert_string_equal(sql_text("SELECT why FROM domain_set"), "changed");
    assert_int_equal(sql_int(0, "SELECT next_at_ms FROM domain_set"), now_ms());
    chain_free(chain);
    set_config_free(set);
}

static void test_revoked_when_current_then_the_set_is_due_and_a_stolen_key_marked(void **state)
{
    (void)state;
    struct err err = {0};
    struct certificate *c = NULL;
    set_put("shop", "names: www.example.com\n");
    refresh();
    int64_t first = certificate_bear("shop", now_ms() - MS_HOUR, now_ms() + 90 * MS_DAY);
    int64_t second = certificate_bear("shop", now_ms() - MS_HOUR, now_ms() + 90 * MS_DAY);
    int64_t due_ms = sql_int(0, "SELECT next_at_ms FROM domain_set");
    must(held_certificate_revoked(&house, first, 4, &err), &err);
    assert_int_equal(sql_int(0, "SELECT next_at_ms FROM domain_set"), due_ms);
    must(held_certificate_revoked(&house, second, 1, &err), &err);
    assert_int_equal(sql_int(0, "SELECT next_at_ms FROM domain_set"), now_ms());
    assert_int_equal(
        sql_int(0, "SELECT count(*) FROM private_key WHERE compromised_at_ms IS NOT NULL"), 1);
    must(held_current(&house, "shop", false, &c, &err), &err);
    assert_int_equal(c->revoked_at_ms, now_ms());
    certificate_free(c);
    clock_manual_advance(&fixture_clock, MS_DAY);
    must(held_certificate_revoked(&house, second, 0, &err), &err);
    assert_int_equal(sql_int(0, "SELECT revoked_reason FROM certificate WHERE current = 1"), 1);
    assert_false(held_certificate_revoked(&house, 99, 0, &err));
    assert_int_equal(err.kind, ERR_ABSENT);
    assert_false(store_in_transaction(house.store));
}

static void test_held_when_the_names_in_the_store_are_damaged_then_the_rest_is_read(void **state)
{
    (void)state;
    struct err err = {0};
    struct certificate *c = NULL;
    set_put("shop", "names: www.example.com\n");
    refresh();
    certificate_bear("shop", now_ms() - MS_HOUR, now_ms() + 90 * MS_DAY);
    sql_run("UPDATE certificate SET names = '[\"www'");
    must(held_current(&house, "shop", false, &c, &err), &err);
    assert_int_equal(c->n_names, 0);
    assert_string_equal(c->authority, "one");
    certificate_free(c);
}

/* ---- bench: printed, not asserted ---- */

static double seconds(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void test_bench_when_a_thousand_are_born_then_the_cost_is_printed(void **state)
{
    (void)state;
    enum { N = 1000 };
    struct err err = {0};
    int64_t key_id = 0, id = 0;
    char name[32], text[256];
    static const char *const names[] = {"www.example.com"};
    for (int i = 0; i < N; i++) {
        snprintf(name, sizeof name, "set-%d", i);
        snprintf(text, sizeof text, "names: host%d.example.com\ndeploy: [{files: {dir: /x/%d}}]\n",
                 i, i);
        set_put(name, text);
    }
    refresh();
    struct chain *chain =
        chain_make("DNS:www.example.com", now_ms(), now_ms() + 90 * MS_DAY, &key_id);
    double t0 = seconds();
    for (int i = 0; i < N; i++) {
        snprintf(name, sizeof name, "set-%d", i);
        struct set_row row = {0};
        must(register_row(&house, name, &row, &err), &err);
        struct certificate_birth birth = {.set_name = name,
                                          .authority = "one",
                                          .directory = "https://one.example/dir",
                                          .want = row.want,
                                          .key_kind = "ecdsa-p256",
                                          .url = "https://one.example/c",
                                          .names = names,
                                          .n_names = 1,
                                          .key_id = key_id,
                                          .chain = chain};
        must(store_begin(house.store, &err), &err);
        must(held_certificate_born(&house, &birth, &id, &err), &err);
        must(store_commit(house.store, &err), &err);
        set_row_fini(&row);
    }
    print_message("%d births: %.3f ms each, commit included\n", N, (seconds() - t0) * 1e3 / N);
    chain_free(chain);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, house_make, house_remove)
int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_due_when_the_life_is_long_then_a_third_is_left),
        cmocka_unit_test(test_due_when_the_life_is_short_then_half_is_left),
        cmocka_unit_test(test_due_when_the_life_is_absurd_then_nothing_overflows),
        TEST(test_key_when_saved_then_it_is_sealed_and_comes_back_the_same),
        TEST(test_key_when_it_is_moved_to_another_row_then_it_does_not_open),
        TEST(test_key_when_it_is_an_accounts_then_never_a_certificates),
        TEST(test_key_when_there_is_no_seal_or_no_row_then_the_store_is_to_blame),
        TEST(test_born_when_it_is_the_first_then_everything_of_it_can_be_read),
        TEST(test_born_when_there_was_one_then_the_new_one_is_current_and_versions_are_kept),
        TEST(test_held_when_there_is_none_then_it_is_absent),
        TEST(test_born_when_it_was_backdated_beyond_its_due_time_then_it_is_not_due_at_once),
        TEST(test_born_when_the_set_had_failed_then_that_is_forgotten),
        TEST(test_born_when_the_set_delivers_then_every_live_target_is_due),
        TEST(test_born_when_the_set_delivers_nowhere_then_its_endpoints_are_due),
        TEST(test_born_when_the_set_changed_meanwhile_then_it_is_due_again),
        TEST(test_revoked_when_current_then_the_set_is_due_and_a_stolen_key_marked),
        TEST(test_held_when_the_names_in_the_store_are_damaged_then_the_rest_is_read),
        TEST(test_bench_when_a_thousand_are_born_then_the_cost_is_printed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
