/*
 * The pre-flight: would the CA refuse, for reasons that can be seen in DNS beforehand?
 *
 * A refused validation counts against a limit at the CA, and is tried again for nothing until a person has changed DNS. So what the CA will
 * look at is looked at first, while the order is placed and its TXT records are published - it costs no time -, and no challenge is
 * answered before the verdict is in:
 *
 *   CAA      for each name of the order: its CAA records and those of its parents, from the AUTHORITATIVE servers (for what lies above the
 *            registered domain from the resolvers), judged by acme/caa.h for this CA, this account, this way of validation
 *   DNSSEC   for each zone that holds a name: does its chain of trust hold? (io/dnssec.h) Bogus is refused; signed or unsigned is fine
 *
 *   CLEAR    nothing hinders
 *   UNKNOWN  something could not be looked at: the CA decides, `notes` tells
 *   REFUSED  the CA would refuse: err (CONFIG) tells which record of which name, and what would be needed
 *
 * What was looked up is kept by owner name for the run (five minutes at most) as long as others may need it: a thousand sets of one zone share
 * its parents. 64 questions are under way at once; a pre-flight that is not over after 10 s is UNKNOWN. Memory only: a restart looks again.
 *
 * Who orders: job_preflight.h wires it to an order. For an order that should not even be placed when the CA would refuse (the next
 * authority of the set is tried instead), set `job->preflight_first` before the job first runs: then newOrder waits for the verdict too.
 */
#ifndef RENEWAL_PREFLIGHT_H
#define RENEWAL_PREFLIGHT_H

#include "acme/caa.h"
#include "dns/zone_finders.h"

struct preflights; /* what all pre-flights of a run share */
/* Both borrowed. Costs nothing before the first pre-flight. */
struct preflights *preflights_new(struct house *house, struct zone_finders *finders);
void preflights_free(struct preflights *preflights); /* cancels all; NULL allowed */

struct preflight_wish {       /* copied */
    const char *const *names; /* normalised, "*." kept */
    size_t n_names;
    const char *const *identities; /* of the CA: preflight_identities */
    size_t n_identities;           /* 0: CAA is not judged */
    bool judges_dnssec;            /* preflight_judges_dnssec */
    const char *account_url;       /* or NULL */
    const char *method;            /* "dns-01" */
};

enum preflight_state { PREFLIGHT_RUNS, PREFLIGHT_CLEAR, PREFLIGHT_UNKNOWN, PREFLIGHT_REFUSED };
const char *preflight_state_name(enum preflight_state state);

struct preflight;
/* From inside loop_wait, once. The pre-flight stays readable until it is freed (which done may do). */
typedef void preflight_done(void *arg);
struct preflight *preflight_start(struct preflights *preflights, const struct preflight_wish *wish,
                                  preflight_done *done, void *arg);
void preflight_free(struct preflight *preflight); /* cancels; NULL allowed */

enum preflight_state preflight_state(const struct preflight *preflight);
/* Of REFUSED: the first name's fault, and how many more there are. */
const struct err *preflight_err(const struct preflight *preflight);
/* Of UNKNOWN: what could not be looked at, in one line; "" else. */
const char *preflight_notes(const struct preflight *preflight);

/* Of UNKNOWN: the name servers of a zone itself tell no CAA records, so the CA will hardly learn more. */
bool preflight_is_worrying(const struct preflight *preflight);

/* One name, for `check --online`. */
struct preflight_view {
    const char *name;           /* as ordered, "*." kept */
    struct caa_finding finding; /* its rrset and record are valid as long as the pre-flight */
    const char *zone;           /* that holds it; NULL: not found */
    const char *dnssec;         /* "secure", "insecure", "bogus", "unknown", "off" */
    const char *text;           /* what hinders, or what is not known, of both; "" */
};
struct preflight_view preflight_view(const struct preflight *preflight, size_t i);

/* The names a CA goes by in CAA records: what its directory tells, else those of well-known CAs by the directory's host. False: nobody
 * knows, so no CAA judgement is possible. Borrowed from the directory or static. directory may be NULL (not read yet). */
struct acme_directory;
bool preflight_identities(const char *directory_url, const struct acme_directory *directory,
                          const char *const **ret_identities, size_t *ret_n);
/* A trust anchor is there, and it says something about the DNS that this CA sees. */
bool preflight_judges_dnssec(const struct config *config, const struct authority_config *authority);

#endif
