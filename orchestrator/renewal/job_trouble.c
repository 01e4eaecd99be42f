/*
 * What comes of a fault: the step is asked again, the order is put off, waits for a person or a clock, is left for another CA, or fails.
 */
#include "inventory/register.h"
#include "renewal/driver.h"

/* However long a step has lasted - a machine may have been off for a week -, so often it is tried before the order is given up. */
enum { TRIES_LEAST = 8 };

/* Waits inside the run up to its patience; a longer wait is written down and left to the next run. */
void job_sleep(struct job *job, int64_t until_ms)
{
    struct driver *driver = job->driver;
    struct order *order = job->record->order;
    job->record->next_at_ms = until_ms;
    if (until_ms > house_now(driver->house) + driver->patience_ms) {
        job->end = JOB_PARKED;
        job->tells_wait = !order->wait_told && job->record->failure.kind == ERR_NONE;
        order->wait_told = order->wait_told || job->tells_wait;
    } else {
        heap_put(&driver->sleepers, &job->sleep, until_ms);
    }
    job_touch(job);
}

/* Quick tries first; what lasts is met again by a later run. */
static int64_t again_delay_ms(int64_t n_tries)
{
    static const int64_t delays_s[] = {1, 2, 5, 15, 30, 60, 300, 900};
    size_t i = n_tries < 1 ? 0 : (size_t)(n_tries - 1);
    size_t last = sizeof(delays_s) / sizeof(delays_s[0]) - 1;
    return delays_s[i < last ? i : last] * MS_SECOND;
}

void job_fail(struct job *job, const struct err *why)
{
    struct order *order = job->record->order;
    job->record->failure = *why;
    job->trouble.kind = ERR_NONE; /* the failure tells what came of it */
    order->failed = true;
    if (order->step != ORDER_TIDY) {
        order->step = ORDER_TIDY;
        order->step_at_ms = house_now(job->driver->house);
        order->n_polls = 0;
    }
    job->releases_txt = true;
    job_touch(job);
}

static bool job_is_out_of_patience(const struct job *job)
{
    const struct order *order = job->record->order;
    return job->record->n_tries >= TRIES_LEAST &&
           house_now(job->driver->house) - order->step_at_ms > order_patience_ms(order);
}

/* A wrong clock is no fault of the order: it waits for the first run at which the clock is right. Instants of the wrong clock must not be
 * written: they may lie far ahead. */
static void job_wait_for_clock(struct job *job, const struct err *why)
{
    int64_t off_ms = ca_clock_off_ms(job->ca);
    job->record->failure = *why;
    job->record->next_at_ms = house_now(job->driver->house) - (off_ms > 0 ? off_ms : 0);
    job->end = JOB_PARKED;
    job_touch(job);
}

void job_put_off(struct job *job, const struct err *why, int64_t at_ms)
{
    struct order_record *record = job->record;
    /* Nonsense does not pass as an outage does: a few tries, however patient the step is. */
    bool is_nonsense = why->kind == ERR_BROKEN && record->n_tries >= TRIES_LEAST;
    if (is_nonsense || job_is_out_of_patience(job)) {
        struct err last = *why;
        err_wrap(&last, "given up after %lld tries", (long long)record->n_tries);
        job_fail(job, &last);
        job_run(job);
        return;
    }
    record->failure = *why;
    if (why->kind == ERR_THROTTLED)
        record->failure.until_ms = at_ms;
    if (job->trouble.kind == ERR_NONE) {
        job->trouble = *why;
        job->trouble_at_ms = house_now(job->driver->house);
    }
    house_say(job->driver->house, record->order->set_name, order_step_name(record->order->step),
              "%s", why->text);
    job_sleep(job, at_ms);
}

