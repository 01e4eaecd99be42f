/*
 * Looking at a manifest without a server: what it would send, and what is questionable about it.
 *
 * A dry run is a job with sample data, run by the engine itself: each request is answered by an answer made up of what the manifest looks
 * for in it (sample.c), so that a reader - or a test - sees every call of an add and of a remove as it would stand on the wire, secrets as {{names}}.
 */
#ifndef MANIFEST_DRY_RUN_H
#define MANIFEST_DRY_RUN_H

#include "dns-providers/manifest/engine.h"

/* The calls of adding one value, or of removing it: [{method, url, headers: [text], body, answer: {status, body}}], where a body may be
 * null. *ret_calls is always made, also when the run ends early: then false, and err says where it ended. The caller frees. */
bool manifest_dry_run(const struct dns_provider *provider, bool present, struct json **ret_calls,
                      struct err *err);

/* What passes the grammar and is still likely to be a mistake: secrets where logs keep them, limits that contradict each other, statuses that are
 * not told. Complaints grow, in no order. */
void manifest_lint(const struct dns_provider *provider, struct complaints *complaints);

/* The inside: what the server would say to the call that was just wished for. digits: made-up ids are numbers. holds: the value is there. The tree is the engine's arena's; NULL: an
 * empty answer. */
const struct json *sample_answer(struct engine *engine, bool digits, bool holds);
/* Is the call that was just wished for the one that adds or removes? */
bool sample_is_change(struct engine *engine);
/* A header that the call looks for, or NULL. */
const char *sample_header(struct engine *engine, const char *name);

#endif
