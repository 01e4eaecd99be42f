#include "renewal/ari_desk.h"

#include "acme/renewal_info.h"
#include "base/failpoint.h"
#include "crypto/key.h"
#include "inventory/event.h"

enum { OUT_MAX = 32, RANDOM_N = 1000000, SILENCE_MAX = 3, CAS_MAX = 64 };

struct poll { /* one look at one certificate */
    struct list in_desk;
    struct ari_desk *desk;
    struct ca *ca;
    int64_t certificate_id, issued_at_ms, previous_at_ms, n_failures;
    bool has_window; /* known before */
    int64_t start_at_ms, end_at_ms;
    char *ari_id, *set, *explanation;
    struct renewal_life life;
    struct renewal_info info; /* explanation: the poll's own */
    bool is_sent, is_heard;
};

struct ari_desk {
    struct house *house;
    struct ca_office *office;
    const struct asks *asks;
    struct list polls;
    size_t n_polls, n_out, n_heard; /* all; asked and not heard; heard and not written */
    bool looks;                     /* rows may be due */
    /* Looks in a row that a CA did not answer: ten thousand that wait for a dead one would hold up the run. */
    struct {
        const struct ca *ca;
        int n;
    } silence[CAS_MAX];
    char **due; /* sets */
    size_t n_due;
    struct arena *arena; /* of the answer being heard */
};

struct ari_desk *ari_desk_new(struct house *house, struct ca_office *office,
                              const struct asks *asks)
{
    struct ari_desk *desk = NEW(struct ari_desk);
    desk->house = house;
    desk->office = office;
    desk->asks = asks;
    desk->looks = true;
    desk->arena = arena_new();
    list_init(&desk->polls);
    return desk;
}

static void poll_free(struct poll *poll)
{
    list_remove(&poll->in_desk);
    poll->desk->n_polls--;
    mem_free(poll->ari_id);
    mem_free(poll->set);
    mem_free(poll->explanation);
    mem_free(poll);
}

void ari_desk_free(struct ari_desk *desk)
{
    if (desk == NULL)
        return;
    LIST_EACH (it, &desk->polls) {
        struct poll *poll = LIST_OWNER(it, struct poll, in_desk);
        if (poll->is_sent && !poll->is_heard)
            ca_forget(poll->ca, poll);
        poll_free(poll);
    }
    for (size_t i = 0; i < desk->n_due; i++)
        mem_free(desk->due[i]);
    mem_free(desk->due);
    arena_free(desk->arena);
    mem_free(desk);
}

void ari_desk_look(struct ari_desk *desk)
{
    desk->looks = true;
}

/* ---- taking up ---- */

static bool row_put_off(struct ari_desk *desk, int64_t id, int64_t by_ms, struct err *err)
{
    return store_run(desk->house->store, NULL, err, SQL_ARI_NEXT, "ii", id,
                     house_now(desk->house) + by_ms);
}

/* Configured otherwise by now: whoever issued it is not asked. */
static bool ca_find(struct ari_desk *desk, const struct rows *rows, struct ca **ret)
{
    struct err why = {0};
    const struct config *config = desk->house->config;
    const char *authority = rows_text(rows, 6), *directory = rows_text(rows, 7);
    if (authority == NULL || directory == NULL)
        return false;
    if (config_authority(config, authority) != NULL &&
        ca_open(desk->office, authority, ret, &why) &&
        strcmp(ca_directory_url(*ret), directory) == 0)
        return true;
    /* It may go by another name by now. */
    for (size_t i = 0; i < config->n_authorities; i++)
        if (strcmp(config->authorities[i].directory, directory) == 0 &&
            ca_open(desk->office, config->authorities[i].name, ret, &why) &&
            strcmp(ca_directory_url(*ret), directory) == 0)
            return true;
    return false;
}

