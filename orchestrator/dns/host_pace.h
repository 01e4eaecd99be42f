/*
 * How often an API may be asked: the limits of a provider (dns_provider.h), obeyed for all orders, runs and configured providers together.
 *
 * An ACCOUNT is who the API takes us for. Two configured providers are one account when they are of one type, ask at one address and take their
 * secrets from the same references ("file:/etc/chancery/token"). The references are compared, not the secrets: then nothing has to be read to know
 * whether anything may be asked, and the store holds nothing that a secret could be guessed from. A key is a digest of them.
 *
 * Each rate is a BUCKET and a row (dns_bucket): half of its requests at once, the others spread over its period, so that no stretch of that
 * length ever holds more than it may - however the server cuts its windows (GCRA: one number, the instant at which the bucket will be unused).
 * A request whose turn has not come waits; what would wait for long ends the job, which is tried again then.
 *
 * The row is written with the transaction of a turn, ahead of the requests: it already counts a few more than were asked. So there is no
 * commit a request, a crash makes us ask rather too seldom than too often, and what was not used is given back with the next write. Periods of
 * a few seconds are over before a restart is: they have no rows.
 *
 * A PARK (dns_park) is the API's own word: not before then. It holds for whatever shares the limit: other zones, other orders, the next run.
 */
#ifndef DNS_HOST_PACE_H
#define DNS_HOST_PACE_H

#include "dns/provider_host.h"

struct host_place { /* what a request is about; borrowed texts */
    const struct provider_config *provider;
    const char *zone, *owner;
};

/* NULL: none. */
const struct dns_limits *host_limits(const struct provider_config *provider);
bool host_account_is_same(struct provider_host *host, const struct provider_config *a,
                          const struct provider_config *b);

/* How long a request waits that is the n-th from now on (1: the next), behind what jobs under way still will ask. ret_rate may be NULL: the limit that
 * makes it wait longest. */
int64_t host_pace_wait_ms(struct provider_host *host, const struct host_place *place, int64_t n,
                          struct dns_rate *ret_rate);
/* n requests are going to be asked (negative: they will not after all). */
void host_pace_expect(struct provider_host *host, const struct host_place *place, int64_t n);
/* One request: when it may go, in ms from now, which it then must; or -1 when that is too long for a job to wait: THROTTLED with the instant. */
int64_t host_pace_take(struct provider_host *host, const struct host_place *place, struct err *err);

/* Until when the API is not to be asked, 0: it may be; then *ret_why says so: THROTTLED, with that instant. */
int64_t host_parked_until_ms(struct provider_host *host, const struct host_place *place,
                             struct err *ret_why);
void host_park(struct provider_host *host, const struct host_place *place, int64_t until_ms,
               const char *why);

/* Headers of an answer: how many requests are left, and when that ends, as limits->reset_is says. NULL: absent. */
void host_pace_hear(struct provider_host *host, const struct host_place *place, const char *left,
                    const char *reset);

/* Inside a transaction: what is new is written. is_ridden: the transaction writes anyway, so that what is not urgent may ride along. */
bool host_pace_save(struct provider_host *host, bool is_ridden, struct err *err);

#endif
