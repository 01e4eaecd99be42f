#include "cmd/status.h"

#include <stdio.h>

static const struct {
    const char *name;
    enum ink ink;
} states[] = {
#define X(state, name, ink) [SET_IS_##state] = {name, ink},
    SET_STATES(X)
#undef X
};

const char *set_state_name(enum set_state state)
{
    return states[state].name;
}

enum ink set_state_ink(enum set_state state)
{
    return states[state].ink;
}

/* Rows of another table in the order of the sets. */
struct side {
    struct rows rows;
    bool is_open, has_row;
};
struct walk {
    struct store *store;
    int64_t now_ms;
    struct side deployments, endpoints;
};

/* ---- rows beside the sets ---- */

/* set NULL: the rows of all sets. */
static bool side_open(struct walk *w, struct side *side, const char *set, enum sql_name all,
                      enum sql_name one, struct err *err)
{
    if (!(set == NULL ? store_query(w->store, &side->rows, err, all, "")
                      : store_query(w->store, &side->rows, err, one, "t", set)))
        return false;
    side->is_open = true;
    side->has_row = rows_next(&side->rows);
    return true;
}

static bool side_end(struct side *side, struct err *err)
{
    bool was_open = side->is_open;
    side->is_open = false;
    return !was_open || rows_end(&side->rows, err);
}

/* Moves to the rows of this set; rows of sets that are gone are passed over. */
static bool side_is_at(struct side *side, const char *set)
{
    while (side->has_row && strcmp(rows_text(&side->rows, 0), set) < 0)
        side->has_row = rows_next(&side->rows);
    return side->has_row && strcmp(rows_text(&side->rows, 0), set) == 0;
}

static void sooner(int64_t *at_ms, const struct rows *rows, int column)
{
    if (!rows_is_null(rows, column) && (*at_ms == 0 || rows_int(rows, column) < *at_ms))
        *at_ms = rows_int(rows, column);
}

static void deployments_count(struct walk *w, struct set_view *v)
{
    for (; side_is_at(&w->deployments, v->name);
         w->deployments.has_row = rows_next(&w->deployments.rows)) {
        const struct rows *rows = &w->deployments.rows;
        const char *failure = rows_text(rows, 6);
        bool done = !rows_is_null(rows, 4) && rows_int(rows, 3) == rows_int(rows, 4) &&
                    strcmp(rows_text(rows, 2), "done") == 0;
        v->n_targets++;
        v->n_delivered += done;
        sooner(&v->deliver_at_ms, rows, 5);
        if (!done && v->delivery[0] == '\0' && v->certificate_id != 0)
            snprintf(v->delivery, sizeof v->delivery, "%s: %s", rows_text(rows, 1),
                     failure != NULL ? failure : "has not the newest certificate yet");
    }
}

static bool verdict_find(const char *name, enum endpoint_verdict *ret)
{
    for (int i = 0; name != NULL && i < ENDPOINT_VERDICT_N; i++)
        if (strcmp(endpoint_verdict_name((enum endpoint_verdict)i), name) == 0) {
            *ret = (enum endpoint_verdict)i;
            return true;
        }
    return false;
}

static void endpoints_count(struct walk *w, struct set_view *v)
{
    for (; side_is_at(&w->endpoints, v->name);
         w->endpoints.has_row = rows_next(&w->endpoints.rows)) {
        const struct rows *rows = &w->endpoints.rows;
        enum endpoint_verdict verdict = ENDPOINT_IS_MATCH;
        bool is_known = verdict_find(rows_text(rows, 2), &verdict);
        const char *failure = rows_text(rows, 5);
        v->n_endpoints++;
        v->n_unknown += !is_known;
        v->n_match += is_known && verdict == ENDPOINT_IS_MATCH;
        sooner(&v->verify_at_ms, rows, 3);
        if (!is_known || verdict == ENDPOINT_IS_MATCH || verdict <= v->worst)
            continue;
        v->worst = verdict;
        snprintf(v->serving, sizeof v->serving, "%s: %s", rows_text(rows, 1),
                 failure != NULL ? failure : endpoint_verdict_text(verdict));
    }
}

/* ---- one set ---- */

static enum set_state state_of(const struct set_view *v, int64_t now_ms)
{
    bool has = v->certificate_id != 0;
    if (has && v->not_after_at_ms <= now_ms)
        return SET_IS_EXPIRED;
    if (has && v->revoked_at_ms != 0)
        return SET_IS_REVOKED;
    if (v->fault != NULL)
        return SET_IS_BROKEN;
    if (v->hold != NULL)
        return SET_IS_HELD;
    if (v->n_failures > 0)
        return SET_IS_FAILED;
    if (has && v->n_delivered < v->n_targets)
        return SET_IS_UNDELIVERED;
    if (has && v->n_match + v->n_unknown < v->n_endpoints)
        return SET_IS_UNSERVED;
    if (v->order_id != 0)
        return SET_IS_ORDERING;
    if (!has)
        return SET_IS_NEW;
    return v->next_at_ms <= now_ms || v->due_at_ms <= now_ms ? SET_IS_DUE : SET_IS_FINE;
}

