/* SEES: base crypto io store config acme dns-providers inventory authority */
#include "authority/lock_hold.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

extern char **environ;

enum { TTL_MS = 1200 };

/* A way by a script: what each beat comes to; the last one counts for all that follow. */
struct fake_way {
    int n_held; /* so many tries find it held */
    enum err_kind take_error;
    const enum err_kind *beats;
    int n_beats, n_beaten, n_tried, n_left, n_released;
    enum err_kind release_error;
    enum ledger_outcome outcome;
};
static struct fake_way fake;

static void grant_now(struct lock_grant *ret)
{
    *ret = (struct lock_grant){.fencing = 7,
                               .expires_at_ms = clock_wall_ms(&clock_system) + TTL_MS,
                               .expires_boot_ms = clock_boot_ms(&clock_system) + TTL_MS};
}

static bool fake_take(void *self, int64_t wait_ms, struct lock_grant *ret, struct err *err)
{
    (void)self, (void)wait_ms;
    if (fake.take_error != ERR_NONE)
        return err_set(err, fake.take_error, "no");
    if (fake.n_tried++ < fake.n_held)
        return err_set(err, ERR_HELD, "web1 has it");
    grant_now(ret);
    return true;
}
static void fake_leave(void *self)
{
    (void)self;
    fake.n_left++;
}
static bool fake_renew(void *self, int64_t fencing, struct lock_grant *ret, struct err *err)
{
    (void)self;
    int i = fake.n_beaten++;
    assert_int_equal(fencing, 7);
    enum err_kind kind =
        fake.n_beats == 0 ? ERR_NONE : fake.beats[i < fake.n_beats ? i : fake.n_beats - 1];
    if (kind != ERR_NONE)
        return err_set(err, kind, "beat %d", i);
    grant_now(ret);
    return true;
}
static bool fake_release(void *self, int64_t fencing, enum ledger_outcome outcome, struct err *err)
{
    (void)self;
    assert_int_equal(fencing, 7);
    fake.n_released++;
    fake.outcome = outcome;
    return fake.release_error == ERR_NONE || err_set(err, fake.release_error, "not released");
}

static const char *argv[] = {"sh", "-c", NULL, NULL};
static int n_waits_said;

static struct ward_request command(void *arg, const struct lock_grant *grant)
{
    (void)arg;
    assert_int_equal(grant->fencing, 7);
    return (struct ward_request){
        .argv = argv, .environment = (const char *const *)environ, .umask = 022};
}
static void says_waits(void *arg, const struct err *why)
{
    (void)arg;
    assert_string_equal(why->text, "web1 has it");
    n_waits_said++;
}

static struct lock_result hold(const char *script, int64_t wait_ms, struct err *err)
{
    const struct lock_way way = {NULL, fake_take, fake_leave, fake_renew, fake_release};
    const struct lock_plan plan = {
        .ttl_ms = TTL_MS, .wait_ms = wait_ms, .says_waits = says_waits, .command = command};
    struct lock_result result;
    *err = (struct err){0};
    n_waits_said = 0;
    argv[2] = script;
    lock_hold(&way, &plan, &result, err);
    return result;
}

static void test_hold_when_all_is_well_then_beats_and_the_code_is_the_commands(void **state)
{
    (void)state;
    struct err err;
    fake = (struct fake_way){0};
    struct lock_result r = hold("sleep 2", 0, &err);
    assert_int_equal(r.end, LOCK_END_ENDED);
    assert_true(r.code == 0 && fake.n_beaten >= 3 && fake.n_released == 1);
    assert_int_equal(fake.outcome, LEDGER_ISSUED);
    r = hold("exit 3", 0, &err);
    assert_true(r.end == LOCK_END_ENDED && r.code == 3 && err.kind == ERR_NONE);
    assert_int_equal(fake.outcome, LEDGER_UNKNOWN);
}

static void test_hold_when_a_beat_is_refused_then_ended_at_once_and_lost(void **state)
{
    (void)state;
    static const enum err_kind beats[] = {ERR_NONE, ERR_HELD};
    struct err err;
    fake = (struct fake_way){.beats = beats, .n_beats = 2};
    struct lock_result r = hold("sleep 60", 0, &err);
    assert_int_equal(r.end, LOCK_END_LOST);
    assert_int_equal(r.code, 128 + SIGTERM);
    assert_string_equal(err.text, "beat 1");
    assert_int_equal(fake.outcome, LEDGER_UNKNOWN);
}

