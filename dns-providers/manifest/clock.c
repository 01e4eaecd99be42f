#include "dns-providers/manifest/engine.h"

#include "base/clock.h"

/*
 * Signatures and one-time codes hold only with a clock the server agrees with. Where its time can be asked for, it is, once a job; where it
 * only shows in the Date of what was refused, that corrects ours once.
 */

enum { SKEW_MIN_MS = 5 * 1000 };

struct clock_task {
    struct task task;
    struct call_task *asked;
};

int64_t engine_now_ms(const struct engine *e)
{
    return e->job->now_ms + e->clock_ahead_ms;
}

static bool is_signed(const struct json *call)
{
    const char *auth = json_text(call, "auth");
    return auth == NULL || strcmp(auth, "none") != 0;
}

bool clock_is_due(const struct engine *e, const struct json *call)
{
    return !e->clock_asked && is_signed(call) &&
           json_find(json_find(e->tree, "clock"), "call") != NULL;
}

/* Unix seconds or an HTTP date. */
static bool time_read(struct engine *e, const struct json *told, int64_t *ret_at_ms)
{
    struct value value = value_of_json(told);
    const char *text = told != NULL ? value_plain(e->arena, &value) : NULL;
    int64_t unix_s;
    if (text == NULL)
        return false;
    if (!str_to_i64(str_trim(str_of(text)), &unix_s))
        return time_parse_http(str_of(text), ret_at_ms);
    if (unix_s < 0 || unix_s > INT32_MAX * INT64_C(16))
        return false;
    *ret_at_ms = unix_s * MS_SECOND;
    return true;
}

/* A clock that is wrong by more than a day would have failed before, at the certificates. */
static bool clock_set(struct engine *e, int64_t at_ms)
{
    int64_t ahead_ms = at_ms - e->job->now_ms;
    if (ahead_ms < -MS_DAY || ahead_ms > MS_DAY)
        return false;
    e->clock_ahead_ms = ahead_ms;
    return true;
}

static enum task_status clock_run(struct engine *e, struct task *task,
                                  const struct dns_answer *answer)
{
    struct clock_task *t = (struct clock_task *)task;
    const struct json *spec = json_find(e->tree, "clock");
    int64_t at_ms;
    (void)answer;
    if (t->asked == NULL) {
        t->asked = call_push(e, json_find(spec, "call"));
        return TASK_PUSHED;
    }
    if (t->asked->outcome == OUTCOME_SKIPPED)
        return TASK_DONE;
    const struct json *told = pick_find(e, json_find(spec, "time"), t->asked->answer, NULL);
    if (!time_read(e, told, &at_ms))
        return engine_fail(e, ERR_BROKEN, "the server does not tell its time");
    if (!clock_set(e, at_ms))
        return engine_fail(e, ERR_LOCAL, "the server's clock differs from ours by more than a day");
    return TASK_DONE;
}

void clock_push(struct engine *e)
{
    struct clock_task *t = arena_alloc(e->arena, sizeof *t);
    e->clock_asked = true;
    engine_push(e, &t->task, clock_run);
}

bool clock_correct(struct engine *e, const struct dns_answer *answer)
{
    const char *date = answer->header != NULL ? answer->header(answer, "Date") : NULL;
    int64_t at_ms;
    if (e->clock_corrected || !json_bool(json_find(e->tree, "clock"), "date", false) ||
        date == NULL || !time_parse_http(str_of(date), &at_ms))
        return false;
    int64_t skew_ms = at_ms - engine_now_ms(e);
    if (skew_ms > -SKEW_MIN_MS && skew_ms < SKEW_MIN_MS)
        return false;
    e->clock_corrected = true;
    return clock_set(e, at_ms);
}
