/*
 * The pre-flight of an order (preflight.h): started when the CA is known, waited for before the challenges are answered.
 *
 *   NEW      starts, beside newOrder. With job->preflight_first newOrder itself waits for it
 *   READ .. PUBLISH   go on meanwhile; a refusal that comes in stops them
 *   ANSWER   is entered only when the verdict is in
 *
 * An order of an earlier run that has challenges answered already is not looked at again, nor one that only needs to be finalized.
 */
#ifndef RENEWAL_JOB_PREFLIGHT_H
#define RENEWAL_JOB_PREFLIGHT_H

#include "renewal/driver.h"

enum preflight_gate {
    GATE_OPEN,  /* nothing hinders the present step */
    GATE_WAITS, /* job_run is called when the verdict is in */
    GATE_FAILS  /* the order cannot succeed: *ret_why */
};
/* Asked before each step is run without an answer to hear, with the CA ready. Starts the pre-flight when it is time. */
enum preflight_gate job_preflight_gate(struct job *job, struct err *ret_why);
/* Inside the turn's transaction: what was worrying becomes an event. */
void job_preflight_settle(struct job *job);
/* With the job. */
void job_preflight_free(struct job *job);

#endif
