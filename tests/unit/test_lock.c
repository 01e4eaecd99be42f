/* SEES: base crypto io store config acme dns-providers inventory authority */
#include "house_fixture.h"

#include "authority/lease.h"
#include "authority/lock.h"

#include <sys/wait.h>

enum { TTL_MS = 2000, SESSIONS = 3, STEPS = 3, ORDER_LEN = SESSIONS * STEPS };

static void advance(int64_t by_ms)
{
    clock_manual_advance(&fixture_clock, by_ms);
}

static void wall_step(int64_t by_ms)
{
    fixture_clock.wall_now_ms += by_ms;
}

static bool take(const char *client, const char *name, int64_t *ticket, int64_t *ret_fencing,
                 struct err *err)
{
    struct lock_grant grant = {0};
    struct lock_ask ask = {
        .name = name, .client = client, .purpose = "certbot", .ttl_ms = TTL_MS, .ticket = ticket};
    if (!lock_take(&house, &ask, &grant, err))
        return false;
    assert_int_equal(grant.expires_at_ms - grant.granted_at_ms, TTL_MS);
    if (ret_fencing != NULL)
        *ret_fencing = grant.fencing;
    return true;
}

static int64_t must_take(const char *client, const char *name)
{
    struct err err = {0};
    int64_t fencing = 0;
    must(take(client, name, NULL, &fencing, &err), &err);
    return fencing;
}

static void is_held(const char *client, const char *name, int64_t *ticket, const char *words)
{
    struct err err = {0};
    assert_false(take(client, name, ticket, NULL, &err));
    assert_int_equal(err.kind, ERR_HELD);
    has_words(err.text, words);
}

static bool renews(const char *name, int64_t fencing, struct err *err)
{
    struct lock_grant grant;
    return lock_renew(&house, name, fencing, TTL_MS, &grant, err);
}

static void must_release(const char *name, int64_t fencing)
{
    struct err err = {0};
    must(lock_release(&house, name, fencing, LEDGER_UNUSED, &err), &err);
}

/* ---- names ---- */

static void canonical(const char *text, const char *want)
{
    struct err err = {0};
    char *name = NULL;
    must(lock_name(text, &name, &err), &err);
    assert_string_equal(name, want);
    mem_free(name);
}

static void test_lock_name_when_written_differently_then_one_lock(void **state)
{
    (void)state;
    struct err err = {0};
    char *name = NULL;
    canonical("www.example.com", "www.example.com");
    canonical("*.Example.COM.", "example.com");
    canonical("B\xc3\xbc"
              "cher.example",
              "xn--bcher-kva.example");
    assert_false(lock_name("com", &name, &err));
    assert_int_equal(err.kind, ERR_CONFIG);
    assert_false(lock_name("a/b.example", &name, &err));
}

/* ---- one holder ---- */

static void test_lock_when_held_then_others_are_refused_and_numbers_grow(void **state)
{
    (void)state;
    struct err err = {0};
    int64_t first = must_take("web1", "example.com");
    is_held("web2", "example.com", NULL, "`certbot` of client web1");
    is_held("web1", "example.com", NULL, "since 2030-01-01T00:00:00Z");
    must(renews("example.com", first, &err), &err);
    must_release("example.com", first);
    assert_false(lock_release(&house, "example.com", first, LEDGER_UNUSED, &err));
    assert_int_equal(err.kind, ERR_HELD);
    int64_t second = must_take("web2", "example.com");
    assert_true(second > first);
    assert_false(renews("example.com", first, &err));
    assert_int_equal(err.kind, ERR_HELD);
    has_words(err.text, "client web2");
    assert_false(lock_release(&house, "example.com", first, LEDGER_UNUSED, &err));
    assert_int_equal(must_take("web1", "www.example.com"), 1);
    must_release("example.com", second);
}

