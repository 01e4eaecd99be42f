/* Is what was published served, and what was removed gone? */
#include "dns/txt_wish.h"

#include "dns/propagation.h"
#include "inventory/event.h"

enum {
    FIRST_MAX_MS = 5000,
    PAUSE_MAX_MS = 10000,
    RESOLVERS_FIRST_MS = 2000,
    RESOLVERS_PAUSE_MS = 2000,
};

struct txt_check {
    struct list in_desk;
    struct txt_zone *zone;
    struct propagation_check *check;
    struct txt_wish **wishes; /* NULL where one was dropped */
    size_t n;
};

/* The first look comes after a tenth of the time that changes mostly take, so that what is served at once is not held up; a resolver
 * remembers what it did not find, so there it comes after all of that time. */
static int64_t first_look_ms(const struct txt_wish *w)
{
    int64_t typical_ms = dns_provider_typical_ms(w->provider->provider);
    if (w->zone->rules->mode == PROPAGATION_RESOLVERS)
        return typical_ms > RESOLVERS_FIRST_MS ? typical_ms : RESOLVERS_FIRST_MS;
    return typical_ms / 10 < FIRST_MAX_MS ? typical_ms / 10 : FIRST_MAX_MS;
}

/* Often while the wish is young, ever more seldom later: a twentieth of its age, 100 ms to 10 s; no more often than a twentieth of
 * the time that changes take here. */
static int64_t wish_check_pause_ms(const struct txt_wish *w)
{
    int64_t age_ms = house_now(w->desk->house) - w->state_at_ms;
    int64_t typical_ms = dns_provider_typical_ms(w->provider->provider);
    int64_t pause_ms = (age_ms > typical_ms ? age_ms : typical_ms) / 20;
    if (w->zone->rules->mode == PROPAGATION_RESOLVERS && pause_ms < RESOLVERS_PAUSE_MS)
        return RESOLVERS_PAUSE_MS;
    return pause_ms < 100 ? 100 : pause_ms > PAUSE_MAX_MS ? PAUSE_MAX_MS : pause_ms;
}

static void wish_is_served_in(struct txt_wish *w, int64_t ms)
{
    if (ms <= 0) {
        txt_wish_enter(w, WISH_SERVED);
        return;
    }
    w->settling = true;
    txt_wish_sleep(w, house_now(w->desk->house) + ms);
}

void txt_wish_published(struct txt_wish *w)
{
    const struct propagation_config *rules = w->zone->rules;
    txt_wish_enter(w, WISH_SET);
    switch (rules->mode) {
    case PROPAGATION_AUTHORITATIVE:
    case PROPAGATION_RESOLVERS:
        if (first_look_ms(w) > 0)
            txt_wish_sleep(w, house_now(w->desk->house) + first_look_ms(w));
        break;
    case PROPAGATION_PROVIDER:
        wish_is_served_in(w, rules->settle_ms);
        break;
    case PROPAGATION_WAIT:
        wish_is_served_in(w, rules->wait_ms);
    }
}

/* A resolver goes on showing what it remembers; that is no reason to ask the provider again. What is
 * only pushed out by later values stays until then. */
void txt_wish_withdrawn(struct txt_wish *w)
{
    bool is_rolled = (w->provider->provider->capabilities & DNS_CAN_ROLL) != 0;
    bool is_asked = !is_rolled && w->zone->rules->mode == PROPAGATION_AUTHORITATIVE;
    txt_wish_enter(w, is_asked ? WISH_REMOVED : WISH_GONE);
}

