/*
 * Accounts as rows: one in use for each (directory, EAB key id).
 *
 *     new -> valid            its key is durable before newAccount names it
 *     valid -> deactivated    by us or by another, for good
 *     valid -> lost           the CA does not know it any more
 *     valid -> left           another account took its place here; at the CA it lives on
 *
 * Two keys may stand in a row. While next_key is "pending" the CA may know the account by either; "spare" is the one that it did not know
 * when it was last asked: a request that was believed lost may still have come to it. No key of an account is ever thrown away.
 */
#ifndef AUTHORITY_ACCOUNT_ROW_H
#define AUTHORITY_ACCOUNT_ROW_H

#include "acme/account.h"
#include "inventory/house.h"

struct account_row {             /* texts owned */
    int64_t id;                  /* 0: there is none */
    int64_t key_id, next_key_id; /* next 0: none */
    bool next_is_pending, is_valid;
    char *url, *status, *eab_kid, *eab_from, *contact, *terms; /* contact: a JSON list */
};
void account_row_fini(struct account_row *row);

/* Each gives id 0 when there is none. Kind STORE. */
bool account_row_find(struct house *house, const char *directory, const char *eab_kid,
                      struct account_row *ret, struct err *err);
/* The one whose key id was read from there. */
bool account_row_find_bound(struct house *house, const char *directory, const char *eab_from,
                            struct account_row *ret, struct err *err);
/* The one before, not in use any more. */
bool account_row_find_ended(struct house *house, const char *directory, const char *eab_kid,
                            const char *eab_from, struct account_row *ret, struct err *err);

struct account_birth {
    const char *directory, *eab_kid, *eab_from;
    char *const *contact; /* NULL-terminated or NULL */
    const struct key *key;
};
/* Inside a transaction: key (sealed) and row, status new. */
bool account_row_make(struct house *house, const struct account_birth *birth, int64_t *ret_id,
                      int64_t *ret_key_id, struct err *err);
/* Inside a transaction. The CA named the account, and was told these contacts. */
bool account_row_valid(struct house *house, int64_t id, const struct acme_account_facts *facts,
                       const char *terms, const char *contact, struct err *err);
/* status: deactivated, lost, left. */
bool account_row_end(struct house *house, int64_t id, const char *status, const char *why,
                     struct err *err);

/* ["mailto:a@b", ...] as it is stored; the caller frees. */
char *contact_format(char *const *contact);

#endif
