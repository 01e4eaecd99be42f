#include "store/postgres/postgres.h"

#include <poll.h>
#include <stdlib.h>

/* As with SQLite, the sum of the waits is the deadline, so no clock is needed. */
enum {
    SLICE_MS = 50,
    ANSWER_MS = 60 * 1000, /* a server that is there and says nothing */
    HURRIED_ANSWER_MS = 3000,
    HURRIED_LOCK_MS = 500,
    HURRIED_CONNECT_MS = 500,
    CONNECT_S = 10,
    KEYS_MAX = 96,
};

/* False: it took too long, or somebody asked for an end and it took longer than is right then. */
static bool socket_wait(const struct postgres_store *store, const PGconn *conn, short events,
                        int64_t most_ms, int64_t hurried_ms)
{
    const struct store *base = &store->base;
    for (int64_t waited_ms = 0;;) {
        struct pollfd fd = {PQsocket(conn), events, 0};
        int n = poll(&fd, 1, SLICE_MS);
        if (n > 0)
            return true;
        if (n == 0)
            waited_ms += SLICE_MS;
        bool is_hurried = base->is_hurried != NULL && base->is_hurried(base->hurried_arg);
        if (waited_ms >= (is_hurried ? hurried_ms : most_ms))
            return false;
    }
}

PGresult *answer_await(struct postgres_store *store, int was_sent, bool is_lock)
{
    int64_t hurried_ms = is_lock ? HURRIED_LOCK_MS : HURRIED_ANSWER_MS;
    PGresult *last = NULL, *next;
    store->silence = NULL;
    if (!was_sent)
        return NULL;
    do {
        while (PQisBusy(store->conn)) {
            if (!socket_wait(store, store->conn, POLLIN, ANSWER_MS, hurried_ms)) {
                PQclear(last);
                store->distrust = true;
                store->silence = is_lock ? "another chancery writes" : "it does not answer";
                return NULL;
            }
            if (!PQconsumeInput(store->conn))
                break;
        }
        next = PQgetResult(store->conn);
        if (next != NULL) {
            PQclear(last);
            last = next;
        }
    } while (next != NULL);
    return last;
}

/* ---- connecting: one server of the address after the other, never longer with one than its patience ---- */

struct parameters {
    const char *keys[KEYS_MAX], *values[KEYS_MAX];
    size_t n;
};

static void parameter_add(struct parameters *p, const char *key, const char *value)
{
    CHECK(p->n + 1 < KEYS_MAX);
    p->keys[p->n] = key;
    p->values[p->n++] = value;
}

static struct str piece_of(const char *list, size_t i)
{
    struct str rest = str_of(list), piece = {0}, last = {0};
    for (size_t k = 0; k <= i && str_split(&rest, ',', &piece); k++)
        last = piece;
    return last;
}

static size_t pieces_count(const char *list)
{
    size_t n = 1;
    for (const char *p = list; *p != '\0'; p++)
        n += *p == ',';
    return n;
}

static const char *option_get(const PQconninfoOption *options, const char *key)
{
    for (const PQconninfoOption *o = options; o->keyword != NULL; o++)
        if (strcmp(o->keyword, key) == 0)
            return o->val;
    return NULL;
}

static bool is_listed(const char *key)
{
    return strcmp(key, "host") == 0 || strcmp(key, "hostaddr") == 0 || strcmp(key, "port") == 0;
}

/* A server that is cut off is given up after a while, also in the middle of a statement; what the address says wins. */
static PGconn *start_one(const PQconninfoOption *options, size_t i, struct arena *arena)
{
    struct parameters p = {0};
    static const char *const ours[][2] = {{"application_name", "chancery"},
                                          {"client_encoding", "UTF8"},
                                          {"keepalives_idle", "5"},
                                          {"tcp_user_timeout", "15000"}};
    for (size_t k = 0; k < sizeof ours / sizeof ours[0]; k++)
        if (option_get(options, ours[k][0]) == NULL)
            parameter_add(&p, ours[k][0], ours[k][1]);
    for (const PQconninfoOption *o = options; o->keyword != NULL; o++) {
        if (o->val == NULL)
            continue;
        struct str piece = piece_of(o->val, i);
        parameter_add(&p, o->keyword,
                      is_listed(o->keyword) ? arena_strndup(arena, piece.p, piece.len) : o->val);
    }
    return PQconnectStartParams(p.keys, p.values, 0);
}

static bool await_one(const struct postgres_store *store, PGconn *conn, int64_t most_ms)
{
    PostgresPollingStatusType wants = PGRES_POLLING_WRITING;
    while (PQstatus(conn) != CONNECTION_BAD && wants != PGRES_POLLING_OK &&
           wants != PGRES_POLLING_FAILED) {
        short events = wants == PGRES_POLLING_READING ? POLLIN : POLLOUT;
        if (!socket_wait(store, conn, events, most_ms, HURRIED_CONNECT_MS))
            return false;
        wants = PQconnectPoll(conn);
    }
    return true;
}

static void failure_add(struct buf *out, const PGconn *conn, bool was_in_time)
{
    struct str text = str_trim(str_of(was_in_time ? PQerrorMessage(conn) : "")), line = {0};
    if (out->len > 0)
        buf_add_cstr(out, "; ");
    if (!was_in_time || !str_split(&text, '\n', &line))
        buf_printf(out, "%.200s does not answer", PQhost(conn) != NULL ? PQhost(conn) : "it");
    else
        text_escape(out, line, 300);
}

static PGconn *connect_each(const struct postgres_store *store, const PQconninfoOption *options,
                            struct arena *arena, struct buf *failure)
{
    const char *host = option_get(options, "host"), *address = option_get(options, "hostaddr");
    const char *list = address != NULL && address[0] != '\0' ? address : host != NULL ? host : "";
    const char *patience = option_get(options, "connect_timeout");
    int64_t patience_s = 0;
    if (patience == NULL || !str_to_i64(str_of(patience), &patience_s) || patience_s <= 0)
        patience_s = CONNECT_S;
    for (size_t i = 0; i < pieces_count(list); i++) {
        PGconn *conn = start_one(options, i, arena);
        bool in_time = conn != NULL && await_one(store, conn, patience_s * 1000);
        if (in_time && PQstatus(conn) == CONNECTION_OK)
            return conn;
        failure_add(failure, conn, in_time);
        PQfinish(conn);
    }
    return NULL;
}

PGconn *server_connect(const struct postgres_store *store, struct buf *failure)
{
    char *why = NULL;
    struct arena *arena = arena_new();
    PQconninfoOption *options = PQconninfoParse(store->url, &why);
    PGconn *conn = NULL;
    if (options != NULL)
        conn = connect_each(store, options, arena, failure);
    else
        buf_add_cstr(failure, "the address cannot be read");
    PQfreemem(why);
    PQconninfoFree(options);
    arena_free(arena);
    return conn;
}
