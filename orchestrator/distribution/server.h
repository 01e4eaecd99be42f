/*
 * Servers: those who read what is delivered, so far as we know them - by what checks and activates
 * them.
 *
 * Deliveries with the same activation (equal words, or the same unit; without one: the same check)
 * meet at one server, and they must not disturb each other. A program that reads the files while
 * another delivery switches its link may see half a pair; a program that complains while two new
 * pairs are in place does not say of which. So:
 *
 *   expected -> queued -> inside -> waiting -> running -> done
 *
 * One delivery at a time is inside, where links are switched and checks run. What was checked waits
 * for the activation, which is run once for all that wait: when nobody else is on his way, or after
 * a few seconds at most. While it runs nobody is let in. A shared run does not tell the program of
 * which delivery it is. When it fails by its exit code all are put back, and each delivery is tried
 * alone, inside until its own activation has ended, with its own environment: so one bad pair, or a
 * program that serves one set at a time, costs the others nothing but time. A program that hangs,
 * or cannot be started, is not tried again for the crowd that stands there now.
 */
#ifndef DISTRIBUTION_SERVER_H
#define DISTRIBUTION_SERVER_H

#include "base/list.h"
#include "distribution/hook.h"

struct server_desk;
struct server;

/* One delivery's part, embedded in it. The owner fills the lower half; it outlives what it asked
 * for. */
struct server_visit {
    struct list in_server;
    struct server *server;    /* NULL: not there */
    bool is_inside, is_alone; /* alone: asked to stay inside until the activation has ended */
    bool is_personal; /* its activation asks which delivery it is for: it has a server of its own */
    const struct deploy_config *how;
    const char *set;
    int64_t n_tries;
    void *arg;
    /* It is inside now. refusal: why this server's programs are not tried again, or NULL. From
     * server_desk_act. */
    void (*entered)(void *arg, const struct err *refusal);
    char **(*environment)(void *arg); /* of a run for this one alone; fresh, released here */
    /* failure NULL: activated. should_try_alone: others shared the failed run. From inside
     * loop_wait; the visit is inside still when it is alone, else among the expected. */
    void (*activated)(void *arg, const struct err *failure, bool should_try_alone);
};

struct server_desk *server_desk_new(struct house *house);
/* Kills activations that run; no visit hears of it. */
void server_desk_free(struct server_desk *desk);

/* Neither checked nor activated: then nobody is disturbed, and there is no server. */
bool server_is_known(const struct deploy_config *how);
bool server_is_activated(const struct deploy_config *how);

/* On its way: others may wait for it. Also puts one that was inside or elsewhere back to this
 * state. */
void server_expect(struct server_desk *desk, struct server_visit *visit);
/* Wants to go inside; first: before all who want to. Needs no expecting before. */
void server_enter(struct server_desk *desk, struct server_visit *visit, bool first);
/* Switched, checked and durable: run the activation - now and for this one alone when it is_alone,
 * which is inside; else together with others, outside. */
void server_activate(struct server_desk *desk, struct server_visit *visit);
/* Ends the visit. Allowed at any time but while its activation runs. */
void server_leave(struct server_visit *visit);
/* A check hung or could not be started: whoever would be checked by the same words is refused while
 * the crowd stands. */
void server_refuse(struct server_visit *visit, const struct err *why);

void server_desk_act(struct server_desk *desk);
/* When an activation ceases to wait for others; INT64_MAX: none does. */
int64_t server_desk_next_at_ms(const struct server_desk *desk);

#endif
