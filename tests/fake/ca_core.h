/*
 * A small ACME authority for tests: strict as a good one, obliging as none, able to misbehave on
 * request.
 *
 * The core is a pure function of requests and time. It owns no socket, thread or clock: a story
 * hands it requests in virtual time, ca_serve.c hands it what arrives by HTTPS. Keys, signatures,
 * requests and certificates are real (OpenSSL); tokens, nonces and serial numbers come from a
 * seeded generator, so that a story takes the same way each time.
 *
 * The life of one order as a client sees it: GET /directory, HEAD newNonce, POST newAccount,
 * newOrder, authz, challenge, order (polled), finalize, order (polled), certificate. A validation
 * ends validate_ms after its challenge was answered, a certificate is there issue_ms after
 * finalize; both happen in the first fake_ca_answer or fake_ca_tick whose now_ms has come that
 * far.
 *
 * Besides the protocol three management paths exist, which need no signature and are not counted:
 *     GET  /ca-ledger    everything that ever happened, as JSON (shape: see fake_ca_ledger)
 *     GET  /ca-root[/N]  the root certificate, PEM (N: the root of alternate chain N)
 *     POST /ca-set       knobs and faults as JSON (see fake_ca_set); GET shows the knobs
 *
 * It follows RFC 8555, RFC 9773 (renewalInfo, replaces) and draft-ietf-acme-profiles. What it does
 * not do: newAuthz, http-01 and tls-alpn-01 (offered, always fail), CAA, CRL and OCSP.
 */
#ifndef FAKE_CA_CORE_H
#define FAKE_CA_CORE_H

#include "base/buf.h"

/* Every integer knob: name (here and in the JSON of /ca-set), default, what it does. */
#define FAKE_KNOBS(X)                                                                              \
    X(nonce_reject, 0, "per cent of good nonces refused with badNonce")                            \
    X(verify, 100, "per cent of accounts' signatures that are really checked (lower it for load)") \
    X(retry_after_s, 1, "Retry-After of authorizations and orders that wait; -1 sends none")       \
    X(retry_after_form, 0, "0 seconds, 1 HTTP-date, 2 one of them at random")                      \
    X(validate_ms, 0, "from a challenge's answer to its outcome; -1 within the answer")            \
    X(issue_ms, 0, "from finalize to the certificate; -1 within finalize")                         \
    X(validity_s, 7776000, "life of a certificate whose profile names none")                       \
    X(backdate_s, 3600, "notBefore lies this far before the issuance")                             \
    X(authz_reuse, 0, "per cent of names whose valid authorization is reused")                     \
    X(order_reuse, 0, "1: an equal pending or ready order is handed out again")                    \
    X(latency_ms, 0, "every reply waits so long")                                                  \
    X(alternates, 0, "alternate chains offered (0 to 3)")                                          \
    X(authz_pending_s, 604800, "life of an unanswered authorization")                              \
    X(authz_valid_s, 2592000, "life of a valid authorization")                                     \
    X(order_life_s, 604800, "life of an order")                                                    \
    X(orders_list, 1, "0: accounts have no orders list")                                           \
    X(orders_per_page, 20, "page length of the orders list")                                       \
    X(ari, 1, "0: no renewalInfo")                                                                 \
    X(ari_retry_s, 21600, "Retry-After of renewalInfo")                                            \
    X(ari_now, 0, "1: all suggested windows lie in the past, 2: of those past a tenth of life")    \
    X(ari_at_pm, 0, "centre of the suggested window in per mille of the life; 0: as usual")        \
    X(names_max, 100, "identifiers an order may hold")                                             \
    X(dates, 0, "1: notBefore and notAfter of newOrder are honoured, else refused")                \
    X(odd_urls, 0, "1: URLs carry a query with escapes that no client may touch")                  \
    X(terms_needed, 1, "1: newAccount must agree to the terms of service")                         \
    X(eab_required, 0, "1: newAccount must carry an external account binding")                     \
    X(challenges, 1,                                                                               \
      "DNS challenges offered: 1 dns-01, 2 dns-account-01, 4 dns-persist-01, or sums")             \
    X(persist_form, 0, "dns-persist-01 as in its draft -00, -01 or -02")                           \
    X(spki_max, 4096, "longest public key in bytes that is taken; 200 takes no RSA")               \
    X(common_name, 1, "1: the first name that fits becomes the common name")                       \
    X(limit_orders, 0, "newOrders of an account in limit_orders_s; 0: any number")                 \
    X(limit_orders_s, 10800, "")                                                                   \
    X(limit_domain, 0, "certificates for a registered domain (two labels) in limit_domain_s")      \
    X(limit_domain_s, 604800, "")                                                                  \
    X(limit_set, 0, "certificates for one exact set of names in limit_set_s")                      \
    X(limit_set_s, 604800, "")                                                                     \
    X(limit_failures, 0, "failed validations of a name and account in limit_failures_s")           \
    X(limit_failures_s, 3600, "")                                                                  \
    X(limit_same_set_s, 0, "a set issued in this time is free of limit_orders and limit_domain")   \
    X(limit_tells, 1, "0: a refusal does not say which limit")

