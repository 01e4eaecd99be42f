/*
 * Which wishes of a zone go into its next job, and whether a job may begin at all: the zone is free, its account has room, the API
 * may be asked, and what an order waits for can be had before the order ends.
 */
#include "base/clock.h"
#include "dns/host_pace.h"
#include "dns/txt_wish.h"

enum { JOB_RECORDS_MAX = 500, JOB_WAITS_MOST_MS = 2 * 60 * 1000, JOB_CALLS = 2, BESIDE_MS = 100 };

bool txt_wish_is_for_job(const struct txt_wish *w)
{
    if (!txt_wish_is_awake(w))
        return false;
    if (!w->present)
        return w->state == WISH_REMOVING;
    /* An order that fails needs nothing any more. */
    return w->state == WISH_PLANNED && (w->order == NULL || w->order->failure.kind == ERR_NONE);
}

static struct host_place wish_place(const struct txt_wish *w)
{
    return (struct host_place){w->provider, w->zone->info->zone, w->owner};
}

/* ---- may a job begin? ---- */

/* Two configured providers may lead to one zone of one API; and some APIs take one job at a time. */
static bool zone_has_room(const struct txt_zone *zone)
{
    const struct dns_limits *limits = host_limits(zone->provider);
    int64_t n = 0;
    LIST_EACH (it, &zone->desk->zones) {
        const struct txt_zone *other = LIST_OWNER(it, struct txt_zone, in_desk);
        if (other->in_job == NULL)
            continue;
        if (other->provider->provider == zone->provider->provider &&
            strcmp(other->info->zone, zone->info->zone) == 0)
            return false;
        n += host_account_is_same(zone->desk->host, other->provider, zone->provider) ? 1 : 0;
    }
    return limits == NULL || limits->parallel <= 0 || n < limits->parallel;
}

void txt_wish_is_too_late(struct txt_wish *w, const struct err *why)
{
    struct err said = *why;
    err_wrap(&said, "%s: its order cannot wait so long",
             w->owner != NULL ? w->owner : w->challenge);
    said.until_ms = why->until_ms;
    txt_wish_fail(w, &said);
}

/* The provider takes it then: the wish waits with the reason, unless its order ends before. */
static void wish_put_off(struct txt_wish *w, int64_t until_ms, const struct err *why)
{
    struct house *house = w->desk->house;
    if (w->present && (txt_wish_is_over_by(w, until_ms) || !txt_wish_may_try_again(w))) {
        txt_wish_is_too_late(w, why);
        return;
    }
    w->n_tries += house_now(house) >= w->deadline_at_ms ? 1 : 0;
    w->failure = *why;
    txt_wish_touch(w);
    txt_wish_sleep(w, until_ms);
}

static void zone_put_off(struct txt_zone *zone, int64_t until_ms, const struct err *why)
{
    const char *told = "";
    LIST_EACH (it, &zone->wishes) {
        struct txt_wish *w = LIST_OWNER(it, struct txt_wish, in_zone);
        if (!txt_wish_is_for_job(w))
            continue;
        if (strcmp(told, w->set) != 0)
            house_say(zone->desk->house, w->set, "dns", "%s", why->text);
        told = w->set;
        wish_put_off(w, until_ms, why);
    }
}

static void limit_explain(const struct txt_zone *zone, const struct dns_rate *rate, int64_t wait_ms,
                          const char *what, struct err *ret)
{
    char period[TIME_TEXT_MAX], wait[TIME_TEXT_MAX];
    duration_format(rate->period_ms, period);
    duration_format(wait_ms, wait);
    err_set(ret, ERR_THROTTLED,
            "provider %s (%s), zone %s: its limit of %lld requests in %s lets %s in %s at the "
            "earliest",
            zone->provider->name, zone->provider->provider->name, zone->info->zone,
            (long long)rate->count, period, what, wait);
    ret->until_ms = house_now(zone->desk->house) + wait_ms;
}

