/*
 * The life of an order, as a table of pure steps (RFC 8555 7.4, 7.5, 8.4).
 *
 *   KEY -> NEW -> READ -> PUBLISH -> ANSWER -> VALIDATE -> FINALIZE -> ISSUE -> FETCH -> TIDY -> DONE
 *
 * A step is called twice over: to ASK (answer NULL) and to HEAR (one answer). It looks only at the order, the world and
 * the answer, writes only into the order, and returns a verdict. The driver (orchestrator/renewal) alone signs, sends, backs off and
 * checkpoints, in this rhythm:
 *
 *   turn n:    hear -> verdict GO -> ask of the next step -> [commit the row] -> send
 *
 * so what a step learnt and the intent of the next one are one commit, and nothing is sent before that commit. After a kill the row is read
 * back and the step is asked afresh; what a replay costs is in the table (order_steps.def), from which docs/ORDER_LIFE.md is made.
 *
 * A step may ask several things at once (READ and ANSWER: one an authorization, told apart by slot). The driver hears them one by one;
 * WAIT means that others are still out.
 */
#ifndef ACME_ORDER_H
#define ACME_ORDER_H

#include "acme/challenge.h"
#include "acme/directory.h"
#include "crypto/cert.h"

/* step, stored name, patience in seconds (how long the step may go on failing or polling before the order fails), what it is
 * for, what a replay costs */
enum order_step {
#define X(step, name, patience_s, purpose, replay) ORDER_##step,
#include "acme/order_steps.def"
#undef X
    ORDER_STEP_N
};
const char *order_step_name(enum order_step step);
bool order_step_find(const char *name, enum order_step *ret_step);
int64_t order_step_patience_ms(enum order_step step);
/* Is `to` in the table of allowed next steps of `from`? The driver CHECKs it. */
bool order_step_may_follow(enum order_step from, enum order_step to);

enum authz_status {
    AUTHZ_UNREAD,
    AUTHZ_PENDING,
    AUTHZ_VALID,
    AUTHZ_INVALID,
    AUTHZ_DEACTIVATED,
    AUTHZ_EXPIRED,
    AUTHZ_REVOKED
};
const char *authz_status_name(enum authz_status status);
bool authz_status_find(const char *name, enum authz_status *ret);

struct authz { /* texts owned */
    char *url;
    char *identifier; /* base name, without "*." */
    bool wildcard;
    enum authz_status status;
    char *challenge_url; /* of the chosen challenge */
    char *token;         /* NULL where the record stands */
    char *value;         /* of the TXT record; where it stands: as it should be, without an end */
    char *offer;   /* where it stands: what the CA says of it, persist_offer_format; else NULL */
    bool answered; /* the challenge POST was accepted */
    bool failure_read; /* after an invalid order: its error was fetched */
    char *failure;     /* what the CA said of it */
    bool out;          /* not stored: asked, and not heard yet */
    bool left;         /* not stored: TIDY has tried to give it up */
};

/* Another chain of the same certificate. Whatever is wrong with it, the certificate is not lost for it: it is left out and says why. */
struct alternate { /* texts owned; the URL of a bad one is shortened, for messages */
    char *url, *failure;
    struct chain
        *chain; /* checked as the main one is; NULL: not heard yet, or left out (failure) */
    bool is_out, is_over; /* asked and not heard yet; nothing more is asked of it */
    int n_tries;
};

