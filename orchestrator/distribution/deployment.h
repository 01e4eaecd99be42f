/*
 * A deployment in memory: one try to bring one version to one target.
 *
 * It is carried on in three places, like all that a concern does: deployment_step does what needs
 * files or starts programs (after the commit, in act); programs end in callbacks inside loop_wait;
 * deployment_settle writes what became of it (inside the turn's transaction). What must be durable
 * before the next act - `previous` before the switch, `checked` before activate, `rollback` before
 * the link goes back - makes the deployment dirty, and it is stepped on after the commit.
 *
 *   deployment_prepare.c   what is wanted and what is there; the version's folder written
 *   deployment.c           switch, check, activate, roll back, stamp
 *   deployment_settle.c    rows, events, what a person is told
 */
#ifndef DISTRIBUTION_DEPLOYMENT_H
#define DISTRIBUTION_DEPLOYMENT_H

#include "base/list.h"
#include "distribution/deployment_record.h"
#include "distribution/served.h"
#include "distribution/server.h"
#include "inventory/asks.h"

struct deliveries { /* what all deployments of a run share */
    struct house *house;
    const struct asks *asks;
    struct server_desk *servers;
    struct list dirty; /* to settle in this turn */
    struct list ready; /* to step after the commit */
};

enum deploy_end {
    DEPLOY_RUNS,
    DEPLOY_ENDS_DONE,
    DEPLOY_ENDS_UNCHANGED, /* all was in place, and nothing had to be run */
    DEPLOY_ENDS_FAILED,
    DEPLOY_ENDS_HELD,
    DEPLOY_ENDS_DROPPED, /* before anything was switched the row became another one */
};

struct deployment {
    struct list in_run, in_dirty, in_ready;
    struct deliveries *deliveries;
    struct deployment_record *record;
    struct set_config *set;          /* NULL until prepared; so are the next five */
    const struct deploy_config *how; /* borrowed from set */
    struct certificate *certificate; /* with its chain; of several kinds of keys the newest */
    struct certificate **unit; /* with several kinds of keys: one of each, with their chains */
    size_t n_unit;             /* 0: just `certificate` */
    char *print;               /* fingerprint of what the target shall hold */
    char *version;             /* name of its generation */
    struct served served;      /* what was there when this try, or this round of it, began */
    struct server_visit visit;
    struct process_call *check;
    bool forced;               /* by hand: again though it is done */
    bool had_previous;         /* an older switch was not proven when this try began */
    bool may_be_activated;     /* activate may have been started since `previous` was served */
    bool goes_alone;           /* after the rollback: once more, without company */
    bool is_put_back;          /* the rollback came to its end */
    bool is_early;             /* it failed before anything was done: the row keeps its stage */
    bool has_asked_again;      /* the store failed while it was prepared, which was begun anew */
    bool steps;                /* to be stepped once it is settled */
    struct err failure_before; /* how the try before ended, as the row had it */
    int64_t failed_before_at_ms,
        again_at_ms; /* again_at_ms: of a held one; INT64_MAX: not by time */
    enum deploy_end end;
};

/* Takes the record. It is ready. */
struct deployment *deployment_new(struct deliveries *deliveries,
                                  struct deployment_record *take_record);
/* Back to what the record says: nothing is prepared. */
void deployment_forget(struct deployment *d);
/* Kills its check. */
void deployment_free(struct deployment *d);
/* In act. */
void deployment_step(struct deployment *d);
/* Inside the turn's transaction. */
bool deployment_settle(struct deployment *d, struct err *err);

/* ---- between the files of a deployment ---- */

void deployment_touch(struct deployment *d, bool steps);
/* deployment_unit.c: what goes to the target. ret_hold: it may not go out. */
bool deployment_load_unit(struct deployment *d, struct err *err);
bool deployment_bundle(struct deployment *d, const char *base, struct bundle **ret,
                       struct err *ret_hold, struct err *err);
/* False: it came to its end, or goes back. Else the stage says what is to be done next. */
bool deployment_prepare(struct deployment *d);
/* It cannot go on from the stage where it stands: ends, or turns to the rollback. */
void deployment_fail(struct deployment *d, const struct err *why);
/* The same when nothing was done in this try yet: the row stays where an earlier one left it. */
void deployment_fail_early(struct deployment *d, const struct err *why);
void deployment_end(struct deployment *d, enum deploy_end end);

#endif
