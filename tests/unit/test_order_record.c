/* SEES: base crypto io store config acme dns-providers inventory authority dns renewal */
#include "house_fixture.h"

#include "renewal/order_record.h"

#include "crypto/cert.h"

static struct order_record *record_new(void)
{
    static const char *const names[] = {"www.example.com", "*.www.example.com"};
    struct err err = {0};
    struct order_record *record = NULL;
    struct order *order = order_new("main", names, 2);
    order->authority = mem_strdup("one");
    order->directory = mem_strdup("https://one.example/dir");
    must(store_begin(house.store, &err), &err);
    must(order_record_create(&house, order, "no certificate yet", "want", "", KEY_ECDSA_P256, 1,
                             &record, &err),
         &err);
    must(store_commit(house.store, &err), &err);
    return record;
}

static void record_keep(struct order_record *record)
{
    struct err err = {0};
    must(store_begin(house.store, &err), &err);
    must(order_record_save(&house, record, &err), &err);
    must(store_commit(house.store, &err), &err);
}

static void authz_put(struct authz *a, const char *url, const char *value)
{
    a->url = mem_strdup(url);
    a->identifier = mem_strdup("www.example.com");
    a->status = AUTHZ_PENDING;
    a->challenge_url = mem_strdup("https://one.example/challenge/1");
    a->token = mem_strdup("evaGxfADs6pSRb2LAv9IZf17Dt3juxGJ-PCt92wr-oA");
    a->value = mem_strdup(value);
}

/* An order that waits for its names to be validated: every column says something. */
static struct order_record *record_under_way(void)
{
    struct err err = {0};
    struct order_record *record = record_new();
    struct order *order = record->order;
    AUTO(key_fini)
    struct key *key = key_new(KEY_ECDSA_P256);
    must(held_key_save(&house, key, "leaf", &record->key_id, &err), &err);
    must(csr_new(key, (const char *const *)order->names, order->n_names, &order->csr, &err), &err);
    key_spki(key, order->spki);
    order->has_key = order->new_sent = order->published = true;
    order->step = ORDER_VALIDATE;
    order->url = mem_strdup("https://one.example/order/1");
    order->finalize_url = mem_strdup("https://one.example/order/1/finalize");
    order->expires_at_ms = fixture_clock.wall_now_ms + 7 * MS_DAY;
    order->authz = NEW_N(2, struct authz);
    order->n_authz = 2;
    authz_put(&order->authz[0], "https://one.example/authz/1",
              "LoqXcYV8q5ONbJQxbmR7SCTNo3tiAXDfowyjxAjEuX0");
    authz_put(&order->authz[1], "https://one.example/authz/2",
              "oqXcYV8q5ONbJQxbmR7SCTNo3tiAXDfowyjxAjEuX0L");
    order->authz[1].wildcard = order->authz[1].answered = true;
    record->n_tries = 2;
    record->next_at_ms = fixture_clock.wall_now_ms + MS_MINUTE;
    err_throttled(&record->failure, record->next_at_ms, "order: 429 rateLimited");
    record_keep(record);
    return record;
}

static void test_record_when_loaded_then_it_is_what_was_saved(void **state)
{
    (void)state;
    struct err err = {0};
    struct order_record *a = record_under_way(), *b = NULL;
    must(order_record_load(&house, a->order->id, &b, &err), &err);
    assert_int_equal(b->order->step, ORDER_VALIDATE);
    assert_int_equal(b->order->n_names, 2);
    assert_string_equal(b->order->names[1], "*.www.example.com");
    assert_string_equal(b->order->spki, a->order->spki);
    assert_int_equal(b->order->csr.len, a->order->csr.len);
    assert_true(b->order->has_key && b->order->new_sent && b->order->published &&
                !b->order->finalize_sent);
    assert_string_equal(b->order->finalize_url, a->order->finalize_url);
    assert_null(b->order->certificate_url);
    assert_int_equal(b->order->expires_at_ms, a->order->expires_at_ms);
    assert_int_equal(b->order->n_authz, 2);
    assert_string_equal(b->order->authz[1].value, a->order->authz[1].value);
    assert_true(b->order->authz[1].answered && b->order->authz[1].wildcard &&
                !b->order->authz[0].answered);
    assert_int_equal(b->n_tries, 2);
    assert_int_equal(b->failure.kind, ERR_THROTTLED);
    assert_int_equal(b->failure.until_ms, a->next_at_ms);
    order_record_free(a);
    order_record_free(b);
}

