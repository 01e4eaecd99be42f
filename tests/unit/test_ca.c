/* SEES: base crypto io store config acme dns-providers inventory authority fake */
#include "ca_server.h"
#include "house_fixture.h"

#include "authority/ca.h"

/*
 * A CA as the orchestrator sees it, against the fake authority over real HTTP on loopback.
 */

static struct ca_server server;
static struct ca_office *office;
static struct authority_config *authority;

static void config_put(const char *more)
{
    char yaml[1024];
    snprintf(
        yaml, sizeof yaml,
        "store: sqlite:c.db\nseal: file:seal.key\nauthorities:\n"
        "  one: {directory: '%s/directory', agree_tos: true, contact: [mailto:ops@example.com]%s}\n"
        "providers:\n  corp: {type: exec, zones: [example.com], argv: [/bin/true]}\n",
        server.base_url, more);
    scratch_put("chancery.yaml", yaml, 0644);
    config_again();
    authority = &house.config->authorities[0];
}

static int setup(void **state)
{
    static const struct http_options options = {.user_agent = "test"};
    if (house_make(state) != 0)
        return -1;
    ca_server_start(&server);
    config_put("");
    house.loop = loop_new();
    house.clock = loop_clock(house.loop);
    house.http = http_new(house.loop, &options);
    office = ca_office_new(&house);
    return 0;
}

static int teardown(void **state)
{
    ca_office_free(office);
    http_free(house.http);
    loop_free(house.loop);
    ca_server_stop(&server);
    return house_remove(state);
}

static void ca_say(const char *json)
{
    struct err err = {0};
    must(ca_server_set(&server, json, &err), &err);
}

static struct ca *ca_get_open(void)
{
    struct err err = {0};
    struct ca *ca = NULL;
    must(ca_open(office, "one", &ca, &err), &err);
    return ca;
}

/* As after the end of a run. */
static void office_again(void)
{
    ca_office_free(office);
    office = ca_office_new(&house);
}

struct readiness {
    size_t n;
    bool ok;
    struct err err;
};

static void was_prepared(void *arg, const struct err *err)
{
    struct readiness *r = arg;
    r->n++;
    r->ok = err == NULL;
    if (err != NULL)
        r->err = *err;
}

static bool wait_for(const size_t *n, size_t wanted, int64_t at_most_ms)
{
    int64_t until_ms = clock_wall_ms(&clock_system) + at_most_ms;
    while (*n < wanted && clock_wall_ms(&clock_system) < until_ms)
        loop_wait(house.loop, house_now(&house) + 20);
    return *n >= wanted;
}

static bool prepare(struct ca *ca, struct err *err)
{
    struct readiness r = {0};
    ca_prepare(ca, was_prepared, &r);
    assert_true(wait_for(&r.n, 1, 10000));
    assert_int_equal(r.n, 1);
    if (!r.ok && err != NULL)
        *err = r.err;
    return r.ok;
}

struct hearing {
    size_t n;
    int status;
    enum problem_type type;
    struct err lost;
};

static void was_heard(void *arg, const struct acme_answer *answer)
{
    struct hearing *h = arg;
    h->n++;
    h->status = answer->status;
    if (answer->problem != NULL)
        h->type = answer->problem->type;
    if (answer->lost != NULL)
        h->lost = *answer->lost;
}

static void order_ask(struct ca *ca, struct hearing *h)
{
    static const char payload[] =
        "{\"identifiers\":[{\"type\":\"dns\",\"value\":\"www.example.com\"}]}";
    struct acme_ask ask = {.method = ACME_POST,
                           .signer = ACME_SIGN_KID,
                           .what = "newOrder",
                           .url = ca_directory(ca)->new_order,
                           .payload = STR(payload)};
    ca_send(ca, &ask, NULL, was_heard, h);
}

/* ---- getting ready ---- */

