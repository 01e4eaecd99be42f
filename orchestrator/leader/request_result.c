#include "leader/request.h"

#include "inventory/asks.h"
#include "inventory/event.h"

struct telling {
    struct house *house;
    const struct request *request;
    struct leader_result *ret;
};

/* What began after it was done belongs to others. */
static int64_t until_ms(const struct telling *t)
{
    return t->request->is_done ? t->request->done_at_ms : INT64_MAX;
}

static bool count_add(struct telling *t, size_t *sum, struct err *err, enum sql_name sql,
                      const char *set, int64_t since)
{
    int64_t n = 0;
    if (!store_int(t->house->store, 0, &n, err, sql, "ti", set, since))
        return false;
    *sum += (size_t)n;
    return true;
}

static bool events_add(struct telling *t, size_t *sum, const char *set, enum event_id event,
                       struct err *err)
{
    int64_t n = 0;
    if (!store_int(t->house->store, 0, &n, err, SQL_REQUEST_N_EVENTS, "tit", set,
                   t->request->event_id, event_name(event)))
        return false;
    *sum += (size_t)n;
    return true;
}

/* ---- renewal ---- */

static void failure_count(struct renewal_result *r, const char *kind)
{
    enum err_kind failure = kind != NULL ? err_kind_find(kind) : ERR_NONE;
    r->n_failed++;
    if (failure == ERR_DENIED || failure == ERR_CONFIG)
        r->n_denied++;
}

/* What is still to be done for it: an order that waits, a failure that is tried again, a set that nobody could begin with. */
static void standing_count(struct renewal_result *r, const struct rows *rows, bool has_failed)
{
    const char *failure = rows_text(rows, 0), *order_failure = rows_text(rows, 5);
    bool is_failing = rows_int(rows, 2) != 0, has_order = rows_int(rows, 3) != 0;
    if (has_failed)
        failure_count(r, failure);
    if (has_order) {
        renewal_count_put_off(r, order_failure, rows_int(rows, 4));
        if (order_failure != NULL)
            failure_count(r, order_failure);
    } else if (is_failing && has_failed) {
        r->n_undone++;
        if (failure != NULL && err_kind_find(failure) == ERR_THROTTLED)
            renewal_count_throttled(r, rows_int(rows, 1));
    } else if (is_failing) {
        renewal_count_put_off(r, failure, rows_int(rows, 1));
    } else if (rows_int(rows, 6) != 0) {
        renewal_count_put_off(r, NULL, 0);
    }
}

static bool set_stands(struct telling *t, const char *set, bool has_failed, struct err *err)
{
    struct rows rows;
    if (!store_query(t->house->store, &rows, err, SQL_REQUEST_SET, "tii", set, house_now(t->house),
                     until_ms(t)))
        return false;
    if (rows_next(&rows))
        standing_count(&t->ret->renewal, &rows, has_failed);
    return rows_end(&rows, err);
}

static bool renewal_tell(struct telling *t, const char *set, struct err *err)
{
    struct renewal_result *r = &t->ret->renewal;
    size_t n_failed = 0;
    return count_add(t, &r->n_issued, err, SQL_REQUEST_N_ISSUED, set, t->request->certificate_id) &&
           events_add(t, &n_failed, set, EVENT_ORDER_FAILED, err) &&
           events_add(t, &n_failed, set, EVENT_SET_HELD, err) &&
           events_add(t, &n_failed, set, EVENT_CERTIFICATE_HELD, err) &&
           set_stands(t, set, n_failed > 0, err);
}

static bool txt_tell(struct telling *t, const char *set, struct err *err)
{
    int64_t n = 0;
    if (!store_int(t->house->store, 0, &n, err, SQL_REQUEST_N_TXT, "ti", set, until_ms(t)))
        return false;
    t->ret->renewal.n_txt_left += (size_t)n;
    return true;
}

/* ---- revocation ---- */

static bool in_place_tell(struct telling *t, const char *set, struct err *err)
{
    struct rows rows;
    if (!store_query(t->house->store, &rows, err, SQL_REQUEST_N_IN_PLACE, "ti", set,
                     t->request->filed_at_ms))
        return false;
    if (rows_next(&rows))
        t->ret->revocation.n_in_place += (size_t)rows_int(&rows, 0);
    return rows_end(&rows, err);
}

static bool revocation_tell(struct telling *t, const char *set, struct err *err)
{
    int64_t n = 0;
    if (!count_add(t, &t->ret->revocation.n_revoked, err, SQL_REQUEST_N_REVOKED, set,
                   t->request->filed_at_ms) ||
        !store_int(t->house->store, 0, &n, err, SQL_REQUEST_N_TO_REVOKE, "t", set))
        return false;
    t->ret->revocation.n_waiting += (size_t)n;
    return in_place_tell(t, set, err);
}

