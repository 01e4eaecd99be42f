/* SEES: base crypto io store config acme dns-providers inventory authority */
/*
 * The ledger against a CA that counts for itself: sixty days in which every set fails, then all due at once; ten thousand due at once; and random
 * histories against a model. The CA here keeps a list of instants; the model is a list of what happened. Neither knows of the ledger's arithmetic.
 *
 * CHANCERY_SIMULATION=long lets ten thousand sets fail for the sixty days, instead of a hundred and fifty-two.
 */
#include "authority/ledger.h"
#include "house_fixture.h"

#define LE "https://acme-v02.api.letsencrypt.org/directory"

/* Instants at which units of one bucket were spent. No stretch may hold more than the burst and what drips in it. */
struct seen {
    int64_t *at_ms;
    size_t n, cap;
};

static void seen_add(struct seen *s, int64_t at_ms)
{
    if (s->n == s->cap) {
        s->at_ms = mem_grow(s->at_ms, s->cap, s->cap * 2 + 64, sizeof *s->at_ms);
        s->cap = s->cap * 2 + 64;
    }
    s->at_ms[s->n++] = at_ms;
}

/* Every stretch between any two instants: (k - i + 1) <= count + (t_k - t_i) / gap. By one pass: the lowest i wins. */
static void seen_check(const struct seen *s, int64_t count, int64_t period_ms, const char *what)
{
    double least = 1e18, gap = (double)period_ms / (double)count;
    for (size_t k = 0; k < s->n; k++) {
        double level = (double)k - (double)s->at_ms[k] / gap;
        least = level < least ? level : least;
        if (level - least + 1 > (double)count + 1e-6)
            fail_msg("%s: %.2f in a stretch that ends with number %zu", what, level - least + 1, k);
    }
}

static void run_transaction(bool (*act)(void *arg, struct err *err), void *arg)
{
    struct err err = {0};
    must(store_begin(house.store, &err) && act(arg, &err) && store_commit(house.store, &err), &err);
}

/* ---- a fleet ---- */

/* So many sets, one after the other, have a name in common beside one of their own; it is the common one that fails. */
enum { FLEET = 10000, FAILING = 152, DAYS = 60, FAMILY = 8 };

struct member {
    char common[64], own[64];
    int64_t next_at_ms, ends_at_ms;
    int64_t done_at_ms; /* 0: not yet */
    int n_failures;
};
struct fleet {
    struct member *members;
    size_t n, n_refused;
    struct seen orders, *failures; /* of each common name */
    bool fails;
    size_t first; /* those before it are done */
};
struct
try {
    struct fleet *fleet;
    struct member *member;
    struct ledger_answer answer;
    bool is_emergency;
};

static bool try_one(struct try *t, struct err *err)
{
    const char *names[] = {t->member->common, t->member->own};
    struct ledger_ask ask = {.directory = LE,
                             .account = "",
                             .names = names,
                             .n_names = 2,
                             .is_emergency = t->is_emergency};
    if (!ledger_reserve(&house, &ask, "set:x", &t->answer, err) || !t->answer.may)
        return err->kind == ERR_NONE;
    seen_add(&t->fleet->orders, house_now(&house));
    if (!ledger_placed(&house, "set:x", err))
        return false;
    if (!t->fleet->fails)
        return ledger_settle(&house, "set:x", LEDGER_ISSUED, err);
    seen_add(&t->fleet->failures[(t->member - t->fleet->members) / FAMILY], house_now(&house));
    return ledger_authz_failed(&house, LE, "", names[0], err) &&
           ledger_settle(&house, "set:x", LEDGER_ORDERED, err);
}

static int64_t ladder_ms(int n_failures)
{
    static const int64_t waits[] = {MS_MINUTE, 10 * MS_MINUTE, 100 * MS_MINUTE};
    return n_failures <= 3 ? waits[n_failures - 1] : MS_DAY;
}

