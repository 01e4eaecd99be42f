/*
 * The row of a deployment: where one set stands on one target.
 *
 * The row is the state. It is taken at the start of a try (which counts the try), saved at each
 * stage that must be durable before the next act, and ends as done or failed. Meanwhile others may
 * write it too: a new certificate, a changed set file or a removed target put it back to `waiting`
 * or away. Every save therefore names the row it expects (wanted certificate, try, stage); when the
 * row has become another, only facts about the target itself are noted in it, and the newer wish
 * stays due.
 */
#ifndef DISTRIBUTION_DEPLOYMENT_RECORD_H
#define DISTRIBUTION_DEPLOYMENT_RECORD_H

#include "inventory/house.h"

/* stage, stored name, what is true of the target */
#define DEPLOY_STAGES(X)                                                                           \
    X(WAITING, "waiting", "nothing was done for this version yet")                                 \
    X(WRITTEN, "written", "its folder is complete; `previous` names what is served")               \
    X(SWITCHED, "switched", "the link names it")                                                   \
    X(CHECKED, "checked", "check agreed; activate may have been started")                          \
    X(ACTIVATED, "activated", "activate agreed; the stamp may not have been written")              \
    X(ROLLBACK, "rollback", "check or activate refused it; `previous` is being put back")          \
    X(HELD, "held", "the pair may not go out; a person must act, or a newer one will")             \
    X(DONE, "done", "nothing is left to do for this version")
enum deploy_stage {
#define X(stage, name, what) DEPLOY_##stage,
    DEPLOY_STAGES(X)
#undef X
        DEPLOY_STAGE_N
};
const char *deploy_stage_name(enum deploy_stage stage);

struct deployment_record {
    int64_t id;
    char *set, *target;
    int64_t wanted_id, done_id; /* certificates; done_id 0: none yet */
    enum deploy_stage stage;
    /* What was served before a switch that is not proven yet: NULL: there is no such switch; "":
     * nothing was served. */
    char *previous;
    int64_t n_tries;    /* this one included */
    char *want;         /* fingerprint of the settings that are in place */
    struct err failure; /* why a rollback is under way, or how the last try ended; kind NONE: it did
                           not fail */
    int64_t failed_at_ms;
    enum deploy_stage stored_stage;
};

/* Inside a transaction: takes a row that is due for a try at the set's current certificate. *ret
 * stays NULL when there is nothing to deliver after all (removed meanwhile, no certificate). Kind
 * STORE. */
bool deployment_record_take(struct house *house, int64_t id, struct deployment_record **ret,
                            struct err *err);
void deployment_record_free(struct deployment_record *record);

/* All inside a transaction. *ret_is_ours false: the row has become another meanwhile. */
bool deployment_record_save(struct house *house, struct deployment_record *record,
                            bool *ret_is_ours, struct err *err);
/* want: of the settings that were carried out. */
bool deployment_record_done(struct house *house, struct deployment_record *record, const char *want,
                            bool *ret_is_ours, struct err *err);
/* Keeps stage, previous and failure as they are in the record. next_at_ms 0: not before something
 * else makes it due. */
bool deployment_record_failed(struct house *house, struct deployment_record *record,
                              int64_t next_at_ms, bool *ret_is_ours, struct err *err);

#endif
