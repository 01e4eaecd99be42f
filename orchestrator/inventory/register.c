#include "inventory/register_inside.h"

#include "inventory/config_inside.h"
#include "inventory/lifetime.h"

#include <stdlib.h>

/* ---- one set ---- */

void set_row_fini(struct set_row *row)
{
    mem_free(row->name);
    mem_free(row->file);
    mem_free(row->fault);
    mem_free(row->why);
    mem_free(row->failure);
    mem_free(row->failure_kind);
    mem_free(row->want);
    mem_free(row->lane);
    mem_free(row->hold);
    mem_free(row->guilty);
    mem_free(row->limited);
    *row = (struct set_row){0};
}

void set_row_read(const struct house *house, const struct rows *rows, int at, struct set_row *ret)
{
    const char *folder = house->config != NULL ? house->config->sets_folder : "";
    *ret = (struct set_row){
        .name = mem_strdup(rows_text(rows, at)),
        .file = path_from(folder, rows_text(rows, at + 1)),
        .fault = mem_strdup(rows_text(rows, at + 2)),
        .why = mem_strdup(rows_text(rows, at + 3)),
        .failure = mem_strdup(rows_text(rows, at + 4)),
        .failure_kind = mem_strdup(rows_text(rows, at + 5)),
        .want = mem_strdup(rows_text(rows, at + 6)),
        .removed = rows_int(rows, at + 7) != 0,
        .next_at_ms = rows_is_null(rows, at + 8) ? INT64_MAX : rows_int(rows, at + 8),
        .n_failures = rows_int(rows, at + 9),
        .failed_at_ms = rows_int(rows, at + 10),
        .lane = mem_strdup(rows_text(rows, at + 11)),
        .hold = mem_strdup(rows_text(rows, at + 12)),
        .guilty = mem_strdup(rows_text(rows, at + 13)),
        .limited = mem_strdup(rows_text(rows, at + 14)),
    };
}

bool set_load(struct house *house, const struct set_row *row, const char *doc,
              struct set_config **ret, struct err *err)
{
    AUTO(json_fini)
    struct json *tree = NULL;
    if (doc == NULL)
        return err_set(err, ERR_CONFIG, "set %s: its file never could be used: %s", row->name,
                       row->fault != NULL ? row->fault : row->file);
    if (!json_parse(str_of(doc), 2 * JSON_SIZE_MAX, &tree, err))
        return err_set(err, ERR_BROKEN,
                       "set %s: its record in the store is damaged; touch %s to have it read again",
                       row->name, row->file);
    /* A file that cannot be used now was good once, perhaps under another chancery.yaml. */
    return row->fault != NULL
               ? set_config_recall(house->config, row->name, row->file, tree, ret, err)
               : set_config_read(house->config, row->name, row->file, tree, ret, err);
}

/* Names of all sets, for a suggestion. */
static char *name_near(struct house *house, const char *name)
{
    struct rows rows;
    char **names = NULL, *found = NULL;
    size_t n = 0;
    if (!store_query(house->store, &rows, NULL, SQL_SET_ALL_NAMES, ""))
        return NULL;
    while (rows_next(&rows)) {
        names = mem_grow(names, n, n + 2, sizeof *names);
        names[n++] = mem_strdup(rows_text(&rows, 0));
    }
    rows_end(&rows, NULL);
    if (n > 0)
        found = mem_strdup(table_suggest(name, (const char *const *)names, n));
    texts_free(names);
    return found;
}

static bool set_absent(struct house *house, const char *name, struct err *err)
{
    AUTO(mem_fini)
    char *near = name_near(house, name);
    return err_set(err, ERR_ABSENT, "there is no set \"%.128s\"%s%s%s", name,
                   near != NULL ? "; did you mean \"" : "", near != NULL ? near : "",
                   near != NULL ? "\"?" : "");
}

/* doc may be NULL: not asked for. */
static bool row_load(struct house *house, const char *name, struct set_row *ret, char **ret_doc,
                     struct err *err)
{
    struct rows rows;
    bool found = false;
    if (!store_query(house->store, &rows, err, ret_doc != NULL ? SQL_SET_ROW_AND_DOC : SQL_SET_ROW,
                     "t", name))
        return false;
    if (rows_next(&rows)) {
        found = true;
        set_row_read(house, &rows, 0, ret);
        if (ret_doc != NULL)
            *ret_doc = mem_strdup(rows_text(&rows, SET_ROW_COLUMNS_N));
    }
    if (!rows_end(&rows, err)) {
        if (found)
            set_row_fini(ret);
        return false;
    }
    return found || set_absent(house, name, err);
}