/* Most urgent first, and one transaction for all, as a run does; what is refused waits behind what was refused before it. */
static bool fleet_take(void *arg, struct err *err)
{
    struct fleet *f = arg;
    int64_t now_ms = house_now(&house);
    size_t n_waiting = 0;
    for (size_t i = f->first; i < f->n; i++) {
        struct member *m = &f->members[i];
        /* Who waits for a limit waits in this order. */
        if (!f->fails && m->done_at_ms == 0 && m->next_at_ms > now_ms)
            break;
        if (m->done_at_ms != 0 || m->next_at_ms > now_ms)
            continue;
        struct try t = {
            .fleet = f, .member = m, .is_emergency = m->ends_at_ms - now_ms < 9 * MS_DAY};
        if (!try_one(&t, err))
            return false;
        if (!t.answer.may) {
            f->n_refused++;
            m->next_at_ms = t.answer.at_ms + (int64_t)n_waiting++ * t.answer.gap_ms;
            continue;
        }
        m->done_at_ms = f->fails ? 0 : now_ms;
        m->next_at_ms = now_ms + ladder_ms(++m->n_failures);
    }
    return true;
}

static void fleet_turn(struct fleet *f)
{
    run_transaction(fleet_take, f);
}

static int64_t fleet_next_ms(struct fleet *f)
{
    int64_t next_ms = INT64_MAX;
    while (f->first < f->n && f->members[f->first].done_at_ms != 0)
        f->first++;
    if (!f->fails)
        return f->first < f->n ? f->members[f->first].next_at_ms : next_ms;
    for (size_t i = 0; i < f->n; i++)
        if (f->members[i].done_at_ms == 0 && f->members[i].next_at_ms < next_ms)
            next_ms = f->members[i].next_at_ms;
    return next_ms;
}

static void fleet_run_to(struct fleet *f, int64_t end_ms)
{
    int64_t next_ms;
    while ((next_ms = fleet_next_ms(f)) < end_ms) {
        if (next_ms > house_now(&house))
            clock_manual_advance(&fixture_clock, next_ms - house_now(&house));
        fleet_turn(f);
        clock_manual_advance(&fixture_clock, MS_MINUTE);
    }
}

static void fleet_make(struct fleet *f, size_t n)
{
    *f = (struct fleet){
        .members = NEW_N(n, struct member), .n = n, .failures = NEW_N(n / FAMILY + 1, struct seen)};
    for (size_t i = 0; i < n; i++) {
        struct member *m = &f->members[i];
        snprintf(m->common, sizeof m->common, "www.customer%zu.com", i / FAMILY);
        snprintf(m->own, sizeof m->own, "shop%zu.customer%zu.com", i % FAMILY, i / FAMILY);
        m->next_at_ms = house_now(&house);
        /* The first are the most urgent: some end within days. */
        m->ends_at_ms = house_now(&house) + (int64_t)i * 10 * MS_MINUTE + MS_DAY;
    }
}

static void fleet_free(struct fleet *f)
{
    for (size_t i = 0; i < f->n / FAMILY + 1; i++)
        mem_free(f->failures[i].at_ms);
    mem_free(f->failures);
    mem_free(f->members);
    mem_free(f->orders.at_ms);
}

/* The next renewal of all of them falls on one instant, the first again the most urgent. */
static void fleet_mends(struct fleet *f)
{
    f->fails = false;
    for (size_t i = 0; i < f->n; i++) {
        f->members[i].next_at_ms = house_now(&house);
        f->members[i].ends_at_ms = house_now(&house) + (int64_t)i * 10 * MS_MINUTE + MS_DAY;
    }
}

static void fleet_check(const struct fleet *f)
{
    seen_check(&f->orders, 300, 3 * MS_HOUR, "orders");
    for (size_t i = 0; i < f->n; i++) {
        const struct member *m = &f->members[i];
        seen_check(&f->failures[i / FAMILY], 5, MS_HOUR, m->common);
        assert_true(m->done_at_ms != 0);
        assert_true(i == 0 || m->done_at_ms >= f->members[i - 1].done_at_ms);
    }
}

