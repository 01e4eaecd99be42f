/* SEES: base crypto acme */
/*
 * The step machine against a CA that says anything, in a process that dies at any time. The input is a tape of bytes: what the CA
 * answers (a canned body, one with a byte changed, or raw bytes), under which status, and when the process is killed.
 *
 * Asserted: no request is finalized without key and CSR; a finalize request goes out at most as often as the table says; every GO is
 * in the table; nothing is asked that may not be asked; no TXT record is wanted outside our names; every text is one plain line; no
 * tape makes the machine run for ever without a request.
 */
#include "acme/name.h"
#include "acme/order.h"

#include "../unit/order_row.h"

#define NOW INT64_C(1893456000000)

enum { TURNS_MAX = 400, IDLE_MAX = 20, FINALIZE_MAX = 3 };

static const char *const names[] = {"www.example.com", "*.example.com"};
static const char directory_json[] =
    "{\"newNonce\":\"https://ca.test/nonce\",\"newAccount\":\"https://ca.test/account\","
    "\"newOrder\":\"https://ca.test/order\",\"renewalInfo\":\"https://ca.test/ari\"}";

#define IDENTIFIERS                                                                                \
    "\"identifiers\":[{\"type\":\"dns\",\"value\":\"www.example.com\"},{\"type\":\"dns\","         \
    "\"value\":\"*.example.com\"}]"
#define ORDER(status)                                                                              \
    "{\"status\":\"" status "\",\"expires\":\"2030-01-08T00:00:00Z\"," IDENTIFIERS ","             \
    "\"authorizations\":[\"https://ca.test/authz/1\",\"https://ca.test/authz/2\"],"                \
    "\"finalize\":\"https://ca.test/finalize/1\"}"
#define ORDER_BARE(status)                                                                         \
    "{\"status\":\"" status "\"," IDENTIFIERS ",\"authorizations\":[],"                            \
    "\"finalize\":\"https://ca.test/finalize/1\",\"certificate\":\"https://ca.test/cert/1\"}"
#define AUTHZ(status, name)                                                                        \
    "{\"status\":\"" status "\",\"identifier\":{\"type\":\"dns\",\"value\":\"" name "\"},"         \
    "\"challenges\":[{\"type\":\"dns-01\",\"url\":\"https://ca.test/chall/1\",\"token\":"          \
    "\"DGyRejmCefe7v4NfDGDKfA\",\"error\":{\"type\":\"urn:ietf:params:acme:error:dns\","           \
    "\"detail\":\"SERVFAIL\"}}]}"
#define PROBLEM(type) "{\"type\":\"urn:ietf:params:acme:error:" type "\",\"detail\":\"because\"}"

static const char *const bodies[] = {
    ORDER("pending"),
    ORDER("ready"),
    ORDER("processing"),
    ORDER("valid"),
    ORDER("invalid"),
    ORDER_BARE("pending"),
    ORDER_BARE("ready"),
    ORDER_BARE("valid"),
    AUTHZ("pending", "www.example.com"),
    AUTHZ("pending", "example.com"),
    AUTHZ("valid", "www.example.com"),
    AUTHZ("invalid", "example.com"),
    AUTHZ("pending", "evil.test"),
    AUTHZ("deactivated", "example.com"),
    PROBLEM("malformed"),
    PROBLEM("orderNotReady"),
    PROBLEM("rateLimited"),
    PROBLEM("badCSR"),
    PROBLEM("accountDoesNotExist"),
    PROBLEM("alreadyReplaced"),
    PROBLEM("serverInternal"),
    "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n",
    "{}",
    ""};
static const int statuses[] = {200, 201, 200, 201, 200, 202, 204, 302,
                               400, 401, 403, 404, 409, 429, 500, 503};

struct tape {
    const uint8_t *p;
    size_t len, at;
};

static uint8_t tape_next(struct tape *tape)
{
    return tape->at < tape->len ? tape->p[tape->at++] : 0;
}

struct run {
    struct tape tape;
    struct acme_directory *directory;
    struct arena *arena;
    struct order *order;
    int64_t now_ms;
    int n_finalize, n_throttled, n_idle;
};

static void text_check(const char *text)
{
    CHECK(strlen(text) < ERR_TEXT_MAX);
    for (const unsigned char *p = (const unsigned char *)text; *p != '\0'; p++)
        CHECK(*p >= 0x20 && *p != 0x7f);
}

static struct acme_world run_world(const struct run *run)
{
    return (struct acme_world){
        .now_ms = run->now_ms, .directory = run->directory, .arena = run->arena};
}

static void run_reload(struct run *run)
{
    struct order *row = order_of_row(run->order);
    order_free(run->order);
    run->order = row;
}

/* ---- the CA ---- */

static struct str body_make(struct run *run)
{
    uint8_t which = tape_next(&run->tape);
    size_t n = sizeof bodies / sizeof bodies[0];
    if (which >= 250) {
        size_t len = tape_next(&run->tape), left = run->tape.len - run->tape.at;
        len = len < left ? len : left;
        run->tape.at += len;
        return str_mem(run->tape.p + run->tape.at - len, len);
    }
    char *copy = arena_strdup(run->arena, bodies[which % n]);
    size_t len = strlen(copy);
    if (which >= 128 && len > 0) {
        size_t at = (size_t)tape_next(&run->tape) * 256 + tape_next(&run->tape);
        copy[at % len] = (char)tape_next(&run->tape);
    }
    return str_mem(copy, len);
}

