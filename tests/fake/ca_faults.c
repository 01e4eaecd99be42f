#include "fake/ca_inner.h"

enum phase { PHASE_BEFORE, PHASE_INSIDE, PHASE_AFTER };

static const struct {
    const char *name;
    enum phase phase;
} acts[] = {
#define X(act, name, phase, what) [ACT_##act] = {name, PHASE_##phase},
    FAKE_ACTS(X)
#undef X
};

static const char *const wrongs[] = {
#define X(wrong, name, what) [WRONG_##wrong] = name,
    FAKE_WRONGS(X)
#undef X
};

static bool kind_read(const char *name, enum fake_kind *ret_kind)
{
    if (strcmp(name, "any") == 0) {
        *ret_kind = FAKE_KIND_N;
        return true;
    }
    for (int kind = 0; kind < FAKE_KIND_N; kind++) {
        if (strcmp(fake_kind_name((enum fake_kind)kind), name) != 0)
            continue;
        *ret_kind = (enum fake_kind)kind;
        return true;
    }
    return false;
}

/* Names ending in ':' take the rest as their argument. */
static bool act_read(const char *text, enum fake_act *ret_act, const char **ret_argument)
{
    for (int act = 0; act < ACT_N; act++) {
        struct str name = str_of(acts[act].name);
        bool takes = str_ends(name, STR(":"));
        if (takes ? !str_starts(str_of(text), name) : strcmp(text, name.p) != 0)
            continue;
        *ret_act = (enum fake_act)act;
        *ret_argument = takes ? text + name.len : NULL;
        return true;
    }
    return false;
}

/* NAME=VALUE, and one that can be set. */
static bool header_is_known(const char *argument)
{
    struct str rest = str_of(argument), name;
    return str_split(&rest, '=', &name) && fake_fault_header(name) != NULL;
}

static bool wrong_read(const char *name, enum fake_wrong *ret_wrong)
{
    for (int wrong = 0; wrong < WRONG_N; wrong++) {
        if (strcmp(wrongs[wrong], name) != 0)
            continue;
        *ret_wrong = (enum fake_wrong)wrong;
        return true;
    }
    return false;
}

bool fake_fault_read(const struct json *tree, struct fault *ret_fault, struct err *err)
{
    static const char *const members[] = {"on",      "act",  "nth",        "times",
                                          "percent", "name", "retry_after"};
    struct fault f = {.nth = json_int(tree, "nth", 1),
                      .times = json_int(tree, "times", 1),
                      .percent = json_int(tree, "percent", 100)};
    const char *on = json_text(tree, "on"), *act = json_text(tree, "act"), *argument = NULL, *key;
    const struct json *value;
    for (size_t i = 0; json_member(tree, i, &key, &value); i++) {
        bool known = false;
        for (size_t k = 0; k < sizeof(members) / sizeof(members[0]); k++)
            known = known || strcmp(members[k], key) == 0;
        if (!known)
            return err_set(err, ERR_CONFIG, "unknown member %s", key);
    }
    if (on == NULL || !kind_read(on, &f.on))
        return err_set(err, ERR_CONFIG, "on: no kind of request %s", on != NULL ? on : "");
    if (act == NULL || !act_read(act, &f.act, &argument))
        return err_set(err, ERR_CONFIG, "act: no act %s", act != NULL ? act : "");
    if (f.act == ACT_WRONG_CERT && !wrong_read(argument, &f.wrong))
        return err_set(err, ERR_CONFIG, "act: no wrong certificate %s", argument);
    if (f.act == ACT_HEADER && !header_is_known(argument))
        return err_set(err, ERR_CONFIG, "act: no header that can be set: %s", argument);
    f.argument = mem_strdup(argument);
    f.retry_after = mem_strdup(json_text(tree, "retry_after"));
    f.name = mem_strdup(json_text(tree, "name"));
    *ret_fault = f;
    return true;
}

void fake_fault_fini(struct fault *fault)
{
    mem_free(fault->argument);
    mem_free(fault->retry_after);
    mem_free(fault->name);
    *fault = (struct fault){0};
}

static bool order_has_name(const struct fake_order *order, const char *name)
{
    for (size_t i = 0; order != NULL && i < order->n_names; i++) {
        if (strcmp(order->names[i], name) == 0)
            return true;
    }
    return false;
}

/* Before any signature is checked: good enough to choose whom a fault hits. */
static bool body_has_name(struct str body, const char *name)
{
    AUTO(json_fini)
    struct json *tree = NULL, *payload = NULL;
    AUTO(buf_fini)
    struct buf text = BUF(JSON_SIZE_MAX);
    if (!json_parse(body, JSON_SIZE_MAX, &tree, NULL) || json_text(tree, "payload") == NULL ||
        !base64url_decode(&text, str_of(json_text(tree, "payload"))) ||
        !json_parse(buf_str(&text), JSON_SIZE_MAX, &payload, NULL))
        return false;
    const struct json *list = json_find(payload, "identifiers");
    for (size_t i = 0; i < json_len(list); i++) {
        const char *value = json_text(json_at(list, i), "value");
        if (value != NULL && strcmp(value, name) == 0)
            return true;
    }
    return false;
}

