/*
 * The guard at the gate: may this pair take the place of what a target serves? Pure, so that each
 * answer can be tested with values.
 */
#ifndef DISTRIBUTION_GUARD_H
#define DISTRIBUTION_GUARD_H

#include "inventory/config.h"
#include "inventory/held.h"

struct guard_case {
    const struct certificate *certificate; /* the row, to be delivered */
    const struct chain *chain;             /* its chain, as stored */
    const char *spki_hex;                  /* of the private key that would go with it */
    char *const *names;                    /* what the set is configured for now */
    size_t n_names;
    const struct cert_facts *served;       /* the leaf that is there; NULL: none that can be read */
    bool served_is_revoked;                /* then it need not be outlived */
    const struct certificate *served_held; /* the row of what is there; NULL: not known */
    int64_t now_ms;
    bool forced; /* what ends earlier may go out, too */
};
/* False: held back, kind REFUSED, and why. *ret_again_at_ms: when the judgement may be another one
 * by the mere passing of time, INT64_MAX when it will not. A configured name that the new leaf
 * lacks counts only when the served leaf has it or nothing is served: a target must not be kept on
 * an old certificate because a name was added. What ends earlier than what is served is held,
 * unless the set has meanwhile asked for another profile or another authority: then a shorter life
 * is what was wished for. */
bool guard_admits(const struct guard_case *c, int64_t *ret_again_at_ms, struct err *err);

#endif
