/*
 * CAA: may this CA issue for this name? (RFC 8659, RFC 8657)
 *
 * Pure: records in, verdict out. Who looks records up hands them over as a CLIMB: one set of records for each name asked, the
 * name itself first, then its parents up to the top-level domain. A CA does the same and goes by the first set that is not empty:
 *
 *     climb of *.www.example.com:   www.example.com   nothing
 *                                   example.com       0 issue "ca.example; validationmethods=dns-01"     <- this one counts
 *                                   com               nothing
 *
 * A set that could not be looked up makes the verdict UNKNOWN, unless a set below it is not empty. Where a name is a CNAME, its set is
 * what stands at the end of it; the parents of that end are not asked (RFC 8659 3).
 *
 * How a set is read, for an ordinary name by its `issue` records, for a wildcard by its `issuewild` records if it has any, else by `issue`
 * too (4.3): no such record permits everybody; else one of them must name the CA. What an issue value holds behind the name narrows it:
 * `accounturi` to one account, `validationmethods` to some challenge types (RFC 8657). A value that breaks the grammar, names such a
 * parameter twice, or cannot hold what it says, permits nobody. A critical record (4.1) with an unknown tag forbids all.
 */
#ifndef ACME_CAA_H
#define ACME_CAA_H

#include "base/buf.h"

enum { CAA_PARAMETERS_MAX = 16 };

struct caa_record { /* as in the message; bytes borrowed */
    unsigned flags;
    struct str tag, value;
};
struct caa_parameter {
    struct str tag, value;
};
struct caa_issue {     /* an issue value, read; points into it */
    struct str issuer; /* empty: nobody */
    struct caa_parameter parameters[CAA_PARAMETERS_MAX];
    size_t n_parameters;
};
/* By the grammar of RFC 8659 4.2. False: malformed (or more parameters than fit), which permits nobody. */
bool caa_issue_read(struct str value, struct caa_issue *ret);
/* The flag a CA must not pass over: bit 0 (128). Let's Encrypt takes 1 for it too, a common slip of those who count from the other end. */
bool caa_is_critical(const struct caa_record *record);

struct caa_rrset {
    const char *owner; /* the name that was asked */
    const char *at;    /* where its CNAMEs led to, or NULL */
    const struct caa_record *records;
    size_t n;
    bool is_unknown; /* nobody could tell */
};
struct caa_who {                   /* who would issue, for whom, and how it would look */
    const char *const *identities; /* the names under which the CA knows itself in CAA records */
    size_t n_identities;           /* at least 1 */
    const char *account_url;       /* NULL: not known yet */
    const char *method;            /* "dns-01" */
    bool wildcard;
};
enum caa_verdict { CAA_PERMITTED, CAA_FORBIDDEN, CAA_UNKNOWN };
const char *caa_verdict_name(enum caa_verdict verdict); /* "permitted" */
struct caa_finding {
    enum caa_verdict verdict;
    const struct caa_rrset
        *rrset; /* which decided, or could not be had; NULL: no set has records */
    const struct caa_record *record; /* of it: the one that permits, or comes closest; or NULL */
};
/* why (may be NULL) gets one line for a person, nothing when permitted: which record of which name, what it says, what would be needed. */
struct caa_finding caa_judge(const struct caa_rrset *climb, size_t n, const struct caa_who *who,
                             struct buf *why);

/* "128 issue \"ca.example\"", as in a zone file; what is no plain text is escaped, at most 400 bytes. */
void caa_record_format(const struct caa_record *record, struct buf *out);
/* The value that permits this CA, this account (when known) and this method, and nobody else:
 * "ca.example; accounturi=https://ca.example/acct/1; validationmethods=dns-01". */
void caa_recommend(const struct caa_who *who, struct buf *out);

/* The names that well-known CAs take for their own, by the host of their directory, for CAs whose directory does not tell. NULL-terminated;
 * NULL when the host is none of them. Source: the CAs' own documents, read 2026-11. */
const char *const *caa_identities_of_host(struct str host);
/* The host of an URL: "acme.example:14000" gives "acme.example"; empty when there is none. */
struct str caa_host_of_url(const char *url);

#endif