static void poll_begin(struct ari_desk *desk, const struct rows *rows, struct ca *ca)
{
    struct poll *poll = NEW(struct poll);
    poll->desk = desk;
    poll->ca = ca;
    poll->certificate_id = rows_int(rows, 0);
    poll->ari_id = mem_strdup(rows_text(rows, 1));
    poll->has_window = !rows_is_null(rows, 2);
    poll->start_at_ms = rows_int(rows, 2);
    poll->end_at_ms = rows_int(rows, 3);
    poll->n_failures = rows_int(rows, 4);
    poll->set = mem_strdup(rows_text(rows, 5));
    poll->life = (struct renewal_life){rows_int(rows, 8), rows_int(rows, 9)};
    poll->issued_at_ms = rows_int(rows, 10);
    poll->previous_at_ms = rows_int(rows, 14);
    list_push_back(&desk->polls, &poll->in_desk);
    desk->n_polls++;
}

static int *silence_of(struct ari_desk *desk, const struct ca *ca)
{
    for (size_t i = 0; i < CAS_MAX; i++) {
        if (desk->silence[i].ca == NULL)
            desk->silence[i].ca = ca;
        if (desk->silence[i].ca == ca)
            return &desk->silence[i].n;
    }
    return &desk->silence[CAS_MAX - 1].n;
}

static bool ca_is_silent(struct ari_desk *desk, const struct ca *ca)
{
    return *silence_of(desk, ca) >= SILENCE_MAX || ca_gate(ca) == BREAKER_OPEN;
}

/* The row says that it failed until it is known that it did not. */
static bool row_mark(struct ari_desk *desk, const struct rows *rows, const char *why,
                     struct err *err)
{
    const struct renewal_info unheard = {.fate = RENEWAL_PASSING};
    const struct renewal_life life = {rows_int(rows, 8), rows_int(rows, 9)};
    int64_t n_failures = rows_int(rows, 4) + 1;
    int64_t next_at_ms = renewal_info_next_at_ms(&unheard, &life, n_failures,
                                                 house_now(desk->house), random_below(RANDOM_N));
    return store_run(desk->house->store, NULL, err, SQL_ARI_FAILED, "iiit", rows_int(rows, 0),
                     next_at_ms, n_failures, why);
}

static bool row_take(struct ari_desk *desk, const struct rows *rows, struct err *err)
{
    struct ca *ca = NULL;
    int64_t id = rows_int(rows, 0);
    bool is_current = rows_int(rows, 11) != 0, is_gone = rows_int(rows, 12) != 0;
    if (!is_current || rows_int(rows, 9) <= house_now(desk->house))
        return store_run(desk->house->store, NULL, err, SQL_ARI_DROP, "i", id);
    /* An order is open: the answer could change nothing. */
    if (rows_int(rows, 13) != 0)
        return row_put_off(desk, id, MS_MINUTE, err);
    if (is_gone || !ca_find(desk, rows, &ca))
        return row_put_off(desk, id, MS_DAY, err);
    if (ca_is_silent(desk, ca))
        return row_mark(desk, rows, "the CA does not answer", err);
    if (!row_mark(desk, rows, "asked, and not heard yet", err))
        return false;
    poll_begin(desk, rows, ca);
    return true;
}

static bool desk_take_rows(struct ari_desk *desk, struct err *err)
{
    struct rows rows;
    bool ok = true;
    size_t n = 0;
    bool wants_all = asks_want_all(desk->asks, ASK_RENEW);
    int64_t most = wants_all ? (int64_t)OUT_MAX : INT64_MAX;
    if (!store_query(desk->house->store, &rows, err, SQL_ARI_DUE, "ii", house_now(desk->house),
                     most))
        return false;
    while (ok && desk->n_polls < OUT_MAX && rows_next(&rows)) {
        n++;
        if (asks_want(desk->asks, ASK_RENEW, rows_text(&rows, 5)))
            ok = row_take(desk, &rows, err);
    }
    desk->looks = desk->n_polls >= OUT_MAX || (wants_all && n == OUT_MAX);
    return rows_end(&rows, ok ? err : NULL) && ok;
}

