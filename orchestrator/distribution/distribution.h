/*
 * Distribution: put each version on every target, activate, roll back.
 *
 *   waiting -> written -> checked -> switched -> activated -> done        (failed: back to waiting, later, by the ladder)
 *
 * Stages are rows; each is idempotent. For target `files`: write the version's folder (complete, synced, owner and modes from the first byte),
 * run `check`, switch the one link, `activate`; when check or activate fails after the switch, switch back, activate again and say so. A
 * pair goes out only when it matches its key, covers the set's names, is valid now and ends later than what is there (unless forced).
 */
#ifndef DISTRIBUTION_DISTRIBUTION_H
#define DISTRIBUTION_DISTRIBUTION_H

#include "inventory/concern.h"
#include "inventory/config.h"
#include "inventory/held.h"

struct distribution_options {
    const char *const *only;   /* sets, NULL: all due */
    bool forced;               /* deliver again even when done, and do not wait for a retry time */
};
struct distribution_result {
    size_t n_done, n_failed, n_behind; /* behind: targets that do not have the newest certificate after this run */
};
struct distribution;
struct distribution *distribution_new(struct house *house, const struct distribution_options *options);
void distribution_free(struct distribution *distribution);
struct concern distribution_concern(struct distribution *distribution);
bool distribution_result(struct distribution *distribution, struct distribution_result *ret, struct err *err);

/* Keeps deployment rows in step with a set's configuration (called by whoever stored a changed set; inside a transaction). */
struct deployment_view { /* for status; texts owned */
    char *target, *stage, *failure;
    int64_t wanted_id, done_id, next_at_ms, n_tries, done_at_ms;
};

/* The files of one certificate version, as a files target or `chancery export` writes them. formats: enum file_format. items' bytes
 * live in holder. Kind STORE, CONFIG. */
struct bundle;
bool bundle_new(struct house *house, const struct certificate *certificate, unsigned formats, const struct secret *pkcs12_password,
                bool pkcs12_legacy, struct bundle **ret, struct err *err);
void bundle_free(struct bundle *bundle);
size_t bundle_n(const struct bundle *bundle);
const char *bundle_name(const struct bundle *bundle, size_t i);
struct str bundle_bytes(const struct bundle *bundle, size_t i);
/* "<version>-<first 8 hex of sha256>". */
void bundle_version(const struct certificate *certificate, struct buf *out);

#endif
