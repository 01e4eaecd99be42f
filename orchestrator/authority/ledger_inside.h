/*
 * The inside of the ledger, for its files only:
 *
 *   ledger.c           looking, reserving
 *   ledger_settle.c    settling, and what is counted without an order
 *   ledger_account.c   registrations
 *   ledger_learn.c     what a CA says when it refuses
 *   ledger_subject.c   which buckets an order draws on
 */
#ifndef AUTHORITY_LEDGER_INSIDE_H
#define AUTHORITY_LEDGER_INSIDE_H

#include "authority/ledger.h"

enum { LEDGER_HOST_MAX = 256 };
/* What a CA takes our address for: the name of this host. */
void ledger_host(char out[LEDGER_HOST_MAX]);

struct ledger_bucket { /* texts owned */
    enum ca_limit limit;
    char *subject, *label;     /* label "": the subject says it */
    bool is_checked, is_spent; /* for the order in question */
    /* as the store has it */
    int64_t full_at_ms, issued_at_ms;
    int64_t n_reserved;
    bool is_guess; /* it was closed by a refusal that did not say for which limit */
};
void ledger_bucket_fini(struct ledger_bucket *bucket);
/* Of other things than orders. label may be NULL. */
void ledger_bucket_init(struct ledger_bucket *ret, enum ca_limit limit, const char *subject,
                        const char *label);

/* The exact set of names, in any order. */
void ledger_set_bucket(const struct ledger_ask *ask, struct ledger_bucket *ret);
/* Its registered domains (addresses: IPv4 /32, IPv6 /64), each once; at most n_names. How many. */
size_t ledger_domain_buckets(struct house *house, const struct ledger_ask *ask,
                             struct ledger_bucket *ret);
/* "" is an account like any other. Fresh text. */
char *ledger_failing_subject(const char *account, const char *identifier);

/* The instant by which the ledger counts. */
bool ledger_now(struct house *house, int64_t *ret_now_ms, struct err *err);
struct gcra ledger_gcra(const struct ca_rate *rate);
/* Reads its row. */
bool ledger_bucket_load(struct house *house, const char *directory, const struct ca_rate *rate,
                        int64_t now_ms, struct ledger_bucket *b, struct err *err);
/* One more of what is no new order: n_before units are spoken for already. Of several refusals the latest is the answer. */
void ledger_bucket_judge(const struct ledger_bucket *b, const struct ca_rate *rate,
                         int64_t n_before, int64_t now_ms, struct ledger_answer *answer);

#endif
