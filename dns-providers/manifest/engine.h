/*
 * The engine: interprets one manifest for one job. The inside of dns-providers/manifest; nobody else includes this.
 *
 * What a job needs is a conversation: open a session, find the zone, read, write, wait. The engine holds it as a stack of tasks. The top
 * task is run with the answer it wished for (or with none, when it begins or what it pushed is done) and says how it goes on:
 *
 *     WISH     it has filled in a wish and is run again with the answer
 *     PUSHED   another task must be done first
 *     DONE     it is over; the task below goes on
 *     FAILED   the job is over; why is in engine->err
 *
 *   engine.c    the stack, the plan of a job         call.c      one call: send, judge, repeat, page, wait
 *   request.c   a call as an HTTP request            request_parts.c  what of it can be signed
 *   answer.c    a reply as a tree, and its class     now.c       the time as APIs write it
 *   zone.c      which zone, and its id               session.c   logging in, cookies
 *   clock.c     the time as the server has it        find.c      which records hold a value
 *   model.c     what the models share                model_*.c   record, value, rrset, document, single
 *   where.c     which element is meant               batch_*.c   many changes in one call
 *
 * All is the arena's of the job. The tree of the manifest was checked when it was loaded (check.c), so that what is required is there.
 */
#ifndef MANIFEST_ENGINE_H
#define MANIFEST_ENGINE_H

#include "dns-providers/dns_provider.h"
#include "dns-providers/manifest/cond.h"
#include "dns-providers/manifest/tree.h"
#include "dns-providers/pointer.h"

/* CALLS_MAX: requests of one job, and CALLS_A_RECORD more for each of its records. */
enum {
    CALLS_MAX = 200,
    CALLS_A_RECORD = 8,
    PAGES_MAX = 100,
    TRIES_MAX = 5,
    CONFLICTS_MAX = 3,
    WHERE_MAX = 16,
    FIND_EACH_MAX = 40 /* records that a find looks at one by one */
};

enum task_status { TASK_WISH, TASK_PUSHED, TASK_DONE, TASK_FAILED };
struct engine;
struct task;
typedef enum task_status task_run(struct engine *engine, struct task *task,
                                  const struct dns_answer *answer);
struct task {
    struct task *below;
    task_run *run;
    int at; /* where it stands; 0 when it begins */
};

/* What a call came to. */
enum outcome {
    OUTCOME_OK,
    OUTCOME_SKIPPED,  /* its condition did not hold */
    OUTCOME_ABSENT,   /* what was looked for does not exist */
    OUTCOME_PRESENT,  /* what was to be added exists already */
    OUTCOME_GONE,     /* what was to be removed does not exist */
    OUTCOME_CONFLICT, /* somebody else wrote meanwhile: read again */
    OUTCOME_REFUSED,  /* a call that may be refused was: nothing of it was done */
};
struct call_task {
    struct task task;
    const struct json *call;
    enum outcome outcome;
    struct json *pages;        /* array: one answer each; trees of JSON or text answers */
    const struct json *answer; /* the last one, or NULL */
    const struct json *more;   /* picks beside those of `save`: what a session keeps */
    bool is_login;             /* its answer may set cookies */
    const struct veiled *url;  /* of its last request */
    struct json *saved;        /* what was picked, or NULL */
    const char *said;          /* of a conflict: in the words of the server; "" when it has none */
    int n_tries, n_busy;
    bool may_be_refused; /* whoever pushed it knows another way: no failure, but OUTCOME_REFUSED */
    /* paging */
    int64_t page, n_seen;
    const char *cursor, *next_url;
};

struct engine {
    const struct json *tree; /* of the manifest */
    struct dns_job *job;
    struct arena *arena;
    struct task *top;
    struct dns_wish *wish; /* to be filled in by the running task */
    struct err err;
    size_t n_calls;
    /* Variables; NULL: not set. */
    struct json *zone, *name, *rec, *out, *session;
    const struct json *values, *old;
    const struct json *sets, *adds, *removes, *items; /* of a batch or a document, see model.h */
    const char *txt;
    int64_t ttl_s, session_until_ms;
    bool session_open, session_opens, session_renewed; /* it is logging in; it has once more */
    struct scope lets[64];
    size_t n_lets;
    const struct json *item; /* of a list that is gone through call by call */
    struct json *cookies;    /* of the session: [{place, name, value}] */
    int64_t clock_ahead_ms;  /* of the server before ours */
    bool clock_asked, clock_corrected;
    bool session_is_real; /* not all of its calls were skipped */
    bool closes;          /* all is done but for closing the session */
};

