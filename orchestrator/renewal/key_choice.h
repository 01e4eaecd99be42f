/*
 * Which key an order's certificate is for: a new one, the one of the certificate that is held, or one that lives elsewhere.
 *
 * The one place where that is decided. A key that was ever reported compromised is never chosen; a new one is made in its place.
 */
#ifndef RENEWAL_KEY_CHOICE_H
#define RENEWAL_KEY_CHOICE_H

#include "crypto/csr.h"
#include "inventory/config.h"
#include "inventory/held.h"

enum key_way {
    KEY_IS_MADE,
    KEY_IS_KEPT,
    KEY_IS_ELSEWHERE, /* its request is asked for: set->csr */
};
struct key_choice {
    enum key_way way;
    enum key_kind kind; /* MADE: of that kind */
    int64_t key_id;     /* KEPT: the stored key */
    bool is_kept_lost;  /* MADE, although a key was to be kept: that one was reported compromised */
};
/* set: NULL when its configuration cannot be read. held: what is replaced (of the same lane), or NULL. kind: what is wanted. Kind STORE. */
bool key_choose(struct house *house, const struct set_config *set, const struct certificate *held,
                enum key_kind kind, struct key_choice *ret, struct err *err);

/* May this request be sent for these names? Its names are exactly those, its key is neither an account's nor one that was reported compromised. What
 * csr_parse checks was checked. Kinds REFUSED, STORE. */
bool request_admit(struct house *house, const struct csr_facts *request, const char *const *names,
                   size_t n_names, struct err *err);

#endif