static void test_prepare_when_new_then_one_account_and_the_next_run_asks_nobody(void **state)
{
    (void)state;
    struct err err = {0};
    struct ca *ca = ca_get_open();
    assert_false(ca_is_ready(ca));
    assert_true(prepare(ca, &err));
    assert_true(ca_is_ready(ca));
    assert_int_equal(ca_server_asked(&server, "newAccount"), 1);
    assert_string_equal(sql_text("SELECT status FROM account"), "valid");
    assert_int_equal(sql_int(0, "SELECT count(*) FROM private_key WHERE purpose = 'account'"), 1);
    char url[256];
    snprintf(url, sizeof url, "%s", ca_account_url(ca));
    office_again();
    ca = ca_get_open();
    assert_true(prepare(ca, &err));
    assert_string_equal(ca_account_url(ca), url);
    assert_int_equal(ca_server_asked(&server, "newAccount"), 1);
    assert_int_equal(ca_server_asked(&server, "directory"), 1);
}

static void test_prepare_when_several_wait_then_they_share_one_attempt(void **state)
{
    (void)state;
    struct ca *ca = ca_get_open();
    struct readiness r[3] = {{0}};
    size_t n = 0;
    for (size_t i = 0; i < 3; i++)
        ca_prepare(ca, was_prepared, &r[i]);
    ca_forget(ca, &r[1]);
    assert_true(wait_for(&r[2].n, 1, 10000));
    for (size_t i = 0; i < 3; i++)
        n += r[i].n;
    assert_int_equal(n, 2);
    assert_int_equal(r[1].n, 0);
    assert_int_equal(ca_server_asked(&server, "directory"), 1);
    assert_int_equal(ca_server_asked(&server, "newAccount"), 1);
}

static struct ca *other_ca;
static struct readiness other;
static void forgets_the_other(void *arg, const struct err *err)
{
    was_prepared(arg, err);
    ca_forget(other_ca, &other);
}

static void test_prepare_when_one_is_forgotten_while_others_are_told_then_it_hears_nothing(
    void **state)
{
    (void)state;
    struct readiness r = {0};
    other = (struct readiness){0};
    other_ca = ca_get_open();
    ca_prepare(other_ca, forgets_the_other, &r);
    ca_prepare(other_ca, was_prepared, &other);
    assert_true(wait_for(&r.n, 1, 10000));
    loop_wait(house.loop, house_now(&house) + 50);
    assert_int_equal(other.n, 0);
}

static void test_prepare_when_the_answer_to_newAccount_is_lost_then_the_same_key_finds_the_account(
    void **state)
{
    (void)state;
    struct err err = {0};
    struct ca *ca = ca_get_open();
    /* Twice: curl itself repeats what a kept connection dropped. */
    ca_say("{\"faults\": [{\"on\": \"newAccount\", \"act\": \"drop-reply\", \"times\": 2}]}");
    assert_false(prepare(ca, &err));
    assert_int_equal(err.kind, ERR_AGAIN);
    has_words(err.text, "authority one: account");
    office_again();
    assert_true(prepare(ca_get_open(), &err));
    assert_int_equal(sql_int(0, "SELECT count(*) FROM account"), 1);
    assert_int_equal(sql_int(0, "SELECT count(*) FROM private_key"), 1);
    has_words(sql_text("SELECT text FROM event WHERE event = 'account.made'"), "found");
}

static void test_prepare_when_the_directory_is_no_directory_then_said_and_the_next_try_works(
    void **state)
{
    (void)state;
    struct err err = {0};
    struct ca *ca = ca_get_open();
    ca_say("{\"faults\": [{\"on\": \"directory\", \"act\": \"garbage\"}]}");
    assert_false(prepare(ca, &err));
    assert_int_equal(err.kind, ERR_BROKEN);
    has_words(err.text, "authority one: directory");
    assert_true(prepare(ca, &err));
}

static void test_prepare_when_terms_are_not_agreed_to_then_no_key_is_made_and_the_terms_are_named(
    void **state)
{
    (void)state;
    struct err err = {0};
    authority->agree_tos = false;
    assert_false(prepare(ca_get_open(), &err));
    assert_int_equal(err.kind, ERR_DENIED);
    has_words(err.text, "agree_tos");
    assert_int_equal(
        sql_int(0, "SELECT count(*) FROM account_hold WHERE reason = 'terms' AND url LIKE 'http%'"),
        1);
    assert_int_equal(sql_int(0, "SELECT count(*) FROM private_key"), 0);
    assert_int_equal(ca_server_asked(&server, "newAccount"), 0);
}

