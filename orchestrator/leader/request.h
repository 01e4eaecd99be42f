/*
 * Requests: what a process wants done while another one leads.
 *
 *   filed     a row, by whoever finds the lead taken (follow.h)
 *   taken     by the leader in its turn (request_desk.h): its sets become asks of its concerns. Whatever is under way for a set already serves all
 *             that ask for it: one piece of work
 *   done      when its sets are at rest in all concerns: issued, delivered, seen, or left to a later time
 *
 * A leader that dies leaves it open: the next one takes it up again. What was forced is not forced a second time where a certificate was issued
 * since it was filed. What came of it is told by the rows of its sets, not by the leader: request_result.
 */
#ifndef LEADER_REQUEST_H
#define LEADER_REQUEST_H

#include "authority/lease.h"
#include "leader/leader.h"

struct request { /* texts owned */
    int64_t id;
    enum request_kind kind;
    char **sets; /* NULL-terminated; NULL: all that is due */
    bool forced, retries, is_done;
    int64_t patience_ms;   /* what waits longer is left to a later time */
    char *override_reason; /* struct ask; NULL */
    char *host;            /* who filed it */
    int64_t pid, filed_at_ms, done_at_ms;
    int64_t certificate_id, event_id; /* the newest ones then */
    int64_t taken_by;                 /* fencing number; 0: nobody yet */
};
void request_fini(struct request *request);

const char *request_kind_name(enum request_kind kind);
/* What the concerns have to do for it: ASK_RENEW ... */
unsigned request_parts(enum request_kind kind);

/* Files what these options mean. Own transaction unless one is open. Kind STORE. */
bool request_file(struct house *house, const struct leader_options *options, int64_t *ret_id,
                  struct err *err);
/* ABSENT: it was done long ago, and forgotten. */
bool request_load(struct house *house, int64_t id, struct request *ret, struct err *err);
typedef bool request_visit(void *arg, const struct request *request);
/* The open ones after that id, oldest first. */
bool request_each_open(struct house *house, int64_t after_id, request_visit *visit, void *arg,
                       struct err *err);

/* What came of it, by the rows of its sets. Kind STORE. */
bool request_result(struct house *house, const struct request *request, struct leader_result *ret,
                    struct err *err);

/* ---- errands: a process needs the lead itself, for a moment ---- */

/* Takes the lead for ttl_ms. Asks a serving leader to step aside, once, and waits for wait_ms at most. Kinds: HELD (names the holder), STORE. The caller sets
 * house->fencing. */
bool errand_lead_take(struct house *house, const char *purpose, int64_t ttl_ms, int64_t wait_ms,
                      struct lease **ret, struct err *err);
/* Does somebody wait for it? An indexed look. */
bool errand_is_asked(struct house *house, bool *ret, struct err *err);
/* The leader steps aside: they have been heard. Own transaction unless one is open. */
bool errands_hear(struct house *house, struct err *err);

#endif
