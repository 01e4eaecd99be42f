/* READ and PUBLISH: from the authorizations' URLs to TXT records that everybody sees. */
#include "acme/order_inner.h"

enum { TOKEN_LEN_MIN = 22, TOKEN_LEN_MAX = 512 };

static struct verdict read_ask(struct order *order, const struct acme_world *world)
{
    if (order->n_authz == 0)
        return verdict_ask_order(order, world);
    struct acme_ask *asks = ask_new(world, order->n_authz);
    size_t n = 0;
    for (size_t i = 0; i < order->n_authz; i++) {
        order->authz[i].out = order->authz[i].status == AUTHZ_UNREAD;
        if (order->authz[i].out)
            ask_read(&asks[n++], world, "authorization", order->authz[i].url, (int)i);
    }
    if (n > 0)
        return verdict_ask(asks, n);
    bool any_pending = order_authz_count(order, AUTHZ_PENDING) > 0;
    return verdict_go(order, any_pending ? ORDER_PUBLISH : ORDER_FINALIZE);
}

/* The row lost its authorizations, or an order without any was pending: look at the order. */
static struct verdict read_hear_order(struct order *order, const struct acme_world *world,
                                      const struct acme_answer *answer)
{
    struct order_object object;
    struct err err;
    if (answer_is_absent(answer))
        return verdict_forgotten(answer, "order");
    if (!answer_is_object(answer))
        return verdict_of_answer(order, answer, "order");
    if (!order_object_read(order, world, answer->tree, &object, &err) ||
        !order_authz_list_read(order, world, answer->tree, &err))
        return verdict_of_err(&err);
    switch (object.status) {
    case ORDER_STATUS_PENDING:
        return order->n_authz > 0 ? verdict_sleep(world->now_ms)
                                  : verdict_go(order, ORDER_VALIDATE);
    case ORDER_STATUS_READY:
        return verdict_go(order, ORDER_FINALIZE);
    case ORDER_STATUS_PROCESSING:
        return verdict_go(order, ORDER_ISSUE);
    case ORDER_STATUS_VALID:
        return verdict_go(order, order->certificate_url != NULL ? ORDER_FETCH : ORDER_ISSUE);
    case ORDER_STATUS_INVALID:
        break;
    }
    order_mark_invalid(order, &object);
    return verdict_invalid(order);
}

/* The TXT record goes where the identifier says, so it must be one of the names of our order. */
static bool identifier_is_ours(const struct order *order, const struct authz *authz)
{
    for (size_t i = 0; i < order->n_names; i++) {
        const char *name = order->names[i];
        const char *base = strncmp(name, "*.", 2) == 0 ? name + 2 : name;
        if (strcmp(base, authz->identifier) == 0)
            return true;
    }
    return false;
}

/* RFC 8555 8.1: base64url text, checked before any use. */
static bool token_is_good(const char *token)
{
    size_t len = token != NULL ? strlen(token) : 0;
    if (len < TOKEN_LEN_MIN || len > TOKEN_LEN_MAX)
        return false;
    for (size_t i = 0; i < len; i++) {
        char c = token[i];
        if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
              c == '-' || c == '_'))
            return false;
    }
    return true;
}

static const struct json *challenge_find(const struct json *tree)
{
    const struct json *list = json_find(tree, "challenges");
    for (size_t i = 0; i < json_len(list); i++) {
        const char *type = json_text(json_at(list, i), "type");
        if (type != NULL && strcmp(type, "dns-01") == 0)
            return json_at(list, i);
    }
    return NULL;
}

