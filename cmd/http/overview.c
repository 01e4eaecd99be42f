#include "cmd/http/overview.h"

struct walk {
    struct overview *ret;
    const struct http_pass *pass;
    int64_t now_ms;
    struct rows names; /* of all sets, in the order of the sets */
    bool has_names, has_row;
    status_visit *visit;
    void *arg;
};

static bool is_seen(struct walk *w, const char *set)
{
    bool all = true, any = false;
    if (!w->has_names)
        return true;
    while (w->has_row && strcmp(rows_text(&w->names, 0), set) < 0)
        w->has_row = rows_next(&w->names);
    while (w->has_row && strcmp(rows_text(&w->names, 0), set) == 0) {
        const char *name = rows_text(&w->names, 1);
        any = true;
        all =
            all && http_pass_is_for(w->pass, str_starts(str_of(name), STR("*.")) ? name + 2 : name);
        w->has_row = rows_next(&w->names);
    }
    return any && all;
}

static void count(struct overview *o, const struct set_view *v, int64_t now_ms)
{
    o->n_sets++;
    o->n_in_state[v->state]++;
    o->n_failing += v->n_failures > 0;
    o->n_failures += v->n_failures;
    o->n_targets += (int64_t)v->n_targets;
    o->n_delivered += (int64_t)v->n_delivered;
    o->n_endpoints += (int64_t)v->n_endpoints;
    o->n_match += (int64_t)v->n_match;
    if (v->next_at_ms <= now_ms)
        o->n_due++;
    if (v->certificate_id == 0)
        return;
    o->n_certificates++;
    if (o->earliest_expiry_at_ms == 0 || v->not_after_at_ms < o->earliest_expiry_at_ms)
        o->earliest_expiry_at_ms = v->not_after_at_ms;
}

static void set_came(void *arg, const struct set_view *view)
{
    struct walk *w = arg;
    if (!is_seen(w, view->name))
        return;
    count(w->ret, view, w->now_ms);
    if (w->visit != NULL)
        w->visit(w->arg, view);
}

static bool pass_sees_all(const struct http_pass *pass)
{
    if (pass == NULL)
        return true;
    for (char **pattern = pass->names; *pattern != NULL; pattern++)
        if (strcmp(*pattern, "*") == 0)
            return true;
    return false;
}

static bool sets_walk(struct house *house, struct walk *w, const char *set, struct err *err)
{
    const char *const words[] = {set, NULL};
    w->has_names = !pass_sees_all(w->pass);
    if (w->has_names && !store_query(house->store, &w->names, err, SQL_SET_NAMES_ALL, ""))
        return false;
    w->has_row = w->has_names && rows_next(&w->names);
    bool ok = status_each(house, set != NULL ? words : NULL, set_came, w, err);
    return (!w->has_names || rows_end(&w->names, ok ? err : NULL)) && ok;
}

static bool beside_read(struct house *house, struct overview *o, struct err *err)
{
    struct err none = {0};
    o->has_leader = lease_holder(house, "leader", &o->leader, &none) && !o->leader.is_free;
    return store_int(house->store, 0, &o->n_orders, err, SQL_ORDER_N_OPEN, "") &&
           store_int(house->store, 0, &o->n_requests, err, SQL_REQUEST_N_OPEN, "") &&
           store_int(house->store, 0, &o->n_txt, err, SQL_TXT_N_OPEN, "") &&
           store_int(house->store, 0, &o->n_txt_left, err, SQL_TXT_N_LEFT, "") &&
           store_int(house->store, 0, &o->txt_oldest_at_ms, err, SQL_TXT_OLDEST_AT, "");
}

bool overview_read(struct house *house, const struct http_pass *pass, const char *set,
                   status_visit *visit, void *arg, struct overview *ret, struct err *err)
{
    struct walk w = {
        .ret = ret, .pass = pass, .now_ms = house_now(house), .visit = visit, .arg = arg};
    struct err why = {0};
    if (!sets_walk(house, &w, set, &why) && why.kind != ERR_ABSENT) {
        if (err != NULL)
            *err = why;
        return false;
    }
    return beside_read(house, ret, err);
}

void overview_fini(struct overview *overview)
{
    lease_holder_fini(&overview->leader);
}
