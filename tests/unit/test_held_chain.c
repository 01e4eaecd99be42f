/* SEES: base crypto io store config acme dns-providers inventory */
#include "house_fixture.h"

#include "inventory/held_chain.h"
#include "inventory/plan.h"

#define LIFE (90 * MS_DAY)

static int64_t now_ms(void)
{
    return fixture_clock.wall_now_ms;
}

/* The same leaf below another certificate of its issuer, that a root of this name signed. */
static struct chain *chain_below(const struct chain *leaf_of, const char *root)
{
    static EVP_PKEY *issuer_key;
    static struct buf pems[4];
    static char *roots[4];
    struct err err = {0};
    struct chain *chain = NULL;
    AUTO(buf_fini)
    struct buf pem = BUF(CHAIN_PEM_MAX);
    size_t at = 0;
    if (issuer_key == NULL)
        issuer_key = EVP_EC_gen("P-256");
    while (roots[at] != NULL && strcmp(roots[at], root) != 0)
        at++;
    assert_true(at < 4);
    if (roots[at] == NULL) {
        roots[at] = (char *)(uintptr_t)root;
        pems[at] = BUF(CHAIN_PEM_MAX);
        cert_add(&pems[at], &(struct cert_plan){
                                .subject = "CA", .issuer = root, .is_ca = true, .key = issuer_key});
    }
    chain_cert_pem(leaf_of, 0, &pem);
    buf_add_str(&pem, buf_str(&pems[at]));
    must(chain_parse_pem(buf_str(&pem), &chain, &err), &err);
    return chain;
}

/* A certificate whose CA offers chains below these roots, the first one by default. */
static int64_t bear(const char *set_name, const char *const *roots, size_t n)
{
    struct err err = {0};
    struct set_config *set = NULL;
    const struct chain *chains[4];
    int64_t id = 0, key_id = 0;
    must(register_set(&house, set_name, &set, &err), &err);
    struct chain *leaf =
        chain_make("DNS:www.example.com", now_ms() - MS_HOUR, now_ms() + LIFE, &key_id);
    for (size_t i = 0; i < n; i++)
        chains[i] = chain_below(leaf, roots[i]);
    struct certificate_birth birth = {.set_name = set_name,
                                      .authority = set->authorities[0],
                                      .directory = set->directories[0],
                                      .want = set->want,
                                      .key_kind = key_kind_name(set->key),
                                      .url = "https://one.example/cert/1",
                                      .names = (const char *const *)set->names,
                                      .n_names = set->n_names,
                                      .key_id = key_id,
                                      .chain = chains[0],
                                      .alternates = chains + 1,
                                      .n_alternates = n - 1};
    must(store_begin(house.store, &err), &err);
    must(held_certificate_born(&house, &birth, &id, &err), &err);
    must(store_commit(house.store, &err), &err);
    for (size_t i = 0; i < n; i++)
        chain_free((struct chain *)(uintptr_t)chains[i]);
    chain_free(leaf);
    set_config_free(set);
    return id;
}

static const char *const roots_ab[] = {"Root A", "Root B"};

/* Root of what goes out for the set now. */
static const char *delivered_root(const char *set_name)
{
    static char root[200];
    struct err err = {0};
    struct certificate *c = NULL;
    struct issuer_chain *list = NULL;
    size_t n = 0;
    must(held_current(&house, set_name, true, &c, &err), &err);
    must(held_chains(&house, c->id, &list, &n, &err), &err);
    snprintf(root, sizeof root, "none");
    for (size_t i = 0; i < n; i++)
        if (list[i].is_chosen) {
            assert_int_equal(list[i].id, c->chain_id);
            assert_true(str_ends(buf_str(&c->chain_pem), buf_str(&list[i].pem)));
            snprintf(root, sizeof root, "%s", list[i].root);
        }
    issuer_chains_free(list, n);
    certificate_free(c);
    return root;
}