static void test_lock_when_its_time_is_over_then_lost_even_if_nobody_took_it(void **state)
{
    (void)state;
    struct err err = {0};
    int64_t first = must_take("web1", "example.com");
    advance(TTL_MS);
    assert_false(renews("example.com", first, &err));
    has_words(err.text, "ran out");
    assert_false(lock_release(&house, "example.com", first, LEDGER_UNUSED, &err));
    assert_int_equal(must_take("web2", "example.com"), first + 1);
    assert_int_equal(n_events("lock.lost"), 1);
    has_words(sql_text("SELECT text FROM event WHERE event = 'lock.lost'"), "client web1");
}

static void test_lock_when_the_wall_clock_steps_then_neither_longer_nor_shorter(void **state)
{
    (void)state;
    struct err err = {0};
    int64_t first = must_take("web1", "example.com");
    wall_step(MS_DAY);
    is_held("web2", "example.com", NULL, "web1");
    must(renews("example.com", first, &err), &err);
    wall_step(-2 * MS_DAY);
    advance(TTL_MS);
    assert_false(renews("example.com", first, &err));
    must_take("web2", "example.com");
}

static void test_lock_when_broken_then_recorded_and_the_number_refused(void **state)
{
    (void)state;
    struct err err = {0};
    assert_false(lock_break(&house, "example.com", "no", "root", &err));
    assert_int_equal(err.kind, ERR_ABSENT);
    int64_t first = must_take("web1", "example.com");
    must(lock_break(&house, "example.com", "web1 was scrapped", "root on cert1", &err), &err);
    assert_int_equal(n_events("lock.broken"), 1);
    const char *text = sql_text("SELECT text FROM event WHERE event = 'lock.broken'");
    has_words(text, "web1 was scrapped");
    has_words(text, "by root on cert1");
    assert_false(renews("example.com", first, &err));
    has_words(err.text, "broken");
    assert_int_equal(must_take("web2", "example.com"), first + 1);
    assert_int_equal(n_events("lock.lost"), 0);
}

static int64_t take_as_process(const char *name, bool dies)
{
    int64_t fencing = 0;
    int status = 0;
    struct err err = {0};
    if (dies) {
        pid_t pid = fork();
        if (pid == 0)
            _exit(0);
        assert_int_equal(waitpid(pid, &status, 0), pid);
        must(take(NULL, name, NULL, &fencing, &err), &err);
        char sql[512];
        snprintf(sql, sizeof sql,
                 "UPDATE lease SET pid = %d, holder = replace(holder, ':%d:', ':%d:')", (int)pid,
                 (int)getpid(), (int)pid);
        sql_run(sql);
        return fencing;
    }
    must(take(NULL, name, NULL, &fencing, &err), &err);
    return fencing;
}

static void test_lock_when_its_process_is_gone_then_free_at_once(void **state)
{
    (void)state;
    char here[64];
    int64_t first = take_as_process("live.example.com", false);
    snprintf(here, sizeof here, "pid %d on ", (int)getpid());
    is_held("web1", "live.example.com", NULL, here);
    must_release("live.example.com", first);
    int64_t dead = take_as_process("dead.example.com", true);
    assert_int_equal(must_take("web1", "dead.example.com"), dead + 1);
    has_words(sql_text("SELECT text FROM event WHERE event = 'lock.lost'"), "the process is gone");
}

/* ---- who waits ---- */

