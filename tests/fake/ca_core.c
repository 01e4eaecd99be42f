#include "fake/ca_inner.h"
#include "fake/ca_issue.h"

static const struct {
    const char *name, *path;
} kinds[] = {
#define X(kind, name, path) [FAKE_KIND_##kind] = {name, path},
    FAKE_KINDS(X)
#undef X
};

static const char *const statuses[] = {
#define X(status, name) [STATUS_##status] = name,
    FAKE_STATUSES(X)
#undef X
};

const char *fake_kind_name(enum fake_kind kind)
{
    return kinds[kind].name;
}

const char *fake_kind_path(enum fake_kind kind)
{
    return kinds[kind].path;
}

const char *fake_status_name(enum fake_status status)
{
    return statuses[status];
}

struct fake_ca_options fake_ca_options_default(void)
{
    return (struct fake_ca_options){.seed = 1,
#define X(name, otherwise, what) .name = (otherwise),
                                    FAKE_KNOBS(X)
#undef X
    };
}

struct fake_ca *fake_ca_new(const struct fake_ca_options *options)
{
    struct fake_ca *ca = NEW(struct fake_ca);
    ca->options = options != NULL ? *options : fake_ca_options_default();
    ca->base_url =
        mem_strdup(ca->options.base_url != NULL ? ca->options.base_url : "https://ca.test");
    ca->options.base_url = NULL; /* borrowed: ours is the copy */
    ca->rng.state = ca->options.seed;
    ca->nonce_key = fake_rng_next(&ca->rng);
    heap_init(&ca->validations);
    heap_init(&ca->issuances);
    fake_chain_make(ca);
    return ca;
}

static void objects_free(struct fake_ca *ca)
{
    for (size_t i = 0; i < ca->n_accounts; i++)
        fake_account_free(ca->accounts[i]);
    for (size_t i = 0; i < ca->n_authzs; i++)
        fake_authz_free(ca->authzs[i]);
    for (size_t i = 0; i < ca->n_orders; i++)
        fake_order_free(ca->orders[i]);
    for (size_t i = 0; i < ca->n_certs; i++)
        fake_cert_free(ca->certs[i]);
    mem_free(ca->accounts);
    mem_free(ca->authzs);
    mem_free(ca->orders);
    mem_free(ca->certs);
}

void fake_ca_free(struct fake_ca *ca)
{
    if (ca == NULL)
        return;
    heap_fini(&ca->validations);
    heap_fini(&ca->issuances);
    objects_free(ca);
    fake_map_fini(&ca->accounts_by_key);
    fake_map_fini(&ca->authzs_by_name);
    fake_map_fini(&ca->orders_by_key);
    fake_map_fini(&ca->blocked_keys);
    fake_limits_free(ca);
    for (size_t i = 0; i < ca->n_faults; i++)
        fake_fault_fini(&ca->faults[i]);
    mem_free(ca->faults);
    json_free(ca->profiles);
    json_free(ca->eab);
    json_free(ca->blocked);
    fake_chain_free(ca);
    mem_free(ca->base_url);
    mem_free(ca);
}

void fake_ca_set_base_url(struct fake_ca *ca, const char *base_url)
{
    mem_set_str(&ca->base_url, base_url);
}

enum fake_kind fake_kind_find(struct str path, struct str *ret_tail)
{
    path.len = str_find_char(path, '?');
    for (int kind = 0; kind < FAKE_KIND_OTHER; kind++) {
        struct str own = str_of(kinds[kind].path);
        if (own.p[own.len - 1] == '/' ? !str_starts(path, own) : !str_eq(path, own))
            continue;
        *ret_tail = str_mem(path.p + own.len, path.len - own.len);
        return (enum fake_kind)kind;
    }
    *ret_tail = path;
    return FAKE_KIND_OTHER;
}

size_t fake_call_id(struct call *c)
{
    struct str piece;
    int64_t id = 0;
    if (!str_split(&c->tail, '/', &piece) || !str_to_i64(piece, &id) || id < 1)
        return 0;
    return (size_t)id;
}

bool fake_call_must(const struct call *c, enum fake_act act)
{
    return c->fault != NULL && c->fault->act == act;
}

