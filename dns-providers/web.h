/*
 * Small words for C modules that speak HTTP: addresses below the setting `base_url`, requests, and what an answer's status says.
 */
#ifndef DNS_PROVIDERS_WEB_H
#define DNS_PROVIDERS_WEB_H

#include "dns-providers/wish.h"

/* A row of a settings table. */
#define WEB_BASE_URL(must, what)                                                                   \
    {                                                                                              \
        .name = "base_url", .kind = SETTING_TEXT, .required = (must), .sentence = (what)           \
    }

/* path below base_url, or below `otherwise` (may be NULL where base_url is required). */
const char *web_url(const struct dns_job *job, const char *otherwise, const char *path);
/* headers: NULL-terminated, the arena's or static, like all else. */
void web_ask(const char *method, const char *url, const char *const *headers, struct str body,
             struct dns_wish *ret_wish);
/* A copy in the arena. */
const char *const *web_headers(const struct dns_job *job, const char *const *headers);

/* Did it go well (2xx)? False: *ret_wish says why the job fails - AGAIN (no answer, 408, 5xx), THROTTLED (429; 503 that says until when), DENIED (401,
 * 403), BROKEN (any other status) - with what the server said. doing: "add at NAME". */
bool web_hear(const struct dns_job *job, const struct dns_answer *answer, const char *doing,
              struct dns_wish *ret_wish);
/* Fails because the server said so. said: of the server, escaped and cut here. */
void web_fail(enum err_kind kind, const char *doing, const char *what, struct str said,
              struct dns_wish *ret_wish);
/* THROTTLED until now_ms + wait_ms. */
void web_fail_until(const struct dns_job *job, int64_t wait_ms, const char *doing, struct str said,
                    struct dns_wish *ret_wish);
/* What the header Retry-After says, at most a day; -1: nothing. */
int64_t web_retry_after_ms(const struct dns_job *job, const struct dns_answer *answer);

#endif
