#include "inventory/register_inside.h"

#include "inventory/config.h"

#include <stdlib.h>

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

/* ---- the walk ---- */

static struct finding *findings_add(struct sets_walk *w, struct findings *f, const char *file)
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

static void rows_pass(struct sets_walk *w, const char *until_file)
{
    while (w->has_row && (until_file == NULL || strcmp(rows_text(&w->rows, 0), until_file) < 0)) {
        struct finding *one = findings_add(w, &w->gone, rows_text(&w->rows, 0));
        one->name = arena_strdup(w->arena, rows_text(&w->rows, 4));
        w->has_row = rows_next(&w->rows);
    }
}

static bool file_meets_row(void *arg, const char *file, const struct file_stamp *stamp)
{
    struct sets_walk *w = arg;
    w->n_files++;
    rows_pass(w, file);
    bool known = w->has_row && strcmp(rows_text(&w->rows, 0), file) == 0;
    if (!known || w->read_all || !stamp_fits(&w->rows, stamp))
        findings_add(w, &w->changed, file)->stamp = *stamp;
    if (known)
        w->has_row = rows_next(&w->rows);
    return true;
}

bool sets_walk(struct house *house, struct sets_walk *w, struct err *err)
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

void sets_walk_fini(struct sets_walk *w)
{
    arena_free(w->arena);
    mem_free(w->changed.items);
    mem_free(w->gone.items);
}
