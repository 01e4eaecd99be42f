#include "inventory/held_inside.h"

#include "inventory/register.h"

struct sharer {
    int64_t id;
    char *set;
};

static bool sharers_load(struct house *house, const struct certificate *c, struct sharer **ret_list,
                         size_t *ret_n, struct err *err)
{
    struct rows rows;
    if (!store_query(house->store, &rows, err, SQL_KEY_SHARED_WITH, "ti", c->spki, c->id))
        return false;
    while (rows_next(&rows)) {
        *ret_list = mem_grow(*ret_list, *ret_n, *ret_n + 1, sizeof **ret_list);
        (*ret_list)[(*ret_n)++] =
            (struct sharer){rows_int(&rows, 0), mem_strdup(rows_text(&rows, 1))};
    }
    return rows_end(&rows, err);
}

bool held_key_compromise(struct house *house, const struct certificate *c, struct err *err)
{
    struct sharer *list = NULL;
    size_t n = 0;
    int64_t now_ms = house_now(house);
    CHECK(store_in_transaction(house->store));
    bool ok = store_run(house->store, NULL, err, SQL_KEY_COMPROMISED, "ii", c->key_id, now_ms) &&
              sharers_load(house, c, &list, &n, err);
    for (size_t i = 0; ok && i < n; i++)
        ok = store_run(house->store, NULL, err, SQL_CERTIFICATE_DUE_FOR_KEY, "ii", list[i].id,
                       now_ms) &&
             register_schedule(house, list[i].set, now_ms, "due", err);
    for (size_t i = 0; i < n; i++)
        mem_free(list[i].set);
    mem_free(list);
    return ok;
}
