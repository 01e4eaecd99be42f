/*
 * How all stands, for /v1/status and /metrics: one walk over the sets that a pass is for, and what is counted beside it.
 */
#ifndef CMD_HTTP_OVERVIEW_H
#define CMD_HTTP_OVERVIEW_H

#include "authority/lease.h"
#include "cmd/status.h"
#include "inventory/config_http.h"

struct overview {
    int64_t n_sets, n_in_state[SET_STATE_N], n_certificates, n_due, n_failing, n_failures;
    int64_t n_targets, n_delivered, n_endpoints, n_match;
    int64_t earliest_expiry_at_ms; /* of a current certificate; 0: there is none */
    int64_t n_orders, n_requests, n_txt, n_txt_left, txt_oldest_at_ms;
    struct lease_holder leader;
    bool has_leader;
};
/* pass NULL: all sets. A set is seen only when all of its names are the pass's. set: that one, or NULL. Inside a transaction. ABSENT is no error: then
 * nothing is visited. visit may be NULL. */
bool overview_read(struct house *house, const struct http_pass *pass, const char *set,
                   status_visit *visit, void *arg, struct overview *ret, struct err *err);
void overview_fini(struct overview *overview);

#endif
