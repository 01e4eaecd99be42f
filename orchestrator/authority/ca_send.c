#include "authority/ca_inside.h"

#include "base/failpoint.h"

enum {
    BAD_NONCES_MAX = 5,
    FLYING_MAX = 100,
    CIRCULATING_FIRST = 10,
    CIRCULATING_MAX = 64,
    ORDERS_PER_NONCE = 16,
    PROBE_MS = 15 * 1000 /* directory and nonces: who cannot even do that in time is not there */
};

void ca_sending_init(struct ca *ca)
{
    ca->nonces = nonce_pool_new();
    ca->arena = arena_new();
    list_init(&ca->queue);
    list_init(&ca->flying);
    list_init(&ca->kept);
    list_init(&ca->nonce_calls);
    ca->usual_validate_ms = ca->usual_issue_ms = 0;
}

void call_free(struct ca_call *call)
{
    list_remove(&call->in_ca);
    acme_answer_fini(&call->answer);
    arena_free(call->arena);
    mem_free(call->url);
    mem_free(call->payload);
    mem_free(call);
}

static void calls_drop(struct list *calls, size_t *n, const void *arg, bool all)
{
    LIST_EACH (it, calls) {
        struct ca_call *call = LIST_OWNER(it, struct ca_call, in_ca);
        if (!all && call->arg != arg)
            continue;
        http_cancel(call->http);
        call_free(call);
        (*n)--;
    }
}

void ca_sending_fini(struct ca *ca)
{
    calls_drop(&ca->queue, &ca->n_queue, NULL, true);
    calls_drop(&ca->flying, &ca->n_flying, NULL, true);
    calls_drop(&ca->kept, &ca->n_kept, NULL, true);
    timer_cancel(ca->draining);
    calls_drop(&ca->nonce_calls, &ca->n_nonce_calls, NULL, true);
    nonce_pool_free(ca->nonces);
    arena_free(ca->arena);
}

static void waiters_drop(struct list *waiters, const void *arg)
{
    LIST_EACH (it, waiters) {
        struct ca_waiter *waiter = LIST_OWNER(it, struct ca_waiter, in_ca);
        if (waiter->arg == arg) {
            list_remove(it);
            mem_free(waiter);
        }
    }
}

void ca_forget(struct ca *ca, void *arg)
{
    waiters_drop(&ca->waiters, arg);
    waiters_drop(&ca->directory_waiters, arg);
    calls_drop(&ca->queue, &ca->n_queue, arg, false);
    calls_drop(&ca->flying, &ca->n_flying, arg, false);
    calls_drop(&ca->kept, &ca->n_kept, arg, false);
}

/* ---- hearing ---- */

/* A clock that is an hour off makes every judgement about certificates wrong: better ask nothing. */
static bool ca_clock_fits(struct ca *ca, const struct http_reply *reply, struct err *err)
{
    int64_t off_ms = reply->date_at_ms == 0 ? 0 : house_now(ca->house) - reply->date_at_ms;
    char length[TIME_TEXT_MAX];
    ca->clock_off_ms = off_ms <= MS_HOUR && off_ms >= -MS_HOUR ? 0 : off_ms;
    if (ca->clock_off_ms == 0)
        return true;
    duration_format(off_ms < 0 ? -off_ms : off_ms, length);
    return err_set(
        err, ERR_LOCAL,
        "this machine's clock is %s %s the clock of %s: nothing is issued until it is right",
        length, off_ms < 0 ? "behind" : "ahead of", ca->config->name);
}

/* No connection, silence, a TLS that cannot be trusted, a flood: the CA's side. The rest is this machine, or an address we may not ask. */
static void loss_judge(struct err *why)
{
    if (why->kind == ERR_AGAIN || why->kind == ERR_DENIED || why->kind == ERR_BROKEN)
        err_judge(why, CLASS_LATER, FAULT_CA, NULL);
}

static void answer_from(struct ca *ca, struct acme_answer *ret, const struct http_reply *reply,
                        const struct err *err)
{
    struct err why = {0};
    if (reply == NULL || !ca_clock_fits(ca, reply, &why)) {
        ca->figures.n_lost++;
        if (reply == NULL) {
            why = *err;
            loss_judge(&why);
        }
        acme_answer_lost(ret, &why, ca->arena);
        return;
    }
    struct acme_header *headers = arena_alloc(ca->arena, (reply->n_headers + 1) * sizeof(*headers));
    for (size_t i = 0; i < reply->n_headers; i++)
        headers[i] = (struct acme_header){reply->headers[i].name, reply->headers[i].value};
    acme_answer_read(ret, reply->status, headers, reply->n_headers, reply->body,
                     house_now(ca->house), ca->arena);
}

