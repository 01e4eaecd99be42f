#include "leader/persist.h"

#include "leader/request.h"

#include "base/failpoint.h"
#include "dns/txt_desk.h"
#include "inventory/event.h"
#include "inventory/persist_row.h"
#include "inventory/register.h"
#include "leader/persist_inside.h"

enum {
    LEASE_MS = 20 * 60 * 1000,
    HELD_POLL_MS = 250,
    PUBLISH_PATIENCE_MS = 15 * 60 * 1000,
    REMOVAL_PATIENCE_MS = 2 * 60 * 1000,
    SOON_MS = 60 * 1000
};
/* The group of the desk that the records of one call form; orders have ids above 0. */
enum { GROUP = -2 };

/* ---- the lead ---- */

static bool lead_take(struct errand *errand, int64_t wait_ms, struct err *err)
{
    struct house *house = errand->house;
    if (!errand_lead_take(house, "persist", LEASE_MS, wait_ms, &errand->lease, err))
        return false;
    house->fencing = lease_fencing(errand->lease);
    return true;
}

static bool turn_begin(struct errand *errand, struct err *err)
{
    struct store *store = errand->house->store;
    if (!store_begin(store, err))
        return false;
    if (lease_guard(errand->house, errand->lease, err))
        return true;
    store_rollback(store);
    return false;
}

static bool turn_end(struct errand *errand, bool ok, struct err *err)
{
    struct store *store = errand->house->store;
    if (ok && store_commit(store, err))
        return true;
    store_rollback(store);
    return false;
}

static bool desk_turn(struct errand *errand, struct txt_desk *desk, struct err *err)
{
    if (!turn_begin(errand, err) || !turn_end(errand, txt_desk_collect(desk, err), err))
        return false;
    txt_desk_act(desk);
    /* Whose fate changed is only asked for by orders; who does not hear of it is not let sleep. */
    while (txt_desk_next_changed(desk) != 0)
        continue;
    return true;
}

/* ---- publishing ---- */

struct publishing {
    struct errand *errand;
    const struct set_config *set;
    struct persist_report *report;
    struct txt_desk *desk;
    int64_t *ids; /* rows of the lines */
};

static bool row_write(struct publishing *p, const struct persist_line *line, int64_t *ret_id,
                      struct err *err)
{
    struct store *store = p->errand->house->store;
    const char *place = line->alias != NULL ? line->alias : line->challenge;
    if (!store_int(store, 0, ret_id, err, SQL_PERSIST_FIND, "tttt", p->set->name, line->directory,
                   place, line->value))
        return false;
    if (*ret_id != 0)
        return store_run(store, NULL, err, SQL_PERSIST_AGAIN, "i", *ret_id);
    return store_insert(store, ret_id, err, SQL_PERSIST_INSERT,
                        "ttttittttt"
                        "ii",
                        p->set->name, line->authority, line->directory, line->account_url,
                        line->account_id, line->form, line->base, line->challenge, line->alias,
                        line->value, line->until_at_ms, house_now(p->errand->house));
}

static bool row_is_held(const struct publishing *p, size_t n, int64_t id)
{
    for (size_t i = 0; i < n; i++)
        if (p->ids[i] == id)
            return true;
    return false;
}

/* All rows first; names that share an alias share a row. */
static bool publish_intend(struct publishing *p, struct err *err)
{
    int64_t deadline_ms = house_now(p->errand->house) + PUBLISH_PATIENCE_MS;
    for (size_t i = 0; i < p->report->n; i++) {
        const struct persist_line *line = &p->report->lines[i];
        struct txt_standing standing = {.set = p->set->name,
                                        .challenge = line->challenge,
                                        .value = line->value,
                                        .alias = line->alias};
        if (!row_write(p, line, &p->ids[i], err))
            return false;
        standing.id = p->ids[i];
        if (!row_is_held(p, i, p->ids[i]) &&
            !txt_desk_stand(p->desk, GROUP, &standing, deadline_ms, err))
            return false;
    }
    return true;
}

