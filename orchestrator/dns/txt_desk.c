#include "dns/txt_desk.h"

#include "dns/host_pace.h"
#include "dns/txt_hand.h"
#include "dns/txt_wish.h"
#include "inventory/event.h"

struct txt_desk *txt_desk_new(struct house *house)
{
    struct txt_desk *desk = NEW(struct txt_desk);
    desk->house = house;
    desk->host = provider_host_new(house);
    desk->finders = zone_finders_new(house);
    list_init(&desk->wishes);
    list_init(&desk->orders);
    list_init(&desk->changed);
    list_init(&desk->zones);
    list_init(&desk->dirty);
    list_init(&desk->seekers);
    list_init(&desk->checks);
    heap_init(&desk->sleepers);
    return desk;
}

static void desk_order_free(struct desk_order *order)
{
    LIST_EACH (it, &order->wishes) {
        LIST_OWNER(it, struct txt_wish, in_order)->order = NULL;
        list_remove(it);
    }
    list_remove(&order->in_desk);
    list_remove(&order->in_changed);
    mem_free(order);
}

void txt_desk_free(struct txt_desk *desk)
{
    if (desk == NULL)
        return;
    txt_checks_free(desk);
    LIST_EACH (it, &desk->wishes)
        txt_wish_free(LIST_OWNER(it, struct txt_wish, in_desk));
    LIST_EACH (it, &desk->zones)
        txt_zone_free(LIST_OWNER(it, struct txt_zone, in_desk));
    LIST_EACH (it, &desk->orders)
        desk_order_free(LIST_OWNER(it, struct desk_order, in_desk));
    zone_finders_free(desk->finders);
    provider_host_free(desk->host);
    heap_fini(&desk->sleepers);
    mem_free(desk);
}

struct zone_finders *txt_desk_finders(struct txt_desk *desk)
{
    return desk->finders;
}

/* ---- wishes ---- */

static struct desk_order *desk_order_of(struct txt_desk *desk, int64_t order_id, bool make)
{
    LIST_EACH (it, &desk->orders) {
        struct desk_order *order = LIST_OWNER(it, struct desk_order, in_desk);
        if (order->id == order_id)
            return order;
    }
    if (!make)
        return NULL;
    struct desk_order *order = NEW(struct desk_order);
    order->id = order_id;
    list_init(&order->wishes);
    list_push_back(&desk->orders, &order->in_desk);
    return order;
}

/* A CA that hands the same pending authorization to two orders gives both the same token. */
static void wish_meet_twins(struct txt_wish *w)
{
    LIST_EACH (it, &w->desk->wishes) {
        struct txt_wish *other = LIST_OWNER(it, struct txt_wish, in_desk);
        if (strcmp(other->value, w->value) == 0 && strcmp(other->challenge, w->challenge) == 0)
            w->has_twin = other->has_twin = true;
    }
}

static struct txt_wish *wish_new(struct txt_desk *desk, int64_t order_id, const char *set,
                                 const char *challenge, const char *value, const char *alias)
{
    struct txt_wish *w = NEW(struct txt_wish);
    w->desk = desk;
    w->order_id = order_id;
    w->set = mem_strdup(set);
    w->challenge = mem_strdup(challenge);
    w->value = mem_strdup(value);
    w->alias = mem_strdup(alias);
    w->present = true;
    w->state_at_ms = house_now(desk->house);
    wish_meet_twins(w);
    list_push_back(&desk->wishes, &w->in_desk);
    return w;
}

static void wish_join(struct txt_wish *w)
{
    w->order = desk_order_of(w->desk, w->order_id, true);
    list_push_back(&w->order->wishes, &w->in_order);
}

static const struct provider_config *wish_provider(struct txt_desk *desk, const char *challenge,
                                                   const char *alias, struct err *err)
{
    const struct provider_config *provider =
        config_provider_for(desk->house->config, alias != NULL ? alias : challenge);
    if (provider == NULL)
        err_set(err, ERR_CONFIG,
                "no provider serves the zone of %s: add the zone to a provider's `zones` in %s",
                alias != NULL ? alias : challenge, desk->house->config->path);
    return provider;
}

static struct txt_wish *wish_same(const struct desk_order *order, const char *challenge,
                                  const char *value)
{
    LIST_EACH (it, &order->wishes) {
        struct txt_wish *w = LIST_OWNER(it, struct txt_wish, in_order);
        if (strcmp(w->challenge, challenge) == 0 && strcmp(w->value, value) == 0)
            return w;
    }
    return NULL;
}

