/*
 * What the files of the fake authority share. Nothing outside tests/fake includes this.
 *
 *   ca_core.c     birth and death, the way of a request, the ticking of what is due
 *   ca_reply.c    replies, problems, URLs, nonces
 *   ca_request.c  who signed: content type, JWS, nonce, url, account
 *   ca_jws.c      JWS and JWK themselves                ca_crypt.c  digests, random numbers, keys
 *   ca_account.c  newAccount, account, orders, keyChange
 *   ca_order.c    newOrder, order                       ca_authz.c  authorizations, challenges
 *   ca_finalize.c finalize, certificate                 ca_csr.c    reading a CSR
 *   ca_issue.c    the chain, leaves, PEM                ca_der.c    writing DER
 *   ca_wrong.c    wrong certificates                    ca_faults.c faults
 *   ca_revoke.c   revokeCert, renewalInfo               ca_knobs.c  /ca-set
 *   ca_ledger.c   /ca-ledger                            ca_map.c    text -> number
 *
 * Ids are numbers from 1; object n stands at [n - 1]; 0 means none. Handlers return nothing: they
 * leave a reply. Checks return bool and have written the problem document when they return false.
 */
#ifndef FAKE_CA_INNER_H
#define FAKE_CA_INNER_H

#include "fake/ca_core.h"
#include "fake/ca_faults.h"
#include "fake/ca_jws.h"
#include "fake/ca_map.h"

#include "base/clock.h"
#include "base/json.h"
#include "base/list.h"

#define FAKE_STATUSES(X)                                                                           \
    X(PENDING, "pending")                                                                          \
    X(READY, "ready")                                                                              \
    X(PROCESSING, "processing")                                                                    \
    X(VALID, "valid")                                                                              \
    X(INVALID, "invalid")                                                                          \
    X(DEACTIVATED, "deactivated")                                                                  \
    X(EXPIRED, "expired")

enum fake_status {
#define X(status, name) STATUS_##status,
    FAKE_STATUSES(X)
#undef X
        STATUS_N
};
const char *fake_status_name(enum fake_status status);

struct fake_account {
    size_t id;
    struct jwk jwk;
    struct json *contact; /* array or NULL */
    enum fake_status status;
    size_t *orders, n_orders, cap_orders;
};

struct fake_authz {
    size_t id, account;
    char *name; /* without "*." */
    bool wildcard;
    enum fake_status status;
    int64_t expires_at_ms;
    uint64_t token_seed;
    size_t answered;      /* 1 + index of the challenge that was answered; 0 none */
    bool processing;      /* its outcome is still to come */
    bool must_fail;       /* a fault decided so */
    struct heap_node due; /* in fake_ca.validations */
    int64_t validated_at_ms;
    struct json *error; /* problem document, or NULL */
};

struct fake_order {
    size_t id, account;
    char **names; /* sorted, each once */
    size_t n_names;
    size_t *authzs, n_authzs;
    enum fake_status status;
    int64_t made_at_ms, finalized_at_ms, expires_at_ms;
    int64_t not_before_ms, not_after_ms; /* as asked; 0: not asked */
    char *profile, *replaces;
    size_t predecessor; /* certificate id named by replaces */
    struct buf spki;    /* of the CSR, DER */
    size_t certificate;
    struct heap_node due; /* in fake_ca.issuances */
    bool for_ever;        /* a fault decided that it stays in processing */
    enum fake_wrong wrong;
    struct json *error; /* problem document, or NULL */
};

struct fake_cert {
    struct fake_certificate public;
    size_t id;
    struct buf der;
    char *replaces;
};

/* One link of the chain: its key signs what is below it. */
struct issuer {
    EVP_PKEY *key;
    EVP_PKEY_CTX *sign;
    struct buf name, spki, pem; /* name and spki in DER; pem: its own certificate */
    unsigned char key_id[20];
};
enum { CHAIN_MAX = 4, ROOTS_MAX = 4 };

struct fake_ca {
    struct fake_ca_options options;
    char *base_url;
    struct rng rng;
    int64_t now_ms; /* the latest time heard of */