struct fake_ca_options {
    const char *base_url; /* without a final slash; NULL: https://ca.test */
    uint64_t seed;
    int64_t chain_length; /* intermediates, 1 to 4; 0 means 1 */
#define X(name, otherwise, what) int64_t name;
    FAKE_KNOBS(X)
#undef X
    /* Does `value` stand at `owner_name` (no final dot)? Called when a dns-01 validation ends; a
     * false makes the authorization invalid. NULL and no txt_ask: every validation succeeds. */
    bool (*txt_lookup)(void *ctx, const char *owner_name, const char *value);
    /* The same without waiting: answer later by fake_ca_txt_heard. Goes before txt_lookup. */
    void (*txt_ask)(void *ctx, const char *owner_name, const char *value, size_t ticket);
    /* All TXT values at owner_name, each ended by a newline, for dns-persist-01. NULL: it always fails. */
    void (*txt_values)(void *ctx, const char *owner_name, struct buf *out);
    void *ctx;
};
struct fake_ca_options fake_ca_options_default(void);

/* Borrowed from the caller for the call. A header that was not sent has p == NULL. */
struct fake_request {
    struct str method, path; /* path with its query, as on the wire */
    struct str content_type, user_agent;
    struct str body;
};

enum { FAKE_HEADERS_MAX = 16 };

struct fake_header {
    const char *name; /* lower case, static */
    char *value;      /* owned by the reply */
};

/* What the carrier shall send. Release it with fake_reply_fini. */
struct fake_reply {
    int status;
    struct fake_header headers[FAKE_HEADERS_MAX];
    size_t n_headers;
    struct buf body;
    bool head_only;         /* HEAD: the body is empty whatever it says */
    int64_t delay_ms;       /* wait before the first byte */
    bool drop;              /* close the connection, send nothing; the request took effect or not */
    bool drop_stream;       /* with HTTP/2 only reset this stream; with HTTP/1.1 as drop */
    int64_t trickle_ms;     /* above 0: one byte of the body each so many ms */
    int64_t cut_after;      /* >= 0: break off after so many bytes, though more was promised */
    int64_t filler_len;     /* so many 'x' follow the body */
    int64_t filler_headers; /* so many headers x-filler-N go along */
};
void fake_reply_fini(struct fake_reply *reply);
/* NULL when the reply has none. name in lower case. */
const char *fake_reply_header(const struct fake_reply *reply, const char *name);

struct fake_ca;
struct fake_ca *fake_ca_new(const struct fake_ca_options *options); /* NULL: defaults */
void fake_ca_free(struct fake_ca *ca);
/* From now on URLs begin with this (the server learns its port late). */
void fake_ca_set_base_url(struct fake_ca *ca, const char *base_url);

/* Answers one request. *reply must be zeroed or finished before. */
void fake_ca_answer(struct fake_ca *ca, const struct fake_request *request, int64_t now_ms,
                    struct fake_reply *reply);
/* Ends the validations and issuances that are due. fake_ca_answer does it by itself. */
void fake_ca_tick(struct fake_ca *ca, int64_t now_ms);
/* When the next of them is due; INT64_MAX when nothing waits. */
int64_t fake_ca_next_at_ms(const struct fake_ca *ca);
/* The outcome of a txt_ask. Tickets unknown or already answered are ignored. */
void fake_ca_txt_heard(struct fake_ca *ca, size_t ticket, bool found, int64_t now_ms);