void txt_zone_rule(struct txt_zone *zone)
{
    const struct propagation_config *rules = config_propagation(zone->provider, zone->info->zone);
    zone->rules = rules;
    if (rules->mode != PROPAGATION_RESOLVERS)
        return;
    struct zone_server *servers = NEW_N(rules->n_resolvers, struct zone_server);
    for (size_t i = 0; i < rules->n_resolvers; i++) {
        char name[NET_ADDRESS_TEXT_MAX];
        net_address_format(&rules->resolvers[i], false, name);
        servers[i] = (struct zone_server){mem_strdup(name), &rules->resolvers[i], 1};
    }
    struct zone_info asked = {
        .zone = zone->info->zone, .servers = servers, .n_servers = rules->n_resolvers};
    zone->asked = zone_info_copy(&asked);
    for (size_t i = 0; i < rules->n_resolvers; i++)
        mem_free(servers[i].name);
    mem_free(servers);
}

/* What the desk tells of later, inside its transaction. */
static void zone_notes_unheard(struct txt_zone *zone, const struct txt_wish *w,
                               const struct propagation_view *view)
{
    if (zone->unheard_told || zone->unheard != NULL || view->n_answering >= view->n_servers)
        return;
    zone->unheard = mem_printf("TXT at %s counts as served, though only %zu of %zu %s answer: %s",
                               w->owner, view->n_answering, view->n_servers,
                               zone->asked != NULL ? "resolvers" : "name servers", view->text);
    mem_set_str(&zone->unheard_set, w->set);
    zone->unheard_order = w->order_id;
}

void txt_zone_tell(struct txt_zone *zone)
{
    if (zone->unheard == NULL || zone->unheard_told)
        return;
    zone->unheard_told = true;
    event_write(zone->desk->house, EVENT_TXT_UNHEARD, zone->unheard_set, zone->unheard_order, "%s",
                zone->unheard);
}

static void wish_is_shown(struct txt_wish *w, const struct propagation_view *view)
{
    zone_notes_unheard(w->zone, w, view);
    wish_is_served_in(w, w->zone->rules->settle_ms);
}

/* Why it does not count as served: somebody lacks it, or too few answer. */
static void wish_fails_unshown(struct txt_wish *w, const struct propagation_view *view)
{
    struct err err;
    char when[TIME_TEXT_MAX];
    AUTO(mem_fini)
    char *few = NULL;
    const struct txt_zone *zone = w->zone;
    const char *who = zone->asked != NULL ? "resolver" : "name server";
    int64_t age_ms = house_now(w->desk->house) - w->state_at_ms;
    size_t floor = propagation_floor(zone->rules, view->n_servers);
    if (view->n_answering < floor)
        few = mem_printf(" (%zu of %zu answer, at least %zu must: min_answers)", view->n_answering,
                         view->n_servers, floor);
    time_format(w->seen_at_ms, false, when);
    err_set(&err, ERR_AGAIN,
            "TXT at %s is not shown by every %s of %s after %lld s%s; asked last at %s: %s",
            w->owner, who, zone->info->zone, (long long)(age_ms / MS_SECOND),
            few != NULL ? few : "", when, w->seen);
    txt_wish_fail(w, &err);
}

static void wish_is_not_shown(struct txt_wish *w, const struct propagation_view *view)
{
    int64_t now_ms = house_now(w->desk->house);
    /* Since it was published: how long the order had to wait before does not count. */
    if (now_ms - w->state_at_ms >= w->zone->rules->timeout_ms) {
        wish_fails_unshown(w, view);
        return;
    }
    if (now_ms - w->state_at_ms > 3 * MS_SECOND)
        house_say(w->desk->house, w->set, "dns", "waiting for %s: %s", w->owner, w->seen);
    txt_wish_sleep(w, now_ms + wish_check_pause_ms(w));
}

static void wish_is_still_there(struct txt_wish *w)
{
    int64_t now_ms = house_now(w->desk->house);
    if (txt_wish_heir(w) != NULL) {
        txt_wish_enter(w, WISH_GONE);
        return;
    }
    if (now_ms - w->state_at_ms > MS_MINUTE) {
        /* The provider said done and the record stays: ask it again. */
        w->n_tries++;
        txt_wish_enter(w, WISH_REMOVING);
        txt_wish_sleep(w, now_ms + txt_back_off_ms(w->n_tries));
        return;
    }
    txt_wish_sleep(w, now_ms + wish_check_pause_ms(w));
}

