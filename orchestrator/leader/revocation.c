#include "leader/revocation.h"

#include "acme/account.h"
#include "base/failpoint.h"
#include "base/list.h"
#include "inventory/event.h"
#include "inventory/held.h"
#include "inventory/look.h"
#include "inventory/register.h"

enum { DUE_MAX = 64 };

enum revoking_stage {
    REVOKING_BEGINS,
    REVOKING_PREPARES,
    REVOKING_SENDS,
    REVOKING_WAITS,
    REVOKING_ENDS
};

struct revoking { /* one certificate on its way */
    struct list in_run;
    struct revocation *revocation;
    struct certificate *certificate;
    struct ca *ca;
    struct key *key; /* NULL: by the account */
    enum revoking_stage stage;
    struct err err;
};

struct revocation {
    struct house *house;
    struct ca_office *office;
    const struct asks *asks;
    struct look look;
    struct list jobs;
    size_t n_jobs;
    int64_t done_ids[DUE_MAX]; /* revoked in this run */
    size_t n_done;
    struct revocation_result result;
};

struct revocation *revocation_new(struct house *house, struct ca_office *office,
                                  const struct asks *asks)
{
    struct revocation *r = NEW(struct revocation);
    r->house = house;
    r->office = office;
    r->asks = asks;
    list_init(&r->jobs);
    return r;
}

static void revoking_free(struct revoking *job)
{
    if (job->ca != NULL)
        ca_forget(job->ca, job);
    list_remove(&job->in_run);
    key_free(job->key);
    certificate_free(job->certificate);
    mem_free(job);
}

void revocation_free(struct revocation *r)
{
    if (r == NULL)
        return;
    LIST_EACH (it, &r->jobs)
        revoking_free(LIST_OWNER(it, struct revoking, in_run));
    mem_free(r);
}

/* ---- may it be done now ---- */

static bool place_find(struct house *house, const char *set, struct buf *out, struct err *err)
{
    struct rows rows;
    if (!store_query(house->store, &rows, err, SQL_REVOCATION_OBSTACLE, "t", set))
        return false;
    if (rows_next(&rows)) {
        const char *why = rows_text(&rows, 2);
        buf_printf(out, "%s %s may still serve it%s%.400s", rows_text(&rows, 0),
                   rows_text(&rows, 1), why != NULL ? ": " : "", why != NULL ? why : "");
    }
    return rows_end(&rows, err);
}

bool revocation_obstacle(struct house *house, const struct certificate *c, struct buf *out,
                         struct err *err)
{
    if (c->revoke_now || certificate_is_ended(c))
        return true;
    if (c->is_current) {
        buf_add_cstr(out, "its replacement has not been issued yet");
        return true;
    }
    return place_find(house, c->set_name, out, err);
}

/* ---- taking up ---- */

static bool is_under_way(const struct revocation *r, int64_t id)
{
    LIST_EACH (it, &r->jobs)
        if (LIST_OWNER(it, struct revoking, in_run)->certificate->id == id)
            return true;
    return false;
}

static bool put_off(struct house *house, const struct certificate *c, const struct err *why,
                    struct err *err)
{
    struct rows rows;
    int64_t n_tries = 0, now_ms = house_now(house);
    bool by_key =
        c->revoke_by_key || (why->kind == ERR_DENIED && c->key_id != 0 && !c->revoke_by_key);
    if (!store_query(house->store, &rows, err, SQL_REVOCATION_VIEW, "i", c->id))
        return false;
    if (rows_next(&rows))
        n_tries = rows_int(&rows, 0);
    if (!rows_end(&rows, err))
        return false;
    int64_t next_ms = by_key != c->revoke_by_key ? now_ms : now_ms + retry_ladder_ms(n_tries + 1);
    char when[TIME_TEXT_MAX];
    time_format(next_ms, false, when);
    event_write(house, EVENT_REVOCATION_FAILED, c->set_name, 0, "version %lld, serial %s: %s; %s%s",
                (long long)c->version, c->serial, why->text,
                by_key != c->revoke_by_key
                    ? "tried at once with the certificate's own key instead of the account's"
                    : "next try at ",
                by_key != c->revoke_by_key ? "" : when);
    house_say_end(house, c->set_name, "revoke", true, "version %lld: %s", (long long)c->version,
                  why->text);
    return store_run(house->store, NULL, err, SQL_REVOCATION_PUT_OFF, "iitB", c->id, next_ms,
                     why->text, (int)by_key);
}

/* The name may stand for another CA by now, which would not know the certificate. */
static bool revoking_open(struct revoking *job, struct err *err)
{
    struct revocation *r = job->revocation;
    const struct certificate *c = job->certificate;
    if (!ca_open(r->office, c->authority, &job->ca, err))
        return false;
    if (strcmp(c->directory, ca_directory_url(job->ca)) != 0)
        return err_set(err, ERR_CONFIG,
                       "the certificate was issued by %s, but authority %s is %s now: configure an "
                       "authority with that directory",
                       c->directory, c->authority, ca_directory_url(job->ca));
    if (c->revoke_by_key && c->key_id == 0)
        return err_set(err, ERR_CONFIG,
                       "its key lives elsewhere: only its account can revoke it here");
    return !c->revoke_by_key || held_key_load(r->house, c->key_id, &job->key, err);
}

