/*
 * The types one configuration may name: those of this build, and manifests that an administrator keeps in a folder.
 *
 * Nothing here opens a file: the texts are handed in by whoever judged that they can be trusted. A catalogue belongs to the configuration
 * that was read with it and goes with it, so a configuration that is read anew has new types while the old one still ends its work. A
 * catalogue that is NULL holds the types of this build.
 *
 * A manifest that cannot be used leaves a stand-in under its name: a provider whose every job fails with the reason. So a broken file costs
 * its own type and nothing else, and nobody mistakes what it names for a typing error.
 */
#ifndef DNS_PROVIDERS_CATALOGUE_H
#define DNS_PROVIDERS_CATALOGUE_H

#include "dns-providers/dns_provider.h"

struct catalogue;
struct catalogue *catalogue_new(void);
void catalogue_free(struct catalogue *catalogue); /* NULL allowed; ends every provider it gave */

/* A manifest; its id must be `name`. file: for people, and the place in complaints. A name that the build has, by type or alias, is refused unless
 * may_replace. On failure (CONFIG) nothing is added: see catalogue_refuse. */
bool catalogue_add(struct catalogue *catalogue, const char *name, struct str text, const char *file,
                   bool may_replace, struct err *err);
/* The stand-in for what cannot be used. */
void catalogue_refuse(struct catalogue *catalogue, const char *name, const char *file,
                      const char *why);

/* By name, then by other names of it; NULL when unknown. */
const struct dns_provider *catalogue_find(const struct catalogue *catalogue, const char *name);
/* In name order; the caller frees the array by mem_free. Stand-ins are among them. */
const struct dns_provider **catalogue_all(const struct catalogue *catalogue, size_t *ret_n);
/* The file it came from; NULL: this build. */
const char *catalogue_origin(const struct catalogue *catalogue,
                             const struct dns_provider *provider);
/* Why a stand-in stands in; NULL: it is none. */
const char *dns_provider_fault(const struct dns_provider *provider);

#endif
