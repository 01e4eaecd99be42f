/*
 * How many in how much time, as one number (the generic cell rate algorithm): the instant at which a bucket will be unused again.
 *
 * Each unit taken moves that instant on by `gap`; so many may be taken that it lies no more than burst * gap ahead of now. What was taken
 * comes back by time alone, one unit a gap: no log, no timer, nothing to add up after a crash. All is integer arithmetic in whatever
 * unit the instants have; a gap is rounded up, so that a bucket is rather emptier than allowed.
 *
 *     struct gcra g = gcra_bucket(300, 3 * MS_HOUR);            300 at once, then one every 36 s
 *     if (gcra_at(&g, full_at_ms, now_ms, 1) <= now_ms)
 *         full_at_ms = gcra_take(&g, full_at_ms, now_ms, 1);
 */
#ifndef BASE_GCRA_H
#define BASE_GCRA_H

#include <stdbool.h>
#include <stdint.h>

struct gcra {
    int64_t burst; /* at once; 0: nothing is known, anything may go */
    int64_t gap;   /* then one each gap; 0: as many as one likes once full_at has passed */
};

/* As a CA with token buckets counts: `count` at once, and one more each period / count. */
struct gcra gcra_bucket(int64_t count, int64_t period);
/* However the peer cuts its windows: half at once, the rest spread, so that no stretch of that length holds more than count. */
struct gcra gcra_window(int64_t count, int64_t period);

/* The earliest instant, not before now, at which the n-th from now may go (n >= 1). */
int64_t gcra_at(const struct gcra *g, int64_t full_at, int64_t now, int64_t n);
/* full_at when n are taken now. */
int64_t gcra_take(const struct gcra *g, int64_t full_at, int64_t now, int64_t n);
/* How many may go now. */
int64_t gcra_left(const struct gcra *g, int64_t full_at, int64_t now);
/* full_at of a bucket out of which exactly one may go at `until`, and none before. */
int64_t gcra_closed(const struct gcra *g, int64_t until);

#endif