/* The order has let it go, and it is not gone yet. */
static struct txt_wish *wish_let_go(const struct txt_desk *desk, int64_t order_id,
                                    const char *challenge, const char *value)
{
    LIST_EACH (it, &desk->wishes) {
        struct txt_wish *w = LIST_OWNER(it, struct txt_wish, in_desk);
        if (!w->present && !w->stands && w->order_id == order_id && w->provider != NULL &&
            strcmp(w->challenge, challenge) == 0 && strcmp(w->value, value) == 0)
            return w;
    }
    return NULL;
}

static struct txt_wish *wish_again(struct txt_desk *desk, struct desk_order *order,
                                   const char *challenge, const char *value)
{
    struct txt_wish *w = wish_same(order, challenge, value);
    if (w != NULL)
        return w;
    w = wish_let_go(desk, order->id, challenge, value);
    if (w == NULL)
        return NULL;
    txt_wish_turn_back(w);
    wish_join(w);
    return w;
}

bool txt_desk_want(struct txt_desk *desk, int64_t order_id, const char *set, const char *challenge,
                   const char *value, const char *proof, const char *alias, int64_t deadline_at_ms,
                   struct err *err)
{
    struct desk_order *order = desk_order_of(desk, order_id, true);
    struct txt_wish *same = wish_again(desk, order, challenge, value);
    struct err why = {0};
    if (same != NULL) {
        same->deadline_at_ms = deadline_at_ms;
        same->asked_for = true;
        txt_wish_seek(same);
        desk_order_changed(order);
        return true;
    }
    const struct provider_config *provider = wish_provider(desk, challenge, alias, &why);
    struct txt_wish *w = wish_new(desk, order_id, set, challenge, value, alias);
    wish_join(w);
    w->deadline_at_ms = deadline_at_ms;
    w->asked_for = true;
    w->provider = provider;
    w->proof = mem_strdup(proof);
    if (provider == NULL) {
        /* Not an error of the turn: this order fails, the others go on. */
        w->order->failure = why;
        desk_order_changed(w->order);
        return true;
    }
    txt_wish_seek(w);
    return txt_wish_insert(w, err);
}

bool txt_desk_stand(struct txt_desk *desk, int64_t group_id, const struct txt_standing *s,
                    int64_t deadline_at_ms, struct err *err)
{
    const struct provider_config *provider =
        s->provider != NULL ? config_provider(desk->house->config, s->provider) : NULL;
    if (provider == NULL)
        provider = wish_provider(desk, s->challenge, s->alias, err);
    if (provider == NULL)
        return false;
    struct txt_wish *w = wish_new(desk, group_id, s->set, s->challenge, s->value, s->alias);
    w->stands = true;
    w->id = s->id;
    w->ref = mem_strdup(s->ref);
    w->provider = provider;
    w->deadline_at_ms = deadline_at_ms;
    w->may_stand = s->gone;
    /* Which record it stands for its row says; another alias is another record. */
    w->has_twin = false;
    if (s->gone) {
        txt_wish_turn(w);
        return true;
    }
    wish_join(w);
    w->asked_for = true;
    txt_wish_seek(w);
    return true;
}

bool txt_desk_release(struct txt_desk *desk, int64_t order_id, struct err *err)
{
    (void)err;
    struct desk_order *order = desk_order_of(desk, order_id, false);
    if (order == NULL)
        return true;
    LIST_EACH (it, &order->wishes) {
        struct txt_wish *w = LIST_OWNER(it, struct txt_wish, in_order);
        if (w->provider == NULL)
            txt_wish_free(w); /* never had a row */
        else
            txt_wish_turn(w);
    }
    desk_order_free(order);
    return true;
}

/* What an earlier run wished and this one does not ask for - its authorization was replaced - is not waited for. */
static enum txt_fate order_fate(const struct desk_order *order)
{
    size_t n = 0, n_served = 0;
    LIST_EACH (it, &order->wishes) {
        const struct txt_wish *w = LIST_OWNER(it, struct txt_wish, in_order);
        n += w->asked_for ? 1 : 0;
        n_served += w->asked_for && w->state == WISH_SERVED ? 1 : 0;
    }
    return n > 0 && n_served == n ? TXT_SERVED : TXT_PENDING;
}

enum txt_fate txt_desk_fate(const struct txt_desk *desk, int64_t order_id, struct err *ret_why)
{
    LIST_EACH (it, &desk->orders) {
        const struct desk_order *order = LIST_OWNER(it, struct desk_order, in_desk);
        if (order->id != order_id)
            continue;
        if (order->failure.kind == ERR_NONE)
            return order_fate(order);
        *ret_why = order->failure;
        return TXT_FAILED;
    }
    return TXT_PENDING;
}

bool txt_desk_trouble(const struct txt_desk *desk, int64_t order_id, struct err *ret_why)
{
    LIST_EACH (it, &desk->wishes) {
        const struct txt_wish *w = LIST_OWNER(it, struct txt_wish, in_desk);
        const struct host_job *job = w->zone != NULL && w->busy ? w->zone->job : NULL;
        const struct err *stumbled = job != NULL ? host_job_trouble(job) : NULL;
        if (w->order_id != order_id || (w->failure.kind == ERR_NONE && stumbled == NULL))
            continue;
        *ret_why = w->failure.kind != ERR_NONE ? w->failure : *stumbled;
        return true;
    }
    return false;
}

