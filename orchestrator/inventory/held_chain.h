/*
 * Issuer chains: every chain that a CA offered for a certificate is kept, and one of them is chosen.
 *
 * The choice is a column of the certificate (chain_id), beside the setting it was made by (chain_wish). It is made when the certificate is born and made
 * again, from what is stored and without a new order, when the set's `chain` setting has changed. What is delivered is the leaf and the chosen
 * chain; so the fingerprint of what is in place on a target holds the chain, too, and another choice makes the set's deployments due.
 * A wish that no stored chain fulfils falls back to the CA's default chain: an event tells it, once a certificate and wish.
 */
#ifndef INVENTORY_HELD_CHAIN_H
#define INVENTORY_HELD_CHAIN_H

#include "inventory/config.h"
#include "inventory/held.h"

struct issuer_chain { /* a row; texts owned */
    int64_t id;
    char *sha256; /* of pem */
    char *root;   /* the root it ends at or below */
    int64_t n;    /* certificates in it */
    bool is_default, is_chosen;
    struct buf pem; /* without the leaf */
};
void issuer_chains_free(struct issuer_chain *list, size_t n);
/* Those that were offered for a certificate, the CA's default first. None when its leaf stands alone. Kind STORE. */
bool held_chains(struct house *house, int64_t certificate_id, struct issuer_chain **ret_list,
                 size_t *ret_n, struct err *err);
/* Which of them fulfils the wish (as in set_config.chain) best; n when none does. NULL wishes for the default. */
size_t issuer_chain_find(const struct issuer_chain *list, size_t n, const char *wish);
/* "Root A, Root B": what there is to choose from. */
void issuer_chains_words(const struct issuer_chain *list, size_t n, struct buf *out);

/* Inside a transaction, at birth: stores the chains of the certificate (chains[0]: the CA's default; doubles are left out) and chooses one. */
bool held_chains_born(struct house *house, int64_t certificate_id, const char *set,
                      const struct chain *const *chains, size_t n, const char *wish,
                      struct err *err);
/* Inside a transaction: chooses again when the wish is another than the one the certificate's chain was chosen by; *certificate follows. */
bool held_chain_follow(struct house *house, struct certificate *certificate, const char *wish,
                       struct err *err);

/* Fingerprint of what a target shall hold: its settings and the chosen chain. The caller frees. */
char *delivery_print(const struct deploy_config *how, const struct certificate *certificate);
/* Are these settings in place, whatever the chain? in_place: as delivery_print. */
bool delivery_print_has(const char *in_place, const struct deploy_config *how);

#endif
