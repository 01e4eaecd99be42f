#include "dns/txt_turns.h"

enum { REMOVAL_PATIENCE_MS = 2 * 60 * 1000, STOP_GRACE_MS = 3000, SOON_MS = 60 * 1000 };

bool txt_flush(struct txt_desk *desk, struct err *err)
{
    if (!store_begin(desk->house->store, err))
        return false;
    if (!txt_desk_collect(desk, err) || !store_commit(desk->house->store, err)) {
        store_rollback(desk->house->store);
        return false;
    }
    return true;
}

bool txt_turn(struct txt_desk *desk, struct err *err)
{
    if (!txt_flush(desk, err))
        return false;
    txt_desk_act(desk);
    return true;
}

/* What a person must mend is not waited for: its next try lies further off than "soon". */
static bool removal_goes_on(const struct txt_desk *desk, const struct house *house,
                            int64_t give_up_at_ms)
{
    int64_t now_ms = house_now(house);
    return txt_desk_n_left(desk) > 0 && now_ms < give_up_at_ms &&
           (txt_desk_is_busy(desk) || txt_desk_next_at_ms(desk) < now_ms + SOON_MS);
}

bool txt_turns_until_gone(struct txt_desk *desk, struct err *err)
{
    struct house *house = desk->house;
    int64_t give_up_at_ms = house_now(house) + REMOVAL_PATIENCE_MS;
    for (;;) {
        int64_t stop_at_ms = house_now(house) + STOP_GRACE_MS;
        if (!txt_turn(desk, err))
            return false;
        if (!removal_goes_on(desk, house, give_up_at_ms))
            return true;
        if (loop_n_stops(house->loop) > 0 && stop_at_ms < give_up_at_ms)
            give_up_at_ms = stop_at_ms;
        int64_t next_at_ms = txt_desk_next_at_ms(desk);
        loop_wait(house->loop, next_at_ms < give_up_at_ms ? next_at_ms : give_up_at_ms);
    }
}
