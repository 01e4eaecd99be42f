/* FETCH, TIDY and DONE: the chain is held against what was ordered, and nothing is left behind. */
#include "acme/order_inner.h"

const int64_t fetch_clock_slack_ms = MS_HOUR;
/* A CA may say "ready" at one of its machines before all of them have the certificate; and a body
 * that was spoiled on its way is downloaded again, for the certificate is there and was paid for. */
static const int64_t fetch_grace_ms = 10 * MS_MINUTE;

static struct verdict fetch_ask(const struct order *order, const struct acme_world *world)
{
    if (order->certificate_url == NULL)
        return verdict_fail(ERR_BUG, "certificate: its URL is not stored");
    struct acme_ask *ask = ask_new(world, 1);
    ask_read(ask, world, "certificate", order->certificate_url, 0);
    ask->wants_pem = true;
    return verdict_ask(ask, 1);
}

static struct verdict fetch_refused(const struct order *order, const struct acme_world *world,
                                    const struct acme_answer *answer)
{
    struct verdict verdict = verdict_of_answer(order, answer, "certificate");
    if (answer_is_absent(answer)) {
        verdict.err.kind = ERR_AGAIN;
        if (world->now_ms - order->step_at_ms < fetch_grace_ms)
            verdict.kind = VERDICT_AGAIN;
    }
    return verdict;
}

enum { ASIDE_MAX = 64 * 1024 };

/* What the CA sent is kept for a person to look at: PEM is plain text, and what is not plain is no PEM. */
static struct verdict fetch_held(struct order *order, struct str body, const char *why)
{
    AUTO(buf_fini)
    struct buf text = BUF(ASIDE_MAX);
    for (size_t i = 0; i < body.len && text.len < ASIDE_MAX - 1; i++) {
        bool plain = (body.p[i] >= ' ' && body.p[i] <= '~') || body.p[i] == '\n';
        if (body.p[i] != '\r')
            buf_add_char(&text, plain ? body.p[i] : '?');
    }
    mem_set_str(&order->aside, buf_cstr(&text));
    order->held = true;
    return verdict_fail(ERR_BROKEN, "the certificate is held back: %s", why);
}

static struct verdict fetch_spoiled(struct order *order, const struct acme_world *world,
                                    struct str body, const struct err *why)
{
    if (world->now_ms - order->step_at_ms < fetch_grace_ms)
        return verdict_again(ERR_AGAIN, "certificate: %s; it is downloaded again", why->text);
    return fetch_held(order, body, why->text);
}

static struct verdict fetch_hear(struct order *order, const struct acme_world *world,
                                 const struct acme_answer *answer)
{
    struct chain *chain = NULL;
    struct err err;
    /* Whatever the body is called, it is judged by what it holds. */
    if (answer->status != 200)
        return fetch_refused(order, world, answer);
    if (!chain_parse_pem(answer->body, &chain, &err))
        return fetch_spoiled(order, world, answer->body, &err);
    enum chain_fault fault = chain_check(chain, order->spki, (const char *const *)order->names,
                                         order->n_names, world->now_ms, fetch_clock_slack_ms);
    if (fault != CHAIN_FINE) {
        chain_free(chain);
        return fetch_held(order, answer->body, chain_fault_text(fault));
    }
    chain_free(order->chain);
    order->chain = chain;
    order_alternates_take(order, world, answer);
    return order_alternates_ask(order, world);
}

struct verdict order_step_FETCH(struct order *order, const struct acme_world *world,
                                const struct acme_answer *answer)
{
    if (answer != NULL)
        return answer->slot == 0 ? fetch_hear(order, world, answer)
                                 : order_alternates_hear(order, world, answer);
    return order->chain == NULL ? fetch_ask(order, world) : order_alternates_ask(order, world);
}

static bool authz_wants_leaving(const struct authz *authz)
{
    return authz->status == AUTHZ_PENDING && !authz->left && authz->url != NULL;
}

static struct verdict tidy_done(struct order *order)
{
    order->tidied = true;
    return verdict_go(order, ORDER_DONE);
}

static struct verdict tidy_ask(struct order *order, const struct acme_world *world)
{
    if (!order->failed || order->tidied)
        return verdict_go(order, ORDER_DONE);
    struct acme_ask *asks = ask_new(world, order->n_authz);
    size_t n = 0;
    for (size_t i = 0; i < order->n_authz; i++) {
        struct authz *authz = &order->authz[i];
        authz->out = authz_wants_leaving(authz);
        if (authz->out)
            ask_post(&asks[n++], world, "authorization", authz->url, (int)i,
                     json_set_text(json_object(), "status", "deactivated"));
    }
    return n > 0 ? verdict_ask(asks, n) : tidy_done(order);
}

/* Best effort: pending authorizations expire by themselves, so one try each is enough. */
static struct verdict tidy_hear(struct order *order, const struct acme_answer *answer)
{
    struct authz *authz = order_authz_at(order, answer->slot);
    if (authz != NULL) {
        authz->out = false;
        authz->left = true;
        if (answer->status == 200)
            authz->status = AUTHZ_DEACTIVATED;
    }
    return order_authz_any_out(order) ? verdict_wait() : tidy_done(order);
}

struct verdict order_step_TIDY(struct order *order, const struct acme_world *world,
                               const struct acme_answer *answer)
{
    return answer == NULL ? tidy_ask(order, world) : tidy_hear(order, answer);
}

struct verdict order_step_DONE(struct order *order, const struct acme_world *world,
                               const struct acme_answer *answer)
{
    (void)order;
    (void)world;
    (void)answer;
    return verdict_fail(ERR_BUG, "order: it is done, and was run again");
}