static bool revoking_begin(struct revocation *r, struct certificate *take_certificate,
                           struct err *err)
{
    struct err why = {0};
    struct revoking *job = NEW(struct revoking);
    job->revocation = r;
    job->certificate = take_certificate;
    if (revoking_open(job, &why)) {
        list_push_back(&r->jobs, &job->in_run);
        r->n_jobs++;
        return true;
    }
    bool ok = why.kind != ERR_STORE ? put_off(r->house, take_certificate, &why, err)
                                    : err_set(err, why.kind, "%s", why.text);
    r->result.n_failed += asks_is_own(r->asks, take_certificate->set_name);
    revoking_free(job);
    return ok;
}

/* Told once, when it changes: a wish that waits for days writes nothing. */
static bool waits_tell(struct revocation *r, const struct certificate *c, const char *obstacle,
                       struct err *err)
{
    struct rows rows;
    bool is_told = false;
    if (!store_query(r->house->store, &rows, err, SQL_REVOCATION_VIEW, "i", c->id))
        return false;
    if (rows_next(&rows))
        is_told = rows_text(&rows, 1) != NULL && strcmp(rows_text(&rows, 1), obstacle) == 0;
    return rows_end(&rows, err) &&
           (is_told ||
            store_run(r->house->store, NULL, err, SQL_REVOCATION_WAITS, "it", c->id, obstacle));
}

static bool due_take(struct revocation *r, int64_t id, struct err *err)
{
    struct certificate *c = NULL;
    AUTO(buf_fini)
    struct buf obstacle = BUF(2048);
    if (!held_certificate(r->house, id, true, &c, err))
        return false;
    if (!revocation_obstacle(r->house, c, &obstacle, err)) {
        certificate_free(c);
        return false;
    }
    if (obstacle.len == 0)
        return revoking_begin(r, c, err);
    r->result.n_waiting += asks_is_own(r->asks, c->set_name);
    bool ok = waits_tell(r, c, buf_cstr(&obstacle), err);
    certificate_free(c);
    return ok;
}

static bool due_find(struct revocation *r, struct err *err)
{
    struct rows rows;
    int64_t ids[DUE_MAX];
    size_t n = 0;
    r->result.n_waiting = 0;
    if (loop_n_stops(r->house->loop) > 0)
        return true;
    if (!store_query(r->house->store, &rows, err, SQL_REVOCATION_DUE, "i", house_now(r->house)))
        return false;
    while (n < DUE_MAX && rows_next(&rows))
        if (asks_want(r->asks, ASK_RENEW, rows_text(&rows, 1)) &&
            !is_under_way(r, rows_int(&rows, 0)))
            ids[n++] = rows_int(&rows, 0);
    if (!rows_end(&rows, err))
        return false;
    for (size_t i = 0; i < n; i++)
        if (!due_take(r, ids[i], err))
            return false;
    return true;
}

/* ---- what came of it ---- */

static bool revoking_succeeds(struct revocation *r, const struct certificate *c, struct err *err)
{
    if (!held_certificate_revoked(r->house, c->id, c->revoke_reason, err))
        return false;
    event_write(r->house, EVENT_CERTIFICATE_REVOKED, c->set_name, c->order_id,
                "version %lld, serial %s, %s", (long long)c->version, c->serial,
                revoke_reason_name(c->revoke_reason));
    house_say_end(r->house, c->set_name, "revoke", false, "version %lld: revoked",
                  (long long)c->version);
    if (!asks_is_own(r->asks, c->set_name))
        return true;
    r->result.n_revoked++;
    if (r->n_done < DUE_MAX)
        r->done_ids[r->n_done++] = c->id;
    return true;
}

static bool revoking_settle(struct revocation *r, struct revoking *job, struct err *err)
{
    bool ok;
    if (job->err.kind == ERR_NONE) {
        ok = revoking_succeeds(r, job->certificate, err);
    } else {
        /* With another key in the same run it is not counted twice. */
        bool again = job->err.kind == ERR_DENIED && !job->certificate->revoke_by_key &&
                     job->certificate->key_id != 0;
        r->result.n_failed += !again && asks_is_own(r->asks, job->certificate->set_name);
        ok = put_off(r->house, job->certificate, &job->err, err);
    }
    r->n_jobs--;
    revoking_free(job);
    return ok;
}

static bool revocation_collect(void *self, struct err *err)
{
    struct revocation *r = self;
    LIST_EACH (it, &r->jobs) {
        struct revoking *job = LIST_OWNER(it, struct revoking, in_run);
        if (job->stage == REVOKING_ENDS && !revoking_settle(r, job, err))
            return false;
    }
    if (!asks_lasts(r->asks))
        return due_find(r, err);
    if (!look_is_due(&r->look, r->house))
        return true;
    int64_t next_at_ms = INT64_MAX;
    if (!due_find(r, err) || !store_int(r->house->store, INT64_MAX, &next_at_ms, err,
                                        SQL_REVOCATION_NEXT, "i", house_now(r->house)))
        return false;
    look_done(&r->look, r->house, next_at_ms);
    return true;
}

