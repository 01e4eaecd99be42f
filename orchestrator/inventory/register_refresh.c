#include "inventory/register_inside.h"

#include "inventory/config.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

/* ---- settling ---- */

static int reading_compare(const void *a, const void *b)
{
    return strcmp((*(struct reading *const *)a)->name, (*(struct reading *const *)b)->name);
}

static const struct reading *reading_find(const struct refresh *refresh, const char *name)
{
    const struct reading key = {.name = name}, *pointer = &key;
    struct reading **found = refresh->n_readings == 0
                                 ? NULL
                                 : bsearch(&pointer, refresh->readings, refresh->n_readings,
                                           sizeof *refresh->readings, reading_compare);
    return found != NULL ? *found : NULL;
}

/* Sets that share what was touched: their conflicts may have come or gone. */
static bool sharers_touch(struct refresh *refresh, enum sql_name statement,
                          const struct touched *shared, struct err *err)
{
    for (size_t i = 0; i < shared->n; i++) {
        struct rows rows;
        if (!store_query(refresh->house->store, &rows, err, statement, "t", shared->texts[i]))
            return false;
        while (rows_next(&rows))
            touched_add(&refresh->sets, refresh->arena, rows_text(&rows, 0));
        if (!rows_end(&rows, err))
            return false;
    }
    return true;
}

static bool sets_settle(struct refresh *refresh, struct err *err)
{
    touched_sort(&refresh->exacts);
    touched_sort(&refresh->paths);
    if (refresh->n_readings > 0)
        qsort(refresh->readings, refresh->n_readings, sizeof *refresh->readings, reading_compare);
    if (!sharers_touch(refresh, SQL_SETS_OF_EXACT, &refresh->exacts, err) ||
        !sharers_touch(refresh, SQL_SETS_OF_PATH, &refresh->paths, err))
        return false;
    touched_sort(&refresh->sets);
    for (size_t i = 0; i < refresh->sets.n; i++) {
        const char *name = refresh->sets.texts[i];
        if (!set_settle(refresh, name, reading_find(refresh, name), err))
            return false;
    }
    return true;
}

/* As text: so is every fact of the table meta. */
static bool config_keep(struct refresh *refresh, struct err *err)
{
    struct store *store = refresh->house->store;
    char at[32];
    snprintf(at, sizeof at, "%" PRId64, refresh->now_ms);
    return store_run(store, NULL, err, SQL_META_SET, "tt", "config",
                     refresh->house->config->fingerprint) &&
           store_run(store, NULL, err, SQL_META_SET, "tt", "config_at_ms", at);
}

static bool changes_write(struct refresh *refresh, const struct sets_walk *w, struct err *err)
{
    for (size_t i = 0; i < w->changed.n; i++)
        if (!file_take(refresh, &w->changed.items[i], err))
            return false;
    for (size_t i = 0; i < w->gone.n; i++)
        if (!file_gone(refresh, &w->gone.items[i], err))
            return false;
    return sets_settle(refresh, err) && (!refresh->config_changed || config_keep(refresh, err));
}

static bool changes_commit(struct house *house, const struct sets_walk *w,
                           struct register_result *result, struct err *err)
{
    struct refresh refresh = {.house = house,
                              .arena = w->arena,
                              .now_ms = house_now(house),
                              .config_changed = w->read_all,
                              .result = result};
    if (!store_begin(house->store, err))
        return false;
    bool ok = changes_write(&refresh, w, err);
    if (ok)
        ok = store_commit(house->store, err);
    else
        store_rollback(house->store);
    for (size_t i = 0; i < refresh.n_readings; i++)
        set_config_free(refresh.readings[i]->set);
    mem_free(refresh.readings);
    touched_fini(&refresh.sets);
    touched_fini(&refresh.exacts);
    touched_fini(&refresh.paths);
    return ok;
}

bool register_config_is_ours(struct house *house, bool *ret, struct err *err)
{
    struct rows rows;
    if (!store_query(house->store, &rows, err, SQL_META_GET, "t", "config"))
        return false;
    bool known = rows_next(&rows) && strcmp(rows_text(&rows, 0), house->config->fingerprint) == 0;
    if (!rows_end(&rows, err))
        return false;
    *ret = known;
    return true;
}

static bool look(struct house *house, bool writes, struct register_result *result, struct err *err)
{
    AUTO(sets_walk_fini)
    struct sets_walk w = {.arena = arena_new()};
    bool known = false;
    int64_t n_faults = 0;
    bool ok = register_config_is_ours(house, &known, err);
    w.read_all = !known;
    ok = ok && sets_walk(house, &w, err);
    if (ok && !writes) {
        result->n_changed = w.changed.n;
        result->n_removed = w.gone.n;
    } else if (ok && (w.changed.n > 0 || w.gone.n > 0 || w.read_all)) {
        ok = changes_commit(house, &w, result, err);
    }
    result->n_sets = w.n_files;
    result->is_other_config = w.read_all;
    ok = ok && store_int(house->store, 0, &n_faults, err, SQL_SET_N_FAULTS, "");
    result->n_faults = (size_t)n_faults;
    return ok;
}

static bool look_and_tell(struct house *house, bool writes, struct register_result *ret,
                          struct err *err)
{
    struct register_result result = {0};
    if (!look(house, writes, &result, err))
        return false;
    if (ret != NULL)
        *ret = result;
    return true;
}

bool register_refresh(struct house *house, struct register_result *ret, struct err *err)
{
    return look_and_tell(house, true, ret, err);
}

bool register_look(struct house *house, struct register_result *ret, struct err *err)
{
    return look_and_tell(house, false, ret, err);
}

bool register_config_at(struct house *house, int64_t *ret_at_ms, struct err *err)
{
    struct rows rows;
    int64_t at_ms = 0;
    if (!store_query(house->store, &rows, err, SQL_META_GET, "t", "config_at_ms"))
        return false;
    if (rows_next(&rows) && !str_to_i64(str_of(rows_text(&rows, 0)), &at_ms))
        at_ms = 0;
    if (!rows_end(&rows, err))
        return false;
    *ret_at_ms = at_ms;
    return true;
}
