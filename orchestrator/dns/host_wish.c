#include "dns/host_inner.h"

#include "base/failpoint.h"
#include "io/http_url.h"

enum {
    LEAD_LOOK_MS = 50,
    HEADERS_MAX = 64,
    URL_FILLED_MAX = 8 * 1024,
    HEADER_FILLED_MAX = 64 * 1024
};

/* ---- pauses ---- */

static void pause_over(void *arg)
{
    struct host_job *job = arg;
    job->pause = NULL;
    host_job_answer(job, &(struct dns_answer){0});
}

static bool sleep_start(struct host_job *job)
{
    int64_t ms = job->wish.sleep_ms > 0 ? job->wish.sleep_ms : 0;
    if (job->wish.err.kind != ERR_NONE)
        host_job_stumbles(job, &job->wish.err, ms);
    job->pause = timer_start(host_job_loop(job), ms, pause_over, job);
    return true;
}

/* ---- programs ---- */

/* Whoever cuts the output cannot leave half a secret in it. What cannot be masked whole is not shown at all. */
static struct str output_hide(struct host_job *job, struct str output, struct buf *out)
{
    redactor_apply(&job->host->redactor, output, out);
    return out->overflow ? STR_NONE : buf_str(out);
}

static void program_ended(void *arg, const struct process_result *result, const struct err *err)
{
    struct host_job *job = arg;
    struct dns_answer answer = {.err = err};
    AUTO(buf_fini)
    struct buf output = BUF(HOST_BODY_MAX);
    AUTO(buf_fini)
    struct buf errors = BUF(HOST_BODY_MAX);
    job->process = NULL;
    if (result != NULL) {
        answer.body = output_hide(job, result->output, &output);
        answer.errors = output_hide(job, result->errors, &errors);
        answer.exit_code = result->signal != 0 ? -1 : result->exit_code;
        answer.timed_out = result->timed_out;
    }
    host_job_answer(job, &answer);
}

enum { VARIABLES_MAX = 256, VARIABLE_MAX = 128 * 1024 };

struct variables { /* the environment of a program */
    const char *lines[VARIABLES_MAX + 1];
    size_t n;
    struct buf secrets[VARIABLES_MAX]; /* those of lines that hold one */
    size_t n_secrets;
};

static void variables_free(struct variables *v)
{
    for (size_t i = 0; i < v->n_secrets; i++)
        buf_fini(&v->secrets[i]);
    mem_free(v);
}

/* line: "NAME=path". */
static bool variable_add_secret(struct host_job *job, struct variables *v, const char *line,
                                struct err *err)
{
    struct str path = str_of(line), name;
    const struct secret *secret;
    str_split(&path, '=', &name);
    if (!host_secret_find(job, path, &secret, err))
        return false;
    if (str_find_char(secret_str(secret), '\0') < secret->len || secret->len > VARIABLE_MAX / 2)
        return err_set(err, ERR_CONFIG,
                       "%.*s cannot stand in an environment: it is too long or "
                       "holds a NUL byte",
                       STR_ARG(path));
    struct buf *out = &v->secrets[v->n_secrets++];
    buf_init(out, VARIABLE_MAX);
    buf_printf(out, "%.*s=", STR_ARG(name));
    buf_add_str(out, secret_str(secret));
    v->lines[v->n++] = buf_cstr(out);
    return true;
}

static bool variables_fill(struct host_job *job, struct variables *v, struct err *err)
{
    const char *const *line = job->wish.run.environment;
    for (; line != NULL && *line != NULL && v->n < VARIABLES_MAX; line++)
        v->lines[v->n++] = *line;
    bool is_whole = line == NULL || *line == NULL;
    line = job->wish.run.secret_environment;
    for (; line != NULL && *line != NULL && v->n < VARIABLES_MAX; line++)
        if (!variable_add_secret(job, v, *line, err))
            return false;
    if (is_whole && (line == NULL || *line == NULL))
        return true;
    return err_set(err, ERR_CONFIG, "its program would get more than %d variables", VARIABLES_MAX);
}

/* A program has a deadline of its own, which a person has set: it does not count against the limit of the job. */
static bool run_start(struct host_job *job, struct err *err)
{
    const struct dns_wish_run *wish = &job->wish.run;
    struct variables *variables = NEW(struct variables);
    bool ok = variables_fill(job, variables, err);
    if (ok) {
        struct process_request request = {
            .argv = wish->argv,
            .environment = variables->lines,
            .input = wish->input,
            .timeout_ms = wish->timeout_ms,
            .errors_apart = wish->errors_apart,
        };
        host_job_extend(job, wish->timeout_ms);
        job->process = process_start(host_job_loop(job), &request, program_ended, job);
    }
    variables_free(variables);
    return ok;
}

/* ---- HTTP ---- */

struct http_answer {
    struct dns_answer answer;
    const struct http_reply *reply;
    struct buf cookies;
};

