/*
 * The ways in which control of a name is proved by DNS, as a table: where the TXT record stands, what it holds, and whether it is
 * published for each order or stands.
 *
 *   dns-01           _acme-challenge.<base>                a value for each order
 *   dns-account-01   _<label>._acme-challenge.<base>       a value for each order; the label is the account's
 *   dns-persist-01   _validation-persist.<base>            stands, see persist.h
 *
 * <base> is the name without "*.". The label is the lower-case base32 of the first ten octets of SHA-256 of the account's URL: 16
 * characters (draft-ietf-acme-dns-account-label; BR 3.2.2.4.21).
 */
#ifndef ACME_CHALLENGE_H
#define ACME_CHALLENGE_H

#include "base/buf.h"

enum challenge_kind {
#define X(kind, name, prefix, labelled, stands, sentence) CHALLENGE_##kind,
#include "acme/challenge.def"
#undef X
    CHALLENGE_KIND_N
};
/* "dns-01": in the configuration, in a CA's challenge objects and in CAA validationmethods. */
const char *challenge_name(enum challenge_kind kind);
bool challenge_find(const char *name, enum challenge_kind *ret_kind);
/* One sentence for people. */
const char *challenge_sentence(enum challenge_kind kind);
/* Its record stands: orders publish nothing. */
bool challenge_stands(enum challenge_kind kind);
/* Where the TXT record of a name ("*." ignored) belongs. account_url only matters where a label is made of it; NULL there: what the label
 * stands below, which is enough to find a provider. */
void challenge_owner(enum challenge_kind kind, const char *name, const char *account_url,
                     struct buf *out);

#endif
