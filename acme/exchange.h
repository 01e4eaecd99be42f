/*
 * What a step asks of a CA and what it hears: requests and answers as values.
 *
 * Nothing here sends. The orchestrator signs an ask with a fresh nonce, sends it, repeats it by itself when the nonce was
 * refused (badNonce never reaches a step), and hands the answer back. All pointers in asks and answers live in the arena of the
 * turn. Sources: RFC 8555 6 (transport, JWS, nonces, errors), RFC 9110 10.2.3 (Retry-After).
 */
#ifndef ACME_EXCHANGE_H
#define ACME_EXCHANGE_H

#include "acme/problem.h"
#include "base/clock.h"
#include "base/json.h"

enum acme_method { ACME_GET, ACME_HEAD, ACME_POST, ACME_POST_AS_GET };
enum acme_signer { ACME_UNSIGNED, ACME_SIGN_KID, ACME_SIGN_JWK };

struct acme_ask {
    enum acme_method method;
    enum acme_signer signer;
    const char *what;   /* for messages: "newOrder", "authorization", "finalize" ... */
    const char *url;    /* octet for octet as the CA gave it (RFC 8555 6.4) */
    struct str payload; /* JSON text of a POST, e.g. "{}" */
    bool is_aside;      /* faults say nothing of the CA's health: it may be served by others */
    bool wants_pem;     /* Accept: application/pem-certificate-chain */
    int slot;           /* which of several asks of one step: index of the authorization; else 0 */
};

enum { ACME_ALTERNATES_MAX = 10 };

struct acme_header {
    const char *name, *value;
};
struct acme_answer {
    int slot;
    int status;             /* 0: nothing was heard; then lost tells why */
    const struct err *lost; /* transport failure: the request MAY have taken effect */
    const char *location;   /* NULL when absent */
    const char *terms_link; /* Link rel="terms-of-service" */
    const char *help_link;  /* Link rel="help" */
    const char *next_link;  /* Link rel="next" */
    const char *const
        *alternates; /* Link rel="alternate": the first 10, NULL-terminated, never NULL */
    int64_t
        retry_at_ms; /* Retry-After as an instant, clamped to now .. now + 1 day; 0 when absent or not understood */
    const struct json *tree; /* body of a JSON type, else NULL; released by acme_answer_fini */
    struct str body;
    const struct acme_problem
        *problem; /* of a status >= 400: from the body, or made from the status; else NULL */
    struct json *owned_tree;
};

/* Reads a reply. A JSON body that is not understandable becomes a problem of kind BROKEN ("the CA broke the protocol: ..."); of a
 * status >= 400 it is only no help, and the status decides (proxies lie about their error pages). Header names in any case. now_ms turns delta-seconds into an instant. */
void acme_answer_read(struct acme_answer *ret, int status, const struct acme_header *headers,
                      size_t n_headers, struct str body, int64_t now_ms, struct arena *arena);
void acme_answer_lost(struct acme_answer *ret, const struct err *why, struct arena *arena);
void acme_answer_fini(struct acme_answer *answer);
/* The fresh nonce of any reply, errors included; NULL when absent or not base64url (RFC 8555 6.5). */
const char *acme_answer_nonce(const struct acme_header *headers, size_t n_headers);

/* Seconds or HTTP-date, clamped to [now, now + cap]. False when not understood. */
bool retry_after_parse(struct str text, int64_t now_ms, int64_t cap_ms, int64_t *ret_at_ms);

/* May a URL that a CA gave be asked? https (http only when the directory itself is http to loopback), no userinfo, at most
 * 2048 bytes, no control bytes or blanks, has a host. Kind BROKEN. */
bool acme_url_check(const char *url, const char *directory_url, struct err *err);
/* Two URLs of the same host, whatever port and scheme; false when one is no URL. */
bool acme_url_same_host(const char *a, const char *b);

/* A pool of nonces of one directory: newest first, forgotten after 5 minutes, at most 64. */
struct nonce_pool;
struct nonce_pool *nonce_pool_new(void);
void nonce_pool_free(struct nonce_pool *pool);
void nonce_pool_put(struct nonce_pool *pool, const char *nonce, int64_t now_ms);
/* The caller frees; NULL when there is none fresh. */
char *nonce_pool_take(struct nonce_pool *pool, int64_t now_ms);
size_t nonce_pool_len(const struct nonce_pool *pool);

#endif
