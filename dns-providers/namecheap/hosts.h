/*
 * The host records of a domain at Namecheap, whose API writes all of them at once: what is not ours goes back as it was read, byte for byte, or
 * not at all.
 *
 * All texts are the arena's.
 */
#ifndef NAMECHEAP_HOSTS_H
#define NAMECHEAP_HOSTS_H

#include "dns-providers/dns_provider.h"

struct host_row {
    const char *name, *type, *address, *mx_pref, *ttl;
};
struct hosts {
    struct host_row *rows;
    size_t n;
    const char *
        email_type; /* of the mail settings; they are lost when it is not written back. "" where there is none */
};

/* result: the element DomainDNSGetHostsResult. Kinds: CONFIG (the domain is served elsewhere), REFUSED (something in it cannot be written back
 * unchanged), BROKEN (no such answer). */
bool hosts_read(const struct dns_job *job, const struct json *result, struct hosts *ret,
                struct err *err);
/* The same with the records of the job as they shall be; false: nothing is to be changed. */
bool hosts_edit(const struct dns_job *job, const struct hosts *old, struct hosts *ret);
/* NULL when both hold the same records in any order; else the first that is not in the other, in words. */
const char *hosts_difference(const struct dns_job *job, const struct hosts *a,
                             const struct hosts *b);
/* "&HostName1=...": as a form. */
void hosts_format(const struct hosts *hosts, struct buf *out);
/* Percent-encodes all but the unreserved characters of RFC 3986. */
void form_encode(struct buf *out, struct str text);

#endif
