#include "dns/txt_wish.h"

#include "base/failpoint.h"

struct txt_zone *txt_zone_of(struct txt_desk *desk, const struct provider_config *provider,
                             const struct zone_info *info)
{
    LIST_EACH (it, &desk->zones) {
        struct txt_zone *zone = LIST_OWNER(it, struct txt_zone, in_desk);
        if (zone->provider == provider && strcmp(zone->info->zone, info->zone) == 0)
            return zone;
    }
    struct txt_zone *zone = NEW(struct txt_zone);
    zone->desk = desk;
    zone->provider = provider;
    zone->info = zone_info_copy(info);
    txt_zone_rule(zone);
    list_init(&zone->wishes);
    list_push_back(&desk->zones, &zone->in_desk);
    return zone;
}

static void zone_end_job(struct txt_zone *zone)
{
    mem_free(zone->in_job);
    zone->in_job = NULL;
    zone->n_in_job = 0;
    zone->job = NULL;
    zone->starts_job = false;
}

void txt_zone_free(struct txt_zone *zone)
{
    if (zone->job != NULL) {
        host_job_cancel(zone->job);
        zone->desk->n_under_way--;
    }
    zone_end_job(zone);
    list_remove(&zone->in_desk);
    zone_info_free(zone->info);
    zone_info_free(zone->asked);
    mem_free(zone->unheard);
    mem_free(zone->unheard_set);
    mem_free(zone);
}

void txt_zone_drop(struct txt_zone *zone, const struct txt_wish *wish)
{
    for (size_t i = 0; i < zone->n_in_job; i++) {
        if (zone->in_job[i] == wish)
            zone->in_job[i] = NULL;
    }
    txt_checks_drop(zone->desk, wish);
}

/* ---- jobs ---- */

/* The provider said done for this wish. */
static void wish_carried_out(struct txt_wish *w, bool was_present)
{
    w->failure.kind = ERR_NONE;
    w->was_in_job = w->was_in_job && !was_present; /* it is there, once: nobody need look */
    if (was_present && !w->present)
        txt_wish_enter(w, WISH_REMOVING); /* its order ended meanwhile */
    else if (!was_present && w->present)
        txt_wish_replan(w); /* wanted again meanwhile */
    else if (was_present)
        txt_wish_published(w);
    else
        txt_wish_withdrawn(w);
}

static void wish_refused(struct txt_wish *w, bool was_present, const struct err *err)
{
    struct house *house = w->desk->house;
    bool passing = err->kind == ERR_AGAIN || err->kind == ERR_THROTTLED || err->kind == ERR_LOCAL;
    if (was_present && !w->present) {
        txt_wish_enter(w, WISH_REMOVING); /* it may have been applied all the same */
        return;
    }
    if (!was_present && w->present) {
        txt_wish_replan(w);
        return;
    }
    if (was_present && txt_wish_is_over_by(w, err->until_ms)) {
        txt_wish_is_too_late(w, err);
        return;
    }
    if (was_present && passing && txt_wish_may_try_again(w)) {
        int64_t at_ms = house_now(house) + txt_back_off_ms(++w->n_tries);
        w->failure = *err;
        w->state = WISH_PLANNED;
        txt_wish_touch(w);
        txt_wish_sleep(w, err->until_ms > at_ms ? err->until_ms : at_ms);
        house_say(house, w->set, "dns", "%s", err->text);
        return;
    }
    txt_wish_fail(w, err);
}

/* The request as a whole was refused; whose fault it is shows when each is asked for by itself. */
static bool wish_is_set_apart(struct txt_wish *w, size_t n_in_job, const struct err *err)
{
    if (n_in_job < 2 ||
        (err->kind != ERR_REFUSED && err->kind != ERR_BROKEN && err->kind != ERR_ABSENT))
        return false;
    w->alone = true;
    if (w->present)
        w->state = WISH_PLANNED;
    else
        txt_wish_enter(w, WISH_REMOVING);
    return true;
}

static void wish_take_ref(struct txt_wish *w, const struct dns_job_record *record)
{
    if (w == NULL || record->ref == NULL || (w->ref != NULL && strcmp(w->ref, record->ref) == 0))
        return;
    mem_set_str(&w->ref, record->ref);
    txt_wish_touch(w);
}

/* Written with the next turn: a kill in the middle of a job of hundreds costs the id of one record, not of all. */
static void zone_job_heard(void *arg, const struct dns_job_record *records, size_t n)
{
    struct txt_zone *zone = arg;
    for (size_t i = 0; i < n && i < zone->n_in_job; i++)
        wish_take_ref(zone->in_job[i], &records[i]);
}

static void zone_job_done(void *arg, const struct dns_job_record *records, size_t n,
                          const struct err *err)
{
    struct txt_zone *zone = arg;
    struct txt_wish **wishes = zone->in_job;
    zone->in_job = NULL;
    zone_end_job(zone);
    zone->desk->n_under_way--;
    for (size_t i = 0; i < n; i++) {
        struct txt_wish *w = wishes[i];
        if (w == NULL)
            continue;
        w->busy = false;
        wish_take_ref(w, &records[i]);
        if (err == NULL || records[i].done)
            wish_carried_out(w, records[i].present);
        else if (!wish_is_set_apart(w, n, err))
            wish_refused(w, records[i].present, err);
    }
    mem_free(wishes);
}

static void zone_start_job(struct txt_zone *zone)
{
    size_t n = zone->n_in_job;
    struct dns_job_record *records = NEW_N(n, struct dns_job_record);
    for (size_t i = 0; i < n; i++) {
        struct txt_wish *w = zone->in_job[i];
        records[i] = (struct dns_job_record){.present = w->present,
                                             .owner = w->owner,
                                             .value = w->value,
                                             .ttl_s = (uint32_t)zone->provider->ttl_s,
                                             .may_stand = w->was_in_job,
                                             .ref = w->ref,
                                             .challenge = w->challenge,
                                             .key_authorization = w->proof};
        w->was_in_job = true;
    }
    zone->starts_job = false;
    zone->desk->n_under_way++;
    FAILPOINT("txt.job.before");
    zone->job = host_job_start(zone->desk->host, zone->provider, zone->info, records, n,
                               zone_job_done, zone);
    host_job_watch(zone->job, zone_job_heard);
    host_job_expect(zone->job, zone->n_expected);
    zone->n_expected = 0;
    mem_free(records);
}

void txt_zone_act(struct txt_zone *zone)
{
    if (zone->starts_job)
        zone_start_job(zone);
    txt_checks_start(zone->desk, zone);
}