static const char *reply_nonce(const struct http_reply *reply)
{
    const char *text = reply != NULL ? http_header(reply, "Replay-Nonce") : NULL;
    struct acme_header header = {"Replay-Nonce", text};
    return text != NULL ? acme_answer_nonce(&header, 1) : NULL;
}

static void call_send(struct ca_call *call, const char *nonce);

static void call_heard(void *arg, const struct http_reply *reply, const struct err *err)
{
    struct ca_call *call = arg;
    struct ca *ca = call->ca;
    struct acme_answer answer = {0};
    const char *nonce = reply_nonce(reply);

    call->http = NULL;
    answer_from(ca, &answer, reply, err);
    answer.slot = call->ask.slot;
    if (!call->ask.is_aside)
        ca_note_health(ca, call->sent_at_ms, reply, answer.lost, &answer);
    if (answer.problem != NULL && answer.problem->type == PROBLEM_BAD_NONCE &&
        call->n_bad_nonces < BAD_NONCES_MAX && nonce != NULL) {
        call->n_bad_nonces++;
        ca->figures.n_bad_nonces++;
        acme_answer_fini(&answer);
        call_send(call, nonce);
        arena_reset(ca->arena);
        return;
    }
    if (nonce != NULL)
        nonce_pool_put(ca->nonces, nonce, house_now(ca->house));
    ca->n_flying--;
    list_remove(&call->in_ca);
    if (!ca_doubts(ca, call, &answer)) {
        call->done(call->arg, &answer);
        acme_answer_fini(&answer);
        call_free(call);
    }
    arena_reset(ca->arena);
    ca_pump(ca);
}

/* ---- sending ---- */

static void call_sign(const struct ca_call *call, const char *nonce, struct buf *body)
{
    const struct ca *ca = call->ca;
    const struct key *key = call->key != NULL ? call->key : ca->account_key;
    AUTO(json_fini)
    struct json *protected_header = json_object();
    json_set_text(protected_header, "nonce", nonce);
    json_set_text(protected_header, "url", call->url);
    if (call->ask.signer == ACME_SIGN_JWK)
        json_set(protected_header, "jwk", key_jwk(key));
    else
        json_set_text(protected_header, "kid", ca->account.url);
    jws_sign(key, protected_header,
             call->ask.method == ACME_POST_AS_GET ? STR_NONE : call->ask.payload, body);
}

static void call_send(struct ca_call *call, const char *nonce)
{
    static const char *const methods[] = {[ACME_GET] = "GET",
                                          [ACME_HEAD] = "HEAD",
                                          [ACME_POST] = "POST",
                                          [ACME_POST_AS_GET] = "POST"};
    struct ca *ca = call->ca;
    call->generation = ca->generation;
    AUTO(buf_fini)
    struct buf body = BUF(JSON_SIZE_MAX);
    const char *headers[3] = {NULL};
    size_t n = 0;

    if (nonce != NULL) {
        call_sign(call, nonce, &body);
        headers[n++] = "Content-Type: application/jose+json";
    }
    headers[n++] = call->ask.wants_pem ? "Accept: application/pem-certificate-chain"
                                       : "Accept: application/json";
    struct http_request request = {
        .method = methods[call->ask.method],
        .url = call->url,
        .headers = headers,
        .body = buf_str(&body),
        .max_body = call->ask.wants_pem ? CHAIN_PEM_MAX : JSON_SIZE_MAX,
        .ca_file = ca->config->ca_file,
        .public_only = !ca->config->is_private,
        .timeout_ms = call->ask.signer == ACME_UNSIGNED ? PROBE_MS : 0,
    };
    call->sent_at_ms = house_now(ca->house);
    ca->figures.n_requests++;
    FAILPOINT("ca.send.before");
    call->http = http_start(ca->house->http, &request, call_heard, call);
    FAILPOINT("ca.send.after");
}

