#include "renewal/renewal.h"

static bool set_is_among(const char *const *only, const char *set)
{
    if (only == NULL)
        return true;
    for (; *only != NULL; only++) {
        if (strcmp(*only, set) == 0)
            return true;
    }
    return false;
}

void renewal_count_throttled(struct renewal_result *result, int64_t until_ms)
{
    result->n_throttled++;
    if (until_ms > result->throttled_until_ms)
        result->throttled_until_ms = until_ms;
}

void renewal_count_put_off(struct renewal_result *result, const char *failure_kind,
                           int64_t next_at_ms)
{
    result->n_postponed++;
    result->n_undone++;
    if (failure_kind != NULL && err_kind_find(failure_kind) == ERR_THROTTLED)
        renewal_count_throttled(result, next_at_ms);
}

static bool orders_waiting(struct house *house, const char *const *only, struct renewal_result *ret,
                           struct err *err)
{
    struct rows rows;
    if (!store_query(house->store, &rows, err, SQL_ORDER_OPEN_IDS, ""))
        return false;
    while (rows_next(&rows)) {
        if (set_is_among(only, rows_text(&rows, 1)))
            renewal_count_put_off(ret, rows_text(&rows, 3), rows_int(&rows, 2));
    }
    return rows_end(&rows, err);
}

bool renewal_sets_waiting(struct house *house, const char *const *only, struct renewal_result *ret,
                          struct err *err)
{
    struct rows rows;
    if (!store_query(house->store, &rows, err, SQL_SET_WAITING, "i", house_now(house)))
        return false;
    while (rows_next(&rows)) {
        if (set_is_among(only, rows_text(&rows, 0)))
            renewal_count_put_off(ret, rows_text(&rows, 2), rows_int(&rows, 1));
    }
    return rows_end(&rows, err);
}

bool renewal_waiting(struct house *house, const char *const *only, struct renewal_result *ret,
                     struct err *err)
{
    return orders_waiting(house, only, ret, err) && renewal_sets_waiting(house, only, ret, err);
}
