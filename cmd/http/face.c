#include "cmd/http/call.h"

#include "io/files.h"

enum {
    POLL_MS = 1000,   /* between two looks at what is waited for: another process may end it */
    SLICES_MS = 1000, /* so long after a request the leader works in slices: */
    SLICE_MS = 2,
    CERTIFICATE_MAX = 256 * 1024,
    LOOK_SHARE = 9 /* walks over the whole store take a tenth of the time */
};

static int64_t boot_now(const struct http_face *face)
{
    return clock_boot_ms(face->house->clock);
}

/* ---- the head of a request: who asks for what ---- */

static void unknown_tell(struct call *call)
{
    const struct http_config *http = &call->face->house->config->http;
    const char *why =
        "the token or certificate is not in chancery.yaml; `chancery token new NAME` makes one";
    if (http->n_passes == 0)
        why = "no token and no client is configured, so only /healthz answers; `chancery token new "
              "NAME` "
              "makes a token";
    else if (call->credential.is_odd)
        why = "the Authorization header holds no token: \"Bearer chy_...\" is expected";
    else if (!call->credential.has_token && !call->credential.has_certificate)
        why = "show a token (Authorization: Bearer chy_...) or a client certificate";
    http_call_problem(call, PROBLEM_UNAUTHORIZED, NULL, "%s", why);
}

static bool name_check(struct call *call)
{
    struct err why = {0};
    if (strstr(call->route->path, "{name}") == NULL)
        return true;
    if (!lock_name(call->target.words[2], &call->name, &why)) {
        http_call_problem(call, PROBLEM_BAD_REQUEST, NULL, "%s", why.text);
        return false;
    }
    if (http_pass_is_for(call->pass, call->name))
        return true;
    http_call_problem(call, PROBLEM_FORBIDDEN, NULL,
                      "\"%s\" is not for that name; its `names` stand in chancery.yaml",
                      call->pass->name);
    return false;
}

static bool right_check(struct call *call)
{
    unsigned may = call->route->may;
    if (may == HTTP_MAY_ANY || (call->pass->may & may) != 0)
        return true;
    http_call_problem(call, PROBLEM_FORBIDDEN, NULL,
                      "\"%s\" may not do that; what it `may` stands in chancery.yaml",
                      call->pass->name);
    return false;
}

static void credential_take(struct call *call)
{
    const struct http_peer *peer = exchange_peer(call->x);
    credential_read(&call->credential, exchange_header(call->x, "Authorization"),
                    peer != NULL ? peer->fingerprint : NULL, peer != NULL ? peer->subject : NULL);
    call->pass = credential_pass(&call->credential, &call->face->house->config->http);
}

static bool fault_check(struct call *call)
{
    int fault = exchange_fault(call->x);
    if (fault == 0)
        return true;
    http_call_problem(call,
                      fault == problem_status(PROBLEM_TOO_LARGE)      ? PROBLEM_TOO_LARGE
                      : fault == problem_status(PROBLEM_URI_TOO_LONG) ? PROBLEM_URI_TOO_LONG
                                                                      : PROBLEM_HEADERS,
                      NULL,
                      "longer than anything that is asked here; docs/HTTP.md tells the limits");
    return false;
}

/* Whoever is not known learns nothing about what there is. */
static bool head_check(struct call *call)
{
    char allow[64];
    struct err why = {0};
    if (!fault_check(call))
        return false;
    bool is_clear = target_parse(exchange_target(call->x), &call->target, &why);
    if (is_clear)
        call->route = route_find(exchange_method(call->x), &call->target, allow);
    if (call->route != NULL && call->route->may == 0)
        return true;
    credential_take(call);
    if (call->pass == NULL) {
        unknown_tell(call);
    } else if (!is_clear) {
        http_call_problem(call, PROBLEM_BAD_REQUEST, NULL, "%s", why.text);
    } else if (call->route == NULL && allow[0] != '\0') {
        http_call_problem(call, PROBLEM_METHOD, NULL, "%s is not understood there; %s is",
                          exchange_method(call->x), allow);
        http_call_field(call, "Allow", "%s", allow);
    } else if (call->route == NULL) {
        http_call_problem(call, PROBLEM_NOT_FOUND, NULL,
                          "there is no such path; /v1/openapi.json tells what there is");
    } else {
        return right_check(call) && name_check(call);
    }
    return false;
}

static void head_came(void *arg, struct http_exchange *x)
{
    struct http_face *face = arg;
    struct call *call = NEW(struct call);
    call->face = face;
    call->x = x;
    buf_init(&call->text, ANSWER_MAX);
    exchange_mark(x, call);
    if (!head_check(call))
        http_call_send(call);
}

/* ---- the whole of it ---- */

