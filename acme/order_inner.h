/*
 * What the step functions share: verdicts, what a CA says of an order and of an authorization. Not for other folders.
 */
#ifndef ACME_ORDER_INNER_H
#define ACME_ORDER_INNER_H

#include "acme/order.h"

/* One function a step; answer NULL: ask, else hear. */
#define X(step, name, patience_s, purpose, replay)                                                 \
    struct verdict order_step_##step(struct order *order, const struct acme_world *world,          \
                                     const struct acme_answer *answer);
#include "acme/order_steps.def"
#undef X

/* Verdicts. go CHECKs the table. */
struct verdict verdict_go(const struct order *order, enum order_step next);
struct verdict verdict_sleep(int64_t until_ms);
struct verdict verdict_ask(const struct acme_ask *asks, size_t n);
struct verdict verdict_wait(void);
struct verdict verdict_fail(enum err_kind kind, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));
struct verdict verdict_again(enum err_kind kind, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));
/* AGAIN or FAIL with this error, by its kind; THROTTLED keeps its time. */
struct verdict verdict_of_err(const struct err *err);
/* The verdict of an answer that is no success: lost, a problem, or an unexpected status. */
struct verdict verdict_of_answer(const struct order *order, const struct acme_answer *answer,
                                 const char *what);
/* Did the CA say that a thing it named itself does not exist? Then it was wiped: FAIL with kind AGAIN, for a new order will do. */
bool answer_is_absent(const struct acme_answer *answer);
struct verdict verdict_forgotten(const struct acme_answer *answer, const char *what);
/* Was it heard, without problem, with a status of 200 or 201 and a JSON object? */
bool answer_is_object(const struct acme_answer *answer);

/* Asks in the arena. */
struct acme_ask *ask_new(const struct acme_world *world, size_t n);
void ask_read(struct acme_ask *ask, const struct acme_world *world, const char *what,
              const char *url, int slot);
/* payload is taken and released. */
void ask_post(struct acme_ask *ask, const struct acme_world *world, const char *what,
              const char *url, int slot, struct json *payload);
struct verdict verdict_ask_order(const struct order *order, const struct acme_world *world);

/* Order objects (RFC 8555 7.1.3). */
enum order_status {
    ORDER_STATUS_PENDING,
    ORDER_STATUS_READY,
    ORDER_STATUS_PROCESSING,
    ORDER_STATUS_VALID,
    ORDER_STATUS_INVALID,
};
struct order_object {
    enum order_status status;
    const struct acme_problem *error; /* in the arena; NULL when absent */
};
/* Takes over what may change in the life of an order: expires, finalize, certificate. BROKEN for an unknown status and for URLs
 * that may not be asked; then the order is as it was. */
bool order_object_read(struct order *order, const struct acme_world *world, const struct json *tree,
                       struct order_object *ret, struct err *err);
/* The authorization list: fills order->authz, all UNREAD. BROKEN. */
bool order_authz_list_read(struct order *order, const struct acme_world *world,
                           const struct json *tree, struct err *err);
/* Are the identifiers of the object exactly order->names, in any order? BROKEN. */
bool order_identifiers_check(const struct order *order, const struct json *tree, struct err *err);
/* The kind of an error that stands inside an order or a challenge: it is about names and their DNS, not about our account, and no
 * passing fault, because the same records would fail again. */
enum err_kind kind_of_name_fault(const struct acme_problem *error);
/* Keeps kind and type of the first fault that is heard of an invalid order. */
void order_keep_problem(struct order *order, const struct acme_problem *error);
/* Keeps an order's own error, and marks it invalid. */
void order_mark_invalid(struct order *order, const struct order_object *object);
/* FAIL with what was kept of it and of its authorizations. */
struct verdict verdict_invalid(const struct order *order);

/* Authorizations (RFC 8555 7.1.4). NULL when the slot is none of ours. */
struct authz *order_authz_at(struct order *order, int slot);
size_t order_authz_count(const struct order *order, enum authz_status status);
bool order_authz_any_out(const struct order *order);
/* Identifier, flag and status of an authorization object into *authz. BROKEN. */
bool authz_object_read(struct authz *authz, const struct json *tree, struct err *err);
/* The first error of a challenge, or NULL. */
const struct acme_problem *authz_object_error(const struct json *tree, struct arena *arena);
/* The challenge of order->challenge's kind out of an authorization object: url, and what its TXT record must hold. REFUSED when the CA
 * offers none, BROKEN. */
bool order_challenge_take(const struct order *order, const struct acme_world *world,
                          struct authz *authz, const struct json *tree, struct err *err);
/* "*.example.com" or "example.com" as people know it. */
void authz_name(const struct authz *authz, struct buf *out);

/* FETCH: a certificate that begins this much later than our clock says is none of the future. */
extern const int64_t fetch_clock_slack_ms;
/* The alternate chains that the answer with the main one (order->chain) offers. */
void order_alternates_take(struct order *order, const struct acme_world *world,
                           const struct acme_answer *answer);
/* All that are not over yet, slots 1 ...; GO when there is none. */
struct verdict order_alternates_ask(struct order *order, const struct acme_world *world);
struct verdict order_alternates_hear(struct order *order, const struct acme_world *world,
                                     const struct acme_answer *answer);

/* Polling, for VALIDATE and ISSUE: POST-as-GET of the order, the first one not before it is likely to help. */
struct verdict order_poll_ask(struct order *order, const struct acme_world *world);
/* True when the answer is an order object, read into ret; else otherwise is the verdict. */
bool order_poll_hear(struct order *order, const struct acme_world *world,
                     const struct acme_answer *answer, struct order_object *ret,
                     struct verdict *otherwise);
/* SLEEP until Retry-After or the schedule's next time; FAIL ("has not ... within") when patience or the order's time is over. */
struct verdict order_poll_again(const struct order *order, const struct acme_world *world,
                                const struct acme_answer *answer, const char *done_what);

#endif
