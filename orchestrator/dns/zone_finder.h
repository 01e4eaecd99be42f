/*
 * The zone finder: which zone holds a challenge name, who serves it, and where the TXT record
 * really belongs.
 *
 * Found by asking, not by configuration, and in this order:
 *
 *   1. the resolvers for the SOA of the BASE name ("www.example.com" for
 * "_acme-challenge.www.example.com"), climbing until the closest enclosing zone is known. A
 * resolver is never asked about the challenge name itself: it would remember that the name does not
 * exist, and a CA that uses the same resolver would then not see the record that is made next.
 *   2. the resolvers for the zone's NS names and their A and AAAA addresses;
 *   3. ONE authoritative server, without recursion, for TXT at the challenge name. A referral or
 * the SOA of a negative answer shows a deeper zone cut (go there); a CNAME on the exact name shows
 * a delegation (go on with its target), unless a random sibling name has the same target: then a
 * wildcard made it up, and a TXT record may stand at the name itself.
 *
 * What was learnt about a zone is kept for its TTL (10 s to 5 min), and finds that run at once
 * share it, also while it is being learnt: 1,000 names of one zone cost a handful of questions and
 * one TXT question each.
 *
 * Ownership: everything handed to `done` is borrowed for that call; zone_info_copy makes it yours.
 */
#ifndef DNS_ZONE_FINDER_H
#define DNS_ZONE_FINDER_H

#include "io/dns.h"

enum { ZONE_HOPS_MAX = 8, ZONE_SERVERS_MAX = 16, ZONE_SERVER_ADDRESSES_MAX = 8 };

struct zone_server {
    char *name; /* "ns1.example.com"; of a configured server its address */
    struct net_address
        *addresses; /* with the authoritative port; may be none: the name has no address */
    size_t n_addresses;
};
struct zone_info {
    char *zone;      /* "example.com" */
    char *challenge; /* as asked for */
    char *owner; /* where the TXT record belongs: the challenge name, or what it is delegated to */
    unsigned n_hops; /* CNAMEs followed on the way from the challenge (or the alias) to the owner */
    char **hops;     /* the n_hops names that were CNAMEs, the challenge (or the alias) first */
    char *unfollowed; /* where a CNAME at the owner leads that was not followed, or NULL */
    bool is_wildcard; /* that one: a wildcard made it up; else the options say not to follow */
    char *primary;    /* MNAME of the SOA, or NULL when nobody told */
    struct net_address
        *primary_addresses; /* with the authoritative port; may be none (hidden primary) */
    size_t n_primary_addresses;
    struct zone_server *servers;
    size_t n_servers;
    char *note; /* what a person may want to know ("the CNAME is a wildcard's: not followed"), or
                   NULL */
};
struct zone_info *zone_info_copy(const struct zone_info *info);
void zone_info_free(struct zone_info *info);

struct zone_finder_options {
    const struct net_address *resolvers; /* tried in this order; none: those of the system */
    size_t n_resolvers;
    /* Ask these instead of the servers that NS records name (split horizon, closed port 53). They
     * must serve whatever a CNAME leads to as well. */
    const struct net_address *authoritative;
    size_t n_authoritative;
    uint16_t authoritative_port; /* 0: 53 */
    bool follow_cname;
    /* When no name server of a zone answers at all, what the resolvers tell of it is enough; CNAMEs are not seen then. */
    bool trusts_resolvers;
    int64_t timeout_ms; /* of one question; 0: 5 s */
};
struct zone_finder;
/* Options are copied; loop and dns are borrowed. */
struct zone_finder *zone_finder_new(struct loop *loop, struct dns *dns,
                                    const struct zone_finder_options *options);
/* Cancels what is under way. */
void zone_finder_free(struct zone_finder *finder);

struct zone_find;
/* Exactly one of info and err is given. Kinds of err: AGAIN (servers silent or failing; the text
 * says who answered what), ABSENT (no such zone), REFUSED (CNAME loop, more than 8 hops, no DNS
 * name), BROKEN (a zone without name servers). */
typedef void zone_found(void *arg, const struct zone_info *info, const struct err *err);
/* challenge: "_acme-challenge.www.example.com". alias: the explicit challenge_alias, taken as the
 * owner without looking at the challenge name; or NULL. The handle is valid until done is called.
 */
struct zone_find *zone_finder_find(struct zone_finder *finder, const char *challenge,
                                   const char *alias, zone_found *done, void *arg);
void zone_finder_cancel(struct zone_find *find); /* NULL allowed */

/* Asks the servers of the zone that holds `name` - no CNAME is followed to find it - for one type, and gives what the first of them that
 * tells something said: with authority, NOERROR or NXDOMAIN; a CNAME at the name is in it. zone: whose servers were asked; "" when they
 * are configured. Kinds of err as above. */
typedef void zone_answered(void *arg, const struct dns_reply *reply, const char *zone,
                           const struct err *err);
struct zone_find *zone_finder_ask(struct zone_finder *finder, const char *name, enum dns_type type,
                                  zone_answered *done, void *arg);
/* The same from the resolvers, for names above all zones of ours. */
struct zone_find *zone_finder_ask_resolvers(struct zone_finder *finder, const char *name,
                                            enum dns_type type, zone_answered *done, void *arg);

/* Forgets what is known of a zone, for when a server said it does not hold it (any more). */
void zone_finder_forget(struct zone_finder *finder, const char *zone);

struct zone_finder_figures {
    int64_t n_finds, n_climbs, n_loads, n_questions;
};
struct zone_finder_figures zone_finder_figures(const struct zone_finder *finder);

#endif
