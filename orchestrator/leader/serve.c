#include "leader/serve.h"

#include "inventory/event.h"
#include "inventory/register.h"
#include "leader/clock_step.h"
#include "leader/concerns.h"
#include "leader/request.h"
#include "leader/request_desk.h"

#include <stdio.h>

enum {
    PATIENCE_MS = 20 * 1000,
    TICK_MS = 10 * 1000,
    OLDER_MS = 10 * 1000, /* not again, when that was of no use */
    ASIDE_MS = 2000,      /* how long the lead is left to an errand before it is asked for again */
    STAND_BY_MS = 500,    /* between two looks at who leads */
    TROUBLE_MS = 2000,    /* after the store, or something else, failed */
    SETTLE_MS = 3000,     /* what is under way, before an end or another configuration */
    FRESH_MS =
        10 * 60 *
        1000, /* so often what is at rest begins anew from the rows, where they say that there is work */
};

struct server {
    struct house *house;
    const struct serve_options *options;
    struct leader_options led; /* what the concerns are opened with */
    struct lead lead;
    struct turn faces, turn;
    struct concerns concerns;
    bool leads, is_open; /* is_open: the concerns */
    int64_t try_at_boot_ms, fresh_at_boot_ms, aside_at_boot_ms, older_at_boot_ms;
    int64_t
        settled_at_boot_ms; /* what is under way is waited for no longer; 0: nobody waits for it */
    int64_t
        faces_at_boot_ms; /* not before, unless they are busy: the store failed them a moment ago */
    bool is_reloading, is_stopping, has_trouble;
    char told[ERR_TEXT_MAX]; /* the reason for standing by that was told last */
};

const char *serve_news_text(enum serve_news news)
{
    static const char *const texts[] = {
#define X(name, text) [SERVE_##name] = text,
        SERVE_NEWS(X)
#undef X
    };
    return texts[news];
}

static int64_t boot_now(const struct server *s)
{
    return clock_boot_ms(s->house->clock);
}

static void tell(const struct server *s, enum serve_news news, const char *text)
{
    if (s->options->notify != NULL)
        s->options->notify(s->options->arg, news, text);
}

/* ---- with and without the lead ---- */

static void concerns_begin(struct server *s)
{
    concerns_open(&s->concerns, s->house, &s->led, true, &s->turn);
    s->is_open = true;
    s->fresh_at_boot_ms = boot_now(s) + FRESH_MS;
}

static void concerns_end(struct server *s)
{
    concerns_close(&s->concerns, &s->turn);
    s->is_open = false;
}

static void lead_end(struct server *s)
{
    concerns_end(s);
    lead_drop(&s->lead);
    s->leads = s->has_trouble = false;
}

/* Told when it changes: a standby may wait for months. */
static void stand_by(struct server *s, const struct err *why, int64_t again_ms)
{
    s->try_at_boot_ms = boot_now(s) + again_ms;
    if (strcmp(s->told, why->text) == 0)
        return;
    snprintf(s->told, sizeof(s->told), "%s", why->text);
    tell(s, SERVE_STANDS_BY, why->text);
}

static void trouble_tell(struct server *s, const struct err *why)
{
    if (why->kind == ERR_HELD)
        event_write(s->house, EVENT_LEASE_LOST, NULL, 0, "%s", why->text);
    else
        event_write(s->house, EVENT_STORE_TROUBLE, NULL, 0,
                    "%s; nothing more is asked of a CA until it is over", why->text);
}

static void lead_lost(struct server *s, const struct err *why)
{
    concerns_end(s);
    trouble_tell(s, why);
    lead_end(s);
    stand_by(s, why, TROUBLE_MS);
}

static bool lead_begin(struct server *s, struct err *err)
{
    struct register_result read;
    int64_t back_ms = 0;
    if (!clock_is_sane(s->house, err) || !clock_step_find(s->house, &back_ms, err) ||
        !lead_take(s->house, "serve", 0, &s->lead, err))
        return false;
    s->leads = true;
    return clock_step_mend(s->house, back_ms, err) && register_refresh(s->house, &read, err);
}

static void lead_try(struct server *s)
{
    struct err why = {0};
    if (s->is_stopping || boot_now(s) < s->try_at_boot_ms)
        return;
    if (lead_begin(s, &why)) {
        s->told[0] = '\0';
        tell(s, SERVE_LEADS, "");
        return;
    }
    lead_end(s);
    stand_by(s, &why, why.kind == ERR_HELD ? STAND_BY_MS : TROUBLE_MS);
}

