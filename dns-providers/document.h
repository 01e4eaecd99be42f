/* The inside of the documents of providers: document.c knows the contract, document_facts.c what a manifest holds beyond it. */
#ifndef DNS_PROVIDERS_DOCUMENT_H
#define DNS_PROVIDERS_DOCUMENT_H

#include "dns-providers/dns_provider.h"

/* Lines of a list; nothing for a module in C. */
void document_facts(const struct dns_provider *provider, struct buf *out);
/* A section, or nothing. */
void document_variables(const struct dns_provider *provider, struct buf *out);

#endif
