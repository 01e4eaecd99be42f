/*
 * DNSSEC: does the chain of trust down to a name hold, as a validating resolver sees it?
 *
 * The door to libunbound: a validating resolver inside the process, with a thread of its own, its answers coming back over the loop. It
 * asks the name servers of the world from the root on, or through given resolvers; signatures it checks itself in any case (RFC 4035). It
 * is made small (caches of 256 KiB) and should be made only when there is something to ask.
 *
 *   SECURE    signed, and the chain from the trust anchor holds - also for a proven "there is no such thing"
 *   INSECURE  the chain ends in a proven "not signed from here on", or no trust anchor stands above
 *   BOGUS     signed, and the chain does not hold: every validating resolver answers SERVFAIL
 *   UNKNOWN   cannot be judged from here: nobody answers, or the zone of the trust anchor itself does not validate - then the anchor is out
 *             of date, or somebody on the way strips signatures, and nothing below it says anything about the name
 */
#ifndef IO_DNSSEC_H
#define IO_DNSSEC_H

#include "io/loop.h"

enum dnssec_verdict { DNSSEC_UNKNOWN, DNSSEC_INSECURE, DNSSEC_SECURE, DNSSEC_BOGUS };
const char *dnssec_verdict_name(enum dnssec_verdict verdict); /* "secure" */

struct dnssec_stub { /* a zone and who serves it, whatever delegations say */
    const char *zone;
    struct net_address server;
};
struct dnssec_options {
    const char *trust_anchor; /* file with DS or DNSKEY records in the form of zone files */
    const struct net_address
        *resolvers; /* asked instead of the world's name servers; with DNSSEC records */
    size_t n_resolvers;
    const struct dnssec_stub *stubs;
    size_t n_stubs;
    int64_t timeout_ms; /* of one question; 0: 5 s */
};

struct dnssec;
/* CONFIG when the trust anchor cannot be read or holds none, LOCAL when the resolver cannot be made. Options are copied. */
bool dnssec_new(struct loop *loop, const struct dnssec_options *options, struct dnssec **ret,
                struct err *err);
/* Cancels what is under way, ends the thread. NULL allowed. */
void dnssec_free(struct dnssec *dnssec);

struct dnssec_call;
/* why: of BOGUS what is wrong, of UNKNOWN what hinders, one line; else "". Borrowed for the call. */
typedef void dnssec_done(void *arg, enum dnssec_verdict verdict, const char *why);
/* Asks for the SOA of name (a zone, or any name: its absence is judged as well). */
struct dnssec_call *dnssec_ask(struct dnssec *dnssec, const char *name, dnssec_done *done,
                               void *arg);
void dnssec_cancel(struct dnssec_call *call); /* NULL allowed; not after done */

#endif
