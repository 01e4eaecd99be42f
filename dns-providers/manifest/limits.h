/*
 * The member `limits` of a manifest: how often its API may be asked, as data for the host.
 *
 *     limits: {rate: [[2, 1], [300, 86400]], scope: zone, parallel: 1, gap: 1, remaining: x-ratelimit-remaining, reset: x-ratelimit-reset}
 *
 * rate: so many requests in so many seconds, all of them hold; gap: seconds between two requests, one more rate; parallel: jobs at the same
 * time. remaining and reset name headers; reset_is says whether reset is a number of seconds, a Unix time or a date.
 */
#ifndef MANIFEST_LIMITS_H
#define MANIFEST_LIMITS_H

#include "dns-providers/dns_provider.h"

#define LIMITS_SCOPES "account|zone|name|host"
#define LIMITS_RESETS "seconds|epoch|date"

/* For the check: a list of pairs of numbers above 0, no more than there is room for. */
bool limits_rates_fit(const struct json *rates);
/* Of a checked manifest; the arena's. NULL: it names none. */
const struct dns_limits *limits_make(struct arena *arena, const struct json *tree);

#endif