static void test_birth_when_the_ca_offers_several_then_each_is_stored_once(void **state)
{
    static const char *const doubled[] = {"Root A", "Root B", "Root A"};
    (void)state;
    set_put("shop", "names: www.example.com\n");
    set_put("mail", "names: mail.example.com\n");
    refresh();
    bear("shop", doubled, 3);
    bear("mail", roots_ab, 2);
    assert_int_equal(sql_int(0, "SELECT count(*) FROM issuer_chain"), 2);
    assert_int_equal(sql_int(0, "SELECT count(*) FROM certificate_chain"), 4);
    assert_string_equal(delivered_root("shop"), "Root A");
    assert_int_equal(n_events("chain.fallback"), 0);
}

static void test_birth_when_a_root_is_wished_for_then_its_chain_goes_out(void **state)
{
    (void)state;
    set_put("shop", "names: www.example.com\nchain: root b\n");
    refresh();
    bear("shop", roots_ab, 2);
    assert_string_equal(delivered_root("shop"), "Root B");
    assert_string_equal(sql_text("SELECT chain_wish FROM certificate"), "root b");
}

static void test_birth_when_no_chain_fits_then_the_default_goes_out_and_it_is_told(void **state)
{
    (void)state;
    set_put("shop", "names: www.example.com\nchain: Root Z\n");
    refresh();
    bear("shop", roots_ab, 2);
    assert_string_equal(delivered_root("shop"), "Root A");
    assert_int_equal(n_events("chain.fallback"), 1);
    has_words(sql_text("SELECT text FROM event WHERE event = 'chain.fallback'"),
              "offered: \"Root A\", \"Root B\"");
    refresh();
    assert_int_equal(n_events("chain.fallback"), 1);
}

static void deployments_done(const char *set_name)
{
    struct err err = {0};
    struct set_config *set = NULL;
    struct certificate *c = NULL;
    char sql[512];
    must(register_set(&house, set_name, &set, &err), &err);
    must(held_current(&house, set_name, false, &c, &err), &err);
    AUTO(mem_fini)
    char *print = delivery_print(&set->deploys[0], c);
    snprintf(sql, sizeof sql,
             "UPDATE deployment SET stage = 'done', done_id = wanted_id, next_at_ms = NULL, "
             "want = '%s' WHERE set_name = '%s'",
             print, set_name);
    sql_run(sql);
    certificate_free(c);
    set_config_free(set);
}

static bool delivery_is_due(void)
{
    return sql_int(-1, "SELECT next_at_ms FROM deployment") == now_ms();
}

static void shop_wishes(const char *wish)
{
    AUTO(mem_fini)
    char *text = mem_printf("names: www.example.com\ndeploy: [{files: {dir: /srv/x}}]\n%s\n", wish);
    fixture_clock.wall_now_ms += MS_MINUTE;
    set_put("shop", text);
    refresh();
}

static void test_wish_when_it_changes_then_chosen_again_delivered_again_and_not_ordered(
    void **state)
{
    (void)state;
    shop_wishes("");
    bear("shop", roots_ab, 2);
    deployments_done("shop");
    int64_t due_ms = sql_int(0, "SELECT next_at_ms FROM domain_set");
    shop_wishes("chain: Root B");
    assert_string_equal(delivered_root("shop"), "Root B");
    assert_true(delivery_is_due());
    assert_int_equal(sql_int(0, "SELECT next_at_ms FROM domain_set"), due_ms);
    assert_int_equal(n_events("chain.chosen"), 1);
    deployments_done("shop");

    /* Another way to say the same is no other chain. */
    shop_wishes("chain: ROOT B");
    assert_false(delivery_is_due());
    assert_int_equal(n_events("chain.chosen"), 1);

    shop_wishes("");
    assert_string_equal(delivered_root("shop"), "Root A");
    assert_true(delivery_is_due());
}

/* A newer certificate is on its way and fails on its ladder: a change that does not concern it hastens nothing. */
static void test_wish_when_an_older_certificate_is_in_place_then_the_delivery_keeps_its_time(
    void **state)
{
    static const char *const roots_c[] = {"Root C"};
    (void)state;
    shop_wishes("");
    bear("shop", roots_ab, 2);
    deployments_done("shop");
    bear("shop", roots_c, 1);
    sql_run("UPDATE deployment SET next_at_ms = 4000000000000, n_tries = 3");
    shop_wishes("verify_every: 1h");
    assert_int_equal(sql_int(0, "SELECT next_at_ms FROM deployment"), INT64_C(4000000000000));
    assert_int_equal(sql_int(0, "SELECT n_tries FROM deployment"), 3);
}

