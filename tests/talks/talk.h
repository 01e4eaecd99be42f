/*
 * A talk: what a provider asks and hears during one job, written down as JSON (docs/WRITING_PROVIDERS.md describes the members) and replayed
 * against the provider's step function. Nothing is sent anywhere.
 */
#ifndef TALKS_TALK_H
#define TALKS_TALK_H

#include "dns-providers/dns_provider.h"

enum { TALK_RECORDS_MAX = 1000 };

/* Replays it whole, then once more cut off after each step, as a crash would. err says the first thing that is not as written. */
bool talk_replay(const struct json *talk, struct err *err);

/* The pieces, for those who replay it in another way. Settings take the same way as in a configuration file; the caller frees. */
bool talk_settings_load(const struct json *settings, const struct dns_provider *provider,
                        struct json **ret, struct err *err);
/* records: of TALK_RECORDS_MAX; their refs are the caller's, the rest lives in the arena and the talk. */
bool talk_records_load(const struct json *talk, struct arena *arena, struct dns_job_record *records,
                       size_t *ret_n, struct err *err);
/* Is each record what `after` says? */
bool talk_after_check(const struct json *talk, const struct dns_job_record *records, size_t n,
                      struct err *err);

/* Every talks/ *.json below a folder, in the order of names. err: it could not be read. */
typedef void talk_file(const char *path, const struct json *talk, const struct err *err);
void talk_files_each(const char *folder, talk_file *each);

#endif