static void test_hold_when_the_way_is_closed_for_a_while_then_it_goes_on(void **state)
{
    (void)state;
    static const enum err_kind beats[] = {ERR_STORE, ERR_AGAIN, ERR_NONE};
    struct err err;
    fake = (struct fake_way){.beats = beats, .n_beats = 3};
    struct lock_result r = hold("sleep 2", 0, &err);
    assert_true(r.end == LOCK_END_ENDED && r.code == 0);
}

static void test_hold_when_the_way_stays_closed_then_ended_before_the_lock(void **state)
{
    (void)state;
    static const enum err_kind beats[] = {ERR_STORE};
    struct err err;
    fake = (struct fake_way){.beats = beats, .n_beats = 1};
    struct lock_result r = hold("trap '' TERM; while :; do sleep 0.05; done", 0, &err);
    assert_int_equal(r.end, LOCK_END_LOST);
    assert_int_equal(r.code, 128 + SIGKILL);
    assert_int_equal(err.kind, ERR_STORE);
    assert_true(fake.n_beaten > 2);
}

static void test_hold_when_the_release_finds_it_lost_then_said_so(void **state)
{
    (void)state;
    struct err err;
    fake = (struct fake_way){.release_error = ERR_HELD};
    struct lock_result r = hold("true", 0, &err);
    assert_true(r.end == LOCK_END_LOST && err.kind == ERR_HELD);
    fake.release_error = ERR_STORE;
    r = hold("exit 4", 0, &err);
    assert_true(r.end == LOCK_END_ENDED && r.code == 4 && r.is_unreleased);
    assert_int_equal(err.kind, ERR_STORE);
}

static void test_hold_when_it_is_not_granted_then_nothing_runs(void **state)
{
    (void)state;
    struct err err;
    fake = (struct fake_way){.n_held = 1000};
    assert_int_equal(hold("true", 0, &err).end, LOCK_END_BUSY);
    assert_int_equal(n_waits_said, 0);
    assert_int_equal(hold("true", 100, &err).end, LOCK_END_BUSY);
    assert_true(n_waits_said == 1 && fake.n_left == 1);
    fake.take_error = ERR_THROTTLED;
    assert_int_equal(hold("true", 100, &err).end, LOCK_END_REFUSED);
    fake.take_error = ERR_STORE;
    assert_int_equal(hold("true", 100, &err).end, LOCK_END_NO_WAY);
    assert_int_equal(fake.n_released, 0);
    fake = (struct fake_way){.n_held = 2};
    assert_int_equal(hold("true", 60000, &err).end, LOCK_END_ENDED);
    assert_int_equal(n_waits_said, 1);
}

static void test_hold_when_the_command_cannot_be_started_then_given_back_unused(void **state)
{
    (void)state;
    struct err err;
    fake = (struct fake_way){0};
    argv[0] = "no-such-program-anywhere";
    assert_int_equal(hold("true", 0, &err).end, LOCK_END_NOT_STARTED);
    argv[0] = "sh";
    assert_int_equal(fake.outcome, LEDGER_UNUSED);
    assert_int_equal(fake.n_released, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_hold_when_all_is_well_then_beats_and_the_code_is_the_commands),
        cmocka_unit_test(test_hold_when_a_beat_is_refused_then_ended_at_once_and_lost),
        cmocka_unit_test(test_hold_when_the_way_is_closed_for_a_while_then_it_goes_on),
        cmocka_unit_test(test_hold_when_the_way_stays_closed_then_ended_before_the_lock),
        cmocka_unit_test(test_hold_when_the_release_finds_it_lost_then_said_so),
        cmocka_unit_test(test_hold_when_it_is_not_granted_then_nothing_runs),
        cmocka_unit_test(test_hold_when_the_command_cannot_be_started_then_given_back_unused),
    };
    signal(SIGPIPE, SIG_IGN);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
