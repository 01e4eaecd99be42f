/*
 * The driver: carries one order from step to step.
 *
 * A job is an order in memory beside its row. Answers are heard as they arrive (pure memory, no store); what must be durable - the row, a key,
 * a certificate, TXT wishes - waits for job_settle inside the turn's transaction; what the step asked for lies in the outbox until
 * job_send, after the commit.
 *
 *   ca_heard / timer -> job_run -> outbox, dirty -> job_settle [transaction] -> commit -> job_send
 */
#ifndef RENEWAL_DRIVER_H
#define RENEWAL_DRIVER_H

#include "authority/ca.h"
#include "dns/txt_desk.h"
#include "inventory/config.h"
#include "inventory/lifetime.h"
#include "renewal/order_record.h"

enum { JOB_SLOTS_MAX = 100 };

struct job;
struct driver { /* what all jobs of a run share */
    struct house *house;
    struct txt_desk *desk;
    struct preflights *preflights;
    struct arena *arena;  /* asks between hearing and sending; reset after act */
    struct heap sleepers; /* jobs that wait for time */
    struct list dirty;    /* jobs to settle in this turn */
    struct list outgoing; /* jobs with something in the outbox */
    int64_t patience_ms;  /* a wait longer than this is left to the next run */
    size_t n_out;         /* asks, keys and preparations under way */
};

/* LEAVES: the fault is its CA's, and the set lists another. */
enum job_end { JOB_RUNS, JOB_ISSUED, JOB_FAILED, JOB_PARKED, JOB_LEAVES };
/* What a job does that would leave and finds no other CA: waits as it would have, fails, or waits for a person. */
enum job_else { ELSE_SLEEP, ELSE_FAIL, ELSE_PERSON };

struct job {
    struct list in_run; /* member of the run's list of jobs */
    struct list in_dirty, in_outgoing;
    struct heap_node sleep;
    struct driver *driver;
    struct ca *ca;
    struct order_record *record;
    struct lifetime life; /* of the certificate that is to be replaced */
    char *alias;          /* challenge_alias of the set, or NULL */
    const struct acme_ask *outbox;
    size_t n_outbox, n_out; /* to be sent; under way */
    bool preparing, keying, wants_key, wants_txt, wants_look, releases_txt, wants_certificate;
    struct standing_look *look; /* under way */
    struct key_making *making;
    struct key *made_key;
    struct request_asking *asking; /* for the request of a key that lives elsewhere */
    bool has_request;              /* it came (order->csr, not looked at yet), or did not: */
    struct err request_failure;
    struct verdict *worst;       /* of several answers of one step: the first fault */
    bool is_given_up;            /* by us: not the order's failure */
    struct preflight *preflight; /* job_preflight.h */
    char *preflight_worry;       /* to be told; or NULL */
    bool preflight_first;        /* newOrder waits for it too; set before the job first runs */
    bool preflight_was_begun, preflight_runs, preflight_refuses, preflight_is_awaited;
    unsigned lanes_tried;      /* of its set, in this run before this order: 1 << index */
    bool has_others;           /* the set lists further CAs */
    int64_t bearable_until_ms; /* a longer wait for its CA endangers what is served */
    struct err trouble;        /* what made this step be tried again in this run; NONE: nothing */
    int64_t trouble_at_ms;
    bool tells_wait;          /* parked because the CA takes its time */
    bool has_recovered;       /* from the trouble; not told yet */
    bool is_in_window;        /* the ledger takes it for the replacement of a certificate */
    int64_t refused_until_ms; /* newOrder, for want of quota: to be learnt; 0: no */
    char *refused_help;       /* the page the CA named then, or NULL */
    enum job_end end;
    enum job_else or_else; /* while it would leave */
};

/* Takes the record. The job is dirty and runs in the next settle. */
struct job *job_new(struct driver *driver, struct ca *ca, struct order_record *take_record,
                    const char *alias);
/* Cancels what is under way. */
void job_free(struct job *job);
/* The first run of an order that was read back. now: whatever time it was put off to. */
void job_resume(struct job *job, bool now);
/* The order is not wanted any more: it passes TIDY and ends as failed. */
void job_give_up(struct job *job, const struct err *why);
/* Steps on: called when there is no answer to hear (start, wake, key or TXT ready). */
void job_run(struct job *job);
/* The fate of its TXT wishes changed. */
void job_txt_changed(struct job *job);
/* Inside the turn's transaction: makes durable what the job learnt. May step the job on (a key is made: newOrder is asked). */
bool job_settle(struct job *job, struct err *err);
/* The part of it that is about the key: chosen, made, kept or asked for (job_key.c). */
bool job_settle_key(struct job *job, struct err *err);
/* Whatever of it is under way is not wanted any more. */
void job_key_drop(struct job *job);
/* After the commit. */
void job_send(struct job *job);
/* job_trouble.c. A passing fault: the step is asked again later, ever later. */
void job_again(struct job *job, const struct err *why);
/* What a person must mend: not tried within seconds. */
void job_wait_for_person(struct job *job, const struct err *why);
/* A fault that does not pass. True: the next step should be asked right away. */
bool job_hear_failure(struct job *job, const struct err *why);
/* Would it leave for another CA, as its next try here is at at_ms? And does: what else is done when there is none, is remembered. */
bool job_would_leave(const struct job *job, const struct err *why, int64_t at_ms);
void job_leave(struct job *job, const struct err *why, int64_t at_ms, enum job_else or_else);
/* job_standing.c. In settle: the standing records of the order are to be looked for; after the commit: looks for them. */
bool job_want_look(struct job *job, struct err *err);
void job_look(struct job *job);
/* The order cannot succeed: it goes to TIDY and ends failed. */
void job_fail(struct job *job, const struct err *why);
/* A passing fault on the CA's side: another CA may do better. */
bool job_fault_is_of_ca(const struct err *why);
/* There is no other CA to leave for: it goes on as if it had not asked. */
void job_stay(struct job *job);
/* Tried again at that time, unless it has been tried for too long. */
void job_put_off(struct job *job, const struct err *why, int64_t at_ms);
/* Until then; longer than the run's patience: left to a later run. */
void job_sleep(struct job *job, int64_t until_ms);
/* Marks for settling. */
void job_touch(struct job *job);

#endif
