/*
 * What is held: keys, certificates, accounts' keys - sealed - and which certificate of a set is current.
 */
#ifndef INVENTORY_HELD_H
#define INVENTORY_HELD_H

#include "crypto/cert.h"
#include "inventory/house.h"

/* Keys. Sealed with place "private_key/<spki>". Kinds STORE; REFUSED when the key was reported compromised, or is known for another purpose
 * (RFC 8555 11.1: the key of an account never is a certificate's). purpose: "leaf", "account". */
bool held_key_save(struct house *house, const struct key *key, const char *purpose, int64_t *ret_id,
                   struct err *err);
/* Also CONFIG for key 0: it lives elsewhere. */
bool held_key_load(struct house *house, int64_t key_id, struct key **ret_key, struct err *err);
/* REFUSED when the store has the key for another purpose. */
bool held_key_is_for(struct house *house, const char *spki, const char *purpose, struct err *err);
/* For the key of a certificate or an account: SPKI of a stored key without opening it. */
bool held_key_spki(struct house *house, int64_t key_id, char out[SPKI_HEX_MAX], struct err *err);

/* Was it ever revoked for keyCompromise? Such a key is never used again for anything new - not kept, not in a request, not for an account, not
 * imported -, wherever it lives. It still signs its own revocation. */
bool held_key_is_compromised(struct house *house, const char *spki, bool *ret, struct err *err);
/* Is it the key of an ACME account of ours? */
bool held_key_is_of_account(struct house *house, const char *spki, bool *ret, struct err *err);

struct certificate { /* a row; texts owned, released by certificate_free */
    int64_t id, version, account_id, order_id;
    int64_t
        key_id; /* 0: the key lives elsewhere, the certificate was made from a request (setting csr) */
    int64_t chain_id; /* the chain chosen, see held_chain.h; 0: the leaf stands alone */
    bool is_current;
    char *fallback; /* why it is not of the first CA of its set; NULL: it is */
    char *lane; /* "": the set has one kind of key; else the family of this one's: "ecdsa", "rsa" */
    char *set_name, *authority, *directory, *serial, *sha256, *spki, *ari_id, *key_kind, *profile,
        *issuer, *want, *url;
    char *chain_wish; /* by which it was chosen, or NULL */
    char **names;
    size_t n_names;
    struct buf chain_pem; /* leaf and chosen chain */
    int64_t not_before_at_ms, not_after_at_ms, issued_at_ms, due_at_ms;
    int64_t revoked_at_ms; /* 0: not revoked */
    int revoked_reason;
    int64_t revoke_asked_at_ms; /* somebody wants it revoked: since when; 0: nobody */
    int revoke_reason;
    bool revoke_by_key;
    bool revoke_now;                        /* without waiting for its replacement */
    char *due_rule;                         /* what due_at_ms goes by: "life", "ari", "key" ... */
    int64_t ari_start_at_ms, ari_end_at_ms; /* the CA's window, heard last; 0: none */
    char *ari_explanation;                  /* where the CA says why, or NULL */
};
/* "the CA asks for it between A and B (see URL)"; "" unless ARI decides. */
void certificate_rule_format(const struct certificate *certificate, struct buf *out);
void certificate_free(struct certificate *certificate);
/* ABSENT when there is none. with_chain: also the PEM. Of several lanes that of the preferred kind of key, if it has one. */
bool held_current(struct house *house, const char *set, bool with_chain, struct certificate **ret,
                  struct err *err);
/* The unit: the current certificate of each lane that has one, the preferred kind of key first. None is no error. */
bool held_unit(struct house *house, const char *set, bool with_chain,
               struct certificate ***ret_list, size_t *ret_n, struct err *err);
bool held_certificate(struct house *house, int64_t id, bool with_chain, struct certificate **ret,
                      struct err *err);
/* Newest first. */
bool held_versions(struct house *house, const char *set, struct certificate ***ret_list,
                   size_t *ret_n, struct err *err);
void certificates_free(struct certificate **list, size_t n);

/* The key that a certificate was requested for, when it lives elsewhere (key_id 0): from the request that was sent, while its order is in the store. */
bool held_request_spki(struct house *house, const struct certificate *certificate,
                       char out[SPKI_HEX_MAX], struct err *err);

struct certificate_birth { /* what a finished order knows */
    const char *set_name, *authority, *directory, *want, *key_kind, *profile, *url;
    const char *lane; /* NULL: "" */
    const char *const *names;
    size_t n_names;
    int64_t account_id, key_id, order_id; /* key_id 0: the key lives elsewhere */
    const struct chain *chain;
    const struct chain *const *alternates; /* others of the same leaf that the CA offered */
    size_t n_alternates;
};
/* Inside a transaction: stores the certificate as the next version, makes it current, draws its due instant, schedules the set, and
 * makes every deployment of the set due now (endpoints, too, when the set has no deployment). */
bool held_certificate_born(struct house *house, const struct certificate_birth *birth,
                           int64_t *ret_id, struct err *err);
/* With several lanes a birth holds the delivery back for the others. It goes out now: they will not come for the time being. */
bool held_unit_release(struct house *house, const char *set, struct err *err);
/* Before the order of lane `but`: the other lanes that are close to their due instant, or all, are due as well. Inside a transaction. */
bool held_unit_due_now(struct house *house, const char *set, const char *but, bool all,
                       struct err *err);
/* ---- revocation ---- */

/* CRLReason (RFC 5280 5.3.1) as far as CAs take them from subscribers: number, name */
#define REVOKE_REASONS(X)                                                                          \
    X(UNSPECIFIED, 0, "unspecified")                                                               \
    X(KEY_COMPROMISE, 1, "key-compromise")                                                         \
    X(SUPERSEDED, 4, "superseded")                                                                 \
    X(CESSATION, 5, "cessation-of-operation")
enum revoke_reason {
#define X(reason, number, name) REASON_##reason = (number),
    REVOKE_REASONS(X)
#undef X
};
const char *revoke_reason_name(int reason); /* "reason 3" of one that is none of these */
/* "key-compromise", "keyCompromise" or "1". */
bool revoke_reason_find(const char *word, int *ret_reason);

/* The wish, durable before anything is sent: who carries on after a kill finds it in the row. now: without waiting for a replacement. With
 * keyCompromise the key counts as compromised from here on. In a transaction of its own unless one is open. */
struct revocation_wish {
    int reason;
    bool by_key, now;
};
bool held_revocation_ask(struct house *house, int64_t id, const struct revocation_wish *wish,
                         struct err *err);
/* Nothing takes its place: it was revoked, or is to be, because the service it was for has ended. */
bool certificate_is_ended(const struct certificate *certificate);
bool held_certificate_revoked(struct house *house, int64_t id, int reason, struct err *err);

/* When to renew: after two thirds of the lifetime, after half of it when it is shorter than 10 days, minus up to one percent of the
 * lifetime of jitter (random 0 .. 999,999). Never a constant of days. */
int64_t due_at_ms(int64_t not_before_at_ms, int64_t not_after_at_ms, uint64_t random);

#endif