static int64_t or_never(const struct rows *rows, int column)
{
    return rows_is_null(rows, column) ? INT64_MAX : rows_int(rows, column);
}

static void view_read(struct walk *w, const struct rows *rows, struct set_view *v)
{
    *v = (struct set_view){
        .name = rows_text(rows, 0),
        .fault = rows_text(rows, 1),
        .failure = rows_text(rows, 2),
        .n_failures = rows_int(rows, 3),
        .next_at_ms = or_never(rows, 4),
        .why = rows_text(rows, 5),
        .certificate_id = rows_int(rows, 6),
        .version = rows_int(rows, 7),
        .authority = rows_text(rows, 8),
        .key_kind = rows_text(rows, 9),
        .not_before_at_ms = rows_int(rows, 10),
        .not_after_at_ms = rows_int(rows, 11),
        .due_at_ms = rows_int(rows, 12),
        .revoked_at_ms = rows_int(rows, 13),
        .order_id = rows_int(rows, 14),
        .step = rows_text(rows, 15),
        .order_failure = rows_text(rows, 17),
        .due_rule = rows_text(rows, 18),
        .ari_start_at_ms = rows_int(rows, 19),
        .ari_end_at_ms = rows_int(rows, 20),
        .ari_explanation = rows_text(rows, 21),
        .fallback = rows_text(rows, 22),
        .order_authority = rows_text(rows, 23),
        .order_fallback = rows_text(rows, 24),
        .hold = rows_text(rows, 25),
        .guilty = rows_text(rows, 26),
    };
    deployments_count(w, v);
    endpoints_count(w, v);
    v->state = state_of(v, w->now_ms);
}

int set_view_life_left(const struct set_view *v, int64_t now_ms)
{
    int64_t life_ms = v->not_after_at_ms - v->not_before_at_ms,
            left_ms = v->not_after_at_ms - now_ms;
    return life_ms <= 0 || left_ms <= 0 ? 0
           : left_ms >= life_ms         ? 100
                                        : (int)(left_ms * 100 / life_ms);
}

const char *set_view_next(const struct set_view *v, int64_t *ret_at_ms)
{
    *ret_at_ms = 0;
    if (v->fault != NULL)
        return "its file must be mended";
    if (v->order_id != 0)
        return v->step;
    if (v->hold != NULL)
        return "a person must act";
    if (v->next_at_ms != INT64_MAX) {
        *ret_at_ms = v->next_at_ms;
        return v->n_failures > 0 ? "retry" : v->certificate_id == 0 ? "issue" : "renew";
    }
    return "-";
}

const char *set_view_trouble(const struct set_view *v)
{
    if (v->fault != NULL)
        return v->fault;
    if (v->state == SET_IS_EXPIRED || v->state == SET_IS_REVOKED || v->state == SET_IS_FAILED ||
        v->state == SET_IS_HELD)
        return v->failure;
    if (v->state == SET_IS_UNDELIVERED)
        return v->delivery;
    if (v->state == SET_IS_UNSERVED)
        return v->serving;
    return v->order_id != 0 ? v->order_failure : NULL;
}

/* ---- the walk ---- */

static bool sets_walk(struct walk *w, const char *set, status_visit *visit, void *arg,
                      struct err *err)
{
    struct rows rows;
    if (!(set == NULL ? store_query(w->store, &rows, err, SQL_CERTIFICATE_STATUS, "")
                      : store_query(w->store, &rows, err, SQL_CERTIFICATE_STATUS_OF_SET, "t", set)))
        return false;
    while (rows_next(&rows)) {
        struct set_view view;
        view_read(w, &rows, &view);
        visit(arg, &view);
    }
    return rows_end(&rows, err);
}

/* set NULL: all. */
static bool walk_run(struct walk *w, const char *set, status_visit *visit, void *arg,
                     struct err *err)
{
    bool ok =
        side_open(w, &w->deployments, set, SQL_DEPLOYMENT_STATUS, SQL_DEPLOYMENT_STATUS_OF_SET,
                  err) &&
        side_open(w, &w->endpoints, set, SQL_ENDPOINT_STATUS, SQL_ENDPOINT_STATUS_OF_SET, err) &&
        sets_walk(w, set, visit, arg, err);
    ok = side_end(&w->deployments, ok ? err : NULL) && ok;
    return side_end(&w->endpoints, ok ? err : NULL) && ok;
}

bool status_each(struct house *house, const char *const *words, status_visit *visit, void *arg,
                 struct err *err)
{
    struct walk w = {.store = house->store, .now_ms = house_now(house)};
    bool own = !store_in_transaction(house->store);
    if (own && !store_begin(house->store, err))
        return false;
    bool ok = words != NULL || walk_run(&w, NULL, visit, arg, err);
    for (; ok && words != NULL && *words != NULL; words++)
        ok = walk_run(&w, *words, visit, arg, err);
    if (own)
        store_rollback(house->store);
    return ok;
}
