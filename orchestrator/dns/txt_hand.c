#include "dns/txt_hand.h"

#include "dns/txt_turns.h"
#include "inventory/event.h"

static const char set_name[] = "(by hand)";

static bool known_load(struct txt_desk *desk, struct err *err)
{
    struct rows rows;
    if (!store_query(desk->house->store, &rows, err, SQL_TXT_BY_HAND, "i", (int64_t)TXT_BY_HAND))
        return false;
    while (rows_next(&rows))
        txt_desk_load_row(desk, &rows);
    return rows_end(&rows, err);
}

/* ---- adding ---- */

static bool all_want(struct txt_desk *desk, const struct txt_by_hand *records, struct err *err)
{
    struct house *house = desk->house;
    for (size_t i = 0; i < records->n; i++)
        if (!event_write(house, EVENT_TXT_BY_HAND, NULL, 0,
                         "%s: the value %s was asked for by hand", records->owner,
                         records->values[i]) ||
            !txt_desk_want(desk, TXT_BY_HAND, set_name, records->owner, records->values[i], NULL,
                           NULL, house_now(house) + 10 * MS_MINUTE, err) ||
            !store_run(house->store, NULL, err, SQL_TXT_SET_UNTIL, "itti", (int64_t)TXT_BY_HAND,
                       records->owner, records->values[i], records->until_at_ms))
            return false;
    return true;
}

/* The provider said done for every value that was asked for. */
static bool all_are_set(const struct txt_desk *desk)
{
    LIST_EACH (it, &desk->wishes) {
        const struct txt_wish *w = LIST_OWNER(it, struct txt_wish, in_desk);
        if (w->asked_for && w->state != WISH_SET && w->state != WISH_SERVED)
            return false;
    }
    return true;
}

static bool add_go(struct txt_desk *desk, const struct txt_by_hand *records, struct err *err)
{
    struct house *house = desk->house;
    struct err why = {0};
    enum txt_fate fate;
    while ((fate = txt_desk_fate(desk, TXT_BY_HAND, &why)) == TXT_PENDING &&
           !(records->is_unseen && all_are_set(desk))) {
        if (loop_n_stops(house->loop) > 0)
            return err_set(err, ERR_AGAIN, "stopped by a signal%s%s",
                           txt_desk_trouble(desk, TXT_BY_HAND, &why) ? "; so far: " : "", why.text);
        if (!txt_turn(desk, err))
            return false;
        loop_wait(house->loop, txt_desk_next_at_ms(desk));
    }
    if (fate == TXT_FAILED)
        *err = why;
    return fate != TXT_FAILED;
}

/* What was never handed to a provider need not be remembered. */
static void unsent_forget(struct txt_desk *desk)
{
    LIST_EACH (it, &desk->wishes) {
        struct txt_wish *w = LIST_OWNER(it, struct txt_wish, in_desk);
        if (w->asked_for && w->provider != NULL && !w->may_stand)
            txt_wish_turn(w);
    }
}

bool txt_hand_add(struct house *house, const struct txt_by_hand *records, struct err *err)
{
    struct txt_desk *desk = txt_desk_new(house);
    bool ok = store_begin(house->store, err);
    if (ok && (!known_load(desk, err) || !all_want(desk, records, err) ||
               !store_commit(house->store, err))) {
        store_rollback(house->store);
        ok = false;
    } else if (ok) {
        ok = add_go(desk, records, err);
        if (!ok)
            unsent_forget(desk);
        /* What the end brought - an id, a state - becomes a row, too. */
        ok = txt_flush(desk, ok ? err : NULL) && ok;
    }
    txt_desk_free(desk);
    return ok;
}

/* ---- removing ---- */

static bool is_meant(const struct txt_by_hand *records, const struct txt_wish *w)
{
    bool is = records->values == NULL;
    for (size_t i = 0; i < records->n && !is; i++)
        is = strcmp(records->values[i], w->value) == 0;
    return is && strcmp(records->owner, w->challenge) == 0;
}

static size_t all_turn(struct txt_desk *desk, const struct txt_by_hand *records)
{
    size_t n = 0;
    LIST_EACH (it, &desk->wishes) {
        struct txt_wish *w = LIST_OWNER(it, struct txt_wish, in_desk);
        if (!is_meant(records, w))
            continue;
        event_write(desk->house, EVENT_TXT_UNHANDED, NULL, 0, "%s: the value %s was to go, by hand",
                    w->challenge, w->value);
        txt_wish_turn(w);
        n++;
    }
    return n;
}

static bool removal_end(const struct txt_desk *desk, struct err *err)
{
    LIST_EACH (it, &desk->wishes) {
        const struct txt_wish *w = LIST_OWNER(it, struct txt_wish, in_desk);
        if (!w->present)
            return err_set(err, w->failure.kind != ERR_NONE ? w->failure.kind : ERR_AGAIN,
                           "TXT %s at %s is not gone yet%s%s; the next `chancery renew` goes on "
                           "with it",
                           w->value, w->challenge, w->failure.kind != ERR_NONE ? ": " : "",
                           w->failure.kind != ERR_NONE ? w->failure.text : "");
    }
    return true;
}

bool txt_hand_remove(struct house *house, const struct txt_by_hand *records, size_t *ret_n,
                     struct err *err)
{
    struct txt_desk *desk = txt_desk_new(house);
    bool ok = known_load(desk, err);
    *ret_n = ok ? all_turn(desk, records) : 0;
    ok = ok && (*ret_n == 0 || (txt_turns_until_gone(desk, err) && removal_end(desk, err)));
    txt_desk_free(desk);
    return ok;
}