struct order { /* exactly what the row holds; texts owned, released by order_free */
    int64_t id;
    char *set_name, *authority, *directory, *profile, *replaces;
    char **names; /* normalised identifiers, "*." kept */
    size_t n_names;
    enum order_step step;
    bool failed; /* TIDY leads to DONE with a failure */
    char *url, *finalize_url, *certificate_url;
    int64_t expires_at_ms; /* 0: not told */
    struct authz *authz;
    size_t n_authz;
    bool has_key; /* key and CSR are stored */
    bool
        key_is_elsewhere; /* a mark, too: only the CSR is stored, its key is nobody's business here */
    char spki[SPKI_HEX_MAX];
    enum challenge_kind challenge; /* how control is proved; decided when the order begins */
    char thumbprint[48];           /* of the ACCOUNT key: filled in by the driver before READ */
    char *account_url;             /* the same */
    struct buf csr;                /* DER */
    /* marks: what may have been done (column memory) */
    bool new_sent, finalize_sent, finalize_asked, without_replaces, published, tidied;
    int n_finalize; /* finalize requests so far */
    int n_polls;    /* times the present step has asked; the driver sets it to 0 with each GO */
    int64_t started_at_ms, step_at_ms;
    int64_t
        patience_most_ms; /* not stored: no step may have more, for what is to be replaced ends soon; 0: no bound */
    /* not stored: what FETCH brought, taken by the driver in the same turn */
    struct chain *chain;
    struct alternate
        *alternates; /* at most ACME_ALTERNATES_MAX; a kill costs their downloads, too */
    size_t n_alternates;
    char *aside; /* or a certificate that must not be served, as text for people */
    /* more marks */
    bool invalid;               /* the CA called the order invalid: VALIDATE asks why, then fails */
    char *failure;              /* what the CA said of the order itself */
    enum err_kind failure_kind; /* of the first fault heard, NONE before */
    char *failure_problem;      /* type of the problem of that fault, NULL when none was told */
    bool wait_told;             /* that this step waits for the CA stands in the history */
    bool held;                  /* failed because its certificate must not be served */
    int n_back;                 /* times ISSUE had to go back to an earlier step */
};
/* Of the step it is at. */
int64_t order_patience_ms(const struct order *order);
struct order *order_new(const char *set_name, const char *const *names, size_t n_names);
void order_free(struct order *order);
/* Forgets what FETCH brought of other chains. */
void order_alternates_drop(struct order *order);
/* The marks as a JSON text for the column memory, and back. */
void order_memory_format(const struct order *order, struct buf *out);
bool order_memory_parse(struct order *order, const char *text, struct err *err);

struct acme_world { /* everything a step may know besides the order */
    int64_t now_ms;
    const struct acme_directory *directory;
    int64_t
        poll_first_ms; /* how long this CA usually takes for what VALIDATE / ISSUE wait for; 0: unknown */
    struct arena *arena; /* asks live here */
};

enum verdict_kind {
    VERDICT_ASK,      /* send asks[0 .. n_asks) */
    VERDICT_WAIT,     /* other asks of this step are still out */
    VERDICT_GO,       /* to step `next` */
    VERDICT_SLEEP,    /* ask this step again at until_ms (polling, Retry-After) */
    VERDICT_WANT_KEY, /* make and store a key and CSR for the order, then ask again */
    VERDICT_WANT_TXT, /* publish a TXT for each authz that is pending and has a value; ask again when all are served */
    VERDICT_AGAIN, /* a passing fault (err): back off by its kind and ask again */
    VERDICT_FAIL,  /* the order cannot succeed (err); the driver sets failed and goes to TIDY */
};
/* A hearing step may say AGAIN while other asks of it are still out: what is heard of those later is as good as ever, and
 * once the last one is in the verdict is never WAIT. A step judges its patience only where it polls (VALIDATE, ISSUE, FETCH); how
 * often AGAIN and WANT are borne is the driver's to judge. */
struct verdict {
    enum verdict_kind kind;
    enum order_step next;
    int64_t
        until_ms; /* SLEEP: when to ask again. AGAIN: not before this instant (err.until_ms), 0: as the kind says */
    const struct acme_ask *asks; /* in the arena */
    size_t n_asks;
    struct err err;
};
/* The step order->step, asked (answer NULL) or hearing one answer. */
struct verdict order_step_run(struct order *order, const struct acme_world *world,
                              const struct acme_answer *answer);

/* Where the TXT record of an authorization belongs. */
void order_challenge_name(const struct order *order, const struct authz *authz, struct buf *out);

/* May the CA have a certificate of this order, or be making one? Then another order elsewhere would be one too many. */
bool order_may_have_issued(const struct order *order);

/* Generated documents. */
void order_life_document(struct buf *out);

#endif
