#include "leader/leader.h"

#include "authority/lease.h"
#include "base/failpoint.h"
#include "inventory/concern.h"
#include "inventory/event.h"
#include "leader/clock_step.h"

enum {
    LEADER_LEASE_MS = 30 * 1000,
    LEADER_RENEW_MS = 10 * 1000,
    LEADER_UNSURE_MS =
        20 * 1000, /* so long after a renewal nothing is done any more before the next */
    HELD_POLL_MS = 250,
    STOP_GRACE_MS = 3000
};
enum { STORE_PATIENCE_MS = 60 * 1000, STORE_POLL_MS = 1000 };

/* Lengths of time are measured by the boot clock: the wall clock may be set while we run. */
struct turn {
    struct house *house;
    struct lease *lease;
    struct concern concerns[4];
    size_t n_concerns;
    int64_t renewed_at_boot_ms, stop_at_boot_ms; /* stop: INT64_MAX while nobody asked for it */
    int64_t patience_ms;
    int64_t n_turns;
};

static int64_t boot_now(const struct house *house)
{
    return clock_boot_ms(house->clock);
}

/* ---- the lead ---- */

/* Another leader may be about to end: ask again until wait_ms are over. */
static bool lead_take(struct house *house, const struct leader_options *options, struct turn *turn,
                      struct err *err)
{
    int64_t give_up_at_ms = boot_now(house) + options->wait_ms;
    for (bool told = false;; told = true) {
        turn->renewed_at_boot_ms = boot_now(house);
        if (lease_take(house, "leader", options->purpose, LEADER_LEASE_MS, true, &turn->lease, err))
            return true;
        if (err->kind != ERR_HELD || boot_now(house) >= give_up_at_ms ||
            loop_n_stops(house->loop) > 0)
            return false;
        if (!told)
            house_say(house, NULL, "lead", "waiting: %s", err->text);
        loop_wait(house->loop, house_now(house) + HELD_POLL_MS);
    }
}

/* ---- one turn ---- */

static bool lead_confirm(struct turn *turn, struct err *err)
{
    struct house *house = turn->house;
    int64_t now_ms = boot_now(house);
    if (!lease_guard(house, turn->lease, err))
        return false;
    if (now_ms < turn->renewed_at_boot_ms + LEADER_RENEW_MS)
        return true;
    if (!lease_renew(house, turn->lease, LEADER_LEASE_MS, err))
        return false;
    turn->renewed_at_boot_ms = now_ms;
    return true;
}

static bool turn_in_transaction(struct turn *turn, struct err *err)
{
    if (!lead_confirm(turn, err))
        return false;
    for (size_t i = 0; i < turn->n_concerns; i++) {
        struct concern *concern = &turn->concerns[i];
        if (!concern->collect(concern->self, err))
            return err_wrap(err, "%s", concern->name);
    }
    return true;
}

/* Another process may keep the store locked for a while. Nothing of this turn was collected yet, so it can be begun later; what arrives
 * meanwhile waits in memory. */
static bool turn_begin(struct turn *turn, struct err *err)
{
    struct house *house = turn->house;
    int64_t give_up_at_ms = boot_now(house) + STORE_PATIENCE_MS;
    for (bool told = false; !store_begin(house->store, err); told = true) {
        if (err->kind != ERR_STORE || loop_n_stops(house->loop) > 0 ||
            boot_now(house) >= give_up_at_ms)
            return false;
        if (!told)
            house_say(house, NULL, "store", "waiting: %s", err->text);
        loop_wait(house->loop, house_now(house) + STORE_POLL_MS);
    }
    return true;
}

static bool turn_commit(struct turn *turn, struct err *err)
{
    struct store *store = turn->house->store;
    if (!turn_begin(turn, err))
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
    return !turn_is_busy(turn) &&
           turn_next_at_ms(turn) > house_now(turn->house) + turn->patience_ms;
}

/* The machine may have slept, or this process been frozen, since the lead was confirmed: who leads now is asked before anything is done. */
static bool turn_is_sure(struct turn *turn, struct err *err)
{
    struct store *store = turn->house->store;
    while (boot_now(turn->house) >= turn->renewed_at_boot_ms + LEADER_UNSURE_MS) {
        if (!turn_begin(turn, err))
            return false;
        if (!lead_confirm(turn, err) || !store_commit(store, err)) {
            store_rollback(store);
            return false;
        }
    }
    return true;
}

