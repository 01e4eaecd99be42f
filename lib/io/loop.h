/*
 * The loop: the only place where the program waits.
 *
 * One thread, one libuv loop. Everything outside - HTTP, DNS, programs, handshakes, slow keys - is started by a call that returns
 * at once and ends in exactly one call of its `done` function, from inside loop_wait, never from inside the
 * starting call. A started thing can be cancelled: then `done` is NOT called. Every wait has a deadline.
 * The loop's clock is an argument to everybody else, so that tests run the same code in virtual time.
 */
#ifndef IO_LOOP_H
#define IO_LOOP_H

#include "base/clock.h"
#include "base/list.h"

struct loop;
struct loop *loop_new(void);
/* Cancels what is still under way; afterwards no descriptor or child of ours is left. */
void loop_free(struct loop *loop);
/* Real clock of this loop. The wall clock is cached once a wait, like any loop's; the boot clock never: by it a holder knows that it was
 * frozen in the middle of a turn. */
const struct clock *loop_clock(const struct loop *loop);
/* Waits until something was reported or until_ms (wall clock; INT64_MAX: for ever), then handles all that is ready. */
void loop_wait(struct loop *loop, int64_t until_ms);
/* From now on a wait fires timers and reports what has ended for about slice_ms, one of each at least; the rest is for the next wait, which then does not sleep. For a
 * caller with other work that must not wait for all that is ready. INT64_MAX (as at first): no bound. */
void loop_set_slice(struct loop *loop, int64_t slice_ms);
/* Makes the current or next loop_wait return soon. Thread-safe. */
void loop_wake(struct loop *loop);

/* Termination asked for by SIGTERM or SIGINT (seen inside loop_wait): number of signals so far. A second one exits at once
 * with 128 + signal. loop_hups counts SIGHUP, which afterwards is ignored. SIGPIPE is ignored. */
void loop_catch_signals(struct loop *loop);
int loop_n_stops(const struct loop *loop);
int loop_n_hups(const struct loop *loop);

/* work runs on the thread pool (slow RSA keys), then done on the loop. Cannot be cancelled: free what arg holds in done. */
void loop_work(struct loop *loop, void (*work)(void *arg), void (*done)(void *arg), void *arg);

struct timer; /* fires once unless cancelled */
struct timer *timer_start(struct loop *loop, int64_t after_ms, void (*fired)(void *arg), void *arg);
void timer_cancel(struct timer *timer); /* NULL allowed; not after it fired */

/* An address with port: IPv4 or IPv6. */
enum { NET_ADDRESS_TEXT_MAX = 64 };
struct net_address {
    unsigned char ip[16];
    int ip_len; /* 4 or 16; 0: none */
    uint16_t port;
};
/* "192.0.2.1", "192.0.2.1:53", "2001:db8::1", "[2001:db8::1]:53". */
bool net_address_parse(struct str text, uint16_t default_port, struct net_address *ret);
void net_address_format(const struct net_address *a, bool with_port,
                        char out[NET_ADDRESS_TEXT_MAX]);
bool net_address_eq(const struct net_address *a, const struct net_address *b);
bool net_address_is_loopback(const struct net_address *a); /* 127.0.0.0/8, ::1 */
/* Loopback, private, link-local, unspecified, multicast, documentation ... : not a public unicast address. */
bool net_address_is_private(const struct net_address *a);

#endif
