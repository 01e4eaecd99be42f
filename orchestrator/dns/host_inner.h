/*
 * The inside of the provider host, for host_*.c and provider_host.c only.
 *
 *   provider_host.c   a job: begin, step by step, its limits, its end
 *   host_wish.c       performing one wish: HTTP, programs, pauses
 *   host_pace.c       when it may be performed: limits of the API, in the store
 *   host_update.c     performing a DNS UPDATE: where to, signed with what, which server next
 *   host_memory.c     what a provider remembers from job to job
 *   host_secret.c     secrets: resolved once, filled into requests, kept out of texts
 */
#ifndef DNS_HOST_INNER_H
#define DNS_HOST_INNER_H

#include "base/list.h"
#include "base/redact.h"
#include "dns-providers/veiled.h"
#include "dns/host_pace.h"
#include "io/probe.h"
#include "io/process.h"

enum {
    HOST_WISHES_MAX = 64, /* and for each record */
    HOST_WISHES_A_RECORD = 10,
    HOST_LIMIT_MS = 2 * 60 * 1000,
    HOST_LIMIT_A_RECORD_MS = 4 * 1000,
    HOST_BODY_MAX = 4 * 1024 * 1024, /* of a reply: a list of all records of a zone */
    HOST_TARGETS_MAX = 64
};

struct host_secret {
    struct list in_host;
    const struct provider_config *provider;
    char *path; /* "tsig.secret" */
    struct secret bytes;
};

struct host_memory { /* of one configured provider, for dns_job.memory */
    struct list in_host;
    const struct provider_config *provider;
    struct json *tree; /* may be NULL; sessions: never shown, never stored */
};

struct provider_host {
    struct house *house;
    struct list jobs, secrets, memories;
    struct redactor redactor;
    struct host_pace *pace;
};

struct host_update { /* an UPDATE under way */
    struct net_address targets[HOST_TARGETS_MAX];
    size_t n_targets, at;
    bool is_guess; /* the targets are the zone's servers: nobody said which of them takes updates */
    struct secret key;
    struct err failures; /* of the targets before; kind NONE: none */
};

struct host_job {
    struct list in_host;
    struct provider_host *host;
    const struct provider_config *provider;
    struct zone_info *zone;
    struct dns_job job;
    struct dns_wish wish; /* the last one; lives in job.arena */
    size_t n_wishes;
    struct err trouble;    /* what it stumbled over last; kind NONE: nothing */
    int64_t n_expected;    /* requests that the limits still reckon with */
    bool is_throttled;     /* the provider said so, not we */
    int64_t give_up_at_ms; /* boot clock */
    struct timer *limit;

    /* Under way, at most one of them: */
    struct timer *pause;
    struct http_call *http;
    struct dns_call *dns;
    struct resolve_call *resolve;
    struct process_call *process;
    struct host_update update;

    host_job_done *done;
    host_job_heard *heard; /* may be NULL */
    void *arg;
};

/* The answer of the last wish: the provider is asked what it wishes next. The job may be gone afterwards. */
void host_job_answer(struct host_job *job, const struct dns_answer *answer);
/* The provider means to try again what failed: whoever waits hears of it, once. */
void host_job_stumbles(struct host_job *job, const struct err *err, int64_t again_ms);
/* The job ends at least not before. */
void host_job_extend(struct host_job *job, int64_t by_ms);
/* Ends the job; err NULL: done. */
void host_job_end(struct host_job *job, const struct err *err);
struct loop *host_job_loop(const struct host_job *job);

struct host_pace *host_pace_new(struct house *house);
void host_pace_free(struct host_pace *pace);

/* The slot of a configured provider; made when it is asked for. Borrowed from the host. */
struct json **host_memory_of(struct provider_host *host, const struct provider_config *provider);
void host_memories_free(struct provider_host *host);

/* Starts what job->wish asks for: it ends in host_job_answer, later. False: it cannot even be tried, the job has failed. */
bool host_wish_start(struct host_job *job, struct err *err);
/* True: it is not sure any more that we lead (house_is_sure); fired comes a little later, to look again. Else nothing was done. */
bool host_wish_awaits_lead(struct host_job *job, void (*fired)(void *job));
bool host_update_start(struct host_job *job, struct err *err);
void host_update_fini(struct host_update *update);
/* Cancels what is under way. */
void host_wish_cancel(struct host_job *job);

/* The secret setting at path. Borrowed from the host. Kinds: CONFIG, DENIED; BROKEN when it is none. */
bool host_secret_find(struct host_job *job, struct str path, const struct secret **ret,
                      struct err *err);
/* Also bytes derived from a secret are kept out of the log and of errors. */
void host_secret_mask(struct provider_host *host, struct str bytes);
void host_secrets_free(struct provider_host *host);
/* Replaces what is secret in err's text. */
void host_secret_hide(const struct provider_host *host, struct err *err);

/* Copies text to out with each {{expression}} worked out, encoded as the place needs it. */
bool host_text_fill(struct host_job *job, struct str text, enum veiled_place place, struct buf *out,
                    struct err *err);

#endif