static void test_lock_when_several_wait_then_served_in_their_order(void **state)
{
    (void)state;
    struct err err = {0};
    int64_t tickets[3] = {0};
    int64_t held = must_take("web0", "example.com");
    is_held("web1", "example.com", &tickets[0], "web0");
    is_held("web2", "example.com", &tickets[1], "web0");
    is_held("web3", "example.com", &tickets[2], "web0");
    assert_true(tickets[0] != 0 && tickets[1] > tickets[0] && tickets[2] > tickets[1]);
    must_release("example.com", held);
    is_held("web9", "example.com", NULL, "earlier: web1");
    is_held("web3", "example.com", &tickets[2], "earlier: web1");
    is_held("web2", "example.com", &tickets[1], "earlier: web1");
    must(take("web1", "example.com", &tickets[0], &held, &err), &err);
    assert_int_equal(tickets[0], 0);
    must_release("example.com", held);
    is_held("web3", "example.com", &tickets[2], "earlier: web2");
    struct lock_ask leaving = {.name = "example.com", .client = "web2", .ticket = &tickets[1]};
    must(lock_leave(&house, &leaving, &err), &err);
    must(take("web3", "example.com", &tickets[2], &held, &err), &err);
    assert_int_equal(sql_int(-1, "SELECT count(*) FROM lock_wait"), 0);
}

static void test_lock_when_the_first_waiter_vanished_then_the_next_is_served(void **state)
{
    (void)state;
    struct err err = {0};
    int64_t gone = 0, next = 0, held = must_take("web0", "example.com");
    is_held("web1", "example.com", &gone, "web0");
    advance(LOCK_TICKET_MS - 1000);
    held = must_take("web0", "other.example.com");
    is_held("web2", "other.example.com", &next, "web0");
    sql_run("UPDATE lock_wait SET name = 'example.com'");
    is_held("web2", "example.com", &next, "web1");
    advance(1000);
    must(take("web2", "example.com", &next, NULL, &err), &err);
    assert_int_equal(sql_int(-1, "SELECT count(*) FROM lock_wait"), 0);
    (void)held;
}

static void test_lock_when_a_ticket_is_anothers_then_it_helps_nobody(void **state)
{
    (void)state;
    int64_t first = 0, second = 0, held = must_take("web0", "example.com");
    is_held("web1", "example.com", &first, "web0");
    is_held("web2", "example.com", &second, "web0");
    must_release("example.com", held);
    int64_t stolen = first;
    is_held("web2", "example.com", &stolen, "earlier: web1");
    assert_true(stolen != first);
}

static void test_lock_may_take_when_asked_then_as_take_would_and_nothing_written(void **state)
{
    (void)state;
    struct err err = {0};
    bool may = false;
    struct lock_ask ask = {.name = "example.com", .client = "web1", .ttl_ms = TTL_MS};
    must(lock_may_take(&house, &ask, &may, &err), &err);
    assert_true(may);
    assert_int_equal(sql_int(-1, "SELECT count(*) FROM lease"), 0);
    must_take("web0", "example.com");
    must(lock_may_take(&house, &ask, &may, &err), &err);
    assert_false(may);
}

/* ---- orders of ours ---- */

static int64_t leader_fencing;
static struct lease *leader;

static void lead(int64_t ttl_ms)
{
    struct err err = {0};
    must(lease_take(&house, "leader", "renew", ttl_ms, false, &leader, &err), &err);
    leader_fencing = house.fencing = lease_fencing(leader);
}

static int64_t set_take(const char *set, int64_t ttl_ms)
{
    struct err err = {0};
    int64_t fencing = 0;
    must(store_begin(house.store, &err), &err);
    must(set_lease_take(&house, set, "order", ttl_ms, &fencing, &err), &err);
    must(store_commit(house.store, &err), &err);
    return fencing;
}

static bool set_guards(const char *set, int64_t fencing)
{
    struct err err = {0};
    must(store_begin(house.store, &err), &err);
    bool ok = set_lease_guard(&house, set, fencing, &err);
    store_rollback(house.store);
    return ok;
}

static bool order_may(const char *set, int64_t order_id, const char *words)
{
    struct err err = {0};
    must(store_begin(house.store, &err), &err);
    bool may = lock_lets_order(&house, set, order_id, &err);
    store_rollback(house.store);
    if (!may) {
        assert_int_equal(err.kind, ERR_HELD);
        has_words(err.text, words);
    }
    return may;
}

