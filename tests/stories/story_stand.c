/* What a story expects of zone, sets, orders and the last run. */
#include "story.h"

#include "inventory/config.h"
#include "inventory/register.h"

#include <stdio.h>

#define ACT(name) static void name(struct story *s, const struct args *a)

/* ---- TXT ---- */

ACT(no_txt_left)
{
    struct house house;
    int64_t n_open = 0;
    (void)a;
    expect_number(s, "TXT values of ours in the zone", (int64_t)world_n_txt(false), 0, 0);
    if (!expect_look(s, &house))
        return;
    store_int(house.store, 0, &n_open, NULL, SQL_TXT_N_OPEN, "");
    program_look_end(&house);
    expect_number(s, "TXT wishes not gone", n_open, 0, 0);
}
ACT(txt_left)
{
    expect_number(s, "TXT values of ours in the zone", (int64_t)world_n_txt(false), a->n[0],
                  a->n[0]);
}
ACT(foreign_txt)
{
    expect_number(s, "TXT values of others", (int64_t)(world_n_txt(true) - world_n_txt(false)),
                  a->n[0], a->n[0]);
}

/* ---- how sets and orders stand ---- */

static bool row_of(struct story *s, const char *set, struct set_row *ret)
{
    struct house house;
    struct err err;
    *ret = (struct set_row){0};
    if (!expect_look(s, &house))
        return false;
    bool ok = register_row(&house, set, ret, &err);
    if (!ok)
        story_fail(s, "%s", err.text);
    program_look_end(&house);
    return ok;
}

static void expect_text(struct story *s, const char *what, const char *got, const char *wanted)
{
    if (got == NULL || strstr(got, wanted) == NULL)
        story_fail(s, "%s: \"%s\" is not in \"%s\"", what, wanted, got != NULL ? got : "");
}

ACT(failed)
{
    struct set_row row;
    if (row_of(s, "main", &row))
        expect_text(s, "failure", row.failure, a->w[0]);
    set_row_fini(&row);
}
ACT(failed_of)
{
    struct set_row row;
    if (row_of(s, a->w[0], &row))
        expect_text(s, "failure", row.failure, a->w[1]);
    set_row_fini(&row);
}
ACT(not_failed)
{
    struct set_row row;
    (void)a;
    if (row_of(s, "main", &row) && (row.failure != NULL || row.n_failures > 0))
        story_fail(s, "it failed %lld times: %s", (long long)row.n_failures,
                   row.failure != NULL ? row.failure : "");
    set_row_fini(&row);
}
ACT(fault_of)
{
    struct set_row row;
    if (row_of(s, a->w[0], &row))
        expect_text(s, "fault", row.fault, a->w[1]);
    set_row_fini(&row);
}
ACT(no_fault_of)
{
    struct set_row row;
    if (row_of(s, a->w[0], &row) && row.fault != NULL)
        story_fail(s, "it has a fault: %s", row.fault);
    set_row_fini(&row);
}

ACT(held)
{
    struct set_row row;
    if (row_of(s, "main", &row))
        expect_text(s, "hold", row.hold, a->w[0]);
    set_row_fini(&row);
}
ACT(not_held)
{
    struct set_row row;
    (void)a;
    if (row_of(s, "main", &row) && row.hold != NULL)
        story_fail(s, "it is held: %s", row.hold);
    set_row_fini(&row);
}
ACT(guilty)
{
    struct set_row row;
    if (row_of(s, "main", &row))
        for (size_t i = 0; i < a->n_w; i++)
            expect_text(s, "names at fault", row.guilty, a->w[i]);
    set_row_fini(&row);
}

/* Up to a tenth of jitter is allowed. */
ACT(next_try_in)
{
    struct set_row row;
    if (row_of(s, "main", &row)) {
        int64_t in_ms = row.next_at_ms - row.failed_at_ms;
        if (in_ms < a->n[0] || in_ms > a->n[0] + a->n[0] / 10)
            story_fail(s, "the next try is %lld s after the failure",
                       (long long)(in_ms / MS_SECOND));
    }
    set_row_fini(&row);
}
ACT(next_try_at)
{
    struct set_row row;
    char text[TIME_TEXT_MAX];
    if (row_of(s, "main", &row) &&
        (row.next_at_ms < a->n[0] || row.next_at_ms > a->n[0] + MS_MINUTE)) {
        time_format(row.next_at_ms, false, text);
        story_fail(s, "the next try is at %s", text);
    }
    set_row_fini(&row);
}

static int64_t n_open_orders(struct story *s)
{
    struct house house;
    int64_t n = 0;
    if (!expect_look(s, &house))
        return 0;
    store_int(house.store, 0, &n, NULL, SQL_ORDER_N_OPEN, "");
    program_look_end(&house);
    return n;
}

static int64_t n_open_requests(struct story *s)
{
    struct house house;
    int64_t n = 0;
    if (!expect_look(s, &house))
        return 0;
    store_int(house.store, 0, &n, NULL, SQL_REQUEST_N_OPEN, "");
    program_look_end(&house);
    return n;
}

