/* /metrics: the Prometheus text format, version 0.0.4. Everything but the figures of this process is counted in the store at that instant. */
#include "cmd/http/call.h"
#include "cmd/http/overview.h"

#include <inttypes.h>

static void family(struct buf *out, const char *name, const char *type, const char *help)
{
    buf_printf(out, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

static void gauge(struct buf *out, const char *name, const char *help, int64_t value)
{
    family(out, name, "gauge", help);
    buf_printf(out, "%s %" PRId64 "\n", name, value);
}

/* Instants and lengths are told in seconds. */
static void gauge_ms(struct buf *out, const char *name, const char *help, int64_t ms)
{
    family(out, name, "gauge", help);
    buf_printf(out, "%s %" PRId64 ".%03d\n", name, ms / 1000, (int)(ms % 1000));
}

static void sets_put(struct buf *out, const struct overview *o, int64_t now_ms)
{
    family(out, "chancery_sets", "gauge", "Domain sets by state, as `chancery status` tells it.");
    for (int i = 0; i < SET_STATE_N; i++)
        buf_printf(out, "chancery_sets{state=\"%s\"} %" PRId64 "\n",
                   set_state_name((enum set_state)i), o->n_in_state[i]);
    gauge(out, "chancery_sets_due", "Sets with something to do now.", o->n_due);
    gauge(out, "chancery_sets_failing", "Sets whose last try failed.", o->n_failing);
    gauge(out, "chancery_set_failures", "Failures in a row, over all sets.", o->n_failures);
    gauge(out, "chancery_certificates", "Sets that have a certificate.", o->n_certificates);
    if (o->earliest_expiry_at_ms != 0)
        gauge_ms(out, "chancery_certificate_earliest_expiry_timestamp_seconds",
                 "When the first of the current certificates expires.", o->earliest_expiry_at_ms);
    gauge(out, "chancery_targets", "Places that certificates are delivered to.", o->n_targets);
    gauge(out, "chancery_targets_delivered", "Of them, those that have the newest.",
          o->n_delivered);
    gauge(out, "chancery_endpoints", "Endpoints that are looked at.", o->n_endpoints);
    gauge(out, "chancery_endpoints_matching", "Of them, those that serve the newest.", o->n_match);
    gauge(out, "chancery_orders_open", "Orders under way.", o->n_orders);
    gauge(out, "chancery_requests_open",
          "Requests of other processes that are not carried out yet.", o->n_requests);
    gauge(out, "chancery_txt_records", "TXT records of ours that are, or may be, published.",
          o->n_txt);
    gauge(out, "chancery_txt_records_left", "Of them, those whose order is over.", o->n_txt_left);
    gauge_ms(out, "chancery_txt_oldest_age_seconds", "Age of the oldest of them.",
             o->txt_oldest_at_ms != 0 && o->txt_oldest_at_ms < now_ms ? now_ms - o->txt_oldest_at_ms
                                                                      : 0);
}

struct lock_count {
    int64_t n_held, n_waiting;
};

static bool lock_count_add(void *arg, const struct lock_row *row)
{
    struct lock_count *count = arg;
    count->n_held++;
    count->n_waiting += row->n_waiting;
    return true;
}

/* A bucket for each set of names would be too many figures: of each limit of a CA the tightest is told. */
struct ledger_count {
    struct buf headroom, reserved, buckets;
    char *directory;
    enum ca_limit limit;
    int64_t left, n_reserved, n_buckets;
};

static void label_put(struct buf *out, const char *text)
{
    for (const char *c = text; *c != '\0'; c++) {
        if (*c == '"' || *c == '\\')
            buf_add_char(out, '\\');
        if ((unsigned char)*c >= ' ')
            buf_add_char(out, *c);
    }
}

static void ledger_sample(struct buf *out, const struct ledger_count *l, const char *name,
                          int64_t value)
{
    buf_printf(out, "%s{directory=\"", name);
    label_put(out, l->directory);
    buf_printf(out, "\",limit=\"%s\"} %" PRId64 "\n", ca_limit_name(l->limit), value);
}

static void ledger_flush(struct ledger_count *l)
{
    if (l->directory == NULL)
        return;
    if (l->left != INT64_MAX)
        ledger_sample(&l->headroom, l, "chancery_ledger_headroom", l->left);
    ledger_sample(&l->reserved, l, "chancery_ledger_reserved", l->n_reserved);
    ledger_sample(&l->buckets, l, "chancery_ledger_buckets", l->n_buckets);
}

static bool ledger_add(void *arg, const struct ledger_entry *entry)
{
    struct ledger_count *l = arg;
    if (l->directory == NULL || l->limit != entry->limit ||
        strcmp(l->directory, entry->directory) != 0) {
        ledger_flush(l);
        mem_set_str(&l->directory, entry->directory);
        l->limit = entry->limit;
        l->left = INT64_MAX;
        l->n_reserved = l->n_buckets = 0;
    }
    l->left = entry->left < l->left ? entry->left : l->left;
    l->n_reserved += entry->n_reserved;
    l->n_buckets++;
    return true;
}

static bool ledger_put(struct buf *out, struct house *house, struct err *err)
{
    struct ledger_count l = {
        .headroom = BUF(ANSWER_MAX), .reserved = BUF(ANSWER_MAX), .buckets = BUF(ANSWER_MAX)};
    bool ok = ledger_each(house, ledger_add, &l, err);
    ledger_flush(&l);
    family(out, "chancery_ledger_headroom", "gauge",
           "Of each limit of a CA: how many orders more the tightest of its buckets lets through.");
    buf_add_str(out, buf_str(&l.headroom));
    family(out, "chancery_ledger_reserved", "gauge",
           "Reserved for orders under way and for locks.");
    buf_add_str(out, buf_str(&l.reserved));
    family(out, "chancery_ledger_buckets", "gauge",
           "Accounts, domains or sets of names it is counted for.");
    buf_add_str(out, buf_str(&l.buckets));
    buf_fini(&l.headroom);
    buf_fini(&l.reserved);
    buf_fini(&l.buckets);
    mem_free(l.directory);
    return ok;
}

static void http_put(struct buf *out, const struct http_face *face)
{
    struct http_server_figures f = http_server_figures(face->server);
    family(out, "chancery_http_requests_total", "counter",
           "Answers of this process, by route and class of status.");
    for (size_t i = 0; i <= ROUTE_N; i++)
        for (int k = 1; k < 6; k++)
            if (face->n_answers[i][k] > 0)
                buf_printf(out,
                           "chancery_http_requests_total{method=\"%s\",route=\"%s\",code=\"%dxx\"} "
                           "%" PRId64 "\n",
                           i < ROUTE_N ? routes[i].method : "", i < ROUTE_N ? routes[i].path : "",
                           k, face->n_answers[i][k]);
    gauge(out, "chancery_http_connections", "Connections to this process.", f.n_open);
    gauge(out, "chancery_http_requests_waiting", "Requests that wait for a lock here.",
          (int64_t)face->n_waiting);
    family(out, "chancery_http_connections_total", "counter", "Connections accepted so far.");
    buf_printf(out, "chancery_http_connections_total %" PRId64 "\n", f.n_accepted);
    family(out, "chancery_http_connections_cut_total", "counter",
           "Connections cut off because they were slow.");
    buf_printf(out, "chancery_http_connections_cut_total %" PRId64 "\n", f.n_cut);
}

bool metrics_run(struct call *call, struct err *err)
{
    struct http_face *face = call->face;
    struct overview o = {0};
    struct lock_count locks = {0};
    struct buf *out = &call->text;
    if (!look_may_begin(face))
        return true;
    int64_t began_ms = clock_boot_ms(&clock_system), now_ms = house_now(face->house);
    if (!overview_read(face->house, NULL, NULL, NULL, NULL, &o, err) ||
        !lock_each(face->house, lock_count_add, &locks, err)) {
        overview_fini(&o);
        return false;
    }
    family(out, "chancery_build_info", "gauge", "Always 1; the version is a label.");
    buf_printf(out, "chancery_build_info{version=\"%s\"} 1\n", CHANCERY_VERSION);
    gauge_ms(out, "chancery_start_time_seconds", "When this process began to serve.",
             face->began_at_ms);
    gauge(out, "chancery_leads", "1: this process leads; 0: it stands by.",
          face->house->fencing != 0);
    gauge(out, "chancery_has_leader", "1: some process leads.", o.has_leader);
    sets_put(out, &o, now_ms);
    gauge(out, "chancery_locks_held", "Locks that somebody holds.", locks.n_held);
    gauge(out, "chancery_lock_waiters", "Who waits for one of them, anywhere.", locks.n_waiting);
    http_put(out, face);
    if (!ledger_put(out, face->house, err)) {
        overview_fini(&o);
        return false;
    }
    call->status = 200;
    call->type = "text/plain; version=0.0.4; charset=utf-8";
    overview_fini(&o);
    look_ended(face, began_ms);
    return true;
}
