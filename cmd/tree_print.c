#include "cmd/output.h"

#include <stdio.h>

enum { NAME_MAX_LEN = 80, INDENT = 2 };

/* "not_after_at" -> "not after". */
static void name_format(const char *key, char out[NAME_MAX_LEN])
{
    struct str name = str_of(key);
    if (str_ends(name, STR("_at")))
        name.len -= 3;
    snprintf(out, NAME_MAX_LEN, "%.*s", STR_ARG(name));
    for (char *p = out; *p != '\0'; p++)
        if (*p == '_')
            *p = ' ';
}

static bool is_plain(const struct json *value)
{
    return !json_is(value, JSON_OBJECT) &&
           !(json_is(value, JSON_ARRAY) && json_is(json_at(value, 0), JSON_OBJECT));
}

static void time_value(const struct invocation *in, const char *text, struct buf *out)
{
    int64_t at_ms;
    char when[64];
    buf_add_cstr(out, text);
    if (!time_parse(str_of(text), &at_ms))
        return;
    when_format(at_ms, clock_wall_ms(in->house.clock), when);
    buf_printf(out, " (%s)", when);
}

static void value_format(const struct invocation *in, const char *key, const struct json *value,
                         struct buf *out)
{
    const char *text = json_as_text(value);
    if (text != NULL && str_ends(str_of(key), STR("_at")))
        time_value(in, text, out);
    else if (text != NULL)
        buf_add_cstr(out, text);
    else if (json_is(value, JSON_INT))
        buf_printf(out, "%lld", (long long)json_as_int(value, 0));
    else if (json_is(value, JSON_BOOL))
        buf_add_cstr(out, json_as_bool(value, false) ? "yes" : "no");
    else if (json_is(value, JSON_ARRAY) && json_len(value) > 0)
        for (size_t i = 0; i < json_len(value); i++) {
            if (i > 0)
                buf_add_cstr(out, ", ");
            value_format(in, "", json_at(value, i), out);
        }
    else
        buf_add_char(out, '-');
}

static void list_print(const struct invocation *in, const struct json *list, size_t indent)
{
    const char *headings[32], *key;
    char names[32][NAME_MAX_LEN];
    const struct json *value;
    void *position = NULL;
    size_t n = 0;
    while (n < 32 && json_next(json_at(list, 0), &position, &key, &value)) {
        name_format(key, names[n]);
        headings[n] = names[n];
        n++;
    }
    struct table *table = table_new(headings, n);
    table_set_inner(table, indent);
    for (size_t i = 0; i < json_len(list); i++) {
        position = NULL;
        while (json_next(json_at(list, i), &position, &key, &value)) {
            AUTO(buf_fini)
            struct buf text = BUF(64 * 1024);
            value_format(in, key, value, &text);
            table_cell(table, INK_NONE, "%s", buf_cstr(&text));
        }
    }
    table_print(table, in);
    table_free(table);
}

static size_t names_width(const struct json *tree)
{
    void *position = NULL;
    const char *key;
    const struct json *value;
    size_t width = 0;
    while (json_next(tree, &position, &key, &value)) {
        char name[NAME_MAX_LEN];
        name_format(key, name);
        if (is_plain(value) && strlen(name) > width)
            width = strlen(name);
    }
    return width;
}

/* A text of several lines stays in its column. */
static void plain_print(const char *text, size_t indent)
{
    struct str rest = str_of(text), line;
    for (bool first = true; str_split(&rest, '\n', &line); first = false) {
        AUTO(buf_fini)
        struct buf safe = BUF(256 * 1024);
        text_escape(&safe, line, 16 * 1024);
        printf("%*s%s\n", first ? 0 : (int)indent, "", buf_cstr(&safe));
    }
}

static void level_print(const struct invocation *in, const struct json *tree, size_t indent)
{
    void *position = NULL;
    const char *key;
    const struct json *value;
    size_t width = names_width(tree);
    while (json_next(tree, &position, &key, &value)) {
        char name[NAME_MAX_LEN];
        AUTO(buf_fini)
        struct buf text = BUF(256 * 1024);
        name_format(key, name);
        printf("%*s", (int)indent, "");
        if (is_plain(value)) {
            value_format(in, key, value, &text);
            ink_print(in, INK_DIM, "%-*s  ", (int)width, name);
            plain_print(buf_cstr(&text), indent + width + 2);
            continue;
        }
        ink_print(in, INK_BOLD, "%s:\n", name);
        if (json_is(value, JSON_OBJECT))
            level_print(in, value, indent + INDENT);
        else
            list_print(in, value, indent + INDENT);
    }
}

void tree_print(const struct invocation *in, const struct json *tree)
{
    level_print(in, tree, 0);
}
