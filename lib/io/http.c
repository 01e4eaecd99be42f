#include "io/http_inside.h"

#include <stdio.h>

static void http_shut(struct http *http);

static void http_drop(struct loop_thing *thing)
{
    http_shut(LIST_OWNER(thing, struct http, thing));
}

struct http *http_new(struct loop *loop, const struct http_options *options)
{
    CHECK(curl_global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK); /* counted by curl */
    struct http *http = NEW(struct http);
    http->loop = loop;
    http->user_agent = mem_strdup(options->user_agent);
    http->max_connections = options->max_connections;
    http->no_reuse = options->no_reuse;
    list_init(&http->calls);
    http_pool_init(&http->pools[0], http, false);
    http_pool_init(&http->pools[1], http, true);
    loop_thing_add(loop, &http->thing, http_drop);
    return http;
}

static CURL *easy_take(struct http *http)
{
    CURL *easy = http->n_idle > 0 ? http->idle[--http->n_idle] : curl_easy_init();
    CHECK(easy != NULL);
    return easy;
}

/* Gives the handle back; the call is no longer known to curl. */
static void call_detach(struct http_call *call)
{
    struct http *http = call->http;
    CURL *easy = call->easy;
    if (easy == NULL)
        return;
    call->easy = NULL;
    curl_multi_remove_handle(call->pool->multi, easy);
    curl_easy_reset(easy);
    if (http->n_idle < HTTP_IDLE_MAX)
        http->idle[http->n_idle++] = easy;
    else
        curl_easy_cleanup(easy);
}

/* A call that is in no list and known to nobody else. */
static void call_free(struct http_call *call)
{
    mem_free(call->method);
    mem_free(call->url);
    mem_free(call->ca_file);
    curl_slist_free_all(call->headers);
    buf_fini(&call->body);
    buf_fini(&call->head);
    buf_fini(&call->answer);
    mem_free(call);
}

static void call_still(struct http_call *call)
{
    call_detach(call);
    loop_timer_clear(call->http->loop, &call->deadline);
    loop_later_clear(&call->later);
}

/* From here on nothing may touch call->http: done may free it. */
static void call_report(struct loop_later *later)
{
    struct http_call *call = LIST_OWNER(later, struct http_call, later);
    struct http_header *headers = NULL;
    struct http_reply reply = {.status = call->status, .body = buf_str(&call->answer)};
    call_still(call);
    list_remove(&call->link);
    loop_report(call->http->loop);
    if (call->err.kind != ERR_NONE) {
        call->done(call->arg, NULL, &call->err);
    } else {
        reply.n_headers = http_head_split(call, &headers);
        reply.headers = headers;
        const char *date = http_header(&reply, "Date");
        if (date != NULL)
            (void)time_parse_http(str_of(date), &reply.date_at_ms);
        call->done(call->arg, &reply, NULL);
    }
    mem_free(headers);
    call_free(call);
}

static void call_finish(struct http_call *call)
{
    call_detach(call);
    loop_timer_clear(call->http->loop, &call->deadline);
    loop_later(call->http->loop, &call->later, call_report);
}

static void deadline_passed(struct loop_timer *timer)
{
    struct http_call *call = LIST_OWNER(timer, struct http_call, deadline);
    char text[TIME_TEXT_MAX];
    duration_format(call->timeout_ms, text);
    snprintf(call->curl_error, sizeof call->curl_error, "not finished after %s", text);
    http_fault(call, CURLE_OPERATION_TIMEDOUT);
    call_finish(call);
}

static void call_send(struct http_call *call)
{
    call->easy = easy_take(call->http);
    http_easy_set(call);
    CURLMcode code = curl_multi_add_handle(call->pool->multi, call->easy);
    if (code == CURLM_OK)
        return;
    err_set(&call->err, ERR_LOCAL, "%s: request: %s", call->place.text, curl_multi_strerror(code));
    call_finish(call);
}

static int64_t easy_number(CURL *easy, CURLINFO info)
{
    curl_off_t n = 0;
    curl_easy_getinfo(easy, info, &n);
    return n;
}

