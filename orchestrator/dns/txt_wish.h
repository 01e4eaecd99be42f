/*
 * One wish for one TXT value, and the orders that wait for wishes: the inside of the TXT desk.
 *
 *   PLANNED -> SENT -> SET -> SERVED          present
 *   REMOVING -> REMOVED -> GONE               gone
 *
 * A wish "gone" can be wanted again, whatever it has come to: it is planned anew, and counts as one that may stand.
 *
 * A row is written when a wish is made, when it is handed to a provider (SENT), when it turns (REMOVING), and when it is GONE. SET,
 * SERVED and REMOVED are only waited for: a restart asks again.
 */
#ifndef DNS_TXT_WISH_H
#define DNS_TXT_WISH_H

#include "base/list.h"
#include "dns/provider_host.h"
#include "dns/txt_desk.h"
#include "inventory/config.h"
#include "inventory/house.h"

enum wish_state {
    WISH_PLANNED,
    WISH_SENT,
    WISH_SET,
    WISH_SERVED,
    WISH_REMOVING,
    WISH_REMOVED,
    WISH_GONE
};

struct desk_order { /* all wishes of one order */
    struct list in_desk, in_changed;
    struct list wishes;
    int64_t id;
    struct err failure; /* kind NONE: none */
};

struct txt_zone;
struct txt_wish {
    struct list in_order, in_desk, in_zone, in_dirty;
    struct heap_node wake; /* waits for time */
    struct txt_desk *desk;
    struct desk_order *order; /* NULL: its order is over */
    struct txt_zone *zone;    /* NULL: not found yet */
    struct zone_find *find;   /* under way */
    const struct provider_config *provider;
    int64_t id, order_id;
    char *set, *challenge, *alias, *owner, *value, *ref;
    char *proof;  /* the key authorization behind the value, or NULL */
    bool stands;  /* id is a row of the table persist */
    bool present; /* the wish itself */
    enum wish_state state;
    bool may_stand;  /* a provider may have been asked to add it: only a removal makes it gone */
    bool was_in_job; /* an earlier job had it: its end may not be known */
    bool busy;       /* inside a job or a check */
    bool asked_for;  /* by its order in this run; what was read back and is not asked for rests */
    bool has_twin;   /* another wish wants the same value at the same name, for another order */
    bool alone;      /* was refused among others: next time by itself */
    bool settling;   /* served, but the settle time of the provider runs */
    bool is_bound;   /* its record is with this provider, whoever serves the zone now */
    int64_t n_tries, deadline_at_ms, state_at_ms;
    char *seen; /* who answered what, last time */
    int64_t seen_at_ms;
    char *told; /* why it could not be removed, as the history has it; or NULL */
    struct err failure;
};

struct txt_zone { /* one account and zone: one job at a time */
    struct list in_desk;
    struct list wishes;
    struct txt_desk *desk;
    const struct provider_config *provider;
    struct zone_info *info;
    struct host_job *job;
    int64_t n_expected;       /* requests of the next job, as far as is known */
    struct txt_wish **in_job; /* the wishes of the job, by record; NULL where one was dropped */
    size_t n_in_job;
    bool starts_job;      /* decided in collect, done in act */
    int64_t gather_at_ms; /* waits so long for more to be done in one job; 0: does not */
    const struct propagation_config *rules; /* the provider's, for this zone */
    struct zone_info *asked; /* whom checks ask instead of the zone's servers, or NULL */
    char *unheard;           /* who did not answer, to be told; or NULL */
    char *unheard_set;
    int64_t unheard_order;
    bool unheard_told; /* in this run */
};

struct txt_desk {
    struct house *house;
    struct provider_host *host;
    struct list wishes, orders, changed, zones, dirty;
    struct list seekers; /* wishes whose zone must be found (linked by in_zone) */
    struct list checks;  /* under way */
    struct heap sleepers;
    struct zone_finders *finders;
    size_t n_under_way;   /* finds, jobs, checks */
    size_t n_awaited;     /* wishes SET: a run stays for them, however long their wait is */
    size_t n_gone_wanted; /* wishes "gone" that are not gone yet */
    bool will_act;        /* collect has decided on jobs or checks that act will start */
    bool holds_all;       /* all rows were loaded: no value of ours stands that it does not know */
};

