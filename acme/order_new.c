/* KEY and NEW: from the key to the order's URLs. */
#include "acme/order_inner.h"
#include "acme/profile.h"

struct verdict order_step_KEY(struct order *order, const struct acme_world *world,
                              const struct acme_answer *answer)
{
    (void)world;
    (void)answer;
    if (!order->has_key)
        return (struct verdict){.kind = VERDICT_WANT_KEY};
    return verdict_go(order, ORDER_NEW);
}

static bool replaces_is_sent(const struct order *order, const struct acme_world *world)
{
    return order->replaces != NULL && !order->without_replaces &&
           world->directory->renewal_info != NULL;
}

static struct json *new_order_payload(const struct order *order, const struct acme_world *world)
{
    struct json *payload = json_object(), *identifiers = json_array();
    for (size_t i = 0; i < order->n_names; i++) {
        struct json *identifier = json_set_text(json_object(), "type", "dns");
        json_push(identifiers, json_set_text(identifier, "value", order->names[i]));
    }
    json_set(payload, "identifiers", identifiers);
    if (order->profile != NULL)
        json_set_text(payload, "profile", order->profile);
    if (replaces_is_sent(order, world))
        json_set_text(payload, "replaces", order->replaces);
    return payload;
}

static struct verdict new_ask(struct order *order, const struct acme_world *world)
{
    struct err err;
    if (!order->has_key)
        return verdict_fail(ERR_BUG, "newOrder: no key is stored for the order");
    /* What the CA would refuse costs no request. */
    if (!profile_check(world->directory, order->profile, &err) ||
        !profile_check_names(order->directory, order->profile, order->n_names, &err))
        return verdict_of_err(&err);
    struct acme_ask *ask = ask_new(world, 1);
    ask_post(ask, world, "newOrder", world->directory->new_order, 0,
             new_order_payload(order, world));
    order->new_sent = true;
    return verdict_ask(ask, 1);
}

/* CAs refuse a predecessor they do not know in many ways (400, 401, 403, 404, 409, even 500). What is
 * surely about something else stays as it is. */
static bool refusal_may_be_of_replaces(const struct acme_answer *answer)
{
    static const int statuses[] = {400, 401, 403, 404, 409, 500};
    static const enum problem_type others[] = {
        PROBLEM_RATE_LIMITED,
        PROBLEM_BAD_NONCE,
        PROBLEM_BAD_PUBLIC_KEY,
        PROBLEM_BAD_SIGNATURE_ALGORITHM,
        PROBLEM_BAD_CSR,
        PROBLEM_INVALID_PROFILE,
        PROBLEM_UNSUPPORTED_IDENTIFIER,
        PROBLEM_ACCOUNT_DOES_NOT_EXIST,
        PROBLEM_EXTERNAL_ACCOUNT_REQUIRED,
        PROBLEM_USER_ACTION_REQUIRED,
    };
    bool fits = false;
    for (size_t i = 0; i < sizeof statuses / sizeof statuses[0]; i++)
        fits = fits || answer->status == statuses[i];
    for (size_t i = 0; answer->problem != NULL && i < sizeof others / sizeof others[0]; i++)
        fits = fits && answer->problem->type != others[i];
    return fits && answer->problem != NULL;
}

static struct verdict new_without_replaces(struct order *order, const struct acme_answer *answer)
{
    struct err why;
    acme_problem_err(answer->problem, "newOrder", 0, &why);
    order->without_replaces = true;
    return verdict_again(ERR_AGAIN, "%s; the order is placed again without naming its predecessor",
                         why.text);
}

static struct verdict new_go(struct order *order, const struct order_object *object)
{
    switch (object->status) {
    case ORDER_STATUS_PENDING:
        return verdict_go(order, order->n_authz > 0 ? ORDER_READ : ORDER_VALIDATE);
    case ORDER_STATUS_READY:
        return verdict_go(order, order->n_authz > 0 ? ORDER_READ : ORDER_FINALIZE);
    case ORDER_STATUS_PROCESSING:
        return verdict_go(order, ORDER_ISSUE);
    case ORDER_STATUS_VALID:
        return verdict_go(order, order->certificate_url != NULL ? ORDER_FETCH : ORDER_ISSUE);
    case ORDER_STATUS_INVALID:
        break;
    }
    order_mark_invalid(order, object);
    return verdict_invalid(order);
}

static struct verdict new_adopt(struct order *order, const struct acme_world *world,
                                const struct acme_answer *answer)
{
    struct order_object object;
    struct err err;
    if (!acme_url_check(answer->location, world->directory->url, &err)) {
        err_wrap(&err, "newOrder: Location");
        return verdict_of_err(&err);
    }
    if (!order_identifiers_check(order, answer->tree, &err) ||
        !order_object_read(order, world, answer->tree, &object, &err) ||
        !order_authz_list_read(order, world, answer->tree, &err)) {
        err_wrap(&err, "newOrder");
        return verdict_of_err(&err);
    }
    if (order->finalize_url == NULL)
        return verdict_fail(ERR_BROKEN, "newOrder: order.finalize: missing");
    mem_set_str(&order->url, answer->location);
    if (!profile_check_echo(order->profile, answer->tree, &err)) {
        err_wrap(&err, "newOrder");
        return verdict_of_err(&err);
    }
    return new_go(order, &object);
}

struct verdict order_step_NEW(struct order *order, const struct acme_world *world,
                              const struct acme_answer *answer)
{
    if (answer == NULL)
        return new_ask(order, world);
    if (answer_is_object(answer))
        return new_adopt(order, world, answer);
    if (replaces_is_sent(order, world) && refusal_may_be_of_replaces(answer))
        return new_without_replaces(order, answer);
    return verdict_of_answer(order, answer, "newOrder");
}
