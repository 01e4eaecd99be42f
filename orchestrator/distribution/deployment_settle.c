#include "distribution/deployment.h"

#include "inventory/event.h"
#include "inventory/lifetime.h"
#include "inventory/register.h"

enum { ENDPOINT_GRACE_MS = 500, REPEATED_WITHIN_MS = 10 * 60 * 1000, TEXT_MAX = 1024 };

/* ---- what a person is told ---- */

static void what_say(const struct deployment *d, struct buf *out)
{
    if (d->certificate != NULL)
        buf_printf(out, "version %lld to %s", (long long)d->certificate->version,
                   d->record->target);
    else
        buf_printf(out, "the newest version to %s", d->record->target);
}

static bool is_left_in_place(const struct deployment *d)
{
    return d->record->stage == DEPLOY_SWITCHED || d->record->stage == DEPLOY_CHECKED ||
           d->record->stage == DEPLOY_ACTIVATED;
}

/* What is unharmed. */
static void unharmed_say(const struct deployment *d, struct buf *out)
{
    const char *previous = d->record->previous;
    if (d->is_put_back && previous[0] == '\0') {
        buf_add_cstr(out, "the link is removed again, nothing was served there before");
    } else if (d->is_put_back) {
        buf_add_cstr(out, "switched back, ");
        version_words(previous, out);
        buf_add_cstr(out, " is served as before");
    } else if (d->version != NULL && is_left_in_place(d)) {
        version_words(d->version, out);
        buf_add_cstr(out, " stays in place");
    } else if (d->served.version != NULL && d->served.version[0] == '\0') {
        buf_add_cstr(out, "nothing was served there before");
    } else if (d->served.version != NULL && d->record->stage != DEPLOY_ROLLBACK) {
        version_words(d->served.version, out);
        buf_add_cstr(out, " stays served");
    } else {
        buf_add_cstr(out, "what is served stays as it is");
    }
}

static bool was_told(const struct deployment *d)
{
    return d->failure_before.kind != ERR_NONE &&
           strcmp(d->failure_before.text, d->record->failure.text) == 0 &&
           house_now(d->deliveries->house) - d->failed_before_at_ms < REPEATED_WITHIN_MS;
}

static void failure_tell(const struct deployment *d, int64_t next_at_ms)
{
    struct house *house = d->deliveries->house;
    const char *set = d->record->set, *why = d->record->failure.text;
    char when[TIME_TEXT_MAX];
    AUTO(buf_fini)
    struct buf text = BUF(4 * TEXT_MAX);
    what_say(d, &text);
    buf_printf(&text, ": %s", why);
    time_format(next_at_ms, false, when);
    if (next_at_ms != 0)
        buf_printf(&text, "; next try at %s", when);
    else
        buf_add_cstr(&text, "; the next version is awaited");
    house_say_end(house, set, "deliver", true, "%s", buf_cstr(&text));
    if (!was_told(d))
        event_write(house, d->is_put_back ? EVENT_DEPLOY_ROLLED_BACK : EVENT_DEPLOY_FAILED, set, 0,
                    "%s", buf_cstr(&text));
}

static void done_tell(const struct deployment *d)
{
    struct house *house = d->deliveries->house;
    AUTO(buf_fini)
    struct buf text = BUF(TEXT_MAX);
    what_say(d, &text);
    house_say_end(house, d->record->set, "deliver", false, "%s: done", buf_cstr(&text));
    if (d->end == DEPLOY_ENDS_DONE)
        event_write(house, EVENT_DEPLOY_DONE, d->record->set, 0, "%s%s%s", buf_cstr(&text),
                    d->how->check != NULL ? ", checked" : "",
                    server_is_activated(d->how) ? ", activated" : "");
}

/* ---- rows ---- */

static struct lifetime deployment_life(const struct deployment *d)
{
    const struct certificate *c = d->certificate;
    return c == NULL ? (struct lifetime){0}
                     : lifetime_of(c->not_before_at_ms, c->not_after_at_ms,
                                   house_now(d->deliveries->house));
}

