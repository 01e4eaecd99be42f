#include "acme/order_inner.h"

#include "acme/name.h"

enum { URL_MAX = 2048 };
/* A wildcard and its base name have an authorization each; nobody needs more than two a name. */
enum { AUTHZ_MAX = 2 * NAMES_MAX };

struct fields {
    char *status, *expires, *finalize, *certificate;
    const struct json *error;
};
static const struct json_field order_fields[] = {
    {"status", JSON_FIELD_TEXT, offsetof(struct fields, status), true, 32},
    {"expires", JSON_FIELD_TEXT, offsetof(struct fields, expires), false, 64},
    {"finalize", JSON_FIELD_TEXT, offsetof(struct fields, finalize), false, URL_MAX},
    {"certificate", JSON_FIELD_TEXT, offsetof(struct fields, certificate), false, URL_MAX},
    {"error", JSON_FIELD_TREE, offsetof(struct fields, error), false, 0},
};

static void fields_fini(struct fields *fields)
{
    mem_free(fields->status);
    mem_free(fields->expires);
    mem_free(fields->finalize);
    mem_free(fields->certificate);
}

static bool status_find(const char *name, enum order_status *ret, struct err *err)
{
    static const char *const names[] = {
        [ORDER_STATUS_PENDING] = "pending",       [ORDER_STATUS_READY] = "ready",
        [ORDER_STATUS_PROCESSING] = "processing", [ORDER_STATUS_VALID] = "valid",
        [ORDER_STATUS_INVALID] = "invalid",
    };
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (strcmp(names[i], name) == 0) {
            *ret = (enum order_status)i;
            return true;
        }
    AUTO(buf_fini)
    struct buf shown = BUF(64);
    text_escape(&shown, str_of(name), 32);
    return err_set(err, ERR_BROKEN, "order: unknown status \"%s\"", buf_cstr(&shown));
}

static bool url_may_be_asked(const char *url, const struct acme_world *world, const char *what,
                             struct err *err)
{
    if (url == NULL || acme_url_check(url, world->directory->url, err))
        return true;
    return err_wrap(err, "%s", what);
}

static const struct acme_problem *problem_within(const struct json *error, struct arena *arena)
{
    if (!json_is(error, JSON_OBJECT))
        return NULL;
    int64_t status = json_int(error, "status", 0);
    return acme_problem_read(error, status >= 400 && status <= 599 ? (int)status : 0, arena);
}

bool order_object_read(struct order *order, const struct acme_world *world, const struct json *tree,
                       struct order_object *ret, struct err *err)
{
    AUTO(fields_fini)
    struct fields fields = {0};
    enum order_status status;
    int64_t expires_at_ms;
    if (!json_read(tree, "order", order_fields, sizeof order_fields / sizeof order_fields[0],
                   &fields, err) ||
        !status_find(fields.status, &status, err) ||
        !url_may_be_asked(fields.finalize, world, "order.finalize", err) ||
        !url_may_be_asked(fields.certificate, world, "order.certificate", err))
        return false;
    if (fields.finalize != NULL)
        mem_set_str(&order->finalize_url, fields.finalize);
    if (fields.certificate != NULL)
        mem_set_str(&order->certificate_url, fields.certificate);
    if (fields.expires != NULL && time_parse(str_of(fields.expires), &expires_at_ms))
        order->expires_at_ms = expires_at_ms;
    *ret = (struct order_object){.status = status,
                                 .error = problem_within(fields.error, world->arena)};
    return true;
}

static void authz_drop_all(struct order *order)
{
    for (size_t i = 0; i < order->n_authz; i++) {
        struct authz *authz = &order->authz[i];
        char **const texts[] = {&authz->url,    &authz->identifier, &authz->challenge_url,
                                &authz->token,  &authz->value,      &authz->offer,
                                &authz->failure};
        for (size_t k = 0; k < sizeof texts / sizeof texts[0]; k++)
            mem_fini(texts[k]);
    }
    mem_free(order->authz);
    order->authz = NULL;
    order->n_authz = 0;
}

bool order_authz_list_read(struct order *order, const struct acme_world *world,
                           const struct json *tree, struct err *err)
{
    const struct json *list = json_find(tree, "authorizations");
    size_t n = json_len(list);
    if (!json_is(list, JSON_ARRAY))
        return err_set(err, ERR_BROKEN, "order.authorizations: not a list");
    if (n > AUTHZ_MAX)
        return err_set(err, ERR_BROKEN, "order.authorizations: %zu of them, more than %d", n,
                       AUTHZ_MAX);
    for (size_t i = 0; i < n; i++)
        if (!acme_url_check(json_as_text(json_at(list, i)), world->directory->url, err))
            return err_wrap(err, "order.authorizations[%zu]", i);
    authz_drop_all(order);
    order->authz = NEW_N(n, struct authz);
    order->n_authz = n;
    for (size_t i = 0; i < n; i++)
        order->authz[i].url = mem_strdup(json_as_text(json_at(list, i)));
    return true;
}

static bool list_has_name(const struct json *list, const char *name)
{
    for (size_t i = 0; i < json_len(list); i++) {
        const char *value = json_text(json_at(list, i), "value");
        if (value != NULL && str_eq_nocase(str_of(value), str_of(name)))
            return true;
    }
    return false;
}