/* The CA cannot even give nonces: everything that waits hears why. */
static void queue_fail(struct ca *ca, const struct http_reply *reply, const struct err *err)
{
    struct list waiting;
    struct list *it;
    list_init(&waiting);
    while ((it = list_pop_front(&ca->queue)) != NULL)
        list_push_back(&waiting, it);
    while ((it = list_pop_front(&waiting)) != NULL) {
        struct ca_call *call = LIST_OWNER(it, struct ca_call, in_ca);
        struct acme_answer answer = {0};
        ca->n_queue--;
        answer_from(ca, &answer, reply, err);
        answer.slot = call->ask.slot;
        call->done(call->arg, &answer);
        acme_answer_fini(&answer);
        call_free(call);
    }
    arena_reset(ca->arena);
}

static void nonce_note_health(const struct ca_call *call, const struct http_reply *reply,
                              const struct err *err)
{
    struct err why = {0};
    if (reply == NULL) {
        why = *err;
        loss_judge(&why);
    }
    if (reply != NULL && reply->status < 400 && reply_nonce(reply) == NULL)
        ca_broke_protocol(call->ca, "newNonce gave no nonce");
    else
        ca_note_health(call->ca, call->sent_at_ms, reply, &why, NULL);
}

/* One that brings no nonce asks for no other: else several that wait would keep each other asking without a pause. */
static void nonce_heard(void *arg, const struct http_reply *reply, const struct err *err)
{
    struct ca_call *call = arg;
    struct ca *ca = call->ca;
    struct err why = {0};
    const char *nonce = reply_nonce(reply);

    ca->n_nonce_calls--;
    nonce_note_health(call, reply, err);
    call_free(call);
    if (nonce != NULL && ca_clock_fits(ca, reply, &why)) {
        nonce_pool_put(ca->nonces, nonce, house_now(ca->house));
        ca_pump(ca);
    } else if (ca->n_flying == 0 && ca->n_nonce_calls == 0 && nonce_pool_len(ca->nonces) == 0) {
        if (reply != NULL && reply->status < 400 && why.kind == ERR_NONE)
            err_set(&why, ERR_BROKEN, "%s: newNonce gave no nonce", ca->config->name);
        queue_fail(ca, why.kind != ERR_NONE ? NULL : reply, why.kind != ERR_NONE ? &why : err);
    }
}

static void nonce_ask(struct ca *ca)
{
    struct ca_call *call = NEW(struct ca_call);
    call->ca = ca;
    call->url = mem_strdup(ca->directory->new_nonce);
    list_push_back(&ca->nonce_calls, &call->in_ca);
    ca->n_nonce_calls++;
    ca->figures.n_requests++;
    ca->figures.n_nonce_requests++;
    struct http_request request = {.method = "HEAD",
                                   .url = call->url,
                                   .ca_file = ca->config->ca_file,
                                   .public_only = !ca->config->is_private,
                                   .timeout_ms = PROBE_MS};
    call->sent_at_ms = house_now(ca->house);
    call->http = http_start(ca->house->http, &request, nonce_heard, call);
}

/* Every reply brings the next nonce, so a few that circulate feed many requests; only then is another one asked for. */
static void nonces_top_up(struct ca *ca, size_t n_wanted)
{
    size_t circulating = nonce_pool_len(ca->nonces) + ca->n_flying + ca->n_nonce_calls;
    size_t most = CIRCULATING_FIRST + ca->n_expected / ORDERS_PER_NONCE;
    if (ca->directory == NULL)
        return;
    if (most > CIRCULATING_MAX)
        most = CIRCULATING_MAX;
    for (size_t n = nonce_pool_len(ca->nonces) + ca->n_nonce_calls;
         n < n_wanted && circulating < most; n++, circulating++)
        nonce_ask(ca);
}

void ca_expect(struct ca *ca, size_t n)
{
    ca->n_expected += n;
    if (n > 1)
        nonces_top_up(ca, n);
}

static bool call_waits_for_account(const struct ca_call *call)
{
    return call->ask.signer == ACME_SIGN_KID && call->ca->state != CA_READY;
}

