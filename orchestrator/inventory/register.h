/*
 * The register: what is wanted, kept in step with the files.
 *
 * Each run walks the sets folder once and compares stamps (mtime, size, inode) with the rows of domain_set; only files that changed are
 * read. A broken file costs its own set: the row keeps the last good tree, gets a `fault`, and nothing is issued for it while the served
 * certificate stays. A vanished file marks the set removed: never issued again, its TXT records go, its certificates stay in the store.
 * Two sets may not hold the same exact names on one authority, nor write one path: the later one (by name) gets the fault, naming both.
 * A change of chancery.yaml makes every file be read again.
 *
 * An idle run costs one walk of the folder beside one ordered walk over an index, and no transaction.
 */
#ifndef INVENTORY_REGISTER_H
#define INVENTORY_REGISTER_H

#include "inventory/config.h"
#include "inventory/house.h"

struct register_result {
    size_t n_sets, n_changed, n_removed, n_faults;
    bool is_other_config; /* chancery.yaml was another one when the register was read last */
};
/* Writes in its own transaction, and only when something changed. With read_only stores use register_look. Kind STORE, LOCAL, CONFIG (folder
 * cannot be read). Complaints about single sets are in their rows, not in err. */
bool register_refresh(struct house *house, struct register_result *ret, struct err *err);

/* The same look without a write: how many files a refresh would read again (n_changed) or miss (n_removed). */
bool register_look(struct house *house, struct register_result *ret, struct err *err);

/* Was the register read last under the chancery.yaml of this house? Another process may have read a newer one. */
bool register_config_is_ours(struct house *house, bool *ret, struct err *err);
/* Since when the chancery.yaml that the register was read under last is in force; 0: it never was read. */
bool register_config_at(struct house *house, int64_t *ret_at_ms, struct err *err);

/* One set from the store; of a broken file its last good form, so that what is held can still be delivered. CONFIG when there never was
 * one. ABSENT when there is none of that name (the text suggests the nearest). */
bool register_set(struct house *house, const char *name, struct set_config **ret, struct err *err);
struct set_row { /* texts owned */
    char *name, *file, *fault, *why, *failure, *failure_kind, *want;
    char *hold; /* only a person can mend the failure: what is to be done; NULL: not held */
    char *
        guilty; /* names at fault, JSON: [{"name", "problem", "detail"}, ...]; NULL: none by itself */
    char *limited; /* by which limit of its CA it is put off, where why is "limit" */
    char *lane;    /* of the preferred kind of key; "": the set has just one */
    bool removed;
    int64_t next_at_ms, n_failures, failed_at_ms; /* next_at_ms INT64_MAX: none */
};
bool register_row(struct house *house, const char *name, struct set_row *ret, struct err *err);
void set_row_fini(struct set_row *row);
typedef bool set_visit(void *arg, const struct set_row *row); /* false ends the walk */
bool register_each(struct house *house, set_visit *visit, void *arg, struct err *err);
/* Only the sets that have a fault; costs nothing when there is none. */
bool register_each_fault(struct house *house, set_visit *visit, void *arg, struct err *err);

/* When the set must be looked at again, and why ("due", "retry", "new", "changed", "forced"). Inside a transaction. */
bool register_schedule(struct house *house, const char *set, int64_t at_ms, const char *why,
                       struct err *err);
/* A limit of its CA lets nothing be begun before that; text: which. Inside a transaction. */
bool register_limit(struct house *house, const char *set, int64_t at_ms, const char *text,
                    struct err *err);
/* Remembers a failure: n_failures + 1, next try by the ladder 1 min, 10 min, 100 min, then daily (with up to a tenth of jitter; one rung further when something must be set right), or at until_ms
 * of the failure when that is later. Gives the instant. Inside a transaction. */
bool register_failed(struct house *house, const char *set, const struct err *failure,
                     int64_t *ret_next_at_ms, struct err *err);
/* After register_failed: nothing is tried until the set's file, chancery.yaml or the directory of the order's CA changes. advice: what is to be
 * done, NULL: nothing is known. Once a day its directory is looked at. Gives the instant of that. Inside a transaction. */
bool register_hold(struct house *house, const char *set, int64_t order_id, const char *advice,
                   int64_t *ret_next_at_ms, struct err *err);
/* After register_failed: which names of the order were at fault, each for its own reason. Inside a transaction. */
bool register_blame(struct house *house, const char *set, const char *guilty, struct err *err);
/* The instant of try n + 1 after n failures (n >= 1), without jitter. */
int64_t retry_ladder_ms(int64_t n_failures);
/* Forgets failures. Inside a transaction. */
bool register_succeeded(struct house *house, const char *set, int64_t next_at_ms, struct err *err);

#endif