int64_t txt_desk_next_changed(struct txt_desk *desk)
{
    struct list *it = list_pop_front(&desk->changed);
    return it != NULL ? LIST_OWNER(it, struct desk_order, in_changed)->id : 0;
}

/* ---- after a start: what the rows hold ---- */

/* Told once, not in every run. */
static void wish_is_orphan(struct txt_wish *w, const char *provider, const char *known_failure)
{
    struct house *house = w->desk->house;
    struct err why;
    err_set(&why, ERR_CONFIG,
            "%s: provider %s is no longer configured: remove the TXT value %s by hand or configure "
            "it again",
            w->challenge, provider, w->value);
    w->present = false;
    w->desk->n_gone_wanted++;
    if (known_failure != NULL && strcmp(known_failure, why.text) == 0)
        return;
    event_write(house, EVENT_TXT_LEFT, w->set, w->order_id, "%s", why.text);
    house_say_end(house, w->set, "dns", true, "%s", why.text);
    store_run(house->store, NULL, NULL, SQL_TXT_SET_FAILURE, "itt", w->id, err_kind_name(why.kind),
              why.text);
}

/* By hand, and still wanted: nobody but the person who added it takes it away. */
static bool row_is_kept_by_hand(const struct txt_desk *desk, const struct rows *rows)
{
    int64_t until_ms = rows_int(rows, 19);
    return rows_int(rows, 1) == TXT_BY_HAND && strcmp(rows_text(rows, 9), "present") == 0 &&
           (until_ms == 0 || until_ms > house_now(desk->house));
}

void txt_desk_load_row(struct txt_desk *desk, const struct rows *rows)
{
    enum wish_state state = WISH_PLANNED;
    bool is_by_hand = row_is_kept_by_hand(desk, rows);
    struct txt_wish *w = wish_new(desk, rows_int(rows, 1), rows_text(rows, 2), rows_text(rows, 3),
                                  rows_text(rows, 7), rows_text(rows, 15));
    w->id = rows_int(rows, 0);
    w->ref = mem_strdup(rows_text(rows, 11));
    w->proof = mem_strdup(rows_text(rows, 18));
    w->owner = mem_strdup(rows_text(rows, 6));
    w->deadline_at_ms = rows_int(rows, 14);
    w->n_tries = rows_int(rows, 12);
    w->told = mem_strdup(rows_text(rows, 17));
    w->provider = config_provider(desk->house->config, rows_text(rows, 4));
    w->is_bound = w->provider != NULL;
    if (w->provider == NULL)
        w->provider = wish_provider(desk, w->challenge, w->alias, NULL);
    /* Without its provider it stays as it is: the person who wants it must say what shall become of it. */
    if (w->provider == NULL && is_by_hand) {
        txt_wish_free(w);
        return;
    }
    wish_state_find(rows_text(rows, 10), &state);
    /* The row says what may have been done: anything but planned may be in the zone. */
    w->may_stand = state != WISH_PLANNED;
    w->was_in_job = w->may_stand;
    if (w->provider == NULL && w->may_stand) {
        wish_is_orphan(w, rows_text(rows, 4), rows_text(rows, 17));
        return;
    }
    if (w->provider == NULL || strcmp(rows_text(rows, 9), "gone") == 0 ||
        (rows_int(rows, 16) == 0 && !is_by_hand)) {
        txt_wish_turn(w);
        return;
    }
    /* Its order asks for it when it needs it again: what is parked costs the provider nothing. */
    wish_join(w);
}

bool txt_desk_load(struct txt_desk *desk, struct err *err)
{
    struct rows rows;
    if (!store_query(desk->house->store, &rows, err, SQL_TXT_OPEN, ""))
        return false;
    while (rows_next(&rows))
        txt_desk_load_row(desk, &rows);
    desk->holds_all = true;
    return rows_end(&rows, err);
}

/* ---- finding zones ---- */

struct zone_finder *txt_desk_finder(struct txt_desk *desk, const struct provider_config *p)
{
    return zone_finders_of(desk->finders, p);
}

static bool wish_follow(struct txt_wish *w, const struct zone_info *info, struct err *err)
{
    const struct provider_config *provider =
        config_provider_for(w->desk->house->config, info->owner);
    /* What stands is removed where it was put, even when another provider serves the zone by now. */
    if (!w->present && w->is_bound && w->may_stand)
        return true;
    if (provider == NULL)
        return err_set(err, ERR_CONFIG,
                       "%s is delegated to %s, but no provider serves that zone (%s)", w->challenge,
                       info->owner, info->zone);
    w->provider = provider;
    return true;
}