void engine_push(struct engine *engine, struct task *task, task_run *run);
/* Fills in engine->err. */
enum task_status engine_fail(struct engine *engine, enum err_kind kind, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
enum task_status engine_fail_with(struct engine *engine, const struct err *err);
/* The variables as they are now. */
struct template_context engine_context(struct engine *engine);
/* now.*: {unix, ms, iso, day "2026-11-21", compact "20261121T220123Z", date "20261121", http}, UTC. */
const struct json *now_tree(struct arena *arena, int64_t at_ms);

/* A call of the manifest, pushed; `call` may be {$use: NAME}. The task is the arena's and can be looked at when it is done. */
struct call_task *call_push(struct engine *engine, const struct json *call);
const struct json *call_resolve(const struct engine *engine, const struct json *call);

struct request {
    const char *method;
    const struct veiled *url, *body;
    struct {
        const char *name;
        const struct veiled *value;
    } headers[32];
    size_t n_headers;
    const char *told_base; /* what a login told, when the request goes there */
};
bool request_build(struct engine *engine, const struct call_task *call, struct request *ret,
                   struct err *err);
/* For request.c: variables of `let`, and req.* as it is now; type: of the body, or NULL. Kind CONFIG (too many). */
bool let_bind(struct engine *engine, const char *name, const struct veiled *text, struct err *err);
bool request_bind(struct engine *engine, const struct request *request, const char *type,
                  struct err *err);
void request_wish(struct engine *engine, const struct request *request, struct dns_wish *ret);

/* By what a reply says, its status or a code in it. */
enum reply_class {
    REPLY_OK,
    REPLY_AUTH,
    REPLY_RETRY,
    REPLY_LIMIT,
    REPLY_CONFLICT,
    REPLY_PRESENT,
    REPLY_GONE,
    REPLY_ABSENT,
    REPLY_BUSY,
    REPLY_USER,
    REPLY_FAILED,
};
struct reply {
    enum reply_class class;
    struct json *tree; /* the arena's; NULL: no body that could be read */
    const char *text;  /* what the server says of a failure, escaped and cut; "" when nothing */
    int64_t retry_after_ms; /* -1: not told */
    bool is_unread;         /* a good status, but no answer: it may have been done */
};
void reply_read(struct engine *engine, const struct json *call, const struct dns_answer *answer,
                struct reply *ret);
/* A pick: a pointer, a list of them (the first that exists), "header:NAME" or {items, where, ptr}. NULL when it is not there. */
const struct json *pick_find(struct engine *engine, const struct json *pick,
                             const struct json *tree, const struct dns_answer *answer);
/* Does an element fit {pointer: wanted}? wanted: a template, {txt: true} or {name: template}, each with `of`, what is made of the
 * element's text ({item}) before it is compared, and `in`, the zone that names without a final dot lie in. */
bool where_fits(struct engine *engine, const struct json *where, const struct json *element);
/* The same for many elements: what is wanted is worked out once, for the variables as they are now. */
struct where;
const struct where *where_make(struct engine *engine, const struct json *where);
bool where_holds(const struct where *where, const struct json *element);

/* Is a login due before this call: none yet, or the session is about to end? */
bool session_is_due(const struct engine *engine, const struct json *call);
void session_push(struct engine *engine);
/* The session of an earlier job, when it is still good (`share`). */
void session_recall(struct engine *engine);
/* Is it kept for the jobs to come, so that it must not be closed? */
bool session_is_shared(const struct engine *engine);
/* Keeps the cookies that an answer of a login sets, for the place of its request only (RFC 6265, without paths: the place is the API's). */
void cookies_keep(struct engine *engine, const struct veiled *url, const struct dns_answer *answer);
/* The value of the header Cookie for a request to url, or NULL. */
const struct veiled *cookies_for(struct engine *engine, const struct veiled *url);
/* What a session keeps is secret: it becomes "***" in texts for people. */
void session_hide(const struct engine *engine, struct str text, struct buf *out);

/* Now as the server has it, as far as it is known. */
int64_t engine_now_ms(const struct engine *engine);
/* Must the server be asked for its time before this call? */
bool clock_is_due(const struct engine *engine, const struct json *call);
void clock_push(struct engine *engine);
/* Takes over the Date of a refused answer, once a job, when the manifest says so and it differs much. False: that was not it. */
bool clock_correct(struct engine *engine, const struct dns_answer *answer);

/* `find` of the manifest, for the value engine->txt: an array of what `save` picked of each record that fits. */
struct find_task {
    struct task task;
    struct call_task *asked;
    const struct json *ids;
    size_t next;
    struct json *answers; /* of the looks at one by one */
    struct json *found;   /* when it is done */
};
struct find_task *find_push(struct engine *engine);

void zone_push(struct engine *engine);
/* The records of the job one owner name after the other, by the manifest's model. */
void models_push(struct engine *engine);

/* For the models: sets name, ttl of the owner; values compared as TXT values, whatever quotes and escapes they come in. */
void engine_set_owner(struct engine *engine, const char *owner, uint32_t ttl_s);
bool txt_equal(const char *a, const char *b);
/* The after-steps of a job that added or removed something, each once; false when there are none. */
bool after_push(struct engine *engine, bool adds, bool removes);

#endif