    struct issuer roots[ROOTS_MAX];         /* 0 is the default one */
    struct issuer intermediates[CHAIN_MAX]; /* 0 signs leaves, the last is signed by the roots */
    struct buf cross_pem[ROOTS_MAX];        /* the last intermediate, signed by root n */
    size_t n_intermediates;

    uint64_t nonce_next, nonce_key;
    uint64_t nonce_spent[1024]; /* one bit each of the last 65,536 nonces */

    struct fake_account **accounts;
    struct fake_authz **authzs;
    struct fake_order **orders;
    struct fake_cert **certs;
    size_t n_accounts, n_authzs, n_orders, n_certs;
    size_t cap_accounts, cap_authzs, cap_orders, cap_certs;
    struct map accounts_by_key, authzs_by_name, orders_by_key, blocked_keys;
    struct heap validations, issuances;

    struct json *profiles, *eab, *blocked; /* as set; NULL: none */
    struct fault *faults;
    size_t n_faults;
    struct fake_counts counts;
    struct limit_bucket *limits;
    size_t n_limits;
    struct map limits_by_key;
};

/* One request on its way. */
struct call {
    struct fake_ca *ca;
    const struct fake_request *request;
    struct fake_reply *reply;
    int64_t now_ms;
    enum fake_kind kind;
    struct str tail;     /* the path behind the kind's own, without query */
    struct fault *fault; /* one that this request must obey, or NULL */
    struct jws jws;
    struct json *payload;         /* NULL: the empty payload of POST-as-GET */
    struct fake_account *account; /* who signed by kid */
    struct jwk jwk;               /* who signed by jwk */
};

/* ca_core.c */
enum fake_kind fake_kind_find(struct str path, struct str *ret_tail);
const char *fake_kind_path(enum fake_kind kind);
/* The number at the front of c->tail, cutting it and one '/' off. 0 when there is none. */
size_t fake_call_id(struct call *c);
/* True when the fault of this call is that act. */
bool fake_call_must(const struct call *c, enum fake_act act);

/* ca_reply.c */
bool fake_call_problem(struct call *c, int status, const char *type, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));
/* For a problem that names identifiers: members of subproblems; takes the array. */
bool fake_call_problem_with(struct call *c, int status, const char *type,
                            struct json *take_subproblems, const char *detail);
