#include "dns-providers/web.h"

#include "base/clock.h"

enum { SAID_MAX = 200, THROTTLED_MS = 60 * 1000 };

const char *web_url(const struct dns_job *job, const char *otherwise, const char *path)
{
    const char *base = json_text(job->settings, "base_url");
    struct str below = str_of(base != NULL ? base : otherwise);
    while (str_ends(below, STR("/")))
        below.len--;
    return arena_printf(job->arena, "%.*s%s", STR_ARG(below), path);
}

void web_ask(const char *method, const char *url, const char *const *headers, struct str body,
             struct dns_wish *ret_wish)
{
    *ret_wish = (struct dns_wish){
        .kind = DNS_WISH_HTTP,
        .http = {.method = method, .url = url, .headers = headers, .body = body},
    };
}

const char *const *web_headers(const struct dns_job *job, const char *const *headers)
{
    size_t n = 0;
    while (headers[n] != NULL)
        n++;
    const char **copy = arena_alloc(job->arena, (n + 1) * sizeof *copy);
    memcpy(copy, headers, n * sizeof *copy);
    return copy;
}

static const char *said_format(struct str said, struct buf *out)
{
    said = str_trim(said);
    if (said.len > 0)
        buf_add_cstr(out, "; it said: ");
    text_escape(out, said, SAID_MAX);
    return buf_cstr(out);
}

void web_fail(enum err_kind kind, const char *doing, const char *what, struct str said,
              struct dns_wish *ret_wish)
{
    AUTO(buf_fini)
    struct buf shown = BUF(4 * SAID_MAX + 32);
    dns_wish_fail(ret_wish, kind, "%s: %s%s", doing, what, said_format(said, &shown));
}

void web_fail_until(const struct dns_job *job, int64_t wait_ms, const char *doing, struct str said,
                    struct dns_wish *ret_wish)
{
    web_fail(ERR_THROTTLED, doing, "too many requests", said, ret_wish);
    ret_wish->err.until_ms = job->now_ms + wait_ms;
}

int64_t web_retry_after_ms(const struct dns_job *job, const struct dns_answer *answer)
{
    const char *text = answer->header != NULL ? answer->header(answer, "Retry-After") : NULL;
    int64_t seconds, at_ms, wait_ms;
    if (text == NULL)
        return -1;
    if (str_to_i64(str_of(text), &seconds))
        wait_ms = seconds > MS_DAY / MS_SECOND ? MS_DAY : seconds * MS_SECOND;
    else if (time_parse_http(str_of(text), &at_ms))
        wait_ms = at_ms - job->now_ms;
    else
        return -1;
    return wait_ms < 0 ? 0 : wait_ms > MS_DAY ? MS_DAY : wait_ms;
}

bool web_hear(const struct dns_job *job, const struct dns_answer *answer, const char *doing,
              struct dns_wish *ret_wish)
{
    int status = answer->status;
    if (answer->err != NULL) {
        dns_wish_fail_as(ret_wish, answer->err, "%s", doing);
        return false;
    }
    if (status >= 200 && status < 300)
        return true;
    int64_t wait_ms = web_retry_after_ms(job, answer);
    if (status == 429 || (status == 503 && wait_ms >= 0)) {
        web_fail_until(job, wait_ms >= 0 ? wait_ms : THROTTLED_MS, doing, answer->body, ret_wish);
        return false;
    }
    enum err_kind kind = status == 401 || status == 403   ? ERR_DENIED
                         : status == 408 || status >= 500 ? ERR_AGAIN
                                                          : ERR_BROKEN;
    web_fail(kind, doing, arena_printf(job->arena, "HTTP %d", status), answer->body, ret_wish);
    return false;
}
