/* SEES: base crypto acme */
/*
 * Decisions, workers and a CA: a tape of bytes drives what the CA answers and loses, when a worker dies or freezes, when a rival takes
 * the lease, and where the clock jumps to. The store is in memory and works as the real one does: a commit counts only with the newest
 * fencing number, and what is sent was committed before. The CA is honest about what it issues - else nothing could be promised -, but
 * its requests and replies get lost, are garbled, or come too late.
 *
 * Asserted at each finalize that reaches the CA (docs of the promises: S1 to S3):
 *
 *     S1   the key of the request is in the store, committed; each decision has one key, whatever died meanwhile
 *     S2   a decision never has a second certificate
 *     S3   a worker whose lease was taken writes nothing more; fencing numbers only grow
 */
#include "acme/order.h"

#include "../unit/order_row.h"

#include <stdio.h>

#define NOW INT64_C(1893456000000)

enum { ORDERS_MAX = 64, DECISIONS_MAX = 6, TURNS_MAX = 300, RIVAL_TURNS_MAX = 15, IDLE_MAX = 24 };

static const char *const names[] = {"www.example.com"};
static const char directory_json[] =
    "{\"newNonce\":\"https://ca.test/nonce\",\"newAccount\":\"https://ca.test/account\","
    "\"newOrder\":\"https://ca.test/order\",\"renewalInfo\":\"https://ca.test/ari\"}";

enum status { PENDING, READY, PROCESSING, VALID, INVALID };
static const char *const status_names[] = {"pending", "ready", "processing", "valid", "invalid"};

struct machine {
    const uint8_t *tape;
    size_t len, at;
    struct acme_directory *directory;
    struct arena *arena;
    int64_t now_ms;
    /* the CA */
    enum status orders[ORDERS_MAX];
    int n_orders;
    /* the store */
    struct order *row;
    int64_t fencing;
    int decision, key; /* of the row; 0: no key yet */
    int n_certificates[DECISIONS_MAX + 3];
};

struct worker {
    struct machine *m;
    struct order *order;
    int64_t fencing;
    int decision, depth, n_idle;
    bool dead;
};

static uint8_t tape_next(struct machine *m)
{
    return m->at < m->len ? m->tape[m->at++] : 0;
}

/* ---- the store ---- */

/* S3: false when another worker has the lease; then nothing was written. */
static bool commit(struct worker *w)
{
    struct machine *m = w->m;
    CHECK(w->fencing <= m->fencing);
    if (w->dead || w->fencing != m->fencing) {
        w->dead = true;
        return false;
    }
    CHECK(w->decision == m->decision);
    order_free(m->row);
    m->row = order_of_row(w->order);
    return true;
}

static void decide(struct machine *m)
{
    order_free(m->row);
    m->row = order_new("shop", names, 1);
    m->row->id = ++m->decision;
    m->row->started_at_ms = m->row->step_at_ms = m->now_ms;
    m->row->replaces = mem_strdup("aki.serial");
    memcpy(m->row->thumbprint, "evaGxfADs6pSRb2LAv9IZf17Dt3juxGJ-PCt92wr-oA", 44);
    m->key = 0;
}

static struct worker worker_new(struct machine *m, int depth)
{
    return (struct worker){.m = m,
                           .order = order_of_row(m->row),
                           .fencing = ++m->fencing,
                           .decision = m->decision,
                           .depth = depth};
}

/* ---- the CA ---- */

static int number_of(const char *url)
{
    const char *last = strrchr(url, '/');
    int64_t n = 0;
    CHECK(last != NULL && str_to_i64(str_of(last + 1), &n) && n >= 0);
    return (int)n;
}

static const char *order_body(struct machine *m, int n)
{
    return arena_printf(m->arena,
                        "{\"status\":\"%s\",\"identifiers\":[{\"type\":\"dns\",\"value\":\"%s\"}],"
                        "\"authorizations\":[\"https://ca.test/authz/%d\"],\"finalize\":\"https://"
                        "ca.test/finalize/%d\"%s}",
                        status_names[m->orders[n]], names[0], n, n,
                        m->orders[n] == VALID ? ",\"certificate\":\"https://ca.test/cert/1\"" : "");
}

static const char *authz_body(struct machine *m, int n)
{
    const char *status = m->orders[n] == PENDING   ? "pending"
                         : m->orders[n] == INVALID ? "invalid"
                                                   : "valid";
    return arena_printf(m->arena,
                        "{\"status\":\"%s\",\"identifier\":{\"type\":\"dns\",\"value\":\"%s\"},"
                        "\"challenges\":[{\"type\":\"dns-01\",\"url\":\"https://ca.test/chall/%d\","
                        "\"token\":\"DGyRejmCefe7v4NfDGDKfA\"}]}",
                        status, names[0], n);
}

