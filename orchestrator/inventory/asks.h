/*
 * Asks: what a run of the leader looks after. The run's own ask is there from the beginning - everything that is due, or named sets -, others
 * come in while it runs (requests of other processes, leader/request.h) and go when they are done.
 *
 * The leader owns the asks; the concerns hold the same list and take up what is new in it by a cursor of their own:
 *
 *     while ((ask = asks_next(asks, ASK_RENEW, &x->cursor)) != NULL) ...
 *
 * A lasting run (serve) also takes up what becomes due by itself.
 */
#ifndef INVENTORY_ASKS_H
#define INVENTORY_ASKS_H

#include "base/mem.h"

enum { ASK_RENEW = 1 << 0, ASK_DELIVER = 1 << 1, ASK_VERIFY = 1 << 2 };

struct ask {
    const char *set; /* NULL: all that is due. Copied */
    unsigned
        parts; /* the concerns it is for. With ASK_RENEW `forced` means the renewal alone: what follows from it follows by itself */
    bool forced;  /* though it is not due */
    bool retries; /* though it waits after a failure or is held; what is not due stays */
    int64_t id;   /* of the request; 0: the run's own */
    const char
        *override_reason; /* a person's word that no limit of a CA hinders it; NULL. Copied */
};
struct asks;
/* only: names of sets, NULL-terminated, copied; NULL: all. */
struct asks *asks_new(const char *const *only, unsigned parts, bool forced, bool retries,
                      bool lasts);
void asks_free(struct asks *asks); /* NULL allowed */
/* What its own asks say of limits (struct ask). */
void asks_override_own(struct asks *asks, const char *reason);
void asks_add(struct asks *asks, const struct ask *ask);
/* What this request asked for is done with. */
void asks_drop(struct asks *asks, int64_t id);

/* Goes through the asks for a concern, new ones at the end; cursor begins with 0. NULL: no more for now. Valid until the next asks_add. */
const struct ask *asks_next(const struct asks *asks, unsigned part, size_t *cursor);
/* Is what becomes due taken up, too? Also while a request is carried out: what of it has to wait is gone on with when its time comes. */
bool asks_lasts(const struct asks *asks);
/* Everything that is due? */
bool asks_want_all(const struct asks *asks, unsigned part);
bool asks_want(const struct asks *asks, unsigned part, const char *set);
/* Named and forced, or all are. */
bool asks_force(const struct asks *asks, unsigned part, const char *set);
/* Asked for by name and by hand - forced, or to be tried again -: retry times and pauses do not count. */
bool asks_by_hand(const struct asks *asks, const char *set);
/* The word of whoever asks for it by name that no limit of a CA is to hinder it; NULL: nobody said so. */
const char *asks_override(const struct asks *asks, const char *set);
bool asks_retry(const struct asks *asks, const char *set);
/* The run's own ask: what its result tells about. NULL-terminated; NULL: all. */
const char *const *asks_own(const struct asks *asks);
bool asks_is_own(const struct asks *asks, const char *set);

#endif
