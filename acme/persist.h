/*
 * Standing records: what dns-persist-01 wants at _validation-persist.<base> (draft-ietf-acme-dns-persist; BR 3.2.2.4.22).
 *
 *   "ca.example; accounturi=https://ca.example/acct/1; policy=wildcard; persistUntil=1798761600"
 *
 * The syntax is that of RFC 8659's issue-value. Two generations exist, which no CA takes for each other:
 *
 *   PLAIN    drafts -00 and -01: the challenge lists `issuer-domain-names`, accounturi is the account's URL
 *   HASHED   draft -02: the challenge lists `issuerDomainNames`, accounturi is
 *            <meta.accountHashPrefix> "sha-256/" base64url(SHA-256(length octet || domain || thumbprint || account URL)),
 *            where domain is the base name, or "*" in a record that is not bound to one
 *
 * A CA tells in its challenge which it wants: an OFFER. Several records may stand at one name, one for each CA and account.
 *
 * A standing record gives an account at a CA the right to certificates for the name, for as long as it stands. Both the account's URL
 * and the issuer's name come from the CA, so a CA that lies could have another CA's account entered: a PLAIN record is only made for
 * an account at the host of the directory. (A HASHED one is bound to our own key.)
 */
#ifndef ACME_PERSIST_H
#define ACME_PERSIST_H

#include "acme/directory.h"

enum persist_form { PERSIST_PLAIN, PERSIST_HASHED };
enum { PERSIST_ISSUERS_MAX = 10, PERSIST_URI_MAX = 3072, PERSIST_RECORD_MAX = 4096 };

struct persist_offer { /* texts owned */
    enum persist_form form;
    char **issuers; /* the first is the one to publish, any will do */
    size_t n_issuers;
};
void persist_offer_fini(struct persist_offer *offer);
/* From a challenge object. Kinds: BROKEN (no list, more than ten, no A-labels, another account's URL), REFUSED (a HASHED one of a CA whose
 * directory has no accountHashPrefix; an account at another host). */
bool persist_offer_read(const struct json *challenge, const struct acme_directory *directory,
                        const char *account_url, struct persist_offer *ret, struct err *err);
/* From the directory alone, before any order told: meta.issuerDomainNames, else meta.caaIdentities, else what the CA at that host is known
 * as in CAA records. ABSENT when none is known. */
bool persist_offer_guess(const struct acme_directory *directory, const char *account_url,
                         struct persist_offer *ret, struct err *err);
/* "plain ca.example other.example" and back; the row of an authorization holds it. */
void persist_offer_format(const struct persist_offer *offer, struct buf *out);
bool persist_offer_parse(const char *text, struct persist_offer *ret);
bool persist_issuer_is_good(const char *issuer);

/* What stands for our account in a record. domain: the base name, or "*"; used by HASHED only, as prefix (accountHashPrefix) is. */
void persist_account_uri(enum persist_form form, const char *prefix, const char *domain,
                         const char *thumbprint, const char *account_url, struct buf *out);

struct persist_record { /* views into the text it was read from */
    struct str issuer, account_uri;
    bool is_wildcard;
    int64_t until_s; /* 0: for ever */
};
/* BROKEN: not the syntax, accounturi missing, a parameter twice, a ";" at the end, an end that is no number. Unknown parameters are fine. */
bool persist_record_parse(struct str text, struct persist_record *ret, struct err *err);
void persist_record_format(const char *issuer, const char *account_uri, bool is_wildcard,
                           int64_t until_s, struct buf *out);

struct persist_want { /* what one name needs; texts owned */
    struct persist_offer offer;
    char *account_uri, *any_domain_uri; /* the second: NULL, or the URI bound to no domain */
    bool is_wildcard;
};
void persist_want_fini(struct persist_want *want);
/* base: without "*.". The offer is taken over. */
void persist_want_init(struct persist_want *want, struct persist_offer *take_offer,
                       const struct acme_directory *directory, const char *base, bool is_wildcard,
                       const char *thumbprint, const char *account_url);
/* The record to publish. */
void persist_want_format(const struct persist_want *want, int64_t until_s, struct buf *out);

/* How a TXT value answers a want, the best last. */
enum persist_match {
    PERSIST_MALFORMED,
    PERSIST_OTHER_ISSUER,
    PERSIST_OTHER_ACCOUNT,
    PERSIST_NO_WILDCARD,
    PERSIST_PAST,
    PERSIST_FITS
};
enum persist_match persist_match(struct str text, const struct persist_want *want, int64_t now_ms);
/* "names another account" */
const char *persist_match_sentence(enum persist_match match);

/* So long before its end a record should be renewed: a fifth of its life, at least a week, at most half its life. */
int64_t persist_margin_ms(int64_t from_ms, int64_t until_ms);

#endif