static bool zone_may_ask(struct txt_zone *zone, const struct txt_wish *first)
{
    struct host_place place = wish_place(first);
    struct dns_rate rate = {0};
    struct err why = {0};
    int64_t until_ms = host_parked_until_ms(zone->desk->host, &place, &why);
    if (until_ms > 0) {
        zone_put_off(zone, until_ms, &why);
        return false;
    }
    int64_t wait_ms = host_pace_wait_ms(zone->desk->host, &place, 1, &rate);
    if (wait_ms <= JOB_WAITS_MOST_MS)
        return true;
    limit_explain(zone, &rate, wait_ms, "the next request go", &why);
    zone_put_off(zone, why.until_ms, &why);
    return false;
}

/* ---- is there time for all of it? ---- */

static int64_t calls_for(const struct txt_zone *zone, size_t n_records)
{
    const struct dns_limits *limits = host_limits(zone->provider);
    return JOB_CALLS + (limits != NULL ? limits->calls_per_record * (int64_t)n_records : 0);
}

static struct host_place place_in(const struct txt_zone *zone, const struct txt_wish *w)
{
    return (struct host_place){zone->provider, zone->info->zone,
                               w->owner != NULL ? w->owner : w->challenge};
}

/* n_before: records that go first. */
static int64_t wish_wait_ms(const struct txt_zone *zone, const struct txt_wish *w, size_t n_before,
                            struct dns_rate *ret_rate)
{
    bool is_alone = host_limits(zone->provider)->scope == DNS_SCOPE_NAME;
    struct host_place place = place_in(zone, w);
    return host_pace_wait_ms(zone->desk->host, &place, calls_for(zone, is_alone ? 1 : n_before + 1),
                             ret_rate);
}

static bool wish_is_in_time(const struct txt_zone *zone, struct txt_wish *w, size_t n_before)
{
    struct dns_rate rate = {0};
    struct err why;
    int64_t wait_ms = wish_wait_ms(zone, w, n_before, &rate);
    if (!w->present || !txt_wish_is_over_by(w, house_now(w->desk->house) + wait_ms))
        return true;
    limit_explain(zone, &rate, wait_ms, "this record be published", &why);
    txt_wish_is_too_late(w, &why);
    return false;
}

/* Also names that are just being looked for: an order fails before its first record is published, not half-way. */
static bool wish_will_join(const struct txt_zone *zone, const struct txt_wish *w)
{
    bool is_sought = w->find != NULL || (w->zone == NULL && list_is_linked(&w->in_zone));
    bool is_wanted = w->order == NULL || w->order->failure.kind == ERR_NONE;
    const char *name = w->alias != NULL ? w->alias : w->challenge;
    return is_sought && is_wanted && w->provider == zone->provider &&
           str_ends(str_of(name), str_of(zone->info->zone));
}

/* The first that comes too late costs its order at once; the others are counted again without it. */
static bool zone_sheds_one(struct txt_zone *zone)
{
    size_t n = 0;
    LIST_EACH (it, &zone->desk->wishes) {
        struct txt_wish *w = LIST_OWNER(it, struct txt_wish, in_desk);
        if (!(w->zone == zone && txt_wish_is_for_job(w)) && !wish_will_join(zone, w))
            continue;
        if (!wish_is_in_time(zone, w, n++))
            return true;
    }
    return false;
}

static void zone_shed(struct txt_zone *zone)
{
    const struct dns_limits *limits = host_limits(zone->provider);
    if (limits == NULL || limits->n_rates == 0)
        return;
    while (zone_sheds_one(zone))
        ;
}

/* ---- the job ---- */

/* The same record is not named twice in a job, and what another wish keeps is not removed. */
static bool wish_is_left_to_twin(struct txt_zone *zone, struct txt_wish *w, size_t n)
{
    struct txt_wish *heir = w->present ? NULL : txt_wish_heir(w);
    if (!w->has_twin)
        return false;
    for (size_t i = 0; i < n; i++) {
        if (strcmp(zone->in_job[i]->value, w->value) == 0 &&
            strcmp(zone->in_job[i]->owner, w->owner) == 0)
            return true;
    }
    if (heir != NULL)
        txt_wish_enter(w, WISH_GONE);
    return heir != NULL;
}

/* What was refused among others is asked for by itself: one bad name must not cost the others their orders. */
static bool wish_fits_in_job(const struct txt_zone *zone, const struct txt_wish *w, size_t n)
{
    return n == 0 || (!w->alone && !zone->in_job[0]->alone);
}

