#include "acme/order_inner.h"

enum {
    POLL_LEAST_MS = 250,
    POLL_MOST_MS = 10000,
    POLL_FIRST_MS = 50,
    POLL_LONG_MS = 10 * 60 * 1000
};
enum { REASONS_LEN_MAX = 640, REASON_LEN_MIN = 60 };

/* The earliest instant at which the answer is likely to be of use. */
static int64_t poll_first_at_ms(const struct order *order, const struct acme_world *world)
{
    int64_t wait_ms = world->poll_first_ms > 0 ? world->poll_first_ms : POLL_FIRST_MS;
    int64_t most_ms = order_patience_ms(order) / 4;
    return order->step_at_ms + (wait_ms < most_ms ? wait_ms : most_ms);
}

struct verdict order_poll_ask(struct order *order, const struct acme_world *world)
{
    int64_t first_at_ms = poll_first_at_ms(order, world);
    /* A step that begins in the future saw the clock set back: there is nothing to wait for. */
    if (order->n_polls == 0 && world->now_ms < first_at_ms && world->now_ms >= order->step_at_ms)
        return verdict_sleep(first_at_ms);
    order->n_polls++;
    return verdict_ask_order(order, world);
}

/* An order past its time is the CA's to end; an hour of grace covers clocks that differ. */
static bool patience_is_over(const struct order *order, const struct acme_world *world)
{
    bool has_expired = order->expires_at_ms > 0 && world->now_ms - MS_HOUR >= order->expires_at_ms;
    return has_expired || world->now_ms - order->step_at_ms >= order_patience_ms(order);
}

/* One garbled answer must not cost an order that may hold a certificate already. */
static struct verdict poll_failed(const struct order *order, const struct acme_world *world,
                                  struct verdict verdict)
{
    if (verdict.err.kind == ERR_BROKEN && !patience_is_over(order, world))
        verdict.kind = VERDICT_AGAIN;
    return verdict;
}

bool order_poll_hear(struct order *order, const struct acme_world *world,
                     const struct acme_answer *answer, struct order_object *ret,
                     struct verdict *otherwise)
{
    struct err err;
    if (answer_is_absent(answer)) {
        *otherwise = verdict_forgotten(answer, "order");
        return false;
    }
    if (!answer_is_object(answer)) {
        *otherwise = poll_failed(order, world, verdict_of_answer(order, answer, "order"));
        return false;
    }
    if (order_object_read(order, world, answer->tree, ret, &err))
        return true;
    *otherwise = poll_failed(order, world, verdict_of_err(&err));
    return false;
}

/* What takes minutes may take hours: an eighth of what was waited already, up to ten minutes, and no run stays for it. */
static int64_t poll_most_ms(const struct order *order, const struct acme_world *world)
{
    int64_t most_ms = (world->now_ms - order->step_at_ms) / 8;
    if (most_ms < POLL_MOST_MS)
        return POLL_MOST_MS;
    return most_ms < POLL_LONG_MS ? most_ms : POLL_LONG_MS;
}

/* 250 ms, then 1.6 times as long each time, up to 10 s and more. A Retry-After that does not lie in the
 * future is no reason to ask without pause. */
static int64_t poll_next_at_ms(const struct order *order, const struct acme_world *world,
                               int64_t retry_at_ms)
{
    int64_t wait_ms = POLL_LEAST_MS, most_ms = poll_most_ms(order, world);
    for (int i = 1; i < order->n_polls && wait_ms < most_ms; i++)
        wait_ms = wait_ms * 8 / 5;
    if (retry_at_ms >= world->now_ms + POLL_LEAST_MS)
        return retry_at_ms;
    /* The last look is at the end of the patience, not minutes later. */
    int64_t next_at_ms = world->now_ms + (wait_ms < most_ms ? wait_ms : most_ms);
    int64_t end_at_ms = order->step_at_ms + order_patience_ms(order);
    bool is_beyond = next_at_ms > end_at_ms && end_at_ms >= world->now_ms + POLL_LEAST_MS;
    return is_beyond ? end_at_ms : next_at_ms;
}

struct verdict order_poll_again(const struct order *order, const struct acme_world *world,
                                const struct acme_answer *answer, const char *done_what)
{
    char waited[TIME_TEXT_MAX];
    if (!patience_is_over(order, world))
        return verdict_sleep(poll_next_at_ms(order, world, answer->retry_at_ms));
    duration_format(world->now_ms - order->step_at_ms, waited);
    struct verdict verdict =
        verdict_fail(ERR_AGAIN, "order: the CA has not %s within %s", done_what, waited);
    err_judge(&verdict.err, CLASS_LATER, FAULT_CA, NULL);
    return verdict;
}

/* The type stands in front of what was kept, see reason_keep. */
static const char *advice_of(const char *failure)
{
    AUTO(mem_fini)
    char *name = mem_strndup(failure, str_find_char(str_of(failure), ':'));
    enum problem_type type = problem_type_find(name);
    return type != PROBLEM_OTHER ? problem_advice(type) : NULL;
}

/* The text is escaped already; it only loses its end, between two characters. */
static void text_add_cut(struct buf *out, struct str text, size_t max)
{
    if (text.len <= max) {
        buf_add_str(out, text);
        return;
    }
    while (max > 0 && ((unsigned char)text.p[max] & 0xc0) == 0x80)
        max--;
    buf_add(out, text.p, max);
    buf_add_cstr(out, "...");
}

/* Every name has its share of the line. */
static const char *reasons_format(const struct order *order, struct buf *out)
{
    size_t n = 0;
    const char *advice = NULL;
    for (size_t i = 0; i < order->n_authz; i++)
        n += order->authz[i].failure != NULL ? 1 : 0;
    size_t share = n > 0 ? REASONS_LEN_MAX / n : 0;
    if (share < REASON_LEN_MIN)
        share = REASON_LEN_MIN;
    for (size_t i = 0; i < order->n_authz; i++) {
        const struct authz *authz = &order->authz[i];
        if (authz->failure == NULL)
            continue;
        buf_add_cstr(out, out->len > 0 ? "; " : "");
        authz_name(authz, out);
        buf_add_cstr(out, ": ");
        text_add_cut(out, str_of(authz->failure), share);
        if (advice == NULL)
            advice = advice_of(authz->failure);
    }
    return advice;
}

struct verdict verdict_invalid(const struct order *order)
{
    AUTO(buf_fini)
    struct buf text = BUF(256 * 1024);
    enum err_kind kind = order->failure_kind != ERR_NONE ? order->failure_kind : ERR_REFUSED;
    const char *advice = reasons_format(order, &text);
    if (text.len == 0 && order->failure != NULL)
        buf_add_cstr(&text, order->failure);
    if (text.len == 0)
        buf_add_cstr(&text, "the CA does not say why");
    struct verdict verdict =
        verdict_fail(kind, "the CA made the order invalid: %s%s%s", buf_cstr(&text),
                     advice != NULL ? ". " : "", advice != NULL ? advice : "");
    enum problem_type type = problem_type_find(order->failure_problem);
    if (type != PROBLEM_OTHER)
        err_judge(&verdict.err, problem_class(type), problem_fault(type), problem_advice(type));
    return verdict;
}