static bool publish_wait(struct publishing *p, struct err *err)
{
    struct loop *loop = p->errand->house->loop;
    enum txt_fate fate = TXT_PENDING;
    struct err why = {0};
    while ((fate = txt_desk_fate(p->desk, GROUP, &why)) == TXT_PENDING && loop_n_stops(loop) == 0) {
        if (!desk_turn(p->errand, p->desk, err))
            return false;
        loop_wait(loop, txt_desk_next_at_ms(p->desk));
    }
    /* What was learnt last is written too, whatever it is. */
    if (!desk_turn(p->errand, p->desk, err))
        return false;
    if (fate == TXT_FAILED)
        return err_set(err, why.kind, "%s", why.text);
    return fate == TXT_SERVED ||
           err_set(err, ERR_AGAIN, "stopped by a signal; the same command goes on");
}

/* A set that failed for want of its record need not wait for its next try. */
static bool set_wake(struct publishing *p, struct err *err)
{
    struct house *house = p->errand->house;
    struct set_row row = {0};
    if (!register_row(house, p->set->name, &row, err))
        return false;
    bool waits = row.n_failures > 0 && row.failure_kind != NULL &&
                 err_kind_find(row.failure_kind) == ERR_CONFIG;
    set_row_fini(&row);
    return !waits || register_schedule(house, p->set->name, house_now(house), "retry", err);
}

static bool publish_tell(struct publishing *p, struct err *err)
{
    if (!turn_begin(p->errand, err))
        return false;
    for (size_t i = 0; i < p->report->n; i++) {
        struct persist_line *line = &p->report->lines[i];
        if (!line->stands)
            event_write(p->errand->house, EVENT_TXT_STANDS, p->set->name, 0, "%s: %s",
                        line->alias != NULL ? line->alias : line->challenge, line->value);
        line->stands = true;
    }
    return turn_end(p->errand, set_wake(p, err), err);
}

/* ---- removing ---- */

struct removing {
    struct errand *errand;
    struct txt_desk *desk;
    const int64_t *kept;
    size_t n_kept, n;
    struct err *err;
    bool ok;
};

static bool removal_one(struct removing *r, const struct persist_row *row)
{
    struct house *house = r->errand->house;
    struct txt_standing standing = {.id = row->id,
                                    .set = row->set,
                                    .challenge = row->challenge,
                                    .value = row->value,
                                    .alias = row->alias,
                                    .ref = row->ref,
                                    .provider = row->provider,
                                    .gone = true};
    int64_t n_others = 0;
    r->n++;
    event_write(house, EVENT_TXT_UNSTANDS, row->set, 0, "%s: %s", persist_row_place(row),
                row->value);
    if (!store_int(house->store, 0, &n_others, r->err, SQL_PERSIST_N_OTHERS, "ttt", row->value,
                   persist_row_place(row), row->set))
        return false;
    if (n_others > 0)
        return store_run(house->store, NULL, r->err, SQL_PERSIST_GONE, "ii", row->id,
                         house_now(house));
    return txt_desk_stand(r->desk, GROUP, &standing, 0, r->err);
}

static bool removal_visit(void *arg, const struct persist_row *row)
{
    struct removing *r = arg;
    for (size_t i = 0; i < r->n_kept; i++)
        if (r->kept[i] == row->id)
            return true;
    r->ok = removal_one(r, row);
    return r->ok;
}

/* What a person must mend is not waited for: its next try lies further off than "soon". */
static bool removal_goes_on(const struct removing *r, int64_t give_up_at_ms)
{
    struct house *house = r->errand->house;
    int64_t now_ms = house_now(house);
    return txt_desk_n_left(r->desk) > 0 && now_ms < give_up_at_ms &&
           loop_n_stops(house->loop) == 0 &&
           (txt_desk_is_busy(r->desk) || txt_desk_next_at_ms(r->desk) < now_ms + SOON_MS);
}