/* ---- values that push one another out ---- */

static bool is_beside(const struct txt_wish *w, const struct txt_wish *other)
{
    return other != w && other->present && strcmp(other->owner, w->owner) == 0 &&
           (other->state == WISH_SET || other->state == WISH_SERVED);
}

/* False: one of them is being looked at. */
static bool wish_takes_along(struct txt_zone *zone, struct txt_wish *w)
{
    LIST_EACH (it, &zone->wishes) {
        struct txt_wish *other = LIST_OWNER(it, struct txt_wish, in_zone);
        if (is_beside(w, other) && other->busy)
            return false;
    }
    LIST_EACH (it, &zone->wishes) {
        struct txt_wish *other = LIST_OWNER(it, struct txt_wish, in_zone);
        if (!is_beside(w, other))
            continue;
        heap_remove(&zone->desk->sleepers, &other->wake);
        other->settling = false;
        txt_wish_enter(other, WISH_PLANNED);
        txt_wish_touch(other);
    }
    return true;
}

/* Where a name keeps its last values, one that is sent twice pushes another out. One whose end is not known is therefore sent again together
 * with all others of its name: then they are the last ones. */
static void zone_takes_along(struct txt_zone *zone)
{
    if ((zone->provider->provider->capabilities & DNS_CAN_ROLL) == 0)
        return;
    LIST_EACH (it, &zone->wishes) {
        struct txt_wish *w = LIST_OWNER(it, struct txt_wish, in_zone);
        if (txt_wish_is_for_job(w) && w->present && w->was_in_job && !wish_takes_along(zone, w))
            txt_wish_sleep(w, house_now(zone->desk->house) + BESIDE_MS);
    }
}

static size_t zone_take_wishes(struct txt_zone *zone)
{
    bool is_batch = (zone->provider->provider->capabilities & DNS_CAN_BATCH) != 0;
    size_t n = 0, most = is_batch ? JOB_RECORDS_MAX : 1;
    LIST_EACH (it, &zone->wishes) {
        struct txt_wish *w = LIST_OWNER(it, struct txt_wish, in_zone);
        if (n == most)
            break;
        if (!txt_wish_is_for_job(w) || !wish_fits_in_job(zone, w, n) || txt_slot_holds_back(w) ||
            wish_is_left_to_twin(zone, w, n))
            continue;
        if (zone->in_job == NULL)
            zone->in_job = NEW_N(most, struct txt_wish *);
        zone->in_job[n++] = w;
        w->busy = true;
        if (w->present)
            txt_wish_enter(w, WISH_SENT);
    }
    return n;
}

static struct txt_wish *zone_first_ready(const struct txt_zone *zone)
{
    LIST_EACH (it, &zone->wishes) {
        struct txt_wish *w = LIST_OWNER(it, struct txt_wish, in_zone);
        if (txt_wish_is_for_job(w))
            return w;
    }
    return NULL;
}

/* The zone that had its turn is asked last for the next: where one job runs at a time, none waits for ever. */
static void zone_goes_last(struct txt_zone *zone)
{
    list_remove(&zone->in_desk);
    list_push_back(&zone->desk->zones, &zone->in_desk);
}

void txt_zone_gather(struct txt_zone *zone)
{
    if (zone->in_job != NULL || txt_zone_waits(zone))
        return;
    const struct txt_wish *first = zone_first_ready(zone);
    if (first == NULL || !zone_has_room(zone) || !zone_may_ask(zone, first))
        return;
    zone_shed(zone);
    zone_takes_along(zone);
    size_t n = zone_take_wishes(zone);
    zone->n_in_job = n;
    zone->starts_job = n > 0;
    if (n == 0)
        return;
    struct host_place place = wish_place(zone->in_job[0]);
    const struct dns_limits *limits = host_limits(zone->provider);
    bool is_shared = limits != NULL && limits->scope != DNS_SCOPE_NAME;
    zone->n_expected = is_shared ? calls_for(zone, n) : 0;
    host_pace_expect(zone->desk->host, &place, zone->n_expected);
    zone_goes_last(zone);
}
