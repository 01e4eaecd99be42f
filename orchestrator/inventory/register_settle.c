#include "inventory/register_inside.h"

#include "inventory/event.h"
#include "inventory/held_chain.h"
#include "inventory/plan.h"

#include <stdio.h>

enum { WHY_MAX = 16 * 1024 };

struct state { /* of one set, inside the transaction */
    struct set_row row;
    char *doc, *conflict;
    bool is_broken; /* the file itself */
    struct set_config *own_set;
    const struct set_config *set; /* NULL while the file is broken */
    struct certificate **unit;    /* one a lane */
    size_t n_unit;
    const struct certificate *certificate; /* the newest of the unit, or NULL */
    bool unit_changed;
    const char *fault_before;
    struct buf drift;
    bool drifted;
};

static void state_fini(struct state *s)
{
    set_row_fini(&s->row);
    mem_free(s->doc);
    mem_free(s->conflict);
    set_config_free(s->own_set);
    certificates_free(s->unit, s->n_unit);
    buf_fini(&s->drift);
}

/* ---- conflicts ---- */

static bool twin_find(struct house *house, const char *name, struct buf *why, struct err *err)
{
    struct rows rows;
    if (!store_query(house->store, &rows, err, SQL_SET_TWIN, "t", name))
        return false;
    const char *twin = rows_next(&rows) ? rows_text(&rows, 0) : NULL;
    if (twin != NULL)
        buf_printf(
            why,
            "sets \"%s\" and \"%s\" want the same names on one account, and a CA gives both the "
            "same order: remove one of the two, or give \"%s\" another authority",
            twin, name, name);
    return rows_end(&rows, err);
}

static bool taken_find(struct house *house, const char *name, struct arena *arena,
                       struct touched *taken, struct buf *why, struct err *err)
{
    struct rows rows;
    if (!store_query(house->store, &rows, err, SQL_SET_PATHS_TAKEN, "t", name))
        return false;
    while (rows_next(&rows)) {
        touched_add(taken, arena, rows_text(&rows, 0));
        if (why->len == 0)
            buf_printf(
                why,
                "sets \"%s\" and \"%s\" both deliver to %s; the files stay those of \"%s\": give "
                "\"%s\" another folder",
                rows_text(&rows, 1), name, rows_text(&rows, 0), rows_text(&rows, 1), name);
    }
    return rows_end(&rows, err);
}

static bool text_same(const char *a, const char *b)
{
    return a == NULL || b == NULL ? a == b : strcmp(a, b) == 0;
}

static bool conflict_judge(struct refresh *refresh, struct state *s, struct touched *taken,
                           struct err *err)
{
    AUTO(buf_fini)
    struct buf why = BUF(WHY_MAX);
    struct house *house = refresh->house;
    if (!twin_find(house, s->row.name, &why, err) ||
        !taken_find(house, s->row.name, refresh->arena, taken, &why, err))
        return false;
    const char *now = why.len > 0 ? buf_cstr(&why) : NULL;
    if (!text_same(now, s->conflict) &&
        !store_run(house->store, NULL, err, SQL_SET_CONFLICT, "tt", s->row.name, now))
        return false;
    if (!s->is_broken)
        mem_set_str(&s->row.fault, now);
    return true;
}

/* ---- schedule ---- */

static bool kind_needs_person(const char *kind)
{
    enum err_kind k = kind != NULL ? err_kind_find(kind) : ERR_NONE;
    return k == ERR_CONFIG || k == ERR_DENIED || k == ERR_REFUSED;
}

/* The earliest of all lanes; the first reason to begin at once counts. */
static void due_find(const struct state *s, int64_t now_ms, int64_t *ret_at_ms,
                     const char **ret_why)
{
    const char *why = s->certificate == NULL ? "new" : s->drifted ? "changed" : NULL;
    int64_t at_ms = INT64_MAX;
    for (size_t i = 0; i < s->n_unit; i++) {
        if (certificate_is_ended(s->unit[i]))
            continue;
        if (s->unit[i]->revoked_at_ms != 0 || s->unit[i]->revoke_asked_at_ms != 0)
            why = "revoked";
        if (s->unit[i]->due_at_ms < at_ms)
            at_ms = s->unit[i]->due_at_ms;
    }
    if (why == NULL && s->set != NULL && s->set->n_lanes > s->n_unit)
        why = "lanes";
    *ret_why = why != NULL ? why : "due";
    *ret_at_ms = why != NULL ? now_ms : at_ms;
}

