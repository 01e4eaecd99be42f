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
    X(BROKEN, "broken")     /* its file cannot be used */
enum plan_action {
#define X(action, name) PLAN_##action,
    PLAN_ACTIONS(X)
#undef X
        PLAN_ACTION_N
};
const char *plan_action_name(enum plan_action action);

struct plan_line { /* texts owned */
    char *set;
    enum plan_action action;
    char *
        why; /* "names changed: + www.example.com", "2/3 of its life is over", "key type changed", "forced" ... */
    int64_t at_ms; /* when it is or was due */
    bool is_now;   /* to be done in this run */
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
/* All sets that are due now, or every set by name when all. Most urgent first: expired or revoked, then the least fraction of life left; a set
 * without a certificate queues as if a tenth were left, so that a large import cannot let a served certificate expire. */
typedef bool plan_visit(void *arg, const struct plan_line *line);
bool plan_each(struct house *house, bool all, plan_visit *visit, void *arg, struct err *err);

#endif
