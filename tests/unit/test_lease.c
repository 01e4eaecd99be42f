/* SEES: base crypto io store config acme dns-providers inventory authority */
#include "house_fixture.h"

#include "authority/lease.h"

#include <sys/wait.h>

enum { TTL_MS = 100, SESSIONS = 3, STEPS = 3, ORDER_LEN = SESSIONS * STEPS };

static void advance(int64_t by_ms)
{
    clock_manual_advance(&fixture_clock, by_ms);
}

static void wall_step(int64_t by_ms)
{
    fixture_clock.wall_now_ms += by_ms;
}

static struct lease *take(const char *name, int64_t ttl_ms)
{
    struct err err = {0};
    struct lease *lease = NULL;
    must(lease_take(&house, name, "test", ttl_ms, false, &lease, &err), &err);
    return lease;
}

static bool take_fails(const char *name, struct err *ret_err)
{
    struct lease *lease = NULL;
    if (!lease_take(&house, name, "rival", TTL_MS, false, &lease, ret_err))
        return ret_err->kind == ERR_HELD;
    lease_drop(&house, lease);
    return false;
}

static bool guards(const struct lease *lease)
{
    struct err err = {0};
    must(store_begin(house.store, &err), &err);
    bool ok = lease_guard(&house, lease, &err);
    store_rollback(house.store);
    return ok;
}

/* ---- all interleavings of three sessions against a model (S11) ---- */

struct model {
    int64_t fencing, expires_ms;
    bool held;
};
struct session {
    struct lease *lease;
    int64_t fencing; /* by the model; 0: has none */
    int n_steps;
};
struct play {
    struct model model;
    struct session sessions[SESSIONS];
    int64_t pause_ms, last_fencing;
    char name[32];
};

static int64_t boot_now(void)
{
    return clock_boot_ms(house.clock);
}

static void play_take(struct play *p, struct session *s)
{
    struct err err = {0};
    bool may = !p->model.held || p->model.expires_ms <= boot_now();
    bool did = lease_take(&house, p->name, "play", TTL_MS, false, &s->lease, &err);
    assert_int_equal(did, may);
    if (!did) {
        assert_int_equal(err.kind, ERR_HELD);
        return;
    }
    p->model = (struct model){p->model.fencing + 1, boot_now() + TTL_MS, true};
    s->fencing = p->model.fencing;
    assert_int_equal(lease_fencing(s->lease), s->fencing);
    assert_true(lease_fencing(s->lease) > p->last_fencing);
    p->last_fencing = lease_fencing(s->lease);
}

static bool model_holds(const struct play *p, const struct session *s)
{
    return s->fencing != 0 && p->model.held && p->model.fencing == s->fencing;
}

static void play_renew(struct play *p, struct session *s)
{
    struct err err = {0};
    if (s->lease == NULL)
        return;
    assert_int_equal(lease_renew(&house, s->lease, TTL_MS, &err), model_holds(p, s));
    if (model_holds(p, s))
        p->model.expires_ms = boot_now() + TTL_MS;
    else
        assert_int_equal(err.kind, ERR_HELD);
}

static void play_drop(struct play *p, struct session *s)
{
    if (model_holds(p, s))
        p->model.held = false;
    lease_drop(&house, s->lease);
    s->lease = NULL;
    s->fencing = 0;
}

/* At most one of them may write, and it is the one the model names. */
static void play_check(const struct play *p)
{
    int n = 0;
    for (int i = 0; i < SESSIONS; i++) {
        const struct session *s = &p->sessions[i];
        bool may_write = s->lease != NULL && guards(s->lease);
        assert_int_equal(may_write, s->lease != NULL && model_holds(p, s));
        n += may_write ? 1 : 0;
    }
    assert_true(n <= 1);
}

static void play_run(const int *order, int64_t pause_ms, int number)
{
    struct play p = {.pause_ms = pause_ms};
    snprintf(p.name, sizeof p.name, "play%d", number);
    for (int i = 0; i < ORDER_LEN; i++) {
        struct session *s = &p.sessions[order[i]];
        switch (s->n_steps++) {
        case 0:
            play_take(&p, s);
            break;
        case 1:
            play_renew(&p, s);
            break;
        default:
            play_drop(&p, s);
        }
        play_check(&p);
        advance(p.pause_ms);
    }
}

/* Each of them in the order of a multiset permutation. */
static int permute(int *order, int *left, int at, int64_t pause_ms, int n)
{
    if (at == ORDER_LEN) {
        play_run(order, pause_ms, n);
        return n + 1;
    }
    for (int i = 0; i < SESSIONS; i++) {
        if (left[i] == 0)
            continue;
        left[i]--;
        order[at] = i;
        n = permute(order, left, at + 1, pause_ms, n);
        left[i]++;
    }
    return n;
}

static void test_lease_when_three_sessions_interleave_in_every_way_then_it_is_as_the_model_says(
    void **state)
{
    (void)state;
    static const int64_t pauses_ms[] = {0, 40, 60, TTL_MS};
    int n = 0;
    for (size_t i = 0; i < sizeof pauses_ms / sizeof pauses_ms[0]; i++) {
        int order[ORDER_LEN], left[SESSIONS] = {STEPS, STEPS, STEPS};
        n = permute(order, left, 0, pauses_ms[i], n);
    }
    assert_int_equal(n, 4 * 1680);
}

