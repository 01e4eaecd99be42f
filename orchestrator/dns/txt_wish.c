#include "dns/txt_wish.h"

#include "dns/txt_hand.h"

#include "inventory/event.h"

enum { TRIES_LEAST = 6 };

static const char *const state_names[] = {
    [WISH_PLANNED] = "planned", [WISH_SENT] = "sent",         [WISH_SET] = "set",
    [WISH_SERVED] = "served",   [WISH_REMOVING] = "removing", [WISH_REMOVED] = "removed",
    [WISH_GONE] = "gone",
};
_Static_assert(sizeof(state_names) / sizeof(state_names[0]) == WISH_GONE + 1,
               "a name for every state");

const char *wish_state_name(enum wish_state state)
{
    return state_names[state];
}

bool wish_state_find(const char *name, enum wish_state *ret)
{
    for (int i = 0; i <= WISH_GONE; i++) {
        if (strcmp(state_names[i], name) == 0) {
            *ret = (enum wish_state)i;
            return true;
        }
    }
    return false;
}

/* What may stand in a zone must not look as if it were only planned. */
static const char *row_state(const struct txt_wish *w)
{
    bool may_stand = w->state == WISH_PLANNED && w->may_stand;
    return wish_state_name(may_stand ? WISH_SENT : w->state);
}

static bool is_passing(enum err_kind kind)
{
    return kind == ERR_AGAIN || kind == ERR_THROTTLED || kind == ERR_LOCAL;
}

/* What only a person can mend is told once, not in every run. */
static bool removal_tell(struct txt_wish *w, struct err *err)
{
    if (w->present || w->failure.kind == ERR_NONE || is_passing(w->failure.kind) ||
        (w->told != NULL && strcmp(w->told, w->failure.text) == 0))
        return true;
    mem_set_str(&w->told, w->failure.text);
    return event_write(w->desk->house, EVENT_TXT_LEFT, w->set, w->order_id,
                       "TXT %s at %s stays for now: %s; every run tries to remove it", w->value,
                       w->owner != NULL ? w->owner : w->challenge, w->failure.text) ||
           err_set(err, ERR_STORE, "its event could not be written");
}

bool txt_wish_insert(struct txt_wish *w, struct err *err)
{
    struct house *house = w->desk->house;
    return store_insert(house->store, &w->id, err, SQL_TXT_INSERT,
                        "itttt"
                        "iiitt",
                        w->order_id, w->set, w->challenge, w->provider->name, w->value,
                        w->provider->ttl_s, house_now(house), w->deadline_at_ms, w->alias,
                        w->proof);
}

static bool standing_save(struct txt_wish *w, struct err *err)
{
    struct house *house = w->desk->house;
    bool failed = w->failure.kind != ERR_NONE;
    if (w->state == WISH_GONE)
        return store_run(house->store, NULL, err, SQL_PERSIST_GONE, "ii", w->id, house_now(house));
    return store_run(house->store, NULL, err, SQL_PERSIST_SAVE, "itttttttti", w->id,
                     w->provider->name, w->zone != NULL ? w->zone->info->zone : NULL, w->owner,
                     w->present ? "present" : "gone", wish_state_name(w->state), w->ref,
                     failed ? err_kind_name(w->failure.kind) : NULL,
                     failed ? w->failure.text : NULL, house_now(house));
}

bool txt_wish_save(struct txt_wish *w, struct err *err)
{
    if (w->stands)
        return standing_save(w, err);
    struct house *house = w->desk->house;
    bool failed = w->failure.kind != ERR_NONE;
    if (!removal_tell(w, err))
        return false;
    if (w->state == WISH_GONE)
        return store_run(house->store, NULL, err, SQL_TXT_GONE, "ii", w->id, house_now(house));
    return store_run(house->store, NULL, err, SQL_TXT_SAVE,
                     "itttt"
                     "ttiitt",
                     w->id, w->provider->name, w->zone != NULL ? w->zone->info->zone : NULL,
                     w->owner, w->present ? "present" : "gone", row_state(w), w->ref, w->n_tries,
                     w->wake.slot != 0 ? w->wake.at_ms : (int64_t)0,
                     failed ? err_kind_name(w->failure.kind) : NULL,
                     failed ? w->failure.text : NULL);
}

void txt_wish_free(struct txt_wish *w)
{
    if (w == NULL)
        return;
    if (w->zone != NULL)
        txt_zone_drop(w->zone, w);
    if (w->find != NULL) {
        zone_finder_cancel(w->find);
        w->desk->n_under_way--;
    }
    if (!w->present)
        w->desk->n_gone_wanted--;
    if (w->state == WISH_SET)
        w->desk->n_awaited--;
    heap_remove(&w->desk->sleepers, &w->wake);
    list_remove(&w->in_order);
    list_remove(&w->in_desk);
    list_remove(&w->in_zone);
    list_remove(&w->in_dirty);
    mem_free(w->set);
    mem_free(w->challenge);
    mem_free(w->alias);
    mem_free(w->owner);
    mem_free(w->value);
    mem_free(w->ref);
    mem_free(w->proof);
    mem_free(w->seen);
    mem_free(w->told);
    mem_free(w);
}

