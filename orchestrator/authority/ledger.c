#include "authority/ledger_inside.h"

#include "inventory/config.h"

#include <stdio.h>

/* However long a CA wants to be left alone: a row further off than this was written by a clock that was ahead. */
enum { TOLD_MAX_MS = 8 * MS_DAY };

/* One question while it is answered. */
struct look {
    struct house *house;
    const struct ledger_ask *ask;
    const struct ca_limits *limits;
    int64_t now_ms;
    struct ledger_answer *answer;
};

bool ledger_now(struct house *house, int64_t *ret_now_ms, struct err *err)
{
    return store_now(house->store, house_now(house), ret_now_ms, err);
}

bool ledger_bucket_load(struct house *house, const char *directory, const struct ca_rate *rate,
                        int64_t now_ms, struct ledger_bucket *b, struct err *err)
{
    struct rows rows;
    int64_t most_ms = now_ms + rate->bucket.burst * rate->bucket.gap + TOLD_MAX_MS;
    if (!store_query(house->store, &rows, err, SQL_LEDGER_BUCKET, "ttt", directory,
                     ca_limit_name(b->limit), b->subject))
        return false;
    if (rows_next(&rows)) {
        b->n_reserved = rows_int(&rows, 0);
        b->full_at_ms = rows_int(&rows, 1);
        b->issued_at_ms = rows_int(&rows, 2);
        b->is_guess = rows_int(&rows, 3) != 0;
    }
    if (b->full_at_ms > most_ms)
        b->full_at_ms = now_ms + rate->bucket.burst * rate->bucket.gap;
    return rows_end(&rows, err);
}

/* ---- one bucket ---- */

void ledger_bucket_judge(const struct ledger_bucket *b, const struct ca_rate *rate,
                         int64_t n_before, int64_t now_ms, struct ledger_answer *answer)
{
    struct gcra g = ledger_gcra(rate);
    int64_t at_ms = gcra_at(&g, b->full_at_ms, now_ms, n_before + 1);
    if (at_ms <= now_ms || (!answer->may && at_ms <= answer->at_ms))
        return;
    answer->may = false;
    answer->at_ms = at_ms;
    answer->gap_ms = g.gap;
    answer->limit = ca_limit_name(b->limit);
    snprintf(answer->text, sizeof answer->text, "its limit for %s is used up",
             ca_limit_what(b->limit));
}

/* Of a limit that nobody knows the row says when it is open, no more. */
struct gcra ledger_gcra(const struct ca_rate *rate)
{
    return rate->count > 0 ? rate->bucket : (struct gcra){.burst = 1};
}

/* What ordinary work may have at once. */
static struct gcra bucket_for(const struct look *l, enum ca_limit limit)
{
    struct gcra g = ledger_gcra(&l->limits->rates[limit]);
    if (ca_limit_is_shared(limit) && !l->ask->is_emergency)
        g.burst -= g.burst * l->limits->kept_percent / 100;
    return g;
}

static void refusal_word(const struct look *l, const struct ledger_bucket *b)
{
    const struct ca_rate *rate = &l->limits->rates[b->limit];
    const char *whose = b->label[0] != '\0' ? b->label : b->subject;
    AUTO(buf_fini)
    struct buf text = BUF(LEDGER_TEXT_MAX);
    if (rate->count > 0) {
        buf_add_cstr(&text, "its limit of ");
        ca_rate_format(rate, &text);
        buf_add_cstr(&text, " for ");
    }
    buf_printf(&text, "%s%s%.300s%s %s", ca_limit_what(b->limit), whose[0] != '\0' ? " (" : "",
               whose, whose[0] != '\0' ? ")" : "",
               rate->count > 0 ? "is used up" : "are refused for now");
    snprintf(l->answer->text, sizeof l->answer->text, "%s", buf_cstr(&text));
    snprintf(l->answer->subject, sizeof l->answer->subject, "%s", b->subject);
}

static void headroom_note(struct look *l, const struct gcra *g, const struct ledger_bucket *b)
{
    int64_t left = gcra_left(g, b->full_at_ms, l->now_ms) - b->n_reserved - 1;
    if (g->gap == 0 || !l->answer->may || left >= l->answer->left)
        return;
    l->answer->left = left > 0 ? left : 0;
    l->answer->limit = ca_limit_name(b->limit);
}

/* The latest of all refusals is the answer; as long as there is none, the tightest limit. A guess binds nobody in need. */
static void bucket_judge(struct look *l, const struct ledger_bucket *b)
{
    struct ledger_answer *answer = l->answer;
    struct gcra g = bucket_for(l, b->limit);
    int64_t at_ms = gcra_at(&g, b->full_at_ms, l->now_ms, b->n_reserved + 1);
    if (at_ms <= l->now_ms || (b->is_guess && l->ask->is_emergency)) {
        headroom_note(l, &g, b);
        return;
    }
    if (l->ask->override_reason != NULL) {
        answer->is_overridden = true;
        answer->limit = ca_limit_name(b->limit);
        refusal_word(l, b);
        return;
    }
    if (!answer->may && at_ms <= answer->at_ms)
        return;
    answer->may = false;
    answer->at_ms = at_ms;
    answer->gap_ms = g.gap;
    answer->left = 0;
    answer->limit = ca_limit_name(b->limit);
    refusal_word(l, b);
}

/* ---- an order ---- */

/* The buckets of an order; the first is the exact set. */
struct buckets {
    struct ledger_bucket *items;
    size_t n;
};

