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
/* The list in the build is as old as libpsl's data; a newer one may be loaded (https://publicsuffix.org/list/public_suffix_list.dat). */
struct suffix_list;
/* The text of that file. BROKEN. */
bool suffix_list_load(struct str text, struct suffix_list **ret, struct err *err);
void suffix_list_free(struct suffix_list *list); /* NULL allowed */
/* When its data were made; 0: it does not say. list NULL: the list of the build. */
int64_t suffix_list_made_at_ms(const struct suffix_list *list);
/* As name_registered_domain, by that list; NULL: the list of the build. */
char *suffix_list_domain(const struct suffix_list *list, const char *name);
/* Does wildcard `wild` ("*.example.com") make `name` redundant (one label below)? */
bool name_is_covered_by(const char *name, const char *wild);
/* "_acme-challenge.www.example.com" for "www.example.com" and "*.www.example.com". */
void name_challenge(const char *name, struct buf *out);

#endif