static void figures_add(struct http_figures *figures, CURL *easy)
{
    long n_connects = 0, head_len = 0, request_len = 0;
    curl_easy_getinfo(easy, CURLINFO_NUM_CONNECTS, &n_connects);
    curl_easy_getinfo(easy, CURLINFO_HEADER_SIZE, &head_len);
    curl_easy_getinfo(easy, CURLINFO_REQUEST_SIZE, &request_len);
    figures->n_connections += n_connects;
    figures->n_bytes_in += head_len + easy_number(easy, CURLINFO_SIZE_DOWNLOAD_T);
    figures->n_bytes_out += request_len + easy_number(easy, CURLINFO_SIZE_UPLOAD_T);
}

static const char *redirect_of(const struct http_call *call)
{
    static const int statuses[] = {301, 302, 303, 307, 308};
    char *url = NULL;
    for (size_t i = 0; call->follow && i < sizeof statuses / sizeof statuses[0]; i++)
        if (statuses[i] == call->status)
            curl_easy_getinfo(call->easy, CURLINFO_REDIRECT_URL, &url);
    return url;
}

/* Another place gets none of our headers: they may hold credentials meant for the first. */
static void headers_drop(struct http_call *call)
{
    curl_slist_free_all(call->headers);
    call->headers = curl_slist_append(NULL, "Accept-Language: en");
}

static bool redirect_check(struct http_call *call, const char *url)
{
    struct http_place from = call->place, to;
    if (++call->n_redirects > HTTP_REDIRECTS_MAX)
        return err_set(&call->err, ERR_BROKEN, "%s: answer: more than %d redirects", from.text,
                       HTTP_REDIRECTS_MAX);
    if (!http_url_check(url, &to, &call->err))
        return err_wrap(&call->err, "%s: redirect", from.text);
    if (from.is_tls && !to.is_tls)
        return err_set(&call->err, ERR_REFUSED, "%s: redirect: down from https to http", from.text);
    if (strcmp(from.text, to.text) != 0 || from.is_tls != to.is_tls)
        headers_drop(call);
    call->place = to;
    return true;
}

static void call_follow(struct http_call *call, const char *url)
{
    if (!redirect_check(call, url)) {
        call_finish(call);
        return;
    }
    mem_set_str(&call->url, url); /* url belongs to the handle */
    call_detach(call);
    buf_clear(&call->head);
    buf_clear(&call->answer);
    call->head_ended = false;
    call_send(call);
}

void http_call_end(struct http_call *call, CURLcode code)
{
    long status = 0;
    figures_add(&call->http->figures, call->easy);
    curl_easy_getinfo(call->easy, CURLINFO_RESPONSE_CODE, &status);
    call->status = (int)status;
    if (code == CURLE_OK) {
        const char *url = redirect_of(call);
        if (url != NULL) {
            call_follow(call, url);
            return;
        }
        if (status < 100 || status > 599)
            err_set(&call->err, ERR_BROKEN, "%s: answer: status %ld", call->place.text, status);
    } else {
        http_fault(call, code);
    }
    call_finish(call);
}

static bool is_token(struct str s)
{
    for (size_t i = 0; i < s.len; i++)
        if (memchr("()<>@,;:\\\"/[]?={}", s.p[i], 17) != NULL || s.p[i] <= ' ' || s.p[i] > '~')
            return false;
    return s.len > 0;
}

/* A line break in a value would begin a header, or a request, of somebody else's making. */
static bool header_check(const struct http_call *call, const char *header, struct err *err)
{
    struct str line = str_of(header);
    size_t colon = str_find_char(line, ':');
    if (colon == line.len || !is_token(str_mem(line.p, colon)))
        return err_set(err, ERR_REFUSED, "%s: request: a header without a proper name",
                       call->place.text);
    for (size_t i = colon; i < line.len; i++)
        if ((unsigned char)line.p[i] < ' ' && line.p[i] != '\t')
            return err_set(err, ERR_REFUSED, "%s: request: header %.*s holds a control byte",
                           call->place.text, STR_ARG(str_mem(line.p, colon)));
    return true;
}