void txt_wish_touch(struct txt_wish *w)
{
    if (!list_is_linked(&w->in_dirty))
        list_push_back(&w->desk->dirty, &w->in_dirty);
}

void txt_wish_enter(struct txt_wish *w, enum wish_state state)
{
    w->desk->n_awaited -= w->state == WISH_SET ? 1 : 0;
    w->desk->n_awaited += state == WISH_SET ? 1 : 0;
    w->state = state;
    w->may_stand = w->may_stand || state == WISH_SENT;
    w->state_at_ms = house_now(w->desk->house);
    if (state == WISH_SENT || state == WISH_REMOVING || state == WISH_GONE ||
        ((w->stands || w->order_id == TXT_BY_HAND) && state == WISH_SERVED))
        txt_wish_touch(w);
    if (state == WISH_SERVED && w->order != NULL)
        desk_order_changed(w->order);
}

void txt_wish_sleep(struct txt_wish *w, int64_t until_ms)
{
    heap_put(&w->desk->sleepers, &w->wake, until_ms);
}

bool txt_wish_is_awake(const struct txt_wish *w)
{
    return !w->busy && w->wake.slot == 0;
}

int64_t txt_back_off_ms(int64_t n_tries)
{
    static const int64_t delays_s[] = {1, 2, 5, 15, 30, 60};
    size_t i = n_tries < 1 ? 0 : (size_t)(n_tries - 1);
    return delays_s[i < 5 ? i : 5] * MS_SECOND;
}

bool txt_wish_may_try_again(const struct txt_wish *w)
{
    return house_now(w->desk->house) < w->deadline_at_ms || w->n_tries < TRIES_LEAST;
}

bool txt_wish_is_over_by(const struct txt_wish *w, int64_t at_ms)
{
    return house_now(w->desk->house) < w->deadline_at_ms && w->deadline_at_ms <= at_ms;
}

void txt_wish_seek(struct txt_wish *w)
{
    if (w->zone == NULL && w->find == NULL && w->wake.slot == 0 && w->provider != NULL &&
        !list_is_linked(&w->in_zone))
        list_push_back(&w->desk->seekers, &w->in_zone);
}

struct txt_wish *txt_wish_heir(const struct txt_wish *w)
{
    if (!w->has_twin)
        return NULL;
    LIST_EACH (it, &w->desk->wishes) {
        struct txt_wish *other = LIST_OWNER(it, struct txt_wish, in_desk);
        if (other != w && other->present && other->may_stand &&
            strcmp(other->value, w->value) == 0 && strcmp(other->challenge, w->challenge) == 0)
            return other;
    }
    return NULL;
}

void txt_wish_fail(struct txt_wish *w, const struct err *why)
{
    w->failure = *why;
    w->n_tries++;
    txt_wish_touch(w);
    if (!w->present) {
        /* What a person must mend is not asked for again in this run; the next one tries. */
        int64_t at_ms = house_now(w->desk->house) +
                        (is_passing(why->kind) ? txt_back_off_ms(w->n_tries) : 5 * MS_MINUTE);
        txt_wish_sleep(w, why->until_ms > at_ms ? why->until_ms : at_ms);
    } else if (w->order != NULL) {
        w->order->failure = *why;
        desk_order_changed(w->order);
    }
}

void txt_wish_turn(struct txt_wish *w)
{
    if (!w->present)
        return;
    w->present = false;
    w->settling = false;
    w->n_tries = 0;
    w->failure.kind = ERR_NONE;
    w->desk->n_gone_wanted++;
    heap_remove(&w->desk->sleepers, &w->wake);
    if (w->busy) {
        txt_wish_touch(w);
        return;
    }
    txt_wish_enter(w, w->may_stand ? WISH_REMOVING : WISH_GONE);
    if (w->state == WISH_REMOVING)
        txt_wish_seek(w);
}

void txt_wish_replan(struct txt_wish *w)
{
    w->state = WISH_PLANNED;
    txt_wish_touch(w);
}

/* Inside a job or a check it is planned when that ends: the removal may be done by then. */
void txt_wish_turn_back(struct txt_wish *w)
{
    if (w->present)
        return;
    w->present = true;
    w->settling = false;
    w->n_tries = 0;
    w->failure.kind = ERR_NONE;
    w->desk->n_gone_wanted--;
    heap_remove(&w->desk->sleepers, &w->wake);
    w->was_in_job = w->may_stand;
    if (!w->busy)
        txt_wish_replan(w);
    txt_wish_seek(w);
}

void desk_order_changed(struct desk_order *order)
{
    struct txt_wish *any = list_is_empty(&order->wishes)
                               ? NULL
                               : LIST_OWNER(order->wishes.next, struct txt_wish, in_order);
    if (any != NULL && !list_is_linked(&order->in_changed))
        list_push_back(&any->desk->changed, &order->in_changed);
}
