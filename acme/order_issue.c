/* FINALIZE and ISSUE: the request is sent once, and the certificate waited for. */
#include "acme/order_inner.h"

enum { FINALIZE_TRIES_MAX = 3, BACK_MAX = 3 };

static struct verdict finalize_ask(struct order *order, const struct acme_world *world)
{
    AUTO(buf_fini)
    struct buf csr = BUF(128 * 1024);
    if (order->finalize_sent)
        return verdict_go(order, ORDER_ISSUE);
    if (!order->has_key || order->csr.len == 0)
        return verdict_fail(ERR_BUG, "finalize: no key and request are stored for the order");
    if (order->finalize_url == NULL)
        return verdict_fail(ERR_BUG, "finalize: the order's finalize URL is not stored");
    base64url_encode(&csr, order->csr.p, order->csr.len);
    struct acme_ask *ask = ask_new(world, 1);
    ask_post(ask, world, "finalize", order->finalize_url, 0,
             json_set_str(json_object(), "csr", buf_str(&csr)));
    order->finalize_sent = order->finalize_asked = true;
    order->n_finalize++;
    return verdict_ask(ask, 1);
}

static struct verdict finalize_refused(struct order *order, const struct acme_answer *answer)
{
    enum problem_type type = answer->problem != NULL ? answer->problem->type : PROBLEM_OTHER;
    if (type == PROBLEM_ORDER_NOT_READY)
        return verdict_go(order, ORDER_ISSUE);
    /* Refused before anything was done, so it may be sent again and does not count. */
    if (answer->status == 429) {
        order->finalize_sent = false;
        order->n_finalize--;
    }
    /* A server in trouble: if the order is ready afterwards, that was no try. A short outage must
     * not cost an order. */
    if (answer->status >= 500)
        order->n_finalize--;
    if (answer_is_absent(answer))
        return verdict_forgotten(answer, "finalize");
    struct verdict verdict = verdict_of_answer(order, answer, "finalize");
    /* Nothing is known of what an answer we cannot read did: the order will tell. */
    if (verdict.err.kind == ERR_BROKEN)
        return verdict_go(order, ORDER_ISSUE);
    return verdict;
}

static struct verdict finalize_hear(struct order *order, const struct acme_world *world,
                                    const struct acme_answer *answer)
{
    struct order_object object;
    if (!answer_is_object(answer))
        return finalize_refused(order, answer);
    if (!order_object_read(order, world, answer->tree, &object, NULL))
        return verdict_go(order, ORDER_ISSUE);
    if (object.status == ORDER_STATUS_VALID && order->certificate_url != NULL)
        return verdict_go(order, ORDER_FETCH);
    if (object.status != ORDER_STATUS_INVALID)
        return verdict_go(order, ORDER_ISSUE);
    order_mark_invalid(order, &object);
    return verdict_invalid(order);
}

struct verdict order_step_FINALIZE(struct order *order, const struct acme_world *world,
                                   const struct acme_answer *answer)
{
    return answer == NULL ? finalize_ask(order, world) : finalize_hear(order, world, answer);
}

/* Ready: the request did not arrive, or was not taken. The CA is asked with the very same one. */
static struct verdict issue_ready(struct order *order)
{
    if (order->n_finalize >= FINALIZE_TRIES_MAX) {
        struct verdict verdict = verdict_fail(
            ERR_AGAIN,
            "order: still ready after %d certificate requests; a new order will be placed",
            order->n_finalize);
        err_judge(&verdict.err, CLASS_LATER, FAULT_CA, NULL);
        return verdict;
    }
    order->finalize_sent = false;
    return verdict_go(order, ORDER_FINALIZE);
}

/* Pending: the CA counts an authorization as open that we hold for done. Back to where it is
 * decided; a CA that plays this game for ever loses. */
static struct verdict issue_pending(struct order *order)
{
    enum order_step next = ORDER_VALIDATE;
    if (++order->n_back > BACK_MAX || order->n_finalize >= FINALIZE_TRIES_MAX)
        return verdict_fail(ERR_BROKEN,
                            "order: pending again and again after its names were validated");
    order->finalize_sent = false;
    for (size_t i = 0; i < order->n_authz; i++)
        if (order->authz[i].status == AUTHZ_PENDING && !order->authz[i].answered)
            next = ORDER_PUBLISH;
    if (order_authz_count(order, AUTHZ_UNREAD) > 0)
        next = ORDER_READ;
    /* There may be records that nobody published yet. */
    if (next != ORDER_VALIDATE)
        order->published = false;
    return verdict_go(order, next);
}

static struct verdict issue_hear(struct order *order, const struct acme_world *world,
                                 const struct acme_answer *answer)
{
    struct order_object object;
    struct verdict otherwise;
    if (!order_poll_hear(order, world, answer, &object, &otherwise))
        return otherwise;
    switch (object.status) {
    case ORDER_STATUS_PENDING:
        return issue_pending(order);
    case ORDER_STATUS_READY:
        return issue_ready(order);
    case ORDER_STATUS_PROCESSING:
        return order_poll_again(order, world, answer, "issued the certificate");
    case ORDER_STATUS_VALID:
        if (order->certificate_url != NULL)
            return verdict_go(order, ORDER_FETCH);
        return order_poll_again(order, world, answer, "told where the certificate is");
    case ORDER_STATUS_INVALID:
        break;
    }
    order_mark_invalid(order, &object);
    return verdict_invalid(order);
}

bool order_may_have_issued(const struct order *order)
{
    return order->finalize_asked || order->finalize_sent || order->certificate_url != NULL ||
           order->step == ORDER_ISSUE || order->step == ORDER_FETCH;
}

struct verdict order_step_ISSUE(struct order *order, const struct acme_world *world,
                                const struct acme_answer *answer)
{
    return answer == NULL ? order_poll_ask(order, world) : issue_hear(order, world, answer);
}
