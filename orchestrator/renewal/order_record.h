/*
 * An order as a row: what the driver knows of it, loaded and saved whole.
 */
#ifndef RENEWAL_ORDER_RECORD_H
#define RENEWAL_ORDER_RECORD_H

#include "acme/order.h"
#include "inventory/house.h"

struct order_record {
    struct order *order;
    char *
        guilty; /* what the last answer said of single names (guilt.h); not stored; NULL: nothing */
    char *fallback;          /* why the order is not at the first CA of its set; NULL: it is */
    char *why, *want, *lane; /* lane "": the set has one kind of key */
    enum key_kind key_kind;
    int64_t account_id, key_id;  /* 0: none yet; key_id stays 0 for a key that lives elsewhere */
    int64_t replaces_account_id; /* of the certificate that order->replaces names; 0: not known */
    int64_t n_tries, next_at_ms;
    int64_t fencing;        /* of the set lease this run took */
    int64_t certificate_id; /* of the certificate this order brought; 0: none yet */
    /* newOrder, not stored: it was sent before; perhaps the CA took it, for no answer came; it did, and the ledger knows */
    bool new_was_sent, new_is_in_doubt, is_placed;
    struct err failure;   /* the last one; kind NONE when none */
    size_t n_authz_saved; /* authz rows are written only when something changed */
    uint64_t authz_print; /* cheap print of what the rows hold */
};

/* A new open order at step KEY: the row is written and the order gets its id. Inside a transaction. The order becomes the record's, also on failure. */
bool order_record_create(struct house *house, struct order *take_order, const char *why,
                         const char *want, const char *lane, enum key_kind kind, int64_t fencing,
                         struct order_record **ret, struct err *err);
/* The row and its authorizations as they were left. ABSENT, STORE. */
bool order_record_load(struct house *house, int64_t id, struct order_record **ret, struct err *err);
/* Inside a transaction. */
bool order_record_save(struct house *house, struct order_record *record, struct err *err);
/* Why the order is not at the first CA of its set. Inside a transaction. */
bool order_record_set_fallback(struct house *house, struct order_record *record, const char *why,
                               struct err *err);
/* outcome: "issued", "failed", or "left" for another CA. Inside a transaction. */
bool order_record_end(struct house *house, struct order_record *record, const char *outcome,
                      struct err *err);
void order_record_free(struct order_record *record);

#endif