static const char *not_ready(int *ret_status)
{
    *ret_status = 403;
    return "{\"type\":\"urn:ietf:params:acme:error:orderNotReady\",\"detail\":\"not now\"}";
}

/* The CSR of decision n is the text "CSR n key k". */
static void finalize_judge(struct machine *m, struct str payload)
{
    AUTO(json_fini)
    struct json *tree = NULL;
    AUTO(buf_fini)
    struct buf csr = BUF(256);
    int decision = 0, key = 0;
    CHECK(json_parse(payload, JSON_SIZE_MAX, &tree, NULL) && json_text(tree, "csr") != NULL);
    CHECK(base64url_decode(&csr, str_of(json_text(tree, "csr"))));
    CHECK(sscanf(buf_cstr(&csr), "CSR %d key %d", &decision, &key) == 2);
    CHECK(decision >= 1 && decision <= m->decision && decision <= DECISIONS_MAX + 2 && key == 1);
    CHECK(decision < m->decision || m->key == key); /* S1 */
    CHECK(++m->n_certificates[decision] == 1);      /* S2 */
}

static const char *ca_finalize(struct machine *m, int n, struct str payload, int *ret_status)
{
    if (m->orders[n] != READY)
        return not_ready(ret_status);
    finalize_judge(m, payload);
    m->orders[n] = (tape_next(m) & 1) != 0 ? PROCESSING : VALID;
    return order_body(m, n);
}

static const char *ca_new_order(struct machine *m, int *ret_status, const char **ret_location)
{
    if (m->n_orders == ORDERS_MAX) {
        *ret_status = 429;
        return "{\"type\":\"urn:ietf:params:acme:error:rateLimited\"}";
    }
    int n = m->n_orders++;
    m->orders[n] = (tape_next(m) & 3) == 0 ? READY : PENDING;
    *ret_status = 201;
    *ret_location = arena_printf(m->arena, "https://ca.test/order/%d", n);
    return order_body(m, n);
}

static const char *ca_obey(struct machine *m, const struct acme_ask *ask, int *ret_status,
                           const char **ret_location)
{
    if (strcmp(ask->what, "newOrder") == 0)
        return ca_new_order(m, ret_status, ret_location);
    int n = number_of(ask->url);
    CHECK(n < m->n_orders);
    if (strcmp(ask->what, "finalize") == 0)
        return ca_finalize(m, n, ask->payload, ret_status);
    if (strcmp(ask->what, "challenge") == 0) {
        if (m->orders[n] == PENDING)
            m->orders[n] = (tape_next(m) & 7) == 0 ? INVALID : READY;
        return "{\"type\":\"dns-01\",\"status\":\"processing\"}";
    }
    if (strcmp(ask->what, "authorization") == 0) {
        if (ask->method == ACME_POST && m->orders[n] == PENDING)
            m->orders[n] = INVALID;
        return authz_body(m, n);
    }
    if (m->orders[n] == PROCESSING && (tape_next(m) & 1) != 0)
        m->orders[n] = VALID;
    return order_body(m, n);
}

/* What the network makes of it: 0 to 4 nothing; 5 the request is lost, 6 the reply; 7 half of the reply comes; 8 a server in trouble. */
static void ca_answer(struct machine *m, const struct acme_ask *ask, struct acme_answer *ret)
{
    uint8_t how = tape_next(m) % 9;
    const char *location = NULL, *body = "";
    int status = 200;
    struct err why;
    err_set(&why, ERR_AGAIN, "lost");
    if (how == 8)
        status = (tape_next(m) & 1) != 0 ? 503 : 429;
    else if (how != 5)
        body = ca_obey(m, ask, &status, &location);
    const struct acme_header headers[] = {{"Content-Type", "application/json"},
                                          {"Location", location}};
    if (how == 5 || how == 6)
        acme_answer_lost(ret, &why, m->arena);
    else
        acme_answer_read(ret, status, headers, location != NULL ? 2 : 1,
                         str_mem(body, strlen(body) / (how == 7 ? 2 : 1)), m->now_ms, m->arena);
    ret->slot = ask->slot;
}

/* ---- a worker ---- */

static void worker_live(struct worker *w, int n_turns);

/* Somebody else takes the lease for some turns, while this worker stands still. */
static void freeze(struct worker *w)
{
    struct machine *m = w->m;
    if (w->depth > 0)
        return;
    struct worker rival = worker_new(m, 1);
    worker_live(&rival, 1 + tape_next(m) % RIVAL_TURNS_MAX);
    order_free(rival.order);
}