/* The account cannot be used: what was to be signed by it hears why. */
static void queue_drain(void *arg)
{
    struct ca *ca = arg;
    struct err why;
    ca->draining = NULL;
    if (ca->state != CA_COLD)
        return;
    if (ca_hold(ca) != NULL)
        account_hold_err(&ca->hold, ca->config->name, &why);
    else
        err_set(&why, ERR_AGAIN, "authority %s: its account is not ready", ca->config->name);
    LIST_EACH (it, &ca->queue) {
        struct ca_call *call = LIST_OWNER(it, struct ca_call, in_ca);
        struct acme_answer answer = {0};
        if (!call_waits_for_account(call))
            continue;
        ca->n_queue--;
        list_remove(it);
        acme_answer_lost(&answer, &why, ca->arena);
        answer.slot = call->ask.slot;
        call->done(call->arg, &answer);
        call_free(call);
        /* What it did may have changed the queue. */
        it_next = ca->queue.next;
    }
    arena_reset(ca->arena);
}

/* While the account is in doubt its calls wait; when it is held they end, but never within ca_send. */
static bool queue_is_held_up(struct ca *ca, const struct ca_call *first)
{
    if (!call_waits_for_account(first))
        return false;
    if (ca->state == CA_COLD && ca->draining == NULL)
        ca->draining = timer_start(ca->house->loop, 0, queue_drain, ca);
    return true;
}

void ca_pump(struct ca *ca)
{
    while (ca->n_flying < FLYING_MAX && !list_is_empty(&ca->queue)) {
        struct ca_call *call = LIST_OWNER(ca->queue.next, struct ca_call, in_ca);
        if (queue_is_held_up(ca, call))
            return;
        AUTO(mem_fini)
        char *nonce = NULL;
        if (call->ask.signer != ACME_UNSIGNED) {
            nonce = nonce_pool_take(ca->nonces, house_now(ca->house));
            if (nonce == NULL) {
                nonces_top_up(ca, ca->n_queue);
                return;
            }
        }
        list_remove(&call->in_ca);
        ca->n_queue--;
        list_push_back(&ca->flying, &call->in_ca);
        ca->n_flying++;
        call_send(call, nonce);
    }
}

static struct ca_call *call_new(struct ca *ca, const struct acme_ask *ask,
                                const struct key *jwk_key, ca_heard *done, void *arg)
{
    struct ca_call *call = NEW(struct ca_call);
    call->ca = ca;
    call->ask = *ask;
    call->url = mem_strdup(ask->url);
    call->payload = mem_strndup(ask->payload.p != NULL ? ask->payload.p : "", ask->payload.len);
    call->ask.url = call->url;
    call->ask.payload = str_mem(call->payload, ask->payload.len);
    call->key = jwk_key;
    call->done = done;
    call->arg = arg;
    ca->n_queue++;
    return call;
}

void ca_send(struct ca *ca, const struct acme_ask *ask, const struct key *jwk_key, ca_heard *done,
             void *arg)
{
    list_push_back(&ca->queue, &call_new(ca, ask, jwk_key, done, arg)->in_ca);
    ca_pump(ca);
}

void ca_send_first(struct ca *ca, const struct acme_ask *ask, const struct key *jwk_key,
                   ca_heard *done, void *arg)
{
    list_push_front(&ca->queue, &call_new(ca, ask, jwk_key, done, arg)->in_ca);
    ca_pump(ca);
}

void ca_get(struct ca *ca, const char *url, ca_heard *done, void *arg)
{
    struct acme_ask ask = {
        .method = ACME_GET, .signer = ACME_UNSIGNED, .what = "directory", .url = url};
    ca_send(ca, &ask, NULL, done, arg);
}

/* ---- how long this CA takes ---- */

static int64_t smoothed(int64_t old_ms, int64_t ms)
{
    int64_t bounded = ms < 5 ? 5 : ms > 10 * MS_SECOND ? 10 * MS_SECOND : ms;
    return old_ms == 0 ? bounded : (old_ms * 3 + bounded) / 4;
}

void ca_learn_validate(struct ca *ca, int64_t ms)
{
    ca->usual_validate_ms = smoothed(ca->usual_validate_ms, ms);
}

void ca_learn_issue(struct ca *ca, int64_t ms)
{
    ca->usual_issue_ms = smoothed(ca->usual_issue_ms, ms);
}

int64_t ca_usual_validate_ms(const struct ca *ca)
{
    return ca->usual_validate_ms;
}

int64_t ca_usual_issue_ms(const struct ca *ca)
{
    return ca->usual_issue_ms;
}

int64_t ca_clock_off_ms(const struct ca *ca)
{
    return ca->clock_off_ms;
}

struct ca_figures ca_figures(const struct ca *ca)
{
    return ca->figures;
}
