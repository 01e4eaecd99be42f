#include "leader/follow.h"

#include "inventory/event.h"
#include "leader/request.h"

enum {
    FOLLOW_POLL_MS = 250,
    FOLLOW_SLOW_MS = 1000, /* after half a minute nobody minds a second */
    FOLLOW_EAGER_MS = 30 * 1000,
    STEPS_MAX = 16 /* of so many sets the steps are told */
};

struct follower {
    struct house *house;
    struct leader_options options;
    struct request request;
    int64_t began_at_boot_ms, event_id;
    char *steps[STEPS_MAX];
};

static int64_t boot_now(const struct follower *f)
{
    return clock_boot_ms(f->house->clock);
}

/* ---- live ---- */

static bool is_of_request(const struct follower *f, const char *set)
{
    char **sets = f->request.sets;
    if (set == NULL || sets == NULL)
        return set != NULL;
    for (; *sets != NULL; sets++)
        if (strcmp(*sets, set) == 0)
            return true;
    return false;
}

/* The stage by which progress is told, from the name of the event. */
static const char *stage_of(const char *event)
{
    static const char *const stages[][2] = {{"txt.", "dns"},
                                            {"deploy.", "deliver"},
                                            {"endpoint.", "verify"},
                                            {"revocation.", "revoke"}};
    for (size_t i = 0; i < sizeof stages / sizeof stages[0]; i++)
        if (strncmp(event, stages[i][0], strlen(stages[i][0])) == 0)
            return stages[i][1];
    return "order";
}

static void event_tell(const struct follower *f, const struct rows *rows)
{
    const char *level = rows_text(rows, 1), *event = rows_text(rows, 2), *set = rows_text(rows, 3);
    bool is_fault = strcmp(level, "error") == 0 || strcmp(level, "warning") == 0;
    if (!is_of_request(f, set))
        return;
    if (is_fault || strcmp(level, "notice") == 0)
        house_say_end(f->house, set, stage_of(event), is_fault, "%s: %s", event,
                      rows_text(rows, 4));
    else
        house_say(f->house, set, stage_of(event), "%s: %s", event, rows_text(rows, 4));
}

static bool events_tell(struct follower *f, struct err *err)
{
    struct rows rows;
    if (!store_query(f->house->store, &rows, err, SQL_EVENT_SINCE, "i", f->event_id))
        return false;
    while (rows_next(&rows)) {
        f->event_id = rows_int(&rows, 0);
        event_tell(f, &rows);
    }
    return rows_end(&rows, err);
}

static bool step_tell(struct follower *f, size_t i, struct err *err)
{
    struct rows rows;
    const char *set = f->request.sets[i];
    if (!store_query(f->house->store, &rows, err, SQL_ORDER_STEP_OF_SET, "t", set))
        return false;
    const char *step = rows_next(&rows) ? rows_text(&rows, 0) : NULL;
    if (step != NULL && (f->steps[i] == NULL || strcmp(f->steps[i], step) != 0)) {
        mem_set_str(&f->steps[i], step);
        house_say(f->house, set, "order", "step %s", step);
    }
    return rows_end(&rows, err);
}

static bool progress_tell(struct follower *f, struct err *err)
{
    bool ok = events_tell(f, err);
    for (size_t i = 0; ok && f->request.sets != NULL && i < STEPS_MAX && f->request.sets[i] != NULL;
         i++)
        ok = step_tell(f, i, err);
    return ok;
}

/* ---- waiting ---- */

/* Forgotten is done: what is open is never forgotten. */
static bool request_look(struct follower *f, bool *ret_done, struct err *err)
{
    struct request now;
    struct err why = {0};
    if (!request_load(f->house, f->request.id, &now, &why)) {
        *ret_done = true;
        return why.kind == ERR_ABSENT || err_set(err, why.kind, "%s", why.text);
    }
    *ret_done = now.is_done;
    f->request.is_done = now.is_done;
    f->request.done_at_ms = now.done_at_ms;
    request_fini(&now);
    return true;
}

/* The lead is free: the request is carried out by ourselves, as any other that is open. What is forced is in the request. */
static bool lead_try(struct follower *f, bool *ret_led, struct err *err)
{
    struct leader_options options = f->options;
    struct leader_result result = {0};
    struct err why = {0};
    options.wait_ms = 0;
    options.forced = options.retries = false;
    options.override_reason = NULL;
    *ret_led = leader_run(f->house, &options, &result, &why);
    return *ret_led || why.kind == ERR_HELD || err_set(err, why.kind, "%s", why.text);
}

static void follow_wait(const struct follower *f)
{
    bool is_eager = boot_now(f) < f->began_at_boot_ms + FOLLOW_EAGER_MS;
    loop_wait(f->house->loop, house_now(f->house) + (is_eager ? FOLLOW_POLL_MS : FOLLOW_SLOW_MS));
}

static bool time_is_over(const struct follower *f, struct err *err)
{
    struct lease_holder holder = {0};
    char waited[TIME_TEXT_MAX];
    duration_format(f->options.wait_ms, waited);
    if (!lease_holder(f->house, "leader", &holder, err))
        return false;
    err_set(err, ERR_HELD,
            "request %lld was not done within %s: the lead is held by `%s`, pid %lld on %s. The "
            "request stays; whoever leads carries it out",
            (long long)f->request.id, waited, holder.purpose != NULL ? holder.purpose : "?",
            (long long)holder.pid, holder.host != NULL ? holder.host : "?");
    lease_holder_fini(&holder);
    return false;
}

/* True: done, or told to stop. */
static bool follow(struct follower *f, struct leader_result *ret, struct err *err)
{
    for (;;) {
        bool is_done = false, has_led = false;
        follow_wait(f);
        if (!request_look(f, &is_done, err) || !progress_tell(f, err))
            return false;
        if (!is_done && loop_n_stops(f->house->loop) == 0 && !lead_try(f, &has_led, err))
            return false;
        if (has_led && !request_look(f, &is_done, err))
            return false;
        if (is_done || loop_n_stops(f->house->loop) > 0) {
            bool ok = request_result(f->house, &f->request, ret, err);
            ret->stopped = ok && !is_done;
            return ok;
        }
        if (boot_now(f) >= f->began_at_boot_ms + f->options.wait_ms)
            return time_is_over(f, err);
    }
}

static bool follow_begin(struct follower *f, const struct err *held, struct err *err)
{
    int64_t id = 0;
    if (!request_file(f->house, &f->options, &id, err) ||
        !request_load(f->house, id, &f->request, err))
        return false;
    f->event_id = f->request.event_id;
    f->began_at_boot_ms = boot_now(f);
    house_say(f->house, NULL, "request", "request %lld is filed: %s", (long long)id, held->text);
    return true;
}

bool leader_run_or_follow(struct house *house, const struct leader_options *options,
                          struct leader_result *ret, struct err *err)
{
    struct follower f = {.house = house, .options = *options};
    struct leader_options now = *options;
    struct err held = {0};
    now.wait_ms = 0;
    if (leader_run(house, &now, ret, &held))
        return true;
    if (held.kind != ERR_HELD || options->wait_ms == 0 || options->request == REQUEST_NONE) {
        *err = held;
        return false;
    }
    bool ok = follow_begin(&f, &held, err) && follow(&f, ret, err);
    if (ok && ret->stopped)
        house_say(house, NULL, "request",
                  "stopped; request %lld stays: whoever leads carries it out",
                  (long long)f.request.id);
    for (size_t i = 0; i < STEPS_MAX; i++)
        mem_free(f.steps[i]);
    request_fini(&f.request);
    return ok;
}