static bool wait_check(struct call *call)
{
    size_t n_of_pass = 0;
    if (call->wait_until_boot_ms == 0)
        return true;
    LIST_EACH (it, &call->face->waiting) {
        n_of_pass += LIST_OWNER(it, struct call, link)->pass == call->pass;
    }
    if (call->face->n_waiting < WAITS_MAX && n_of_pass < WAITS_OF_PASS_MAX)
        return true;
    http_call_problem(
        call, PROBLEM_TOO_MANY_WAIT, NULL,
        "%zu requests wait already, %zu of them of \"%s\"; nothing was locked, ask again "
        "without \"wait_s\" or later",
        call->face->n_waiting, n_of_pass, call->pass->name);
    return false;
}

static void body_came(void *arg, struct http_exchange *x)
{
    struct http_face *face = arg;
    struct call *call = exchange_mark_of(x);
    const struct asked asked = {.body = exchange_body(x),
                                .if_match = exchange_header(x, "If-Match"),
                                .if_none_match = exchange_header(x, "If-None-Match")};
    if (!fault_check(call) || !http_call_read(call, &asked) || !wait_check(call)) {
        http_call_send(call);
        return;
    }
    face->house->slices_until_boot_ms = boot_now(face) + SLICES_MS;
    face->house->slice_ms = SLICE_MS;
    list_push_back(&face->fresh, &call->link);
}

static void waiting_remove(struct call *call)
{
    call->face->n_waiting -= call->is_waiting;
    call->is_waiting = false;
    list_remove(&call->link);
}

/* A place in line is given up; without it those behind would wait until it runs out. */
static void client_gone(void *arg, struct http_exchange *x)
{
    struct http_face *face = arg;
    struct call *call = exchange_mark_of(x);
    if (call == NULL)
        return;
    exchange_mark(x, NULL);
    waiting_remove(call);
    call->x = NULL;
    if (call->ticket == 0) {
        http_call_free(call);
        return;
    }
    list_push_back(&face->leaving, &call->link);
    loop_wake(face->house->loop);
}

/* ---- the turn ---- */

static bool leaving_collect(struct http_face *face, struct err *err)
{
    LIST_EACH (it, &face->leaving) {
        struct call *call = LIST_OWNER(it, struct call, link);
        const struct lock_ask ask = {.name = call->name,
                                     .client = call->client,
                                     .ttl_ms = call->ttl_ms,
                                     .ticket = &call->ticket};
        if (call->ticket != 0 && !lock_leave(face->house, &ask, err))
            return false;
    }
    return true;
}

static bool http_call_run(struct call *call, struct err *err)
{
    struct http_face *face = call->face;
    if (!call->route->run(call, err))
        return false;
    if (call->status != 0) {
        waiting_remove(call);
        list_push_back(&face->answered, &call->link);
    } else if (!call->is_waiting) {
        list_remove(&call->link);
        list_push_back(&face->waiting, &call->link);
        call->is_waiting = true;
        face->n_waiting++;
    }
    return true;
}

static bool face_collect(void *self, struct err *err)
{
    struct http_face *face = self;
    face->has_moved = !list_is_empty(&face->leaving);
    if (!leaving_collect(face, err))
        return false;
    LIST_EACH (it, &face->fresh) {
        if (!http_call_run(LIST_OWNER(it, struct call, link), err))
            return false;
    }
    if (!face->has_moved && boot_now(face) < face->poll_at_boot_ms)
        return true;
    face->poll_at_boot_ms = boot_now(face) + POLL_MS;
    LIST_EACH (it, &face->waiting) {
        if (!http_call_run(LIST_OWNER(it, struct call, link), err))
            return false;
    }
    return true;
}

static void face_act(void *self)
{
    struct http_face *face = self;
    for (struct list *it; (it = list_pop_front(&face->answered)) != NULL;)
        http_call_send(LIST_OWNER(it, struct call, link));
    for (struct list *it; (it = list_pop_front(&face->leaving)) != NULL;)
        http_call_free(LIST_OWNER(it, struct call, link));
    http_server_send(face->server); /* before the leader's turn begins */
}

static int64_t face_next_at_ms(const void *self)
{
    const struct http_face *face = self;
    if (list_is_empty(&face->waiting))
        return INT64_MAX;
    return house_now(face->house) + face->poll_at_boot_ms - boot_now(face);
}

static bool face_is_busy(const void *self)
{
    const struct http_face *face = self;
    return !list_is_empty(&face->fresh) || !list_is_empty(&face->answered) ||
           !list_is_empty(&face->leaving);
}

static void all_refuse(struct http_face *face, struct list *calls, const struct err *why)
{
    for (struct list *it; (it = list_pop_front(calls)) != NULL;) {
        struct call *call = LIST_OWNER(it, struct call, link);
        face->n_waiting -= call->is_waiting;
        call->is_waiting = false;
        http_call_problem(call, PROBLEM_NO_STORE, NULL, "%s; nothing was done, ask again",
                          why->text);
        http_call_send(call);
    }
}

/* What this turn answered so far was rolled back with it. */
static void face_go_without(void *self, const struct err *why)
{
    struct http_face *face = self;
    all_refuse(face, &face->fresh, why);
    all_refuse(face, &face->waiting, why);
    all_refuse(face, &face->answered, why);
    for (struct list *it; (it = list_pop_front(&face->leaving)) != NULL;)
        http_call_free(LIST_OWNER(it, struct call, link)); /* its ticket runs out by itself */
}

