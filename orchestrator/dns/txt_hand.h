/*
 * TXT records by hand: a person or a script wants a value at a name, without any order.
 *
 * They are wishes like others, in the table txt under the order TXT_BY_HAND: written before a provider is asked, so a command that is killed leaves a
 * row that says so. No run sweeps them while they are wanted: until they are removed by hand, or until the end that was given with
 * them. Whoever adds again what is there makes sure of it; whoever removes what is not known from here asks nobody.
 */
#ifndef DNS_TXT_HAND_H
#define DNS_TXT_HAND_H

#include "dns/txt_desk.h"

enum { TXT_BY_HAND = -2 }; /* in place of an order's id; in the statements of lib/store/sql, too */

struct txt_by_hand {
    const char *owner;         /* normalised */
    const char *const *values; /* of add: 1 to 255 printable bytes each */
    size_t n;
    int64_t until_at_ms; /* add: when it may be swept; 0: never */
    bool is_unseen;      /* add: the provider's word is enough */
};
/* With the lead held. When it fails, what may stand stays known, and what was never asked for is forgotten. Kinds as the provider and the name
 * servers tell; AGAIN also when it was stopped. */
bool txt_hand_add(struct house *house, const struct txt_by_hand *records, struct err *err);
/* values NULL: all at that name. *ret_n: how many were known from here. AGAIN: not gone yet, a later run goes on with it. */
bool txt_hand_remove(struct house *house, const struct txt_by_hand *records, size_t *ret_n,
                     struct err *err);

#endif
