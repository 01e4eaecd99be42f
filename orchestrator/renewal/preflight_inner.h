/*
 * The inside of the pre-flight, for preflight*.c only.
 *
 *   preflight_look.c   one thing looked at, once for all who need it: the CAA records of an owner name, or the chain of a zone
 *   preflight.c        one pre-flight: what its names need, when that is in, what it comes to
 */
#ifndef RENEWAL_PREFLIGHT_INNER_H
#define RENEWAL_PREFLIGHT_INNER_H

#include "dns/dns_name.h"
#include "inventory/config.h"
#include "io/dnssec.h"
#include "renewal/preflight.h"

enum { CAA_HOPS_MAX = 8 };
enum look_kind { LOOK_CAA, LOOK_CHAIN };

struct look {
    struct preflights *all;
    enum look_kind kind;
    char *owner; /* CAA: the name; CHAIN: the zone */
    const struct provider_config
        *provider;     /* CAA: by whose settings name servers are asked; or NULL */
    bool by_resolvers; /* CAA: above the registered domain */
    bool is_shared;    /* a parent, or a zone: kept for others when nobody needs it now */
    bool is_done;
    size_t n_users;        /* seats that refer to it */
    int64_t expires_at_ms; /* boot clock */
    struct list waiting;   /* seats */
    struct list in_queue;
    struct zone_find *find;
    struct dnssec_call *call;
    struct timer *deadline;
    /* CAA: what was found. The records' bytes lie in `bytes`. */
    char *at, *zone; /* where CNAMEs led to; who holds the owner; both may be NULL */
    unsigned n_hops;
    struct caa_record *records;
    size_t n_records;
    char *bytes;
    bool is_unknown;
    /* CHAIN */
    enum dnssec_verdict verdict;
    char *why; /* of an unknown or bogus one */
};

/* One use of a look by a pre-flight. */
struct seat {
    struct list waits; /* in look->waiting until it is done */
    struct look *look; /* NULL: none */
    struct preflight *flight;
};

struct preflights {
    struct house *house;
    struct zone_finders *finders;
    struct name_map caa, chains; /* owner -> look */
    struct list queue;           /* looks that wait for their turn */
    size_t n_asking;
    size_t sweep_at;
    struct list flights;
    struct dnssec *dnssec; /* made with the first question */
    char *dnssec_fault;    /* why there is none; NULL */
    int64_t mute_until_ms; /* boot clock: it was silent a moment ago, nothing is asked before */
};

/* Takes a seat at the look of that owner, which is started if it is not known freshly. base: the name in question, which is the owner or
 * below it; by_resolvers: the owner lies above its registered domain. */
void seat_take_caa(struct seat *seat, struct preflights *all, const char *owner, const char *base,
                   bool by_resolvers);
void seat_take_chain(struct seat *seat, struct preflights *all, const char *zone);
void seat_leave(struct seat *seat);
bool seat_is_settled(const struct seat *seat);
/* preflight.c: its look is done. */
void seat_settled(struct seat *seat);
void looks_free(struct preflights *all);

#endif
