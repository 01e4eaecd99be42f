/* What makes time pass: runs, waits, kills. */
#include "story.h"

#include "inventory/register.h"

#include <stdio.h>

enum { QUIET_RUNS_MAX = 60 };

#define ACT(name) static void name(struct story *s, const struct args *a)

static void run_seen(struct story *s)
{
    s->has_run = true;
    s->error_is_seen = false;
    s->n_runs++;
    s->n_expired += s->run.n_expired;
    if (world.wrong[0] != '\0')
        story_fail(s, "%s", world.wrong);
}

static void run_once(struct story *s, bool forced, bool retries)
{
    program_run(&s->program, forced, retries, &s->run);
    run_seen(s);
}

ACT(run)
{
    (void)a;
    run_once(s, false, false);
}

ACT(run_retry)
{
    (void)a;
    run_once(s, false, true);
}

ACT(run_forced)
{
    (void)a;
    run_once(s, true, false);
}

ACT(serve)
{
    struct program_service service = {.for_ms = a->n[0]};
    if (a->n_n > 1) {
        service.n_asks = (size_t)a->n[1];
        service.ask_after_ms = a->n[2];
    }
    program_serve(&s->program, &service, &s->run);
    run_seen(s);
    if (!s->run.ok && !s->run.was_killed)
        story_fail(s, "serve failed: %s", s->run.err.text);
}

/* As cron does: a run that lasts longer than the pause only delays the next. */
ACT(run_every)
{
    int64_t end_at_ms = world.now_ms + a->n[1];
    for (int64_t at_ms = world.now_ms; at_ms < end_at_ms && !s->failed; at_ms += a->n[0]) {
        if (world.now_ms < at_ms)
            world.now_ms = at_ms;
        run_once(s, false, false);
        if (!s->run.ok && !s->run.was_killed) {
            story_fail(s, "the run failed: %s", s->run.err.text);
            return;
        }
    }
    if (world.now_ms < end_at_ms)
        world.now_ms = end_at_ms;
}

struct due {
    int64_t at_ms;
};

static bool due_look(void *arg, const struct set_row *row)
{
    struct due *due = arg;
    if (!row->removed && row->next_at_ms < due->at_ms)
        due->at_ms = row->next_at_ms;
    return true;
}

/* The earliest instant at which a run would find something to do; INT64_MAX: never. */
static int64_t next_due_ms(struct story *s, bool orders_only)
{
    struct house house;
    struct due due = {INT64_MAX};
    struct rows rows;
    int64_t n_left = 0;
    if (!program_look(&s->program, &house, NULL))
        return INT64_MAX;
    if (!orders_only)
        register_each(&house, due_look, &due, NULL);
    if (store_query(house.store, &rows, NULL, SQL_ORDER_OPEN_IDS, "")) {
        while (rows_next(&rows))
            if (rows_int(&rows, 2) < due.at_ms)
                due.at_ms = rows_int(&rows, 2);
        rows_end(&rows, NULL);
    }
    if (store_int(house.store, 0, &n_left, NULL, SQL_TXT_N_LEFT, "") && n_left > 0 &&
        due.at_ms > world_wall_ms())
        due.at_ms = world_wall_ms() + MS_MINUTE;
    program_look_end(&house);
    return due.at_ms == INT64_MAX ? INT64_MAX : due.at_ms - world.skew_ms;
}

/* Runs again and again, each time when the next thing is due, until no order is open and nothing is left in the zone. */
ACT(run_until_quiet)
{
    (void)a;
    for (int i = 0; i < QUIET_RUNS_MAX && !s->failed; i++) {
        run_once(s, false, false);
        if (!s->run.ok && !s->run.was_killed)
            return;
        int64_t next_ms = next_due_ms(s, true);
        if (next_ms == INT64_MAX && !s->run.was_killed)
            return;
        if (next_ms != INT64_MAX && next_ms > world.now_ms)
            world.now_ms = next_ms;
    }
    story_fail(s, "%d runs were not enough", QUIET_RUNS_MAX);
}

ACT(wait_for)
{
    (void)s;
    world.now_ms += a->n[0];
}