static const char *answer_header(const struct dns_answer *answer, const char *name)
{
    struct http_answer *heard = (struct http_answer *)(uintptr_t)answer;
    if (!str_eq_nocase(str_of(name), STR("Set-Cookie")))
        return http_header(heard->reply, name);
    buf_clear(&heard->cookies);
    for (size_t i = 0; i < heard->reply->n_headers; i++)
        if (str_eq_nocase(str_of(heard->reply->headers[i].name), str_of(name)))
            buf_printf(&heard->cookies, "%s%s", heard->cookies.len > 0 ? "\n" : "",
                       heard->reply->headers[i].value);
    return heard->cookies.len > 0 ? buf_cstr(&heard->cookies) : NULL;
}

static void limits_hear(struct host_job *job, const struct http_reply *reply)
{
    const struct dns_limits *limits = host_limits(job->provider);
    struct host_place place = {job->provider, job->job.zone, NULL};
    if (limits != NULL && limits->remaining != NULL && limits->reset != NULL)
        host_pace_hear(job->host, &place, http_header(reply, limits->remaining),
                       http_header(reply, limits->reset));
}

static void http_answered(void *arg, const struct http_reply *reply, const struct err *err)
{
    struct host_job *job = arg;
    struct http_answer heard = {
        .answer = {.err = err}, .reply = reply, .cookies = BUF(HEADER_FILLED_MAX)};
    job->http = NULL;
    if (reply != NULL) {
        heard.answer.status = reply->status;
        heard.answer.body = reply->body;
        heard.answer.header = answer_header;
        limits_hear(job, reply);
    }
    host_job_answer(job, &heard.answer);
    buf_fini(&heard.cookies);
}

static bool place_eq(const struct http_place *a, const struct http_place *b)
{
    return a->is_tls == b->is_tls && str_eq_nocase(str_of(a->text), str_of(b->text));
}

/* base_url is the administrator's word, api_hosts the module's. */
static bool place_is_api(const struct host_job *job, const struct http_place *place)
{
    const char *base_url = json_text(job->provider->settings, "base_url");
    const char *const *hosts = job->provider->provider->api_hosts;
    struct http_place base;
    if (base_url != NULL && http_url_check(base_url, &base, NULL) && place_eq(&base, place))
        return true;
    for (; hosts != NULL && *hosts != NULL; hosts++)
        if (place->is_tls && dns_provider_host_fits(*hosts, place->text))
            return true;
    return false;
}

/* Where a login sent us: what it gave for the way goes there, but nothing of the configuration. */
static bool place_is_told(const struct host_job *job, const struct http_place *place)
{
    const char *told = job->wish.http.told_base;
    struct http_place base;
    return job->provider->provider->hosts_by_login && told != NULL && place->is_tls &&
           http_url_check(told, &base, NULL) && place_eq(&base, place);
}

static bool wish_has_secret(const struct dns_wish_http *wish)
{
    bool has = veiled_has_secret(str_of(wish->url)) || veiled_has_secret(wish->body);
    for (const char *const *h = wish->headers; h != NULL && *h != NULL; h++)
        has = has || veiled_has_secret(str_of(*h));
    return has;
}

/* Judged before anything is filled in: what stands behind the host of a URL cannot change the host. */
static bool place_check(const struct host_job *job, struct err *err)
{
    const struct dns_wish_http *wish = &job->wish.http;
    struct http_place place;
    bool has_secret = wish_has_secret(wish);
    if (!has_secret && !job->provider->provider->is_pinned)
        return true;
    if (!http_url_check(wish->url, &place, err))
        return false;
    if (place_is_api(job, &place) || (!has_secret && place_is_told(job, &place)))
        return true;
    return err_set(err, ERR_REFUSED, "%s to %s: it is none of the API's hosts",
                   has_secret ? "secrets are not sent" : "nothing is sent", place.text);
}

static bool is_named(struct str header, struct str name)
{
    return header.len > name.len && header.p[name.len] == ':' &&
           str_eq_nocase(str_mem(header.p, name.len), name);
}

/* How a secret has to be written into the body. */
static enum veiled_place body_place(const struct dns_wish_http *wish)
{
    if (wish->is_encoded)
        return VEILED_IN_BODY;
    for (const char *const *h = wish->headers; h != NULL && *h != NULL; h++) {
        struct str header = str_of(*h);
        if (!is_named(header, STR("content-type")))
            continue;
        if (str_find(header, STR("json")) < header.len)
            return VEILED_IN_JSON;
        if (str_find(header, STR("x-www-form-urlencoded")) < header.len)
            return VEILED_IN_FORM;
    }
    return VEILED_IN_BODY;
}

struct filled {
    struct buf url, body, headers[HEADERS_MAX];
    const char *header_list[HEADERS_MAX + 1];
    size_t n_headers;
};

static void filled_free(struct filled *f)
{
    buf_fini(&f->url);
    buf_fini(&f->body);
    for (size_t i = 0; i < f->n_headers; i++)
        buf_fini(&f->headers[i]);
    mem_free(f);
}

