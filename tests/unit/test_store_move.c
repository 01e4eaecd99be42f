/* SEES: base crypto io store config acme dns-providers inventory authority dns renewal distribution monitoring leader */
#include "house_fixture.h"

#include "authority/lease.h"
#include "leader/store_move.h"

static struct store *target;

static void target_open(void)
{
    struct err err = {0};
    struct store_options options = {.path = scratch("to.db"), .create = true, .no_sync = true};
    must(store_open(&options, &target, &err), &err);
}

static bool move_on(bool keeps_source, struct store_move_result *ret, struct err *err)
{
    struct store_move move = {.from = house.store,
                              .to = target,
                              .from_path = scratch("c.db"),
                              .where = "sqlite:/there/to.db",
                              .keeps_source = keeps_source,
                              .clock = house.clock};
    return store_move(&move, ret, err);
}

/* Values that are easily spoilt on the way. */
static void source_fill(void)
{
    set_put("shop", "names: [shop.example.com]\n");
    refresh();
    sql_run("INSERT INTO private_key VALUES (7, 'leaf', 'ecdsa-p256', 'a''b\\c\n\t', x'00ff5c0a', "
            "-9223372036854775808, NULL)");
    sql_run("INSERT INTO private_key VALUES (41, 'leaf', 'rsa', '', x'', 9223372036854775807, 0)");
    sql_run("INSERT INTO endpoint (id, set_name, endpoint) VALUES (3, 'shop', 'x:443')");
    sql_run("INSERT INTO observation (endpoint_id, address, verdict, life_left, at_ms) VALUES (3, "
            "'a', 'v', 0.1, 1)");
    sql_run("INSERT INTO lease (name, fencing) VALUES ('name:example.com', 17)");
}

static void target_is_looked_at(void)
{
    store_close(house.store);
    house.store = target;
    target = NULL;
}

static void test_move_when_done_then_every_value_is_there_and_ids_go_on(void **state)
{
    (void)state;
    struct err err = {0};
    struct store_move_result result;
    source_fill();
    target_open();
    must(move_on(false, &result, &err), &err);
    assert_true(result.n_tables > 20 && result.n_rows >= 8);
    assert_int_equal(strlen(result.digest), 64);
    target_is_looked_at();
    assert_string_equal(
        sql_text(
            "SELECT quote(spki) || hex(sealed) || created_at_ms FROM private_key WHERE id = 7"),
        "'a''b\\c\n\t'00FF5C0A-9223372036854775808");
    assert_string_equal(sql_text("SELECT typeof(sealed) || length(sealed) || compromised_at_ms "
                                 "FROM private_key WHERE id = 41"),
                        "blob00");
    assert_int_equal(sql_int(0, "SELECT life_left = 0.1 FROM observation"), 1);
    assert_int_equal(sql_int(0, "SELECT fencing FROM lease WHERE name = 'name:example.com'"), 17);
    assert_int_equal(
        sql_int(
            0,
            "SELECT count(*) FROM lease WHERE name = 'leader' AND fencing = 1 AND holder IS NULL"),
        1);
    assert_int_equal(sql_int(0, "SELECT count(*) FROM event WHERE event = 'store.moved'"), 1);
    sql_run("INSERT INTO private_key (purpose, kind, spki, sealed, created_at_ms) VALUES ('leaf', "
            "'k', 'new', x'01', 1)");
    assert_int_equal(sql_int(0, "SELECT id FROM private_key WHERE spki = 'new'"), 42);
    must(store_check(house.store, &err), &err);
    /* The lead is free there, and its number goes on. */
    struct lease *lease = NULL;
    must(lease_take(&house, "leader", "test", 1000, false, &lease, &err), &err);
    assert_int_equal(lease_fencing(lease), 2);
    lease_drop(&house, lease);
}

static void test_source_when_moved_then_nobody_uses_it_by_mistake(void **state)
{
    (void)state;
    struct err err = {0};
    struct store_move_result result;
    struct lease *lease = NULL;
    struct store *late = NULL;
    source_fill();
    target_open();
    must(move_on(false, &result, &err), &err);
    store_close(target);
    /* Who had it open misses the leases, and is told when it opens it anew. */
    assert_false(lease_take(&house, "leader", "test", 1000, false, &lease, &err));
    assert_int_equal(err.kind, ERR_STORE);
    assert_false(lease_take(&house, "leader", "test", 1000, false, &lease, &err));
    assert_non_null(strstr(err.text, "was moved to sqlite:/there/to.db"));
    for (int read_only = 0; read_only < 2; read_only++) {
        struct store_options options = {.path = scratch("c.db"), .read_only = read_only != 0};
        assert_false(store_open(&options, &late, &err));
        assert_non_null(strstr(err.text, "was moved to sqlite:/there/to.db"));
    }
}

static void test_source_when_kept_then_it_is_as_before(void **state)
{
    (void)state;
    struct err err = {0};
    struct store_move_result result;
    struct lease *lease = NULL;
    source_fill();
    target_open();
    must(move_on(true, &result, &err), &err);
    store_close(target);
    must(lease_take(&house, "leader", "test", 1000, false, &lease, &err), &err);
    lease_drop(&house, lease);
    assert_int_equal(sql_int(0, "SELECT count(*) FROM meta WHERE name = 'moved to'"), 0);
}

static void test_move_when_it_cannot_be_then_both_stay_as_they_were(void **state)
{
    (void)state;
    struct err err = {0};
    struct store_move_result result;
    struct lease *lease = NULL;
    source_fill();
    target_open();
    must(lease_take(&house, "leader", "renew", 60000, true, &lease, &err), &err);
    assert_false(move_on(false, &result, &err));
    assert_int_equal(err.kind, ERR_HELD);
    lease_drop(&house, lease);
    /* A value SQLite lets in and the schema did not mean. */
    sql_run("UPDATE private_key SET created_at_ms = 'soon' WHERE id = 7");
    assert_false(move_on(false, &result, &err));
    assert_non_null(strstr(err.text, "table private_key, column created_at_ms"));
    sql_run("UPDATE private_key SET created_at_ms = 1 WHERE id = 7");
    must(move_on(true, &result, &err), &err);
    assert_false(move_on(false, &result, &err));
    assert_int_equal(err.kind, ERR_CONFIG);
    assert_non_null(strstr(err.text, "rows already"));
    assert_int_equal(sql_int(0, "SELECT count(*) FROM private_key"), 2);
    store_close(target);
}

#define T(name) cmocka_unit_test_setup_teardown(name, house_make, house_remove)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(test_move_when_done_then_every_value_is_there_and_ids_go_on),
        T(test_source_when_moved_then_nobody_uses_it_by_mistake),
        T(test_source_when_kept_then_it_is_as_before),
        T(test_move_when_it_cannot_be_then_both_stay_as_they_were),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
