#include "config/table_inside.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

static void spot_place(const struct walk *w, const struct spot *spot, int *ret_line,
                       int *ret_column)
{
    if (spot->parent == NULL)
        yaml_place(w->doc, spot->value, ret_line, ret_column);
    else if (spot->key != NULL)
        yaml_value_place(w->doc, spot->parent, spot->key, ret_line, ret_column);
    else
        yaml_item_place(w->doc, spot->parent, spot->index, ret_line, ret_column);
}

struct json *walk_complain(struct walk *w, const struct spot *spot, const char *fmt, ...)
{
    int line, column;
    char text[1024];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    spot_place(w, spot, &line, &column);
    complaints_add_at(w->complaints, w->doc, line, column, "%s%s%s", buf_cstr(&w->path),
                      w->path.len > 0 ? ": " : "", text);
    w->failed = true;
    return NULL;
}

static size_t path_push(struct walk *w, const char *key)
{
    size_t before = w->path.len;
    buf_printf(&w->path, "%s%s", before > 0 ? "." : "", key);
    return before;
}

static const struct setting *section_find(const struct section *section, const char *name)
{
    for (size_t i = 0; i < section->n; i++)
        if (strcmp(section->settings[i].name, name) == 0)
            return &section->settings[i];
    return NULL;
}

/* Few names are listed, many are not: a wall of text helps nobody. */
static void known_list(const struct section *section, struct buf *out)
{
    if (section->n > 12 || section->n == 0)
        return;
    buf_add_cstr(out, "; known here: ");
    for (size_t i = 0; i < section->n; i++)
        buf_printf(out, "%s%s", i > 0 ? ", " : "", section->settings[i].name);
}

static void key_unknown(struct walk *w, const struct section *section, const struct json *object,
                        const char *key)
{
    AUTO(buf_fini)
    struct buf hint = BUF(1024);
    const char **names = NEW_N(section->n + 1, const char *);
    for (size_t i = 0; i < section->n; i++)
        names[i] = section->settings[i].name;
    const char *near = table_suggest(key, names, section->n);
    if (near != NULL)
        buf_printf(&hint, "; did you mean \"%s\"?", near);
    else
        known_list(section, &hint);
    complaints_add_key(w->complaints, w->doc, object, key, "unknown key \"%.80s\"%s%s%s", key,
                       w->path.len > 0 ? " in " : "", buf_cstr(&w->path), buf_cstr(&hint));
    w->failed = true;
    mem_free(names);
}

static void keys_check(struct walk *w, const struct section *section, const struct json *object)
{
    void *position = NULL;
    const char *key;
    const struct json *value;
    while (json_next(object, &position, &key, &value))
        if (section_find(section, key) == NULL)
            key_unknown(w, section, object, key);
}

static bool kind_holds_others(enum setting_kind kind)
{
    return kind == SETTING_SECTION || kind == SETTING_SECTIONS || kind == SETTING_MAP ||
           kind == SETTING_SECRET_MAP || kind == SETTING_TEXTS || kind == SETTING_ARGV;
}

static bool is_absent(const struct setting *s, const struct json *value)
{
    return value == NULL || (json_is(value, JSON_NULL) && kind_holds_others(s->kind));
}

static void member_check(struct walk *w, const struct setting *s, const struct spot *object,
                         struct json *out)
{
    char example[80];
    struct spot spot = {json_find(object->value, s->name), object->value, s->name, 0};
    if (is_absent(s, spot.value)) {
        struct json *otherwise = setting_default(s);
        if (otherwise != NULL)
            json_set(out, s->name, otherwise);
        else if (s->required)
            walk_complain(w, object, "\"%s\" is missing, e.g. %s: %s", s->name, s->name,
                          setting_example(s, example));
        return;
    }
    size_t before = path_push(w, s->name);
    struct json *checked = setting_check(w, s, &spot);
    if (checked != NULL)
        json_set(out, s->name, checked);
    buf_cut(&w->path, before);
}

struct json *section_check(struct walk *w, const struct section *section, const struct spot *spot)
{
    if (!json_is(spot->value, JSON_OBJECT))
        return walk_complain(w, spot, "a block of settings (key: value) is expected here");
    struct json *out = json_object();
    keys_check(w, section, spot->value);
    for (size_t i = 0; i < section->n; i++)
        member_check(w, &section->settings[i], spot, out);
    return out;
}

static int complaint_order(const void *a, const void *b)
{
    const struct complaint *x = a, *y = b;
    if (x->line != y->line)
        return x->line < y->line ? -1 : 1;
    if (x->column != y->column)
        return x->column < y->column ? -1 : 1;
    return strcmp(x->text, y->text);
}

struct json *table_check(const struct yaml *doc, const struct json *node,
                         const struct section *section, struct complaints *complaints)
{
    struct walk w = {.doc = doc, .complaints = complaints, .path = BUF(4096)};
    struct spot root = {.value = node};
    size_t before = complaints->n;
    struct json *out = section_check(&w, section, &root);
    buf_fini(&w.path);
    if (complaints->n > before)
        qsort(complaints->items + before, complaints->n - before, sizeof *complaints->items,
              complaint_order);
    if (!w.failed)
        return out;
    json_free(out);
    return NULL;
}