void fake_call_json(struct call *c, int status, struct json *take);
void fake_call_header(struct call *c, const char *name, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
void fake_call_header_remove(struct call *c, const char *name);
void fake_call_retry_after(struct call *c);
void fake_call_link(struct call *c, const char *rel, const char *url);
/* Fresh memory. id 0: the bare path. */
char *fake_ca_url(const struct fake_ca *ca, enum fake_kind kind, size_t id);
void fake_json_set_url(struct json *object, const char *key, const struct fake_ca *ca,
                       enum fake_kind kind, size_t id);
/* "Sat, 21 Nov 2026 22:01:23 GMT" */
enum { HTTP_DATE_TEXT = 40 };
void fake_http_date_format(int64_t at_ms, char out[HTTP_DATE_TEXT]);
/* {"type": "dns", "value": name} */
struct json *fake_identifier_json(const char *name);
void fake_json_set_time(struct json *object, const char *key, int64_t at_ms);
/* {"type": urn..., "detail": ...}, and "status" when it is not 0 */
struct json *fake_problem_json(const char *type, const char *detail, int status);
enum { NONCE_TEXT = 23 };
void fake_nonce_make(struct fake_ca *ca, char out[NONCE_TEXT]);
bool fake_nonce_spend(struct fake_ca *ca, const char *text);

/* ca_request.c */
enum signer { SIGNER_KID, SIGNER_JWK, SIGNER_EITHER };
/* Fills jws, payload, account or jwk of the call. */
bool fake_call_authenticate(struct call *c, enum signer signer);
/* The payload must be present / absent. */
bool fake_call_wants_payload(struct call *c);
bool fake_call_wants_no_payload(struct call *c);

/* ca_account.c */
void fake_answer_new_account(struct call *c);
void fake_answer_account(struct call *c);
void fake_answer_orders(struct call *c);
void fake_answer_key_change(struct call *c);
struct fake_account *fake_account_find(const struct fake_ca *ca, size_t id);
void fake_account_add_order(struct fake_account *account, size_t order);
void fake_account_free(struct fake_account *account);

/* ca_order.c */
void fake_answer_new_order(struct call *c);
void fake_answer_order(struct call *c);
struct fake_order *fake_order_find(const struct fake_ca *ca, size_t id);
/* Draws the status from the authorizations and the clock. */
void fake_order_refresh(struct fake_ca *ca, struct fake_order *order, int64_t now_ms);
void fake_order_fail(struct fake_order *order, struct json *take_error);
/* The order of this id, refreshed, if it is the signer's; else NULL with the problem written. */
struct fake_order *fake_call_order(struct call *c, size_t id);
/* Answers with the order as it stands. */
void fake_order_show(struct call *c, const struct fake_order *order, int status);
void fake_order_free(struct fake_order *order);

/* ca_authz.c */
void fake_answer_authz(struct call *c);
void fake_answer_challenge(struct call *c);
struct fake_authz *fake_authz_find(const struct fake_ca *ca, size_t id);
struct fake_authz *fake_authz_new(struct fake_ca *ca, size_t account, const char *name,
                                  int64_t now_ms);
/* A valid one of this account for the name ("*.x" for wildcards) that may be reused, or NULL. */
struct fake_authz *fake_authz_find_valid(struct fake_ca *ca, size_t account, const char *name,
                                         int64_t now_ms);
void fake_authz_refresh(struct fake_authz *authz, int64_t now_ms);
void fake_authz_fail(struct fake_ca *ca, struct fake_authz *authz, const char *type,
                     const char *detail);
void fake_authz_pass(struct fake_ca *ca, struct fake_authz *authz, int64_t now_ms);
void fake_authz_validate(struct fake_ca *ca, struct fake_authz *authz, int64_t now_ms);
void fake_authz_free(struct fake_authz *authz);

/* ca_challenge.c: the label of dns-account-01; dns-persist-01 in the directory, in a challenge, and validated. */
void fake_account_label(const char *account_url, struct buf *out);
void fake_persist_meta(const struct fake_ca *ca, struct json *meta);
void fake_persist_offer(const struct fake_ca *ca, size_t account, struct json *challenge);
void fake_persist_validate(struct fake_ca *ca, struct fake_authz *authz, int64_t now_ms);

/* ca_finalize.c */
void fake_answer_finalize(struct call *c);
void fake_answer_certificate(struct call *c);
void fake_order_issue(struct fake_ca *ca, struct fake_order *order, int64_t now_ms);
/* By the 32 hex digits of its serial number. */
struct fake_cert *fake_cert_find(const struct fake_ca *ca, struct str serial_hex);
/* By the 16 octets. */
struct fake_cert *fake_cert_find_octets(const struct fake_ca *ca, const unsigned char *serial,
                                        size_t len);
void fake_cert_free(struct fake_cert *cert);

/* ca_revoke.c */
void fake_answer_revoke(struct call *c);
void fake_answer_renewal_info(struct call *c);
/* The certificate a CertID of RFC 9773 4.1 means; NULL with the problem written. */
struct fake_cert *fake_call_cert_id(struct call *c, struct str cert_id);

/* ca_limit.c: token buckets that drip. False: refused, a limit is used up. */
bool fake_limits_allow(struct call *c, char *const *names, size_t n);
void fake_limits_ordered(struct fake_ca *ca, const struct fake_order *order, int64_t now_ms);
void fake_limits_issued(struct fake_ca *ca, const struct fake_order *order, int64_t now_ms);
void fake_limits_failed(struct fake_ca *ca, const struct fake_authz *authz, int64_t now_ms);
void fake_limits_free(struct fake_ca *ca);

/* ca_knobs.c */
void fake_answer_set(struct call *c);
/* ca_ledger.c */
void fake_answer_ledger(struct call *c);

#endif
