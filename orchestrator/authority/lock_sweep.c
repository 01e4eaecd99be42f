/* What locks that nobody gave back have reserved in the ledger. */
#include "authority/lock_inside.h"

/* owner: "lock:<name>:<fencing>". *ret: its lock is over, or another's. */
static bool owner_is_gone(struct house *house, const char *owner, const struct lock_time *time,
                          bool *ret, struct err *err)
{
    AUTO(lock_seen_fini)
    struct lock_seen seen = {0};
    const char *name = owner + sizeof("lock:") - 1, *colon = strrchr(name, ':');
    int64_t fencing = 0;
    if (colon == NULL || !str_to_i64(str_of(colon + 1), &fencing)) {
        *ret = true;
        return true;
    }
    AUTO(mem_fini)
    char *canonical = mem_strndup(name, (size_t)(colon - name));
    if (!lock_seen_read(house, canonical, time, &seen, err))
        return false;
    *ret = !seen.is_live || seen.fencing != fencing;
    return true;
}

/* Fresh text, or NULL. */
static bool gone_find(struct house *house, const struct lock_time *time, char **ret_owner,
                      struct err *err)
{
    struct rows rows;
    bool ok = true, is_gone = false;
    char *owner = NULL;
    if (!store_query(house->store, &rows, err, SQL_LOCK_RESERVERS, ""))
        return false;
    while (ok && !is_gone && rows_next(&rows)) {
        ok = owner_is_gone(house, rows_text(&rows, 0), time, &is_gone, err);
        if (ok && is_gone)
            owner = mem_strdup(rows_text(&rows, 0));
    }
    if (!rows_end(&rows, ok ? err : NULL) || !ok) {
        mem_free(owner);
        return false;
    }
    *ret_owner = owner;
    return true;
}

bool lock_sweep(struct house *house, struct err *err)
{
    struct lock_time time;
    char *owner = NULL;
    bool ok = true;
    if (!lock_time_read(house, &time, err))
        return false;
    do {
        mem_free(owner);
        owner = NULL;
        ok = gone_find(house, &time, &owner, err) &&
             (owner == NULL || ledger_settle(house, owner, LEDGER_UNKNOWN, err));
    } while (ok && owner != NULL);
    mem_free(owner);
    return ok;
}
