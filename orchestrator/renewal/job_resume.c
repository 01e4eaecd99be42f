/* How an order of an earlier run goes on, or does not. */
#include "renewal/driver.h"

void job_give_up(struct job *job, const struct err *why)
{
    job->is_given_up = true;
    job_fail(job, why);
    job_run(job);
}

/* A kill in a loop must not place an order each time: that nothing is known of a request counts as a failed try. */
static bool job_lost_its_order(const struct job *job)
{
    const struct order *order = job->record->order;
    return order->step == ORDER_NEW && order->new_sent && order->url == NULL;
}

/* What lay parked for too long is over at the CA: nothing is published for it again. */
static bool job_is_overdue(const struct job *job)
{
    const struct order *order = job->record->order;
    return order->step >= ORDER_READ && order->step <= ORDER_ANSWER && order->expires_at_ms > 0 &&
           house_now(job->driver->house) >= order->expires_at_ms;
}

static void job_end_overdue(struct job *job)
{
    struct err why;
    char when[TIME_TEXT_MAX];
    time_format(job->record->order->expires_at_ms, false, when);
    err_set(&why, ERR_AGAIN,
            "the order was left waiting at step %s until it expired at the CA at %s; a new one "
            "will be placed",
            order_step_name(job->record->order->step), when);
    job_fail(job, &why);
    job_run(job);
}

void job_resume(struct job *job, bool now)
{
    struct order_record *record = job->record;
    int64_t now_ms = house_now(job->driver->house);
    struct err lost;
    if (record->order->step_at_ms > now_ms)
        record->order->step_at_ms = now_ms;
    if (job_is_overdue(job)) {
        job_end_overdue(job);
    } else if (!now && record->next_at_ms > now_ms &&
               record->next_at_ms <= now_ms + job->driver->patience_ms) {
        job_sleep(job, record->next_at_ms);
    } else if (job_lost_its_order(job) && record->failure.kind == ERR_NONE) {
        err_set(&lost, ERR_AGAIN, "newOrder: the process ended before the answer came");
        job_again(job, &lost);
    } else {
        job_run(job);
    }
}
