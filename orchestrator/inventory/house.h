/*
 * The house: everything a run of the program holds, handed down by argument.
 *
 * cmd/ opens a house for what a command needs (only the store for `status`; all of it for `renew`) and closes it. The three
 * concerns get the same house and meet in its store, never in each other. Nothing here is global.
 */
#ifndef INVENTORY_HOUSE_H
#define INVENTORY_HOUSE_H

#include "base/log.h"
#include "crypto/seal.h"
#include "io/dns.h"
#include "io/http.h"
#include "io/loop.h"
#include "store/store.h"

struct config;

/* A step of long work that a person may want to see live. Borrowed for the call. */
struct progress_note {
    const char *set;   /* NULL: the run as a whole */
    const char *stage; /* "order", "dns", "validate", "deliver", "verify" ... */
    const char *text;
    bool is_end; /* this set's part of the stage has ended */
    bool is_fault;
};
struct progress {
    void (*say)(void *arg, const struct progress_note *note);
    void *arg;
};

struct house {
    const struct clock *clock;
    struct log *log;
    struct config *config;
    struct store *store;
    struct seal *seal; /* NULL when the command needs no secret */
    struct loop *loop; /* NULL when the command does not act */
    struct http *http;
    struct dns *dns;
    struct progress progress;
    int64_t fencing; /* of the leader lease this run holds; 0: not leader */
    /* Boot clock: until then nobody else can have taken the lead from us. 0: nothing depends on a lead. */
    int64_t sure_until_boot_ms;
    int64_t
        n_lapses; /* how often it was confirmed again after such a time: what hangs on the lead must be looked at */
    /* Until then (boot clock) others of this process wait for the store between two turns of the leader: it works in slices. A turn takes up work for so
     * long only, one order at least, and each part of a wait hears for so long only. Set by a face that was asked something. */
    int64_t slices_until_boot_ms, slice_ms;
    bool rehearsal; /* --dry-run: staging directories, nothing is delivered */
};

void house_say(const struct house *house, const char *set, const char *stage, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));
void house_say_end(const struct house *house, const char *set, const char *stage, bool is_fault,
                   const char *fmt, ...) __attribute__((format(printf, 5, 6)));
static inline int64_t house_now(const struct house *house)
{
    return clock_wall_ms(house->clock);
}
/* INT64_MAX: a turn, and what is heard before it, may last. */
static inline int64_t house_slice_ms(const struct house *house)
{
    return clock_boot_ms(house->clock) < house->slices_until_boot_ms ? house->slice_ms : INT64_MAX;
}
/* False: the machine slept, or this process was frozen, since the lead was confirmed. What would change the world waits until the leader's next
 * turn has confirmed it, or closed everything. */
static inline bool house_is_sure(const struct house *house)
{
    return house->sure_until_boot_ms == 0 ||
           clock_boot_ms(house->clock) < house->sure_until_boot_ms;
}

#endif
