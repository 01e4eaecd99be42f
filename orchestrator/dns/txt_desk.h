/*
 * The TXT desk: durable wishes for TXT records, carried out through DNS providers.
 *
 *   planned -> sent -> set -> served            wish "present"
 *   (any)   -> removing -> removed -> gone      wish "gone"
 *
 * A wish is a row before any provider is called. One job an account and zone at a time; what gathers meanwhile is the next job. `set` means
 * the provider said done; `served` that every reachable authoritative server shows the value; `gone` that an authoritative server shows
 * its absence (or, for providers that cannot be asked, that the removal was confirmed). Wishes whose order has ended are swept: the fate of
 * the order does not matter. What cannot be removed yet stays, is retried with back-off, and is counted.
 *
 * It belongs to the renewal concern: renewal calls txt_desk_collect and txt_desk_act in its own.
 */
#ifndef DNS_TXT_DESK_H
#define DNS_TXT_DESK_H

#include "dns/zone_finders.h"
#include "inventory/config.h"
#include "inventory/house.h"

struct txt_desk;
/* Loads all rows that are not gone; those without an open order become wishes "gone". */
struct txt_desk *txt_desk_new(struct house *house);
void txt_desk_free(struct txt_desk *desk);
/* What it knows of zones, for others who ask name servers in the same run. Borrowed. */
struct zone_finders *txt_desk_finders(struct txt_desk *desk);
bool txt_desk_load(struct txt_desk *desk, struct err *err);

/* Inside a transaction: a value shall be present at a challenge name for an order. proof: the key authorization whose digest it is, or NULL.
 * alias: challenge_alias of the set or NULL. Asking
 * again for the same (challenge, value) is the same wish. deadline: when to give up waiting for it to be served. */
bool txt_desk_want(struct txt_desk *desk, int64_t order_id, const char *set, const char *challenge,
                   const char *value, const char *proof, const char *alias, int64_t deadline_at_ms,
                   struct err *err);
/* Inside a transaction: every wish of the order shall be gone. */
bool txt_desk_release(struct txt_desk *desk, int64_t order_id, struct err *err);

/* A record that stands: its row in the table persist is the caller's, written before; the desk only keeps it. gone: it shall be removed, else be
 * there; all that shall be there have the fate of order group_id. CONFIG: nobody serves the zone. */
struct txt_standing { /* texts are copied */
    int64_t id;
    const char *set, *challenge, *value, *alias, *ref;
    const char *
        provider; /* that published it; NULL, or no longer configured: whoever serves the zone now */
    bool gone;
};
bool txt_desk_stand(struct txt_desk *desk, int64_t group_id, const struct txt_standing *standing,
                    int64_t deadline_at_ms, struct err *err);

enum txt_fate { TXT_PENDING, TXT_SERVED, TXT_FAILED };
/* All wishes of the order together. When FAILED *ret_why is filled: kind and who answered what. */
enum txt_fate txt_desk_fate(const struct txt_desk *desk, int64_t order_id, struct err *ret_why);
/* What hinders a wish of the order at the moment; false: nothing that is known. */
bool txt_desk_trouble(const struct txt_desk *desk, int64_t order_id, struct err *ret_why);
/* The order whose fate changed since the last call, 0 when none is left: lets the driver step only those. */
int64_t txt_desk_next_changed(struct txt_desk *desk);

bool txt_desk_collect(struct txt_desk *desk, struct err *err);
void txt_desk_act(struct txt_desk *desk);
int64_t txt_desk_next_at_ms(const struct txt_desk *desk);
bool txt_desk_is_busy(const struct txt_desk *desk);
size_t txt_desk_n_left(const struct txt_desk *desk); /* wishes "gone" that are not gone yet */

/* The finder that asks as the provider's settings say; NULL: the system's resolvers. The desk's. */
struct zone_finder *txt_desk_finder(struct txt_desk *desk, const struct provider_config *provider);

/* Tries a provider for real: publishes a random value at owner, waits until served, removes it, waits until gone.
 * Used by `chancery provider test`; runs its own small turns on the house's loop and store. */
bool txt_desk_rehearse(struct house *house, const char *owner, struct err *err);

#endif
