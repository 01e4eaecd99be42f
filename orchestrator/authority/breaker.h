/*
 * The breaker of a CA: who was found dead is not asked by everybody.
 *
 *     closed --three faults in a row--> open --its time is over--> half-open: ONE caller probes
 *        ^                               ^                             |
 *        +------- the first success -----|-----------------------------+
 *                                        +---- a fault: open again, for twice as long
 *
 * Faults are those of the CA's side: no connection, silence, an answer of 5xx, an answer that breaks the protocol. What the CA says
 * about us, about names or about quota never counts. Faults of requests that flew together are one: a connection that breaks under a
 * hundred requests is one misfortune. Silence counts twice, because it costs half a minute each time.
 *
 * Two counts: transport (lost, 5xx) ends with any answer; protocol (broken) only with an order that is taken, because a CA that talks
 * nonsense answers every time. Rows: table authority, so that the next run knows. Times are wall clock, like all rows.
 */
#ifndef AUTHORITY_BREAKER_H
#define AUTHORITY_BREAKER_H

#include "inventory/house.h"

enum {
    BREAKER_FAULTS_MAX = 3,
    BREAKER_HANG_MS = 8000, /* a request that was lost after so long hung */
    BREAKER_FIRST_MS = 60 * 1000,
    BREAKER_MOST_MS = 30 * 60 * 1000,
    BREAKER_PROBE_MS =
        60 * 1000, /* who may probe and says nothing for so long has lost the right */
};

struct breaker {
    int64_t n_lost, n_broken; /* in a row */
    int64_t n_opened;         /* times since the last success */
    int64_t since_at_ms;      /* when it opened first; 0: closed */
    int64_t until_at_ms;      /* open: when a probe is allowed */
    int64_t fault_at_ms;      /* of the last fault that counted */
    int64_t probe_at_ms;      /* not stored: when somebody was allowed to probe; 0: nobody is */
    bool hangs;               /* not stored: the last fault was silence */
    char *why;                /* the last fault; NULL: none */
    bool is_dirty;            /* the row is behind */
    bool has_turned;          /* opened or closed, and not told yet */
};
void breaker_fini(struct breaker *breaker);

enum breaker_gate { BREAKER_CLOSED, BREAKER_PROBE, BREAKER_WAIT, BREAKER_OPEN };
/* What a caller may do now. PROBE hands out the right to be the one who tries; WAIT: another has it, and will soon know. */
enum breaker_gate breaker_ask(struct breaker *breaker, int64_t now_ms);
/* The same without taking the right: only CLOSED, PROBE, WAIT or OPEN as it stands. */
enum breaker_gate breaker_look(const struct breaker *breaker, int64_t now_ms);

/* A request that was sent at sent_at_ms was lost, or answered with 5xx; until_at_ms: what a Retry-After said, 0: nothing. */
void breaker_fault(struct breaker *breaker, int64_t sent_at_ms, int64_t now_ms, int64_t until_at_ms,
                   const char *why);
/* An answer broke the protocol. */
void breaker_broken(struct breaker *breaker, int64_t now_ms, const char *why);
/* Somebody gives the CA up for now: open at once. */
void breaker_trip(struct breaker *breaker, int64_t now_ms, const char *why);
/* Any answer of a server in its right mind; works: it took an order. */
void breaker_success(struct breaker *breaker, bool works);

/* Rows, by directory. Inside a transaction. */
bool breaker_load(struct house *house, const char *directory, struct breaker *ret, struct err *err);
/* Writes when dirty, and tells once when it turned: events ca.down and ca.up. */
bool breaker_save(struct house *house, const char *authority, const char *directory,
                  struct breaker *breaker, struct err *err);

#endif
