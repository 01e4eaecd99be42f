/*
 * The inside of DNS, for dns*.c only.
 *
 *   dns.c           calls: started, ended, reported, cancelled; questions and what becomes of their answers
 *   dns_channel.c   c-ares channels on the loop: one a server, transport and RD flag
 *   dns_wire.c      a cursor over the bytes of a message
 *   dns_read.c      a message as it came -> struct dns_reply
 *   dns_update.c    an update call: build, sign, send, judge the answer
 *   dns_message.c   the RFC 2136 message
 *   dns_tsig.c      its signature and the one of the answer (RFC 8945)
 *   dns_exchange.c  one message out and one back, over UDP or TCP, for updates
 */
#ifndef IO_DNS_INSIDE_H
#define IO_DNS_INSIDE_H

#include "io/dns.h"
#include "io/dns_read.h"
#include "io/loop_uv.h"

struct dns {
    struct loop *loop;
    struct loop_thing thing;
    struct list channels, calls;
    size_t n_channels;
    bool is_shut;
    struct dns_figures figures;
};

/* What questions and updates have in common; first in both. */
struct dns_call {
    struct list link;
    struct dns *dns;
    struct loop_later later;
    struct loop_timer deadline;
    struct err err;
    int64_t timeout_ms;
    void (*stop)(struct dns_call *call); /* gives up what is under way */
    void (*report)(
        struct dns_call *call); /* calls done and releases the call; the call is in no list */
    void (*release)(struct dns_call *call);
    char what[512]; /* "192.0.2.53:53: TXT _acme-challenge.example.com" */
};

void dns_call_begin(struct dns *dns, struct dns_call *call);
/* The end: whatever is in err (or none) is reported from the loop. */
void dns_call_end(struct dns_call *call);

/* Channels. */
struct dns_channel;
struct dns_query;
/* status is one of c-ares; wire is borrowed, empty when there was no answer. */
typedef void dns_query_done(void *arg, int status, struct str wire);
struct dns_channel *dns_channel_find(struct dns *dns, const struct net_address *server, bool tcp,
                                     bool recurse);
/* done may be called from inside, and is not called after dns_query_drop. */
void dns_query_start(struct dns_channel *channel, const char *name, int type,
                     struct dns_query **slot, dns_query_done *done, void *arg);
void dns_query_drop(struct dns_query **slot); /* *slot may be NULL */
void dns_channels_close(struct dns *dns);

/* Exchanges. */
struct dns_exchange;
/* wire NULL: failed, see err. Called from the loop, once; not after dns_exchange_cancel. */
typedef void dns_exchange_done(void *arg, const struct str *wire, const struct err *err);
/* Sends message (at most 65535 bytes, copied) and waits for the message with the same id. No deadline of its own; UDP is sent
 * again after 1 s, 2 s, 4 s ... */
struct dns_exchange *dns_exchange_start(struct loop *loop, const struct net_address *server,
                                        bool tcp, struct str message, dns_exchange_done *done,
                                        void *arg);
void dns_exchange_cancel(struct dns_exchange *exchange);

#endif
