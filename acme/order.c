#include "acme/order_inner.h"

struct step_row {
    const char *name;
    int64_t patience_s;
    struct verdict (*run)(struct order *order, const struct acme_world *world,
                          const struct acme_answer *answer);
};
static const struct step_row steps[] = {
#define X(step, name, patience_s, purpose, replay)                                                 \
    [ORDER_##step] = {name, patience_s, order_step_##step},
#include "acme/order_steps.def"
#undef X
};
_Static_assert(sizeof steps / sizeof steps[0] == ORDER_STEP_N, "a row for each step");

/* Sets of steps, one bit each. A failed order passes TIDY whatever its step was. */
#define STEP(step) (1u << ORDER_##step)
static const unsigned may_follow[] = {
    [ORDER_KEY] = STEP(NEW) | STEP(TIDY),
    [ORDER_NEW] =
        STEP(READ) | STEP(VALIDATE) | STEP(FINALIZE) | STEP(ISSUE) | STEP(FETCH) | STEP(TIDY),
    [ORDER_READ] =
        STEP(PUBLISH) | STEP(VALIDATE) | STEP(FINALIZE) | STEP(ISSUE) | STEP(FETCH) | STEP(TIDY),
    [ORDER_PUBLISH] = STEP(ANSWER) | STEP(TIDY),
    [ORDER_ANSWER] = STEP(VALIDATE) | STEP(TIDY),
    [ORDER_VALIDATE] = STEP(FINALIZE) | STEP(ISSUE) | STEP(FETCH) | STEP(TIDY),
    [ORDER_FINALIZE] = STEP(ISSUE) | STEP(FETCH) | STEP(TIDY),
    [ORDER_ISSUE] =
        STEP(READ) | STEP(PUBLISH) | STEP(VALIDATE) | STEP(FINALIZE) | STEP(FETCH) | STEP(TIDY),
    [ORDER_FETCH] = STEP(TIDY),
    [ORDER_TIDY] = STEP(DONE),
    [ORDER_DONE] = 0,
};
_Static_assert(sizeof may_follow / sizeof may_follow[0] == ORDER_STEP_N, "a row for each step");

const char *order_step_name(enum order_step step)
{
    return (unsigned)step < ORDER_STEP_N ? steps[step].name : "unknown";
}

bool order_step_find(const char *name, enum order_step *ret_step)
{
    for (unsigned step = 0; name != NULL && step < ORDER_STEP_N; step++)
        if (strcmp(steps[step].name, name) == 0) {
            *ret_step = (enum order_step)step;
            return true;
        }
    return false;
}

int64_t order_step_patience_ms(enum order_step step)
{
    return (unsigned)step < ORDER_STEP_N ? steps[step].patience_s * MS_SECOND : 0;
}

int64_t order_patience_ms(const struct order *order)
{
    int64_t patience_ms = order_step_patience_ms(order->step);
    bool is_bounded = order->patience_most_ms > 0 && order->patience_most_ms < patience_ms;
    return is_bounded ? order->patience_most_ms : patience_ms;
}

bool order_step_may_follow(enum order_step from, enum order_step to)
{
    return (unsigned)from < ORDER_STEP_N && (unsigned)to < ORDER_STEP_N &&
           (may_follow[from] & 1u << to) != 0;
}

static const char *const authz_statuses[] = {
    [AUTHZ_UNREAD] = "unread",   [AUTHZ_PENDING] = "pending",         [AUTHZ_VALID] = "valid",
    [AUTHZ_INVALID] = "invalid", [AUTHZ_DEACTIVATED] = "deactivated", [AUTHZ_EXPIRED] = "expired",
    [AUTHZ_REVOKED] = "revoked",
};
enum { N_AUTHZ_STATUSES = sizeof authz_statuses / sizeof authz_statuses[0] };
_Static_assert(N_AUTHZ_STATUSES == AUTHZ_REVOKED + 1, "a name for each status");

const char *authz_status_name(enum authz_status status)
{
    return (unsigned)status < N_AUTHZ_STATUSES ? authz_statuses[status] : "unknown";
}

bool authz_status_find(const char *name, enum authz_status *ret)
{
    for (unsigned status = 0; name != NULL && status < N_AUTHZ_STATUSES; status++)
        if (strcmp(authz_statuses[status], name) == 0) {
            *ret = (enum authz_status)status;
            return true;
        }
    return false;
}

struct order *order_new(const char *set_name, const char *const *names, size_t n_names)
{
    struct order *order = NEW(struct order);
    order->set_name = mem_strdup(set_name);
    order->names = NEW_N(n_names, char *);
    order->n_names = n_names;
    for (size_t i = 0; i < n_names; i++)
        order->names[i] = mem_strdup(names[i]);
    buf_init(&order->csr, 64 * 1024);
    return order;
}

static void authz_fini(struct authz *authz)
{
    mem_free(authz->url);
    mem_free(authz->identifier);
    mem_free(authz->challenge_url);
    mem_free(authz->token);
    mem_free(authz->value);
    mem_free(authz->offer);
    mem_free(authz->failure);
}

void order_free(struct order *order)
{
    if (order == NULL)
        return;
    char *const texts[] = {order->set_name,        order->authority,       order->directory,
                           order->profile,         order->replaces,        order->url,
                           order->finalize_url,    order->certificate_url, order->failure,
                           order->failure_problem, order->account_url,     order->aside};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
        mem_free(texts[i]);
    for (size_t i = 0; i < order->n_names; i++)
        mem_free(order->names[i]);
    mem_free(order->names);
    for (size_t i = 0; i < order->n_authz; i++)
        authz_fini(&order->authz[i]);
    mem_free(order->authz);
    buf_fini(&order->csr);
    chain_free(order->chain);
    order_alternates_drop(order);
    mem_free(order);
}

struct verdict order_step_run(struct order *order, const struct acme_world *world,
                              const struct acme_answer *answer)
{
    CHECK((unsigned)order->step < ORDER_STEP_N);
    return steps[order->step].run(order, world, answer);
}
