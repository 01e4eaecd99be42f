/* The wish to revoke, and what follows when it is fulfilled. */
#include "inventory/held_inside.h"

#include "inventory/event.h"

#include <stdio.h>

static const struct {
    int number;
    const char *name;
} reasons[] = {
#define X(reason, number, name) {number, name},
    REVOKE_REASONS(X)
#undef X
};

const char *revoke_reason_name(int reason)
{
    for (size_t i = 0; i < sizeof reasons / sizeof reasons[0]; i++)
        if (reasons[i].number == reason)
            return reasons[i].name;
    return "another reason";
}

/* "key-compromise" and RFC 5280's "keyCompromise" are one. */
static bool reason_is(const char *word, const char *name)
{
    for (;; word++, name++) {
        while (*word == '-' || *word == '_')
            word++;
        while (*name == '-')
            name++;
        if (!str_eq_nocase(str_mem(word, *word != '\0'), str_mem(name, *name != '\0')))
            return false;
        if (*word == '\0')
            return true;
    }
}

bool revoke_reason_find(const char *word, int *ret_reason)
{
    int64_t number = -1;
    str_to_i64(str_of(word), &number);
    for (size_t i = 0; i < sizeof reasons / sizeof reasons[0]; i++) {
        if (reasons[i].number != number && !reason_is(word, reasons[i].name))
            continue;
        *ret_reason = reasons[i].number;
        return true;
    }
    return false;
}

bool certificate_is_ended(const struct certificate *c)
{
    return (c->revoked_at_ms != 0 && c->revoked_reason == REASON_CESSATION) ||
           (c->revoked_at_ms == 0 && c->revoke_asked_at_ms != 0 &&
            c->revoke_reason == REASON_CESSATION);
}

static bool key_condemn(struct house *house, const struct certificate *c, int reason,
                        struct err *err)
{
    return reason != REASON_KEY_COMPROMISE || held_key_compromise(house, c, err);
}

/* The set is due for a replacement - or never again, when there is none. */
static bool set_schedule(struct house *house, const struct certificate *c, int reason,
                         struct err *err)
{
    if (!c->is_current)
        return true;
    bool ends = reason == REASON_CESSATION;
    return register_schedule(house, c->set_name, ends ? INT64_MAX : house_now(house),
                             ends ? "ended" : "revoked", err);
}

static bool wish_write(struct house *house, const struct certificate *c,
                       const struct revocation_wish *wish, struct err *err)
{
    if (c->revoked_at_ms != 0)
        return true;
    return store_run(house->store, NULL, err, SQL_REVOCATION_ASK, "iiiBB", c->id, house_now(house),
                     (int64_t)wish->reason, (int)wish->by_key, (int)wish->now) &&
           key_condemn(house, c, wish->reason, err) && set_schedule(house, c, wish->reason, err) &&
           (c->revoke_asked_at_ms != 0 ||
            event_write(house, EVENT_REVOCATION_ASKED, c->set_name, 0,
                        "version %lld, serial %s, %s%s", (long long)c->version, c->serial,
                        revoke_reason_name(wish->reason),
                        wish->now ? ", at once" : ", as soon as it is served nowhere any more"));
}

static bool revoked_mark(struct house *house, const struct certificate *c, int reason,
                         struct err *err)
{
    return store_run(house->store, NULL, err, SQL_CERTIFICATE_REVOKED, "iii", c->id,
                     house_now(house), (int64_t)reason) &&
           key_condemn(house, c, reason, err) && set_schedule(house, c, reason, err);
}

static bool transaction_end(struct house *house, bool alone, bool ok, struct err *err)
{
    if (alone && ok)
        return store_commit(house->store, err);
    if (alone)
        store_rollback(house->store);
    return ok;
}

bool held_revocation_ask(struct house *house, int64_t id, const struct revocation_wish *wish,
                         struct err *err)
{
    struct certificate *c = NULL;
    bool alone = !store_in_transaction(house->store);
    if (alone && !store_begin(house->store, err))
        return false;
    bool ok = held_certificate(house, id, false, &c, err) && wish_write(house, c, wish, err);
    certificate_free(c);
    return transaction_end(house, alone, ok, err);
}

bool held_certificate_revoked(struct house *house, int64_t id, int reason, struct err *err)
{
    struct certificate *c = NULL;
    bool alone = !store_in_transaction(house->store);
    if (alone && !store_begin(house->store, err))
        return false;
    bool ok = held_certificate(house, id, false, &c, err) && revoked_mark(house, c, reason, err);
    certificate_free(c);
    return transaction_end(house, alone, ok, err);
}