/* All tries that an order is worth fit into its patience. */
static int64_t job_delay_ms(const struct job *job, int64_t n_tries)
{
    int64_t delay_ms = again_delay_ms(n_tries);
    int64_t most_ms = job->record->order->patience_most_ms / TRIES_LEAST;
    if (most_ms == 0 || delay_ms <= most_ms)
        return delay_ms;
    return most_ms > MS_SECOND ? most_ms : MS_SECOND;
}

static int64_t job_ladder_ms(const struct job *job, int64_t n_tries)
{
    return lifetime_retry_ms(&job->life, retry_ladder_ms(n_tries));
}

/* What a person must mend is not tried within seconds. The order is kept: what it has at the CA is as good as ever. */
void job_wait_for_person(struct job *job, const struct err *why)
{
    int64_t wait_ms = job_ladder_ms(job, ++job->record->n_tries);
    job_put_off(job, why, house_now(job->driver->house) + wait_ms);
}

/* ---- leaving for another CA ---- */

bool job_fault_is_of_ca(const struct err *why)
{
    return why->fault == FAULT_CA && why->class == CLASS_LATER;
}

/* at_ms: the next try at this CA. Before the order is placed one silence is enough, for each costs half a minute. */
bool job_would_leave(const struct job *job, const struct err *why, int64_t at_ms)
{
    const struct order *order = job->record->order;
    if (!job->has_others || order->failed || order->step >= ORDER_TIDY ||
        order_may_have_issued(order))
        return false;
    if (why->fault == FAULT_QUOTA)
        return at_ms > job->bearable_until_ms;
    if (!job_fault_is_of_ca(why))
        return false;
    return ca_gate(job->ca) == BREAKER_OPEN ||
           at_ms > house_now(job->driver->house) + job->driver->patience_ms ||
           (ca_hangs(job->ca) && order->step <= ORDER_NEW);
}

void job_leave(struct job *job, const struct err *why, int64_t at_ms, enum job_else or_else)
{
    job->record->failure = *why;
    job->record->next_at_ms = at_ms;
    job->or_else = or_else;
    job->end = JOB_LEAVES;
    job_touch(job);
}

void job_stay(struct job *job)
{
    struct err why = job->record->failure;
    job->end = JOB_RUNS;
    job->has_others = false;
    switch (job->or_else) {
    case ELSE_SLEEP:
        job_put_off(job, &why, job->record->next_at_ms);
        return;
    case ELSE_FAIL:
        job_fail(job, &why);
        job_run(job);
        return;
    case ELSE_PERSON:
        job_wait_for_person(job, &why);
        return;
    }
}

void job_again(struct job *job, const struct err *why)
{
    struct order_record *record = job->record;
    int64_t now_ms = house_now(job->driver->house);
    if (ca_clock_off_ms(job->ca) != 0) {
        job_wait_for_clock(job, why);
        return;
    }
    int64_t at_ms = now_ms + job_delay_ms(job, ++record->n_tries);
    bool is_throttled = why->kind == ERR_THROTTLED;
    /* Who is asked for patience without a time waits for minutes, not for seconds; so does who cannot trust the peer. */
    if ((is_throttled && why->until_ms == 0) || why->kind == ERR_DENIED)
        at_ms = now_ms + job_ladder_ms(job, record->n_tries);
    else if (is_throttled && why->until_ms > at_ms)
        at_ms = why->until_ms;
    if (is_throttled && why->fault == FAULT_QUOTA && record->order->step == ORDER_NEW)
        job->refused_until_ms = at_ms;
    if (job_would_leave(job, why, at_ms))
        job_leave(job, why, at_ms, ELSE_SLEEP);
    else
        job_put_off(job, why, at_ms);
}

/* A fault that does not pass. True: the next step should be asked right away. */
bool job_hear_failure(struct job *job, const struct err *why)
{
    if (job_would_leave(job, why, INT64_MAX)) {
        job_leave(job, why, house_now(job->driver->house), ELSE_FAIL);
        return false;
    }
    job_fail(job, why);
    return true;
}