static int orders_make(void **state)
{
    if (house_make(state) != 0)
        return -1;
    set_put("shop", "names: [shop.example.com, '*.shop.example.com', www.example.net]\n");
    set_put("blog", "names: [blog.example.com]\n");
    refresh();
    lead(MS_MINUTE);
    return 0;
}

static int orders_remove(void **state)
{
    lease_drop(&house, leader);
    house.fencing = 0;
    return house_remove(state);
}

static void test_lock_when_an_order_is_in_flight_then_refused_for_each_of_its_names(void **state)
{
    (void)state;
    struct err err = {0};
    int64_t fencing = set_take("shop", MS_HOUR);
    is_held("web1", "shop.example.com", NULL, "order of set shop");
    is_held("web1", "www.example.net", NULL, "order of set shop");
    must_take("web1", "blog.example.com");
    must_take("web1", "www.shop.example.com");
    must(set_lease_drop(&house, "shop", fencing, &err), &err);
    must_take("web1", "shop.example.com");
}

static void test_order_when_a_name_is_locked_then_it_must_wait(void **state)
{
    (void)state;
    assert_true(order_may("shop", 0, ""));
    int64_t fencing = must_take("web1", "shop.example.com");
    assert_false(order_may("shop", 0, "`certbot` of client web1"));
    assert_true(order_may("blog", 0, ""));
    must_release("shop.example.com", fencing);
    assert_true(order_may("shop", 0, ""));
    must_take("web1", "shop.example.com");
    advance(TTL_MS);
    assert_true(order_may("shop", 0, ""));
}

/* Else those who come and go would keep it out for ever. */
static void test_order_when_others_wait_as_well_then_it_stands_in_line(void **state)
{
    (void)state;
    struct err err = {0};
    int64_t later = 0, fencing = must_take("web1", "shop.example.com");
    for (int i = 0; i < 2; i++) {
        must(store_begin(house.store, &err), &err);
        assert_false(lock_lets_order(&house, "shop", 0, &err));
        must(store_commit(house.store, &err), &err);
    }
    assert_int_equal(sql_int(-1, "SELECT count(*) FROM lock_wait"), 1);
    is_held("web2", "shop.example.com", &later, "web1");
    must_release("shop.example.com", fencing);
    is_held("web2", "shop.example.com", &later, "earlier: an order of set shop");
    assert_true(order_may("shop", 0, ""));
    advance(LOCK_TICKET_MS);
    must(take("web2", "shop.example.com", &later, NULL, &err), &err);
}

static void test_lock_when_the_leader_froze_then_granted_and_the_leader_fenced(void **state)
{
    (void)state;
    int64_t fencing = set_take("shop", MS_HOUR);
    assert_true(set_guards("shop", fencing));
    advance(MS_MINUTE);
    must_take("web1", "shop.example.com");
    assert_false(set_guards("shop", fencing));
}

/* The file changes while the order is in flight: both its old names and the new ones exclude. */
static void test_lock_when_the_set_changed_meanwhile_then_the_orders_names_count(void **state)
{
    (void)state;
    struct err err = {0};
    sql_run("INSERT INTO orders (id, set_name, authority, directory, why, want, names, key_kind, "
            "step, next_at_ms, started_at_ms, step_at_ms) VALUES (7, 'shop', 'one', 'd', 'due', "
            "'', '[]', 'ecdsa-p256', 'new', 0, 0, 0)");
    int64_t fencing = set_take("shop", MS_HOUR);
    set_put("shop", "names: [new.example.com]\n");
    refresh();
    set_put("shop", "names: [newest.example.com]\n");
    refresh();
    is_held("web1", "shop.example.com", NULL, "order of set shop");
    is_held("web1", "newest.example.com", NULL, "order of set shop");
    must_take("web1", "new.example.com");
    must(set_lease_drop(&house, "shop", fencing, &err), &err);
    must_take("web1", "www.example.net");
    assert_false(order_may("shop", 7, "www.example.net"));
    assert_true(order_may("shop", 0, ""));
    sql_run("UPDATE orders SET outcome = 'failed', ended_at_ms = 1");
    set_put("blog", "names: [blog.example.com, b.example.com]\n");
    refresh();
    assert_int_equal(sql_int(-1, "SELECT count(*) FROM order_name"), 0);
}