ACT(wait_until)
{
    (void)s;
    if (a->n[0] > world.now_ms)
        world.now_ms = a->n[0];
}

ACT(wait_until_due)
{
    (void)a;
    int64_t next_ms = next_due_ms(s, false);
    if (next_ms == INT64_MAX)
        story_fail(s, "nothing will ever be due");
    else if (next_ms > world.now_ms)
        world.now_ms = next_ms;
}

ACT(kill_before)
{
    (void)s;
    world_kill_at(KILL_BEFORE, a->w[0], a->n_n > 0 ? a->n[0] : 1);
}

ACT(kill_after)
{
    (void)s;
    world_kill_at(KILL_AFTER, a->w[0], a->n_n > 0 ? a->n[0] : 1);
}

ACT(kill_from_here)
{
    (void)a;
    if (s->kill_at > 0)
        world_kill_at(KILL_AT_POINT, "", s->kill_at);
}

ACT(kill_no_more)
{
    (void)s;
    (void)a;
    world.kill.when = KILL_NEVER;
}

ACT(slices)
{
    (void)a;
    s->program.works_in_slices = true;
}

ACT(store_full)
{
    (void)s;
    (void)a;
    world.store_is_full = true;
}

ACT(store_room)
{
    (void)s;
    (void)a;
    world.store_is_full = false;
}

ACT(stop)
{
    (void)s;
    world.n_stops = (int)a->n[0];
}

ACT(persist_publish)
{
    program_persist(&s->program, a->w[0], false, a->n_n > 0 ? a->n[0] : 0, &s->run);
    run_seen(s);
}
ACT(persist_remove)
{
    program_persist(&s->program, a->w[0], true, 0, &s->run);
    run_seen(s);
}

ACT(revoke)
{
    struct err err;
    if (!program_revoke(&s->program, a->w[0], false, &err))
        story_fail(s, "revoke: %s", err.text);
}
ACT(revoke_now)
{
    struct err err;
    if (!program_revoke(&s->program, a->w[0], true, &err))
        story_fail(s, "revoke: %s", err.text);
}

const struct clause story_run_clauses[] = {
    {"run", "", "`chancery renew` once", run},
    {"run", "by hand", "`chancery renew --force main`", run_forced},
    {"run", "retry", "`chancery renew --retry main`", run_retry},
    {"run", "every %t for %t", "as cron does", run_every},
    {"run", "until quiet",
     "whenever something is due, until no order is open and nothing is left in the zone",
     run_until_quiet},
    {"serve", "for %t", "`chancery serve` for so long, then SIGTERM", serve},
    {"serve", "for %t asked by %n after %t",
     "so many others file `issue main` that long after its start", serve},
    {"wait", "%t", "", wait_for},
    {"wait", "until %m", "", wait_until},
    {"wait", "until due", "until a run would find something to do", wait_until_due},
    {"kill", "before %w",
     "the next run, before that request, \"publish\", \"remove\" or \"commit\"", kill_before},
    {"kill", "after %w", "the same, after it took effect and before it is known", kill_after},
    {"kill", "before %w number %n", "", kill_before},
    {"kill", "after %w number %n", "", kill_after},
    {"kill", "everywhere", "told once for each point at which a run can die from here on",
     kill_from_here},
    {"kill", "here and there", "the same for each third point", kill_from_here},
    {"kill", "no more", "the points at which a run can die end here", kill_no_more},
    {"slices", "are short",
     "as while others wait for the store: a turn takes up one order, a wait of the daemon hears "
     "one answer, and the rest is for the next",
     slices},
    {"store", "is full", "commits fail", store_full},
    {"store", "has room", "", store_room},
    {"signals", "%n", "so many SIGTERM were sent before the next run; 0: none", stop},
    {"persist", "%w", "`chancery persist --publish` of a set", persist_publish},
    {"persist", "%w for %t", "with --for", persist_publish},
    {"persist", "%w removed", "`chancery persist --remove`", persist_remove},
    {"revoke", "%w now", "the current certificate of a set is to be revoked at once", revoke_now},
    {"revoke", "%w", "the same after its replacement; the next run does it", revoke},
    {NULL, NULL, NULL, NULL},
};
