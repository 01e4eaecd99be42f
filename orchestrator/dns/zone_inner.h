/*
 * The inside of the zone finder, for zone_*.c only.
 *
 *   zone_climb.c    the resolvers, SOA by SOA: the closest enclosing zone of a name
 *   zone_load.c     its name servers and their addresses -> struct zone
 *   zone_cache.c    what is known and what is being learnt, shared by all finds
 *   zone_find.c     one find: where to begin, whom to wait for, how it ends
 *   zone_hear.c     what the authoritative servers are asked, and where their answers lead
 *   zone_finder.c   the public functions
 */
#ifndef DNS_ZONE_INNER_H
#define DNS_ZONE_INNER_H

#include "dns/ask_around.h"
#include "dns/dns_name.h"
#include "dns/zone_finder.h"

/* Whom to ask and how: what climbs and loads share. */
struct zone_asker {
    struct loop *loop;
    struct dns *dns;
    struct ask_seat *resolvers;
    size_t n_resolvers;
    struct ask_seat *fixed; /* configured servers instead of those of NS records */
    size_t n_fixed;
    uint16_t port;
    int64_t timeout_ms;
    struct zone_finder_figures figures;
};
void zone_ask(struct zone_asker *asker, struct ask_around *a, const char *name, enum dns_type type,
              bool recurse, const struct ask_seat *seats, size_t n_seats, size_t first,
              ask_judge *judge, ask_around_done *done, void *arg);
/* NOERROR and NXDOMAIN are answers, everything else is not. */
bool zone_judge_plain(void *arg, const struct dns_reply *reply, struct buf *why);
/* The first record of a type in a section that belongs to owner (NULL: any); NULL when there is none. */
const struct dns_record *reply_find(const struct dns_reply *reply, enum dns_section section,
                                    int type, const char *owner);

/* A zone as it was learnt. Counted references. */
struct zone {
    unsigned n_refs;
    char *name;
    char *primary; /* or NULL */
    struct net_address *primary_addresses;
    size_t n_primary_addresses;
    struct zone_server *servers;
    size_t n_servers;
    struct ask_seat *seats; /* all addresses, IPv4 first */
    size_t n_seats, good;   /* good: the one that answered last */
    uint32_t ttl_s;
    bool is_mute;        /* no name server answers, and the resolvers' word is enough */
    size_t n_asking;     /* questions under way */
    struct list waiting; /* finds that would ask */
};
struct zone *zone_new(const char *name);
struct zone *zone_ref(struct zone *zone);
void zone_unref(struct zone *zone); /* NULL allowed */

/* The climb. */
struct zone_climb;
/* zone NULL: see err; then fails_below says whom else it concerns: every name below it ("" all, because no resolver answers), or NULL:
 * nobody. */
typedef void zone_climbed(void *arg, const char *zone, const char *primary, uint32_t ttl_s,
                          const struct err *err, const char *fails_below);
struct zone_climb *zone_climb_start(struct zone_asker *asker, const char *name, zone_climbed *done,
                                    void *arg);
void zone_climb_cancel(struct zone_climb *climb); /* NULL allowed */

/* The load. Of the ways to learn the servers the first given is taken. */
struct zone_source {
    const char *zone;
    const char *primary;              /* MNAME, or NULL: the zone's own servers will be asked */
    uint32_t ttl_s;                   /* of the SOA; 0 unknown */
    bool fixed;                       /* the configured servers */
    const struct dns_reply *referral; /* its NS records and their glue; borrowed for the call */
    struct zone *at;                  /* a server of this zone knows, the one that answered last */
                                      /* else the resolvers */
};
struct zone_load;
/* zone: the receiver's (unref). */
typedef void zone_loaded(void *arg, struct zone *zone, const struct err *err);
struct zone_load *zone_load_start(struct zone_asker *asker, const struct zone_source *source,
                                  zone_loaded *done, void *arg);
void zone_load_cancel(struct zone_load *load); /* NULL allowed */

