#include "inventory/register_inside.h"

#include "inventory/config_inside.h"
#include "inventory/event.h"
#include "io/files.h"

#include <stdlib.h>

enum { SET_FILE_MAX = 1024 * 1024, DOC_MAX = 2 * 1024 * 1024, NAME_MAX_LEN = 128 };

/* ---- lists that live as long as a refresh ---- */

void touched_add(struct touched *t, struct arena *arena, const char *text)
{
    if (text == NULL)
        return;
    if (t->n == t->cap) {
        size_t cap = t->cap == 0 ? 16 : 2 * t->cap;
        t->texts = mem_grow(t->texts, t->cap, cap, sizeof *t->texts);
        t->cap = cap;
    }
    t->texts[t->n++] = arena_strdup(arena, text);
}

static int text_compare(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

void touched_sort(struct touched *t)
{
    size_t n = 0;
    if (t->n > 0)
        qsort(t->texts, t->n, sizeof *t->texts, text_compare);
    for (size_t i = 0; i < t->n; i++)
        if (n == 0 || strcmp(t->texts[n - 1], t->texts[i]) != 0)
            t->texts[n++] = t->texts[i];
    t->n = n;
}

void touched_fini(struct touched *t)
{
    mem_free(t->texts);
}

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

/* ---- the walk: two sorted sequences, files and rows, side by side ---- */

struct finding {
    const char *file;
    const char *name; /* of what is gone: as its row says */
    struct file_stamp stamp;
};
struct findings {
    struct finding *items;
    size_t n, cap;
};

struct walk {
    struct rows rows;
    bool has_row, read_all;
    struct arena *arena;
    struct findings changed, gone;
    size_t n_files;
};

static struct finding *findings_add(struct walk *w, struct findings *f, const char *file)
{
    if (f->n == f->cap) {
        size_t cap = f->cap == 0 ? 16 : 2 * f->cap;
        f->items = mem_grow(f->items, f->cap, cap, sizeof *f->items);
        f->cap = cap;
    }
    struct finding *one = &f->items[f->n++];
    one->file = arena_strdup(w->arena, file);
    return one;
}

static bool stamp_fits(const struct rows *rows, const struct file_stamp *stamp)
{
    return rows_int(rows, 1) == stamp->mtime_ns && rows_int(rows, 2) == stamp->size &&
           rows_int(rows, 3) == (int64_t)stamp->inode;
}

static void rows_pass(struct walk *w, const char *until_file)
{
    while (w->has_row && (until_file == NULL || strcmp(rows_text(&w->rows, 0), until_file) < 0)) {
        struct finding *one = findings_add(w, &w->gone, rows_text(&w->rows, 0));
        one->name = arena_strdup(w->arena, rows_text(&w->rows, 4));
        w->has_row = rows_next(&w->rows);
    }
}

static bool file_meets_row(void *arg, const char *file, const struct file_stamp *stamp)
{
    struct walk *w = arg;
    w->n_files++;
    rows_pass(w, file);
    bool known = w->has_row && strcmp(rows_text(&w->rows, 0), file) == 0;
    if (!known || w->read_all || !stamp_fits(&w->rows, stamp))
        findings_add(w, &w->changed, file)->stamp = *stamp;
    if (known)
        w->has_row = rows_next(&w->rows);
    return true;
}

static bool walk_run(struct house *house, struct walk *w, struct err *err)
{
    const struct config *config = house->config;
    if (!store_query(house->store, &w->rows, err, SQL_SET_STAMPS, ""))
        return false;
    w->has_row = rows_next(&w->rows);
    bool ok = folder_walk(config->sets_folder, config->sets_suffix, file_meets_row, w, err);
    if (ok)
        rows_pass(w, NULL);
    if (!rows_end(&w->rows, ok ? err : NULL))
        return false;
    if (ok)
        return true;
    /* A folder that is not there is a fault, not a thousand removed sets. */
    if (err != NULL && (err->kind == ERR_ABSENT || err->kind == ERR_DENIED))
        err->kind = ERR_CONFIG;
    return err_wrap(err, "the folder of the sets");
}

static void walk_fini(struct walk *w)
{
    arena_free(w->arena);
    mem_free(w->changed.items);
    mem_free(w->gone.items);
}

/* ---- one changed file ---- */

struct before { /* the row as it was */
    bool exists, removed;
    char *doc, *want, *fault, *exact;
};

static void before_fini(struct before *b)
{
    mem_free(b->doc);
    mem_free(b->want);
    mem_free(b->fault);
    mem_free(b->exact);
}

static bool before_load(struct refresh *refresh, const char *name, struct before *b,
                        struct err *err)
{
    struct rows rows;
    if (!store_query(refresh->house->store, &rows, err, SQL_SET_BEFORE, "t", name))
        return false;
    if (rows_next(&rows))
        *b = (struct before){.exists = true,
                             .doc = mem_strdup(rows_text(&rows, 0)),
                             .want = mem_strdup(rows_text(&rows, 1)),
                             .fault = mem_strdup(rows_text(&rows, 2)),
                             .exact = mem_strdup(rows_text(&rows, 3)),
                             .removed = rows_int(&rows, 4) != 0};
    return rows_end(&rows, err);
}

/* The name becomes part of paths and messages, so it is a plain one. */
static bool name_check(const char *name, const char *file, struct err *err)
{
    size_t len = strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-");
    if (len > 0 && len <= NAME_MAX_LEN && name[len] == '\0' && name[0] != '-')
        return true;
    AUTO(buf_fini)
    struct buf shown = BUF(512);
    text_escape(&shown, str_of(file), 400);
    return err_set(
        err, ERR_CONFIG,
        "%s: the file's name is the set's name: 1 to %d letters, digits, \".\", \"_\" and "
        "\"-\" are expected",
        buf_cstr(&shown), NAME_MAX_LEN);
}

/* Account and names: what no two sets may share, or a CA would give both the same order. */
static char *exact_of(const struct house *house, const struct set_config *set)
{
    const struct authority_config *a = config_authority(house->config, set->authorities[0]);
    struct touched sorted = {.texts = NEW_N(set->n_names + 1, const char *), .n = set->n_names};
    for (size_t i = 0; i < set->n_names; i++)
        sorted.texts[i] = set->names[i];
    touched_sort(&sorted);
    struct json *names = json_array();
    for (size_t i = 0; i < sorted.n; i++)
        json_push_text(names, sorted.texts[i]);
    touched_fini(&sorted);
    struct json *exact = json_set(json_object(), "names", names);
    json_set_text(exact, "directory", a->directory);
    return print_of(json_set_text(exact, "eab", a->eab_kid));
}

/* Names and paths of the set as others find them. */
static bool claims_write(struct refresh *refresh, const struct set_config *set, struct err *err)
{
    struct store *store = refresh->house->store;
    if (!store_run(store, NULL, err, SQL_SET_NAMES_DROP, "t", set->name) ||
        !store_run(store, NULL, err, SQL_SET_PATHS_DROP, "t", set->name))
        return false;
    for (size_t i = 0; i < set->n_names; i++)
        if (!store_run(store, NULL, err, SQL_SET_NAMES_ADD, "tt", set->names[i], set->name))
            return false;
    for (size_t i = 0; i < set->n_deploys; i++) {
        touched_add(&refresh->paths, refresh->arena, set->deploys[i].dir);
        if (!store_run(store, NULL, err, SQL_SET_PATHS_ADD, "tt", set->deploys[i].dir, set->name))
            return false;
    }
    return true;
}

static bool paths_touch(struct refresh *refresh, const char *name, struct err *err)
{
    struct rows rows;
    if (!store_query(refresh->house->store, &rows, err, SQL_SET_PATHS, "t", name))
        return false;
    while (rows_next(&rows))
        touched_add(&refresh->paths, refresh->arena, rows_text(&rows, 0));
    return rows_end(&rows, err);
}

static bool good_write(struct refresh *refresh, const struct finding *f,
                       const struct before *before, const struct json *doc, struct reading *reading,
                       struct err *err)
{
    const struct set_config *set = reading->set;
    AUTO(buf_fini)
    struct buf text = BUF(DOC_MAX);
    AUTO(mem_fini)
    char *exact = exact_of(refresh->house, set);
    json_format_canonical(doc, &text);
    if (text.overflow)
        return err_set(err, ERR_CONFIG, "%s: too large", set->file);
    bool gone = !before->exists || before->removed;
    reading->is_changed = gone || before->doc == NULL || strcmp(before->doc, buf_cstr(&text)) != 0;
    reading->wants_anew = gone || strcmp(before->want, set->want) != 0;
    touched_add(&refresh->exacts, refresh->arena, before->exact);
    touched_add(&refresh->exacts, refresh->arena, exact);
    return paths_touch(refresh, set->name, err) &&
           store_run(refresh->house->store, NULL, err, SQL_SET_PUT, "ttiiittt", set->name, f->file,
                     f->stamp.mtime_ns, f->stamp.size, (int64_t)f->stamp.inode, buf_cstr(&text),
                     set->want, exact) &&
           claims_write(refresh, set, err);
}

static bool fault_write(struct refresh *refresh, const struct finding *f, const char *name,
                        const struct err *fault, struct err *err)
{
    return store_run(refresh->house->store, NULL, err, SQL_SET_PUT_FAULT, "ttiiit", name, f->file,
                     f->stamp.mtime_ns, f->stamp.size, (int64_t)f->stamp.inode, fault->text);
}

static bool file_load(struct refresh *refresh, const char *name, const char *path,
                      struct json **ret_doc, struct set_config **ret_set, struct err *err)
{
    AUTO(buf_fini)
    struct buf text = BUF(SET_FILE_MAX);
    return name_check(name, path, err) && file_read(path, SET_FILE_MAX, false, &text, err) &&
           set_file_read(refresh->house->config, name, path, buf_str(&text), ret_doc, ret_set, err);
}

static struct reading *reading_new(struct refresh *refresh, const char *name,
                                   const struct before *before)
{
    struct reading *reading = arena_alloc(refresh->arena, sizeof *reading);
    if (refresh->n_readings == refresh->cap_readings) {
        size_t cap = refresh->cap_readings == 0 ? 16 : 2 * refresh->cap_readings;
        refresh->readings =
            mem_grow(refresh->readings, refresh->cap_readings, cap, sizeof(struct reading *));
        refresh->cap_readings = cap;
    }
    refresh->readings[refresh->n_readings++] = reading;
    reading->name = arena_strdup(refresh->arena, name);
    reading->is_new = !before->exists || before->removed;
    if (before->fault != NULL && !reading->is_new)
        reading->fault_before = arena_strdup(refresh->arena, before->fault);
    touched_add(&refresh->sets, refresh->arena, name);
    return reading;
}

/* Vanished or still being written: the next refresh sees it as it is then. */
static bool is_passing(const struct err *err)
{
    return err->kind == ERR_ABSENT || err->kind == ERR_AGAIN;
}

static bool file_take(struct refresh *refresh, const struct finding *f, struct err *err)
{
    const struct config *config = refresh->house->config;
    AUTO(mem_fini)
    char *path = path_from(config->sets_folder, f->file);
    AUTO(mem_fini)
    char *name = mem_strndup(f->file, strlen(f->file) - strlen(config->sets_suffix));
    AUTO(json_fini)
    struct json *doc = NULL;
    AUTO(before_fini)
    struct before before = {0};
    struct set_config *set = NULL;
    struct err fault = {0};
    bool good = file_load(refresh, name, path, &doc, &set, &fault);
    if (!good && is_passing(&fault))
        return true;
    if (!good && fault.kind == ERR_LOCAL)
        return err_set(err, fault.kind, "%s", fault.text);
    if (!before_load(refresh, name, &before, err)) {
        set_config_free(set);
        return false;
    }
    struct reading *reading = reading_new(refresh, name, &before);
    reading->set = set;
    return good ? good_write(refresh, f, &before, doc, reading, err)
                : fault_write(refresh, f, name, &fault, err);
}

/* ---- one vanished file ---- */

static bool set_forget(struct refresh *refresh, const char *set, struct err *err)
{
    struct store *store = refresh->house->store;
    return store_run(store, NULL, err, SQL_SET_NAMES_DROP, "t", set) &&
           store_run(store, NULL, err, SQL_SET_PATHS_DROP, "t", set) &&
           store_run(store, NULL, err, SQL_SET_DEPLOYMENTS_DROP, "ti", set, refresh->now_ms) &&
           store_run(store, NULL, err, SQL_SET_ENDPOINTS_DROP, "t", set);
}

/* Nothing happens when the row stands for another file by now: the end of the files' names was configured anew. */
static bool file_gone(struct refresh *refresh, const struct finding *f, struct err *err)
{
    AUTO(before_fini)
    struct before before = {0};
    int64_t n = 0;
    if (!before_load(refresh, f->name, &before, err) || !paths_touch(refresh, f->name, err) ||
        !store_run(refresh->house->store, &n, err, SQL_SET_REMOVE, "tti", f->name, f->file,
                   refresh->now_ms))
        return false;
    if (n == 0)
        return true;
    touched_add(&refresh->exacts, refresh->arena, before.exact);
    refresh->result->n_removed++;
    event_write(refresh->house, EVENT_SET_REMOVED, f->name, 0,
                "%s is gone; its certificates stay in the store", f->file);
    return set_forget(refresh, f->name, err);
}

/* ---- all of it ---- */

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

static bool changes_write(struct refresh *refresh, const struct walk *w, struct err *err)
{
    for (size_t i = 0; i < w->changed.n; i++)
        if (!file_take(refresh, &w->changed.items[i], err))
            return false;
    for (size_t i = 0; i < w->gone.n; i++)
        if (!file_gone(refresh, &w->gone.items[i], err))
            return false;
    return sets_settle(refresh, err) &&
           store_run(refresh->house->store, NULL, err, SQL_META_SET, "tt", "config",
                     refresh->house->config->fingerprint);
}

static bool changes_commit(struct house *house, const struct walk *w,
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

static bool config_is_known(struct house *house, bool *ret, struct err *err)
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
    AUTO(walk_fini)
    struct walk w = {.arena = arena_new()};
    bool known = false;
    int64_t n_faults = 0;
    bool ok = config_is_known(house, &known, err);
    w.read_all = !known;
    ok = ok && walk_run(house, &w, err);
    if (ok && !writes) {
        result->n_changed = w.changed.n;
        result->n_removed = w.gone.n;
    } else if (ok && (w.changed.n > 0 || w.gone.n > 0 || w.read_all)) {
        ok = changes_commit(house, &w, result, err);
    }
    result->n_sets = w.n_files;
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
