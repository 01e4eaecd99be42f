/*
 * A DNS message as it came, turned into a struct dns_reply.
 *
 * The bytes come from a peer that may lie: every count, length and name is checked by ldns against the end of the message, one
 * record at a time, so that a message costs no more than it is long. Records of other classes than IN, OPT and TSIG are left out.
 */
#ifndef IO_DNS_READ_H
#define IO_DNS_READ_H

#include "io/dns.h"

enum { DNS_HEADER_LEN = 12, DNS_MESSAGE_MAX = 65535 };

/* Texts and records live in arena. BROKEN when the message cannot be understood. over_tcp is left false. */
bool dns_read(struct str wire, struct arena *arena, struct dns_reply *ret_reply, struct err *err);
/* The TC flag: there was more than fitted. */
bool dns_is_truncated(struct str wire);

#endif
