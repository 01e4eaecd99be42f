/*
 * When a concern of a lasting run looks at its rows again: something was written since, the earliest of its instants has come, or a minute is over -
 * other processes write, too. A turn in which nothing of that is so asks the store nothing.
 */
#ifndef INVENTORY_LOOK_H
#define INVENTORY_LOOK_H

#include "inventory/house.h"

enum { LOOK_EVERY_MS = 60 * 1000 };
struct look { /* zero: look at once */
    int64_t n_writes, at_ms;
    bool was_done;
};

/* The wall clock at which to look; 0: now. */
static inline int64_t look_next_at_ms(const struct look *look, const struct house *house)
{
    return look->was_done && look->n_writes == store_n_writes(house->store) ? look->at_ms : 0;
}

static inline bool look_is_due(const struct look *look, const struct house *house)
{
    int64_t at_ms = look_next_at_ms(look, house), now_ms = house_now(house);
    return at_ms <= now_ms ||
           at_ms > now_ms + LOOK_EVERY_MS; /* further off: the clock was set back */
}

/* next_at_ms: the earliest instant found, INT64_MAX: none. Last of all that the concern writes in its look. */
static inline void look_done(struct look *look, const struct house *house, int64_t next_at_ms)
{
    int64_t most_ms = house_now(house) + LOOK_EVERY_MS;
    *look = (struct look){.n_writes = store_n_writes(house->store),
                          .at_ms = next_at_ms < most_ms ? next_at_ms : most_ms,
                          .was_done = true};
}

#endif
