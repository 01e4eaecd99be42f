/*
 * The inside of the exposed lock, for lock*.c only.
 *
 *   lock.c         take, renew, release, break: one transaction each
 *   lock_look.c    the row as it is, who holds it, orders of ours
 *   lock_queue.c   who waits
 *   lock_sweep.c   what locks that nobody gave back have reserved
 */
#ifndef AUTHORITY_LOCK_INSIDE_H
#define AUTHORITY_LOCK_INSIDE_H

#include "authority/lock.h"
#include "authority/self.h"

enum { LOCK_KEY_MAX = 272 };
/* "name:<canonical>" */
void lock_key(const char *name, char out[LOCK_KEY_MAX]);

struct lock_time { /* read once an operation */
    struct self me;
    int64_t now_ms, boot_ms;
};
bool lock_time_read(struct house *house, struct lock_time *ret, struct err *err);
bool lock_time_is_over(const struct lock_time *time, const char *boot_id, int64_t expires_at_ms,
                       int64_t expires_boot_ms);

/* The row of a name. */
struct lock_seen {
    char key[LOCK_KEY_MAX];
    struct lock_row row; /* owned; of the last holder */
    int64_t fencing;     /* 0: never held */
    bool is_live;
    bool is_leftover; /* has a holder, but ran out, or its process is gone */
    bool is_dead;     /* the latter */
};
bool lock_seen_read(struct house *house, const char *name, const struct lock_time *time,
                    struct lock_seen *ret, struct err *err);
void lock_seen_fini(struct lock_seen *seen);
/* Columns of LOCK_COLUMNS into a row; texts borrowed. */
void lock_row_read(const struct rows *rows, const struct lock_time *time, struct lock_seen *ret);

/* HELD: by whom and since when. */
void lock_is_held(const struct lock_row *row, struct err *refusal);
/* May it be taken? *refusal (HELD) tells why not. writes: ends on the way what only seems to be in the way (leases of a leader that is
 * gone, tickets nobody asks for); else nothing is changed. */
bool lock_is_clear(struct house *house, const struct lock_ask *ask, const struct lock_seen *seen,
                   const struct lock_time *time, bool writes, bool *ret_may, struct err *refusal,
                   struct err *err);
/* An order of ours in flight: its set (fresh text), or NULL. */
bool lock_order_find(struct house *house, const char *name, const struct lock_time *time,
                     bool writes, char **ret_set, int64_t *ret_since_ms, struct err *err);

/* ---- who waits ---- */

/* Does nobody wait who asked earlier? *refusal (HELD) tells who does. */
bool lock_queue_look(struct house *house, const struct lock_ask *ask, const struct lock_time *time,
                     bool writes, bool *ret_is_next, struct err *refusal, struct err *err);
/* After a refusal: the asker's ticket is made, or lives on. Nothing when it does not wait. */
bool lock_ticket_keep(struct house *house, const struct lock_ask *ask, const struct lock_time *time,
                      struct err *err);
/* An order of ours that must wait stands in line like others: one ticket a set and name. */
bool lock_ticket_of_set(struct house *house, const char *set, const char *name,
                        const struct lock_time *time, struct err *err);
bool lock_ticket_drop(struct house *house, const struct lock_ask *ask, const struct self *me,
                      struct err *err);

#endif
