/* FETCH, second half: the other chains that the CA offers for the certificate (RFC 8555 7.4.2). */
#include "acme/order_inner.h"

#include "crypto/chain_choice.h"

/* The certificate is there and good; a chain more is worth a second try, not a wait. */
enum { TRIES_MAX = 2, SHOWN_MAX = 200 };

static struct alternate *alternate_at(struct order *order, int slot)
{
    return slot >= 1 && (size_t)slot <= order->n_alternates ? &order->alternates[slot - 1] : NULL;
}

static bool url_is_known(const struct order *order, const char *url)
{
    bool known = strcmp(url, order->certificate_url) == 0;
    for (size_t i = 0; i < order->n_alternates && !known; i++)
        known = strcmp(url, order->alternates[i].url) == 0;
    return known;
}

static void alternate_leave_out(struct alternate *alternate, const char *why)
{
    alternate->is_over = true;
    mem_set_str(&alternate->failure, why);
}

void order_alternates_take(struct order *order, const struct acme_world *world,
                           const struct acme_answer *answer)
{
    size_t n = 0;
    while (answer->alternates[n] != NULL)
        n++;
    order_alternates_drop(order);
    order->alternates = NEW_N(n + 1, struct alternate);
    for (size_t i = 0; i < n; i++) {
        struct err why;
        const char *url = answer->alternates[i];
        if (url_is_known(order, url))
            continue;
        struct alternate *alternate = &order->alternates[order->n_alternates++];
        AUTO(buf_fini)
        struct buf shown = BUF(4 * SHOWN_MAX);
        text_escape(&shown, str_of(url), SHOWN_MAX);
        alternate->url = buf_take(&shown);
        if (!acme_url_check(url, world->directory->url, &why))
            alternate_leave_out(alternate, why.text);
        else
            mem_set_str(&alternate->url, url);
    }
}

struct verdict order_alternates_ask(struct order *order, const struct acme_world *world)
{
    struct acme_ask *asks = ask_new(world, order->n_alternates + 1);
    size_t n = 0;
    for (size_t i = 0; i < order->n_alternates; i++) {
        struct alternate *alternate = &order->alternates[i];
        alternate->is_out = !alternate->is_over;
        if (!alternate->is_out)
            continue;
        alternate->n_tries++;
        ask_read(&asks[n], world, "alternate chain", alternate->url, (int)i + 1);
        asks[n++].wants_pem = true;
    }
    return n > 0 ? verdict_ask(asks, n) : verdict_go(order, ORDER_TIDY);
}

/* Lost, throttled, or a server in trouble. */
static bool may_pass(const struct acme_answer *answer)
{
    return answer->status == 0 || answer->status == 429 || answer->status >= 500;
}

static bool alternate_check(const struct order *order, const struct acme_world *world,
                            const struct chain *chain, struct err *err)
{
    if (!chain_has_same_leaf(chain, order->chain))
        return err_set(err, ERR_BROKEN, "it is for another certificate");
    enum chain_fault fault = chain_check(chain, order->spki, (const char *const *)order->names,
                                         order->n_names, world->now_ms, fetch_clock_slack_ms);
    return fault == CHAIN_FINE || err_set(err, ERR_BROKEN, "%s", chain_fault_text(fault));
}

static void alternate_hear(const struct order *order, const struct acme_world *world,
                           struct alternate *alternate, const struct acme_answer *answer)
{
    struct err err = {0};
    struct chain *chain = NULL;
    if (answer->status != 200) {
        if (may_pass(answer) && alternate->n_tries < TRIES_MAX)
            return;
        alternate_leave_out(alternate, verdict_of_answer(order, answer, "download").err.text);
    } else if (!chain_parse_pem(answer->body, &chain, &err) ||
               !alternate_check(order, world, chain, &err)) {
        chain_free(chain);
        alternate_leave_out(alternate, err.text);
    } else {
        alternate->chain = chain;
        alternate->is_over = true;
    }
}

struct verdict order_alternates_hear(struct order *order, const struct acme_world *world,
                                     const struct acme_answer *answer)
{
    struct alternate *alternate = alternate_at(order, answer->slot);
    if (alternate == NULL)
        return verdict_fail(ERR_BUG, "certificate: an answer to slot %d, which was not asked",
                            answer->slot);
    alternate->is_out = false;
    if (!alternate->is_over)
        alternate_hear(order, world, alternate, answer);
    for (size_t i = 0; i < order->n_alternates; i++)
        if (order->alternates[i].is_out)
            return verdict_wait();
    return order_alternates_ask(order, world);
}

void order_alternates_drop(struct order *order)
{
    for (size_t i = 0; i < order->n_alternates; i++) {
        mem_free(order->alternates[i].url);
        mem_free(order->alternates[i].failure);
        chain_free(order->alternates[i].chain);
    }
    mem_free(order->alternates);
    order->alternates = NULL;
    order->n_alternates = 0;
}
