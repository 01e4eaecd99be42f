/*
 * Which names of an order are at fault, each for its own reason (RFC 8555 6.7.1): what the CA said in subproblems, or of single
 * authorizations. A JSON text, as it stands in domain_set.guilty and in `--json`:
 *
 *     [{"name": "bad.example.com", "problem": "rejectedIdentifier", "detail": "on a list"}, ...]
 */
#ifndef RENEWAL_GUILT_H
#define RENEWAL_GUILT_H

#include "acme/order.h"
#include "inventory/house.h"

/* Owned; NULL: it names nobody. */
char *guilt_of_problem(const struct acme_problem *problem);
/* Of an order that is invalid: the authorizations that failed. Owned; NULL: none. */
char *guilt_of_order(const struct order *order);
/* "1 of 3 names is at fault (bad.example.com: on a list): the others can be ordered without it". Adds nothing when all are, or none. */
void guilt_sentence(const char *guilty, const struct order *order, struct buf *out);
/* One event a name, where the order has several. */
void guilt_tell(struct house *house, const char *guilty, const struct order *order);

#endif
