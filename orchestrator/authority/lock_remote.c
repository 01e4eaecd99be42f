#include "authority/lock_remote.h"

#include "io/http_url.h"

enum {
    WAIT_MOST_S = 20, /* less than the silence a connection bears */
    ANSWER_MS = 20 * 1000,
    TEXT_MAX = 500,
};

/* ---- one exchange ---- */

struct exchange {
    bool is_over, is_answered;
    int status;
    int64_t retry_after_s;
    struct json *body; /* NULL: none, or no JSON */
    struct err err;
};

static void exchange_fini(struct exchange *x)
{
    json_free(x->body);
}

static void exchange_done(void *arg, const struct http_reply *reply, const struct err *err)
{
    struct exchange *x = arg;
    x->is_over = true;
    if (reply == NULL) {
        x->err = *err;
        return;
    }
    const char *after = http_header(reply, "Retry-After");
    x->is_answered = true;
    x->status = reply->status;
    if (after == NULL || !str_to_i64(str_of(after), &x->retry_after_s) || x->retry_after_s < 0)
        x->retry_after_s = 0;
    if (reply->body.len > 0 && !json_parse(reply->body, JSON_SIZE_MAX, &x->body, NULL))
        x->body = NULL;
}

static char *url_of(const struct lock_remote *way)
{
    size_t n = strlen(way->server);
    while (n > 0 && way->server[n - 1] == '/')
        n--;
    return mem_printf("%.*s/v1/locks/%s", (int)n, way->server, way->name);
}

static void exchange_run(const struct lock_remote *way, const char *method,
                         const struct json *members, int64_t wait_ms, struct exchange *x)
{
    AUTO(mem_fini)
    char *url = url_of(way);
    AUTO(secret_fini)
    struct secret header = {0};
    AUTO(buf_fini)
    struct buf text = BUF(64 * 1024), bearer = BUF(16 * 1024);
    json_format(members, &text, false);
    buf_printf(&bearer, "Authorization: Bearer %.*s", STR_ARG(secret_str(way->token)));
    secret_take_buf(&header, &bearer);
    const char *const headers[] = {
        (const char *)header.p, "Content-Type: application/json", "Accept: application/json",
        /* Else a refusal may be lost with the connection: it is said before the body is read. */
        "Expect: 100-continue", NULL};
    struct http_request request = {.method = method,
                                   .url = url,
                                   .headers = headers,
                                   .body = buf_str(&text),
                                   .ca_file = way->ca_file,
                                   .once = true,
                                   .timeout_ms = ANSWER_MS + wait_ms};
    struct http_call *call = http_start(way->http, &request, exchange_done, x);
    int64_t until_ms = clock_boot_ms(&clock_system) + request.timeout_ms + MS_SECOND;
    while (!x->is_over && clock_boot_ms(&clock_system) < until_ms)
        loop_wait(way->loop, clock_wall_ms(&clock_system) + MS_SECOND);
    if (x->is_over)
        return;
    http_cancel(call);
    err_set(&x->err, ERR_AGAIN, "%s does not answer", way->server);
}

/* ---- what an answer means ---- */

static enum err_kind kind_of(int status)
{
    switch (status) {
    case 409:
    case 410:
        return ERR_HELD;
    case 429:
        return ERR_THROTTLED;
    case 401:
    case 403:
        return ERR_DENIED;
    case 400:
    case 404:
    case 405:
    case 413:
        return ERR_CONFIG;
    default:
        return ERR_AGAIN;
    }
}

/* 429 says since when it would go, in the body to the second and in Retry-After at least. */
static int64_t until_of(const struct exchange *x)
{
    const char *at = json_text(x->body, "at");
    int64_t until_ms = 0;
    if (at != NULL && time_parse(str_of(at), &until_ms))
        return until_ms;
    return clock_wall_ms(&clock_system) + x->retry_after_s * MS_SECOND;
}

static bool exchange_fails(const struct lock_remote *way, const struct exchange *x, struct err *err)
{
    AUTO(buf_fini)
    struct buf shown = BUF(TEXT_MAX + 8);
    const char *detail = x->body != NULL ? json_text(x->body, "detail") : NULL;
    if (!x->is_answered) {
        *err = x->err;
        return err_wrap(err, "the lock of %s at %s", way->name, way->server);
    }
    if (detail != NULL)
        text_escape(&shown, str_of(detail), TEXT_MAX);
    else
        buf_printf(&shown, "HTTP status %d", x->status);
    if (kind_of(x->status) == ERR_THROTTLED)
        return err_throttled(err, until_of(x), "%s: %s", way->server, buf_cstr(&shown));
    return err_set(err, kind_of(x->status), "%s: %s", way->server, buf_cstr(&shown));
}

