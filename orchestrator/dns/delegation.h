/*
 * Where the TXT record of a challenge goes, looked at before anybody orders: what `chancery check --online` shows.
 *
 * A CA asks for TXT at the challenge name and follows CNAMEs. Chancery publishes there, or where an exact CNAME leads, or at the
 * `challenge_alias` of the set. The two must meet:
 *
 *   DIRECT       no CNAME, none is expected                        the zone and its provider are told
 *   FOLLOWED     a CNAME leads to a zone one of our providers has   likewise; with an alias: to the alias
 *   MISSING      there is an alias, but no CNAME leads anywhere    the record to create is told
 *   ELSEWHERE    a CNAME leads away from the alias                 likewise
 *   UNSERVED     a CNAME leads to a zone no provider of ours has
 *   UNKNOWN      a loop, no such zone, a broken zone (kind says), or nobody answers (AGAIN)
 *
 * A CNAME that a wildcard makes up is not followed: a TXT record may stand at the name itself and hides it. With an alias it does as well as an exact one,
 * as long as nothing stands at the name.
 */
#ifndef DNS_DELEGATION_H
#define DNS_DELEGATION_H

#include "dns/zone_finders.h"

enum delegation_state {
    DELEGATION_DIRECT,
    DELEGATION_FOLLOWED,
    DELEGATION_MISSING,
    DELEGATION_ELSEWHERE,
    DELEGATION_UNSERVED,
    DELEGATION_UNKNOWN,
};
const char *delegation_state_name(enum delegation_state state); /* "direct" */
/* Orders would work, as far as this goes. */
bool delegation_is_good(enum delegation_state state);

struct delegation_view {
    enum delegation_state state;
    const char *challenge, *alias;          /* alias: of the set, or NULL */
    const char *owner, *zone;               /* where the record is published; NULL: not known */
    const struct provider_config *provider; /* that publishes it; NULL: none */
    const char *const *hops;                /* the names on the way that are CNAMEs */
    size_t n_hops;
    const char *text;   /* what is wrong, or may be of interest; "" */
    const char *record; /* to create, as a line of a zone file; NULL: none */
    struct err err;     /* of UNKNOWN */
};
/* Everything is borrowed for the call. */
typedef void delegation_told(void *arg, const struct delegation_view *view);

struct delegation_name {
    const char *challenge; /* "_acme-challenge.www.example.com" */
    const char *alias;     /* or NULL */
};
/* Runs the loop until all names were looked at, then tells of each in order. False when a signal came between. */
bool delegation_survey(struct house *house, struct zone_finders *finders,
                       const struct delegation_name *names, size_t n, delegation_told *told,
                       void *arg);

#endif