/* ---- may you order? ---- */

#define LE "https://acme-v02.api.letsencrypt.org/directory"
static const char *const names[] = {"example.com", "*.example.com"};
static const struct ledger_ask spending = {
    .directory = LE, .account = "", .names = names, .n_names = 2};

static bool take_for_order(int64_t *ticket, struct lock_grant *ret, struct err *err)
{
    struct lock_ask ask = {.name = "example.com",
                           .client = "web1",
                           .purpose = "certbot",
                           .ttl_ms = TTL_MS,
                           .order = &spending,
                           .ticket = ticket};
    return lock_take(&house, &ask, ret, err);
}

static void test_lock_when_the_ledger_refuses_then_throttled_with_the_instant(void **state)
{
    (void)state;
    struct err err = {0};
    struct lock_grant grant = {0};
    int64_t ticket = 0;
    for (int i = 0; i < 5; i++) {
        must(take_for_order(NULL, &grant, &err), &err);
        assert_int_equal(grant.headroom.left, 4 - i);
        must(lock_release(&house, "example.com", grant.fencing, LEDGER_ISSUED, &err), &err);
    }
    int64_t held = must_take("web2", "example.com");
    assert_false(take_for_order(&ticket, &grant, &err));
    assert_int_equal(err.kind, ERR_HELD);
    must_release("example.com", held);
    assert_false(take_for_order(&ticket, &grant, &err));
    assert_int_equal(err.kind, ERR_THROTTLED);
    assert_int_equal(err.until_ms, house_now(&house) + 7 * MS_DAY / 5);
    has_words(err.text, "2030-01-02T09:36:00Z");
    assert_int_equal(ticket, 0);
    assert_int_equal(sql_int(-1, "SELECT count(*) FROM ledger_reservation"), 0);
    assert_int_equal(must_take("web2", "example.com"), held + 1);
}

static void test_lock_when_an_order_came_to_nothing_then_what_is_in_doubt_is_spent(void **state)
{
    (void)state;
    struct err err = {0};
    struct lock_grant grant = {0};
    must(take_for_order(NULL, &grant, &err), &err);
    must(lock_release(&house, "example.com", grant.fencing, LEDGER_UNUSED, &err), &err);
    assert_int_equal(sql_int(-1, "SELECT count(*) FROM ledger_bucket"), 0);
    must(take_for_order(NULL, &grant, &err), &err);
    advance(TTL_MS);
    assert_true(sql_int(-1, "SELECT count(*) FROM ledger_reservation") > 0);
    int64_t fencing = must_take("web2", "example.com");
    assert_int_equal(sql_int(-1, "SELECT count(*) FROM ledger_reservation"), 0);
    assert_int_equal(sql_int(-1, "SELECT count(*) FROM ledger_bucket WHERE kind = 'set'"), 1);
    must_release("example.com", fencing);
    must(take_for_order(NULL, &grant, &err), &err);
    assert_int_equal(grant.headroom.left, 3);
    must(lock_break(&house, "example.com", "tired", "me", &err), &err);
    assert_int_equal(sql_int(-1, "SELECT count(*) FROM ledger_reservation"), 0);
}

