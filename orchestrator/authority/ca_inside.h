/* The inside of a CA: shared by ca.c (directory, account) and ca_send.c (nonces, signing, sending). */
#ifndef AUTHORITY_CA_INSIDE_H
#define AUTHORITY_CA_INSIDE_H

#include "authority/ca.h"
#include "base/list.h"
#include "inventory/held.h"

enum ca_state { CA_COLD, CA_PREPARING, CA_READY };

struct ca_call {       /* one request that waits or is under way */
    struct list in_ca; /* queue or flying */
    struct ca *ca;
    struct acme_ask ask; /* texts owned */
    char *url, *payload;
    const struct key *key; /* signs with its JWK; NULL: the account's key */
    ca_heard *done;
    void *arg;
    int n_bad_nonces;
    int64_t sent_at_ms;
    struct http_call *http;
};

struct ca_waiter {
    struct list in_ca;
    ca_ready *ready;
    void *arg;
};

struct ca {
    struct list in_office;
    struct ca_office *office;
    struct house *house;
    const struct authority_config *config;
    char *directory_url;
    char *eab_kid;         /* "" when none */
    struct secret eab_key; /* decoded */
    enum ca_state state;
    struct timer *starting; /* ca_prepare leaves the caller's transaction first */
    struct list waiters;
    struct acme_directory *directory;
    int64_t directory_at_ms; /* when it was fetched; 0: never */
    struct list directory_waiters;
    bool directory_is_asked;
    bool asks_account; /* even when the store knows it */
    int64_t account_id;
    char *account_url;
    struct key *account_key;
    char thumbprint[48];
    /* sending */
    struct nonce_pool *nonces;
    struct list queue, flying, nonce_calls;
    size_t n_queue, n_flying, n_nonce_calls, n_expected;
    struct arena *arena; /* of the answer being handed out */
    int64_t usual_validate_ms, usual_issue_ms;
    int64_t clock_off_ms; /* 0 while it is near enough */
    int n_refusals;       /* new orders, one after the other */
    int64_t pause_until_ms;
    bool pause_is_dirty;
    struct breaker breaker;
    struct ca_figures figures;
};

struct ca_office {
    struct house *house;
    struct list cas;
};

/* ca_directory.c: what a GET of the directory brought is taken and stored. */
bool ca_hear_directory(struct ca *ca, const struct acme_answer *answer, struct err *err);

/* ca_pause.c: what an earlier run wrote. */
bool ca_pause_load(struct ca *ca, struct err *err);

/* ca_breaker.c: what a reply (or its lack: then why) says of the CA's health. answer NULL: of a request for a nonce. */
void ca_note_health(struct ca *ca, int64_t sent_at_ms, const struct http_reply *reply,
                    const struct err *why, const struct acme_answer *answer);

/* An unsigned GET of the directory; done as for ca_send. */
void ca_get(struct ca *ca, const char *url, ca_heard *done, void *arg);
void ca_sending_init(struct ca *ca);
/* Cancels everything under way without calling back. */
void ca_sending_fini(struct ca *ca);

#endif
