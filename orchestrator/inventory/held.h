/*
 * What is held: keys, certificates, accounts' keys - sealed - and which certificate of a set is current.
 */
#ifndef INVENTORY_HELD_H
#define INVENTORY_HELD_H

#include "crypto/cert.h"
#include "inventory/house.h"

/* Keys. Sealed with place "private_key/<spki>". Kinds STORE. */
bool held_key_save(struct house *house, const struct key *key, const char *purpose, int64_t *ret_id,
                   struct err *err);
bool held_key_load(struct house *house, int64_t key_id, struct key **ret_key, struct err *err);
/* For the key of a certificate or an account: SPKI of a stored key without opening it. */
bool held_key_spki(struct house *house, int64_t key_id, char out[SPKI_HEX_MAX], struct err *err);

struct certificate { /* a row; texts owned, released by certificate_free */
    int64_t id, version, account_id, key_id, order_id;
    bool is_current;
    char *lane; /* "": the set has one kind of key; else the family of this one's: "ecdsa", "rsa" */
    char *set_name, *authority, *directory, *serial, *sha256, *spki, *ari_id, *key_kind, *profile,
        *issuer, *want, *url;
    char **names;
    size_t n_names;
    struct buf chain_pem;
    int64_t not_before_at_ms, not_after_at_ms, issued_at_ms, due_at_ms;
    int64_t revoked_at_ms; /* 0: not revoked */
    int revoked_reason;
    int64_t revoke_asked_at_ms; /* somebody wants it revoked: since when; 0: nobody */
    int revoke_reason;
    bool revoke_by_key;
};
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

struct certificate_birth { /* what a finished order knows */
    const char *set_name, *authority, *directory, *want, *key_kind, *profile, *url;
    const char *lane; /* NULL: "" */
    const char *const *names;
    size_t n_names;
    int64_t account_id, key_id, order_id;
    const struct chain *chain;
};
/* Inside a transaction: stores the certificate as the next version, makes it current, draws its due instant, schedules the set, and
 * makes every deployment of the set due now (endpoints, too, when the set has no deployment). */
bool held_certificate_born(struct house *house, const struct certificate_birth *birth,
                           int64_t *ret_id, struct err *err);
bool held_certificate_revoked(struct house *house, int64_t id, int reason, struct err *err);

/* When to renew: after two thirds of the lifetime, after half of it when it is shorter than 10 days, minus up to one percent of the
 * lifetime of jitter (random 0 .. 999,999). Never a constant of days. */
int64_t due_at_ms(int64_t not_before_at_ms, int64_t not_after_at_ms, uint64_t random);

#endif