static void test_sweep_when_locks_ran_out_then_what_they_reserved_is_spent(void **state)
{
    (void)state;
    struct err err = {0};
    struct lock_grant grant = {0};
    must(take_for_order(NULL, &grant, &err), &err);
    must(store_begin(house.store, &err), &err);
    must(lock_sweep(&house, &err), &err);
    must(store_commit(house.store, &err), &err);
    assert_true(sql_int(-1, "SELECT count(*) FROM ledger_reservation") > 0);
    advance(TTL_MS);
    must(store_begin(house.store, &err), &err);
    must(lock_sweep(&house, &err), &err);
    must(store_commit(house.store, &err), &err);
    assert_int_equal(sql_int(-1, "SELECT count(*) FROM ledger_reservation"), 0);
    assert_int_equal(sql_int(-1, "SELECT count(*) FROM ledger_bucket WHERE kind = 'set'"), 1);
}

/* ---- looking ---- */

struct seen {
    int n;
    char text[512];
};

static bool row_seen(void *arg, const struct lock_row *row)
{
    struct seen *seen = arg;
    size_t len = strlen(seen->text);
    seen->n++;
    snprintf(seen->text + len, sizeof seen->text - len, "%s %s %lld+%lld;", row->name,
             row->client != NULL ? row->client : "-", (long long)row->fencing,
             (long long)row->n_waiting);
    return true;
}

static void test_lock_each_when_some_are_held_then_those_alone_with_who_waits(void **state)
{
    (void)state;
    struct err err = {0};
    struct seen seen = {0};
    struct lock_row row = {0};
    int64_t ticket = 0;
    must_take("web1", "b.example.com");
    must_release("a.example.com", must_take("web1", "a.example.com"));
    is_held("web2", "b.example.com", &ticket, "web1");
    set_take("shop", MS_HOUR);
    must(lock_each(&house, row_seen, &seen, &err), &err);
    assert_string_equal(seen.text, "b.example.com web1 1+1;");
    must(lock_get(&house, "a.example.com", &row, &err), &err);
    assert_true(row.is_free && row.fencing == 1);
    lock_row_fini(&row);
    must(lock_get(&house, "shop.example.com", &row, &err), &err);
    assert_true(row.is_free && row.fencing == 0);
    assert_string_equal(row.set, "shop");
    lock_row_fini(&row);
}

static void test_lock_when_in_an_open_transaction_then_all_or_nothing(void **state)
{
    (void)state;
    struct err err = {0};
    int64_t ticket = 0;
    must(store_begin(house.store, &err), &err);
    must_take("web1", "a.example.com");
    is_held("web2", "a.example.com", &ticket, "web1");
    must_take("web2", "b.example.com");
    must(store_commit(house.store, &err), &err);
    assert_int_equal(sql_int(-1, "SELECT count(*) FROM lease WHERE holder IS NOT NULL"), 2);
    assert_int_equal(sql_int(-1, "SELECT count(*) FROM lock_wait"), 1);
}

/* ---- all interleavings of three holders with three steps against a model (S11) ---- */

struct model {
    int64_t fencing, expires_ms;
    bool held;
};
struct session {
    int64_t fencing; /* 0: has none */
    int n_steps;
};
struct play {
    struct model model;
    struct session sessions[SESSIONS];
    int64_t pause_ms;
    char name[64];
};

static bool model_is_holder(const struct play *p, const struct session *s)
{
    return s->fencing != 0 && p->model.held && p->model.fencing == s->fencing &&
           p->model.expires_ms > clock_boot_ms(house.clock);
}

static void play_step(struct play *p, struct session *s)
{
    struct err err = {0};
    int64_t now = clock_boot_ms(house.clock), fencing = 0;
    bool holds = model_is_holder(p, s);
    int step = s->n_steps++;
    if (step == 0) {
        bool may = !p->model.held || p->model.expires_ms <= now;
        assert_int_equal(take("play", p->name, NULL, &fencing, &err), may);
        if (may) {
            assert_int_equal(fencing, p->model.fencing + 1);
            p->model = (struct model){fencing, now + TTL_MS, true};
            s->fencing = fencing;
        }
    } else if (step == 1) {
        assert_int_equal(renews(p->name, s->fencing, &err), holds);
        if (holds)
            p->model.expires_ms = now + TTL_MS;
    } else {
        assert_int_equal(lock_release(&house, p->name, s->fencing, LEDGER_UNUSED, &err), holds);
        if (holds)
            p->model.held = false;
    }
    advance(p->pause_ms);
}