static void worker_go(struct worker *w, enum order_step next)
{
    CHECK(order_step_may_follow(w->order->step, next));
    w->order->step = next;
    w->order->step_at_ms = w->m->now_ms;
    w->order->n_polls = 0;
}

/* The key is durable together with the row that names it. */
static void worker_key(struct worker *w)
{
    struct machine *m = w->m;
    CHECK(w->order->step == ORDER_KEY);
    w->order->has_key = true;
    buf_printf(&w->order->csr, "CSR %d key 1", w->decision);
    if (!commit(w))
        return;
    CHECK(m->key == 0); /* S1: never a second key for a decision */
    m->key = 1;
}

static void worker_obey(struct worker *w, const struct verdict *v)
{
    w->n_idle++;
    switch (v->kind) {
    case VERDICT_GO:
        worker_go(w, v->next);
        break;
    case VERDICT_SLEEP:
        w->m->now_ms = v->until_ms > w->m->now_ms ? v->until_ms : w->m->now_ms;
        break;
    case VERDICT_AGAIN:
        w->m->now_ms += 10 * MS_SECOND;
        break;
    case VERDICT_FAIL:
        w->order->failed = true;
        worker_go(w, ORDER_TIDY);
        break;
    case VERDICT_WANT_KEY:
        worker_key(w);
        break;
    case VERDICT_WANT_TXT:
        w->order->published = true;
        break;
    case VERDICT_ASK:
    case VERDICT_WAIT:
        break;
    }
}

/* Committed, perhaps frozen, then sent all the same: the wire knows of no lease. */
static void worker_send(struct worker *w, const struct verdict *asked)
{
    struct machine *m = w->m;
    struct verdict v = {.kind = VERDICT_WAIT};
    if (!commit(w))
        return;
    w->n_idle = 0;
    uint8_t fate = tape_next(m);
    w->dead = fate == 'K';
    if (fate == 'F')
        freeze(w);
    for (size_t i = 0; i < asked->n_asks && !w->dead && v.kind == VERDICT_WAIT; i++) {
        struct acme_answer answer;
        const struct acme_world world = {
            .now_ms = m->now_ms, .directory = m->directory, .arena = m->arena};
        ca_answer(m, &asked->asks[i], &answer);
        w->dead = tape_next(m) == 'K';
        if (!w->dead)
            v = order_step_run(w->order, &world, &answer);
        acme_answer_fini(&answer);
    }
    if (!w->dead)
        worker_obey(w, &v);
}

static void worker_turn(struct worker *w)
{
    struct machine *m = w->m;
    const struct acme_world world = {
        .now_ms = m->now_ms, .directory = m->directory, .arena = m->arena};
    struct verdict v = order_step_run(w->order, &world, NULL);
    if (v.kind == VERDICT_ASK)
        worker_send(w, &v);
    else
        worker_obey(w, &v);
    CHECK(w->n_idle < IDLE_MAX);
}

/* Up to the certificate's download: what it holds is the matter of fuzz_chain. */
static bool decision_is_over(const struct worker *w)
{
    return w->order->step == ORDER_DONE || w->order->step == ORDER_FETCH;
}

static void worker_live(struct worker *w, int n_turns)
{
    for (int i = 0; i < n_turns && !w->dead && !decision_is_over(w); i++)
        worker_turn(w);
    if (!w->dead && decision_is_over(w) && commit(w))
        decide(w->m);
}

/* ---- the whole ---- */

static struct acme_directory *directory_make(void)
{
    AUTO(json_fini)
    struct json *tree = NULL;
    struct acme_directory *directory = NULL;
    CHECK(json_parse(str_of(directory_json), JSON_SIZE_MAX, &tree, NULL));
    CHECK(acme_directory_read("https://ca.test/directory", tree, &directory, NULL));
    return directory;
}

static void clock_jump(struct machine *m)
{
    static const int64_t jumps_ms[] = {-365 * MS_DAY, -MS_DAY, -MS_HOUR,    MS_MINUTE,
                                       MS_HOUR,       MS_DAY,  30 * MS_DAY, 365 * MS_DAY};
    m->now_ms += jumps_ms[tape_next(m) % 8];
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct machine m = {.tape = data, .len = size, .now_ms = NOW, .arena = arena_new()};
    m.directory = directory_make();
    decide(&m);
    for (int i = 0; i < TURNS_MAX && m.at < m.len && m.decision <= DECISIONS_MAX; i++) {
        struct worker w = worker_new(&m, 0);
        if (tape_next(&m) == 'C')
            clock_jump(&m);
        worker_live(&w, 1 + tape_next(&m));
        order_free(w.order);
        arena_reset(m.arena);
    }
    order_free(m.row);
    acme_directory_free(m.directory);
    arena_free(m.arena);
    return 0;
}
