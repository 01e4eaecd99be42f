#include "fake/ca_issue.h"

/* What a newOrder asks for. */
struct wish {
    char **names;
    size_t n_names;
    const char *profile, *replaces;
    size_t predecessor;
    int64_t not_before_ms, not_after_ms;
};

struct fake_order *fake_order_find(const struct fake_ca *ca, size_t id)
{
    return id == 0 || id > ca->n_orders ? NULL : ca->orders[id - 1];
}

void fake_order_free(struct fake_order *order)
{
    if (order == NULL)
        return;
    for (size_t i = 0; i < order->n_names; i++)
        mem_free(order->names[i]);
    mem_free(order->names);
    mem_free(order->authzs);
    mem_free(order->profile);
    mem_free(order->replaces);
    json_free(order->error);
    buf_fini(&order->spki);
    mem_free(order);
}

void fake_order_fail(struct fake_order *order, struct json *take_error)
{
    order->status = STATUS_INVALID;
    json_free(order->error);
    order->error = take_error;
}

/* The problem of the whole order out of those of its authorizations. */
static struct json *authzs_error(const struct fake_ca *ca, const struct fake_order *order)
{
    struct json *parts = json_array(), *error = NULL;
    for (size_t i = 0; i < order->n_authzs; i++) {
        const struct fake_authz *authz = fake_authz_find(ca, order->authzs[i]);
        if (authz == NULL || authz->error == NULL)
            continue;
        struct json *part = json_copy(authz->error);
        json_set(part, "identifier", fake_identifier_json(authz->name));
        json_push(parts, part);
        if (error == NULL)
            error = json_copy(authz->error);
    }
    if (error == NULL)
        error = fake_problem_json("unauthorized", "an authorization is no longer usable", 403);
    return json_set(error, "subproblems", parts);
}

void fake_order_refresh(struct fake_ca *ca, struct fake_order *order, int64_t now_ms)
{
    bool all_valid = true;
    if (order->status != STATUS_PENDING && order->status != STATUS_READY)
        return;
    if (now_ms >= order->expires_at_ms) {
        fake_order_fail(order, fake_problem_json("malformed", "the order has expired", 403));
        return;
    }
    for (size_t i = 0; i < order->n_authzs; i++) {
        struct fake_authz *authz = fake_authz_find(ca, order->authzs[i]);
        if (authz != NULL)
            fake_authz_refresh(authz, now_ms);
        if (authz == NULL || (authz->status != STATUS_PENDING && authz->status != STATUS_VALID)) {
            fake_order_fail(order, authzs_error(ca, order));
            return;
        }
        all_valid = all_valid && authz->status == STATUS_VALID;
    }
    if (all_valid)
        order->status = STATUS_READY;
}

static struct json *order_json(const struct fake_ca *ca, const struct fake_order *order)
{
    struct json *out = json_object(), *names = json_array(), *authzs = json_array();
    json_set_text(out, "status", fake_status_name(order->status));
    fake_json_set_time(out, "expires", order->expires_at_ms);
    for (size_t i = 0; i < order->n_names; i++)
        json_push(names, fake_identifier_json(order->names[i]));
    json_set(out, "identifiers", names);
    for (size_t i = 0; i < order->n_authzs; i++) {
        AUTO(mem_fini)
        char *url = fake_ca_url(ca, FAKE_KIND_AUTHZ, order->authzs[i]);
        json_push_text(authzs, url);
    }
    json_set(out, "authorizations", authzs);
    fake_json_set_url(out, "finalize", ca, FAKE_KIND_FINALIZE, order->id);
    if (order->not_before_ms != 0)
        fake_json_set_time(out, "notBefore", order->not_before_ms);
    if (order->not_after_ms != 0)
        fake_json_set_time(out, "notAfter", order->not_after_ms);
    if (order->profile != NULL)
        json_set_text(out, "profile", order->profile);
    if (order->replaces != NULL)
        json_set_text(out, "replaces", order->replaces);
    if (order->error != NULL)
        json_set(out, "error", json_copy(order->error));
    if (order->certificate != 0) {
        AUTO(mem_fini)
        char *url = mem_printf("%s%s%s", ca->base_url, fake_kind_path(FAKE_KIND_CERTIFICATE),
                               ca->certs[order->certificate - 1]->public.serial);
        json_set_text(out, "certificate", url);
    }
    return out;
}

static bool order_waits(const struct fake_ca *ca, const struct fake_order *order)
{
    if (order->status == STATUS_PROCESSING)
        return true;
    for (size_t i = 0; order->status == STATUS_PENDING && i < order->n_authzs; i++) {
        const struct fake_authz *authz = fake_authz_find(ca, order->authzs[i]);
        if (authz != NULL && authz->processing)
            return true;
    }
    return false;
}

void fake_order_show(struct call *c, const struct fake_order *order, int status)
{
    if (order_waits(c->ca, order))
        fake_call_retry_after(c);
    fake_call_json(c, status, order_json(c->ca, order));
}

