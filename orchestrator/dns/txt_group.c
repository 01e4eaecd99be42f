#include "dns/txt_wish.h"

/*
 * Group commit: where a job of many records costs as few requests as one of a single record, the first that is ready waits a moment for
 * those that are on their way - names whose zone is being looked for, orders that will end soon and leave their records to be removed.
 */

enum { FINDS_WAIT_MS = 1000, REMOVALS_WAIT_MS = 5000 };

struct coming {
    size_t n_adds, n_removes; /* ready now */
    size_t n_finds;           /* zones being looked for */
    size_t n_stand;           /* there, and to be removed when their orders end */
};

static struct coming zone_coming(const struct txt_zone *zone)
{
    struct coming c = {0};
    LIST_EACH (it, &zone->wishes) {
        const struct txt_wish *w = LIST_OWNER(it, struct txt_wish, in_zone);
        bool is_ready = txt_wish_is_for_job(w);
        c.n_adds += is_ready && w->present ? 1 : 0;
        c.n_removes += is_ready && !w->present ? 1 : 0;
        c.n_stand += w->present && w->asked_for && !w->stands && w->state != WISH_PLANNED ? 1 : 0;
    }
    LIST_EACH (it, &zone->desk->wishes) {
        if (c.n_adds + c.n_removes == 0)
            break;
        const struct txt_wish *w = LIST_OWNER(it, struct txt_wish, in_desk);
        bool is_sought = w->find != NULL || (w->zone == NULL && list_is_linked(&w->in_zone));
        /* What is looked for elsewhere may take its time. */
        bool is_below =
            str_ends(str_of(w->alias != NULL ? w->alias : w->challenge), str_of(zone->info->zone));
        c.n_finds += w->provider == zone->provider && is_sought && is_below ? 1 : 0;
    }
    return c;
}

bool txt_zone_waits(struct txt_zone *zone)
{
    bool gathers = (zone->provider->provider->capabilities & DNS_CAN_GATHER) != 0;
    if (!gathers || list_is_empty(&zone->wishes))
        return false;
    int64_t now_ms = house_now(zone->desk->house);
    struct coming c = zone_coming(zone);
    bool more_come = c.n_finds > 0 || (c.n_adds == 0 && c.n_stand > 0);
    if (c.n_adds + c.n_removes == 0 || !more_come) {
        zone->gather_at_ms = 0;
        return false;
    }
    if (zone->gather_at_ms == 0)
        zone->gather_at_ms = now_ms + (c.n_adds > 0 ? FINDS_WAIT_MS : REMOVALS_WAIT_MS);
    if (now_ms < zone->gather_at_ms)
        return true;
    zone->gather_at_ms = 0;
    return false;
}