/* What failed waits on, unless somebody has just mended what a person had to mend. */
static bool keeps_waiting(const struct refresh *refresh, const struct state *s, bool forgiven)
{
    bool mended = refresh->config_changed && kind_needs_person(s->row.failure_kind);
    bool forced = s->row.next_at_ms <= refresh->now_ms && strcmp(s->row.why, "forced") == 0;
    bool failing = s->row.n_failures > 0 && s->row.next_at_ms != INT64_MAX;
    return forced || (failing && !forgiven && !mended);
}

static bool schedule_set(struct refresh *refresh, const struct state *s,
                         const struct reading *reading, struct err *err)
{
    const struct set_row *row = &s->row;
    int64_t at_ms = INT64_MAX;
    const char *why = "";
    bool released =
        row->hold != NULL && (refresh->config_changed || (reading != NULL && reading->is_changed));
    bool forgiven = row->n_failures > 0 && row->fault == NULL &&
                    (released || (reading != NULL && (reading->is_new || reading->wants_anew)));
    if (forgiven && !store_run(refresh->house->store, NULL, err, SQL_SET_FORGIVE, "t", row->name))
        return false;
    if (row->fault == NULL) {
        if (keeps_waiting(refresh, s, forgiven))
            return true;
        due_find(s, refresh->now_ms, &at_ms, &why);
    }
    if (at_ms == row->next_at_ms && strcmp(why, row->why) == 0)
        return true;
    return register_schedule(refresh->house, row->name, at_ms, why, err);
}

/* ---- events ---- */

/* A fault of several lines is one line of the log. */
static void broken_tell(struct house *house, const struct state *s)
{
    AUTO(buf_fini)
    struct buf text = BUF(WHY_MAX);
    struct str rest = str_of(s->row.fault), line;
    while (str_split(&rest, '\n', &line))
        buf_printf(&text, "%s%.*s", text.len > 0 ? "; " : "", STR_ARG(line));
    event_write(house, EVENT_SET_BROKEN, s->row.name, 0, "%s; %s", buf_cstr(&text),
                s->certificate != NULL ? "its last certificate is served on"
                                       : "nothing is issued for it");
}

static void new_tell(struct house *house, const struct set_config *set)
{
    char more[48] = "";
    if (set->n_names > 1)
        snprintf(more, sizeof more, " and %zu more", set->n_names - 1);
    event_write(house, EVENT_SET_NEW, set->name, 0, "%s%s, at %s", set->names[0], more,
                set->authorities[0]);
}

static void change_tell(struct refresh *refresh, const struct state *s,
                        const struct reading *reading)
{
    struct house *house = refresh->house;
    bool is_new = reading != NULL && reading->is_new;
    bool faults_differ = !text_same(s->row.fault, s->fault_before);
    bool is_changed = reading != NULL && reading->is_changed;
    if (is_new || is_changed || faults_differ)
        refresh->result->n_changed++;
    if (s->row.fault != NULL && (is_new || faults_differ))
        broken_tell(house, s);
    else if (s->row.fault == NULL && is_new)
        new_tell(house, s->set);
    else if (s->row.fault == NULL && s->fault_before != NULL)
        event_write(house, EVENT_SET_MENDED, s->row.name, 0, "%s can be used again", s->row.file);
    else if (s->row.fault == NULL && is_changed)
        event_write(house, EVENT_SET_CHANGED, s->row.name, 0, "%s",
                    s->drifted ? buf_cstr(&s->drift) : "nothing that matters to its certificate");
}

/* ---- one set ---- */

