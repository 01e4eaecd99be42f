/* ANSWER and VALIDATE: the CA is told to look, and is asked what it saw. */
#include "acme/order_inner.h"

enum { REASON_TRIES_MAX = 3, REASON_LEN_MAX = 800 };

static bool authz_wants_answer(const struct authz *authz)
{
    return authz->status == AUTHZ_PENDING && !authz->answered && authz->challenge_url != NULL;
}

static struct verdict answer_ask(struct order *order, const struct acme_world *world)
{
    struct acme_ask *asks = ask_new(world, order->n_authz);
    size_t n = 0;
    for (size_t i = 0; i < order->n_authz; i++) {
        struct authz *authz = &order->authz[i];
        authz->out = authz_wants_answer(authz);
        if (authz->out)
            ask_post(&asks[n++], world, "challenge", authz->challenge_url, (int)i, json_object());
    }
    return n > 0 ? verdict_ask(asks, n) : verdict_go(order, ORDER_VALIDATE);
}

/* Malformed: the authorization is pending no more, because this answer was given before or another
 * one decided it. The order will tell. */
static bool challenge_is_answered(const struct acme_answer *answer)
{
    if (answer->status == 200 || answer->status == 202)
        return true;
    return answer->status >= 400 && answer->status < 500 && answer->problem != NULL &&
           answer->problem->type == PROBLEM_MALFORMED;
}

static struct verdict answer_next(struct order *order)
{
    size_t n_left = 0;
    if (order_authz_any_out(order))
        return verdict_wait();
    for (size_t i = 0; i < order->n_authz; i++)
        n_left += authz_wants_answer(&order->authz[i]) ? 1 : 0;
    if (n_left > 0)
        return verdict_again(ERR_AGAIN, "challenge: %zu of %zu could not be answered yet", n_left,
                             order->n_authz);
    return verdict_go(order, ORDER_VALIDATE);
}

struct verdict order_step_ANSWER(struct order *order, const struct acme_world *world,
                                 const struct acme_answer *answer)
{
    if (answer == NULL)
        return answer_ask(order, world);
    struct authz *authz = order_authz_at(order, answer->slot);
    if (authz == NULL)
        return verdict_fail(ERR_BUG, "challenge: an answer to slot %d, which was not asked",
                            answer->slot);
    authz->out = false;
    if (!challenge_is_answered(answer) && !authz->answered)
        return verdict_of_answer(order, answer, "challenge");
    authz->answered = true;
    return answer_next(order);
}

static void reason_keep(struct order *order, struct authz *authz, const struct acme_problem *error)
{
    AUTO(buf_fini)
    struct buf text = BUF(REASON_LEN_MAX + 64);
    if (error == NULL) {
        mem_set_str(&authz->failure, "the CA does not say why");
        return;
    }
    if (error->type != PROBLEM_OTHER)
        buf_printf(&text, "%s: ", problem_type_name(error->type));
    buf_add_cstr(&text, error->detail[0] != '\0' ? error->detail : "no details");
    mem_set_str(&authz->failure, buf_cstr(&text));
    order_keep_problem(order, error);
}

static bool authz_may_tell(const struct authz *authz)
{
    return !authz->failure_read && authz->status != AUTHZ_VALID && authz->url != NULL;
}

/* The order is invalid: each authorization may know why. */
static struct verdict reasons_ask(struct order *order, const struct acme_world *world)
{
    struct acme_ask *asks = ask_new(world, order->n_authz);
    size_t n = 0;
    for (size_t i = 0; i < order->n_authz; i++) {
        struct authz *authz = &order->authz[i];
        authz->out = authz_may_tell(authz);
        if (authz->out)
            ask_read(&asks[n++], world, "authorization", authz->url, (int)i);
    }
    return n > 0 ? verdict_ask(asks, n) : verdict_invalid(order);
}

static bool answer_may_come_later(const struct acme_answer *answer)
{
    return answer->status == 0 || answer->status == 429 || answer->status >= 500;
}

static struct verdict reason_again(const struct order *order, const struct acme_answer *answer)
{
    struct verdict verdict = verdict_of_answer(order, answer, "authorization");
    if (verdict.kind == VERDICT_FAIL)
        verdict.err.kind = ERR_AGAIN;
    verdict.kind = VERDICT_AGAIN;
    return verdict;
}

static struct verdict reasons_next(const struct order *order)
{
    if (order_authz_any_out(order))
        return verdict_wait();
    for (size_t i = 0; i < order->n_authz; i++)
        if (authz_may_tell(&order->authz[i]))
            return verdict_again(ERR_AGAIN, "authorization: not all could be read yet");
    return verdict_invalid(order);
}

/* A reason is worth a few tries, not the order's time: it has failed anyway. */
static struct verdict reason_hear(struct order *order, const struct acme_world *world,
                                  const struct acme_answer *answer)
{
    struct authz *authz = order_authz_at(order, answer->slot);
    if (authz == NULL)
        return verdict_fail(ERR_BUG, "authorization: an answer to slot %d, which was not asked",
                            answer->slot);
    authz->out = false;
    if (answer_may_come_later(answer) && ++order->n_polls < REASON_TRIES_MAX)
        return reason_again(order, answer);
    authz->failure_read = true;
    if (answer_is_object(answer) && authz_object_read(authz, answer->tree, NULL) &&
        authz->status != AUTHZ_VALID && authz->status != AUTHZ_PENDING)
        reason_keep(order, authz, authz_object_error(answer->tree, world->arena));
    return reasons_next(order);
}

static struct verdict validate_poll_hear(struct order *order, const struct acme_world *world,
                                         const struct acme_answer *answer)
{
    struct order_object object;
    struct verdict otherwise;
    if (!order_poll_hear(order, world, answer, &object, &otherwise))
        return otherwise;
    switch (object.status) {
    case ORDER_STATUS_PENDING:
        return order_poll_again(order, world, answer, "validated the names");
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
    return verdict_sleep(world->now_ms);
}

struct verdict order_step_VALIDATE(struct order *order, const struct acme_world *world,
                                   const struct acme_answer *answer)
{
    if (order->invalid)
        return answer == NULL ? reasons_ask(order, world) : reason_hear(order, world, answer);
    return answer == NULL ? order_poll_ask(order, world) : validate_poll_hear(order, world, answer);
}