static bool challenge_take(const struct order *order, const struct acme_world *world,
                           struct authz *authz, const struct json *tree, struct err *err)
{
    char value[48];
    const struct json *challenge = challenge_find(tree);
    if (challenge == NULL)
        return err_set(err, ERR_REFUSED, "the CA offers no dns-01 challenge for it");
    const char *token = json_text(challenge, "token"), *url = json_text(challenge, "url");
    if (!token_is_good(token))
        return err_set(err, ERR_BROKEN,
                       "challenge.token: not 22 to 512 characters of base64url (RFC 8555 8.1)");
    if (!acme_url_check(url, world->directory->url, err))
        return err_wrap(err, "challenge.url");
    if (order->thumbprint[0] == '\0')
        return err_set(err, ERR_BUG, "the thumbprint of the account key is missing");
    dns01_value(token, order->thumbprint, value);
    mem_set_str(&authz->challenge_url, url);
    mem_set_str(&authz->token, token);
    mem_set_str(&authz->value, value);
    authz->answered = false;
    return true;
}

static struct verdict authz_unusable(struct authz *authz, const struct acme_world *world,
                                     const struct json *tree)
{
    const struct acme_problem *error = authz_object_error(tree, world->arena);
    AUTO(buf_fini)
    struct buf name = BUF(600);
    authz_name(authz, &name);
    if (error == NULL)
        return verdict_fail(ERR_AGAIN,
                            "authorization of %s: it is %s; a new order brings a new one",
                            buf_cstr(&name), authz_status_name(authz->status));
    mem_set_str(&authz->failure, error->detail);
    struct err err;
    acme_problem_err(error, buf_cstr(&name), 0, &err);
    return verdict_fail(kind_of_name_fault(error), "authorization is %s: %s",
                        authz_status_name(authz->status), err.text);
}

static struct verdict read_next(struct order *order)
{
    if (order_authz_any_out(order))
        return verdict_wait();
    if (order_authz_count(order, AUTHZ_UNREAD) > 0)
        return verdict_again(ERR_AGAIN, "authorization: %zu of %zu could not be read yet",
                             order_authz_count(order, AUTHZ_UNREAD), order->n_authz);
    bool any_pending = order_authz_count(order, AUTHZ_PENDING) > 0;
    return verdict_go(order, any_pending ? ORDER_PUBLISH : ORDER_FINALIZE);
}

static struct verdict authz_hear(struct order *order, const struct acme_world *world,
                                 struct authz *authz, const struct json *tree)
{
    struct err err;
    AUTO(buf_fini)
    struct buf name = BUF(600);
    if (!authz_object_read(authz, tree, &err))
        return verdict_of_err(&err);
    if (authz->status == AUTHZ_VALID)
        return read_next(order);
    if (authz->status != AUTHZ_PENDING)
        return authz_unusable(authz, world, tree);
    authz_name(authz, &name);
    if (!identifier_is_ours(order, authz))
        return verdict_fail(ERR_BROKEN, "the CA asks to prove control of %s, which was not ordered",
                            buf_cstr(&name));
    if (!challenge_take(order, world, authz, tree, &err)) {
        err_wrap(&err, "authorization of %s", buf_cstr(&name));
        return verdict_of_err(&err);
    }
    return read_next(order);
}

struct verdict order_step_READ(struct order *order, const struct acme_world *world,
                               const struct acme_answer *answer)
{
    if (answer == NULL)
        return read_ask(order, world);
    if (order->n_authz == 0)
        return read_hear_order(order, world, answer);
    struct authz *authz = order_authz_at(order, answer->slot);
    if (authz == NULL)
        return verdict_fail(ERR_BUG, "authorization: an answer to slot %d, which was not asked",
                            answer->slot);
    authz->out = false;
    if (authz->status != AUTHZ_UNREAD)
        return read_next(order);
    if (answer_is_absent(answer))
        return verdict_forgotten(answer, "authorization");
    if (!answer_is_object(answer))
        return verdict_of_answer(order, answer, "authorization");
    return authz_hear(order, world, authz, answer->tree);
}

struct verdict order_step_PUBLISH(struct order *order, const struct acme_world *world,
                                  const struct acme_answer *answer)
{
    (void)world;
    (void)answer;
    if (!order->published)
        return (struct verdict){.kind = VERDICT_WANT_TXT};
    return verdict_go(order, ORDER_ANSWER);
}