/* ---- the other two ---- */

static bool deliveries_tell(struct telling *t, const char *set, struct err *err)
{
    struct distribution_result *d = &t->ret->distribution;
    int64_t n_behind = 0;
    if (!events_add(t, &d->n_done, set, EVENT_DEPLOY_DONE, err) ||
        !events_add(t, &d->n_failed, set, EVENT_DEPLOY_FAILED, err) ||
        !events_add(t, &d->n_failed, set, EVENT_DEPLOY_ROLLED_BACK, err) ||
        !store_int(t->house->store, 0, &n_behind, err, SQL_DEPLOYMENT_N_BEHIND_OF_SET, "t", set))
        return false;
    d->n_behind += (size_t)n_behind;
    return true;
}

static bool endpoints_count(struct monitoring_result *m, struct rows *walk, struct err *err)
{
    while (rows_next(walk)) {
        bool fine = strcmp(rows_text(walk, 0), endpoint_verdict_name(ENDPOINT_IS_MATCH)) == 0;
        bool is_new = rows_int(walk, 1) != 0;
        m->n_endpoints += is_new;
        m->n_match += fine && is_new;
        m->n_wrong += !fine;
    }
    return rows_end(walk, err);
}

static bool endpoints_tell(struct telling *t, const char *set, struct err *err)
{
    struct rows rows;
    return store_query(t->house->store, &rows, err, SQL_REQUEST_ENDPOINTS, "ti", set,
                       t->request->filed_at_ms) &&
           endpoints_count(&t->ret->monitoring, &rows, err);
}

static bool set_tell(struct telling *t, const char *set, struct err *err)
{
    unsigned parts = request_parts(t->request->kind);
    if ((parts & ASK_RENEW) != 0 &&
        (!renewal_tell(t, set, err) || !txt_tell(t, set, err) || !revocation_tell(t, set, err)))
        return false;
    return ((parts & ASK_DELIVER) == 0 || deliveries_tell(t, set, err)) &&
           ((parts & ASK_VERIFY) == 0 || endpoints_tell(t, set, err));
}

/* ---- all that was due ---- */

static bool told_sets_tell(struct telling *t, struct err *err)
{
    struct rows rows;
    bool ok = true;
    if (!store_query(t->house->store, &rows, err, SQL_REQUEST_TOLD_SETS, "i", t->request->event_id))
        return false;
    while (ok && rows_next(&rows)) {
        AUTO(mem_fini)
        char *set = mem_strdup(rows_text(&rows, 0));
        ok = set_tell(t, set, err);
    }
    return rows_end(&rows, ok ? err : NULL) && ok;
}

static bool all_endpoints_tell(struct telling *t, struct err *err)
{
    struct rows rows;
    t->ret->monitoring = (struct monitoring_result){0};
    return store_query(t->house->store, &rows, err, SQL_REQUEST_ALL_ENDPOINTS, "i",
                       t->request->filed_at_ms) &&
           endpoints_count(&t->ret->monitoring, &rows, err);
}

/* What waits from earlier counts as in a run of one's own. */
static bool all_tell(struct telling *t, struct err *err)
{
    struct leader_result *ret = t->ret;
    struct renewal_result waiting = {0};
    int64_t n_behind = 0;
    if (!told_sets_tell(t, err) || !all_endpoints_tell(t, err) ||
        !renewal_waiting(t->house, NULL, &waiting, err) ||
        !store_int(t->house->store, 0, &n_behind, err, SQL_DEPLOYMENT_N_BEHIND, ""))
        return false;
    ret->distribution.n_behind = (size_t)n_behind;
    if ((request_parts(t->request->kind) & ASK_RENEW) == 0)
        return true;
    size_t n_failed = ret->renewal.n_failed;
    ret->renewal.n_postponed = waiting.n_postponed > n_failed ? waiting.n_postponed - n_failed : 0;
    ret->renewal.n_undone = waiting.n_undone;
    ret->renewal.n_throttled = waiting.n_throttled;
    ret->renewal.throttled_until_ms = waiting.throttled_until_ms;
    return true;
}

bool request_result(struct house *house, const struct request *request, struct leader_result *ret,
                    struct err *err)
{
    struct leader_result result = {0};
    struct telling t = {house, request, &result};
    bool ok = request->sets != NULL || all_tell(&t, err);
    for (size_t i = 0; ok && request->sets != NULL && request->sets[i] != NULL; i++)
        ok = set_tell(&t, request->sets[i], err);
    if (!ok)
        return false;
    result.n_commits = store_n_commits(house->store);
    *ret = result;
    return true;
}
