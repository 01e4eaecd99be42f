#include "dns-providers/wish.h"

#include <stdio.h>

struct dns_job_record *dns_job_next(const struct dns_job *job)
{
    for (size_t i = 0; i < job->n_records; i++)
        if (!job->records[i].done)
            return &job->records[i];
    return NULL;
}

void dns_job_start(struct dns_job *job)
{
    for (size_t i = 0; i < job->n_records; i++)
        job->records[i].done = false;
}

void dns_wish_done(struct dns_wish *ret_wish)
{
    *ret_wish = (struct dns_wish){.kind = DNS_WISH_DONE};
}

void dns_wish_sleep(struct dns_wish *ret_wish, int64_t sleep_ms)
{
    *ret_wish = (struct dns_wish){.kind = DNS_WISH_SLEEP, .sleep_ms = sleep_ms};
}

void dns_wish_fail(struct dns_wish *ret_wish, enum err_kind kind, const char *fmt, ...)
{
    char text[ERR_TEXT_MAX];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    *ret_wish = (struct dns_wish){.kind = DNS_WISH_FAIL};
    err_set(&ret_wish->err, kind, "%s", text);
}

static enum err_kind kind_for_host(enum err_kind kind)
{
    if (kind == ERR_ABSENT)
        return ERR_CONFIG;
    return kind == ERR_LOCAL ? ERR_AGAIN : kind;
}

void dns_wish_fail_as(struct dns_wish *ret_wish, const struct err *err, const char *fmt, ...)
{
    char context[ERR_TEXT_MAX];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(context, sizeof context, fmt, ap);
    va_end(ap);
    struct err copy = *err; /* may lie inside the answer that the host reuses */
    copy.kind = kind_for_host(copy.kind);
    *ret_wish = (struct dns_wish){.kind = DNS_WISH_FAIL, .err = copy};
    err_wrap(&ret_wish->err, "%s", context);
}
