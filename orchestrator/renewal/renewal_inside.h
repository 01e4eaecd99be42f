/*
 * The inside of renewal, for renewal.c, intake.c, beginning.c and ending.c only.
 *
 *   intake.c      what is to be done: open orders, sets that are due. At the beginning of a run
 *   becoming.c    what is asked for, and becomes due, while the run goes on
 *   beginning.c   from the queue to a job
 *   renewal.c     the turn
 *   ending.c      what a job came to
 */
#ifndef RENEWAL_RENEWAL_INSIDE_H
#define RENEWAL_RENEWAL_INSIDE_H

#include "inventory/look.h"
#include "inventory/plan.h"
#include "renewal/ari_desk.h"
#include "renewal/driver.h"
#include "renewal/renewal.h"

enum { SET_LEASE_MS = 10 * 60 * 1000, SET_LEASE_RENEW_MS = 3 * 60 * 1000 };

/* A set that waits for its turn: orders in flight are bounded per CA. */
struct waiting {
    struct list in_queue;
    char *set, *why;
    int64_t order_id;  /* of an open order to go on with; 0: a new one */
    size_t first;      /* of the set's authorities: those before it were left */
    char *fallback;    /* why; NULL: nothing was left */
    char *lane;        /* of a set with several kinds of keys; NULL: it has just one */
    unsigned tried;    /* lanes that had an order in this run, 1 << index */
    bool is_held_back; /* by waiting_begin: it must be looked at again soon */
    bool is_at_rest;   /* by waiting_begin: somebody else works on one of its names */
    int64_t rests_since_boot_ms, look_again_boot_ms;
    bool is_gone; /* nothing more is issued for the set: its order is given up */
};

/* A set of a lasting run that cannot begin now, though its row is due: looked at again then. */
struct resting {
    struct list in_run;
    char *set;
    int64_t at_ms;
    bool is_held; /* another works on it: nobody here waits for that */
};

struct renewal {
    struct house *house;
    struct ca_office *office;
    struct renewal_options options;
    struct renewal_result result;
    struct driver driver;
    struct ari_desk *ari;
    struct list jobs, queue, resting;
    struct list quota_queues; /* quota.h */
    size_t n_jobs;
    size_t asks_cursor;
    struct look look;
    int64_t taken_until_ms; /* what became due before that was considered */
    int64_t renew_leases_at_boot_ms, n_lapses;
    int64_t cut_at_boot_ms;   /* this turn takes up no more then; INT64_MAX: all there is */
    size_t n_taken_up;        /* in this turn */
    bool is_cut;              /* and there is a rest */
    int64_t look_again_at_ms; /* somebody is held back; 0: nobody */
    bool taken_in, told_clock, has_issued; /* has_issued: in this turn */
};

/* lane NULL: the set has one kind of key, or the order says. */
struct waiting *waiting_new_lane(const char *set, const char *lane, unsigned tried,
                                 const char *why);
struct waiting *waiting_new(const char *set, const char *why, int64_t order_id);
void waiting_free(struct waiting *waiting);
/* By hand: retry times do not count. */
bool renewal_is_forced(const struct renewal *renewal, const char *set);

/* ---- several kinds of keys (lanes.c) ---- */

/* Before the first order of a set in this run: what stays in step with this lane is renewed as well; by hand, all of it. Inside a
 * transaction. */
bool lanes_join(struct renewal *renewal, const char *set, const char *lane, bool by_hand,
                struct err *err);
/* A lane's order has ended, for good or bad: the next lane that needs one is queued, or what was held back for it is delivered. */
bool lanes_go_on(struct renewal *renewal, const struct job *job, const struct err *failure,
                 struct err *err);
/* Nothing more comes for the time being. */
bool lanes_rest(struct renewal *renewal, const char *set, const char *lane, struct err *err);

bool renewal_intake(struct renewal *renewal, struct err *err);
/* The parts of it that one order and one line of the plan are. */
void intake_open_order(struct renewal *renewal, const struct rows *rows);
bool intake_line(struct renewal *renewal, const struct plan_line *line, struct err *err);
/* These sets became due in the middle of the run. sets ends with NULL. */
bool renewal_intake_more(struct renewal *renewal, char *const *sets, struct err *err);
/* What was asked for since the last turn; in a lasting run also what became due, and what rested. */
bool renewal_intake_new(struct renewal *renewal, struct err *err);
/* The wall clock at which a lasting run looks again; INT64_MAX: never. */
int64_t renewal_look_at_ms(const struct renewal *renewal);
/* In a lasting run: it stays due and cannot begin before at_ms. */
void renewal_rest(struct renewal *renewal, const char *set, int64_t at_ms, bool is_held);
void resting_free(struct resting *resting);
/* Counts what is put off, if it is of the run's own ask. */
void renewal_put_off(struct renewal *renewal, const char *set, const char *failure_kind,
                     int64_t next_at_ms);
/* Makes a job of what waits. A set that cannot begin fails by itself; only trouble with the store is an error here. */
bool waiting_begin(struct renewal *renewal, struct waiting *waiting, struct err *err);

/* A set fails: remembered with the time of its next try, told once. */
bool set_fails(struct renewal *renewal, const char *set, int64_t order_id, const struct err *why,
               struct err *err);
/* The order stays open and is put off; what hinders it counts and is told. ca NULL: it could not even be opened. */
void order_is_put_off(struct renewal *renewal, const struct order_record *record,
                      const struct ca *ca);
/* The set waits for the account of its CA, which a person must look after: it does not fail. */
void set_is_held_up(struct renewal *renewal, const char *set, const struct ca *ca);
/* When the job has ended: its last row, its lease, its memory. */
bool job_retire(struct renewal *renewal, struct job *job, struct err *err);
/* Another took the lease of the set: nothing more may be written for this order. */
void job_is_lost(struct renewal *renewal, struct job *job, const struct err *why);

#endif