static bool order_has_name(const struct order *order, const char *value)
{
    for (size_t i = 0; i < order->n_names; i++)
        if (str_eq_nocase(str_of(order->names[i]), str_of(value)))
            return true;
    return false;
}

bool order_identifiers_check(const struct order *order, const struct json *tree, struct err *err)
{
    const struct json *list = json_find(tree, "identifiers");
    if (!json_is(list, JSON_ARRAY))
        return err_set(err, ERR_BROKEN, "order.identifiers: not a list");
    for (size_t i = 0; i < order->n_names; i++)
        if (!list_has_name(list, order->names[i]))
            return err_set(err, ERR_BROKEN, "the CA's order lacks %s, which was asked for",
                           order->names[i]);
    for (size_t i = 0; i < json_len(list); i++) {
        const char *type = json_text(json_at(list, i), "type");
        const char *value = json_text(json_at(list, i), "value");
        if (type == NULL || value == NULL || strcmp(type, "dns") != 0)
            return err_set(err, ERR_BROKEN, "order.identifiers[%zu]: not a DNS name", i);
        AUTO(buf_fini)
        struct buf shown = BUF(280);
        text_escape(&shown, str_of(value), 260);
        if (!order_has_name(order, value))
            return err_set(err, ERR_BROKEN, "the CA's order holds %s, which was not asked for",
                           buf_cstr(&shown));
    }
    return true;
}

enum err_kind kind_of_name_fault(const struct acme_problem *error)
{
    static const enum problem_type lasting[] = {PROBLEM_UNAUTHORIZED, PROBLEM_DNS,
                                                PROBLEM_INCORRECT_RESPONSE, PROBLEM_CAA};
    for (size_t i = 0; i < sizeof lasting / sizeof lasting[0]; i++)
        if (error->type == lasting[i])
            return ERR_REFUSED;
    return error->kind;
}

void order_keep_problem(struct order *order, const struct acme_problem *error)
{
    if (order->failure_kind != ERR_NONE)
        return;
    order->failure_kind = kind_of_name_fault(error);
    mem_set_str(&order->failure_problem, problem_type_name(error->type));
}

void order_mark_invalid(struct order *order, const struct order_object *object)
{
    struct err why;
    order->invalid = true;
    order->n_polls = 0;
    if (object->error == NULL)
        return;
    acme_problem_err(object->error, "order", 0, &why);
    mem_set_str(&order->failure, why.text);
    order_keep_problem(order, object->error);
}

struct authz *order_authz_at(struct order *order, int slot)
{
    return slot >= 0 && (size_t)slot < order->n_authz ? &order->authz[slot] : NULL;
}

size_t order_authz_count(const struct order *order, enum authz_status status)
{
    size_t n = 0;
    for (size_t i = 0; i < order->n_authz; i++)
        n += order->authz[i].status == status ? 1 : 0;
    return n;
}

bool order_authz_any_out(const struct order *order)
{
    for (size_t i = 0; i < order->n_authz; i++)
        if (order->authz[i].out)
            return true;
    return false;
}

static void text_lower(char *text)
{
    for (char *p = text; *p != '\0'; p++)
        if (*p >= 'A' && *p <= 'Z')
            *p = (char)(*p - 'A' + 'a');
}

bool authz_object_read(struct authz *authz, const struct json *tree, struct err *err)
{
    const struct json *identifier = json_find(tree, "identifier");
    const char *type = json_text(identifier, "type"), *value = json_text(identifier, "value");
    const char *name = json_text(tree, "status");
    enum authz_status status;
    if (type == NULL || value == NULL || strcmp(type, "dns") != 0 || strlen(value) > 255)
        return err_set(err, ERR_BROKEN, "authorization.identifier: not a DNS name");
    if (!authz_status_find(name, &status) || status == AUTHZ_UNREAD)
        return err_set(err, ERR_BROKEN, "authorization.status: none of RFC 8555 7.1.6");
    /* The base name of a wildcard; some CAs leave the "*." on. */
    bool has_star = strncmp(value, "*.", 2) == 0;
    const char *base = has_star ? value + 2 : value;
    if (authz->identifier != NULL && !str_eq_nocase(str_of(base), str_of(authz->identifier)))
        return err_set(err, ERR_BROKEN, "authorization.identifier: it was %s before",
                       authz->identifier);
    mem_set_str(&authz->identifier, base);
    text_lower(authz->identifier);
    authz->wildcard = has_star || json_bool(tree, "wildcard", false);
    authz->status = status;
    return true;
}

const struct acme_problem *authz_object_error(const struct json *tree, struct arena *arena)
{
    const struct json *challenges = json_find(tree, "challenges");
    for (size_t i = 0; i < json_len(challenges); i++) {
        const struct acme_problem *error =
            problem_within(json_find(json_at(challenges, i), "error"), arena);
        if (error != NULL)
            return error;
    }
    return NULL;
}

void authz_name(const struct authz *authz, struct buf *out)
{
    AUTO(buf_fini)
    struct buf shown = BUF(280);
    const char *identifier = authz->identifier != NULL ? authz->identifier : "a name not told";
    text_escape(&shown, str_of(identifier), 260);
    buf_printf(out, "%s%s", authz->wildcard ? "*." : "", buf_cstr(&shown));
}