static bool state_read(struct refresh *refresh, const char *name, struct state *s, struct err *err)
{
    struct rows rows;
    if (!store_query(refresh->house->store, &rows, err, SQL_SET_STATE, "t", name))
        return false;
    if (rows_next(&rows)) {
        set_row_read(refresh->house, &rows, 0, &s->row);
        s->doc = mem_strdup(rows_text(&rows, SET_ROW_COLUMNS_N));
        s->is_broken = rows_int(&rows, SET_ROW_COLUMNS_N + 1) != 0;
        s->conflict = mem_strdup(rows_text(&rows, SET_ROW_COLUMNS_N + 2));
    }
    return rows_end(&rows, err);
}

static bool unit_load(struct house *house, struct state *s, struct err *err)
{
    if (!held_unit(house, s->row.name, false, &s->unit, &s->n_unit, err))
        return false;
    s->certificate = unit_newest(s->unit, s->n_unit);
    s->drift = BUF(WHY_MAX);
    for (size_t i = 0; s->set != NULL && i < s->n_unit; i++)
        if (strcmp(s->set->want, s->unit[i]->want) != 0)
            s->drifted = plan_lane_drift(s->set, s->unit[i], &s->drift) || s->drifted;
    return true;
}

/* A set of an earlier run whose tree cannot be read any more stays as it is: its row says what to do. */
static bool state_load(struct refresh *refresh, const char *name, const struct reading *reading,
                       struct state *s, struct err *err)
{
    if (!state_read(refresh, name, s, err))
        return false;
    if (s->row.name == NULL || s->row.removed)
        return true;
    if (reading != NULL)
        s->set = reading->set;
    else if (!s->is_broken && set_load(refresh->house, &s->row, s->doc, &s->own_set, NULL))
        s->set = s->own_set;
    if (s->set != NULL && reading != NULL &&
        !lanes_follow(refresh->house, s->set, &s->unit_changed, err))
        return false;
    s->unit_changed = s->unit_changed || (s->set != NULL && s->set->n_lanes > 1 &&
                                          reading != NULL && reading->is_changed);
    return unit_load(refresh->house, s, err);
}

/* A lane went, or another kind of key comes first: the files are others, though no certificate is new. */
static bool unit_follow(struct refresh *refresh, const struct state *s, struct err *err)
{
    return !s->unit_changed || s->certificate == NULL ||
           store_run(refresh->house->store, NULL, err, SQL_SET_DEPLOYMENTS_BORN, "tii", s->row.name,
                     s->certificate->id, refresh->now_ms);
}

static bool chains_follow(struct house *house, const struct state *s, struct err *err)
{
    for (size_t i = 0; i < s->n_unit; i++)
        if (!held_chain_follow(house, s->unit[i], s->set->chain, err))
            return false;
    return true;
}

/* A broken file delivers as before, but never into what became another set's. */
static bool others_follow(struct refresh *refresh, const struct state *s, struct touched *taken,
                          struct err *err)
{
    struct settling settling = {refresh->house, refresh->now_ms, s->set, s->certificate, *taken};
    if (s->set != NULL)
        return unit_follow(refresh, s, err) && chains_follow(refresh->house, s, err) &&
               deployments_follow(&settling, err) && endpoints_follow(&settling, err);
    for (size_t i = 0; i < taken->n; i++) {
        AUTO(mem_fini)
        char *target = mem_printf("files:%s", taken->texts[i]);
        if (!store_run(refresh->house->store, NULL, err, SQL_SET_DEPLOYMENT_DROP, "tti",
                       s->row.name, target, refresh->now_ms))
            return false;
    }
    return true;
}

bool set_settle(struct refresh *refresh, const char *name, const struct reading *reading,
                struct err *err)
{
    AUTO(state_fini)
    struct state s = {0};
    AUTO(touched_fini)
    struct touched taken = {0};
    if (!state_load(refresh, name, reading, &s, err))
        return false;
    if (s.row.name == NULL || s.row.removed)
        return true;
    AUTO(mem_fini)
    char *before = mem_strdup(s.row.fault);
    s.fault_before = reading != NULL ? reading->fault_before : before;
    if (!conflict_judge(refresh, &s, &taken, err) || !others_follow(refresh, &s, &taken, err) ||
        !schedule_set(refresh, &s, reading, err))
        return false;
    change_tell(refresh, &s, reading);
    return true;
}
