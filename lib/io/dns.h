/*
 * DNS: questions to chosen servers, and updates.
 *
 * A question goes to ONE server over UDP (then TCP when truncated, or at once when asked for); who to ask, and what silence means,
 * is the caller's business. Answers come as wire from c-ares and are read with ldns; names in results are lower case without the
 * final dot ("" is the root). Updates are RFC 2136 messages with TSIG (RFC 8945), built by ldns and sent over
 * TCP or UDP by the loop; the answer's signature is checked.
 */
#ifndef IO_DNS_H
#define IO_DNS_H

#include "io/loop.h"

struct dns;
struct dns *dns_new(struct loop *loop);
void dns_free(struct dns *dns);

enum dns_type {
    DNS_A = 1,
    DNS_NS = 2,
    DNS_CNAME = 5,
    DNS_SOA = 6,
    DNS_TXT = 16,
    DNS_AAAA = 28,
    DNS_DNAME = 39,
    DNS_CAA = 257
};
enum dns_rcode {
    DNS_NOERROR = 0,
    DNS_FORMERR = 1,
    DNS_SERVFAIL = 2,
    DNS_NXDOMAIN = 3,
    DNS_NOTIMP = 4,
    DNS_REFUSED = 5,
    DNS_NOTAUTH = 9,
    DNS_NOTZONE = 10
};
const char *dns_rcode_name(int rcode);
const char *dns_type_name(int type);

struct dns_question {
    const char *name;
    enum dns_type type;
    struct net_address server; /* ip_len 0: the resolvers of /etc/resolv.conf */
    bool recurse;              /* RD flag */
    bool tcp_only;
    int64_t timeout_ms; /* whole, over all tries; 0: 5 s */
};
enum dns_section { DNS_ANSWER, DNS_AUTHORITY, DNS_ADDITIONAL };
struct dns_record {
    enum dns_section section;
    const char *owner;
    int type;
    uint32_t ttl_s;
    /* TXT: all character-strings joined; A, AAAA: address text; NS, CNAME, SOA (MNAME), DNAME: a name; CAA: the bytes of the value;
     * others: presentation form */
    const char *data;
    size_t data_len;
    uint32_t soa_minimum_s; /* SOA only */
    unsigned caa_flags;     /* CAA only, as its tag (any bytes) */
    struct str caa_tag;
};
struct dns_reply {
    int rcode;
    bool authoritative, over_tcp;
    const struct dns_record *records;
    size_t n_records;
};
struct dns_call;
/* err: AGAIN (timeout, refused connection), BROKEN (not understandable). Else reply, any rcode. Borrowed for the call. */
typedef void dns_done(void *arg, const struct dns_reply *reply, const struct err *err);
struct dns_call *dns_ask(struct dns *dns, const struct dns_question *question, dns_done *done,
                         void *arg);
void dns_cancel(struct dns_call *call);

struct dns_change {
    bool add; /* else remove this one value */
    const char *owner;
    uint32_t ttl_s;
    const char *value; /* TXT, up to 4096 bytes: beyond 255 in several character-strings */
};
struct dns_update {
    const char *zone;
    struct net_address server;
    bool udp_first;                   /* else TCP from the start */
    const char *tsig_name;            /* NULL: unsigned */
    const char *tsig_algorithm;       /* "hmac-sha256", "hmac-sha384", "hmac-sha512" */
    const struct secret *tsig_secret; /* decoded bytes */
    const struct dns_change *changes;
    size_t n_changes;
    int64_t timeout_ms; /* 0: 10 s */
};
/* err NULL: done (NOERROR and the signature fits). Kinds: AGAIN (timeout, SERVFAIL), DENIED (REFUSED, NOTAUTH, BADSIG, BADKEY, BADTIME with
 * the clock offset in the text), REFUSED (NOTZONE, FORMERR), BROKEN. */
typedef void dns_update_done(void *arg, const struct err *err);
struct dns_call *dns_update(struct dns *dns, const struct dns_update *update, dns_update_done *done,
                            void *arg);

struct dns_figures {
    int64_t n_questions, n_updates;
};
struct dns_figures dns_figures(const struct dns *dns);

#endif
