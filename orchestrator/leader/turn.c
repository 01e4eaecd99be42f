#include "leader/turn.h"

enum { STORE_POLL_MS = 1000 };

void turn_add(struct turn *turn, const struct concern *concern)
{
    CHECK(turn->n_concerns < TURN_CONCERNS_MAX);
    turn->concerns[turn->n_concerns++] = *concern;
}

static bool turn_in_transaction(struct turn *turn, struct err *err)
{
    if (turn->lead != NULL && !lead_confirm(turn->lead, err))
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
    int64_t give_up_at_ms = clock_boot_ms(house->clock) + turn->store_patience_ms;
    for (bool told = false; !store_begin(house->store, err); told = true) {
        if (err->kind != ERR_STORE || loop_n_stops(house->loop) > 0 ||
            clock_boot_ms(house->clock) >= give_up_at_ms)
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
    turn->has_begun = turn_begin(turn, err);
    if (!turn->has_begun)
        return false;
    if (turn_in_transaction(turn, err) && store_commit(store, err))
        return true;
    store_rollback(store);
    return false;
}

/* The machine may have slept, or this process been frozen, since the lead was confirmed: who leads now, and what hangs on it, is asked before
 * anything is done. */
static bool turn_is_sure(struct turn *turn, struct err *err)
{
    while (turn->lead != NULL && !lead_is_sure(turn->lead))
        if (!turn_commit(turn, err))
            return false;
    return true;
}

bool turn_run(struct turn *turn, struct err *err)
{
    turn->n_turns++;
    if (!turn_commit(turn, err) || !turn_is_sure(turn, err))
        return false;
    for (size_t i = 0; i < turn->n_concerns; i++)
        turn->concerns[i].act(turn->concerns[i].self);
    turn->is_out = turn_is_busy(turn);
    return true;
}

bool turn_is_busy(const struct turn *turn)
{
    for (size_t i = 0; i < turn->n_concerns; i++) {
        if (turn->concerns[i].is_busy(turn->concerns[i].self))
            return true;
    }
    return false;
}

int64_t turn_next_at_ms(const struct turn *turn)
{
    int64_t next_at_ms = INT64_MAX;
    for (size_t i = 0; i < turn->n_concerns; i++) {
        int64_t at_ms = turn->concerns[i].next_at_ms(turn->concerns[i].self);
        if (at_ms < next_at_ms)
            next_at_ms = at_ms;
    }
    return next_at_ms;
}

int64_t turn_due_at_ms(const struct turn *turn)
{
    int64_t at_ms = turn_next_at_ms(turn);
    if (turn->lead == NULL)
        return at_ms;
    int64_t renew_ms =
        house_now(turn->house) + lead_renew_boot_ms(turn->lead) - clock_boot_ms(turn->house->clock);
    return renew_ms < at_ms ? renew_ms : at_ms;
}

bool turn_is_due(const struct turn *turn)
{
    return turn->is_out || turn_is_busy(turn) || turn_due_at_ms(turn) <= house_now(turn->house);
}
