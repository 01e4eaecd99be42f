/*
 * Propagation: do all authoritative servers of a zone show the TXT values as wished?
 *
 * One check is one round: EVERY address of every server is asked once for each owner name (not each
 * value), without recursion, over TCP when the answer was cut. Nobody caches between us and them,
 * so the answer is what a CA's resolver would get from that server now. The caller decides about
 * further rounds, patience and settling.
 *
 * An address counts as reachable when it answers with authority. The others are named in the text
 * and do not hold up the check: an address that is silent while another of the same server answers
 * (skipped), an address this host has no way to (skipped), a server that is silent altogether
 * (silent), one that answers without authority, REFUSED, SERVFAIL ... (lame).
 *
 * Who does not answer may be down for good, but the CA may also be the one to reach just him. So a floor (propagation_floor) says how many
 * name servers must answer, of those this host has a way to; below it nothing counts as served.
 *
 * In mode RESOLVERS the servers of the "zone" are resolvers: they are asked with recursion and need no authority.
 */
#ifndef DNS_PROPAGATION_H
#define DNS_PROPAGATION_H

#include "dns/zone_finder.h"
#include "inventory/config.h"

struct propagation_want {
    const char *owner, *value;
    bool present; /* false: this value shall be gone */
};
struct propagation_view { /* of one want, in the order of the wants */
    size_t n_as_wished;   /* reachable addresses that show what is wished */
    size_t n_reachable;
    size_t n_silent, n_lame, n_skipped; /* the other addresses */
    size_t n_servers,
        n_answering; /* name servers with a way to them; those that answer with authority */
    bool is_served;  /* as many as the floor wants answer, and all of these as wished */
    /* "ns1.example.com (192.0.2.1) shows it, ns2.example.com (2001:db8::1) answers NXDOMAIN,
     * ns3.example.com (192.0.2.3) is silent" */
    const char *text;
};
struct propagation_report {
    const struct propagation_view *views;
    size_t n;
    bool all_served;
    size_t n_questions;
};
/* Does this TXT value fulfil want i? Several values at a name are told one after the other. */
typedef bool propagation_fits(void *arg, size_t want, struct str value);
struct propagation_options {
    int64_t timeout_ms; /* of one question; 0: 3 s */
    size_t parallel;    /* questions under way at once; 0: 64 */
    bool recurse;       /* those asked are resolvers */
    /* For the floor; NULL: one that answers is enough. Borrowed for the call. */
    const struct propagation_config *rules;
    propagation_fits *fits; /* NULL: a value fits when it is that of the want */
    void *fits_arg;
};

struct propagation_check;
/* The report is borrowed for the call. */
typedef void propagation_done(void *arg, const struct propagation_report *report);
/* Everything is copied; zone->servers says whom to ask. n may be 0. options may be NULL. */
struct propagation_check *propagation_start(struct loop *loop, struct dns *dns,
                                            const struct zone_info *zone,
                                            const struct propagation_want *wants, size_t n,
                                            const struct propagation_options *options,
                                            propagation_done *done, void *arg);
void propagation_cancel(struct propagation_check *check); /* NULL allowed */

#endif