static void answer_make(struct run *run, const struct acme_ask *ask, struct acme_answer *ret)
{
    static const struct acme_header with_all[] = {{"Content-Type", "application/json"},
                                                  {"Location", "https://ca.test/order/1"},
                                                  {"Retry-After", "30"}};
    uint8_t how = tape_next(&run->tape);
    struct err why;
    if (how == 255) {
        err_set(&why, ERR_AGAIN, "lost");
        acme_answer_lost(ret, &why, run->arena);
    } else {
        acme_answer_read(ret, statuses[how % 16], with_all, (how & 16) != 0 ? 3 : 2, body_make(run),
                         run->now_ms, run->arena);
    }
    ret->slot = how == 254 ? 77 : ask->slot;
}

/* ---- the driver ---- */

static void ask_check(struct run *run, const struct acme_ask *ask)
{
    CHECK(acme_url_check(ask->url, run->directory->url, NULL));
    CHECK(ask->signer == ACME_SIGN_KID);
    if (strcmp(ask->what, "newOrder") == 0)
        CHECK(run->order->has_key && run->order->new_sent);
    if (strcmp(ask->what, "finalize") != 0)
        return;
    CHECK(run->order->has_key && run->order->csr.len > 0 && run->order->finalize_sent);
    CHECK(++run->n_finalize <= FINALIZE_MAX + run->n_throttled);
}

static void txt_check(const struct order *order)
{
    for (size_t i = 0; i < order->n_authz; i++) {
        const struct authz *authz = &order->authz[i];
        if (authz->value == NULL)
            continue;
        CHECK(strlen(authz->value) == 43);
        CHECK(strcmp(authz->identifier, "www.example.com") == 0 ||
              strcmp(authz->identifier, "example.com") == 0);
    }
}

static void run_go(struct run *run, enum order_step next)
{
    CHECK(order_step_may_follow(run->order->step, next));
    run->order->step = next;
    run->order->step_at_ms = run->now_ms;
    run->order->n_polls = 0;
}

static void run_obey(struct run *run, const struct verdict *v)
{
    run->n_idle++;
    switch (v->kind) {
    case VERDICT_GO:
        run_go(run, v->next);
        break;
    case VERDICT_SLEEP:
        CHECK(v->until_ms >= run->now_ms && v->until_ms <= run->now_ms + MS_DAY);
        run->now_ms = v->until_ms;
        break;
    case VERDICT_AGAIN:
        CHECK(v->err.kind != ERR_NONE);
        text_check(v->err.text);
        run->now_ms += 10 * MS_SECOND;
        break;
    case VERDICT_FAIL:
        CHECK(v->err.kind != ERR_NONE && run->order->step != ORDER_TIDY);
        text_check(v->err.text);
        run->order->failed = true;
        run_go(run, ORDER_TIDY);
        break;
    case VERDICT_WANT_KEY:
        CHECK(run->order->step == ORDER_KEY);
        run->order->has_key = true;
        buf_add_cstr(&run->order->csr, "CSR");
        break;
    case VERDICT_WANT_TXT:
        txt_check(run->order);
        run->order->published = true;
        break;
    case VERDICT_ASK:
    case VERDICT_WAIT:
        CHECK(v->kind != VERDICT_ASK && v->kind != VERDICT_WAIT);
    }
}

static void run_hear(struct run *run, const struct verdict *asked)
{
    struct order *committed = order_of_row(run->order);
    struct verdict v = {.kind = VERDICT_WAIT};
    bool killed = false;
    run->n_idle = 0;
    for (size_t i = 0; i < asked->n_asks && v.kind == VERDICT_WAIT && !killed; i++) {
        struct acme_answer answer;
        const struct acme_world world = run_world(run);
        ask_check(run, &asked->asks[i]);
        answer_make(run, &asked->asks[i], &answer);
        if (answer.status == 429)
            run->n_throttled++;
        killed = tape_next(&run->tape) == 'K';
        if (!killed)
            v = order_step_run(run->order, &world, &answer);
        acme_answer_fini(&answer);
    }
    if (killed || v.kind == VERDICT_WAIT) {
        /* Only an answer to a slot that was never asked may leave one out. */
        order_free(run->order);
        run->order = committed;
        return;
    }
    order_free(committed);
    run_obey(run, &v);
}

static void run_turn(struct run *run)
{
    const struct acme_world world = run_world(run);
    struct verdict v = order_step_run(run->order, &world, NULL);
    if (v.kind == VERDICT_ASK) {
        CHECK(v.n_asks >= 1 && v.n_asks <= 2 * NAMES_MAX);
        run_hear(run, &v);
    } else {
        run_obey(run, &v);
        if (tape_next(&run->tape) == 'K')
            run_reload(run);
    }
    CHECK(run->n_idle < IDLE_MAX);
    CHECK(run->order->n_back <= 4);
    arena_reset(run->arena);
}

static struct acme_directory *directory_make(void)
{
    AUTO(json_fini)
    struct json *tree = NULL;
    struct acme_directory *directory = NULL;
    CHECK(json_parse(str_of(directory_json), JSON_SIZE_MAX, &tree, NULL));
    CHECK(acme_directory_read("https://ca.test/directory", tree, &directory, NULL));
    return directory;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct run run = {.tape = {data, size, 0}, .now_ms = NOW, .arena = arena_new()};
    run.directory = directory_make();
    run.order = order_new("shop", names, 2);
    run.order->started_at_ms = run.order->step_at_ms = NOW;
    run.order->replaces = mem_strdup("aki.serial");
    memcpy(run.order->thumbprint, "evaGxfADs6pSRb2LAv9IZf17Dt3juxGJ-PCt92wr-oA", 44);
    for (int i = 0; i < TURNS_MAX && run.order->step != ORDER_DONE; i++) {
        run_turn(&run);
        if (run.tape.at >= size)
            break;
    }
    order_free(run.order);
    acme_directory_free(run.directory);
    arena_free(run.arena);
    return 0;
}