static void test_sixty_days_when_every_set_fails_then_all_at_once_and_no_limit_is_crossed(
    void **state)
{
    (void)state;
    struct fleet f;
    const char *form = getenv("CHANCERY_SIMULATION");
    bool is_long = form != NULL && strcmp(form, "long") == 0;
    fleet_make(&f, is_long ? FLEET : FAILING);
    f.fails = true;
    fleet_run_to(&f, house_now(&house) + DAYS * MS_DAY);
    size_t n_failed = f.orders.n;
    assert_true(f.n_refused > 0);
    /* As many as the CA lets, or each once a day. */
    assert_true(n_failed > (is_long ? 95 * DAYS * 24 : FAILING * (DAYS - 2)));
    fleet_mends(&f);
    int64_t start_ms = house_now(&house);
    fleet_run_to(&f, start_ms + 30 * MS_DAY);
    assert_int_equal(f.orders.n, n_failed + f.n);
    fleet_check(&f);
    print_message("%zu sets: %zu failed orders in %d days, then %zu certificates in %.1f hours\n",
                  f.n, n_failed, DAYS, f.n, (double)(house_now(&house) - start_ms) / MS_HOUR);
    fleet_free(&f);
}

static void test_ten_thousand_when_due_at_once_then_spread_and_most_urgent_first(void **state)
{
    (void)state;
    struct fleet f;
    fleet_make(&f, FLEET);
    int64_t start_ms = house_now(&house);
    fleet_turn(&f);
    /* What is kept goes to those that end soon, the rest to whoever comes first: all of the first 300 here. */
    assert_int_equal(f.orders.n, 300);
    for (size_t i = 0; i < FLEET; i++)
        assert_int_equal(f.members[i].done_at_ms != 0, i < 300);
    for (size_t i = 301; i < FLEET; i++)
        assert_true(f.members[i].next_at_ms > f.members[i - 1].next_at_ms);
    fleet_run_to(&f, start_ms + 30 * MS_DAY);
    assert_int_equal(f.orders.n, FLEET);
    fleet_check(&f);
    assert_true(house_now(&house) - start_ms < 5 * MS_DAY);
    fleet_free(&f);
}

/* ---- random histories against a model ---- */

enum { OWNERS = 12, STEPS = 4000, DOMAINS = 3 };

struct owner {
    bool is_reserved, is_placed;
    int set; /* which name: set % DOMAINS is its domain */
    int64_t at_ms;
};
struct model {
    struct owner owners[OWNERS];
    struct seen orders, domains[DOMAINS], sets[OWNERS];
    int64_t issued_at_ms[OWNERS];
};
struct step {
    struct model *model;
    int owner;
    int what;
    struct ledger_answer answer;
};

static void name_make(int set, char out[64])
{
    snprintf(out, 64, "n%d.domain%d.com", set, set % DOMAINS);
}

static bool is_renewal(const struct model *m, int set)
{
    return m->issued_at_ms[set] != 0 && house_now(&house) - m->issued_at_ms[set] < 120 * MS_DAY;
}