static bool headers_take(struct http_call *call, const char *const *headers, struct err *err)
{
    bool has_language = false, has_type = false, has_expect = false;
    call->headers = NULL;
    for (; headers != NULL && *headers != NULL; headers++) {
        struct str name = str_mem(*headers, str_find_char(str_of(*headers), ':'));
        if (!header_check(call, *headers, err))
            return false;
        has_language = has_language || str_eq_nocase(name, STR("Accept-Language"));
        has_type = has_type || str_eq_nocase(name, STR("Content-Type"));
        has_expect = has_expect || str_eq_nocase(name, STR("Expect"));
        call->headers = curl_slist_append(call->headers, *headers);
    }
    if (!has_language)
        call->headers = curl_slist_append(call->headers, "Accept-Language: en");
    if (!has_type) /* curl would call it a form */
        call->headers = curl_slist_append(call->headers, "Content-Type:");
    if (!has_expect) /* else curl asks by itself whether a long body is welcome */
        call->headers = curl_slist_append(call->headers, "Expect:");
    return true;
}

static bool call_check(struct http_call *call, const struct http_request *request)
{
    if (!http_url_check(request->url, &call->place, &call->err))
        return false;
    if (!is_token(str_of(request->method)))
        return err_set(&call->err, ERR_REFUSED, "%s: request: not a method", call->place.text);
    return headers_take(call, request->headers, &call->err);
}

static struct http_call *call_new(struct http *http, const struct http_request *request)
{
    struct http_call *call = NEW(struct http_call);
    call->http = http;
    call->pool = &http->pools[request->public_only];
    call->method = mem_strdup(request->method);
    call->url = mem_strdup(request->url);
    call->ca_file = mem_strdup(request->ca_file);
    call->follow = request->follow && str_eq(str_of(request->method), STR("GET"));
    call->max_body = request->max_body > 0 ? request->max_body : HTTP_BODY_MAX;
    call->timeout_ms = request->timeout_ms > 0 ? request->timeout_ms : HTTP_TIMEOUT_MS;
    buf_init(&call->body, request->body.len);
    call->once = request->once;
    buf_add_str(&call->body, request->body);
    buf_init(&call->head, HTTP_HEAD_MAX);
    buf_init(&call->answer, call->max_body);
    list_push_back(&http->calls, &call->link);
    return call;
}

struct http_call *http_start(struct http *http, const struct http_request *request, http_done *done,
                             void *arg)
{
    struct http_call *call = call_new(http, request);
    call->done = done;
    call->arg = arg;
    http->figures.n_requests++;
    if (http->is_shut)
        return call; /* the loop is gone: freed with http */
    if (!call_check(call, request)) {
        call_finish(call);
        return call;
    }
    loop_timer_set(http->loop, &call->deadline, call->timeout_ms, deadline_passed);
    call_send(call);
    return call;
}

void http_cancel(struct http_call *call)
{
    if (call == NULL)
        return;
    call_still(call);
    list_remove(&call->link);
    call_free(call);
}

/* After this http holds no descriptor and the loop does not know it; calls stay for http_free. */
static void http_shut(struct http *http)
{
    if (http->is_shut)
        return;
    http->is_shut = true;
    loop_thing_remove(&http->thing);
    LIST_EACH (link, &http->calls)
        call_still(LIST_OWNER(link, struct http_call, link));
    http_pool_fini(&http->pools[0]);
    http_pool_fini(&http->pools[1]);
    while (http->n_idle > 0)
        curl_easy_cleanup(http->idle[--http->n_idle]);
}

void http_free(struct http *http)
{
    if (http == NULL)
        return;
    http_shut(http);
    for (struct list *link; (link = list_pop_front(&http->calls)) != NULL;)
        call_free(LIST_OWNER(link, struct http_call, link));
    mem_free(http->user_agent);
    mem_free(http);
    curl_global_cleanup();
}

struct http_figures http_figures(const struct http *http)
{
    return http->figures;
}

const char *http_header(const struct http_reply *reply, const char *name)
{
    for (size_t i = 0; i < reply->n_headers; i++)
        if (str_eq_nocase(str_of(reply->headers[i].name), str_of(name)))
            return reply->headers[i].value;
    return NULL;
}

const char *http_library(void)
{
    /* curl_version() would also name what curl is linked with. */
    static char name[64];
    if (name[0] == '\0')
        snprintf(name, sizeof name, "libcurl/%s", curl_version_info(CURLVERSION_NOW)->version);
    return name;
}