struct face http_face_front(struct http_face *face)
{
    return (struct face){.concern = {.name = "http",
                                     .self = face,
                                     .collect = face_collect,
                                     .act = face_act,
                                     .next_at_ms = face_next_at_ms,
                                     .is_busy = face_is_busy},
                         .go_without = face_go_without};
}

bool look_may_begin(struct http_face *face)
{
    return boot_now(face) >= face->look_at_boot_ms;
}

void look_ended(struct http_face *face, int64_t began_boot_ms)
{
    int64_t cost_ms = clock_boot_ms(&clock_system) - began_boot_ms;
    face->look_at_boot_ms = boot_now(face) + cost_ms + LOOK_SHARE * cost_ms;
}

/* ---- open, reload, close ---- */

struct credentials { /* of the server */
    struct buf certificate, client_ca;
    struct secret key;
    struct http_server_tls tls;
};

static void credentials_fini(struct credentials *c)
{
    buf_fini(&c->certificate);
    buf_fini(&c->client_ca);
    secret_fini(&c->key);
}

static bool credentials_read(const struct config *config, struct credentials *c, struct err *err)
{
    const struct http_config *http = &config->http;
    buf_init(&c->certificate, CERTIFICATE_MAX);
    buf_init(&c->client_ca, CERTIFICATE_MAX);
    if (http->certificate == NULL)
        return true;
    if (!file_read(http->certificate, CERTIFICATE_MAX, false, &c->certificate, err) ||
        !secret_resolve(config, http->key, &c->key, err) ||
        (http->client_ca != NULL &&
         !file_read(http->client_ca, CERTIFICATE_MAX, false, &c->client_ca, err)))
        return false;
    c->tls = (struct http_server_tls){buf_str(&c->certificate), secret_str(&c->key),
                                      buf_str(&c->client_ca)};
    return true;
}

static bool server_set(struct http_face *face, struct err *err)
{
    const struct config *config = face->house->config;
    struct credentials c = {0};
    if (!config->http.is_on) {
        http_server_close(face->server);
        face->server = NULL;
        return true;
    }
    bool ok = credentials_read(config, &c, err);
    struct http_server_options options = {.listen = config->http.listen,
                                          .tls = c.tls.key.len > 0 ? &c.tls : NULL,
                                          .head = head_came,
                                          .ready = body_came,
                                          .gone = client_gone,
                                          .arg = face};
    if (ok && face->server == NULL)
        ok = http_server_open(face->house->loop, &options, &face->server, err);
    else if (ok)
        ok = http_server_change(face->server, &options, err);
    credentials_fini(&c);
    return ok || err_wrap(err, "http");
}

bool http_face_open(struct house *house, struct http_face **ret, struct err *err)
{
    struct http_face *face = NEW(struct http_face);
    face->house = house;
    face->began_at_ms = house_now(house);
    list_init(&face->fresh);
    list_init(&face->waiting);
    list_init(&face->answered);
    list_init(&face->leaving);
    if (!server_set(face, err)) {
        mem_free(face);
        return false;
    }
    *ret = face;
    return true;
}

/* Passes lie in the configuration: those of before are gone. Who waits by one that was taken away waits no longer. */
static void passes_renew(struct http_face *face, struct list *calls)
{
    LIST_EACH (it, calls) {
        struct call *call = LIST_OWNER(it, struct call, link);
        if (call->route->may == 0)
            continue;
        call->pass = credential_pass(&call->credential, &face->house->config->http);
        if (call->pass == NULL)
            unknown_tell(call);
        else if (!right_check(call) || call->name == NULL ||
                 http_pass_is_for(call->pass, call->name))
            continue;
        else
            http_call_problem(call, PROBLEM_FORBIDDEN, NULL, "\"%s\" is not for that name any more",
                              call->pass->name);
    }
    LIST_EACH (it, calls) {
        struct call *call = LIST_OWNER(it, struct call, link);
        if (call->status == 0)
            continue;
        waiting_remove(call);
        http_call_send(call);
    }
}

void http_face_reload(struct http_face *face, struct buf *ret_kept)
{
    struct err why = {0};
    if (face == NULL)
        return;
    passes_renew(face, &face->fresh);
    passes_renew(face, &face->waiting);
    if (!server_set(face, &why))
        buf_printf(ret_kept, "http: what listens stays as it was: %s", why.text);
}

uint16_t http_face_port(const struct http_face *face)
{
    return face->server != NULL ? http_server_port(face->server) : 0;
}

void http_face_close(struct http_face *face)
{
    if (face == NULL)
        return;
    http_server_close(face->server);
    for (struct list *it; (it = list_pop_front(&face->leaving)) != NULL;)
        http_call_free(LIST_OWNER(it, struct call, link));
    CHECK(list_is_empty(&face->fresh) && list_is_empty(&face->waiting) &&
          list_is_empty(&face->answered));
    mem_free(face);
}
