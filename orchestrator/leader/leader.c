#include "leader/leader.h"

#include "inventory/event.h"
#include "leader/clock_step.h"
#include "leader/concerns.h"
#include "leader/request_desk.h"

enum { STOP_GRACE_MS = 3000, STORE_PATIENCE_MS = 60 * 1000 };

struct run {
    struct house *house;
    struct lead lead;
    struct turn turn;
    struct concerns concerns;
    int64_t patience_ms;
    int64_t stop_at_boot_ms; /* INT64_MAX while nobody asked for it */
};

/* ---- the turns ---- */

/* Nothing under way, and the next thing is further off than this run's patience. */
static bool run_is_over(const struct run *run)
{
    return !turn_is_busy(&run->turn) &&
           turn_next_at_ms(&run->turn) > house_now(run->house) + run->patience_ms;
}

static void run_wait(const struct run *run)
{
    const struct request_desk *desk = run->concerns.desk;
    int64_t until_ms = turn_due_at_ms(&run->turn);
    int64_t look_ms = desk != NULL ? request_desk_look_at_ms(desk) : INT64_MAX;
    int64_t stop_ms =
        run->stop_at_boot_ms == INT64_MAX
            ? INT64_MAX
            : house_now(run->house) + run->stop_at_boot_ms - clock_boot_ms(run->house->clock);
    if (look_ms < until_ms)
        until_ms = look_ms;
    loop_wait(run->house->loop, until_ms < stop_ms ? until_ms : stop_ms);
}

static void run_stop(struct run *run)
{
    run->stop_at_boot_ms = clock_boot_ms(run->house->clock) + STOP_GRACE_MS;
    run->patience_ms = 0;
    house_say(run->house, NULL, "stop", "stopping: what is under way goes on with the next run");
}

/* A first signal lets what is under way settle for a few seconds; what remains is in the rows. */
static bool run_turns(struct run *run, bool *ret_stopped, struct err *err)
{
    for (;;) {
        struct request_desk *desk = run->concerns.desk;
        if ((desk != NULL && !request_desk_look(desk, err)) || !turn_run(&run->turn, err))
            return false;
        if (run_is_over(run))
            return true;
        if (loop_n_stops(run->house->loop) > 0 && !*ret_stopped) {
            *ret_stopped = true;
            run_stop(run);
        }
        if (clock_boot_ms(run->house->clock) >= run->stop_at_boot_ms)
            return true;
        run_wait(run);
    }
}

/* ---- the run ---- */

static void figures_read(const struct run *run, struct leader_result *ret)
{
    const struct house *house = run->house;
    ret->n_turns = run->turn.n_turns;
    ret->n_commits = store_n_commits(house->store);
    ret->n_http = http_figures(house->http).n_requests;
    ret->n_connections = http_figures(house->http).n_connections;
    ret->n_dns = dns_figures(house->dns).n_questions;
    ret->n_dns_updates = dns_figures(house->dns).n_updates;
}

static void trouble_tell(struct house *house, const struct err *err)
{
    if (err->kind == ERR_HELD)
        event_write(house, EVENT_LEASE_LOST, NULL, 0, "%s", err->text);
    if (err->kind == ERR_STORE)
        event_write(house, EVENT_STORE_TROUBLE, NULL, 0,
                    "%s; nothing more is asked of a CA in this run", err->text);
}

static bool run_do(struct run *run, int64_t back_ms, struct leader_result *ret, struct err *err)
{
    const struct concerns *concerns = &run->concerns;
    if (!clock_step_mend(run->house, back_ms, err) || !run_turns(run, &ret->stopped, err)) {
        trouble_tell(run->house, err);
        return false;
    }
    if (concerns->renewal != NULL)
        renewal_end(concerns->renewal);
    return (concerns->revocation == NULL || revocation_end(concerns->revocation, err)) &&
           concerns_result(concerns, ret, err);
}

static bool run_lead(struct house *house, const struct leader_options *options,
                     struct leader_result *ret, struct err *err)
{
    struct run run = {
        .house = house, .patience_ms = options->patience_ms, .stop_at_boot_ms = INT64_MAX};
    int64_t back_ms = 0;

    if (!clock_step_find(house, &back_ms, err) ||
        !lead_take(house, options->purpose, options->wait_ms, &run.lead, err))
        return false;
    run.turn =
        (struct turn){.house = house, .lead = &run.lead, .store_patience_ms = STORE_PATIENCE_MS};
    concerns_open(&run.concerns, house, options, false, &run.turn);
    bool ok = run_do(&run, back_ms, ret, err);
    figures_read(&run, ret);
    concerns_close(&run.concerns, &run.turn);
    lead_drop(&run.lead);
    return ok;
}

/* ---- is there anything to do? ---- */

static bool is_due(struct house *house, enum sql_name question, int64_t *any, struct err *err)
{
    int64_t due = 0;
    if (!store_int(house->store, 0, &due, err, question, "i", house_now(house)))
        return false;
    *any |= due;
    return true;
}

bool leader_has_work(struct house *house, const struct leader_options *options, bool *ret,
                     struct err *err)
{
    int64_t any = options->forced || options->only != NULL ? 1 : 0, back_ms = 0;
    bool is_mended = false;
    if ((options->renews && !is_due(house, SQL_RENEWAL_IS_DUE, &any, err)) ||
        (options->delivers && !is_due(house, SQL_DELIVERY_IS_DUE, &any, err)) ||
        (options->verifies && !is_due(house, SQL_VERIFICATION_IS_DUE, &any, err)) ||
        (options->renews && !account_holds_are_stale(house, &is_mended, err)) ||
        !clock_step_find(house, &back_ms, err))
        return false;
    *ret = any != 0 || is_mended || back_ms > 0;
    return true;
}

/* An idle run writes nothing and asks nobody: it only says what is behind from earlier runs. */
static bool idle_result(struct house *house, const struct leader_options *options,
                        struct leader_result *ret, struct err *err)
{
    struct concerns concerns = {0};
    struct leader_options quiet = *options;
    struct turn turn = {.house = house};
    quiet.renews = false;
    concerns_open(&concerns, house, &quiet, false, &turn);
    bool ok = concerns_result(&concerns, ret, err) &&
              (!options->renews || renewal_waiting(house, options->only, &ret->renewal, err));
    concerns_close(&concerns, &turn);
    ret->n_commits = store_n_commits(house->store);
    return ok;
}

bool leader_run(struct house *house, const struct leader_options *options,
                struct leader_result *ret, struct err *err)
{
    bool has_work = false;
    *ret = (struct leader_result){0};
    if (!clock_is_sane(house, err) || !leader_has_work(house, options, &has_work, err))
        return false;
    /* Without a loop nobody meant to act: what became due since leader_has_work was asked is met by the next run. */
    return has_work && house->loop != NULL ? run_lead(house, options, ret, err)
                                           : idle_result(house, options, ret, err);
}
