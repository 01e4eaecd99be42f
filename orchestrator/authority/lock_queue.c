/* Who waits for a lock: a row a waiter, served in the order of the rows. */
#include "authority/lock_inside.h"

static const char *client_of(const struct lock_ask *ask, const struct self *me)
{
    return ask->client != NULL ? ask->client : me->holder;
}

static bool ticket_is_own(const struct rows *rows, const struct lock_ask *ask,
                          const struct self *me)
{
    return ask->ticket != NULL && rows_int(rows, 0) == *ask->ticket &&
           strcmp(rows_text(rows, 1), client_of(ask, me)) == 0;
}

static bool ticket_is_over(const struct rows *rows, const struct lock_time *time)
{
    return lock_time_is_over(time, rows_text(rows, 4), rows_int(rows, 5), rows_int(rows, 6)) ||
           self_knows_dead(&time->me, rows_text(rows, 2), rows_text(rows, 4), rows_int(rows, 3));
}

bool lock_queue_look(struct house *house, const struct lock_ask *ask, const struct lock_time *time,
                     bool writes, bool *ret_is_next, struct err *refusal, struct err *err)
{
    struct rows rows;
    bool is_next = true, ok = true;
    if (!store_query(house->store, &rows, err, SQL_LOCK_WAIT_LIST, "t", ask->name))
        return false;
    while (ok && is_next && rows_next(&rows) && !ticket_is_own(&rows, ask, &time->me)) {
        if (!ticket_is_over(&rows, time)) {
            is_next = false;
            err_set(refusal, ERR_HELD, "somebody asked for the lock of %s earlier: %s", ask->name,
                    rows_text(&rows, 1));
        } else if (writes) {
            ok = store_run(house->store, NULL, err, SQL_LOCK_WAIT_END, "i", rows_int(&rows, 0));
        }
    }
    if (!rows_end(&rows, ok ? err : NULL) || !ok)
        return false;
    *ret_is_next = is_next;
    return true;
}

static bool ticket_add(struct house *house, const struct lock_ask *ask,
                       const struct lock_time *time, struct err *err)
{
    const struct self *me = &time->me;
    bool is_process = ask->client == NULL;
    int64_t n = 0;
    *ask->ticket = 0;
    if (!store_int(house->store, 0, &n, err, SQL_LOCK_WAIT_COUNT, "t", ask->name))
        return false;
    if (n >= LOCK_WAITERS_MOST)
        return true;
    return store_insert(house->store, ask->ticket, err, SQL_LOCK_WAIT_ADD, "tttitiii", ask->name,
                        client_of(ask, me), is_process ? me->holder : NULL,
                        is_process ? me->pid : INT64_C(0), self_boot(me), time->now_ms,
                        time->now_ms + LOCK_TICKET_MS, time->boot_ms + LOCK_TICKET_MS);
}

bool lock_ticket_keep(struct house *house, const struct lock_ask *ask, const struct lock_time *time,
                      struct err *err)
{
    int64_t n = 0;
    if (ask->ticket == NULL)
        return true;
    if (*ask->ticket != 0 &&
        !store_run(house->store, &n, err, SQL_LOCK_WAIT_KEEP, "ittiit", *ask->ticket, ask->name,
                   client_of(ask, &time->me), time->now_ms + LOCK_TICKET_MS,
                   time->boot_ms + LOCK_TICKET_MS, self_boot(&time->me)))
        return false;
    return n == 1 || ticket_add(house, ask, time, err);
}

/* It is dropped by nobody: when the order has begun it keeps the lock away itself, and soon the ticket is over. */
bool lock_ticket_of_set(struct house *house, const char *set, const char *name,
                        const struct lock_time *time, struct err *err)
{
    AUTO(mem_fini)
    char *client = mem_printf("an order of set %s", set);
    int64_t ticket = 0;
    const struct lock_ask ask = {.name = name, .client = client, .ticket = &ticket};
    return store_int(house->store, 0, &ticket, err, SQL_LOCK_WAIT_FIND, "tt", name, client) &&
           lock_ticket_keep(house, &ask, time, err);
}

bool lock_ticket_drop(struct house *house, const struct lock_ask *ask, const struct self *me,
                      struct err *err)
{
    if (ask->ticket == NULL || *ask->ticket == 0)
        return true;
    if (!store_run(house->store, NULL, err, SQL_LOCK_WAIT_DROP, "itt", *ask->ticket, ask->name,
                   client_of(ask, me)))
        return false;
    *ask->ticket = 0;
    return true;
}
