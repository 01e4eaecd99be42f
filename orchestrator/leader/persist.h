/*
 * Standing TXT records of a set (dns-persist-01): which there should be, publishing them, removing them.
 *
 *   leader_persist          per authority and base name: who the CA is (its last challenge told, else its directory), our account there,
 *                           one record. With `publishes` the row is written, the provider is asked, and every authoritative server is
 *                           waited for; then what stood for the set and is not needed any more goes
 *   leader_persist_remove   everything that stands for the set goes, unless another set stands on the same record
 *
 * Both may be repeated at any point: a row says present or gone before anybody is asked. Values of others at the same name are not touched.
 */
#ifndef LEADER_PERSIST_H
#define LEADER_PERSIST_H

#include "inventory/config.h"
#include "inventory/house.h"

struct persist_options {
    bool publishes;
    bool wildcard;       /* policy=wildcard for all names, not only where the set has one */
    int64_t until_at_ms; /* 0: not said: as the record that stands, or without an end */
    int64_t wait_ms;     /* for another leader; only publishing takes the lead */
};
struct persist_line { /* texts owned */
    char *authority, *directory, *account_url, *form, *base, *challenge, *alias, *value;
    int64_t account_id;
    int64_t until_at_ms; /* 0: for ever */
    bool stands;         /* published by us, and seen */
    bool is_guessed;     /* the CA's name comes from its directory: no order has told yet */
};
struct persist_report {
    struct persist_line *lines;
    size_t n;
    size_t n_removed; /* that stood and were not needed any more */
};
void persist_report_fini(struct persist_report *report);
/* Kinds: CONFIG (no account yet, nobody serves the zone, the CA's name is not known before an order), REFUSED (a CA whose records cannot be
 * trusted), HELD, STORE, AGAIN (servers do not show it in time, stopped); with AGAIN repeating is right. */
bool leader_persist(struct house *house, const struct set_config *set,
                    const struct persist_options *options, struct persist_report *ret,
                    struct err *err);
/* ABSENT when nothing of the set stands. AGAIN: something is still there; the rows stay. */
bool leader_persist_remove(struct house *house, const char *set, int64_t wait_ms,
                           size_t *ret_n_removed, struct err *err);

#endif