static void test_key_when_it_was_reported_compromised_then_it_is_never_saved_again(void **state)
{
    struct err err = {0};
    bool is_compromised = true;
    char spki[SPKI_HEX_MAX];
    int64_t id = 0;
    (void)state;
    AUTO(key_fini)
    struct key *key = key_new(KEY_ECDSA_P256);
    key_spki(key, spki);
    must(held_key_save(&house, key, "leaf", &id, &err), &err);
    must(held_key_is_compromised(&house, spki, &is_compromised, &err), &err);
    assert_false(is_compromised);
    must(held_key_save(&house, key, "leaf", &id, &err), &err);
    sql_run("UPDATE private_key SET compromised_at_ms = 1");
    must(held_key_is_compromised(&house, spki, &is_compromised, &err), &err);
    assert_true(is_compromised);
    assert_false(held_key_save(&house, key, "account", &id, &err));
    assert_int_equal(err.kind, ERR_REFUSED);
    has_words(err.text, "compromised");
}

/* A key that lives elsewhere is known by the certificate that was revoked for it. */
static void test_key_when_its_certificate_was_revoked_for_it_then_it_is_compromised(void **state)
{
    struct err err = {0};
    bool is_compromised = false;
    (void)state;
    set_put("shop", "names: www.example.com\n");
    refresh();
    bear("shop", roots_ab, 2);
    sql_run("UPDATE certificate SET key_id = NULL, revoked_at_ms = 1, revoked_reason = 4");
    const char *spki = sql_text("SELECT spki FROM certificate");
    must(held_key_is_compromised(&house, spki, &is_compromised, &err), &err);
    assert_false(is_compromised);
    sql_run("UPDATE certificate SET revoked_reason = 1");
    must(held_key_is_compromised(&house, spki, &is_compromised, &err), &err);
    assert_true(is_compromised);
}

static bool line_keep(void *arg, const struct plan_line *line)
{
    snprintf(arg, 512, "%s: %s", line->set, line->why);
    return true;
}

/* A kept key: the certificate that was revoked for it is an old one, the present one is for the same key. */
static void test_key_when_it_is_compromised_then_whoever_shares_it_is_due(void **state)
{
    struct err err = {0};
    char line[512] = "";
    (void)state;
    set_put("shop", "names: www.example.com\nkey: keep\n");
    set_put("mail", "names: mail.example.com\n");
    refresh();
    int64_t old_id = bear("shop", roots_ab, 2);
    bear("shop", roots_ab, 2);
    bear("mail", roots_ab, 2);
    sql_run("UPDATE certificate SET spki = (SELECT spki FROM certificate WHERE set_name = 'shop' "
            "AND version = 1), key_id = (SELECT key_id FROM certificate WHERE set_name = 'shop' "
            "AND version = 1) WHERE set_name = 'shop'");
    fixture_clock.wall_now_ms += MS_DAY;
    must(held_certificate_revoked(&house, old_id, 1, &err), &err);
    assert_int_equal(sql_int(0, "SELECT next_at_ms FROM domain_set WHERE name = 'shop'"), now_ms());
    assert_true(sql_int(0, "SELECT next_at_ms FROM domain_set WHERE name = 'mail'") > now_ms());
    must(plan_each(&house, false, line_keep, line, &err), &err);
    assert_string_equal(line, "shop: its key was reported compromised");
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, house_make, house_remove)
int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_birth_when_the_ca_offers_several_then_each_is_stored_once),
        TEST(test_birth_when_a_root_is_wished_for_then_its_chain_goes_out),
        TEST(test_birth_when_no_chain_fits_then_the_default_goes_out_and_it_is_told),
        TEST(test_wish_when_it_changes_then_chosen_again_delivered_again_and_not_ordered),
        TEST(test_wish_when_an_older_certificate_is_in_place_then_the_delivery_keeps_its_time),
        TEST(test_key_when_it_was_reported_compromised_then_it_is_never_saved_again),
        TEST(test_key_when_its_certificate_was_revoked_for_it_then_it_is_compromised),
        TEST(test_key_when_it_is_compromised_then_whoever_shares_it_is_due),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