/* ---- asking and hearing ---- */

static void poll_heard(struct poll *poll)
{
    poll->is_heard = true;
    poll->desk->n_out--;
    poll->desk->n_heard++;
}

static void poll_hear(void *arg, const struct acme_answer *answer)
{
    struct poll *poll = arg;
    struct ari_desk *desk = poll->desk;
    renewal_info_hear(answer, &poll->life, desk->arena, &poll->info);
    mem_set_str(&poll->explanation, poll->info.explanation);
    poll->info.explanation = poll->explanation;
    arena_reset(desk->arena);
    poll_heard(poll);
}

static void poll_fails(struct poll *poll, const struct err *why)
{
    bool passes = why->kind == ERR_AGAIN || why->kind == ERR_THROTTLED || why->kind == ERR_LOCAL ||
                  why->kind == ERR_STORE;
    poll->info = (struct renewal_info){.fate = passes ? RENEWAL_PASSING : RENEWAL_LASTING,
                                       .retry_at_ms = why->until_ms,
                                       .why = *why};
    poll_heard(poll);
}

static void poll_ask(struct poll *poll)
{
    struct err why = {0};
    AUTO(buf_fini)
    struct buf url = BUF(4096);
    if (!renewal_info_url(ca_directory(poll->ca), poll->ari_id, &url, &why)) {
        poll_fails(poll, &why);
        return;
    }
    struct acme_ask ask = {.method = ACME_GET,
                           .signer = ACME_UNSIGNED,
                           .what = "renewalInfo",
                           .is_aside = true,
                           .url = buf_cstr(&url)};
    FAILPOINT("ari.send.before");
    ca_send(poll->ca, &ask, NULL, poll_hear, poll);
}

static void poll_has_directory(void *arg, const struct err *err)
{
    struct poll *poll = arg;
    if (err != NULL)
        poll_fails(poll, err);
    else
        poll_ask(poll);
}

void ari_desk_act(struct ari_desk *desk)
{
    LIST_EACH (it, &desk->polls) {
        struct poll *poll = LIST_OWNER(it, struct poll, in_desk);
        if (poll->is_sent)
            continue;
        poll->is_sent = true;
        desk->n_out++;
        if (ca_has_directory(poll->ca))
            poll_ask(poll);
        else
            ca_fetch_directory(poll->ca, poll_has_directory, poll);
    }
}

/* ---- writing ---- */

static void due_add(struct ari_desk *desk, const char *set)
{
    desk->due = mem_grow(desk->due, desk->n_due, desk->n_due + 2, sizeof *desk->due);
    desk->due[desk->n_due++] = mem_strdup(set);
    desk->due[desk->n_due] = NULL;
}

/* What each certificate of a healthy CA gets once is no news; a window that moves, or one with an explanation, is. */
static void window_tell(const struct poll *poll, int64_t due_at_ms)
{
    char start[TIME_TEXT_MAX], end[TIME_TEXT_MAX], due[TIME_TEXT_MAX];
    if (!poll->has_window && poll->explanation == NULL)
        return;
    time_format(poll->info.start_at_ms, false, start);
    time_format(poll->info.end_at_ms, false, end);
    time_format(due_at_ms, false, due);
    event_write(poll->desk->house, EVENT_RENEWAL_MOVED, poll->set, 0,
                "the CA asks for the renewal between %s and %s%s%s; it is due at %s", start, end,
                poll->explanation != NULL ? ", and says why at " : "",
                poll->explanation != NULL ? poll->explanation : "", due);
}