bool register_row(struct house *house, const char *name, struct set_row *ret, struct err *err)
{
    return row_load(house, name, ret, NULL, err);
}

bool register_set(struct house *house, const char *name, struct set_config **ret, struct err *err)
{
    struct set_row row = {0};
    AUTO(mem_fini)
    char *doc = NULL;
    if (!row_load(house, name, &row, &doc, err))
        return false;
    bool ok = row.removed
                  ? err_set(err, ERR_ABSENT, "set %s was removed: %s is gone", row.name, row.file)
                  : set_load(house, &row, doc, ret, err);
    set_row_fini(&row);
    return ok;
}

static bool rows_visit(struct house *house, enum sql_name statement, set_visit *visit, void *arg,
                       struct err *err)
{
    struct rows rows;
    bool on = true;
    if (!store_query(house->store, &rows, err, statement, ""))
        return false;
    while (on && rows_next(&rows)) {
        struct set_row row;
        set_row_read(house, &rows, 0, &row);
        on = visit(arg, &row);
        set_row_fini(&row);
    }
    return rows_end(&rows, err);
}

bool register_each(struct house *house, set_visit *visit, void *arg, struct err *err)
{
    return rows_visit(house, SQL_SET_ROWS, visit, arg, err);
}

bool register_each_fault(struct house *house, set_visit *visit, void *arg, struct err *err)
{
    return rows_visit(house, SQL_SET_FAULT_ROWS, visit, arg, err);
}

/* ---- schedule ---- */

bool register_schedule(struct house *house, const char *set, int64_t at_ms, const char *why,
                       struct err *err)
{
    return store_run(house->store, NULL, err, SQL_SET_SCHEDULE, "tit", set, at_ms, why);
}

bool register_limit(struct house *house, const char *set, int64_t at_ms, const char *text,
                    struct err *err)
{
    return store_run(house->store, NULL, err, SQL_SET_LIMIT, "tit", set, at_ms, text);
}

int64_t retry_ladder_ms(int64_t n_failures)
{
    static const int64_t ladder_ms[] = {MS_MINUTE, 10 * MS_MINUTE, 100 * MS_MINUTE};
    const int64_t n = sizeof ladder_ms / sizeof ladder_ms[0];
    if (n_failures < 1)
        return 0;
    return n_failures <= n ? ladder_ms[n_failures - 1] : MS_DAY;
}

bool register_failed(struct house *house, const char *set, const struct err *failure,
                     int64_t *ret_next_at_ms, struct err *err)
{
    int64_t n, now_ms = house_now(house);
    struct lifetime life;
    if (!store_int(house->store, 0, &n, err, SQL_SET_N_FAILURES, "t", set) ||
        !lifetime_of_set(house, set, &life, err))
        return false;
    /* What somebody must set right first is not right within a minute. */
    int64_t rung = n + (failure->class == CLASS_CONFIG ? 2 : 1);
    int64_t wait_ms = lifetime_retry_ms(&life, retry_ladder_ms(rung));
    int64_t next_ms = now_ms + wait_ms + (int64_t)random_below((uint64_t)wait_ms / 10 + 1);
    if (failure->until_ms > next_ms)
        next_ms = failure->until_ms;
    if (!store_run(house->store, NULL, err, SQL_SET_FAILED, "titti", set, now_ms,
                   err_kind_name(failure->kind), failure->text, next_ms))
        return false;
    *ret_next_at_ms = next_ms;
    return true;
}

bool register_hold(struct house *house, const char *set, int64_t order_id, const char *advice,
                   int64_t *ret_next_at_ms, struct err *err)
{
    int64_t next_ms = house_now(house) + MS_DAY;
    if (advice == NULL)
        advice = "read what the CA says, and set it right.";
    if (!store_run(house->store, NULL, err, SQL_SET_HOLD, "ttii", set, advice, order_id, next_ms))
        return false;
    *ret_next_at_ms = next_ms;
    return true;
}

bool register_blame(struct house *house, const char *set, const char *guilty, struct err *err)
{
    return store_run(house->store, NULL, err, SQL_SET_SET_GUILTY, "tt", set, guilty);
}

bool register_succeeded(struct house *house, const char *set, int64_t next_at_ms, struct err *err)
{
    return store_run(house->store, NULL, err, SQL_SET_FORGIVE, "t", set) &&
           register_schedule(house, set, next_at_ms, "due", err);
}
