/*
 * Revocation: certificates that somebody wants revoked (held.h, struct revocation_wish), carried out inside the leader's turns.
 *
 *   the wish is a row -> a replacement is issued, delivered, seen served (the other three concerns do that as ever)
 *                     -> only then the CA is asked -> revoked is a row
 *
 * So there is no moment without a working pair, and any later run goes on where one was killed. `now` turns it round: the CA is asked in
 * the first turn, and the replacement follows as fast as it can. A CA that has it revoked already has done what was wanted. One that
 * refuses the account's word is asked again with the certificate's own key, where that is held.
 */
#ifndef LEADER_REVOCATION_H
#define LEADER_REVOCATION_H

#include "authority/ca.h"
#include "inventory/asks.h"
#include "inventory/concern.h"
#include "inventory/held.h"

struct revocation_result { /* of the sets of the run's own ask */
    size_t n_revoked, n_failed;
    size_t n_waiting;  /* wishes that wait: for a replacement, for targets that lack it */
    size_t n_in_place; /* revoked in this run, and a target still has it */
};
struct revocation;
/* asks: borrowed; ASK_RENEW brings it along. */
struct revocation *revocation_new(struct house *house, struct ca_office *office,
                                  const struct asks *asks);
void revocation_free(struct revocation *revocation);
struct concern revocation_concern(struct revocation *revocation);
/* When the next thing is done for this set: 0 now, INT64_MAX nothing waits for time. */
int64_t revocation_set_at_ms(const struct revocation *revocation, const char *set);
/* After the last turn: what was revoked and is still in place is told. Kind STORE. */
bool revocation_end(struct revocation *revocation, struct err *err);
struct revocation_result revocation_result(const struct revocation *revocation);

/* What keeps the wish of this certificate from being carried out: "" when nothing does. Kind STORE. */
bool revocation_obstacle(struct house *house, const struct certificate *certificate,
                         struct buf *out, struct err *err);

#endif
