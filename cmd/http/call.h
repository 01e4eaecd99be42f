/*
 * What the files of the HTTP face share: a CALL is one request on its way through, from its head to its answer.
 */
#ifndef CMD_HTTP_CALL_H
#define CMD_HTTP_CALL_H

#include "authority/ledger.h"
#include "authority/lock.h"
#include "cmd/http/credential.h"
#include "cmd/http/face.h"
#include "cmd/http/target.h"
#include "inventory/config.h"
#include "io/http_server.h"

enum {
    WAITS_MAX = 256,        /* requests that wait for a lock, in all */
    WAITS_OF_PASS_MAX = 64, /* of one client */
    WAIT_S_MAX = 300,
    LIST_MAX = 1000, /* locks or sets in one answer */
    LIST_USUAL = 100,
    ANSWER_MAX = 4 * 1024 * 1024,
    RETRY_AFTER_S = 2,
};

/* ---- routes: method, path, right (0: everybody, HTTP_MAY_ANY: whoever is known), function, fields of its query, members of its body ---- */
#define HTTP_MAY_ANY (1U << 8)
#define HTTP_ROUTES(X)                                                                             \
    X(HEALTHZ, "GET", "/healthz", 0, healthz_run, "", "")                                          \
    X(METRICS, "GET", "/metrics", HTTP_MAY_METRICS, metrics_run, "", "")                           \
    X(LOCKS, "GET", "/v1/locks", HTTP_MAY_LOCK, locks_run, "after limit", "")                      \
    X(LOCK_GET, "GET", "/v1/locks/{name}", HTTP_MAY_LOCK, lock_get_run, "wait_s", "")              \
    X(LOCK_TAKE, "POST", "/v1/locks/{name}", HTTP_MAY_LOCK, lock_take_run, "",                     \
      "ttl_s wait_s ticket client purpose order")                                                  \
    X(LOCK_BEAT, "PUT", "/v1/locks/{name}", HTTP_MAY_LOCK, lock_beat_run, "", "fencing ttl_s")     \
    X(LOCK_DROP, "DELETE", "/v1/locks/{name}", HTTP_MAY_LOCK, lock_drop_run, "fencing outcome",    \
      "fencing outcome")                                                                           \
    X(STATUS, "GET", "/v1/status", HTTP_MAY_STATUS, status_http_run, "set after limit", "")        \
    X(OPENAPI, "GET", "/v1/openapi.json", HTTP_MAY_ANY, openapi_run, "", "")
enum route_id {
#define X(id, method, path, may, run, query, body) ROUTE_##id,
    HTTP_ROUTES(X)
#undef X
        ROUTE_N
};
struct call;
struct route {
    const char *method, *path;
    unsigned may;
    /* In a transaction. Answers (call->status), or leaves it to wait (then it is run again). False: the store failed, or what lies on it. */
    bool (*run)(struct call *call, struct err *err);
    const char *query, *body; /* names of what is understood, by blanks */
};
extern const struct route routes[ROUTE_N];
/* NULL: no such path. *ret_allow: the methods of that path, "GET, POST"; NULL returned and that filled: another method. */
const struct route *route_find(const char *method, const struct target *target, char ret_allow[64]);

/* ---- problems: name, status, title ---- */
#define HTTP_PROBLEMS(X)                                                                           \
    X(BAD_REQUEST, "bad-request", 400, "The request cannot be understood")                         \
    X(UNAUTHORIZED, "unauthorized", 401, "Who asks is not known")                                  \
    X(FORBIDDEN, "forbidden", 403, "Who asks may not do that")                                     \
    X(NOT_FOUND, "not-found", 404, "There is nothing of that name")                                \
    X(METHOD, "method-not-allowed", 405, "That cannot be done here")                               \
    X(LOCK_HELD, "lock-held", 409, "Another holds the lock")                                       \
    X(LOCK_LOST, "lock-lost", 410, "The lock is not held any more")                                \
    X(TOO_LARGE, "too-large", 413, "The body is too long")                                         \
    X(URI_TOO_LONG, "uri-too-long", 414, "The request line is too long")                           \
    X(RATE_LIMIT, "rate-limit", 429, "A limit of the CA stands in the way")                        \
    X(HEADERS, "headers-too-large", 431, "The head of the request is too long")                    \
    X(TOO_MANY_WAIT, "too-many-waiting", 503, "Too many wait already")                             \
    X(NO_STORE, "store-unavailable", 503, "The store cannot be used")
