/* Settling, and what is counted without an order. */
#include "authority/ledger_inside.h"
#include "inventory/config.h"

#include <stdio.h>

static bool spend(struct house *house, const char *owner, bool only_placed, bool is_issued,
                  struct err *err)
{
    int64_t now_ms;
    return ledger_now(house, &now_ms, err) &&
           store_run(house->store, NULL, err, SQL_LEDGER_SPEND, "tiii", owner, now_ms,
                     (int64_t)only_placed, (int64_t)is_issued);
}

static bool drop(struct house *house, const char *owner, bool only_placed, struct err *err)
{
    return store_run(house->store, NULL, err, SQL_LEDGER_DROP, "ti", owner, (int64_t)only_placed);
}

bool ledger_placed(struct house *house, const char *owner, struct err *err)
{
    CHECK(store_in_transaction(house->store));
    return spend(house, owner, true, false, err) && drop(house, owner, true, err);
}

bool ledger_settle(struct house *house, const char *owner, enum ledger_outcome outcome,
                   struct err *err)
{
    bool ok = true;
    CHECK(store_in_transaction(house->store));
    switch (outcome) {
    case LEDGER_ISSUED:
    case LEDGER_UNKNOWN:
        ok = spend(house, owner, false, outcome == LEDGER_ISSUED, err);
        break;
    case LEDGER_ORDERED:
        ok = spend(house, owner, true, false, err);
        break;
    case LEDGER_UNUSED:
        break;
    }
    return ok && drop(house, owner, false, err);
}

/* ---- once more ---- */

/* What is left of one limit for the owner's request: those that reserved before it go first. */
static bool owned_judge(struct house *house, const struct rows *rows, bool was_lost, int64_t now_ms,
                        struct ledger_answer *answer, struct err *err)
{
    enum ca_limit limit;
    AUTO(ledger_bucket_fini)
    struct ledger_bucket b = {0};
    const char *directory = rows_text(rows, 0);
    if (!ca_limit_find(rows_text(rows, 1), &limit))
        return true;
    const struct ca_rate *rate = &config_limits(house->config, directory)->rates[limit];
    struct gcra g = ledger_gcra(rate);
    ledger_bucket_init(&b, limit, rows_text(rows, 2), rows_text(rows, 3));
    if (was_lost && rows_int(rows, 4) != 0 &&
        !store_run(house->store, NULL, err, SQL_LEDGER_COUNT, "ttttii", directory,
                   ca_limit_name(limit), b.subject, b.label, now_ms, g.gap))
        return false;
    if (!ledger_bucket_load(house, directory, rate, now_ms, &b, err))
        return false;
    ledger_bucket_judge(&b, rate, rows_int(rows, 5), now_ms, answer);
    return true;
}

bool ledger_repeat(struct house *house, const char *owner, bool was_lost, struct ledger_answer *ret,
                   struct err *err)
{
    struct ledger_answer answer = {.may = true, .limit = "", .left = INT64_MAX};
    struct rows rows;
    int64_t now_ms;
    bool ok = true;
    CHECK(store_in_transaction(house->store));
    if (!ledger_now(house, &now_ms, err) ||
        !store_query(house->store, &rows, err, SQL_LEDGER_OWNED, "t", owner))
        return false;
    answer.at_ms = now_ms;
    while (ok && rows_next(&rows))
        ok = owned_judge(house, &rows, was_lost, now_ms, &answer, err);
    if (!rows_end(&rows, ok ? err : NULL) || !ok)
        return false;
    *ret = answer;
    return true;
}

/* ---- names ---- */

static bool failure_count(struct house *house, const char *directory, enum ca_limit limit,
                          const char *subject, const char *label, struct err *err)
{
    const struct ca_rate *rate = &config_limits(house->config, directory)->rates[limit];
    int64_t now_ms;
    return rate->count == 0 ||
           (ledger_now(house, &now_ms, err) &&
            store_run(house->store, NULL, err, SQL_LEDGER_COUNT, "ttttii", directory,
                      ca_limit_name(limit), subject, label, now_ms, rate->bucket.gap));
}

bool ledger_authz_failed(struct house *house, const char *directory, const char *account,
                         const char *identifier, struct err *err)
{
    AUTO(mem_fini)
    char *subject = ledger_failing_subject(account, identifier);
    CHECK(store_in_transaction(house->store));
    return failure_count(house, directory, CA_LIMIT_FAILURES, subject, identifier, err) &&
           failure_count(house, directory, CA_LIMIT_FAILURES_IN_A_ROW, subject, identifier, err);
}