/* A CA that was set up anew: a person has it asked again, and the same key gets an account. */
static void test_prepare_when_the_account_is_to_be_asked_then_a_lost_one_is_registered_again(
    void **state)
{
    (void)state;
    struct err err = {0};
    assert_true(prepare(ca_get_open(), &err));
    ca_say("{\"forget\": \"accounts\"}");
    office_again();
    struct ca *ca = ca_get_open();
    ca_ask_account(ca, KEY_ECDSA_P256);
    assert_true(prepare(ca, &err));
    assert_int_equal(ca_server_asked(&server, "newAccount"), 2);
    assert_int_equal(sql_int(0, "SELECT count(*) FROM account"), 1);
    assert_int_equal(sql_int(0, "SELECT count(*) FROM private_key"), 1);
    struct hearing h = {0};
    order_ask(ca, &h);
    assert_true(wait_for(&h.n, 1, 10000));
    assert_int_equal(h.status, 201);
}

/* ---- nonces ---- */

static void test_send_when_nonces_are_refused_now_and_then_then_nobody_hears_of_it(void **state)
{
    (void)state;
    struct err err = {0};
    struct hearing h[10] = {{0}};
    struct ca *ca = ca_get_open();
    assert_true(prepare(ca, &err));
    ca_say("{\"nonce_reject\": 40}");
    for (size_t i = 0; i < 10; i++) {
        order_ask(ca, &h[i]);
        assert_true(wait_for(&h[i].n, 1, 10000));
        assert_int_equal(h[i].status, 201);
    }
    assert_true(ca_figures(ca).n_bad_nonces > 0);
}

static void test_send_when_every_nonce_is_refused_then_it_ends(void **state)
{
    (void)state;
    struct err err = {0};
    struct hearing h = {0};
    struct ca *ca = ca_get_open();
    assert_true(prepare(ca, &err));
    ca_say("{\"faults\": [{\"on\": \"newOrder\", \"act\": \"badnonce\", \"times\": 0}]}");
    order_ask(ca, &h);
    assert_true(wait_for(&h.n, 1, 10000));
    assert_int_equal(h.type, PROBLEM_BAD_NONCE);
    assert_true(ca_server_asked(&server, "newOrder") <= 10);
}

/* A request hangs, and there are no nonces to be had: the CA must not be asked for them without pause. */
static void test_send_when_nonces_cannot_be_had_while_a_request_hangs_then_no_storm(void **state)
{
    (void)state;
    struct err err = {0};
    struct hearing h[4] = {{0}};
    struct ca *ca = ca_get_open();
    assert_true(prepare(ca, &err));
    ca_say("{\"faults\": [{\"on\": \"newNonce\", \"act\": \"503\", \"times\": 0}]}");
    server.hang_path = "new-order";
    int64_t before = ca_server_asked(&server, "newNonce");
    for (size_t i = 0; i < 4; i++)
        order_ask(ca, &h[i]);
    int64_t until_ms = clock_wall_ms(&clock_system) + 500;
    while (clock_wall_ms(&clock_system) < until_ms)
        loop_wait(house.loop, house_now(&house) + 20);
    assert_true(ca_server_asked(&server, "newNonce") - before <= 10);
    for (size_t i = 0; i < 4; i++)
        ca_forget(ca, &h[i]);
}

static void test_send_when_nonces_cannot_be_had_then_all_that_wait_hear_why(void **state)
{
    (void)state;
    struct err err = {0};
    struct hearing h[3] = {{0}};
    struct ca *ca = ca_get_open();
    assert_true(prepare(ca, &err));
    office_again();
    ca = ca_get_open();
    assert_true(prepare(ca, &err));
    ca_say("{\"faults\": [{\"on\": \"newNonce\", \"act\": \"503\", \"times\": 0}]}");
    for (size_t i = 0; i < 3; i++)
        order_ask(ca, &h[i]);
    assert_true(wait_for(&h[2].n, 1, 10000));
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(h[i].n, 1);
        assert_int_equal(h[i].status, 503);
    }
    assert_int_equal(ca_server_asked(&server, "newOrder"), 0);
}

