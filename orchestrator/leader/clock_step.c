#include "leader/clock_step.h"

#include "inventory/event.h"

enum { STEP_LEAST_MS = 5 * 60 * 1000 };

bool clock_is_sane(const struct house *house, struct err *err)
{
    char now[TIME_TEXT_MAX];
    if (house_now(house) >= time_from_civil(2026, 11, 1, 0, 0, 0))
        return true;
    time_format(house_now(house), false, now);
    return err_set(err, ERR_LOCAL,
                   "this machine's clock says %s, which is before this program was written: "
                   "nothing is done until it is set",
                   now);
}

bool clock_step_find(struct house *house, int64_t *ret_back_ms, struct err *err)
{
    int64_t granted_at_ms = 0;
    if (!store_int(house->store, 0, &granted_at_ms, err, SQL_LEADER_GRANTED_AT, ""))
        return false;
    int64_t back_ms = granted_at_ms - house_now(house);
    *ret_back_ms = back_ms >= STEP_LEAST_MS ? back_ms : 0;
    return true;
}

static bool waits_move(struct house *house, int64_t back_ms, struct err *err)
{
    static const enum sql_name moves[] = {SQL_ORDER_MOVE_BACK, SQL_SET_MOVE_BACK, SQL_ARI_MOVE_BACK,
                                          SQL_DEPLOYMENT_MOVE_BACK, SQL_ENDPOINT_MOVE_BACK};
    for (size_t i = 0; i < sizeof(moves) / sizeof(moves[0]); i++) {
        if (!store_run(house->store, NULL, err, moves[i], "ii", house_now(house), back_ms))
            return false;
    }
    return true;
}

bool clock_step_mend(struct house *house, int64_t back_ms, struct err *err)
{
    char length[TIME_TEXT_MAX];
    if (back_ms <= 0)
        return true;
    duration_format(back_ms, length);
    if (!store_begin(house->store, err))
        return false;
    if (!waits_move(house, back_ms, err) ||
        !event_write(house, EVENT_CLOCK_TROUBLE, NULL, 0,
                     "the clock was set back by %s since the last run: what waits is moved with it",
                     length) ||
        !store_commit(house->store, err)) {
        store_rollback(house->store);
        return false;
    }
    return true;
}
