/*
 * Small words for providers: the wishes that need no more than a line, and the failures all
 * providers share.
 *
 * Every function fills the whole *ret_wish, so that nothing of an earlier wish is left in it.
 */
#ifndef DNS_PROVIDERS_WISH_H
#define DNS_PROVIDERS_WISH_H

#include "dns-providers/dns_provider.h"

/* The first record of the job that is not as wished yet, or NULL. */
struct dns_job_record *dns_job_next(const struct dns_job *job);
/* At the first step of a job: nothing is as wished yet, whatever the host left in `done`. */
void dns_job_start(struct dns_job *job);

void dns_wish_done(struct dns_wish *ret_wish);
void dns_wish_sleep(struct dns_wish *ret_wish, int64_t sleep_ms);
void dns_wish_fail(struct dns_wish *ret_wish, enum err_kind kind, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
/* Hands the failure of a wish on, "context: " put before. What is absent on our side (a program,
 * the address of a server) is a matter of configuration; what this machine lacks at the moment is a
 * matter of time. */
void dns_wish_fail_as(struct dns_wish *ret_wish, const struct err *err, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

#endif
