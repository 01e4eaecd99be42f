#include "cmd/output.h"

#include <stdarg.h>
#include <stdio.h>

static const char *const inks[] = {
    [INK_NONE] = "",         [INK_GOOD] = "\033[32m", [INK_BAD] = "\033[31m",
    [INK_WARN] = "\033[33m", [INK_DIM] = "\033[2m",   [INK_BOLD] = "\033[1m"};

void json_print(const struct json *tree)
{
    AUTO(buf_fini)
    struct buf text = BUF(512 * 1024 * 1024);
    json_format(tree, &text, true);
    printf("%s\n", buf_cstr(&text));
}

void json_set_time(struct json *object, const char *name, int64_t at_ms)
{
    char text[TIME_TEXT_MAX];
    if (at_ms == 0 || at_ms == INT64_MAX) {
        json_set(object, name, json_new_null());
        return;
    }
    time_format(at_ms, false, text);
    json_set_text(object, name, text);
}

void ink_print(const struct invocation *in, enum ink ink, const char *fmt, ...)
{
    va_list ap;
    bool colored = in->color && ink != INK_NONE;
    if (colored)
        fputs(inks[ink], stdout);
    va_start(ap, fmt);
    vprintf(fmt, ap);
    va_end(ap);
    if (colored)
        fputs("\033[0m", stdout);
}

void when_format(int64_t at_ms, int64_t now_ms, char out[64])
{
    char length[TIME_TEXT_MAX];
    int64_t off_ms = at_ms - now_ms;
    if (at_ms == INT64_MAX || at_ms == 0) {
        snprintf(out, 64, "-");
        return;
    }
    if (off_ms > -MS_SECOND && off_ms < MS_SECOND) {
        snprintf(out, 64, "now");
        return;
    }
    duration_format(off_ms < 0 ? -off_ms : off_ms, length);
    if (off_ms < 0)
        snprintf(out, 64, "%s ago", length);
    else
        snprintf(out, 64, "in %s", length);
}

/* ---- tables ---- */

struct cell {
    char *text;
    enum ink ink;
};
struct table {
    size_t n_columns, n_cells, cap, indent;
    bool is_inner;
    struct cell *cells; /* row after row; the first row holds the headings */
};

struct table *table_new(const char *const *headings, size_t n_columns)
{
    struct table *table = NEW(struct table);
    table->n_columns = n_columns;
    for (size_t i = 0; i < n_columns; i++)
        table_cell(table, INK_DIM, "%s", headings[i]);
    return table;
}

void table_free(struct table *table)
{
    if (table == NULL)
        return;
    for (size_t i = 0; i < table->n_cells; i++)
        mem_free(table->cells[i].text);
    mem_free(table->cells);
    mem_free(table);
}

void table_cell(struct table *table, enum ink ink, const char *fmt, ...)
{
    AUTO(buf_fini)
    struct buf raw = BUF(64 * 1024);
    AUTO(buf_fini)
    struct buf text = BUF(256 * 1024);
    va_list ap;
    va_start(ap, fmt);
    buf_vprintf(&raw, fmt, ap);
    va_end(ap);
    text_escape(&text, buf_str(&raw), 2000);
    if (table->n_cells == table->cap) {
        size_t cap = table->cap == 0 ? 64 : 2 * table->cap;
        table->cells = mem_grow(table->cells, table->cap, cap, sizeof(struct cell));
        table->cap = cap;
    }
    table->cells[table->n_cells++] = (struct cell){buf_take(&text), ink};
}

void table_row(struct table *table)
{
    while (table->n_cells % table->n_columns != 0)
        table_cell(table, INK_NONE, "%s", "");
}

void table_set_inner(struct table *table, size_t indent)
{
    table->is_inner = true;
    table->indent = indent;
}

/* Characters, not bytes; wide ones are not known here. */
static size_t text_columns(const char *text)
{
    size_t n = 0;
    for (; *text != '\0'; text++)
        n += ((unsigned char)*text & 0xc0) != 0x80;
    return n;
}

static size_t column_width(const struct table *table, size_t column)
{
    size_t width = 0;
    for (size_t i = column; i < table->n_cells; i += table->n_columns) {
        size_t len = text_columns(table->cells[i].text);
        if (len > width)
            width = len;
    }
    return width;
}

void table_print(const struct table *table, const struct invocation *in)
{
    size_t n_rows = table->n_cells / table->n_columns;
    if (n_rows <= 1)
        return;
    size_t *widths = NEW_N(table->n_columns, size_t);
    for (size_t c = 0; c < table->n_columns; c++)
        widths[c] = column_width(table, c);
    for (size_t r = in->terminal || table->is_inner ? 0 : 1; r < n_rows; r++) {
        printf("%*s", (int)table->indent, "");
        for (size_t c = 0; c < table->n_columns; c++) {
            const struct cell *cell = &table->cells[r * table->n_columns + c];
            ink_print(in, cell->ink, "%s", cell->text);
            if (c + 1 < table->n_columns)
                printf("%*s", (int)(widths[c] - text_columns(cell->text) + 2), "");
        }
        putchar('\n');
    }
    mem_free(widths);
}