/* An answer without the members it must have is a server that is something else. */
static bool grant_read(const struct lock_remote *way, const struct exchange *x,
                       int64_t asked_boot_ms, int64_t granted_ms, struct lock_grant *ret,
                       struct err *err)
{
    const char *expires = json_text(x->body, "expires_at");
    const struct json *order = json_find(x->body, "order");
    struct lock_grant grant = {.fencing = json_int(x->body, "fencing", 0),
                               .granted_at_ms = granted_ms,
                               .expires_boot_ms = asked_boot_ms + way->ttl_ms,
                               .headroom = {.may = true, .left = INT64_MAX, .limit = ""}};
    if (grant.fencing < 1 || expires == NULL || !time_parse(str_of(expires), &grant.expires_at_ms))
        return err_set(err, ERR_BROKEN, "%s answers something else than a lock", way->server);
    if (order != NULL)
        grant.headroom.left = json_int(order, "left", INT64_MAX);
    *ret = grant;
    return true;
}

/* ---- the way ---- */

static struct json *take_members(const struct lock_remote *way, int64_t wait_s)
{
    struct json *members = json_set_int(json_object(), "ttl_s", way->ttl_ms / MS_SECOND);
    json_set_text(members, "client", way->client);
    json_set_text(members, "purpose", way->purpose);
    if (wait_s > 0) {
        json_set_int(members, "wait_s", wait_s);
        json_set_int(members, "ticket", way->ticket);
    }
    if (way->n_names == 0)
        return members;
    struct json *order = json_object(), *names = json_array();
    for (size_t i = 0; i < way->n_names; i++)
        json_push_text(names, way->names[i]);
    json_set(order, "names", names);
    json_set_text(order, strchr(way->authority, ':') != NULL ? "directory" : "authority",
                  way->authority);
    json_set(members, "order", order);
    return members;
}

static bool remote_renew(void *self, int64_t fencing, struct lock_grant *ret, struct err *err)
{
    struct lock_remote *way = self;
    AUTO(exchange_fini)
    struct exchange x = {0};
    int64_t asked_boot_ms = clock_boot_ms(&clock_system);
    AUTO(json_fini)
    struct json *members = json_set_int(json_object(), "fencing", fencing);
    json_set_int(members, "ttl_s", way->ttl_ms / MS_SECOND);
    exchange_run(way, "PUT", members, 0, &x);
    if (x.is_answered && x.status == 200)
        return grant_read(way, &x, asked_boot_ms, 0, ret, err);
    return exchange_fails(way, &x, err);
}

/* How long a request waited for its turn only the server knows: from when the lock lasts is certain only after a beat. */
static bool grant_confirm(struct lock_remote *way, struct lock_grant *grant, struct err *err)
{
    struct lock_grant fresh = {0};
    if (!remote_renew(way, grant->fencing, &fresh, err))
        return false;
    grant->expires_at_ms = fresh.expires_at_ms;
    grant->expires_boot_ms = fresh.expires_boot_ms;
    return true;
}

static bool remote_take(void *self, int64_t wait_ms, struct lock_grant *ret, struct err *err)
{
    struct lock_remote *way = self;
    AUTO(exchange_fini)
    struct exchange x = {0};
    int64_t asked_boot_ms = clock_boot_ms(&clock_system);
    int64_t wait_s = (wait_ms + MS_SECOND - 1) / MS_SECOND;
    if (wait_s > WAIT_MOST_S)
        wait_s = WAIT_MOST_S;
    AUTO(json_fini)
    struct json *members = take_members(way, wait_s);
    exchange_run(way, "POST", members, wait_s * MS_SECOND, &x);
    if (x.is_answered && x.status == 201) {
        way->ticket = 0;
        return grant_read(way, &x, asked_boot_ms, clock_wall_ms(&clock_system), ret, err) &&
               (wait_s == 0 || grant_confirm(way, ret, err));
    }
    way->ticket = x.is_answered ? json_int(x.body, "ticket", 0) : way->ticket;
    return exchange_fails(way, &x, err);
}

/* A ticket nobody asks with ends by itself. */
static void remote_leave(void *self)
{
    struct lock_remote *way = self;
    way->ticket = 0;
}

static const char *outcome_name(enum ledger_outcome outcome)
{
    switch (outcome) {
    case LEDGER_ISSUED:
        return "issued";
    case LEDGER_ORDERED:
        return "ordered";
    case LEDGER_UNUSED:
        return "unused";
    case LEDGER_UNKNOWN:
        break;
    }
    return "unknown";
}

static bool remote_release(void *self, int64_t fencing, enum ledger_outcome outcome,
                           struct err *err)
{
    struct lock_remote *way = self;
    AUTO(exchange_fini)
    struct exchange x = {0};
    AUTO(json_fini)
    struct json *members = json_set_int(json_object(), "fencing", fencing);
    json_set_text(members, "outcome", outcome_name(outcome));
    exchange_run(way, "DELETE", members, 0, &x);
    return (x.is_answered && x.status == 204) || exchange_fails(way, &x, err);
}

struct lock_way lock_way_of_server(struct lock_remote *self)
{
    return (struct lock_way){self, remote_take, remote_leave, remote_renew, remote_release};
}

bool lock_server_check(const char *server, struct err *err)
{
    struct http_place place;
    struct err why = {0};
    return http_url_check(server, &place, &why) ||
           err_set(err, ERR_CONFIG, "--server %.200s: %s", server, why.text);
}