/* ---- asking ---- */

static void revoking_move(struct revoking *job, enum revoking_stage stage)
{
    job->stage = stage;
    loop_wake(job->revocation->house->loop);
}

static void revoking_ready(void *arg, const struct err *err)
{
    struct revoking *job = arg;
    if (err != NULL)
        job->err = *err;
    revoking_move(job, err != NULL ? REVOKING_ENDS : REVOKING_SENDS);
}

static void revoking_heard(void *arg, const struct acme_answer *answer)
{
    struct revoking *job = arg;
    FAILPOINT("revoke.heard");
    acme_revoke_hear(answer, &job->err);
    revoking_move(job, REVOKING_ENDS);
}

static bool leaf_der(const struct certificate *certificate, struct buf *out, struct err *err)
{
    AUTO(chain_fini)
    struct chain *chain = NULL;
    if (!chain_parse_pem(buf_str(&certificate->chain_pem), &chain, err))
        return false;
    chain_cert_der(chain, 0, out);
    return true;
}

static bool revoking_send(struct revoking *job, struct err *err)
{
    const struct certificate *c = job->certificate;
    AUTO(buf_fini)
    struct buf der = BUF(CHAIN_PEM_MAX);
    struct acme_ask ask;
    if (ca_directory(job->ca)->revoke_cert == NULL)
        return err_set(err, ERR_REFUSED, "authority %s does not offer revocation", c->authority);
    if (!leaf_der(c, &der, err))
        return false;
    struct arena *arena = arena_new();
    acme_revoke_ask(ca_directory(job->ca), buf_str(&der), c->revoke_reason, job->key != NULL, arena,
                    &ask);
    job->stage = REVOKING_WAITS;
    FAILPOINT("revoke.send.before");
    ca_send(job->ca, &ask, job->key, revoking_heard, job);
    arena_free(arena);
    return true;
}

static void revocation_act(void *self)
{
    struct revocation *r = self;
    LIST_EACH (it, &r->jobs) {
        struct revoking *job = LIST_OWNER(it, struct revoking, in_run);
        if (job->stage == REVOKING_BEGINS) {
            job->stage = REVOKING_PREPARES;
            /* By the certificate's key no account is needed: it may be held, or gone. */
            if (job->key != NULL)
                ca_fetch_directory(job->ca, revoking_ready, job);
            else
                ca_prepare(job->ca, revoking_ready, job);
        } else if (job->stage == REVOKING_SENDS && !revoking_send(job, &job->err)) {
            revoking_move(job, REVOKING_ENDS);
        }
    }
}

static int64_t revocation_next_at_ms(const void *self)
{
    const struct revocation *r = self;
    return asks_lasts(r->asks) && loop_n_stops(r->house->loop) == 0
               ? look_next_at_ms(&r->look, r->house)
               : INT64_MAX;
}

static bool revocation_is_busy(const void *self)
{
    const struct revocation *r = self;
    return r->n_jobs > 0;
}

struct concern revocation_concern(struct revocation *r)
{
    return (struct concern){"revocation",          r,
                            revocation_collect,    revocation_act,
                            revocation_next_at_ms, revocation_is_busy};
}

/* ---- the end of the run ---- */

static bool in_place_tell(struct revocation *r, int64_t id, struct err *err)
{
    struct certificate *c = NULL;
    struct rows rows;
    if (!held_certificate(r->house, id, false, &c, err))
        return false;
    bool ok = store_query(r->house->store, &rows, err, SQL_REVOKED_IN_PLACE, "ti", c->set_name, id);
    AUTO(mem_fini)
    char *targets = ok && rows_next(&rows) ? mem_strdup(rows_text(&rows, 0)) : NULL;
    ok = ok && rows_end(&rows, err);
    if (ok && targets != NULL && !certificate_is_ended(c)) {
        r->result.n_in_place++;
        event_write(r->house, EVENT_REVOCATION_SERVED, c->set_name, 0,
                    "version %lld is revoked and still in place at %.600s; its replacement is "
                    "delivered as soon as there is one",
                    (long long)c->version, targets);
    }
    certificate_free(c);
    return ok;
}

bool revocation_end(struct revocation *r, struct err *err)
{
    for (size_t i = 0; i < r->n_done; i++)
        if (!in_place_tell(r, r->done_ids[i], err))
            return false;
    return true;
}

int64_t revocation_set_at_ms(const struct revocation *r, const char *set)
{
    LIST_EACH (it, &r->jobs)
        if (strcmp(LIST_OWNER(it, struct revoking, in_run)->certificate->set_name, set) == 0)
            return 0;
    return INT64_MAX;
}

struct revocation_result revocation_result(const struct revocation *r)
{
    return r->result;
}
