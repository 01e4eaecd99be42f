#include "config/table.h"

#include <stdarg.h>
#include <stdio.h>

enum { COMPLAINTS_MAX = 100 };

void complaints_fini(struct complaints *c)
{
    for (size_t i = 0; i < c->n; i++)
        mem_free(c->items[i].text);
    mem_free(c->items);
    *c = (struct complaints){0};
}

static void place_format(struct buf *out, const struct yaml *doc, int line, int column)
{
    if (doc != NULL)
        buf_add_cstr(out, yaml_file(doc));
    if (doc != NULL && line > 0)
        buf_printf(out, ":%d:%d", line, column);
    if (doc != NULL)
        buf_add_cstr(out, ": ");
}

/* Takes text. One fault may bring thousands: beyond the ceiling only that there are more is
 * kept. */
static void complaint_put(struct complaints *c, int line, int column, char *text)
{
    if (c->n > COMPLAINTS_MAX) {
        mem_free(text);
        return;
    }
    if (c->n == COMPLAINTS_MAX) {
        mem_set_str(&text, "... and more; these are the first 100");
        line = INT32_MAX;
    }
    c->items = mem_grow(c->items, c->n, c->n + 1, sizeof *c->items);
    c->items[c->n++] = (struct complaint){line, column, text};
}

__attribute__((format(printf, 5, 0))) static void complaint_add(struct complaints *c,
                                                                const struct yaml *doc, int line,
                                                                int column, const char *fmt,
                                                                va_list ap)
{
    AUTO(buf_fini)
    struct buf raw = BUF(2048);
    AUTO(buf_fini)
    struct buf text = BUF(4096);
    place_format(&raw, doc, line, column);
    buf_vprintf(&raw, fmt, ap);
    for (size_t i = 0; i < raw.len; i++) {
        unsigned char b = (unsigned char)raw.p[i];
        buf_add_char(&text, b < 0x20 || b == 0x7f ? '?' : raw.p[i]);
    }
    complaint_put(c, line, column, buf_take(&text));
}

void complaints_add_at(struct complaints *c, const struct yaml *doc, int line, int column,
                       const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    complaint_add(c, doc, line, column, fmt, ap);
    va_end(ap);
}

void complaints_add(struct complaints *c, const struct yaml *doc, const struct json *node,
                    const char *fmt, ...)
{
    int line, column;
    va_list ap;
    yaml_place(doc, node, &line, &column);
    va_start(ap, fmt);
    complaint_add(c, doc, line, column, fmt, ap);
    va_end(ap);
}

void complaints_add_key(struct complaints *c, const struct yaml *doc, const struct json *object,
                        const char *key, const char *fmt, ...)
{
    int line, column;
    va_list ap;
    yaml_key_place(doc, object, key, &line, &column);
    va_start(ap, fmt);
    complaint_add(c, doc, line, column, fmt, ap);
    va_end(ap);
}

void complaints_format(const struct complaints *c, struct buf *out)
{
    for (size_t i = 0; i < c->n; i++) {
        buf_add_cstr(out, c->items[i].text);
        buf_add_char(out, '\n');
    }
}
