/*
 * Distribution: put each version on every target, activate, roll back.
 *
 *   waiting -> written -> switched -> checked -> activated -> done
 *                             \___________\__> rollback -> waiting, later, by the ladder
 *
 * Stages are rows; each is idempotent. For target `files`: write the version's folder (complete,
 * synced, owner and modes from the first byte), switch the one link, run `check`, run `activate`.
 * The switch comes before the check because servers check the files that they are configured to
 * read (`nginx -t` follows the link); running servers keep what they hold until they are activated.
 * When check or activate fails the link goes back to the very generation that was served before,
 * and what had been activated is activated again.
 *
 * A pair goes out only when it matches its key, is valid now, chains, takes no name away and ends
 * no earlier than what is there (unless forced); else it is `held`. One failing target delays no
 * other: each has its own row, its own tries and its own ladder.
 *
 * Both programs get, beside PATH and LANG: CHANCERY_SET, CHANCERY_SETS, CHANCERY_VERSION (its
 * number), CHANCERY_DIR (the version's folder), CHANCERY_CURRENT (the link), CHANCERY_SERIAL,
 * CHANCERY_NAMES (by blanks), CHANCERY_NOT_AFTER (RFC 3339), CHANCERY_TRY (1, 2 ...: programs run
 * at least once). Exit code 75 means: not now, try later. Deliveries with the same activation share
 * one run of it, which is told only CHANCERY_SETS (by blanks) and CHANCERY_TRY - but a program
 * whose words or whose script speak of other CHANCERY_ variables and not of CHANCERY_SETS is run
 * for each by itself, and so is a shared one that failed. The file <dir>/deploy.stamp is replaced
 * after each success.
 */
#ifndef DISTRIBUTION_DISTRIBUTION_H
#define DISTRIBUTION_DISTRIBUTION_H

#include "inventory/asks.h"
#include "inventory/concern.h"
#include "inventory/config.h"
#include "inventory/held.h"

struct distribution_options {
    /* Borrowed. Sets that are named do not wait for a retry time; forced: delivered again even when done, and what ends earlier than what is there. */
    const struct asks *asks;
};
struct distribution_result { /* of the sets of the run's own ask */
    size_t n_done, n_failed; /* in this run */
    size_t n_behind;         /* targets without the newest certificate after this run */
};
struct distribution;
struct distribution *distribution_new(struct house *house,
                                      const struct distribution_options *options);
/* Programs under way are killed; the rows say where to go on. */
void distribution_free(struct distribution *distribution);
struct concern distribution_concern(struct distribution *distribution);
/* When the next thing is done for this set: 0 now, INT64_MAX nothing waits. Kind STORE. */
bool distribution_set_at_ms(const struct distribution *distribution, const char *set,
                            int64_t *ret_at_ms, struct err *err);
/* In a rehearsal nothing is delivered and nothing is behind. Kind STORE. */
bool distribution_result(struct distribution *distribution, struct distribution_result *ret,
                         struct err *err);

/* The files of one certificate version, as a files target or `chancery export` writes them.
 * formats: enum file_format. Bytes live in the bundle and are cleansed with it; the certificate
 * must have been loaded with its chain. Kinds STORE (no key, no seal), BROKEN, CONFIG (password), REFUSED
 * (the key lives elsewhere).
 */
struct bundle;
bool bundle_new(struct house *house, const struct certificate *certificate, unsigned formats,
                const struct secret *pkcs12_password, bool pkcs12_legacy, struct bundle **ret,
                struct err *err);
void bundle_free(struct bundle *bundle); /* NULL allowed */
size_t bundle_n(const struct bundle *bundle);
const char *bundle_name(const struct bundle *bundle, size_t i);
struct str bundle_bytes(const struct bundle *bundle, size_t i);
/* "<version>-<first 8 hex of sha256>". */
void bundle_version(const struct certificate *certificate, struct buf *out);

#endif