static void wish_checked(struct txt_wish *w, const struct propagation_view *view)
{
    w->busy = false;
    mem_set_str(&w->seen, view->text);
    w->seen_at_ms = house_now(w->desk->house);
    if (w->state == WISH_SET && !w->present)
        txt_wish_enter(w, WISH_REMOVING);
    else if (w->state == WISH_REMOVED && w->present)
        txt_wish_replan(w);
    else if (w->state == WISH_SET && view->is_served)
        wish_is_shown(w, view);
    else if (w->state == WISH_SET)
        wish_is_not_shown(w, view);
    else if (w->state == WISH_REMOVED && view->n_as_wished > 0)
        txt_wish_enter(w, WISH_GONE);
    else if (w->state == WISH_REMOVED)
        wish_is_still_there(w);
}

static void check_free(struct txt_check *check)
{
    list_remove(&check->in_desk);
    mem_free(check->wishes);
    mem_free(check);
}

static void check_done(void *arg, const struct propagation_report *report)
{
    struct txt_check *check = arg;
    check->zone->desk->n_under_way--;
    for (size_t i = 0; i < check->n && i < report->n; i++) {
        if (check->wishes[i] != NULL)
            wish_checked(check->wishes[i], &report->views[i]);
    }
    check_free(check);
}

void txt_checks_free(struct txt_desk *desk)
{
    LIST_EACH (it, &desk->checks) {
        struct txt_check *check = LIST_OWNER(it, struct txt_check, in_desk);
        propagation_cancel(check->check);
        desk->n_under_way--;
        check_free(check);
    }
}

void txt_checks_drop(struct txt_desk *desk, const struct txt_wish *wish)
{
    LIST_EACH (it, &desk->checks) {
        struct txt_check *check = LIST_OWNER(it, struct txt_check, in_desk);
        for (size_t i = 0; i < check->n; i++) {
            if (check->wishes[i] == wish)
                check->wishes[i] = NULL;
        }
    }
}

static bool wish_is_for_check(const struct txt_wish *w)
{
    return txt_wish_is_awake(w) && !w->settling &&
           (w->state == WISH_SET || w->state == WISH_REMOVED);
}

bool txt_checks_are_due(const struct txt_zone *zone)
{
    LIST_EACH (it, &zone->wishes) {
        if (wish_is_for_check(LIST_OWNER(it, struct txt_wish, in_zone)))
            return true;
    }
    return false;
}

void txt_checks_start(struct txt_desk *desk, struct txt_zone *zone)
{
    struct txt_check *check = NULL;
    struct propagation_want *wants = NULL;
    size_t n = 0;

    LIST_EACH (it, &zone->wishes) {
        struct txt_wish *w = LIST_OWNER(it, struct txt_wish, in_zone);
        if (!wish_is_for_check(w))
            continue;
        if (check == NULL)
            check = NEW(struct txt_check);
        wants = mem_grow(wants, n, n + 1, sizeof(*wants));
        check->wishes = mem_grow(check->wishes, n, n + 1, sizeof(struct txt_wish *));
        wants[n] = (struct propagation_want){
            .owner = w->owner, .value = w->value, .present = w->state == WISH_SET};
        check->wishes[n++] = w;
        w->busy = true;
    }
    if (check == NULL)
        return;
    check->zone = zone;
    check->n = n;
    list_push_back(&desk->checks, &check->in_desk);
    desk->n_under_way++;
    struct propagation_options options = {.rules = zone->rules, .recurse = zone->asked != NULL};
    check->check = propagation_start(desk->house->loop, desk->house->dns,
                                     zone->asked != NULL ? zone->asked : zone->info, wants, n,
                                     &options, check_done, check);
    mem_free(wants);
}