/* A new window: drawn once, and the set goes by it. */
static bool window_take(struct poll *poll, int64_t *ret_drawn_ms, struct err *err)
{
    struct house *house = poll->desk->house;
    int64_t drawn_ms = renewal_info_draw(&poll->info, &poll->life, random_below(RANDOM_N));
    int64_t brake_ms =
        renewal_info_brake_at_ms(&poll->life, poll->issued_at_ms, poll->previous_at_ms);
    *ret_drawn_ms = drawn_ms > brake_ms ? drawn_ms : brake_ms;
    if (!store_run(house->store, NULL, err, SQL_ARI_DECIDES, "ii", poll->certificate_id,
                   *ret_drawn_ms) ||
        !store_run(house->store, NULL, err, SQL_ARI_MOVES_SET, "t", poll->set))
        return false;
    window_tell(poll, *ret_drawn_ms);
    if (*ret_drawn_ms <= house_now(house))
        due_add(poll->desk, poll->set);
    return true;
}

static bool poll_is_current(const struct poll *poll, bool *ret, struct err *err)
{
    int64_t is_there = 0;
    if (!store_int(poll->desk->house->store, 0, &is_there, err, SQL_ARI_EXISTS, "i",
                   poll->certificate_id))
        return false;
    *ret = is_there != 0;
    return true;
}

static bool poll_settle(struct poll *poll, struct err *err)
{
    struct house *house = poll->desk->house;
    const struct renewal_info *info = &poll->info;
    bool failed = info->fate != RENEWAL_HEARD, is_current = false;
    int64_t now_ms = house_now(house), n_failures = failed ? poll->n_failures + 1 : 0, drawn_ms = 0;
    int64_t next_at_ms =
        renewal_info_next_at_ms(info, &poll->life, n_failures, now_ms, random_below(RANDOM_N));
    const char *failure = failed ? info->why.text : NULL;
    /* Another certificate may have taken its place meanwhile. */
    if (!poll_is_current(poll, &is_current, err))
        return false;
    if (!is_current)
        return true;
    if (!info->has_window)
        return store_run(house->store, NULL, err, SQL_ARI_FAILED, "iiit", poll->certificate_id,
                         next_at_ms, n_failures, failure);
    bool is_new = !poll->has_window || info->start_at_ms != poll->start_at_ms ||
                  info->end_at_ms != poll->end_at_ms;
    if (is_new && !window_take(poll, &drawn_ms, err))
        return false;
    return store_run(house->store, NULL, err, SQL_ARI_HEARD, "iiiitiiit", poll->certificate_id,
                     info->start_at_ms, info->end_at_ms, drawn_ms, poll->explanation, now_ms,
                     next_at_ms, n_failures, failure);
}

static bool desk_settle(struct ari_desk *desk, struct err *err)
{
    LIST_EACH (it, &desk->polls) {
        struct poll *poll = LIST_OWNER(it, struct poll, in_desk);
        if (!poll->is_heard)
            continue;
        if (!poll_settle(poll, err))
            return err_wrap(err, "renewal information of set %s", poll->set);
        desk->n_heard--;
        if (poll->info.fate == RENEWAL_PASSING)
            ++*silence_of(desk, poll->ca);
        else
            *silence_of(desk, poll->ca) = 0;
        poll_free(poll);
    }
    return true;
}

bool ari_desk_collect(struct ari_desk *desk, struct err *err)
{
    if (!desk_settle(desk, err))
        return false;
    if (loop_n_stops(desk->house->loop) > 0)
        desk->looks = false;
    return !desk->looks || desk->n_polls >= OUT_MAX || desk_take_rows(desk, err);
}

bool ari_desk_is_busy(const struct ari_desk *desk)
{
    return desk->n_polls > 0 || desk->looks || desk->n_due > 0;
}

int64_t ari_desk_next_at_ms(const struct ari_desk *desk)
{
    bool can_take = desk->looks && desk->n_polls < OUT_MAX;
    return desk->n_heard > 0 || can_take ? 0 : INT64_MAX;
}

char **ari_desk_take_due(struct ari_desk *desk)
{
    if (desk->n_due == 0 || desk->n_polls > 0 || desk->looks)
        return NULL;
    char **due = desk->due;
    desk->due = NULL;
    desk->n_due = 0;
    return due;
}