/* ---- clocks ---- */

static void test_lease_when_the_wall_clock_steps_then_it_neither_ends_nor_lasts_longer(void **state)
{
    (void)state;
    struct err err = {0};
    struct lease *lease = take("leader", TTL_MS);
    wall_step(365 * MS_DAY);
    assert_true(take_fails("leader", &err));
    wall_step(-2 * 365 * MS_DAY);
    assert_true(take_fails("leader", &err));
    advance(TTL_MS);
    struct lease *next = take("leader", TTL_MS);
    assert_false(guards(lease));
    assert_true(guards(next));
    assert_false(lease_renew(&house, lease, TTL_MS, &err));
    assert_int_equal(err.kind, ERR_HELD);
    lease_drop(&house, lease); /* a release by who lost it changes nothing */
    assert_true(guards(next));
    lease_drop(&house, next);
}

static void test_lease_when_the_machine_was_booted_again_then_the_wall_clock_decides(void **state)
{
    (void)state;
    struct err err = {0};
    struct lease *lease = take("leader", TTL_MS);
    assert_int_equal(sql_int(0, "SELECT length(boot_id) FROM lease"), 36);
    sql_run("UPDATE lease SET boot_id = 'another boot', holder = 'elsewhere:1', host = "
            "'elsewhere', expires_boot_ms = 1");
    assert_true(take_fails("leader", &err));
    has_words(err.text, "on elsewhere");
    fixture_clock.boot_now_ms += MS_DAY;
    assert_true(take_fails("leader", &err));
    wall_step(TTL_MS);
    struct lease *next = take("leader", TTL_MS);
    assert_int_equal(lease_fencing(next), 2);
    lease_drop(&house, lease);
    lease_drop(&house, next);
}

/* ---- the number only grows ---- */

static void test_fencing_when_given_back_and_taken_for_ever_then_it_grows_by_one_each_time(
    void **state)
{
    (void)state;
    for (int64_t i = 1; i <= 20; i++) {
        struct lease *lease = take("leader", TTL_MS);
        assert_int_equal(lease_fencing(lease), i);
        lease_drop(&house, lease);
    }
}

/* ---- the kernel's lock ---- */

static struct lease *take_locked(struct err *err)
{
    struct lease *lease = NULL;
    return lease_take(&house, "leader", "renew", MS_HOUR, true, &lease, err) ? lease : NULL;
}

static void
test_lease_when_another_process_of_this_host_holds_it_then_its_name_is_told_and_its_death_frees_it(
    void **state)
{
    (void)state;
    struct err err = {0};
    int gate[2];
    char byte;
    assert_int_equal(pipe(gate), 0);
    pid_t child = fork();
    if (child == 0) {
        /* A store must not live across a fork: the child opens its own. */
        struct store_options options = {.path = scratch("c.db"), .no_sync = true};
        struct store *own = NULL;
        if (!store_open(&options, &own, &err))
            _exit(2);
        house.store = own;
        ssize_t said = write(gate[1], take_locked(&err) != NULL ? "y" : "n", 1);
        pause();
        _exit((int)said);
    }
    assert_int_equal(read(gate[0], &byte, 1), 1);
    assert_int_equal(byte, 'y');
    assert_null(take_locked(&err));
    assert_int_equal(err.kind, ERR_HELD);
    char pid[32];
    snprintf(pid, sizeof pid, "pid %d", (int)child);
    has_words(err.text, pid);
    has_words(err.text, "`renew`");
    kill(child, SIGKILL);
    waitpid(child, NULL, 0);
    struct lease *lease = take_locked(&err);
    assert_non_null(lease);
    assert_int_equal(lease_fencing(lease), 2);
    lease_drop(&house, lease);
    close(gate[0]);
    close(gate[1]);
}

static void test_lease_when_another_host_holds_it_then_our_free_lock_is_not_enough(void **state)
{
    (void)state;
    struct err err = {0};
    struct lease *lease = take_locked(&err);
    assert_non_null(lease);
    lease_drop(&house, lease);
    sql_run("UPDATE lease SET holder = 'elsewhere:1', host = 'elsewhere'");
    assert_null(take_locked(&err));
    assert_int_equal(err.kind, ERR_HELD);
    advance(MS_HOUR);
    lease = take_locked(&err);
    assert_non_null(lease);
    lease_drop(&house, lease);
}

/* ---- leases of sets ---- */

static bool set_take(const char *set, int64_t *fencing, struct err *err)
{
    bool ok;
    must(store_begin(house.store, err), err);
    ok = set_lease_take(&house, set, "order", TTL_MS, fencing, err);
    must(store_commit(house.store, err), err);
    return ok;
}

static bool set_guards(const char *set, int64_t fencing)
{
    struct err err = {0};
    must(store_begin(house.store, &err), &err);
    bool ok = set_lease_guard(&house, set, fencing, &err);
    store_rollback(house.store);
    return ok;
}

