#include "leader/leader.h"

#include "authority/lease.h"
#include "base/failpoint.h"
#include "inventory/concern.h"
#include "inventory/event.h"

enum { LEADER_LEASE_MS = 60 * 1000, LEADER_RENEW_MS = 15 * 1000, HELD_POLL_MS = 250, STOP_GRACE_MS = 4000 };

struct turn {
    struct house *house;
    struct lease *lease;
    struct concern concerns[3];
    size_t n_concerns;
    int64_t renew_lease_at_ms, patience_ms;
    int64_t n_turns;
};

/* ---- the lead ---- */

/* Another leader may be about to end: ask again until wait_ms are over. */
static bool lead_take(struct house *house, const struct leader_options *options, struct lease **ret, struct err *err)
{
    int64_t give_up_at_ms = house_now(house) + options->wait_ms;
    for (bool told = false;; told = true) {
        if (lease_take(house, "leader", options->purpose, LEADER_LEASE_MS, true, ret, err))
            return true;
        if (err->kind != ERR_HELD || house_now(house) >= give_up_at_ms || loop_n_stops(house->loop) > 0)
            return false;
        if (!told)
            house_say(house, NULL, "lead", "waiting: %s", err->text);
        loop_wait(house->loop, house_now(house) + HELD_POLL_MS);
    }
}

/* ---- one turn ---- */

static bool turn_in_transaction(struct turn *turn, struct err *err)
{
    struct house *house = turn->house;
    if (!lease_guard(house, turn->lease, err))
        return false;
    if (house_now(house) >= turn->renew_lease_at_ms) {
        if (!lease_renew(house, turn->lease, LEADER_LEASE_MS, err))
            return false;
        turn->renew_lease_at_ms = house_now(house) + LEADER_RENEW_MS;
    }
    for (size_t i = 0; i < turn->n_concerns; i++) {
        struct concern *concern = &turn->concerns[i];
        if (!concern->collect(concern->self, err))
            return err_wrap(err, "%s", concern->name);
    }
    return true;
}

static bool turn_commit(struct turn *turn, struct err *err)
{
    struct store *store = turn->house->store;
    if (!store_begin(store, err))
        return false;
    if (turn_in_transaction(turn, err) && store_commit(store, err))
        return true;
    store_rollback(store);
    return false;
}

static bool turn_is_busy(const struct turn *turn)
{
    for (size_t i = 0; i < turn->n_concerns; i++) {
        if (turn->concerns[i].is_busy(turn->concerns[i].self))
            return true;
    }
    return false;
}

static int64_t turn_next_at_ms(const struct turn *turn)
{
    int64_t next_at_ms = INT64_MAX;
    for (size_t i = 0; i < turn->n_concerns; i++) {
        int64_t at_ms = turn->concerns[i].next_at_ms(turn->concerns[i].self);
        if (at_ms < next_at_ms)
            next_at_ms = at_ms;
    }
    return next_at_ms;
}

/* Nothing under way, and the next thing is further off than this run's patience. */
static bool turn_is_last(const struct turn *turn)
{
    return !turn_is_busy(turn) && turn_next_at_ms(turn) > house_now(turn->house) + turn->patience_ms;
}

static bool turn_run(struct turn *turn, struct err *err)
{
    turn->n_turns++;
    if (!turn_commit(turn, err))
        return false;
    for (size_t i = 0; i < turn->n_concerns; i++)
        turn->concerns[i].act(turn->concerns[i].self);
    return true;
}

static void turn_wait(const struct turn *turn)
{
    int64_t until_ms = turn_next_at_ms(turn);
    if (turn->renew_lease_at_ms < until_ms)
        until_ms = turn->renew_lease_at_ms;
    loop_wait(turn->house->loop, until_ms);
}

/* A first signal lets what is under way settle for a few seconds; what remains is in the rows. */
static bool turns_run(struct turn *turn, bool *ret_stopped, struct err *err)
{
    int64_t stop_at_ms = INT64_MAX;
    for (;;) {
        if (!turn_run(turn, err))
            return false;
        if (turn_is_last(turn))
            return true;
        if (loop_n_stops(turn->house->loop) > 0 && stop_at_ms == INT64_MAX) {
            *ret_stopped = true;
            stop_at_ms = house_now(turn->house) + STOP_GRACE_MS;
            turn->patience_ms = 0;
            house_say(turn->house, NULL, "stop", "stopping: what is under way goes on with the next run");
        }
        if (house_now(turn->house) >= stop_at_ms)
            return true;
        turn_wait(turn);
    }
}

/* ---- the run ---- */

