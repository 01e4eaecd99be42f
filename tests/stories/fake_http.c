/* lib/io/http.h towards the fake CAs, in virtual time. */
#include "fake_api.h"
#include "world.h"

#include "io/http.h"
#include "wire_rules.h"

#include <stdio.h>

enum { HEAD_MAX = 32 * 1024, BODY_MAX = 256 * 1024, SILENCE_MS = 30 * 1000, WHOLE_MS = 120 * 1000 };

struct http {
    struct list calls;
    struct http_figures figures;
};

struct http_call {
    struct event event;
    struct list in_http;
    struct fake_reply reply;
    struct err lost; /* kind NONE: there is a reply */
    size_t max_body;
    http_done *done;
    void *arg;
};

struct http *http_new(struct loop *loop, const struct http_options *options)
{
    struct http *http = NEW(struct http);
    (void)loop;
    (void)options;
    list_init(&http->calls);
    return http;
}

static void call_free(struct http_call *call)
{
    world_cancel(&call->event);
    list_remove(&call->in_http);
    fake_reply_fini(&call->reply);
    mem_free(call);
}

void http_cancel(struct http_call *call)
{
    if (call != NULL)
        call_free(call);
}

void http_free(struct http *http)
{
    if (http == NULL)
        return;
    LIST_EACH (it, &http->calls)
        call_free(LIST_OWNER(it, struct http_call, in_http));
    mem_free(http);
}

struct http_figures http_figures(const struct http *http)
{
    return http->figures;
}

const char *http_library(void)
{
    return "fake/1";
}

const char *http_header(const struct http_reply *reply, const char *name)
{
    for (size_t i = 0; i < reply->n_headers; i++)
        if (str_eq_nocase(str_of(reply->headers[i].name), str_of(name)))
            return reply->headers[i].value;
    return NULL;
}

static void call_happens(struct event *event)
{
    struct http_call *call = (struct http_call *)event;
    struct http_header headers[FAKE_HEADERS_MAX];
    struct http_reply reply = {.status = call->reply.status,
                               .headers = headers,
                               .n_headers = call->reply.n_headers,
                               .body =
                                   call->reply.head_only ? STR_NONE : buf_str(&call->reply.body)};
    list_remove(&call->in_http);
    for (size_t i = 0; i < call->reply.n_headers; i++)
        headers[i] =
            (struct http_header){call->reply.headers[i].name, call->reply.headers[i].value};
    const char *date = http_header(&reply, "date");
    if (date != NULL)
        (void)time_parse_http(str_of(date), &reply.date_at_ms);
    if (call->lost.kind != ERR_NONE)
        call->done(call->arg, NULL, &call->lost);
    else
        call->done(call->arg, &reply, NULL);
    call_free(call);
}

/* What the carrier of a reply may do to it. Gives the time until the program hears of it. */
static int64_t carry(struct http_call *call, const char *host)
{
    struct fake_reply *reply = &call->reply;
    int64_t took_ms =
        WORLD_LATENCY_MS + reply->delay_ms + reply->trickle_ms * (int64_t)reply->body.len;
    size_t len = reply->body.len + (size_t)reply->filler_len;
    if (reply->drop || reply->drop_stream || reply->cut_after >= 0)
        err_set(&call->lost, ERR_AGAIN,
                "%s: the connection was closed before the answer was complete", host);
    else if (reply->filler_headers > 0)
        err_set(&call->lost, ERR_BROKEN, "%s: the headers are larger than %d bytes", host,
                HEAD_MAX);
    else if (len > call->max_body)
        err_set(&call->lost, ERR_BROKEN, "%s: the answer is larger than %zu bytes", host,
                call->max_body);
    if (took_ms <= WHOLE_MS)
        return took_ms;
    err_set(&call->lost, ERR_AGAIN, "%s: not finished after 2m", host);
    return WHOLE_MS;
}

static int64_t call_lose(struct http_call *call, int64_t after_ms, const char *host,
                         const char *why)
{
    err_set(&call->lost, ERR_AGAIN, "%s: %s", host, why);
    return after_ms;
}

static struct str header_value(const struct http_request *request, const char *name)
{
    size_t len = strlen(name);
    for (const char *const *h = request->headers; h != NULL && *h != NULL; h++)
        if (strncmp(*h, name, len) == 0 && (*h)[len] == ':')
            return str_trim(str_of(*h + len + 1));
    return STR_NONE;
}

/* "newOrder" for "/acme/new-order". */
static const char *name_of_path(const char *path)
{
#define X(kind, name, begin)                                                                       \
    if ((begin)[0] != '\0' && strncmp(path, begin, strlen(begin)) == 0 &&                          \
        ((begin)[strlen(begin) - 1] == '/' || path[strlen(begin)] == '\0' ||                       \
         path[strlen(begin)] == '?'))                                                              \
        return name;
    FAKE_KINDS(X)
#undef X
    return "other";
}

static int64_t api_carry_out(struct http_call *call, const struct http_request *request)
{
    struct str authorization = header_value(request, "Authorization");
    AUTO(mem_fini)
    char *said = mem_strndup(authorization.p != NULL ? authorization.p : "", authorization.len);
    if (!world_point("api", KILL_BEFORE))
        return INT32_MAX;
    fake_api_answer(request, said, &call->reply);
    if (!world_point("api", KILL_AFTER))
        return INT32_MAX;
    return carry(call, "api");
}

static int64_t call_carry_out(struct http_call *call, const struct http_request *request)
{
    if (fake_api_is_meant(request->url))
        return api_carry_out(call, request);
    const char *path = "/";
    struct world_ca *ca = world_ca_of_url(request->url, &path);
    if (ca == NULL)
        return call_lose(call, WORLD_LATENCY_MS, request->url, "could not resolve host");
    if (ca->reach == REACH_DOWN)
        return call_lose(call, WORLD_LATENCY_MS, ca->name, "connect: connection refused");
    if (ca->reach == REACH_SILENT)
        return call_lose(call,
                         request->timeout_ms > 0 && request->timeout_ms < SILENCE_MS
                             ? request->timeout_ms
                             : SILENCE_MS,
                         ca->name, "no byte in time");
    struct fake_request asked = {.method = str_of(request->method),
                                 .path = str_of(path),
                                 .content_type = header_value(request, "Content-Type"),
                                 .user_agent = STR("chancery-story"),
                                 .body = request->body};
    const char *name = name_of_path(path);
    wire_rules_check(request, name);
    if (!world_point(name, KILL_BEFORE))
        return INT32_MAX;
    fake_ca_answer(ca->fake, &asked, world.now_ms, &call->reply);
    if (!world_point(name, KILL_AFTER))
        return INT32_MAX;
    return carry(call, ca->name);
}

struct http_call *http_start(struct http *http, const struct http_request *request, http_done *done,
                             void *arg)
{
    struct http_call *call = NEW(struct http_call);
    call->event.happen = call_happens;
    call->max_body = request->max_body != 0 ? request->max_body : BODY_MAX;
    call->done = done;
    call->arg = arg;
    list_push_back(&http->calls, &call->in_http);
    http->figures.n_requests++;
    world.n_requests++;
    world_later(&call->event, world.is_killed ? INT32_MAX : call_carry_out(call, request));
    return call;
}
