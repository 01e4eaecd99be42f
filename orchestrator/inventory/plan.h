/*
 * The plan: wanted against held. What `renew` would do now, and why - also what it will do later.
 */
#ifndef INVENTORY_PLAN_H
#define INVENTORY_PLAN_H

#include "inventory/held.h"
#include "inventory/register.h"

#define PLAN_ACTIONS(X)                                                                            \
    X(NONE, "none")         /* nothing to do before at_ms */                                       \
    X(ISSUE, "issue")       /* no certificate yet */                                               \
    X(RENEW, "renew")       /* there is one, another is needed */                                  \
    X(CONTINUE, "continue") /* an order is open */                                                 \
    X(RETRY, "retry")       /* failed before; waits until at_ms */                                 \
    X(HELD, "held")     /* failed for what only a person can mend; at_ms: its CA is looked at */   \
    X(BROKEN, "broken") /* its file cannot be used */
enum plan_action {
#define X(action, name) PLAN_##action,
    PLAN_ACTIONS(X)
#undef X
        PLAN_ACTION_N
};
const char *plan_action_name(enum plan_action action);

struct plan_line { /* texts owned */
    char *set;
    char
        *lane; /* of the set's several kinds of keys the one this is about; NULL: it has just one */
    enum plan_action action;
    char *
        why; /* "names changed: + www.example.com", "2/3 of its life is over", "key type changed", "forced" ... */
    char *due_rule;    /* what the certificate's time goes by: life, ari; NULL: there is none */
    char *explanation; /* where the CA says why, or NULL */
    int64_t at_ms;     /* when it is or was due */
    bool is_now;       /* to be done in this run */
};
void plan_line_fini(struct plan_line *line);
/* The judgement for one set: pure in its arguments. certificate may be NULL. */
void plan_judge(const struct set_config *set, const struct set_row *row,
                const struct certificate *certificate, bool has_open_order, int64_t now_ms,
                struct plan_line *ret);
/* What of the configuration a certificate does not fulfil: "names changed: +www.example.com -old.example.com". False: nothing. A certificate
 * of any CA that the set lists is fine, so adding one to fall back to reissues nothing. */
bool plan_drift(const struct set_config *set, const struct certificate *certificate,
                struct buf *out);
/* ---- several kinds of keys: a lane each ---- */

/* Of a unit (held.h): the certificate of a lane; the newest, which stands for all of it. NULL: none. */
const struct certificate *unit_lane(struct certificate *const *unit, size_t n, const char *lane);
const struct certificate *unit_newest(struct certificate *const *unit, size_t n);
/* The judgement for a set, whatever number of lanes it has: the most urgent lane speaks for it. */
void plan_judge_unit(const struct set_config *set, const struct set_row *row,
                     struct certificate *const *unit, size_t n_unit, bool has_open_order,
                     int64_t now_ms, struct plan_line *ret);
/* As plan_drift, by the kind of key of the certificate's own lane. */
bool plan_lane_drift(const struct set_config *set, const struct certificate *certificate,
                     struct buf *out);
/* Whether lane i of the set needs a certificate now; c: what it has, or NULL. */
bool plan_lane_is_due(const struct set_config *set, size_t lane, const struct certificate *c,
                      int64_t now_ms);
/* Its due instant is at most a tenth of its life away: it is renewed together with another lane. */
bool lane_is_in_step(const struct certificate *c, int64_t now_ms);
/* Which lane to go on with, leaving out those in `but` (1 << index), whatever retry time the set has. action NONE or set NULL: none. Kind STORE. */
bool plan_next_lane(struct house *house, const struct set_config *set, unsigned but,
                    struct plan_line *ret, struct err *err);

/* All sets that are due now, or every set by name when all. Most urgent first: expired or revoked, then the least fraction of life left; a set
 * without a certificate queues as if a tenth were left, so that a large import cannot let a served certificate expire. */
typedef bool plan_visit(void *arg, const struct plan_line *line);
bool plan_each(struct house *house, bool all, plan_visit *visit, void *arg, struct err *err);
/* Those that became due from from_ms on. */
bool plan_each_due(struct house *house, int64_t from_ms, plan_visit *visit, void *arg,
                   struct err *err);
/* One set, due or not; no call when there is none of that name, or its file was removed. */
bool plan_set(struct house *house, const char *set, plan_visit *visit, void *arg, struct err *err);

#endif