static void test_set_lease_when_its_leader_is_gone_then_the_next_leader_takes_it_at_once(
    void **state)
{
    (void)state;
    struct err err = {0};
    int64_t first = 0, second = 0;
    house.fencing = 1;
    assert_true(set_take("shop", &first, &err));
    assert_false(set_take("shop", &second, &err));
    assert_int_equal(err.kind, ERR_HELD);
    house.fencing = 2;
    assert_true(set_take("shop", &second, &err));
    assert_true(second > first);
    assert_false(set_guards("shop", first));
    assert_true(set_guards("shop", second));
    house.fencing = 0;
}

static void test_set_leases_when_their_leader_opens_its_concerns_anew_then_they_are_free(
    void **state)
{
    (void)state;
    struct err err = {0};
    int64_t first, second, foreign;
    house.fencing = 6;
    must(set_lease_take(&house, "other", "order", TTL_MS, &foreign, &err), &err);
    house.fencing = 7;
    must(set_lease_take(&house, "shop", "order", TTL_MS, &first, &err), &err);
    assert_false(set_lease_take(&house, "shop", "order", TTL_MS, &second, &err));
    assert_int_equal(err.kind, ERR_HELD);
    must(set_leases_free(&house, &err), &err);
    must(set_lease_take(&house, "shop", "order", TTL_MS, &second, &err), &err);
    assert_true(second > first);
    assert_false(set_lease_guard(&house, "shop", first, &err));
    assert_true(set_lease_guard(&house, "shop", second, &err));
    assert_true(set_lease_guard(&house, "other", foreign, &err));
    house.fencing = 0;
}

static void test_set_lease_when_held_from_outside_then_no_leader_takes_it_before_its_end(
    void **state)
{
    (void)state;
    struct err err = {0};
    int64_t fencing = 0;
    struct lease *outside = take("set:shop", TTL_MS);
    house.fencing = 7;
    assert_false(set_take("shop", &fencing, &err));
    assert_int_equal(err.kind, ERR_HELD);
    lease_drop(&house, outside);
    assert_true(set_take("shop", &fencing, &err));
    house.fencing = 0;
}

static void test_set_lease_when_renewed_then_it_outlasts_its_first_end(void **state)
{
    (void)state;
    struct err err = {0};
    int64_t fencing = 0;
    house.fencing = 1;
    assert_true(set_take("shop", &fencing, &err));
    advance(TTL_MS - 10);
    must(set_lease_renew(&house, "shop", fencing, TTL_MS, &err), &err);
    advance(TTL_MS - 10);
    assert_true(take_fails("set:shop", &err));
    advance(TTL_MS);
    struct lease *outside = take("set:shop", TTL_MS);
    /* Renewing what was lost is no error, and gives nothing back. */
    must(set_lease_renew(&house, "shop", fencing, TTL_MS, &err), &err);
    assert_false(set_guards("shop", fencing));
    assert_true(guards(outside));
    lease_drop(&house, outside);
    house.fencing = 0;
}

/* ---- telling ---- */

static void test_holder_when_some_are_over_then_each_is_told_as_it_is(void **state)
{
    (void)state;
    struct err err = {0};
    struct lease *a = take("a", TTL_MS), *b = take("b", 10 * TTL_MS);
    advance(TTL_MS);
    struct lease_holder holder = {0};
    must(lease_holder(&house, "b", &holder, &err), &err);
    assert_false(holder.is_free);
    lease_holder_fini(&holder);
    must(lease_holder(&house, "a", &holder, &err), &err);
    assert_true(holder.is_free);
    assert_int_equal(holder.fencing, 1);
    lease_holder_fini(&holder);
    assert_false(lease_holder(&house, "nobody", &holder, &err));
    assert_int_equal(err.kind, ERR_ABSENT);
    lease_drop(&house, a);
    lease_drop(&house, b);
}

#define T(name) cmocka_unit_test_setup_teardown(name, house_make, house_remove)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(test_lease_when_three_sessions_interleave_in_every_way_then_it_is_as_the_model_says),
        T(test_lease_when_the_wall_clock_steps_then_it_neither_ends_nor_lasts_longer),
        T(test_lease_when_the_machine_was_booted_again_then_the_wall_clock_decides),
        T(test_fencing_when_given_back_and_taken_for_ever_then_it_grows_by_one_each_time),
        T(test_lease_when_another_process_of_this_host_holds_it_then_its_name_is_told_and_its_death_frees_it),
        T(test_lease_when_another_host_holds_it_then_our_free_lock_is_not_enough),
        T(test_set_lease_when_its_leader_is_gone_then_the_next_leader_takes_it_at_once),
        T(test_set_leases_when_their_leader_opens_its_concerns_anew_then_they_are_free),
        T(test_set_lease_when_held_from_outside_then_no_leader_takes_it_before_its_end),
        T(test_set_lease_when_renewed_then_it_outlasts_its_first_end),
        T(test_holder_when_some_are_over_then_each_is_told_as_it_is),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