void fake_ca_tick(struct fake_ca *ca, int64_t now_ms)
{
    struct heap_node *node;
    if (now_ms > ca->now_ms)
        ca->now_ms = now_ms;
    while ((node = heap_first(&ca->validations)) != NULL && node->at_ms <= now_ms) {
        heap_remove(&ca->validations, node);
        fake_authz_validate(ca, LIST_OWNER(node, struct fake_authz, due), now_ms);
    }
    while ((node = heap_first(&ca->issuances)) != NULL && node->at_ms <= now_ms) {
        heap_remove(&ca->issuances, node);
        fake_order_issue(ca, LIST_OWNER(node, struct fake_order, due), now_ms);
    }
}

int64_t fake_ca_next_at_ms(const struct fake_ca *ca)
{
    const struct heap_node *validation = heap_first(&ca->validations);
    const struct heap_node *issuance = heap_first(&ca->issuances);
    int64_t next = INT64_MAX;
    if (validation != NULL)
        next = validation->at_ms;
    if (issuance != NULL && issuance->at_ms < next)
        next = issuance->at_ms;
    return next;
}

static struct json *meta_json(const struct fake_ca *ca)
{
    struct json *meta = json_object(), *names = json_array(), *profiles;
    AUTO(mem_fini)
    char *terms = mem_printf("%s/terms/v2", ca->base_url);
    json_set_text(meta, "termsOfService", terms);
    json_set_text(meta, "website", ca->base_url);
    json_push_text(names, "ca.test");
    json_set(meta, "caaIdentities", names);
    fake_persist_meta(ca, meta);
    if (ca->options.eab_required != 0)
        json_set_bool(meta, "externalAccountRequired", true);
    if (json_len(ca->profiles) == 0)
        return meta;
    profiles = json_object();
    const char *key;
    const struct json *value;
    for (size_t i = 0; json_member(ca->profiles, i, &key, &value); i++)
        json_set_text(profiles, key, "a profile of the fake authority");
    json_set(meta, "profiles", profiles);
    return meta;
}

static void answer_directory(struct call *c)
{
    static const enum fake_kind listed[] = {FAKE_KIND_NEW_NONCE, FAKE_KIND_NEW_ACCOUNT,
                                            FAKE_KIND_NEW_ORDER, FAKE_KIND_REVOKE,
                                            FAKE_KIND_KEY_CHANGE};
    struct json *directory = json_object();
    for (size_t i = 0; i < sizeof(listed) / sizeof(listed[0]); i++)
        fake_json_set_url(directory, kinds[listed[i]].name, c->ca, listed[i], 0);
    if (c->ca->options.ari != 0) {
        /* A CertID is appended to it, so neither the final slash nor a query may stand here. */
        AUTO(mem_fini)
        char *url = mem_printf("%s/acme/renewal-info", c->ca->base_url);
        json_set_text(directory, "renewalInfo", url);
    }
    json_set(directory, "meta", meta_json(c->ca));
    AUTO(mem_fini)
    char *junk = mem_printf("x%llx", (unsigned long long)fake_rng_next(&c->ca->rng));
    json_set_text(directory, junk, "members nobody knows must be ignored");
    fake_call_json(c, 200, directory);
}

static void answer_new_nonce(struct call *c)
{
    c->reply->status = c->reply->head_only ? 200 : 204;
    fake_call_header(c, "cache-control", "no-store");
}

static void answer_root(struct call *c)
{
    int64_t n = 0;
    struct str tail = c->request->path;
    tail = str_mem(tail.p + strlen("/ca-root"), tail.len - strlen("/ca-root"));
    if (tail.len > 1 && !str_to_i64(str_mem(tail.p + 1, tail.len - 1), &n))
        n = -1;
    c->reply->status = 200;
    if (n < 0 || !fake_ca_root_pem(c->ca, (size_t)n, &c->reply->body))
        c->reply->status = 404;
    fake_call_header(c, "content-type", "application/x-pem-file");
}

/* Kept away from faults, latency and counting. False when the path is none of these. */
static bool answer_management(struct call *c)
{
    if (str_starts(c->request->path, STR("/ca-ledger")))
        fake_answer_ledger(c);
    else if (str_starts(c->request->path, STR("/ca-root")))
        answer_root(c);
    else if (str_eq(c->request->path, STR("/ca-set")))
        fake_answer_set(c);
    else
        return false;
    return true;
}

static void answer_other(struct call *c)
{
    fake_call_problem(c, 404, "malformed", "there is nothing at %.*s", STR_ARG(c->request->path));
}