static void test_record_when_nothing_of_authz_changed_then_their_rows_stay(void **state)
{
    (void)state;
    struct order_record *record = record_under_way();
    sql_run("UPDATE authz SET token = 'another hand' WHERE seq = 0");
    record_keep(record);
    assert_string_equal(sql_text("SELECT token FROM authz WHERE seq = 0"), "another hand");
    record->order->authz[0].answered = true;
    record_keep(record);
    assert_int_equal(sql_int(0, "SELECT count(*) FROM authz WHERE token = 'another hand'"), 0);
    assert_int_equal(sql_int(0, "SELECT answered FROM authz WHERE seq = 0"), 1);
    order_record_free(record);
}

static void test_record_when_its_order_has_ended_then_saving_is_refused(void **state)
{
    (void)state;
    struct err err = {0};
    struct order_record *record = record_under_way();
    must(store_begin(house.store, &err), &err);
    must(order_record_end(&house, record, "failed", &err), &err);
    assert_false(order_record_save(&house, record, &err));
    assert_int_equal(err.kind, ERR_STORE);
    store_rollback(house.store);
    order_record_free(record);
}

static void test_record_when_there_is_none_then_absent(void **state)
{
    (void)state;
    struct err err = {0};
    struct order_record *record = NULL;
    assert_false(order_record_load(&house, 4711, &record, &err));
    assert_int_equal(err.kind, ERR_ABSENT);
}

/* Each column spoilt in turn. What cannot be understood is the order's trouble, never the store's. */
static void test_record_when_any_column_is_damaged_then_it_is_read_or_broken(void **state)
{
    (void)state;
    static const char *const columns[] = {
        "authority",       "directory",     "why",    "want",    "names",      "key_kind",
        "profile",         "replaces",      "step",   "csr",     "url",        "finalize_url",
        "certificate_url", "expires_at_ms", "memory", "n_tries", "next_at_ms", "started_at_ms",
        "step_at_ms",      "failure_kind",  "failure"};
    static const char *const spoils[] = {
        "''",       "'{'",  "x'ff00fe'", "-1",    "9223372036854775807",
        "'[null]'", "'[]'", "'[1]'",     "'done'"};
    struct order_record *record = record_under_way();
    size_t n_broken = 0;
    for (size_t c = 0; c < sizeof columns / sizeof columns[0]; c++)
        for (size_t i = 0; i < sizeof spoils / sizeof spoils[0]; i++) {
            char sql[256];
            struct err err = {0};
            struct order_record *loaded = NULL;
            snprintf(sql, sizeof sql, "UPDATE orders SET %s = %s", columns[c], spoils[i]);
            sql_run(sql);
            if (order_record_load(&house, record->order->id, &loaded, &err))
                order_record_free(loaded);
            else if (err.kind == ERR_BROKEN)
                n_broken++;
            else
                fail_msg("%s = %s: %s: %s", columns[c], spoils[i], err_kind_name(err.kind),
                         err.text);
            record_keep(record);
            snprintf(
                sql, sizeof sql,
                "UPDATE orders SET authority = 'one', directory = 'https://one.example/dir', why = "
                "'', want = 'want',"
                " names = '[\"www.example.com\",\"*.www.example.com\"]', key_kind = 'ecdsa-p256'");
            sql_run(sql);
        }
    assert_true(n_broken >= 20);
    order_record_free(record);
}

static void test_record_when_what_it_needs_is_gone_then_broken(void **state)
{
    (void)state;
    static const char *const losses[] = {
        "UPDATE orders SET csr = NULL", "UPDATE orders SET key_id = NULL",
        "UPDATE orders SET url = NULL", "UPDATE orders SET finalize_url = NULL",
        "UPDATE orders SET url = 'http://169.254.169.254/'"};
    struct order_record *record = record_under_way();
    for (size_t i = 0; i < sizeof losses / sizeof losses[0]; i++) {
        struct err err = {0};
        struct order_record *loaded = NULL;
        sql_run(losses[i]);
        assert_false(order_record_load(&house, record->order->id, &loaded, &err));
        assert_int_equal(err.kind, ERR_BROKEN);
        has_words(err.text, "the record of order 1 in the store is damaged");
        record_keep(record);
    }
    order_record_free(record);
}

#define T(name) cmocka_unit_test_setup_teardown(name, house_make, house_remove)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(test_record_when_loaded_then_it_is_what_was_saved),
        T(test_record_when_nothing_of_authz_changed_then_their_rows_stay),
        T(test_record_when_its_order_has_ended_then_saving_is_refused),
        T(test_record_when_there_is_none_then_absent),
        T(test_record_when_any_column_is_damaged_then_it_is_read_or_broken),
        T(test_record_when_what_it_needs_is_gone_then_broken),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