enum problem {
#define X(id, name, status, title) PROBLEM_##id,
    HTTP_PROBLEMS(X)
#undef X
};
int problem_status(enum problem problem);

/* ---- calls ---- */

enum { CALL_FIELDS_MAX = 4 };
struct http_face {
    struct house *house;
    struct http_server *server; /* NULL: what is configured by now has none */
    struct list fresh, waiting, answered;
    struct list leaving; /* clients that are gone and have a ticket still */
    size_t n_waiting;
    int64_t poll_at_boot_ms; /* when those that wait are looked at again */
    int64_t look_at_boot_ms; /* before that the whole store is not walked again */
    bool has_moved;          /* a lock ended in this turn: those that wait are looked at now */
    int64_t began_at_ms;
    int64_t n_answers[ROUTE_N + 1][6]; /* by route (the last: none) and hundreds of the status */
};

struct call {
    struct list link;
    struct http_face *face;
    struct http_exchange *x; /* NULL: the client is gone */
    const struct route *route;
    struct target target;
    struct credential credential;
    const struct http_pass *pass;
    char *name; /* of a lock, canonical; NULL: the route has none */
    /* from body and query */
    char *client, *purpose;
    struct json *body;
    int64_t fencing, ttl_ms;
    enum ledger_outcome outcome;
    bool is_waiting;
    int64_t wait_until_boot_ms; /* 0: does not wait */
    int64_t ticket, asked_at_boot_ms;
    bool keeps_place; /* the client brings its ticket again */
    char seen[32];    /* the state whose end is waited for: an entity tag */
    /* the answer */
    int status; /* 0: none yet */
    struct buf text;
    const char *type;
    struct {
        const char *name;
        char value[96];
    } fields[CALL_FIELDS_MAX];
    size_t n_fields;
};
/* answer.c */
void http_call_json(struct call *call, int status, struct json *take);
/* One line that says what, why and what to do. Members of more (owned, may be NULL) are put into the problem. */
void http_call_problem(struct call *call, enum problem problem, struct json *more, const char *fmt,
                       ...) __attribute__((format(printf, 4, 5)));
void http_call_field(struct call *call, const char *name, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
void http_call_send(struct call *call); /* and frees it */
void http_call_free(struct call *call);

/* ask.c: what query, body and headers say. False: a problem stands in the call. */
struct asked {
    struct str body;
    const char *if_match, *if_none_match; /* headers, or NULL */
};
bool http_call_read(struct call *call, const struct asked *asked);
bool ask_names(const struct json *list, const struct http_pass *pass, const char *otherwise,
               char ***ret_names, size_t *ret_n, struct err *err);
void ask_names_free(char **names, size_t n);

/* One a turn and at most a tenth of the time: a walk over the whole store. False: later. */
bool look_may_begin(struct http_face *face);
void look_ended(struct http_face *face, int64_t began_boot_ms);

bool healthz_run(struct call *call, struct err *err);
bool metrics_run(struct call *call, struct err *err);
bool locks_run(struct call *call, struct err *err);
bool lock_get_run(struct call *call, struct err *err);
bool lock_take_run(struct call *call, struct err *err);
bool lock_beat_run(struct call *call, struct err *err);
bool lock_drop_run(struct call *call, struct err *err);
bool status_http_run(struct call *call, struct err *err);
bool openapi_run(struct call *call, struct err *err);

#endif