/*
 * Knobs and faults by JSON; nothing changes when any member is wrong (kind CONFIG).
 *
 *   {"validate_ms": 500,                      any knob of FAKE_KNOBS
 *    "profiles": {"short": 518400},           name -> seconds; {} offers none
 *    "eab": {"kid-1": "<base64url key>"},     external account keys
 *    "blocked": ["bad.example"],              rejectedIdentifier at newOrder
 *    "forget": "orders",                      as if the CA was wiped: "orders" or "accounts"
 *    "faults": [...],                         replaces all faults; "more_faults" adds
 *   }
 * A fault: {"on": "newOrder", "act": "drop-reply"} and, all optional:
 *   "nth": 1        the first request of that kind it hits, counted from when it was set
 *   "times": 1      how many from there on; 0: for ever
 *   "percent": 30   each of them only with this probability (seeded)
 *   "name": "a.b"   only requests about an order or authorization with this identifier
 *   "retry_after"   text of a Retry-After header; each line of it is one
 * "on" is a name of FAKE_KINDS or "any"; acts are listed in FAKE_ACTS (ca_faults.h).
 */
bool fake_ca_set(struct fake_ca *ca, struct str json, struct err *err);

/* Kinds of request: constant, name in faults and ledger, path. A path ending in '/' goes on. */
#define FAKE_KINDS(X)                                                                              \
    X(DIRECTORY, "directory", "/directory")                                                        \
    X(NEW_NONCE, "newNonce", "/acme/new-nonce")                                                    \
    X(NEW_ACCOUNT, "newAccount", "/acme/new-account")                                              \
    X(ACCOUNT, "account", "/acme/account/")                                                        \
    X(ORDERS, "orders", "/acme/orders/")                                                           \
    X(NEW_ORDER, "newOrder", "/acme/new-order")                                                    \
    X(ORDER, "order", "/acme/order/")                                                              \
    X(FINALIZE, "finalize", "/acme/finalize/")                                                     \
    X(AUTHZ, "authz", "/acme/authz/")                                                              \
    X(CHALLENGE, "challenge", "/acme/challenge/")                                                  \
    X(CERTIFICATE, "certificate", "/acme/certificate/")                                            \
    X(REVOKE, "revokeCert", "/acme/revoke")                                                        \
    X(KEY_CHANGE, "keyChange", "/acme/key-change")                                                 \
    X(RENEWAL_INFO, "renewalInfo", "/acme/renewal-info/")                                          \
    X(OTHER, "other", "")

enum fake_kind {
#define X(kind, name, path) FAKE_KIND_##kind,
    FAKE_KINDS(X)
#undef X
        FAKE_KIND_N
};
const char *fake_kind_name(enum fake_kind kind);

/* Totals since fake_ca_new. */
struct fake_counts {
    int64_t requests[FAKE_KIND_N];
    int64_t connections; /* kept by the carrier, see fake_ca_count_connection */
    int64_t orders_made, orders_reused, orders_finalized;
    int64_t authz_reused, validations_ok, validations_failed;
    int64_t certificates, revoked, bad_nonces, problems, faults;
    int64_t limited, overrun; /* newOrders refused by a limit; units spent beyond one */
};
const struct fake_counts *fake_ca_counts(const struct fake_ca *ca);
void fake_ca_count_connection(struct fake_ca *ca);

/* One issued certificate. Lives as long as the authority. */
struct fake_certificate {
    char serial[33];      /* 16 octets, lower-case hex */
    char spki_sha256[65]; /* of the SubjectPublicKeyInfo, hex */
    char *const *names;
    size_t n_names, order, account;
    int64_t issued_at_ms, not_before_ms, not_after_ms;
    bool revoked, replaced;
    int revoke_reason;
    struct str leaf_der;
};
size_t fake_ca_n_certificates(const struct fake_ca *ca);
const struct fake_certificate *fake_ca_certificate(const struct fake_ca *ca, size_t i);

/*
 * {"counts": {orders_made ...}, "requests": {"newOrder": 3 ..., "total": 9}, "accounts": [{id,
 * thumbprint, status}],
 *  "orders": [{id, account, names, status, made_at_ms, finalized_at_ms, certificate}],
 *  "certificates": [{serial, spki_sha256, names, order, account, issued_at_ms, not_before_ms,
 *                    not_after_ms, revoked, reason, replaced, replaces}]}
 * Without lists only counts and requests are given (GET /ca-ledger?brief).
 */
void fake_ca_ledger(const struct fake_ca *ca, bool with_lists, struct buf *out);
/* Root 0, or the root of alternate chain n. PEM. False when there is none. */
bool fake_ca_root_pem(const struct fake_ca *ca, size_t n, struct buf *out);

#endif