bool ledger_authz_passed(struct house *house, const char *directory, const char *account,
                         const char *const *identifiers, size_t n, struct err *err)
{
    const struct ca_limits *limits = config_limits(house->config, directory);
    int64_t now_ms, has_any = 0;
    CHECK(store_in_transaction(house->store));
    if (limits->rates[CA_LIMIT_FAILURES_IN_A_ROW].count == 0)
        return true;
    if (!ledger_now(house, &now_ms, err) ||
        !store_int(house->store, 0, &has_any, err, SQL_LEDGER_HAS_FAILURES, "ti", directory,
                   now_ms))
        return false;
    for (size_t i = 0; has_any != 0 && i < n; i++) {
        AUTO(mem_fini)
        char *subject = ledger_failing_subject(account, identifiers[i]);
        if (!store_run(house->store, NULL, err, SQL_LEDGER_FORGET, "ttt", directory,
                       ca_limit_name(CA_LIMIT_FAILURES_IN_A_ROW), subject))
            return false;
    }
    return true;
}

/* ---- once a run ---- */

enum { ISSUED_KEPT_DAYS = 400 };

static bool orphans_settle(struct house *house, struct err *err)
{
    struct rows rows;
    bool ok = true;
    if (!store_query(house->store, &rows, err, SQL_LEDGER_ORPHANS, ""))
        return false;
    while (ok && rows_next(&rows)) {
        AUTO(mem_fini)
        char *owner = mem_strdup(rows_text(&rows, 0));
        ok = ledger_settle(house, owner, LEDGER_UNKNOWN, err);
    }
    return rows_end(&rows, ok ? err : NULL) && ok;
}

bool ledger_sweep(struct house *house, struct err *err)
{
    int64_t now_ms;
    CHECK(store_in_transaction(house->store));
    return ledger_now(house, &now_ms, err) && orphans_settle(house, err) &&
           store_run(house->store, NULL, err, SQL_LEDGER_SWEEP, "i", now_ms) &&
           store_run(house->store, NULL, err, SQL_LEDGER_SWEEP_ISSUED, "i",
                     now_ms - ISSUED_KEPT_DAYS * MS_DAY);
}

/* ---- for people ---- */

static bool entry_visit(struct house *house, const struct rows *rows, int64_t now_ms,
                        ledger_visit *visit, void *arg)
{
    struct ledger_entry e = {.directory = rows_text(rows, 0),
                             .subject = rows_text(rows, 2),
                             .label = rows_text(rows, 3),
                             .full_at_ms = rows_int(rows, 4),
                             .told = rows_text(rows, 5),
                             .told_at_ms = rows_int(rows, 6),
                             .is_guess = rows_int(rows, 7) != 0,
                             .n_reserved = rows_int(rows, 8)};
    if (!ca_limit_find(rows_text(rows, 1), &e.limit))
        return true;
    const struct ca_limits *limits = config_limits(house->config, e.directory);
    e.rate = limits->rates[e.limit];
    struct gcra g = ledger_gcra(&e.rate), ordinary = g;
    if (ca_limit_is_shared(e.limit))
        ordinary.burst -= g.burst * limits->kept_percent / 100;
    e.left = gcra_left(&g, e.full_at_ms, now_ms);
    e.left_ordinary = gcra_left(&ordinary, e.full_at_ms, now_ms);
    if (g.gap > 0) {
        e.left = e.left > e.n_reserved ? e.left - e.n_reserved : 0;
        e.left_ordinary = e.left_ordinary > e.n_reserved ? e.left_ordinary - e.n_reserved : 0;
    }
    e.next_at_ms = gcra_at(&ordinary, e.full_at_ms, now_ms, e.n_reserved + 1);
    return visit(arg, &e);
}

bool ledger_each(struct house *house, ledger_visit *visit, void *arg, struct err *err)
{
    struct rows rows;
    int64_t now_ms;
    bool on = true;
    if (!ledger_now(house, &now_ms, err) ||
        !store_query(house->store, &rows, err, SQL_LEDGER_ALL, "i", now_ms))
        return false;
    while (on && rows_next(&rows))
        on = entry_visit(house, &rows, now_ms, visit, arg);
    return rows_end(&rows, err);
}
