/* READ and PUBLISH: from the authorizations' URLs to TXT records that everybody sees. */
#include "acme/order_inner.h"

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
    if (!order_challenge_take(order, world, authz, tree, &err)) {
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
