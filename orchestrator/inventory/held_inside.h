/*
 * The inside of held.h, for the files of this folder only.
 */
#ifndef INVENTORY_HELD_INSIDE_H
#define INVENTORY_HELD_INSIDE_H

#include "inventory/held.h"
#include "inventory/register.h"

/* The columns CERTIFICATE_COLUMNS of a walk, which start at `at`. A damaged row gives what can be read of it. */
struct certificate *certificate_read(const struct rows *rows, int at);
/* NULL without an error when there is none. */
bool certificate_current(struct house *house, const char *set, struct certificate **ret,
                         struct err *err);

/* ---- lanes at a birth ---- */

/* The lane that a certificate belongs to by the set's present configuration; false: to none, nobody wants it as current any more.
 * *ret_set NULL: an ordinary set, and nothing changed. */
bool birth_lane(struct house *house, const struct certificate_birth *birth,
                struct set_config **ret_set, const char **ret_lane);
struct lanes_standing { /* after one lane got its certificate */
    int64_t due_at_ms;  /* the earliest of all lanes */
    bool is_due;        /* a lane needs a certificate now */
    bool waits;         /* another does, and it was not tried yet */
    bool has_failed; /* another does, and its last order failed: the set waits for its next try */
};
bool lanes_stand(struct house *house, const struct set_config *set, const char *born,
                 struct lanes_standing *ret, struct err *err);
/* Deliveries and schedule. */
bool lane_born(struct house *house, const struct set_config *set, const char *lane, int64_t id,
               struct err *err);
/* Delivery makes endpoints due when it is done; where nothing is delivered nobody else would. */
bool others_wake(struct house *house, const char *set, int64_t id, int64_t at_ms, struct err *err);

/* Inside a transaction: the key of a certificate was reported compromised. It is marked, and every set whose current certificate is for the same
 * key is due. */
bool held_key_compromise(struct house *house, const struct certificate *certificate,
                         struct err *err);

#endif