static bool authz_has_name(const struct fake_authz *authz, const char *name)
{
    if (authz == NULL)
        return false;
    return strcmp(authz->name, str_starts(str_of(name), STR("*.")) ? name + 2 : name) == 0 &&
           authz->wildcard == str_starts(str_of(name), STR("*."));
}

static bool call_is_about(struct call *c, const char *name)
{
    struct str whole = c->tail, serial;
    size_t id = fake_call_id(c);
    c->tail = whole;
    if (c->kind == FAKE_KIND_NEW_ORDER)
        return body_has_name(c->request->body, name);
    if (c->kind == FAKE_KIND_ORDER || c->kind == FAKE_KIND_FINALIZE)
        return order_has_name(fake_order_find(c->ca, id), name);
    if (c->kind == FAKE_KIND_AUTHZ || c->kind == FAKE_KIND_CHALLENGE)
        return authz_has_name(fake_authz_find(c->ca, id), name);
    if (c->kind == FAKE_KIND_CERTIFICATE && str_split(&whole, '/', &serial)) {
        const struct fake_cert *cert = fake_cert_find(c->ca, serial);
        return cert != NULL && order_has_name(fake_order_find(c->ca, cert->public.order), name);
    }
    return false;
}

static bool fault_hits(struct fault *f, struct call *c)
{
    if (f->on != FAKE_KIND_N && f->on != c->kind)
        return false;
    if (f->name != NULL && !call_is_about(c, f->name))
        return false;
    f->seen++;
    if (f->seen < f->nth || (f->times != 0 && f->seen >= f->nth + f->times))
        return false;
    return f->percent >= 100 || fake_rng_chance(&c->ca->rng, f->percent);
}

struct fault *fake_fault_match(struct call *c)
{
    struct fault *hit = NULL;
    /* Each fault counts each of its requests, whichever of them acts. */
    for (size_t i = 0; i < c->ca->n_faults; i++) {
        struct fault *f = &c->ca->faults[i];
        if (fault_hits(f, c) && hit == NULL)
            hit = f;
    }
    if (hit != NULL) {
        hit->fired++;
        c->ca->counts.faults++;
    }
    return hit;
}

static void plain(struct call *c, int status, const char *type, const char *text)
{
    fake_call_header_remove(c, "replay-nonce");
    fake_call_header(c, "content-type", "%s", type);
    c->reply->status = status;
    buf_add_cstr(&c->reply->body, text);
}

/* STATUS:TYPE[:DETAIL] */
static void problem_by_argument(struct call *c, const char *argument)
{
    struct str rest = str_of(argument), status, type;
    int64_t number = 500;
    if (!str_split(&rest, ':', &status) || !str_to_i64(status, &number))
        number = 500;
    if (!str_split(&rest, ':', &type))
        type = STR("serverInternal");
    AUTO(mem_fini)
    char *name = mem_strndup(type.p, type.len);
    fake_call_problem(c, (int)number, name, "%.*s", STR_ARG(rest.len > 0 ? rest : STR("as told")));
}

static void too_many(struct call *c)
{
    AUTO(mem_fini)
    char *help = mem_printf("%s/docs/rate-limits", c->ca->base_url);
    fake_call_link(c, "help", help);
    fake_call_problem(c, 429, "rateLimited", "too many requests of kind %s",
                      fake_kind_name(c->kind));
}

static void act_before(struct call *c)
{
    switch ((int)c->fault->act) {
    case ACT_DROP_REQUEST:
        c->reply->drop = true;
        break;
    case ACT_S500:
        fake_call_problem(c, 500, "serverInternal", "an error inside the server");
        break;
    case ACT_S503:
        plain(c, 503, "text/plain", "Service Unavailable\n");
        break;
    case ACT_S429:
        too_many(c);
        break;
    case ACT_S404:
        fake_call_problem(c, 404, "malformed", "there is no such thing");
        break;
    case ACT_HTML:
        plain(c, 502, "text/html", "<html><body><h1>Bad Gateway</h1></body></html>\n");
        break;
    case ACT_BADNONCE:
        c->ca->counts.bad_nonces++;
        fake_call_problem(c, 400, "badNonce", "the nonce is unknown or spent");
        break;
    case ACT_REDIRECT:
        fake_call_header(c, "location", "%s", c->fault->argument);
        c->reply->status = 302;
        break;
    default: /* ACT_PROBLEM: no other act has this phase */
        problem_by_argument(c, c->fault->argument);
        break;
    }
}

void fake_fault_retry_after(struct call *c)
{
    struct str rest = str_of(c->fault->retry_after), line;
    if (c->fault->retry_after == NULL)
        return;
    fake_call_header_remove(c, "retry-after");
    while (str_split(&rest, '\n', &line))
        fake_call_header(c, "retry-after", "%.*s", STR_ARG(line));
}

bool fake_fault_before(struct call *c)
{
    if (c->fault == NULL)
        return false;
    bool is_before = acts[c->fault->act].phase == PHASE_BEFORE;
    if (is_before)
        act_before(c);
    if (is_before)
        fake_fault_retry_after(c);
    return is_before;
}