/* ---- the turn of the leader ---- */

static bool concerns_are_at_rest(const struct server *s)
{
    return !turn_is_busy(&s->turn) &&
           turn_next_at_ms(&s->turn) > house_now(s->house) + s->led.patience_ms;
}

/* What is due though nobody takes it up - rows that others wrote, a clock that was set - is met by a beginning. */
static bool concerns_freshen(struct server *s, struct err *err)
{
    bool has_work = false;
    if (s->is_stopping || s->is_reloading || boot_now(s) < s->fresh_at_boot_ms ||
        !concerns_are_at_rest(s))
        return true;
    s->fresh_at_boot_ms = boot_now(s) + FRESH_MS;
    if (!leader_has_work(s->house, &s->led, &has_work, err))
        return false;
    if (has_work) {
        concerns_end(s);
        concerns_begin(s);
    }
    return true;
}

/* A store that another process keeps, or that is away, was not even begun with: what is in memory stays true for as long as the lead does. */
static bool trouble_is_passing(const struct server *s, const struct err *why)
{
    return why->kind == ERR_STORE && !s->turn.has_begun && lead_is_sure(&s->lead);
}

/* An account errand, for instance, needs the lead itself. What is under way settles, then it is given away; it comes back when the errand is done. */
static bool step_aside(struct server *s, struct err *err)
{
    bool is_asked = false;
    if (s->is_stopping || s->is_reloading || !s->is_open ||
        !request_desk_has_errand(s->concerns.desk))
        return true;
    if (!errand_is_asked(s->house, &is_asked, err))
        return false;
    if (!is_asked)
        return true;
    if (s->aside_at_boot_ms == 0)
        s->aside_at_boot_ms = boot_now(s) + SETTLE_MS;
    if (turn_is_busy(&s->turn) && boot_now(s) < s->aside_at_boot_ms)
        return true;
    if (!errands_hear(s->house, err))
        return false;
    house_say(s->house, NULL, "serve", "steps aside for a moment: another command needs the lead");
    lead_end(s);
    s->aside_at_boot_ms = 0;
    s->try_at_boot_ms = boot_now(s) + ASIDE_MS;
    return true;
}

static bool led_look(struct server *s, struct err *err)
{
    return concerns_freshen(s, err) && (!s->is_open || request_desk_look(s->concerns.desk, err)) &&
           step_aside(s, err);
}

/* Whoever files a request has read chancery.yaml himself, and the register under it. What he wants is not to be done under an older one: that is
 * taken up first, as after a SIGHUP. Once for each while: it may be a file of another host, which is none of ours. */
static bool request_waits_for_config(struct server *s, bool *ret, struct err *err)
{
    bool is_ours = true;
    if (!register_config_is_ours(s->house, &is_ours, err))
        return false;
    bool is_asked = s->is_reloading || reload_next_at_ms(s->options->reload) != INT64_MAX;
    if (!is_ours && !is_asked && boot_now(s) >= s->older_at_boot_ms) {
        s->older_at_boot_ms = boot_now(s) + OLDER_MS;
        reload_ask(s->options->reload);
        is_asked = true;
    }
    *ret = !is_ours && is_asked;
    return true;
}

static bool requests_admit(struct server *s, struct err *err)
{
    bool waits = false;
    if (!s->leads || !s->is_open || !request_desk_has_new(s->concerns.desk))
        return true;
    if (s->options->reload != NULL && !request_waits_for_config(s, &waits, err))
        return false;
    request_desk_hold(s->concerns.desk, waits);
    return true;
}

static void led_turn(struct server *s)
{
    struct err why = {0};
    if (s->has_trouble && boot_now(s) < s->try_at_boot_ms)
        return;
    if (!s->is_open && !s->is_stopping)
        concerns_begin(s);
    s->turn.has_begun = true;
    bool ok = led_look(s, &why) && requests_admit(s, &why);
    if (ok && !s->leads)
        return;
    ok = ok && (!turn_is_due(&s->turn) || turn_run(&s->turn, &why));
    s->has_trouble = !ok;
    s->try_at_boot_ms = boot_now(s) + TROUBLE_MS;
    if (!ok && !trouble_is_passing(s, &why))
        lead_lost(s, &why);
}

/* ---- the turn of the faces ---- */