/* Up to a tenth later, so that what failed together does not come back together. */
static int64_t next_try_at_ms(const struct deployment *d)
{
    struct lifetime life = deployment_life(d);
    int64_t wait_ms =
        lifetime_retry_ms(&life, retry_ladder_ms(d->record->n_tries > 0 ? d->record->n_tries : 1));
    return house_now(d->deliveries->house) + wait_ms +
           (int64_t)random_below((uint64_t)wait_ms / 10 + 1);
}

/* A held one is judged again when time alone may change the judgement, else once a day; one that is
 * revoked, never. */
static int64_t next_judgement_at_ms(const struct deployment *d)
{
    if (d->certificate->revoked_at_ms != 0)
        return 0;
    struct lifetime life = deployment_life(d);
    return d->again_at_ms != INT64_MAX
               ? d->again_at_ms
               : house_now(d->deliveries->house) + lifetime_retry_ms(&life, MS_DAY);
}

/* Where the next try begins. What was switched and neither proven nor put back stays remembered. */
static void record_turn_back(struct deployment *d)
{
    struct deployment_record *record = d->record;
    bool is_open =
        record->stage == DEPLOY_ACTIVATED || (record->stage == DEPLOY_ROLLBACK && !d->is_put_back);
    if (is_open || d->is_early)
        return;
    if (record->stage != DEPLOY_WRITTEN || !d->had_previous)
        mem_set_str(&record->previous, NULL);
    record->stage = DEPLOY_WAITING;
}

static bool settle_failed(struct deployment *d, struct err *err)
{
    struct deployment_record *record = d->record;
    bool is_ours = false, is_held = d->end == DEPLOY_ENDS_HELD;
    int64_t next_at_ms = is_held ? next_judgement_at_ms(d) : next_try_at_ms(d);
    struct err cause = record->failure;
    AUTO(buf_fini)
    struct buf unharmed = BUF(TEXT_MAX);
    unharmed_say(d, &unharmed);
    err_set(&record->failure, cause.kind, "%.800s; %s", cause.text, buf_cstr(&unharmed));
    failure_tell(d, next_at_ms);
    record_turn_back(d);
    if (is_held)
        record->stage = DEPLOY_HELD;
    return deployment_record_failed(d->deliveries->house, record, next_at_ms, &is_ours, err);
}

static bool settle_done(struct deployment *d, struct err *err)
{
    struct house *house = d->deliveries->house;
    bool is_ours = false;
    done_tell(d);
    return deployment_record_done(house, d->record, d->print, &is_ours, err) &&
           (d->end == DEPLOY_ENDS_UNCHANGED ||
            store_run(house->store, NULL, err, SQL_SET_ENDPOINTS_DUE, "ti", d->record->set,
                      house_now(house) + ENDPOINT_GRACE_MS));
}

/* Overtaken before anything was switched: the newer wish begins at once. After that it is carried
 * to its end, because a target between two versions is worse than one that is late. */
static bool settle_stage(struct deployment *d, struct err *err)
{
    bool is_ours = false;
    if (!deployment_record_save(d->deliveries->house, d->record, &is_ours, err))
        return false;
    if (!is_ours && d->record->stage == DEPLOY_WRITTEN && !d->visit.is_alone)
        deployment_end(d, DEPLOY_ENDS_DROPPED);
    else if (d->steps)
        list_push_back(&d->deliveries->ready, &d->in_ready);
    return true;
}

bool deployment_settle(struct deployment *d, struct err *err)
{
    switch (d->end) {
    case DEPLOY_RUNS:
        return settle_stage(d, err);
    case DEPLOY_ENDS_DONE:
    case DEPLOY_ENDS_UNCHANGED:
        return settle_done(d, err);
    case DEPLOY_ENDS_FAILED:
    case DEPLOY_ENDS_HELD:
        return settle_failed(d, err);
    case DEPLOY_ENDS_DROPPED:
        break;
    }
    return true;
}
