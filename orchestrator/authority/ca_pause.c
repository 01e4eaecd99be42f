#include "authority/ca_inside.h"

enum { REFUSALS_MAX = 3, PAUSE_MAX_MS = 60 * 60 * 1000 };

bool ca_pause_load(struct ca *ca, struct err *err)
{
    return store_int(ca->house->store, 0, &ca->pause_until_ms, err, SQL_AUTHORITY_PAUSE, "t",
                     ca->directory_url);
}

static void pause_set(struct ca *ca, int64_t until_ms)
{
    if (ca->pause_until_ms == until_ms)
        return;
    ca->pause_until_ms = until_ms;
    ca->pause_is_dirty = true;
}

void ca_refused(struct ca *ca, int64_t until_ms)
{
    int64_t most_ms = house_now(ca->house) + PAUSE_MAX_MS;
    int64_t pause_ms = until_ms < most_ms ? until_ms : most_ms;
    if (++ca->n_refusals >= REFUSALS_MAX && pause_ms > ca->pause_until_ms)
        pause_set(ca, pause_ms);
}

void ca_accepted(struct ca *ca)
{
    breaker_success(&ca->breaker, true);
    ca->n_refusals = 0;
    pause_set(ca, 0);
}

/* A pause that is further off than any can be was written by a clock that was ahead. */
int64_t ca_pause_until_ms(const struct ca *ca)
{
    return ca->pause_until_ms <= house_now(ca->house) + PAUSE_MAX_MS ? ca->pause_until_ms : 0;
}

bool ca_office_save(struct ca_office *office, struct err *err)
{
    LIST_EACH (it, &office->cas) {
        struct ca *ca = LIST_OWNER(it, struct ca, in_office);
        if (!breaker_save(office->house, ca->config->name, ca->directory_url, &ca->breaker, err))
            return false;
        if (!ca->pause_is_dirty)
            continue;
        if (!store_run(office->house->store, NULL, err, SQL_AUTHORITY_SET_PAUSE, "ti",
                       ca->directory_url, ca->pause_until_ms))
            return false;
        ca->pause_is_dirty = false;
    }
    return true;
}
