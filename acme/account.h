/*
 * Accounts (RFC 8555 7.3): register or find one, agree to terms, leave.
 *
 *   NEW   -> newAccount (200: it exists already, 201: made); the URL is the Location, octet for octet
 *   FIND  -> newAccount with onlyReturnExisting, for a key that may have an account (after a crash, an import)
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
void acme_account_ask_contact(const char *account_url, const char *const *contact,
                              struct arena *arena, struct acme_ask *ret_ask);

struct acme_account_facts { /* in the arena */
    const char *url;        /* Location */
    const char *status;     /* valid, deactivated, revoked */
    const char *orders_url; /* or NULL */
    bool was_new;
};
/* Kinds as the problem says; ABSENT for accountDoesNotExist; DENIED when the account is deactivated or revoked. */
bool acme_account_hear(const struct acme_answer *answer, const struct acme_directory *directory,
                       struct arena *arena, struct acme_account_facts *ret_facts, struct err *err);

/* The answer to ask_contact and ask_deactivate, which carries no Location: url is account_url again, and a deactivated
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
