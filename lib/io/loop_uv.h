/*
 * The inside of the loop, for the files of lib/io only.
 *
 * Everything that lib/io starts is a THING of the loop: an object that holds uv handles, descriptors or children and
 * knows how to give them up. It is added when it starts and removed when it ends. loop_free cancels the things that
 * are left, then runs the loop until every uv handle has been closed. So:
 *
 *   - a thing's cancel function closes its handles (uv_close), kills its children and never calls `done`;
 *   - memory that holds a uv handle is freed in the close callback of its last handle, never before;
 *   - `done` is called as the last act of a thing, after loop_thing_remove, and loop_report before it, because
 *     loop_wait ends only when something was reported;
 *   - what ends already inside the starting call (a refused argument, a failed spawn) ends by loop_later instead.
 *
 * Timers are nodes of one heap behind one uv timer: setting, moving and clearing them costs no allocation and no close
 * callback. Prefer them to uv_timer_t.
 */
#ifndef IO_LOOP_UV_H
#define IO_LOOP_UV_H

#include "io/loop.h"

#include <uv.h>

uv_loop_t *loop_uv(struct loop *loop);

struct loop_thing {
    struct list link;
    void (*cancel)(struct loop_thing *thing);
};
/* cancel is called by loop_free only, with the thing already removed. */
void loop_thing_add(struct loop *loop, struct loop_thing *thing,
                    void (*cancel)(struct loop_thing *thing));
void loop_thing_remove(struct loop_thing *thing); /* allowed for one outside */

/* Says that a done function is about to be called: the current loop_wait returns when all that is ready was handled. */
void loop_report(struct loop *loop);

/* Runs once, at the next chance inside loop_wait. The memory is the caller's; zero it before the first use.
 * Not run by loop_free: a thing that uses one clears it in its cancel. */
struct loop_later {
    struct list link;
    void (*run)(struct loop_later *later);
};
void loop_later(struct loop *loop, struct loop_later *later, void (*run)(struct loop_later *later));
void loop_later_clear(struct loop_later *later); /* allowed when not set */

/* A timer without allocation. Setting a set one moves it. Firing does not count as a report by itself. */
struct loop_timer {
    struct heap_node node;
    void (*fired)(struct loop_timer *timer);
};
void loop_timer_set(struct loop *loop, struct loop_timer *timer, int64_t after_ms,
                    void (*fired)(struct loop_timer *timer));
void loop_timer_clear(struct loop *loop, struct loop_timer *timer); /* allowed when not set */

/* For uv_connect, uv_udp_send ...: fills *out and returns it as a sockaddr. */
struct sockaddr *net_address_sockaddr(const struct net_address *address,
                                      struct sockaddr_storage *out, socklen_t *ret_len);
bool net_address_from_sockaddr(const struct sockaddr *from, struct net_address *ret_address);

/* The kind that fits a negative libuv error code, and "context: why" as text. Returns false. */
bool err_uv(struct err *err, int code, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

#endif