/* A row as TXT_OPEN tells it. */
void txt_desk_load_row(struct txt_desk *desk, const struct rows *rows);

const char *wish_state_name(enum wish_state state);
bool wish_state_find(const char *name, enum wish_state *ret);

/* Rows. Inside a transaction. */
bool txt_wish_insert(struct txt_wish *wish, struct err *err);
bool txt_wish_save(struct txt_wish *wish, struct err *err);

void txt_wish_free(struct txt_wish *wish);
/* A new state as of now; in a state that is not only waited for the row becomes dirty. */
void txt_wish_enter(struct txt_wish *wish, enum wish_state state);
void txt_wish_touch(struct txt_wish *wish);
/* The wish must be looked at again at that time. */
void txt_wish_sleep(struct txt_wish *wish, int64_t until_ms);
/* The wish cannot be had: its order hears of it; a removal is tried again later. */
void txt_wish_fail(struct txt_wish *wish, const struct err *why);
/* What the provider takes only when the order is over: it fails with that. */
void txt_wish_is_too_late(struct txt_wish *wish, const struct err *why);
/* From "present" to "gone". */
void txt_wish_turn(struct txt_wish *wish);
/* From "gone" to "present" again. */
void txt_wish_turn_back(struct txt_wish *wish);
/* It is to be published by a coming job. */
void txt_wish_replan(struct txt_wish *wish);
void desk_order_changed(struct desk_order *order);
/* Neither inside a job or check nor asleep. */
bool txt_wish_is_awake(const struct txt_wish *wish);
/* 1 s, 2 s, 5 s, 15 s, 30 s, then each minute. */
int64_t txt_back_off_ms(int64_t n_tries);
/* After a passing fault: before its deadline, and always a few times - the machine may have been off for a week. */
bool txt_wish_may_try_again(const struct txt_wish *wish);
/* Its order, which still has time, would be over before that instant. */
bool txt_wish_is_over_by(const struct txt_wish *wish, int64_t at_ms);
/* Looks for the zone, unless that is done or under way. */
void txt_wish_seek(struct txt_wish *wish);
/* Another wish that stands for the same record and keeps it; NULL: none. The one that goes first must leave the record to it. */
struct txt_wish *txt_wish_heir(const struct txt_wish *wish);

/* txt_slot.c: a name may hold so many values only (values_max of the provider). True: the wish is not handed over, because it waits for
 * others to be gone - its failure says for which - or because its order has failed: it wants more at once than there is room for. */
bool txt_slot_holds_back(struct txt_wish *wish);

/* txt_group.c: is the next job of the zone to wait for what is about to come? Sets gather_at_ms. */
bool txt_zone_waits(struct txt_zone *zone);
/* Ready to be handed over, were it alone. */
bool txt_wish_is_for_job(const struct txt_wish *wish);

/* txt_zone.c: jobs and checks of a zone. */
struct txt_zone *txt_zone_of(struct txt_desk *desk, const struct provider_config *provider,
                             const struct zone_info *info);
void txt_zone_free(struct txt_zone *zone);
/* txt_gather.c: gathers what is ready into the next job (decides; the rows become SENT). What its provider does not take before its order ends
 * fails at once; what it takes later sleeps. */
void txt_zone_gather(struct txt_zone *zone);
/* Starts the job and the checks that were decided. */
void txt_zone_act(struct txt_zone *zone);
/* Forgets a wish that goes away while a job or check holds it. */
void txt_zone_drop(struct txt_zone *zone, const struct txt_wish *wish);

/* txt_check.c: whether what was asked for is served, or gone. The provider said done: what its word is worth the zone's rules say. */
void txt_zone_rule(struct txt_zone *zone); /* finds the rules of a new zone */
void txt_wish_published(struct txt_wish *wish);
void txt_wish_withdrawn(struct txt_wish *wish);
/* Inside a transaction: tells, once a run and zone, of name servers that were passed over. */
void txt_zone_tell(struct txt_zone *zone);
void txt_checks_free(struct txt_desk *desk);
/* Forgets a wish that goes away. */
void txt_checks_drop(struct txt_desk *desk, const struct txt_wish *wish);
/* Between collect and act: something would be started. */
bool txt_checks_are_due(const struct txt_zone *zone);
void txt_checks_start(struct txt_desk *desk, struct txt_zone *zone);

#endif
