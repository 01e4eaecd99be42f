#include "inventory/register_inside.h"

#include "inventory/config_inside.h"
#include "inventory/event.h"

enum { SET_FILE_MAX = 1024 * 1024, DOC_MAX = 2 * 1024 * 1024, NAME_MAX_LEN = 128 };

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

/* An order in flight excludes the lock of each of its names, also of those that the file does not tell any more. */
static bool names_drop(struct store *store, const char *set, bool had_names, struct err *err)
{
    return !had_names || (store_run(store, NULL, err, SQL_ORDER_NAMES_SWEEP, "") &&
                          store_run(store, NULL, err, SQL_ORDER_NAMES_KEEP, "t", set) &&
                          store_run(store, NULL, err, SQL_SET_NAMES_DROP, "t", set));
}

/* Names and paths of the set as others find them. */
static bool claims_write(struct refresh *refresh, const struct set_config *set, bool had_names,
                         struct err *err)
{
    struct store *store = refresh->house->store;
    if (!names_drop(store, set->name, had_names, err) ||
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
           store_run(refresh->house->store, NULL, err, SQL_SET_PUT, "ttiiitttt", set->name, f->file,
                     f->stamp.mtime_ns, f->stamp.size, (int64_t)f->stamp.inode, buf_cstr(&text),
                     set->want, exact, set->lanes[0].name) &&
           claims_write(refresh, set, before->exists, err);
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

bool file_take(struct refresh *refresh, const struct finding *f, struct err *err)
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
    return names_drop(store, set, true, err) &&
           store_run(store, NULL, err, SQL_SET_PATHS_DROP, "t", set) &&
           store_run(store, NULL, err, SQL_SET_DEPLOYMENTS_DROP, "ti", set, refresh->now_ms) &&
           store_run(store, NULL, err, SQL_SET_ENDPOINTS_DROP, "t", set);
}

/* Nothing happens when the row stands for another file by now: the end of the files' names was configured anew. */
bool file_gone(struct refresh *refresh, const struct finding *f, struct err *err)
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
