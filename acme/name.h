/*
 * Identifiers: what people write made into what may be ordered (RFC 8555 7.1.4, RFC 5890, RFC 8738).
 */
#ifndef ACME_NAME_H
#define ACME_NAME_H

#include "base/buf.h"

enum { NAMES_MAX = 100 };

/* Lower case, IDN to A-labels (UTS 46 non-transitional, STD3 rules), final dot off; "*." only in front and only with two or more labels behind;
 * at most 253 bytes, labels 1 to 63, not an address, not a single label, not only a public suffix of the list's ICANN part
 * (wildcards of one are refused too; owners of private suffixes do order for them). Kind CONFIG; the text says what is wrong and shows the name. ret: fresh text. */
bool name_normalise(const char *text, char **ret_name, struct err *err);
/* The registered domain (Public Suffix List) of a normalised name, "*." ignored; fresh text; the name itself when the list knows none. */
char *name_registered_domain(const char *name);
/* Does wildcard `wild` ("*.example.com") make `name` redundant (one label below)? */
bool name_is_covered_by(const char *name, const char *wild);
/* "_acme-challenge.www.example.com" for "www.example.com" and "*.www.example.com". */
void name_challenge(const char *name, struct buf *out);

#endif