/* The newest order's last failure: of one that is only put off the set knows nothing. */
ACT(put_off)
{
    struct house house;
    struct rows rows;
    int64_t id = 0;
    if (!expect_look(s, &house))
        return;
    if (store_query(house.store, &rows, NULL, SQL_ORDER_OPEN_IDS, "")) {
        while (rows_next(&rows))
            id = rows_int(&rows, 0);
        rows_end(&rows, NULL);
    }
    if (id == 0)
        story_fail(s, "no order is open");
    else if (store_query(house.store, &rows, NULL, SQL_ORDER_LOAD, "i", id)) {
        if (rows_next(&rows))
            expect_text(s, "put off", rows_text(&rows, 22), a->w[0]);
        rows_end(&rows, NULL);
    }
    program_look_end(&house);
}

ACT(open_orders)
{
    expect_number(s, "open orders", n_open_orders(s), a->n[0], a->n[0]);
}

ACT(open_requests)
{
    expect_number(s, "open requests", n_open_requests(s), a->n[0], a->n[0]);
}

struct event_count {
    const char *name;
    int64_t n;
};

static int64_t n_events(struct story *s, const char *name)
{
    struct house house;
    struct rows rows;
    int64_t n = 0;
    if (!expect_look(s, &house))
        return 0;
    if (store_query(house.store, &rows, NULL, SQL_EVENT_ALL, "")) {
        while (rows_next(&rows))
            n += strcmp(rows_text(&rows, 3), name) == 0 ? 1 : 0;
        rows_end(&rows, NULL);
    }
    program_look_end(&house);
    return n;
}

ACT(events)
{
    expect_number(s, a->w[0], n_events(s, a->w[0]), a->n[0], a->n[0]);
}

/* ---- the last run ---- */

ACT(result_issued)
{
    expect_number(s, "issued", (int64_t)s->run.result.renewal.n_issued, a->n[0], a->n[0]);
}
ACT(result_failed)
{
    expect_number(s, "failed", (int64_t)s->run.result.renewal.n_failed, a->n[0], a->n[0]);
}
ACT(result_postponed)
{
    expect_number(s, "postponed", (int64_t)s->run.result.renewal.n_postponed, a->n[0], a->n[0]);
}
ACT(result_throttled)
{
    expect_number(s, "throttled", (int64_t)s->run.result.renewal.n_throttled, a->n[0], a->n[0]);
}
ACT(error)
{
    s->error_is_seen = true;
    if (s->run.ok)
        story_fail(s, "the run did not fail");
    else
        expect_text(s, "error", s->run.err.text, a->w[0]);
}
ACT(took_at_most)
{
    expect_number(s, "ms taken", s->run.took_ms, 0, a->n[0]);
}
ACT(took_at_least)
{
    expect_number(s, "ms taken", s->run.took_ms, a->n[0], INT64_MAX);
}
ACT(was_killed)
{
    (void)a;
    if (!s->run.was_killed)
        story_fail(s, "the run was not killed");
}
ACT(asked_nobody)
{
    (void)a;
    expect_number(s, "requests and questions of the run",
                  s->run.result.n_http + s->run.result.n_dns + s->run.result.n_dns_updates, 0, 0);
}

ACT(answers_at_most)
{
    expect_number(s, "answers in one wait", world.most_at_once, 0, a->n[0]);
}

ACT(answers_at_least)
{
    expect_number(s, "answers in one wait", world.most_at_once, a->n[0], INT64_MAX);
}

ACT(commits)
{
    expect_number(s, "commits", s->run.result.n_commits, 0, a->n[0]);
}

const struct clause story_stand_clauses[] = {
    {"expect", "no TXT left", "nothing of ours in the zone, no wish open", no_txt_left},
    {"expect", "%n TXT left", "", txt_left},
    {"expect", "%n foreign TXT", "", foreign_txt},
    {"expect", "failed %s", "the last failure of main says so", failed},
    {"expect", "%w failed %s", "of another set", failed_of},
    {"expect", "not failed", "", not_failed},
    {"expect", "put off %s", "an order is open, and its last failure says so", put_off},
    {"expect", "%w has fault %s", "its file, or its quarrel with another", fault_of},
    {"expect", "%w has no fault", "", no_fault_of},
    {"expect", "held %s", "only a person can mend it, and this is what to do", held},
    {"expect", "not held", "", not_held},
    {"expect", "names at fault %*", "of its last failure, each for itself", guilty},
    {"expect", "next try in %t", "after the failure, up to a tenth later", next_try_in},
    {"expect", "next try at %m", "up to a minute later", next_try_at},
    {"expect", "%n open orders", "", open_orders},
    {"expect", "%n open requests", "of other processes, not carried out yet", open_requests},
    {"expect", "%n events %w", "in the history", events},
    {"expect", "issued %n", "by the last run", result_issued},
    {"expect", "failures %n", "of the last run", result_failed},
    {"expect", "postponed %n", "by the last run", result_postponed},
    {"expect", "throttled %n", "in the last run", result_throttled},
    {"expect", "error %s", "the last run failed as a whole", error},
    {"expect", "took at most %t", "", took_at_most},
    {"expect", "took at least %t", "", took_at_least},
    {"expect", "was killed", "", was_killed},
    {"expect", "asked nobody", "no request, question or update", asked_nobody},
    {"expect", "at most %n commits", "in the last run", commits},
    {"expect", "at most %n answers a wait", "of the last run; timers count, too", answers_at_most},
    {"expect", "at least %n answers a wait", "in one of them", answers_at_least},
    {NULL, NULL, NULL, NULL},
};
