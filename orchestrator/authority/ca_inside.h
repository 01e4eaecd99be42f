/*
 * The inside of a CA, for its files only:
 *
 *   ca.c           opening, directory, who waits for it
 *   ca_account.c   the account: found in the store, registered, held
 *   ca_doubt.c     answers that say something about the account itself: which key does the CA know, and does it know us at all?
 *   ca_send.c      nonces, signing, sending
 */
#ifndef AUTHORITY_CA_INSIDE_H
#define AUTHORITY_CA_INSIDE_H

#include "authority/ca.h"
#include "authority/ledger.h"
#include "base/list.h"
#include "inventory/held.h"

enum ca_state { CA_COLD, CA_PREPARING, CA_READY };

struct ca_call {       /* one request that waits or is under way */
    struct list in_ca; /* queue, flying or kept */
    struct ca *ca;
    struct acme_ask ask; /* texts owned */
    char *url, *payload;
    const struct key *key; /* signs with its JWK; NULL: the account's key */
    ca_heard *done;
    void *arg;
    int n_bad_nonces;
    int64_t sent_at_ms, generation; /* of key and account URL, as it was signed with */
    struct http_call *http;
    struct acme_answer answer; /* while kept: told when it is known what becomes of the account */
    struct arena *arena;       /* holds it */
};

struct ca_waiter {
    struct list in_ca;
    ca_ready *ready;
    void *arg;
};

struct ca {
    struct list in_office;
    int64_t generation; /* one more whenever the account has another key or another URL */
    struct ca_office *office;
    struct house *house;
    const struct authority_config *config;
    char *directory_url;
    char *eab_kid;         /* "" when none */
    struct secret eab_key; /* decoded; empty once the account is bound */
    enum ca_state state;
    struct timer *starting; /* ca_prepare leaves the caller's transaction first */
    struct list waiters;
    struct acme_directory *directory;
    int64_t directory_at_ms; /* when it was fetched; 0: never */
    struct list directory_waiters;
    bool directory_is_asked;
    /* the account */
    bool asks_account; /* even when the store knows it, and though it is held */
    bool insists;      /* though it is held */
    bool directory_only;
    enum key_kind new_key_kind; /* of a key that is made for it */
    struct account_row account;
    struct account_hold hold;
    struct key *account_key,
        *other_key; /* other: the second one of the row, while both are tried */
    char thumbprint[48];
    char *lost_url; /* of the account that the CA has lost, until it has another */
    bool is_in_doubt, is_probing_other, is_settling, is_recovering, was_rolled;
    size_t n_recoveries;
    int64_t vouched_until_ms; /* the CA has just said that account and key are fine */
    /* sending */
    struct nonce_pool *nonces;
    struct list queue, flying, kept, nonce_calls;
    size_t n_queue, n_flying, n_kept, n_nonce_calls, n_expected;
    struct timer *draining;
    struct arena *arena; /* of the answer being handed out */
    int64_t usual_validate_ms, usual_issue_ms;
    int64_t clock_off_ms; /* 0 while it is near enough */
    struct breaker breaker;
    struct ca_figures figures;
};

struct ca_office {
    struct house *house;
    struct list cas;
};

/* ca.c: tells all who wait. err NULL: ready. */
void ca_tell(struct ca *ca, const struct err *err);
void ca_fail(struct ca *ca, const char *what, struct err *err);

/* ca_account.c */
bool ca_account_open(struct ca *ca, struct err *err); /* holds, binding; no request */
void ca_account_begin(struct ca *ca);                 /* the directory is there */
void ca_account_fini(struct ca *ca);
/* Nothing is sent for the account from now on. why is the CA's word; url may be NULL. Kind STORE. */
bool ca_hold_begin(struct ca *ca, enum account_hold_reason reason, const char *url,
                   const struct err *why, struct err *err);
/* As ca_fail, with the hold as the reason; or with *trouble where the hold could not be written. */
void ca_fail_held(struct ca *ca, const struct err *trouble);
/* Makes this the account's key. */
void ca_use_key(struct ca *ca, struct key *take_key);
void ca_register(struct ca *ca);
/* Where a person must go, as the CA said. NULL when it did not. */
const char *ca_answer_url(const struct acme_answer *answer);

/* ca_doubt.c */
/* The answer to a request that the account signed. True: it says something about the account, and the call is kept until it is known
 * what. */
bool ca_doubts(struct ca *ca, struct ca_call *call, struct acme_answer *answer);
/* Two keys: which one does the CA know? Then ca_account_go_on. */
void ca_keys_settle(struct ca *ca);
void ca_account_go_on(struct ca *ca);
/* The end of a doubt: kept calls are sent again, or get the answers they had. */
void ca_kept_release(struct ca *ca, bool again);

/* ca_directory.c: what a GET of the directory brought is taken and stored. */
bool ca_hear_directory(struct ca *ca, const struct acme_answer *answer, struct err *err);

/* ca_breaker.c: what a reply (or its lack: then why) says of the CA's health. answer NULL: of a request for a nonce. */
void ca_note_health(struct ca *ca, int64_t sent_at_ms, const struct http_reply *reply,
                    const struct err *why, const struct acme_answer *answer);

/* ca_send.c */
/* An unsigned GET of the directory; done as for ca_send. */
void ca_get(struct ca *ca, const char *url, ca_heard *done, void *arg);
/* As ca_send, before all that waits. */
void ca_send_first(struct ca *ca, const struct acme_ask *ask, const struct key *jwk_key,
                   ca_heard *done, void *arg);
void ca_pump(struct ca *ca);
void call_free(struct ca_call *call);
void ca_sending_init(struct ca *ca);
/* Cancels everything under way without calling back. */
void ca_sending_fini(struct ca *ca);

#endif
