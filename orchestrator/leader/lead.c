#include "leader/lead.h"

enum {
    LEAD_MS = 30 * 1000,
    LEAD_RENEW_MS = 10 * 1000,
    LEAD_UNSURE_MS =
        20 * 1000, /* so long after a renewal nothing is done any more before the next */
    HELD_POLL_MS = 250
};

bool lead_take(struct house *house, const char *purpose, int64_t wait_ms, struct lead *ret,
               struct err *err)
{
    int64_t give_up_at_ms = clock_boot_ms(house->clock) + wait_ms;
    for (bool told = false;; told = true) {
        struct lead lead = {.house = house, .renewed_at_boot_ms = clock_boot_ms(house->clock)};
        if (lease_look(house, "leader", err) &&
            lease_take(house, "leader", purpose, LEAD_MS, true, &lead.lease, err)) {
            house->fencing = lease_fencing(lead.lease);
            house->sure_until_boot_ms = lead.renewed_at_boot_ms + LEAD_UNSURE_MS;
            *ret = lead;
            return true;
        }
        if (err->kind != ERR_HELD || clock_boot_ms(house->clock) >= give_up_at_ms ||
            loop_n_stops(house->loop) > 0)
            return false;
        if (!told)
            house_say(house, NULL, "lead", "waiting: %s", err->text);
        loop_wait(house->loop, house_now(house) + HELD_POLL_MS);
    }
}

bool lead_confirm(struct lead *lead, struct err *err)
{
    struct house *house = lead->house;
    int64_t now_ms = clock_boot_ms(house->clock);
    if (!lease_guard(house, lead->lease, err))
        return false;
    if (now_ms < lead_renew_boot_ms(lead))
        return true;
    if (!lease_renew(house, lead->lease, LEAD_MS, err))
        return false;
    house->n_lapses += lead_is_sure(lead) ? 0 : 1;
    lead->renewed_at_boot_ms = now_ms;
    house->sure_until_boot_ms = now_ms + LEAD_UNSURE_MS;
    return true;
}

bool lead_is_sure(const struct lead *lead)
{
    return house_is_sure(lead->house);
}

int64_t lead_renew_boot_ms(const struct lead *lead)
{
    return lead->renewed_at_boot_ms + LEAD_RENEW_MS;
}

void lead_drop(struct lead *lead)
{
    if (lead->lease == NULL)
        return;
    lease_drop(lead->house, lead->lease);
    lead->lease = NULL;
    lead->house->fencing = lead->house->sure_until_boot_ms = 0;
}
