/*
 * Every length of time is a part of a life. What suits a certificate of 90 days - a next try tomorrow, patience for a day, a look every
 * six hours - is the end of one that lives ten minutes. Here is what bounds them all; with long lives it changes nothing.
 *
 *     the next try after a failure   a quarter of the life that is left, or a fortieth of the whole, whichever is longer
 *     patience of a step             a third of the life that was left when its order began, or a tenth of the whole
 *     looks from outside             a twentieth of the life
 *
 * None is bounded below a minute.
 */
#ifndef INVENTORY_LIFETIME_H
#define INVENTORY_LIFETIME_H

#include "inventory/house.h"

struct lifetime {
    int64_t life_ms, left_ms; /* life 0: no certificate; left 0: expired */
};
struct lifetime lifetime_of(int64_t not_before_at_ms, int64_t not_after_at_ms, int64_t now_ms);
/* Of the set's current certificate that ends first. Kind STORE. */
bool lifetime_of_set(struct house *house, const char *set, struct lifetime *ret, struct err *err);

/* wait_ms, but not too long for this life. */
int64_t lifetime_retry_ms(const struct lifetime *life, int64_t wait_ms);
int64_t lifetime_look_ms(const struct lifetime *life, int64_t every_ms);
/* The most patience a step may have; INT64_MAX: there is nothing that could expire. */
int64_t lifetime_patience_ms(const struct lifetime *life);

#endif