/* What the CA sees: orders when they are placed, certificates when they are issued - and, where nobody knows, both at the worst instant. */
static bool step_take(void *arg, struct err *err)
{
    struct step *s = arg;
    struct model *m = s->model;
    struct owner *o = &m->owners[s->owner];
    char owner[32], name[64];
    const char *names[] = {name};
    int64_t now_ms = house_now(&house);
    snprintf(owner, sizeof owner, "order:%d", s->owner);
    if (!o->is_reserved) {
        o->set = s->owner;
        name_make(o->set, name);
        struct ledger_ask ask = {.directory = LE, .account = "", .names = names, .n_names = 1};
        if (!ledger_reserve(&house, &ask, owner, &s->answer, err))
            return false;
        o->is_reserved = s->answer.may;
        o->is_placed = false;
        return true;
    }
    bool renews = is_renewal(m, o->set);
    if (!o->is_placed && s->what == 0) {
        o->is_placed = true;
        if (!renews)
            seen_add(&m->orders, now_ms);
        return ledger_placed(&house, owner, err);
    }
    if (!o->is_placed && s->what > 1)
        return true;
    enum ledger_outcome outcome = !o->is_placed  ? LEDGER_UNUSED
                                  : s->what == 1 ? LEDGER_ORDERED
                                  : s->what == 2 ? LEDGER_ISSUED
                                                 : LEDGER_UNKNOWN;
    o->is_reserved = false;
    if (outcome == LEDGER_ISSUED || outcome == LEDGER_UNKNOWN) {
        if (!renews)
            seen_add(&m->domains[o->set % DOMAINS], now_ms);
        seen_add(&m->sets[o->set], now_ms);
        m->issued_at_ms[o->set] = now_ms;
    }
    return ledger_settle(&house, owner, outcome, err);
}

static void crash(void)
{
    struct err err = {0};
    struct store_options options = {.path = scratch("c.db"), .no_sync = true};
    store_close(house.store);
    must(store_open(&options, &house.store, &err), &err);
}

static void test_history_when_random_with_crashes_then_never_more_than_the_ca_allows(void **state)
{
    (void)state;
    struct model m = {0};
    size_t n_refused = 0, n_issued = 0;
    srand(20300101);
    for (int i = 0; i < STEPS; i++) {
        struct step s = {
            .model = &m, .owner = rand() % OWNERS, .what = rand() % 4, .answer = {.may = true}};
        struct err err = {0};
        clock_manual_advance(&fixture_clock, rand() % (20 * MS_MINUTE));
        if (rand() % 40 == 0) {
            /* Killed in the middle of a transaction: nothing of it happened. */
            struct model before = m;
            must(store_begin(house.store, &err), &err);
            size_t n_orders = m.orders.n;
            must(step_take(&s, &err), &err);
            store_rollback(house.store);
            crash();
            for (int k = 0; k < DOMAINS; k++)
                m.domains[k].n = before.domains[k].n;
            for (int k = 0; k < OWNERS; k++)
                m.sets[k].n = before.sets[k].n;
            memcpy(m.owners, before.owners, sizeof m.owners);
            memcpy(m.issued_at_ms, before.issued_at_ms, sizeof m.issued_at_ms);
            m.orders.n = n_orders;
            continue;
        }
        run_transaction(step_take, &s);
        n_refused += !s.answer.may;
    }
    seen_check(&m.orders, 300, 3 * MS_HOUR, "orders");
    for (int k = 0; k < DOMAINS; k++) {
        seen_check(&m.domains[k], 50, 7 * MS_DAY, "domain");
        mem_free(m.domains[k].at_ms);
    }
    for (int k = 0; k < OWNERS; k++) {
        seen_check(&m.sets[k], 5, 7 * MS_DAY, "set");
        n_issued += m.sets[k].n;
        mem_free(m.sets[k].at_ms);
    }
    mem_free(m.orders.at_ms);
    /* It was pressed hard enough to mean something, and did not refuse for nothing. */
    assert_true(n_refused > 100);
    assert_true(n_issued > 12 * 15);
    int64_t n_open = 0;
    for (int k = 0; k < OWNERS; k++)
        n_open += m.owners[k].is_reserved;
    assert_int_equal(sql_int(-1, "SELECT count(DISTINCT owner) FROM ledger_reservation"), n_open);
}

#define T(f) cmocka_unit_test_setup_teardown(f, house_make, house_remove)
int main(void)
{
    const struct CMUnitTest tests[] = {
        T(test_sixty_days_when_every_set_fails_then_all_at_once_and_no_limit_is_crossed),
        T(test_ten_thousand_when_due_at_once_then_spread_and_most_urgent_first),
        T(test_history_when_random_with_crashes_then_never_more_than_the_ca_allows),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