static void buckets_fini(struct buckets *b)
{
    for (size_t i = 0; i < b->n; i++)
        ledger_bucket_fini(&b->items[i]);
    mem_free(b->items);
}

static struct ledger_bucket *bucket_add(struct buckets *b, enum ca_limit limit, const char *subject,
                                        const char *label)
{
    ledger_bucket_init(&b->items[b->n], limit, subject, label);
    b->items[b->n].is_checked = true;
    return &b->items[b->n++];
}

/* Names that failed before. They are looked up one by one only where any has. */
static bool names_gather(const struct look *l, struct buckets *b, struct err *err)
{
    int64_t has_any = 0;
    if (!store_int(l->house->store, 0, &has_any, err, SQL_LEDGER_HAS_FAILURES, "ti",
                   l->ask->directory, l->now_ms))
        return false;
    for (size_t i = 0; has_any != 0 && i < l->ask->n_names; i++) {
        AUTO(mem_fini)
        char *subject = ledger_failing_subject(l->ask->account, l->ask->names[i]);
        bucket_add(b, CA_LIMIT_FAILURES_IN_A_ROW, subject, l->ask->names[i]);
        bucket_add(b, CA_LIMIT_FAILURES, subject, l->ask->names[i]);
    }
    return true;
}

/* What is exempt is neither looked at nor, where the CA does not count it, spent. What was issued before counts for its exact set only;
 * inside its window nothing of an order is looked at, but its certificate counts. */
static bool buckets_gather(const struct look *l, struct buckets *b, struct err *err)
{
    bool is_in_window = l->ask->is_replacement_in_window && l->limits->replaced_in_window;
    struct ledger_bucket *set = NEW_N(3 * l->ask->n_names + 2, struct ledger_bucket);
    int64_t same_ms = l->limits->same_set_ms;
    b->items = set;
    ledger_set_bucket(l->ask, set);
    b->n = 1;
    if (!ledger_bucket_load(l->house, l->ask->directory, &l->limits->rates[CA_LIMIT_SET], l->now_ms,
                            set, err))
        return false;
    bool is_same = same_ms > 0 && set->issued_at_ms > l->now_ms - same_ms;
    set->is_checked = !is_in_window;
    set->is_spent = true;
    if (!is_same) {
        size_t n = ledger_domain_buckets(l->house, l->ask, set + 1);
        for (; n > 0; n--, b->n++) {
            b->items[b->n].is_checked = !is_in_window;
            b->items[b->n].is_spent = true;
        }
    }
    if (l->ask->account == NULL || is_in_window)
        return true;
    if (!is_same)
        bucket_add(b, CA_LIMIT_ORDERS, l->ask->account, NULL)->is_spent = true;
    return names_gather(l, b, err);
}

static bool buckets_judge(struct look *l, struct buckets *b, struct err *err)
{
    for (size_t i = 0; i < b->n; i++) {
        struct ledger_bucket *bucket = &b->items[i];
        if (!bucket->is_checked)
            continue;
        if (i > 0 && !ledger_bucket_load(l->house, l->ask->directory,
                                         &l->limits->rates[bucket->limit], l->now_ms, bucket, err))
            return false;
        bucket_judge(l, bucket);
    }
    return true;
}

/* Nothing can be used up of a limit that nobody knows; but that a set was issued may be worth knowing. */
static bool bucket_reserve(const struct look *l, const struct ledger_bucket *b, const char *owner,
                           struct err *err)
{
    int64_t gap_ms = l->limits->rates[b->limit].bucket.gap;
    if (gap_ms == 0 && (b->limit != CA_LIMIT_SET || l->limits->same_set_ms == 0))
        return true;
    return store_run(l->house->store, NULL, err, SQL_LEDGER_RESERVE, "tttttiii", owner,
                     l->ask->directory, ca_limit_name(b->limit), b->subject, b->label, gap_ms,
                     (int64_t)(b->limit == CA_LIMIT_ORDERS), l->now_ms);
}

static bool answer_find(struct house *house, const struct ledger_ask *ask, const char *owner,
                        struct ledger_answer *answer, struct err *err)
{
    struct look l = {.house = house,
                     .ask = ask,
                     .limits = config_limits(house->config, ask->directory),
                     .answer = answer};
    AUTO(buckets_fini)
    struct buckets b = {0};
    *answer = (struct ledger_answer){.may = true, .limit = "", .left = INT64_MAX};
    if (!ledger_now(house, &l.now_ms, err) || !buckets_gather(&l, &b, err) ||
        !buckets_judge(&l, &b, err))
        return false;
    if (answer->may)
        answer->at_ms = l.now_ms;
    for (size_t i = 0; owner != NULL && answer->may && i < b.n; i++)
        if (b.items[i].is_spent && !bucket_reserve(&l, &b.items[i], owner, err))
            return false;
    return true;
}

bool ledger_look(struct house *house, const struct ledger_ask *ask, struct ledger_answer *ret,
                 struct err *err)
{
    struct ledger_answer answer;
    if (!answer_find(house, ask, NULL, &answer, err))
        return err_wrap(err, "ledger of %s", ask->directory);
    *ret = answer;
    return true;
}

bool ledger_reserve(struct house *house, const struct ledger_ask *ask, const char *owner,
                    struct ledger_answer *ret, struct err *err)
{
    struct ledger_answer answer;
    CHECK(store_in_transaction(house->store));
    if (!answer_find(house, ask, owner, &answer, err))
        return err_wrap(err, "ledger of %s", ask->directory);
    *ret = answer;
    return true;
}