static void wish_found(void *arg, const struct zone_info *info, const struct err *err)
{
    struct txt_wish *w = arg;
    struct house *house = w->desk->house;
    struct err why = {0};
    w->find = NULL;
    w->desk->n_under_way--;
    if (info != NULL && wish_follow(w, info, &why)) {
        mem_set_str(&w->owner, info->owner);
        w->zone = txt_zone_of(w->desk, w->provider, info);
        list_push_back(&w->zone->wishes, &w->in_zone);
        return;
    }
    if (info == NULL)
        why = *err;
    bool passing = why.kind == ERR_AGAIN || why.kind == ERR_THROTTLED || why.kind == ERR_LOCAL;
    if (w->present && passing && txt_wish_may_try_again(w)) {
        w->failure = why;
        house_say(house, w->set, "dns", "%s", why.text);
        txt_wish_sleep(w, house_now(house) + txt_back_off_ms(++w->n_tries));
        txt_wish_touch(w);
        return;
    }
    txt_wish_fail(w, &why);
}

static void desk_start_finds(struct txt_desk *desk)
{
    struct list *it;
    while ((it = list_pop_front(&desk->seekers)) != NULL) {
        struct txt_wish *w = LIST_OWNER(it, struct txt_wish, in_zone);
        desk->n_under_way++;
        w->find = zone_finder_find(txt_desk_finder(desk, w->provider), w->challenge, w->alias,
                                   wish_found, w);
    }
}

/* ---- the turn ---- */

static void wish_wakes(struct txt_wish *w)
{
    if (w->settling) {
        w->settling = false;
        txt_wish_enter(w, WISH_SERVED);
    } else {
        txt_wish_seek(w);
    }
}

static void desk_wake(struct txt_desk *desk)
{
    int64_t now_ms = house_now(desk->house);
    for (;;) {
        struct heap_node *node = heap_first(&desk->sleepers);
        if (node == NULL || node->at_ms > now_ms)
            return;
        heap_remove(&desk->sleepers, node);
        wish_wakes(LIST_OWNER(node, struct txt_wish, wake));
    }
}

static bool desk_save(struct txt_desk *desk, struct err *err)
{
    struct list *it;
    while ((it = list_pop_front(&desk->dirty)) != NULL) {
        struct txt_wish *w = LIST_OWNER(it, struct txt_wish, in_dirty);
        if (!txt_wish_save(w, err))
            return err_wrap(err, "TXT %s", w->challenge);
        if (w->state == WISH_GONE)
            txt_wish_free(w);
    }
    return true;
}

bool txt_desk_collect(struct txt_desk *desk, struct err *err)
{
    desk_wake(desk);
    LIST_EACH (it, &desk->zones) {
        txt_zone_gather(LIST_OWNER(it, struct txt_zone, in_desk));
        txt_zone_tell(LIST_OWNER(it, struct txt_zone, in_desk));
    }
    desk->will_act = false;
    LIST_EACH (it, &desk->zones) {
        const struct txt_zone *zone = LIST_OWNER(it, struct txt_zone, in_desk);
        desk->will_act = desk->will_act || zone->starts_job || txt_checks_are_due(zone);
    }
    bool is_ridden = !list_is_empty(&desk->dirty);
    return desk_save(desk, err) && host_pace_save(desk->host, is_ridden, err);
}

void txt_desk_act(struct txt_desk *desk)
{
    desk_start_finds(desk);
    desk->will_act = false;
    LIST_EACH (it, &desk->zones)
        txt_zone_act(LIST_OWNER(it, struct txt_zone, in_desk));
}

int64_t txt_desk_next_at_ms(const struct txt_desk *desk)
{
    const struct heap_node *first = heap_first(&desk->sleepers);
    /* An order that has not heard yet of what changed is not woken by anything else. */
    if (!list_is_empty(&desk->changed))
        return 0;
    int64_t at_ms = first != NULL ? first->at_ms : INT64_MAX;
    LIST_EACH (it, &desk->zones) {
        const struct txt_zone *zone = LIST_OWNER(it, struct txt_zone, in_desk);
        if (zone->gather_at_ms != 0 && zone->gather_at_ms < at_ms)
            at_ms = zone->gather_at_ms;
    }
    return at_ms;
}

bool txt_desk_is_busy(const struct txt_desk *desk)
{
    return desk->will_act || desk->n_under_way > 0 || desk->n_awaited > 0 ||
           !list_is_empty(&desk->seekers) || !list_is_empty(&desk->dirty) ||
           !list_is_empty(&desk->changed);
}

size_t txt_desk_n_left(const struct txt_desk *desk)
{
    return desk->n_gone_wanted;
}
