/*
 * A manifest: a DNS provider as data.
 *
 * A YAML file says how the API of a provider is spoken to: where it is, how requests are signed, how a zone is found, what adding and
 * removing a TXT value means there (model.h), and how its answers are to be taken. One engine (engine.h) interprets all of them, so that
 * what every provider must get right - lost replies, values of others, records added twice, patience - is right once.
 *
 * A manifest handles credentials, so nothing in it is taken on trust: every member is known or refused with its line, templates are read
 * and their variables known, secrets are names that the host fills in towards the hosts the manifest pins, and there is no way to a
 * file, a program or the environment.
 */
#ifndef MANIFEST_MANIFEST_H
#define MANIFEST_MANIFEST_H

#include "dns-providers/dns_provider.h"

/* What a file makes: a provider like any other. Lives until it is freed. Kind CONFIG: all complaints, each with file:line:column. */
bool manifest_load(struct str text, const char *file, const struct dns_provider **ret,
                   struct err *err);
void manifest_free(const struct dns_provider *provider);
/* NULL when the provider is none of ours. */
const struct json *manifest_tree(const struct dns_provider *provider);
const struct yaml *manifest_doc(const struct dns_provider *provider);

/* The provider's secret_check: by `kind` of the credential. */
bool manifest_secret_check(const struct dns_provider *provider, const char *setting,
                           struct str bytes, struct err *err);

/* The functions of the provider (engine.c). */
void *engine_begin(const struct dns_job *job);
void engine_end(void *state);
void engine_step(struct dns_job *job, const struct dns_answer *answer, struct dns_wish *ret_wish);

#endif