static void (*const answers[])(struct call *) = {
    [FAKE_KIND_DIRECTORY] = answer_directory,
    [FAKE_KIND_NEW_NONCE] = answer_new_nonce,
    [FAKE_KIND_NEW_ACCOUNT] = fake_answer_new_account,
    [FAKE_KIND_ACCOUNT] = fake_answer_account,
    [FAKE_KIND_ORDERS] = fake_answer_orders,
    [FAKE_KIND_NEW_ORDER] = fake_answer_new_order,
    [FAKE_KIND_ORDER] = fake_answer_order,
    [FAKE_KIND_FINALIZE] = fake_answer_finalize,
    [FAKE_KIND_AUTHZ] = fake_answer_authz,
    [FAKE_KIND_CHALLENGE] = fake_answer_challenge,
    [FAKE_KIND_CERTIFICATE] = fake_answer_certificate,
    [FAKE_KIND_REVOKE] = fake_answer_revoke,
    [FAKE_KIND_KEY_CHANGE] = fake_answer_key_change,
    [FAKE_KIND_RENEWAL_INFO] = fake_answer_renewal_info,
    [FAKE_KIND_OTHER] = answer_other,
};
_Static_assert(sizeof(answers) / sizeof(answers[0]) == FAKE_KIND_N, "one answer each kind");

static bool method_is_good(struct call *c)
{
    struct str method = c->request->method;
    bool is_get = str_eq(method, STR("GET")), is_head = str_eq(method, STR("HEAD"));
    switch (c->kind) {
    case FAKE_KIND_NEW_NONCE:
        return is_get || is_head;
    case FAKE_KIND_DIRECTORY:
    case FAKE_KIND_RENEWAL_INFO:
        return is_get;
    case FAKE_KIND_OTHER:
        return true;
    case FAKE_KIND_NEW_ACCOUNT:
    case FAKE_KIND_ACCOUNT:
    case FAKE_KIND_ORDERS:
    case FAKE_KIND_NEW_ORDER:
    case FAKE_KIND_ORDER:
    case FAKE_KIND_FINALIZE:
    case FAKE_KIND_AUTHZ:
    case FAKE_KIND_CHALLENGE:
    case FAKE_KIND_CERTIFICATE:
    case FAKE_KIND_REVOKE:
    case FAKE_KIND_KEY_CHANGE:
    case FAKE_KIND_N:
        break;
    }
    return str_eq(method, STR("POST"));
}

static void headers_put(struct call *c)
{
    char nonce[NONCE_TEXT], date[HTTP_DATE_TEXT];
    fake_http_date_format(c->now_ms, date);
    fake_call_header(c, "date", "%s", date);
    if (str_eq(c->request->method, STR("POST")) || c->kind == FAKE_KIND_NEW_NONCE) {
        fake_nonce_make(c->ca, nonce);
        fake_call_header(c, "replay-nonce", "%s", nonce);
    }
    if (c->kind != FAKE_KIND_DIRECTORY) {
        AUTO(mem_fini)
        char *index = fake_ca_url(c->ca, FAKE_KIND_DIRECTORY, 0);
        fake_call_link(c, "index", index);
    }
}

static void answer_protocol(struct call *c)
{
    c->ca->counts.requests[c->kind]++;
    headers_put(c);
    if (c->request->user_agent.len == 0) {
        fake_call_problem(c, 400, "malformed", "a User-Agent is required");
        return;
    }
    if (!method_is_good(c)) {
        fake_call_problem(c, 405, "malformed", "method %.*s is not for %s",
                          STR_ARG(c->request->method), fake_kind_name(c->kind));
        return;
    }
    c->fault = fake_fault_match(c);
    if (!fake_fault_before(c)) {
        answers[c->kind](c);
        fake_fault_after(c);
    }
    c->reply->delay_ms += c->ca->options.latency_ms;
}

void fake_ca_answer(struct fake_ca *ca, const struct fake_request *request, int64_t now_ms,
                    struct fake_reply *reply)
{
    struct call c = {.ca = ca, .request = request, .reply = reply, .now_ms = now_ms};
    fake_ca_tick(ca, now_ms);
    *reply = (struct fake_reply){.cut_after = -1, .body = BUF(64 * 1024 * 1024)};
    reply->head_only = str_eq(request->method, STR("HEAD"));
    c.kind = fake_kind_find(request->path, &c.tail);
    if (c.kind != FAKE_KIND_OTHER || !answer_management(&c))
        answer_protocol(&c);
    fake_jws_fini(&c.jws);
    fake_jwk_fini(&c.jwk);
    json_free(c.payload);
}

const struct fake_counts *fake_ca_counts(const struct fake_ca *ca)
{
    return &ca->counts;
}

void fake_ca_count_connection(struct fake_ca *ca)
{
    ca->counts.connections++;
}