static void test_send_when_forgotten_then_nobody_is_called(void **state)
{
    (void)state;
    struct err err = {0};
    struct hearing h = {0}, kept = {0};
    struct ca *ca = ca_get_open();
    assert_true(prepare(ca, &err));
    order_ask(ca, &h);
    order_ask(ca, &kept);
    ca_forget(ca, &h);
    assert_true(wait_for(&kept.n, 1, 10000));
    assert_int_equal(h.n, 0);
    order_ask(ca, &h);
    office_again(); /* also what is under way at the end of a run */
    loop_wait(house.loop, house_now(&house) + 50);
    assert_int_equal(h.n, 0);
}

/* ---- clocks ---- */

static void test_send_when_our_clock_is_hours_off_then_nothing_is_ordered(void **state)
{
    (void)state;
    struct err err = {0};
    server.skew_ms = 3 * MS_HOUR;
    struct ca *ca = ca_get_open();
    assert_false(prepare(ca, &err));
    assert_int_equal(err.kind, ERR_LOCAL);
    has_words(err.text, "clock is");
    has_words(err.text, "behind the clock of one");
    assert_true(ca_clock_off_ms(ca) < -2 * MS_HOUR);
    assert_int_equal(ca_server_asked(&server, "newAccount"), 0);
    server.skew_ms = 0;
    assert_true(prepare(ca, &err));
    assert_int_equal(ca_clock_off_ms(ca), 0);
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

/* ---- doubts ---- */

/* As if a request for a rollover that was believed lost had come to the CA after all. */
static void roll_behind_our_back(struct ca *ca, const struct key *next)
{
    struct acme_ask ask;
    struct hearing h = {0};
    struct err err = {0};
    struct arena *arena = arena_new();
    must(acme_account_ask_key_change(ca_directory(ca), ca_account_url(ca), ca_account_key(ca), next,
                                     arena, &ask, &err),
         &err);
    ca_send(ca, &ask, NULL, was_heard, &h);
    assert_true(wait_for(&h.n, 1, 10000));
    assert_int_equal(h.status, 200);
    arena_free(arena);
}

static void test_doubt_when_a_late_rollover_took_effect_then_the_spare_key_is_found(void **state)
{
    (void)state;
    struct err err = {0};
    struct hearing h[3] = {{0}};
    int64_t key_id = 0;
    AUTO(key_fini)
    struct key *next = key_new(KEY_ECDSA_P256);
    struct ca *ca = ca_get_open();
    assert_true(prepare(ca, &err));
    must(held_key_save(&house, next, "account", &key_id, &err), &err);
    must(
        store_run(house.store, NULL, &err, SQL_ACCOUNT_ROLL_BEGIN, "ii", ca_account_id(ca), key_id),
        &err);
    must(store_run(house.store, NULL, &err, SQL_ACCOUNT_ROLL_END, "ii", ca_account_id(ca),
                   ca_account(ca)->key_id),
         &err);
    roll_behind_our_back(ca, next);
    office_again();
    ca = ca_get_open();
    assert_true(prepare(ca, &err));
    for (size_t i = 0; i < 3; i++)
        order_ask(ca, &h[i]);
    for (size_t i = 0; i < 3; i++) {
        assert_true(wait_for(&h[i].n, 1, 10000));
        assert_int_equal(h[i].status, 201);
    }
    assert_int_equal(sql_int(0, "SELECT key_id FROM account"), key_id);
    assert_int_equal(sql_int(0, "SELECT count(*) FROM event WHERE event = 'account.rolled'"), 1);
    assert_int_equal(sql_int(0, "SELECT count(*) FROM event WHERE level = 'error'"), 0);
}

static void test_doubt_when_several_are_refused_then_the_ca_is_asked_once_about_the_account(
    void **state)
{
    (void)state;
    struct err err = {0};
    struct hearing h[5] = {{0}};
    struct ca *ca = ca_get_open();
    assert_true(prepare(ca, &err));
    ca_say("{\"faults\": [{\"on\": \"newOrder\", \"act\": \"problem:403:unauthorized:no\", "
           "\"times\": 0}]}");
    for (size_t i = 0; i < 5; i++)
        order_ask(ca, &h[i]);
    for (size_t i = 0; i < 5; i++) {
        assert_true(wait_for(&h[i].n, 1, 10000));
        assert_int_equal(h[i].status, 403);
        assert_int_equal(h[i].type, PROBLEM_UNAUTHORIZED);
    }
    assert_int_equal(ca_server_asked(&server, "newAccount"), 2);
    assert_null(ca_hold(ca));
    assert_true(ca_is_ready(ca));
}

static void test_doubt_when_forgotten_meanwhile_then_nobody_is_told(void **state)
{
    (void)state;
    struct err err = {0};
    struct hearing h[2] = {{0}};
    struct ca *ca = ca_get_open();
    assert_true(prepare(ca, &err));
    ca_say("{\"faults\": [{\"on\": \"newOrder\", \"act\": \"problem:403:unauthorized:no\", "
           "\"times\": 1}]}");
    order_ask(ca, &h[0]);
    while (ca_is_ready(ca))
        loop_wait(house.loop, house_now(&house) + 20);
    ca_forget(ca, &h[0]);
    order_ask(ca, &h[1]);
    assert_true(wait_for(&h[1].n, 1, 10000));
    assert_int_equal(h[1].status, 201);
    assert_int_equal(h[0].n, 0);
}

static void test_hold_when_an_answer_begins_it_then_nothing_more_is_sent(void **state)
{
    (void)state;
    struct err err = {0};
    struct hearing h[3] = {{0}};
    struct ca *ca = ca_get_open();
    assert_true(prepare(ca, &err));
    ca_say("{\"faults\": [{\"on\": \"newOrder\", \"act\": "
           "\"problem:403:userActionRequired:terms\"}]}");
    order_ask(ca, &h[0]);
    assert_true(wait_for(&h[0].n, 1, 10000));
    assert_int_equal(h[0].type, PROBLEM_USER_ACTION_REQUIRED);
    assert_non_null(ca_hold(ca));
    assert_int_equal(ca_hold(ca)->reason, ACCOUNT_HOLD_TERMS);
    order_ask(ca, &h[1]);
    assert_int_equal(h[1].n, 0);
    assert_true(wait_for(&h[1].n, 1, 10000));
    assert_int_equal(h[1].lost.kind, ERR_DENIED);
    assert_int_equal(ca_server_asked(&server, "newOrder"), 1);
    assert_false(prepare(ca, &err));
    assert_int_equal(err.kind, ERR_DENIED);
    office_again();
    assert_false(prepare(ca_get_open(), &err));
    assert_int_equal(ca_server_asked(&server, "newAccount"), 1);
    assert_int_equal(sql_int(0, "SELECT count(*) FROM event WHERE event = 'account.terms'"), 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(test_doubt_when_a_late_rollover_took_effect_then_the_spare_key_is_found),
        T(test_doubt_when_several_are_refused_then_the_ca_is_asked_once_about_the_account),
        T(test_doubt_when_forgotten_meanwhile_then_nobody_is_told),
        T(test_hold_when_an_answer_begins_it_then_nothing_more_is_sent),
        T(test_prepare_when_new_then_one_account_and_the_next_run_asks_nobody),
        T(test_prepare_when_several_wait_then_they_share_one_attempt),
        T(test_prepare_when_one_is_forgotten_while_others_are_told_then_it_hears_nothing),
        T(test_prepare_when_the_answer_to_newAccount_is_lost_then_the_same_key_finds_the_account),
        T(test_prepare_when_the_directory_is_no_directory_then_said_and_the_next_try_works),
        T(test_prepare_when_terms_are_not_agreed_to_then_no_key_is_made_and_the_terms_are_named),
        T(test_prepare_when_the_account_is_to_be_asked_then_a_lost_one_is_registered_again),
        T(test_send_when_nonces_are_refused_now_and_then_then_nobody_hears_of_it),
        T(test_send_when_every_nonce_is_refused_then_it_ends),
        T(test_send_when_nonces_cannot_be_had_while_a_request_hangs_then_no_storm),
        T(test_send_when_nonces_cannot_be_had_then_all_that_wait_hear_why),
        T(test_send_when_forgotten_then_nobody_is_called),
        T(test_send_when_our_clock_is_hours_off_then_nothing_is_ordered),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
