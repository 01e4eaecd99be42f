/* SEES: base crypto io store config acme dns-providers inventory authority dns renewal distribution monitoring leader */
#include "house_fixture.h"

#include "leader/turn.h"

/* A concern that is frozen in the middle of a turn, and counts. */
struct frozen {
    int64_t freeze_ms; /* in the next collect, once */
    bool is_robbed;    /* meanwhile another takes the lead */
    int n_collects, n_acts, n_lapses_seen;
};

static bool frozen_collect(void *self, struct err *err)
{
    struct frozen *f = self;
    (void)err;
    f->n_collects++;
    f->n_lapses_seen = (int)house.n_lapses;
    clock_manual_advance(&fixture_clock, f->freeze_ms);
    if (f->is_robbed)
        sql_run(
            "UPDATE lease SET fencing = fencing + 1, holder = 'elsewhere:1' WHERE name = 'leader'");
    f->freeze_ms = 0;
    f->is_robbed = false;
    return true;
}

static void frozen_act(void *self)
{
    struct frozen *f = self;
    f->n_acts++;
}

static int64_t frozen_next(const void *self)
{
    (void)self;
    return INT64_MAX;
}

static bool frozen_is_busy(const void *self)
{
    (void)self;
    return false;
}

static struct turn turn_of(struct frozen *f, struct lead *lead)
{
    struct err err = {0};
    struct turn turn = {.house = &house, .lead = lead};
    struct concern concern = {.name = "frozen",
                              .self = f,
                              .collect = frozen_collect,
                              .act = frozen_act,
                              .next_at_ms = frozen_next,
                              .is_busy = frozen_is_busy};
    must(lead_take(&house, "test", 0, lead, &err), &err);
    turn_add(&turn, &concern);
    return turn;
}

static void test_turn_when_nothing_holds_it_up_then_collected_once_and_done(void **state)
{
    (void)state;
    struct err err = {0};
    struct frozen f = {.freeze_ms = 5 * MS_SECOND};
    struct lead lead;
    struct turn turn = turn_of(&f, &lead);
    must(turn_run(&turn, &err), &err);
    assert_int_equal(f.n_collects, 1);
    assert_int_equal(f.n_acts, 1);
    assert_int_equal(house.n_lapses, 0);
    lead_drop(&lead);
    assert_true(house_is_sure(&house));
}

/* What hangs on the lead - a set's lease that a lock may have ended - is looked at before anything is sent. */
static void test_turn_when_frozen_in_it_then_everything_is_asked_again_before_it_acts(void **state)
{
    (void)state;
    struct err err = {0};
    struct frozen f = {.freeze_ms = 25 * MS_SECOND};
    struct lead lead;
    struct turn turn = turn_of(&f, &lead);
    must(turn_run(&turn, &err), &err);
    assert_int_equal(f.n_collects, 2);
    assert_int_equal(f.n_lapses_seen, 1);
    assert_int_equal(f.n_acts, 1);
    lead_drop(&lead);
}

static void test_turn_when_frozen_and_replaced_then_nothing_is_done(void **state)
{
    (void)state;
    struct err err = {0};
    struct frozen f = {.freeze_ms = 31 * MS_SECOND};
    struct lead lead;
    struct turn turn = turn_of(&f, &lead);
    f.is_robbed = true;
    /* The theft is rolled back with a turn that fails in it; this one ends well, and is asked about afterwards. */
    assert_false(turn_run(&turn, &err));
    assert_int_equal(err.kind, ERR_HELD);
    assert_int_equal(f.n_acts, 0);
    lead_drop(&lead);
}

#define T(name) cmocka_unit_test_setup_teardown(name, house_make, house_remove)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(test_turn_when_nothing_holds_it_up_then_collected_once_and_done),
        T(test_turn_when_frozen_in_it_then_everything_is_asked_again_before_it_acts),
        T(test_turn_when_frozen_and_replaced_then_nothing_is_done),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