static bool turn_run(struct turn *turn, struct err *err)
{
    turn->n_turns++;
    if (!turn_commit(turn, err) || !turn_is_sure(turn, err))
        return false;
    for (size_t i = 0; i < turn->n_concerns; i++)
        turn->concerns[i].act(turn->concerns[i].self);
    return true;
}

static void turn_wait(const struct turn *turn)
{
    int64_t until_ms = turn_next_at_ms(turn);
    int64_t renew_boot_ms = turn->renewed_at_boot_ms + LEADER_RENEW_MS;
    int64_t first_boot_ms =
        renew_boot_ms < turn->stop_at_boot_ms ? renew_boot_ms : turn->stop_at_boot_ms;
    int64_t bound_ms = house_now(turn->house) + first_boot_ms - boot_now(turn->house);
    loop_wait(turn->house->loop, until_ms < bound_ms ? until_ms : bound_ms);
}

static void turn_stop(struct turn *turn)
{
    turn->stop_at_boot_ms = boot_now(turn->house) + STOP_GRACE_MS;
    turn->patience_ms = 0;
    house_say(turn->house, NULL, "stop", "stopping: what is under way goes on with the next run");
}

/* A first signal lets what is under way settle for a few seconds; what remains is in the rows. */
static bool turns_run(struct turn *turn, bool *ret_stopped, struct err *err)
{
    for (;;) {
        if (!turn_run(turn, err))
            return false;
        if (turn_is_last(turn))
            return true;
        if (loop_n_stops(turn->house->loop) > 0 && !*ret_stopped) {
            *ret_stopped = true;
            turn_stop(turn);
        }
        if (boot_now(turn->house) >= turn->stop_at_boot_ms)
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
    struct revocation *revocation;
};

static void concerns_open(struct concerns *c, struct house *house, const struct leader_options *o,
                          struct turn *turn)
{
    if (o->renews) {
        struct renewal_options options = {.only = o->only,
                                          .forced = o->forced,
                                          .retries = o->retries,
                                          .patience_ms = o->patience_ms};
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
    /* Last: in the turn in which the others see that a replacement is served, the old one may go. */
    if (o->renews && !house->rehearsal) {
        c->revocation = revocation_new(house, c->office, o->only);
        turn->concerns[turn->n_concerns++] = revocation_concern(c->revocation);
    }
}

static void concerns_close(struct concerns *c)
{
    revocation_free(c->revocation);
    monitoring_free(c->monitoring);
    distribution_free(c->distribution);
    renewal_free(c->renewal);
    ca_office_free(c->office);
}

static bool concerns_result(const struct concerns *c, struct leader_result *ret, struct err *err)
{
    if (c->renewal != NULL)
        ret->renewal = renewal_result(c->renewal);
    if (c->revocation != NULL)
        ret->revocation = revocation_result(c->revocation);
    return (c->distribution == NULL ||
            distribution_result(c->distribution, &ret->distribution, err)) &&
           (c->monitoring == NULL || monitoring_result(c->monitoring, &ret->monitoring, err));
}

static void figures_read(const struct house *house, const struct turn *turn,
                         struct leader_result *ret)
{
    ret->n_turns = turn->n_turns;
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

static bool lead(struct house *house, const struct leader_options *options,
                 struct leader_result *ret, struct err *err)
{
    struct concerns concerns = {0};
    struct turn turn = {
        .house = house, .patience_ms = options->patience_ms, .stop_at_boot_ms = INT64_MAX};
    int64_t back_ms = 0;
    bool ok;

    if (!clock_step_find(house, &back_ms, err) || !lead_take(house, options, &turn, err))
        return false;
    house->fencing = lease_fencing(turn.lease);
    concerns_open(&concerns, house, options, &turn);
    ok = clock_step_mend(house, back_ms, err) && turns_run(&turn, &ret->stopped, err);
    if (!ok)
        trouble_tell(house, err);
    if (ok && concerns.renewal != NULL)
        renewal_end(concerns.renewal);
    if (ok && concerns.revocation != NULL)
        ok = revocation_end(concerns.revocation, err);
    ok = ok && concerns_result(&concerns, ret, err);
    figures_read(house, &turn, ret);
    concerns_close(&concerns);
    lease_drop(house, turn.lease);
    house->fencing = 0;
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
    concerns_open(&concerns, house, &quiet, &turn);
    bool ok = concerns_result(&concerns, ret, err) &&
              (!options->renews || renewal_waiting(house, options->only, &ret->renewal, err));
    concerns_close(&concerns);
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
    return has_work && house->loop != NULL ? lead(house, options, ret, err)
                                           : idle_result(house, options, ret, err);
}
