/*
 * The provider host: performs what a DNS provider wishes for, until its job is done.
 *
 * A provider only translates (dns-providers/dns_provider.h). The host runs the other half of the conversation on the loop: HTTP requests with
 * {{secrets}} filled in on the wire and only towards the API's own hosts, DNS UPDATE, programs, pauses. Requests are paced by the limits of the
 * API (host_pace.h). A job ends by itself after 2 minutes and 4 seconds for each record but the first - waiting for those limits does not
 * count - or after 64 wishes and 10 for each record. Secrets are resolved once a run, registered with the log's mask, and cleansed at the end.
 */
#ifndef DNS_PROVIDER_HOST_H
#define DNS_PROVIDER_HOST_H

#include "dns/zone_finder.h"
#include "inventory/config.h"
#include "inventory/house.h"

struct provider_host;
struct provider_host *provider_host_new(struct house *house);
void provider_host_free(struct provider_host *host); /* cancels all jobs */

struct host_job;
/* err NULL: every record is as wished. Otherwise records[i].done tells which are; kinds as the provider said (AGAIN, THROTTLED, DENIED, REFUSED,
 * CONFIG, BROKEN), text "provider corp (rfc2136), zone example.com: ...". records (with new refs) are borrowed for the call. */
typedef void host_job_done(void *arg, const struct dns_job_record *records, size_t n,
                           const struct err *err);
/* Copies records. zone gives the zone's name and, for an UPDATE without a configured server, the primary's addresses. */
struct host_job *host_job_start(struct provider_host *host, const struct provider_config *provider,
                                const struct zone_info *zone, const struct dns_job_record *records,
                                size_t n, host_job_done *done, void *arg);
/* What the provider said of the records in the middle of a job, before its next wish is carried out: ids are too dear to be kept in memory until the
 * end. Not called any more when the job ends. */
typedef void host_job_heard(void *arg, const struct dns_job_record *records, size_t n);
void host_job_watch(struct host_job *job, host_job_heard *heard);
/* So many requests were announced for it (host_pace_expect): what it does not use is taken back. */
void host_job_expect(struct host_job *job, int64_t n);
/* What it stumbled over last; NULL: nothing. Borrowed. */
const struct err *host_job_trouble(const struct host_job *job);
void host_job_cancel(struct host_job *job); /* NULL allowed; not after done */

#endif
