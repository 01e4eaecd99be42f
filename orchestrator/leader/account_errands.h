/*
 * What a person does with an account at a CA, by hand.
 *
 * Each takes the lead for itself (HELD: another process leads) and may be repeated: done is done.
 *
 *   register     registers or finds the account; ends a hold, and is the only way to another one after a deactivation
 *   update       sends the contacts of the configuration, agrees to new terms
 *   roll         another key for the same account (RFC 8555 7.3.5). The new key is durable before the CA hears of it; whatever cuts the
 *                conversation off, the next use of the account - this command, or any run of `renew` - asks the CA which of the two keys it
 *                knows, and goes on with that one
 *   deactivate   leaves, for good
 *   import       goes on with an account that another program registered, by its key
 */
#ifndef LEADER_ACCOUNT_ERRANDS_H
#define LEADER_ACCOUNT_ERRANDS_H

#include "crypto/key.h"
#include "inventory/house.h"

/* The URL is the caller's to free. A key that has to be made is of this kind. */
bool leader_account_register(struct house *house, const char *authority, enum key_kind kind,
                             char **ret_url, struct err *err);

/* Nothing is asked when there is nothing to tell (*ret_sent false). ABSENT: there is no account. */
bool leader_account_update(struct house *house, const char *authority, bool agree_terms,
                           bool *ret_sent, struct err *err);

struct account_rolling {
    enum key_kind kind; /* KEY_KIND_N: as the present one */
    bool forced;        /* though orders are open: what they have published names the old key */
};
/* *ret_settled: an earlier rollover was finished instead of beginning another one. REFUSED: the CA offers none, refuses the key, or orders are
 * open; the account keeps its key. */
bool leader_account_roll(struct house *house, const char *authority,
                         const struct account_rolling *rolling, bool *ret_settled, struct err *err);

/* ABSENT: there is none. One that is deactivated already is no error. */
bool leader_account_deactivate(struct house *house, const char *authority, struct err *err);

/* ABSENT: the CA knows no account of this key. REFUSED: it is a certificate's key; or an account is in use here, and replace was not said. */
bool leader_account_import(struct house *house, const char *authority, const struct key *key,
                           bool replace, char **ret_url, struct err *err);

/* The key of the account in use: no request, no lead. ABSENT: there is none. */
bool leader_account_key(struct house *house, const char *authority, struct key **ret_key,
                        struct err *err);

#endif
