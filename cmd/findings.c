#include "cmd/findings.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

void findings_fini(struct findings *f)
{
    for (size_t i = 0; i < f->n; i++) {
        mem_free(f->items[i].file);
        mem_free(f->items[i].text);
    }
    mem_free(f->items);
    *f = (struct findings){0};
}

static void finding_push(struct findings *f, char *take_file, struct place place, char *take_text,
                         bool is_note)
{
    f->items = mem_grow(f->items, f->n, f->n + 1, sizeof *f->items);
    f->items[f->n] = (struct finding){take_file, take_text, place, is_note, f->n};
    f->n++;
    f->n_errors += is_note ? 0 : 1;
}

__attribute__((format(printf, 1, 0))) static char *text_make(const char *fmt, va_list ap)
{
    struct buf text = BUF(8 * 1024);
    buf_vprintf(&text, fmt, ap);
    return buf_take(&text);
}

void findings_add(struct findings *f, const char *file, struct place place, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    finding_push(f, mem_strdup(file), place, text_make(fmt, ap), false);
    va_end(ap);
}

void findings_note(struct findings *f, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    finding_push(f, NULL, (struct place){0}, text_make(fmt, ap), true);
    va_end(ap);
}

/* A number and a colon at the start of *rest. */
static bool number_cut(struct str *rest, int *ret)
{
    int64_t value;
    size_t len = str_find_char(*rest, ':');
    if (len == 0 || len >= rest->len || len > 9 || !str_to_i64(str_mem(rest->p, len), &value) ||
        value < 0)
        return false;
    *ret = (int)value;
    *rest = str_mem(rest->p + len + 1, rest->len - len - 1);
    return true;
}

/* "FILE:LINE:COLUMN: text": the first colon that two numbers follow ends the file's name. */
static bool place_cut(struct str line, struct str *ret_file, struct place *ret_place,
                      struct str *ret_text)
{
    for (size_t i = 0; i < line.len; i++) {
        struct str rest = str_mem(line.p + i + 1, line.len - i - 1);
        struct place place;
        if (line.p[i] != ':' || !number_cut(&rest, &place.line) ||
            !number_cut(&rest, &place.column))
            continue;
        *ret_file = str_mem(line.p, i);
        *ret_place = place;
        *ret_text = str_trim(rest);
        return i > 0;
    }
    return false;
}

/* Without the "FILE: " that is printed before it anyway. */
static char *unprefixed(struct str line, const char *file)
{
    size_t len = file != NULL ? strlen(file) : 0;
    if (file != NULL && str_starts(line, str_of(file)) &&
        str_starts(str_mem(line.p + len, line.len - len), STR(": ")))
        line = str_mem(line.p + len + 2, line.len - len - 2);
    return mem_strndup(line.p, line.len);
}

void findings_add_lines(struct findings *f, const char *file, struct place place, const char *text)
{
    struct str rest = str_of(text), line;
    while (str_split(&rest, '\n', &line)) {
        struct str own_file, own_text;
        struct place own_place;
        if (place_cut(line, &own_file, &own_place, &own_text))
            finding_push(f, mem_strndup(own_file.p, own_file.len), own_place,
                         mem_strndup(own_text.p, own_text.len), false);
        else if (line.len > 0)
            finding_push(f, mem_strdup(file), place, unprefixed(line, file), false);
    }
}

struct place place_of_value(const struct yaml *doc, const struct json *object, const char *key)
{
    struct place place = {0};
    if (json_find(object, key) != NULL)
        yaml_value_place(doc, object, key, &place.line, &place.column);
    else if (object != NULL)
        yaml_place(doc, object, &place.line, &place.column);
    return place;
}

/* 0 for the file that comes first, 1 for the others, 2 for what has none. */
static int file_rank(const struct finding *one, const char *first_file)
{
    if (one->file == NULL || one->is_note)
        return one->is_note ? 3 : 2;
    return strcmp(one->file, first_file) == 0 ? 0 : 1;
}

static int finding_compare(const void *a, const void *b, void *first_file)
{
    const struct finding *x = a, *y = b;
    int by_rank = file_rank(x, first_file) - file_rank(y, first_file);
    int by_file = by_rank == 0 && x->file != NULL && y->file != NULL ? strcmp(x->file, y->file) : 0;
    if (by_rank != 0 || by_file != 0)
        return by_rank != 0 ? by_rank : by_file;
    if (x->place.line != y->place.line)
        return x->place.line < y->place.line ? -1 : 1;
    if (x->place.column != y->place.column)
        return x->place.column < y->place.column ? -1 : 1;
    return x->seq < y->seq ? -1 : 1;
}

void findings_sort(struct findings *f, const char *first_file)
{
    AUTO(mem_fini)
    char *first = mem_strdup(first_file);
    if (f->n > 1)
        qsort_r(f->items, f->n, sizeof *f->items, finding_compare, first);
}

static void finding_print(const struct finding *one, const struct invocation *in)
{
    AUTO(buf_fini)
    struct buf text = BUF(64 * 1024);
    text_escape(&text, str_of(one->text), 8 * 1024);
    if (one->file != NULL && one->place.line > 0)
        ink_print(in, INK_BOLD, "%s:%d:%d: ", one->file, one->place.line, one->place.column);
    else if (one->file != NULL)
        ink_print(in, INK_BOLD, "%s: ", one->file);
    else if (one->is_note)
        ink_print(in, INK_DIM, "note: ");
    printf("%s\n", buf_cstr(&text));
}

void findings_print(const struct findings *f, const struct invocation *in)
{
    for (size_t i = 0; i < f->n; i++)
        finding_print(&f->items[i], in);
}

static struct json *number_or_null(int value)
{
    return value > 0 ? json_new_int(value) : json_new_null();
}

struct json *findings_json(const struct findings *f)
{
    struct json *list = json_array();
    for (size_t i = 0; i < f->n; i++) {
        const struct finding *one = &f->items[i];
        struct json *tree = json_set_text(json_object(), "level", one->is_note ? "note" : "error");
        json_set_text(tree, "file", one->file);
        json_set(tree, "line", number_or_null(one->place.line));
        json_set(tree, "column", number_or_null(one->place.column));
        json_push(list, json_set_text(tree, "text", one->text));
    }
    return list;
}