/* The cache. */
struct zone_entry {
    struct zone_finder *finder;
    char *name;
    struct zone *zone;      /* NULL while nothing is known */
    int64_t expires_at_ms;  /* boot clock */
    struct zone_load *load; /* being learnt */
    struct list waiting;    /* finds that want it */
};
/* All names of one registered domain climb one after the other, because the first climb mostly serves the rest. */
struct zone_group {
    char *name;
    struct zone_find *leader;
    struct list waiting;
};
struct zone_finder {
    struct zone_asker asker;
    bool follow_cname, trusts_resolvers;
    struct zone
        *fixed_zone; /* the configured servers, as a zone "" whose name is not known; or NULL */
    struct name_map entries, groups;
    size_t sweep_at;
    size_t n_leading;
    struct list finds, leaders_waiting;
};
/* What is known freshly and holds name; NULL when nothing is. */
struct zone *zone_cache_above(struct zone_finder *finder, const char *name);
/* What is being learnt and will hold name. */
struct zone_entry *zone_cache_loading_above(struct zone_finder *finder, const char *name);
/* The zone when it is fresh; else NULL, and the find is told by find_zone_known or find_zone_failed later. */
struct zone *zone_cache_need(struct zone_finder *finder, const struct zone_source *source,
                             struct zone_find *find);
void zone_cache_forget(struct zone_finder *finder, const char *name);
void zone_cache_fini(struct zone_finder *finder);

/* One find. */
enum find_asking { FIND_TXT, FIND_SOA, FIND_SIBLING, FIND_PARENT };
struct zone_find {
    struct list link; /* in finder->finds */
    struct list wait; /* in the waiting list of an entry, a group, a zone or the finder */
    struct zone_finder *finder;
    char *challenge, *owner;
    char *seen[ZONE_HOPS_MAX + 1];
    unsigned n_hops;
    struct zone *zone;
    struct zone_group *leads;
    bool has_slot; /* counts in finder->n_leading */
    struct zone_climb *climb;
    struct ask_around ask;
    bool is_asking; /* counts in zone->n_asking */
    enum find_asking asking;
    bool ends_there;   /* the zone that is waited for is the answer */
    char *target;      /* of the CNAME that may be a wildcard's, or is not followed */
    bool is_wildcard;  /* that it is */
    const char *above; /* a suffix of the owner, for FIND_PARENT */
    char *note;
    struct timer *refusal;
    enum dns_type type;      /* what the owner is asked for: TXT, unless it is a question */
    zone_answered *answered; /* of a question: who gets the answer, instead of done */
    zone_found *done;
    void *arg;
};
void find_start(struct zone_find *find);
/* Where to begin for the present owner: at the configured servers, at a zone that is known or nearly so, or at the resolvers. */
void find_locate(struct zone_find *find);
void find_zone_known(struct zone_find *find, struct zone *zone);
/* below: the zone that could not be learnt, or NULL. */
void find_zone_failed(struct zone_find *find, const char *below, const struct err *err);
/* A question for the resolvers. */
void find_ask_resolvers(struct zone_find *find);
/* The zone's servers are mute: ends with what the resolvers tell, soon. */
void find_believe(struct zone_find *find);
/* Puts a question to the zone's servers, or waits in line for it. */
void find_ask(struct zone_find *find, enum find_asking asking);
/* Gives its place at the zone to the next. */
void find_asking_end(struct zone_find *find);
void find_leave_zone(struct zone_find *find);

/* The ends; none touches the find afterwards. */
void find_answer(struct zone_find *find, const struct dns_reply *reply);
void find_finish(struct zone_find *find, struct zone *zone);
void find_fail(struct zone_find *find, const struct err *why);
/* Takes it off everything, untold; waiters of its group go on. */
void find_free(struct zone_find *find);
/* Fails find, and with the same words those of a list whose base is below a name. */
void finds_fail(struct zone_find *find, struct list *others, const char *below,
                const struct err *why);

#endif
