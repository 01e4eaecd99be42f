/*
 * Accounts (RFC 8555 7.3): register or find one, agree to terms, change its key, leave.
 *
 *   NEW   -> newAccount (200: it exists already, 201: made); the URL is the Location, octet for octet
 *   FIND  -> newAccount with onlyReturnExisting, for a key that may have an account (after a crash, an import)
 *   ROLL  -> keyChange: the old key signs outside, the new one inside
 *
 * Asking twice is harmless: the key names the account.
 */
#ifndef ACME_ACCOUNT_H
#define ACME_ACCOUNT_H

#include "acme/directory.h"
#include "crypto/key.h"

struct acme_account_wish {
    const char *const *contact;   /* "mailto:ops@example.com"; NULL-terminated, may be NULL */
    bool agree_terms;             /* the operator agreed in the configuration */
    bool is_bound;                /* it exists: a binding was used up when it was registered */
    const char *eab_kid;          /* NULL: none */
    const struct secret *eab_key; /* decoded MAC key */
    const char *eab_algorithm;    /* "HS256" when NULL */
};
/* Refuses (CONFIG) before asking: terms exist and were not agreed to (text holds their URL), EAB required and missing. */
bool acme_account_ask_new(const struct acme_directory *directory, const struct key *key,
                          const struct acme_account_wish *wish, struct arena *arena,
                          struct acme_ask *ret_ask, struct err *err);
void acme_account_ask_find(const struct acme_directory *directory, struct arena *arena,
                           struct acme_ask *ret_ask);
void acme_account_ask_deactivate(const char *account_url, struct arena *arena,
                                 struct acme_ask *ret_ask);
/* contact: an empty list says that nobody is to be written to; NULL leaves it as it is. The terms are agreed to when agree_terms (RFC 8555
 * 7.1.2 lets a CA ignore that). */
void acme_account_ask_update(const char *account_url, const char *const *contact, bool agree_terms,
                             struct arena *arena, struct acme_ask *ret_ask);
/* Key rollover (RFC 8555 7.3.5); the ask is signed by the old key. REFUSED when the CA offers none. */
bool acme_account_ask_key_change(const struct acme_directory *directory, const char *account_url,
                                 const struct key *old_key, const struct key *new_key,
                                 struct arena *arena, struct acme_ask *ret_ask, struct err *err);

struct acme_account_facts { /* in the arena */
    const char *url;        /* Location */
    const char *status;     /* valid, deactivated, revoked */
    const char *orders_url; /* or NULL */
    const char *contact;    /* what the CA writes to, a JSON list; "[]" when it does not say */
    bool was_new;
};
/* Kinds as the problem says; ABSENT for accountDoesNotExist; DENIED when the account is deactivated or revoked. */
bool acme_account_hear(const struct acme_answer *answer, const struct acme_directory *directory,
                       struct arena *arena, struct acme_account_facts *ret_facts, struct err *err);

/* The new key is the account's. REFUSED: it is another account's already (409; the text names that). */
bool acme_account_hear_key_change(const struct acme_answer *answer, struct err *err);

/* The answer to ask_update and ask_deactivate, which carries no Location: url is account_url again, and a deactivated
 * account is no error. */
bool acme_account_hear_change(const struct acme_answer *answer, const char *account_url,
                              const struct acme_directory *directory, struct arena *arena,
                              struct acme_account_facts *ret_facts, struct err *err);

/* Revocation (RFC 8555 7.6): signed by the account (KID) or by the certificate's own key (JWK). reason -1: none.
 * alreadyRevoked is success. */
void acme_revoke_ask(const struct acme_directory *directory, struct str cert_der, int reason,
                     bool by_certificate_key, struct arena *arena, struct acme_ask *ret_ask);
bool acme_revoke_hear(const struct acme_answer *answer, struct err *err);

#endif
