/*
 * How every set stands: one walk over the store, with deliveries and endpoints read beside it in the same order.
 *
 * Nothing of a certificate but its dates is read, so 100,000 sets cost a second, not a gigabyte. All of it is one consistent view.
 */
#ifndef CMD_STATUS_H
#define CMD_STATUS_H

#include "cmd/output.h"

#include "monitoring/monitoring.h"

/* state, name, ink; from good to bad. From UNDELIVERED on a person should look. */
#define SET_STATES(X)                                                                              \
    X(FINE, "fine", INK_GOOD)                                                                      \
    X(NEW, "new", INK_WARN)                                                                        \
    X(DUE, "due", INK_WARN)                                                                        \
    X(ORDERING, "ordering", INK_WARN)                                                              \
    X(UNDELIVERED, "undelivered", INK_BAD)                                                         \
    X(UNSERVED, "unserved", INK_BAD)                                                               \
    X(FAILED, "failed", INK_BAD)                                                                   \
    X(HELD, "held", INK_BAD)                                                                       \
    X(BROKEN, "broken", INK_BAD)                                                                   \
    X(REVOKED, "revoked", INK_BAD)                                                                 \
    X(EXPIRED, "expired", INK_BAD)
enum set_state {
#define X(state, name, ink) SET_IS_##state,
    SET_STATES(X)
#undef X
        SET_STATE_N
};
const char *set_state_name(enum set_state state);
enum ink set_state_ink(enum set_state state);

struct set_view {                                 /* texts are borrowed for the visit */
    const char *fallback;                         /* why the certificate is not of the first CA */
    const char *order_authority, *order_fallback; /* of the open order */
    const char *hold;   /* what a person must do before it is tried again */
    const char *guilty; /* names at fault, JSON */
    const char *name, *fault, *failure, *why, *authority, *key_kind, *step, *order_failure;
    int64_t n_failures, next_at_ms; /* INT64_MAX: none */
    int64_t certificate_id, version, not_before_at_ms, not_after_at_ms, due_at_ms,
        revoked_at_ms;                      /* id 0: no certificate */
    const char *due_rule, *ari_explanation; /* life, ari */
    int64_t ari_start_at_ms, ari_end_at_ms; /* 0: none */
    int64_t order_id;                       /* open; 0: none */
    size_t n_targets, n_delivered, n_endpoints, n_match, n_unknown;
    int64_t deliver_at_ms, verify_at_ms; /* 0: none */
    enum endpoint_verdict worst;
    char delivery[512], serving[512]; /* the first delivery that lacks, the worst endpoint */
    enum set_state state;
};
/* 0 to 100; 0 when expired. */
int set_view_life_left(const struct set_view *view, int64_t now_ms);
/* What a person must know, perhaps of several lines; NULL when nothing. */
const char *set_view_trouble(const struct set_view *view);
/* What happens next, and when (0: now, or nothing by itself). */
const char *set_view_next(const struct set_view *view, int64_t *ret_at_ms);

/* As `status --json` and /v1/status show it. */
struct json *set_view_json(const struct set_view *view, int64_t now_ms);

typedef void status_visit(void *arg, const struct set_view *view);
/* In name order, or in that of the words; words NULL: all sets. Inside a transaction of its own unless one is open. Kind STORE. */
bool status_each(struct house *house, const char *const *words, status_visit *visit, void *arg,
                 struct err *err);

#endif