static bool removal_wait(struct removing *r, const char *set, struct err *err)
{
    struct house *house = r->errand->house;
    int64_t give_up_at_ms = house_now(house) + REMOVAL_PATIENCE_MS;
    for (;;) {
        if (!desk_turn(r->errand, r->desk, err))
            return false;
        if (!removal_goes_on(r, give_up_at_ms))
            break;
        int64_t next_at_ms = txt_desk_next_at_ms(r->desk);
        loop_wait(house->loop, next_at_ms < give_up_at_ms ? next_at_ms : give_up_at_ms);
    }
    struct err why = {0};
    size_t n_left = txt_desk_n_left(r->desk);
    if (n_left > 0)
        txt_desk_trouble(r->desk, GROUP, &why);
    return n_left == 0 ||
           err_set(err, ERR_AGAIN,
                   "%zu standing record%s of set %s could not be removed%s%s: the same command "
                   "tries again",
                   n_left, n_left == 1 ? "" : "s", set, why.kind != ERR_NONE ? ": " : "",
                   why.kind != ERR_NONE ? why.text : "");
}

/* Rows that are not kept turn to "gone" in one transaction, then the provider is asked. */
static bool rows_remove(struct errand *errand, struct txt_desk *desk, const char *set,
                        const int64_t *kept, size_t n_kept, size_t *ret_n, struct err *err)
{
    struct removing r = {errand, desk, kept, n_kept, 0, err, true};
    if (!turn_begin(errand, err))
        return false;
    bool ok = persist_each(errand->house, set, removal_visit, &r, err) && r.ok &&
              txt_desk_collect(desk, err);
    if (!turn_end(errand, ok, err))
        return false;
    *ret_n = r.n;
    FAILPOINT("persist.remove.before");
    txt_desk_act(desk);
    return r.n == 0 || removal_wait(&r, set, err);
}

/* ---- the doors ---- */

static bool publish_all(struct publishing *p, struct err *err)
{
    if (!turn_begin(p->errand, err) || !turn_end(p->errand, publish_intend(p, err), err))
        return false;
    FAILPOINT("persist.publish.before");
    return publish_wait(p, err) && publish_tell(p, err) &&
           rows_remove(p->errand, p->desk, p->set->name, p->ids, p->report->n,
                       &p->report->n_removed, err);
}

static bool publish(struct errand *errand, const struct set_config *set,
                    struct persist_report *report, struct err *err)
{
    struct publishing p = {.errand = errand,
                           .set = set,
                           .report = report,
                           .desk = txt_desk_new(errand->house),
                           .ids = NEW_N(report->n, int64_t)};
    bool ok = publish_all(&p, err);
    txt_desk_free(p.desk);
    mem_free(p.ids);
    return ok;
}

bool leader_persist(struct house *house, const struct set_config *set,
                    const struct persist_options *options, struct persist_report *ret,
                    struct err *err)
{
    struct errand errand = {.house = house, .office = ca_office_new(house)};
    bool ok = (!options->publishes || lead_take(&errand, options->wait_ms, err)) &&
              persist_lines_make(&errand, set, options, options->publishes, ret, err) &&
              (!options->publishes || publish(&errand, set, ret, err));
    errand_close(&errand);
    return ok;
}

bool leader_persist_remove(struct house *house, const char *set, int64_t wait_ms,
                           size_t *ret_n_removed, struct err *err)
{
    struct errand errand = {.house = house, .office = ca_office_new(house)};
    struct txt_desk *desk = NULL;
    bool ok = lead_take(&errand, wait_ms, err);
    if (ok) {
        desk = txt_desk_new(house);
        ok = rows_remove(&errand, desk, set, NULL, 0, ret_n_removed, err);
    }
    if (ok && *ret_n_removed == 0)
        ok = err_set(err, ERR_ABSENT, "no standing record of set %s was published from here", set);
    txt_desk_free(desk);
    errand_close(&errand);
    return ok;
}
