/*
 * A DNS provider with an HTTP API for stories: records with ids, as the type `vultr` speaks to it. It changes the zones of the world, says 429
 * when it is told to, and remembers when it was asked.
 */
#ifndef STORIES_FAKE_API_H
#define STORIES_FAKE_API_H

#include "fake/ca_core.h"
#include "io/http.h"

#define FAKE_API_URL   "https://api.dns.test"
#define FAKE_API_TOKEN "canary-of-the-token-8d1f"

void fake_api_begin(void);
void fake_api_end(void);
bool fake_api_is_meant(const char *url);
void fake_api_answer(const struct http_request *request, const char *authorization,
                     struct fake_reply *reply);

/* Requests about that zone meet 429 until then; the answer says so. */
void fake_api_throttle(const char *zone, int64_t until_ms);
/* Who asks with our token is refused (401), or is not any more. */
void fake_api_deny(bool denies);

/* So far. NULL: of any method. */
int64_t fake_api_n(const char *method);
/* About records of that zone, since the last question. */
int64_t fake_api_n_zone(const char *zone);
/* The most within any stretch of that length. */
int64_t fake_api_n_within(int64_t ms);

#endif
