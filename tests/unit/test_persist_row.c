/* SEES: base crypto io store config acme dns-providers inventory */
/* What a person is told of a standing record, judged from its row. */
#include "house_fixture.h"

#include "inventory/persist_row.h"

#define NOW INT64_C(1893456000000)

static const struct persist_row good = {
    .id = 1,
    .set = "shop",
    .authority = "one",
    .identifier = "example.com",
    .challenge = "_validation-persist.example.com",
    .value = "ca.test; accounturi=https://one.example/1",
    .form = "plain",
    .state = "served",
    .created_at_ms = NOW,
    .published_at_ms = NOW,
    .present = true,
    .has_account = true,
    .has_key = true,
    .has_set = true,
};

static void assert_trouble(const struct persist_row *row, int64_t now_ms, const char *part)
{
    AUTO(buf_fini)
    struct buf text = BUF(4096);
    bool has = persist_row_trouble(row, now_ms, &text);
    if (part == NULL && has)
        fail_msg("%s", buf_cstr(&text));
    if (part == NULL) {
        assert_int_equal(text.len, 0);
        return;
    }
    assert_true(has);
    assert_true(str_starts(buf_str(&text), STR("standing record at ")));
    if (strstr(buf_cstr(&text), part) == NULL)
        fail_msg("\"%s\" is not in \"%s\"", part, buf_cstr(&text));
}

static void test_trouble_when_an_end_draws_near_then_told_from_the_margin_on(void **state)
{
    struct persist_row row = good;
    (void)state;
    assert_trouble(&row, NOW + 9999 * MS_DAY, NULL);
    row.until_at_ms = NOW + 100 * MS_DAY;
    assert_trouble(&row, NOW + 80 * MS_DAY - 1, NULL);
    assert_trouble(&row, NOW + 80 * MS_DAY, "it ends on 2030-04-11T00:00:00Z");
    assert_trouble(&row, NOW + 100 * MS_DAY, "it ended on 2030-04-11T00:00:00Z");
    assert_trouble(&row, NOW + 100 * MS_DAY, "chancery persist shop --publish");
}

static void test_trouble_when_the_key_changed_then_only_a_hashed_record_is_told(void **state)
{
    struct persist_row row = good;
    (void)state;
    row.has_key = false;
    assert_trouble(&row, NOW, NULL);
    row.form = "hashed";
    assert_trouble(&row, NOW, "key was changed since");
    row.has_account = false;
    assert_trouble(&row, NOW, "not ours any more");
}

static void test_trouble_when_it_lets_in_for_nobody_then_told_to_remove_it(void **state)
{
    struct persist_row row = good;
    (void)state;
    row.has_set = false;
    assert_trouble(&row, NOW, "chancery persist shop --remove");
    row = good;
    row.present = false;
    row.failure = "REFUSED";
    assert_trouble(&row, NOW, "still to be removed");
    assert_trouble(&row, NOW, "(REFUSED)");
    row = good;
    row.published_at_ms = 0;
    row.alias = "proofs.example.net";
    assert_trouble(&row, NOW, "at proofs.example.net: it has not been seen");
}

struct seen {
    size_t n;
    bool has_account, has_key, has_set;
};

static bool row_seen(void *arg, const struct persist_row *row)
{
    struct seen *seen = arg;
    seen->n++;
    seen->has_account = row->has_account;
    seen->has_key = row->has_key;
    seen->has_set = row->has_set;
    return true;
}

static struct seen look(const char *set)
{
    struct seen seen = {0};
    struct err err = {0};
    must(persist_each(&house, set, row_seen, &seen, &err), &err);
    return seen;
}

static void test_each_when_account_key_and_set_change_then_the_row_tells(void **state)
{
    (void)state;
    set_put("shop", "names: [example.com]\n");
    refresh();
    sql_run(
        "INSERT INTO private_key (id, purpose, kind, spki, sealed, created_at_ms) VALUES"
        " (1, 'account', 'ecdsa-p256', 'aa', x'00', 1), (2, 'account', 'ecdsa-p256', 'bb', x'00', "
        "1)");
    sql_run("INSERT INTO account (id, directory, key_id, url, status, created_at_ms) VALUES"
            " (1, 'https://one.example/dir', 1, 'https://one.example/1', 'valid', 1)");
    sql_run(
        "INSERT INTO persist (set_name, authority, directory, account_url, spki, form, identifier,"
        " challenge, value, wish, state, created_at_ms) VALUES ('shop', 'one',"
        " 'https://one.example/dir', 'https://one.example/1', 'aa', 'hashed', 'example.com',"
        " '_validation-persist.example.com', 'v', 'present', 'served', 1)");
    struct seen seen = look("shop");
    assert_true(seen.n == 1 && seen.has_account && seen.has_key && seen.has_set);
    assert_int_equal(look("other").n, 0);
    sql_run("UPDATE account SET key_id = 2");
    seen = look(NULL);
    assert_true(seen.n == 1 && seen.has_account && !seen.has_key);
    sql_run("UPDATE account SET status = 'deactivated'");
    assert_false(look(NULL).has_account);
    set_drop("shop");
    refresh();
    assert_false(look(NULL).has_set);
    sql_run("UPDATE persist SET state = 'gone'");
    assert_int_equal(look(NULL).n, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_trouble_when_an_end_draws_near_then_told_from_the_margin_on),
        cmocka_unit_test(test_trouble_when_the_key_changed_then_only_a_hashed_record_is_told),
        cmocka_unit_test(test_trouble_when_it_lets_in_for_nobody_then_told_to_remove_it),
        cmocka_unit_test_setup_teardown(
            test_each_when_account_key_and_set_change_then_the_row_tells, house_make, house_remove),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
