#include "acme/order_inner.h"

struct verdict verdict_go(const struct order *order, enum order_step next)
{
    CHECK(order_step_may_follow(order->step, next));
    return (struct verdict){.kind = VERDICT_GO, .next = next};
}

struct verdict verdict_sleep(int64_t until_ms)
{
    return (struct verdict){.kind = VERDICT_SLEEP, .until_ms = until_ms};
}

struct verdict verdict_ask(const struct acme_ask *asks, size_t n)
{
    return (struct verdict){.kind = VERDICT_ASK, .asks = asks, .n_asks = n};
}

struct verdict verdict_wait(void)
{
    return (struct verdict){.kind = VERDICT_WAIT};
}

/* What breaks the protocol here was sent by the CA. */
static void err_blame_ca(struct err *err)
{
    if (err->kind == ERR_BROKEN && err->fault == FAULT_UNKNOWN)
        err_judge(err, CLASS_LATER, FAULT_CA, err->advice);
}

/* Both texts are made here, because a struct err may only be filled by its own functions. */
__attribute__((format(printf, 3, 0))) static struct verdict verdict_text(
    enum verdict_kind verdict_kind, enum err_kind kind, const char *fmt, va_list ap)
{
    AUTO(buf_fini)
    struct buf text = BUF(8 * ERR_TEXT_MAX);
    struct verdict verdict = {.kind = verdict_kind};
    buf_vprintf(&text, fmt, ap);
    err_set(&verdict.err, kind, "%s", buf_cstr(&text));
    err_blame_ca(&verdict.err);
    return verdict;
}

struct verdict verdict_fail(enum err_kind kind, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    struct verdict verdict = verdict_text(VERDICT_FAIL, kind, fmt, ap);
    va_end(ap);
    return verdict;
}

struct verdict verdict_again(enum err_kind kind, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    struct verdict verdict = verdict_text(VERDICT_AGAIN, kind, fmt, ap);
    va_end(ap);
    return verdict;
}

struct verdict verdict_of_err(const struct err *err)
{
    bool passes = err->kind == ERR_AGAIN || err->kind == ERR_THROTTLED;
    struct verdict verdict = {.kind = passes ? VERDICT_AGAIN : VERDICT_FAIL,
                              .until_ms = passes ? err->until_ms : 0,
                              .err = *err};
    err_blame_ca(&verdict.err);
    return verdict;
}

static struct verdict verdict_of_loss(const struct acme_answer *answer, const char *what)
{
    struct verdict verdict = {.kind = VERDICT_AGAIN};
    err_set(&verdict.err, ERR_AGAIN, "no answer");
    if (answer->lost != NULL)
        verdict.err = *answer->lost;
    err_wrap(&verdict.err, "%s", what);
    return verdict;
}

static struct verdict verdict_of_lost_account(const struct order *order,
                                              const struct acme_problem *problem, const char *what)
{
    const char *authority = order->authority != NULL ? order->authority : "";
    return verdict_fail(ERR_DENIED,
                        "%s: the CA %s (%s) does not know our account with the key %s any more: "
                        "%s. See whether the directory is right, then: chancery account show "
                        "--register %s",
                        what, authority, order->directory != NULL ? order->directory : "",
                        order->thumbprint, problem->detail, authority);
}

/* A person can only act on what is named: the address goes first, because the line may be cut. */
static void err_name_the_place(struct err *err, const struct acme_answer *answer)
{
    const char *place = answer->problem->instance;
    AUTO(buf_fini)
    struct buf shown = BUF(512);
    if (place == NULL)
        place = answer->terms_link;
    if (answer->problem->type != PROBLEM_USER_ACTION_REQUIRED || place == NULL)
        return;
    text_escape(&shown, str_of(place), 300);
    err_wrap(err, "a person must visit %s", buf_cstr(&shown));
}

struct verdict verdict_of_answer(const struct order *order, const struct acme_answer *answer,
                                 const char *what)
{
    struct err err;
    if (answer->status == 0)
        return verdict_of_loss(answer, what);
    if (answer->problem == NULL)
        return verdict_fail(ERR_BROKEN, "%s: the CA broke the protocol: status %d, and %s", what,
                            answer->status,
                            answer->tree == NULL ? "no JSON" : "not what was asked for");
    if (answer->problem->type == PROBLEM_ACCOUNT_DOES_NOT_EXIST)
        return verdict_of_lost_account(order, answer->problem, what);
    acme_problem_err(answer->problem, what, answer->retry_at_ms, &err);
    err_name_the_place(&err, answer);
    return verdict_of_err(&err);
}

bool answer_is_absent(const struct acme_answer *answer)
{
    return answer->status == 404 || answer->status == 410;
}

struct verdict verdict_forgotten(const struct acme_answer *answer, const char *what)
{
    return verdict_fail(ERR_AGAIN, "%s: %d: the CA forgot the order; a new one will be placed",
                        what, answer->status);
}

bool answer_is_object(const struct acme_answer *answer)
{
    return (answer->status == 200 || answer->status == 201) && answer->problem == NULL &&
           json_is(answer->tree, JSON_OBJECT);
}

struct acme_ask *ask_new(const struct acme_world *world, size_t n)
{
    return arena_alloc(world->arena, n * sizeof(struct acme_ask));
}

void ask_read(struct acme_ask *ask, const struct acme_world *world, const char *what,
              const char *url, int slot)
{
    *ask = (struct acme_ask){.method = ACME_POST_AS_GET,
                             .signer = ACME_SIGN_KID,
                             .what = what,
                             .url = arena_strdup(world->arena, url),
                             .slot = slot};
}

void ask_post(struct acme_ask *ask, const struct acme_world *world, const char *what,
              const char *url, int slot, struct json *payload)
{
    AUTO(buf_fini)
    struct buf text = BUF(JSON_SIZE_MAX);
    json_format(payload, &text, false);
    json_free(payload);
    *ask = (struct acme_ask){
        .method = ACME_POST,
        .signer = ACME_SIGN_KID,
        .what = what,
        .url = arena_strdup(world->arena, url),
        .payload = str_mem(arena_strndup(world->arena, buf_cstr(&text), text.len), text.len),
        .slot = slot};
}

struct verdict verdict_ask_order(const struct order *order, const struct acme_world *world)
{
    if (order->url == NULL)
        return verdict_fail(ERR_BUG, "order: step %s without the URL of the order",
                            order_step_name(order->step));
    struct acme_ask *ask = ask_new(world, 1);
    ask_read(ask, world, "order", order->url, 0);
    return verdict_ask(ask, 1);
}
