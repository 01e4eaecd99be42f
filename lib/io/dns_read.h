/*
 * A DNS message as it came, turned into a struct dns_reply.
 *
 * The bytes come from a peer that may lie: every count, length and name is checked against the end of the message, and texts are
 * capped at 4 MiB. Records of other classes than IN, OPT and TSIG are left out. Types that enum dns_type does not name
 * come in the generic form of RFC 3597: "\# 4 0a000001".
 */
#ifndef IO_DNS_READ_H
#define IO_DNS_READ_H

#include "io/dns.h"

enum { DNS_HEADER_LEN = 12, DNS_MESSAGE_MAX = 65535 };
enum { DNS_TYPE_OPT = 41, DNS_TYPE_TSIG = 250, DNS_OPCODE_UPDATE = 5 };

/* Texts and records live in arena. BROKEN when the message cannot be understood. over_tcp is left false. */
bool dns_read(struct str wire, struct arena *arena, struct dns_reply *ret_reply, struct err *err);
/* The TC flag: there was more than fitted. */
bool dns_is_truncated(struct str wire);
/* 0 query, 5 update; -1 when there is no header. */
int dns_opcode(struct str wire);

#endif