static bool headers_fill(struct host_job *job, struct filled *f, struct err *err)
{
    for (const char *const *h = job->wish.http.headers; h != NULL && *h != NULL; h++) {
        if (f->n_headers == HEADERS_MAX)
            return err_set(err, ERR_BROKEN, "its module wishes more than %d headers", HEADERS_MAX);
        struct buf *out = &f->headers[f->n_headers++];
        buf_init(out, HEADER_FILLED_MAX);
        if (!host_text_fill(job, str_of(*h), VEILED_IN_HEADER, out, err))
            return false;
        f->header_list[f->n_headers - 1] = buf_cstr(out);
    }
    return true;
}

static bool wish_fill(struct host_job *job, struct filled *f, struct err *err)
{
    const struct dns_wish_http *wish = &job->wish.http;
    buf_init(&f->url, URL_FILLED_MAX);
    buf_init(&f->body, HOST_BODY_MAX);
    return host_text_fill(job, str_of(wish->url), wish->is_encoded ? VEILED_IN_BODY : VEILED_IN_URL,
                          &f->url, err) &&
           host_text_fill(job, wish->body, body_place(wish), &f->body, err) &&
           headers_fill(job, f, err);
}

static bool wish_is_once(const struct dns_wish_http *wish)
{
    return wish->once || strcmp(wish->method, "POST") == 0 || strcmp(wish->method, "PATCH") == 0;
}

static bool request_start(struct host_job *job, struct err *err)
{
    struct filled *f = NEW(struct filled);
    bool ok = place_check(job, err) && wish_fill(job, f, err);
    if (ok) {
        struct http_request request = {
            .method = job->wish.http.method,
            .url = buf_cstr(&f->url),
            .headers = f->header_list,
            .body = buf_str(&f->body),
            .max_body = HOST_BODY_MAX,
            .once = wish_is_once(&job->wish.http),
        };
        job->http = http_start(job->host->house->http, &request, http_answered, job);
    }
    filled_free(f);
    return ok;
}

static bool wish_perform(struct host_job *job, struct err *err)
{
    switch (job->wish.kind) {
    case DNS_WISH_HTTP:
        return request_start(job, err);
    case DNS_WISH_UPDATE:
        return host_update_start(job, err);
    case DNS_WISH_RUN:
        return run_start(job, err);
    case DNS_WISH_SLEEP:
        return sleep_start(job);
    case DNS_WISH_DONE:
    case DNS_WISH_FAIL:
        break;
    }
    return err_set(err, ERR_BROKEN, "its module wishes something unknown");
}

/* ---- its turn ---- */

/* A job asks many things, each from the answer to the one before, in the middle of the loop. Who was frozen there may have been replaced: a
 * record that is added now might be found by nobody. The leader's next turn confirms the lead, or ends this job. */
bool host_wish_awaits_lead(struct host_job *job, void (*fired)(void *job))
{
    if (house_is_sure(job->host->house))
        return false;
    host_job_extend(job, LEAD_LOOK_MS);
    job->pause = timer_start(host_job_loop(job), LEAD_LOOK_MS, fired, job);
    return true;
}

static void turn_comes(void *arg)
{
    struct host_job *job = arg;
    struct err err = {0};
    job->pause = NULL;
    if (!host_wish_awaits_lead(job, turn_comes) && !wish_perform(job, &err))
        host_job_end(job, &err);
}

/* What it waits here is not the job's fault. */
bool host_wish_start(struct host_job *job, struct err *err)
{
    FAILPOINT("provider.wish.before");
    const char *owner = job->wish.kind == DNS_WISH_HTTP ? job->wish.http.owner : NULL;
    struct host_place place = {job->provider, job->job.zone,
                               owner != NULL ? owner : job->job.records[0].owner};
    if (job->wish.kind == DNS_WISH_SLEEP || job->job.n_records == 0)
        return wish_perform(job, err);
    int64_t wait_ms = host_pace_take(job->host, &place, err);
    if (wait_ms < 0)
        return false;
    /* One is reckoned with as long as the job goes on. */
    if (job->n_expected > 1) {
        job->n_expected--;
        host_pace_expect(job->host, &place, -1);
    }
    if (wait_ms == 0)
        return host_wish_awaits_lead(job, turn_comes) || wish_perform(job, err);
    host_job_extend(job, wait_ms);
    job->pause = timer_start(host_job_loop(job), wait_ms, turn_comes, job);
    return true;
}

void host_wish_cancel(struct host_job *job)
{
    timer_cancel(job->pause);
    http_cancel(job->http);
    if (job->dns != NULL)
        dns_cancel(job->dns);
    resolve_cancel(job->resolve);
    process_cancel(job->process);
    job->pause = NULL;
    job->http = NULL;
    job->dns = NULL;
    job->resolve = NULL;
    job->process = NULL;
}