struct fake_order *fake_call_order(struct call *c, size_t id)
{
    struct fake_order *order = fake_order_find(c->ca, id);
    if (order == NULL || order->account != c->account->id) {
        fake_call_problem(c, 404, "malformed", "there is no order %zu", id);
        return NULL;
    }
    fake_order_refresh(c->ca, order, c->now_ms);
    return order;
}

void fake_answer_order(struct call *c)
{
    size_t id = fake_call_id(c);
    if (!fake_call_authenticate(c, SIGNER_KID) || !fake_call_wants_no_payload(c))
        return;
    struct fake_order *order = fake_call_order(c, id);
    if (order == NULL)
        return;
    if (fake_call_must(c, ACT_INVALID_ORDER))
        fake_order_fail(order,
                        fake_problem_json("serverInternal", "the order failed, as told", 500));
    fake_order_show(c, order, 200);
}

static bool name_is_good(struct str name)
{
    struct str rest = name, label;
    size_t n = 0;
    if (str_starts(rest, STR("*.")))
        rest = str_mem(rest.p + 2, rest.len - 2);
    if (rest.len == 0 || rest.len > 253 || str_ends(rest, STR(".")))
        return false;
    for (; str_split(&rest, '.', &label); n++) {
        if (label.len == 0 || label.len > 63 || label.p[0] == '-')
            return false;
        for (size_t i = 0; i < label.len; i++) {
            char c = label.p[i];
            if (!((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_'))
                return false;
        }
    }
    return n >= 2;
}

static bool name_is_blocked(const struct fake_ca *ca, const char *name)
{
    for (size_t i = 0; i < json_len(ca->blocked); i++) {
        const char *blocked = json_as_text(json_at(ca->blocked, i));
        struct str tail = str_of(blocked), all = str_of(name);
        if (blocked == NULL || !str_ends(all, tail))
            continue;
        if (all.len == tail.len || all.p[all.len - tail.len - 1] == '.')
            return true;
    }
    return false;
}

static bool names_are_taken(struct call *c, const struct wish *wish)
{
    struct json *parts = json_array();
    for (size_t i = 0; i < wish->n_names; i++) {
        if (!name_is_blocked(c->ca, wish->names[i]))
            continue;
        struct json *part =
            fake_problem_json("rejectedIdentifier", "policy forbids this name", 400);
        json_set(part, "identifier", fake_identifier_json(wish->names[i]));
        json_push(parts, part);
    }
    if (json_len(parts) > 0)
        return fake_call_problem_with(c, 400, "rejectedIdentifier", parts,
                                      "policy forbids some of the names");
    json_free(parts);
    return true;
}

static bool wish_read_names(struct call *c, struct wish *wish)
{
    const struct json *list = json_find(c->payload, "identifiers");
    size_t n = json_len(list);
    if (!json_is(list, JSON_ARRAY) || n == 0 || n > (size_t)c->ca->options.names_max)
        return fake_call_problem(c, 400, "malformed", "identifiers: 1 to %lld are taken",
                                 (long long)c->ca->options.names_max);
    wish->names = NEW_N(n, char *);
    for (size_t i = 0; i < n; i++) {
        const char *type = json_text(json_at(list, i), "type");
        const char *value = json_text(json_at(list, i), "value");
        if (type == NULL || value == NULL)
            return fake_call_problem(c, 400, "malformed", "identifiers[%zu]: no type or value", i);
        if (strcmp(type, "dns") != 0)
            return fake_call_problem(c, 400, "unsupportedIdentifier", "identifiers of type %s",
                                     type);
        if (!name_is_good(str_of(value)))
            return fake_call_problem(c, 400, "malformed", "%s is no lower-case domain name", value);
        wish->names[wish->n_names++] = mem_strdup(value);
    }
    wish->n_names = fake_names_sort(wish->names, wish->n_names);
    return names_are_taken(c, wish);
}

static bool wish_read_profile(struct call *c, struct wish *wish)
{
    wish->profile = json_text(c->payload, "profile");
    if (wish->profile != NULL && json_find(c->ca->profiles, wish->profile) == NULL)
        return fake_call_problem(c, 400, "invalidProfile", "there is no profile %s", wish->profile);
    if (wish->profile == NULL && json_len(c->ca->profiles) > 0) {
        const struct json *value;
        json_member(c->ca->profiles, 0, &wish->profile, &value);
    }
    return true;
}

static bool wish_read_dates(struct call *c, struct wish *wish)
{
    const char *before = json_text(c->payload, "notBefore");
    const char *after = json_text(c->payload, "notAfter");
    if ((before != NULL || after != NULL) && c->ca->options.dates == 0)
        return fake_call_problem(c, 400, "malformed", "notBefore and notAfter are not supported");
    if ((before != NULL && !time_parse(str_of(before), &wish->not_before_ms)) ||
        (after != NULL && !time_parse(str_of(after), &wish->not_after_ms)))
        return fake_call_problem(c, 400, "malformed", "notBefore or notAfter is no RFC 3339 time");
    return true;
}

static bool shares_name(const struct fake_cert *cert, const struct wish *wish)
{
    for (size_t i = 0; i < cert->public.n_names; i++) {
        for (size_t k = 0; k < wish->n_names; k++) {
            if (strcmp(cert->public.names[i], wish->names[k]) == 0)
                return true;
        }
    }
    return false;
}

static bool wish_read_replaces(struct call *c, struct wish *wish)
{
    wish->replaces = json_text(c->payload, "replaces");
    if (wish->replaces == NULL)
        return true;
    const struct fake_cert *cert = fake_call_cert_id(c, str_of(wish->replaces));
    if (cert == NULL)
        return false;
    if (cert->public.account != c->account->id)
        return fake_call_problem(c, 403, "unauthorized",
                                 "replaces: not a certificate of the account");
    if (!shares_name(cert, wish))
        return fake_call_problem(c, 400, "malformed", "replaces: the orders share no name");
    if (cert->public.replaced)
        return fake_call_problem(c, 409, "alreadyReplaced", "replaces: %s is replaced already",
                                 wish->replaces);
    wish->predecessor = cert->id;
    return true;
}

static struct fake_order *order_new(struct call *c, struct wish *wish)
{
    struct fake_ca *ca = c->ca;
    if (ca->n_orders == ca->cap_orders) {
        size_t cap = ca->cap_orders == 0 ? 64 : ca->cap_orders * 2;
        ca->orders = mem_grow(ca->orders, ca->cap_orders, cap, sizeof(ca->orders[0]));
        ca->cap_orders = cap;
    }
    struct fake_order *order = NEW(struct fake_order);
    ca->orders[ca->n_orders++] = order;
    *order = (struct fake_order){.id = ca->n_orders,
                                 .account = c->account->id,
                                 .names = wish->names,
                                 .n_names = wish->n_names,
                                 .authzs = NEW_N(wish->n_names, size_t),
                                 .made_at_ms = c->now_ms,
                                 .expires_at_ms = c->now_ms + ca->options.order_life_s * MS_SECOND,
                                 .not_before_ms = wish->not_before_ms,
                                 .not_after_ms = wish->not_after_ms,
                                 .profile = mem_strdup(wish->profile),
                                 .replaces = mem_strdup(wish->replaces),
                                 .predecessor = wish->predecessor,
                                 .spki = BUF(4096)};
    wish->names = NULL;
    wish->n_names = 0;
    fake_account_add_order(c->account, order->id);
    ca->counts.orders_made++;
    fake_limits_ordered(ca, order, c->now_ms);
    return order;
}

static void order_authorize(struct fake_ca *ca, struct fake_order *order, int64_t now_ms)
{
    for (size_t i = 0; i < order->n_names; i++) {
        struct fake_authz *authz = NULL;
        if (fake_rng_chance(&ca->rng, ca->options.authz_reuse))
            authz = fake_authz_find_valid(ca, order->account, order->names[i], now_ms);
        if (authz != NULL)
            ca->counts.authz_reused++;
        else
            authz = fake_authz_new(ca, order->account, order->names[i], now_ms);
        order->authzs[order->n_authzs++] = authz->id;
    }
}

static void reuse_key(const struct call *c, const struct wish *wish, struct buf *out)
{
    buf_printf(out, "%zu|%s|", c->account->id, wish->profile != NULL ? wish->profile : "");
    for (size_t i = 0; i < wish->n_names; i++)
        buf_printf(out, "%s,", wish->names[i]);
}

/* The equal one that is still open, or a new one. */
static struct fake_order *order_for(struct call *c, struct wish *wish)
{
    AUTO(buf_fini)
    struct buf key = BUF(256 * 1024);
    struct fake_ca *ca = c->ca;
    if (ca->options.order_reuse == 0) {
        struct fake_order *fresh = order_new(c, wish);
        order_authorize(ca, fresh, c->now_ms);
        return fresh;
    }
    reuse_key(c, wish, &key);
    struct fake_order *order =
        fake_order_find(ca, fake_map_get(&ca->orders_by_key, buf_cstr(&key)));
    if (order != NULL)
        fake_order_refresh(ca, order, c->now_ms);
    if (order != NULL && (order->status == STATUS_PENDING || order->status == STATUS_READY)) {
        ca->counts.orders_reused++;
        return order;
    }
    order = order_new(c, wish);
    order_authorize(ca, order, c->now_ms);
    fake_map_put(&ca->orders_by_key, buf_cstr(&key), order->id);
    return order;
}

void fake_answer_new_order(struct call *c)
{
    struct wish wish = {0};
    if (!fake_call_authenticate(c, SIGNER_KID) || !fake_call_wants_payload(c))
        return;
    if (wish_read_names(c, &wish) && wish_read_profile(c, &wish) && wish_read_dates(c, &wish) &&
        wish_read_replaces(c, &wish) && fake_limits_allow(c, wish.names, wish.n_names)) {
        struct fake_order *order = order_for(c, &wish);
        fake_order_refresh(c->ca, order, c->now_ms);
        AUTO(mem_fini)
        char *url = fake_ca_url(c->ca, FAKE_KIND_ORDER, order->id);
        fake_call_header(c, "location", "%s", url);
        fake_order_show(c, order, 201);
    }
    for (size_t i = 0; i < wish.n_names; i++)
        mem_free(wish.names[i]);
    mem_free(wish.names);
}
