/*
 * A cursor over the bytes of a DNS message (RFC 1035 4.1), for dns*.c.
 *
 * Reading beyond the end, or a name that breaks the rules, makes the cursor bad: it stays where it is, everything read from it is
 * zero or empty, and the caller looks at `bad` once. Every step costs at most what the message is long: a name follows at
 * most 64 pointers, each strictly backwards. (ldns follows 65535 of them and takes seconds for a TXT record of
 * 65,000 empty strings, so answers from strangers are not given to it.)
 */
#ifndef IO_DNS_WIRE_H
#define IO_DNS_WIRE_H

#include "base/buf.h"

struct dns_wire {
    const uint8_t *p;
    size_t len, pos;
    bool bad;
};

static inline struct dns_wire dns_wire_of(struct str message)
{
    return (struct dns_wire){.p = (const uint8_t *)message.p, .len = message.len};
}
/* Big-endian, n_bytes up to 8. */
uint64_t dns_wire_number(struct dns_wire *w, int n_bytes);
/* Borrowed; empty when there are not so many. */
struct str dns_wire_bytes(struct dns_wire *w, size_t len);
/* What one length byte announces (a character-string). */
struct str dns_wire_string(struct dns_wire *w);

/* Uncompressed wire form in lower case, with the final zero byte. */
enum { DNS_NAME_MAX = 255 };
struct dns_name {
    uint8_t p[DNS_NAME_MAX];
    size_t len;
};
void dns_wire_name(struct dns_wire *w, struct dns_name *ret_name);
bool dns_name_eq(const struct dns_name *a, const struct dns_name *b);
/* "www.example.com", the root is ""; unusual bytes as \DDD or behind a backslash (RFC 1035 5.1). */
void dns_name_format(const struct dns_name *name, struct buf *out);

/* One record: everything but its data, over which `data` is a cursor that ends where the data ends. */
struct dns_raw {
    size_t at; /* where the record begins */
    struct dns_name owner;
    int type, class;
    uint32_t ttl_s;
    struct dns_wire data;
};
void dns_wire_question(struct dns_wire *w);
void dns_wire_record(struct dns_wire *w, struct dns_raw *ret_raw);

struct dns_header {
    int id, flags;
    int n[4]; /* questions, answers, authority, additional */
};
void dns_wire_header(struct dns_wire *w, struct dns_header *ret_header);

#endif
