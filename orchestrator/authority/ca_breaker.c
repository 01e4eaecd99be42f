/* The breaker of a CA, fed by what its replies say of its health. */
#include "authority/ca_inside.h"

#include <stdio.h>

/* What the lack of a reply says: our own trouble, and addresses we may not ask, say nothing of the CA. */
static bool is_fault_of_ca(const struct err *why)
{
    return why->fault == FAULT_CA;
}

/* A body that is neither JSON nor a chain nor empty was not made by an ACME server. */
static bool is_nonsense(const struct acme_answer *answer)
{
    if (answer->problem != NULL)
        return answer->problem->kind == ERR_BROKEN;
    return answer->status < 300 && answer->tree == NULL && answer->body.len > 0 &&
           !str_starts(str_trim(answer->body), STR("-----BEGIN "));
}

void ca_note_health(struct ca *ca, int64_t sent_at_ms, const struct http_reply *reply,
                    const struct err *why, const struct acme_answer *answer)
{
    int64_t now_ms = house_now(ca->house);
    char text[64];
    if (reply == NULL) {
        if (is_fault_of_ca(why))
            breaker_fault(&ca->breaker, sent_at_ms, now_ms, 0, why->text);
    } else if (reply->status >= 500) {
        snprintf(text, sizeof text, "status %d", reply->status);
        breaker_fault(&ca->breaker, sent_at_ms, now_ms, answer != NULL ? answer->retry_at_ms : 0,
                      text);
    } else if (answer != NULL && is_nonsense(answer)) {
        breaker_broken(&ca->breaker, now_ms, "its answer is not ACME");
    } else {
        breaker_success(&ca->breaker, false);
    }
}

enum breaker_gate ca_gate(const struct ca *ca)
{
    return breaker_look(&ca->breaker, house_now(ca->house));
}

enum breaker_gate ca_gate_ask(struct ca *ca)
{
    return breaker_ask(&ca->breaker, house_now(ca->house));
}

void ca_trouble(const struct ca *ca, struct buf *out)
{
    char since[TIME_TEXT_MAX];
    time_format(ca->breaker.since_at_ms, false, since);
    buf_printf(out, "%s is left alone since %s: %s", ca->config->name, since,
               ca->breaker.why != NULL ? ca->breaker.why : "it does not answer");
}

int64_t ca_open_until_ms(const struct ca *ca)
{
    return ca_gate(ca) == BREAKER_OPEN ? ca->breaker.until_at_ms : 0;
}

bool ca_hangs(const struct ca *ca)
{
    return ca->breaker.hangs;
}

void ca_trip(struct ca *ca, const char *why)
{
    breaker_trip(&ca->breaker, house_now(ca->house), why);
}

void ca_broke_protocol(struct ca *ca, const char *why)
{
    breaker_broken(&ca->breaker, house_now(ca->house), why);
}

void ca_accepted(struct ca *ca)
{
    breaker_success(&ca->breaker, true);
}

bool ca_office_save(struct ca_office *office, struct err *err)
{
    LIST_EACH (it, &office->cas) {
        struct ca *ca = LIST_OWNER(it, struct ca, in_office);
        if (!breaker_save(office->house, ca->config->name, ca->directory_url, &ca->breaker, err))
            return false;
    }
    return true;
}
