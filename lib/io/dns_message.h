/*
 * The UPDATE message (RFC 2136): one zone, TXT values added to or deleted from names in it.
 */
#ifndef IO_DNS_MESSAGE_H
#define IO_DNS_MESSAGE_H

#include "io/dns.h"

/* Unsigned, with a random id. Kinds: REFUSED (a name or value that cannot be sent), LOCAL. ret_message has room for TSIG. */
bool dns_message_update(const char *zone, const struct dns_change *changes, size_t n_changes,
                        struct buf *ret_message, struct err *err);

#endif