static int play_all(int order[ORDER_LEN], int at, int left[SESSIONS], int64_t pause_ms)
{
    static int n_plays;
    if (at == ORDER_LEN) {
        struct play p = {.pause_ms = pause_ms};
        snprintf(p.name, sizeof p.name, "p%d.example.com", n_plays++);
        for (int i = 0; i < ORDER_LEN; i++)
            play_step(&p, &p.sessions[order[i]]);
        return 1;
    }
    int n = 0;
    for (int i = 0; i < SESSIONS; i++) {
        if (left[i] == 0)
            continue;
        left[i]--;
        order[at] = i;
        n += play_all(order, at + 1, left, pause_ms);
        left[i]++;
    }
    return n;
}

static void test_lock_when_three_sessions_interleave_then_as_the_model_says(void **state)
{
    (void)state;
    int order[ORDER_LEN], left[SESSIONS] = {STEPS, STEPS, STEPS};
    static const int64_t pauses[] = {0, TTL_MS / 2, TTL_MS};
    for (size_t i = 0; i < sizeof pauses / sizeof pauses[0]; i++)
        assert_int_equal(play_all(order, 0, left, pauses[i]), 1680);
}

int main(void)
{
#define LOCK_TEST(name)  cmocka_unit_test_setup_teardown(name, house_make, house_remove)
#define ORDER_TEST(name) cmocka_unit_test_setup_teardown(name, orders_make, orders_remove)
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_lock_name_when_written_differently_then_one_lock),
        LOCK_TEST(test_lock_when_held_then_others_are_refused_and_numbers_grow),
        LOCK_TEST(test_lock_when_its_time_is_over_then_lost_even_if_nobody_took_it),
        LOCK_TEST(test_lock_when_the_wall_clock_steps_then_neither_longer_nor_shorter),
        LOCK_TEST(test_lock_when_broken_then_recorded_and_the_number_refused),
        LOCK_TEST(test_lock_when_its_process_is_gone_then_free_at_once),
        LOCK_TEST(test_lock_when_several_wait_then_served_in_their_order),
        LOCK_TEST(test_lock_when_the_first_waiter_vanished_then_the_next_is_served),
        LOCK_TEST(test_lock_when_a_ticket_is_anothers_then_it_helps_nobody),
        LOCK_TEST(test_lock_may_take_when_asked_then_as_take_would_and_nothing_written),
        ORDER_TEST(test_lock_when_an_order_is_in_flight_then_refused_for_each_of_its_names),
        ORDER_TEST(test_order_when_a_name_is_locked_then_it_must_wait),
        ORDER_TEST(test_order_when_others_wait_as_well_then_it_stands_in_line),
        ORDER_TEST(test_lock_when_the_leader_froze_then_granted_and_the_leader_fenced),
        ORDER_TEST(test_lock_when_the_set_changed_meanwhile_then_the_orders_names_count),
        LOCK_TEST(test_lock_when_the_ledger_refuses_then_throttled_with_the_instant),
        LOCK_TEST(test_lock_when_an_order_came_to_nothing_then_what_is_in_doubt_is_spent),
        LOCK_TEST(test_sweep_when_locks_ran_out_then_what_they_reserved_is_spent),
        ORDER_TEST(test_lock_each_when_some_are_held_then_those_alone_with_who_waits),
        LOCK_TEST(test_lock_when_in_an_open_transaction_then_all_or_nothing),
        LOCK_TEST(test_lock_when_three_sessions_interleave_then_as_the_model_says),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
