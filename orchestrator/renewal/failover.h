/*
 * Several CAs: which of those a set lists gets its order, and when an order is left for the next.
 *
 *   a new order     the first CA of the list that answers (breaker.h) and is not so long without quota that a certificate would end
 *   an open order   is left for the next CA only for a fault on its own CA's side - no connection, silence, 5xx, nonsense, or a limit whose
 *                   end would come too late - and never once its certificate may have been asked for: that CA has its patience first
 *   the next order  asks the list from its beginning: the way back needs no rule of its own
 *
 * What is wrong with us, with the DNS or for want of a person is wrong at every CA: nothing is left for that. The driver says that it would
 * leave (JOB_LEAVES); renewal, inside the turn's transaction, ends the order and queues another, or finds no other CA and sends the job
 * back. One decision has one open order at any time, so it brings one certificate at most.
 */
#ifndef RENEWAL_FAILOVER_H
#define RENEWAL_FAILOVER_H

#include "renewal/driver.h"
#include "renewal/quota.h"
#include "renewal/renewal_inside.h"

/* What a wait may reach without endangering what is served: a tenth of the life of the certificate before its end; without one
 * that can be served, an hour from now. */
bool failover_bearable_until(struct house *house, const char *set, int64_t *ret_at_ms,
                             struct err *err);

enum ca_choice_kind {
    CHOICE_TAKE,      /* ca gets the order */
    CHOICE_HOLD_BACK, /* the CA that comes first is being tried by another job: it will soon be known */
    CHOICE_PUT_OFF /* none can be asked before until_ms */
};
struct ca_choice {
    enum ca_choice_kind kind;
    struct ca *ca;
    int64_t until_ms;
    bool is_quota; /* put off for want of quota: */
    struct ledger_answer refusal;
    bool is_forced; /* by hand: who is left alone is asked all the same */
};
/* From the authority `first` of the set on. takes: the ledger has reserved what an order at the chosen one may spend. reasons: is added why those before the chosen one were passed over. Kinds: what hinders us from
 * asking the first at all (CONFIG, DENIED, STORE). */
bool failover_choose(struct renewal *renewal, const struct set_config *set, size_t first,
                     const struct quota_wish *wish, bool takes, int64_t bearable_until_ms,
                     struct buf *reasons, struct ca_choice *ret, struct err *err);

/* Before the first request of a job: where it may go, and how long it may wait. */
bool failover_equip(struct renewal *renewal, const struct set_config *set, struct job *job,
                    struct err *err);
/* A job that would leave (JOB_LEAVES): ends its order and queues another at the next CA, or sends the job back; then *ret_left is false. */
bool failover_leave(struct renewal *renewal, struct job *job, bool *ret_left, struct err *err);
/* The order has failed and is over: another is queued at the next CA if the fault was its CA's. */
bool failover_replace(struct renewal *renewal, const struct job *job, bool *ret_replaced,
                      struct err *err);
/* An open order of an earlier run whose CA is left alone: left for another, if it may be. */
bool failover_leave_record(struct renewal *renewal, const struct set_config *set,
                           struct order_record *record, const struct ca *ca, bool *ret_left,
                           struct err *err);

#endif