struct concerns {
    struct ca_office *office;
    struct renewal *renewal;
    struct distribution *distribution;
    struct monitoring *monitoring;
};

static void concerns_open(struct concerns *c, struct house *house, const struct leader_options *o, struct turn *turn)
{
    if (o->renews) {
        struct renewal_options options = {.only = o->only, .forced = o->forced, .patience_ms = o->patience_ms};
        c->office = ca_office_new(house);
        c->renewal = renewal_new(house, c->office, &options);
        turn->concerns[turn->n_concerns++] = renewal_concern(c->renewal);
    }
    if (o->delivers) {
        struct distribution_options options = {.only = o->only, .forced = o->forced && !o->renews};
        c->distribution = distribution_new(house, &options);
        turn->concerns[turn->n_concerns++] = distribution_concern(c->distribution);
    }
    if (o->verifies) {
        struct monitoring_options options = {.only = o->only, .forced = o->forced && !o->renews};
        c->monitoring = monitoring_new(house, &options);
        turn->concerns[turn->n_concerns++] = monitoring_concern(c->monitoring);
    }
}

static void concerns_close(struct concerns *c)
{
    monitoring_free(c->monitoring);
    distribution_free(c->distribution);
    renewal_free(c->renewal);
    ca_office_free(c->office);
}

static bool concerns_result(const struct concerns *c, struct leader_result *ret, struct err *err)
{
    if (c->renewal != NULL)
        ret->renewal = renewal_result(c->renewal);
    return (c->distribution == NULL || distribution_result(c->distribution, &ret->distribution, err)) &&
           (c->monitoring == NULL || monitoring_result(c->monitoring, &ret->monitoring, err));
}

static void figures_read(const struct house *house, const struct turn *turn, struct leader_result *ret)
{
    ret->n_turns = turn->n_turns;
    ret->n_commits = store_n_commits(house->store);
    ret->n_http = http_figures(house->http).n_requests;
    ret->n_connections = http_figures(house->http).n_connections;
    ret->n_dns = dns_figures(house->dns).n_questions;
    ret->n_dns_updates = dns_figures(house->dns).n_updates;
}

static bool lead(struct house *house, const struct leader_options *options, struct leader_result *ret, struct err *err)
{
    struct concerns concerns = {0};
    struct turn turn = {.house = house, .patience_ms = options->patience_ms};
    bool ok;

    if (!lead_take(house, options, &turn.lease, err))
        return false;
    house->fencing = lease_fencing(turn.lease);
    turn.renew_lease_at_ms = house_now(house) + LEADER_RENEW_MS;
    concerns_open(&concerns, house, options, &turn);
    ok = turns_run(&turn, &ret->stopped, err);
    if (!ok && err->kind == ERR_HELD)
        event_write(house, EVENT_LEASE_LOST, NULL, 0, "%s", err->text);
    if (!ok && err->kind == ERR_STORE)
        event_write(house, EVENT_STORE_TROUBLE, NULL, 0, "%s; nothing more is asked of a CA in this run", err->text);
    ok = ok && concerns_result(&concerns, ret, err);
    figures_read(house, &turn, ret);
    concerns_close(&concerns);
    lease_drop(house, turn.lease);
    house->fencing = 0;
    return ok;
}

/* An idle run writes nothing and asks nobody: it only says what is behind from earlier runs. */
static bool leader_is_idle(struct house *house, const struct leader_options *options, bool *ret_idle, struct err *err)
{
    int64_t has_work = 1;
    if (!options->forced && !store_int(house->store, 0, &has_work, err, SQL_LEADER_HAS_WORK, "i", house_now(house)))
        return false;
    *ret_idle = has_work == 0;
    return true;
}

static bool idle_result(struct house *house, const struct leader_options *options, struct leader_result *ret, struct err *err)
{
    struct concerns concerns = {0};
    struct leader_options quiet = *options;
    struct turn turn = {.house = house};
    int64_t n_waiting = 0;
    quiet.renews = false;
    concerns_open(&concerns, house, &quiet, &turn);
    bool ok = concerns_result(&concerns, ret, err) && store_int(house->store, 0, &n_waiting, err, SQL_ORDER_N_OPEN, "");
    concerns_close(&concerns);
    ret->renewal.n_postponed = options->renews ? (size_t)n_waiting : 0;
    ret->n_commits = store_n_commits(house->store);
    return ok;
}

bool leader_run(struct house *house, const struct leader_options *options, struct leader_result *ret, struct err *err)
{
    bool idle = false;
    *ret = (struct leader_result){0};
    if (!leader_is_idle(house, options, &idle, err))
        return false;
    return idle ? idle_result(house, options, ret, err) : lead(house, options, ret, err);
}