static void faces_turn(struct server *s)
{
    struct err why = {0};
    if (!turn_is_busy(&s->faces) && boot_now(s) < s->faces_at_boot_ms)
        return;
    if (!turn_is_due(&s->faces) || turn_run(&s->faces, &why))
        return;
    s->faces_at_boot_ms = boot_now(s) + STAND_BY_MS;
    for (size_t i = 0; i < s->options->n_faces; i++) {
        s->options->faces[i].go_without(s->options->faces[i].concern.self, &why);
        s->options->faces[i].concern.act(s->options->faces[i].concern.self);
    }
}

/* ---- another configuration, and the end ---- */

static bool is_settled(const struct server *s)
{
    return !s->is_open || !turn_is_busy(&s->turn) || boot_now(s) >= s->settled_at_boot_ms;
}

static void reload_begin(struct server *s)
{
    s->is_reloading = reload_load(s->options->reload, s->leads);
    s->settled_at_boot_ms = boot_now(s) + SETTLE_MS;
}

static void reload_end(struct server *s)
{
    struct err why = {0};
    concerns_end(s);
    s->is_reloading = false;
    if (!reload_apply(s->options->reload, s->leads, &why) && s->leads)
        lead_lost(s, &why);
}

/* False: it is time to go. */
static bool signals_heed(struct server *s)
{
    if (!s->is_stopping && loop_n_stops(s->house->loop) > 0) {
        s->is_stopping = true;
        s->settled_at_boot_ms = boot_now(s) + SETTLE_MS;
        tell(s, SERVE_STOPPING, "");
    }
    if (s->is_stopping)
        return !is_settled(s) || (turn_is_busy(&s->faces) && boot_now(s) < s->settled_at_boot_ms);
    if (!s->is_reloading && s->options->reload != NULL && reload_is_due(s->options->reload))
        reload_begin(s);
    if (s->is_reloading && is_settled(s))
        reload_end(s);
    return true;
}

/* ---- for ever ---- */

static int64_t wall_of_boot(const struct server *s, int64_t boot_ms)
{
    return house_now(s->house) + boot_ms - boot_now(s);
}

static int64_t led_due_at_ms(const struct server *s)
{
    if (!s->leads || s->has_trouble)
        return wall_of_boot(s, s->try_at_boot_ms);
    if (!s->is_open)
        return s->is_stopping ? turn_due_at_ms(&s->turn) : 0;
    int64_t due_ms = turn_due_at_ms(&s->turn), look_ms = request_desk_look_at_ms(s->concerns.desk);
    return due_ms < look_ms ? due_ms : look_ms;
}

static void serve_wait(const struct server *s)
{
    int64_t tick_ms = s->options->tick_ms != 0 ? s->options->tick_ms : TICK_MS;
    int64_t until_ms = house_now(s->house) + tick_ms, faces_at_ms = turn_due_at_ms(&s->faces);
    if (faces_at_ms < wall_of_boot(s, s->faces_at_boot_ms))
        faces_at_ms = wall_of_boot(s, s->faces_at_boot_ms);
    int64_t bounds[] = {
        faces_at_ms, led_due_at_ms(s),
        s->is_stopping || s->is_reloading ? wall_of_boot(s, s->settled_at_boot_ms) : INT64_MAX,
        s->options->reload != NULL && !s->is_reloading ? reload_next_at_ms(s->options->reload)
                                                       : INT64_MAX};
    for (size_t i = 0; i < sizeof(bounds) / sizeof(bounds[0]); i++)
        if (bounds[i] < until_ms)
            until_ms = bounds[i];
    loop_set_slice(s->house->loop, house_slice_ms(s->house));
    loop_wait(s->house->loop, until_ms);
}

bool leader_serve(struct house *house, const struct serve_options *options, struct err *err)
{
    struct server s = {.house = house, .options = options};
    (void)err;
    s.led = (struct leader_options){.purpose = "serve",
                                    .renews = true,
                                    .delivers = true,
                                    .verifies = true,
                                    .patience_ms = options->patience_ms != 0 ? options->patience_ms
                                                                             : PATIENCE_MS};
    s.faces.house = s.turn.house = house;
    s.turn.lead = &s.lead;
    for (size_t i = 0; i < options->n_faces; i++)
        turn_add(&s.faces, &options->faces[i].concern);
    tell(&s, SERVE_READY, "");
    while (signals_heed(&s)) {
        if (s.leads)
            led_turn(&s);
        else
            lead_try(&s);
        faces_turn(&s);
        tell(&s, SERVE_TURN, "");
        serve_wait(&s);
    }
    lead_end(&s);
    return true;
}
