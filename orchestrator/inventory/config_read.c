#include "inventory/config_inside.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

enum { SAID_MAX = 1024, ZONE_MAX = 253, LABEL_MAX = 63, MORE_MAX = 64 };

void reader_fini(struct reader *r)
{
    complaints_fini(&r->complaints);
}

__attribute__((format(printf, 4, 0))) static void reader_say_at(struct reader *r, int line,
                                                                int column, const char *fmt,
                                                                va_list ap)
{
    char text[SAID_MAX];
    vsnprintf(text, sizeof text, fmt, ap);
    if (r->yaml != NULL)
        complaints_add_at(&r->complaints, r->yaml, line, column, "%s", text);
    else
        complaints_add_at(&r->complaints, NULL, 0, 0, "%s: %s", r->file, text);
}

void reader_say(struct reader *r, const struct json *object, const char *key, const char *fmt, ...)
{
    int line = 0, column = 0;
    va_list ap;
    if (json_find(object, key) != NULL)
        yaml_value_place(r->yaml, object, key, &line, &column);
    else if (object != NULL)
        yaml_place(r->yaml, object, &line, &column);
    va_start(ap, fmt);
    reader_say_at(r, line, column, fmt, ap);
    va_end(ap);
}

void reader_say_item(struct reader *r, const struct json *object, const char *key, size_t i,
                     const char *fmt, ...)
{
    int line = 0, column = 0;
    va_list ap;
    const struct json *list = json_find(object, key);
    if (json_is(list, JSON_ARRAY))
        yaml_item_place(r->yaml, list, i, &line, &column);
    else if (list != NULL)
        yaml_value_place(r->yaml, object, key, &line, &column);
    va_start(ap, fmt);
    reader_say_at(r, line, column, fmt, ap);
    va_end(ap);
}

static int complaint_compare(const void *a, const void *b)
{
    const struct complaint *x = a, *y = b;
    if (x->line != y->line)
        return x->line < y->line ? -1 : 1;
    return (x->column > y->column) - (x->column < y->column);
}

/* A complaint that does not fit is counted, not cut: half a sentence misleads. */
bool reader_is_content(struct reader *r, struct err *err)
{
    size_t len = 0, left = r->complaints.n;
    if (left == 0)
        return true;
    if (err == NULL)
        return false;
    qsort(r->complaints.items, left, sizeof *r->complaints.items, complaint_compare);
    *err = (struct err){.kind = ERR_CONFIG};
    for (size_t i = 0; i < r->complaints.n; i++, left--) {
        const char *text = r->complaints.items[i].text;
        size_t room = sizeof err->text - MORE_MAX - len, need = strlen(text) + 1;
        if (need > room && i > 0)
            break;
        len += (size_t)snprintf(err->text + len, room, "%s%.*s", i > 0 ? "\n" : "", (int)(room - 2),
                                text);
    }
    if (left > 0)
        snprintf(err->text + len, sizeof err->text - len, "\n... and %zu more", left);
    return false;
}

char **texts_from(const struct json *list)
{
    if (!json_is(list, JSON_ARRAY))
        return NULL;
    size_t n = json_len(list);
    char **texts = NEW_N(n + 1, char *);
    for (size_t i = 0; i < n; i++)
        texts[i] = mem_strdup(json_as_text(json_at(list, i)));
    return texts;
}

void texts_free(char **texts)
{
    for (size_t i = 0; texts != NULL && texts[i] != NULL; i++)
        mem_free(texts[i]);
    mem_free(texts);
}

size_t texts_count(char *const *texts)
{
    size_t n = 0;
    while (texts != NULL && texts[n] != NULL)
        n++;
    return n;
}

char *print_of(struct json *take_tree)
{
    char hex[65];
    AUTO(buf_fini)
    struct buf text = BUF(16 * JSON_SIZE_MAX);
    json_format_canonical(take_tree, &text);
    CHECK(!text.overflow);
    json_free(take_tree);
    sha256_hex(text.p, text.len, hex);
    return mem_strdup(hex);
}

char *path_from(const char *folder, const char *path)
{
    AUTO(buf_fini)
    struct buf out = BUF(2 * SAID_MAX + strlen(folder) + strlen(path));
    AUTO(mem_fini)
    char *whole = path[0] == '/' ? mem_strdup(path) : mem_printf("%s/%s", folder, path);
    struct str rest = str_of(whole), part;
    for (bool first = true; str_split(&rest, '/', &part); first = false) {
        if (part.len == 0 || str_eq(part, STR(".")))
            continue;
        if (!first || whole[0] == '/')
            buf_add_char(&out, '/');
        buf_add_str(&out, part);
    }
    if (out.len == 0)
        buf_add_cstr(&out, whole[0] == '/' ? "/" : ".");
    return buf_take(&out);
}

static bool label_fits(struct str label)
{
    for (size_t i = 0; i < label.len; i++) {
        char c = label.p[i];
        if (!((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_'))
            return false;
    }
    return label.len > 0 && label.len <= LABEL_MAX;
}

bool zone_normalise(const char *text, char **ret_name, struct err *err)
{
    AUTO(buf_fini)
    struct buf shown = BUF(256);
    AUTO(mem_fini)
    char *lower = mem_strdup(text);
    struct str name = str_of(lower), rest, label;
    for (size_t i = 0; i < name.len; i++)
        if (lower[i] >= 'A' && lower[i] <= 'Z')
            lower[i] = (char)(lower[i] - 'A' + 'a');
    if (name.len > 1 && name.p[name.len - 1] == '.')
        name.len--;
    text_escape(&shown, str_of(text), 120);
    rest = name;
    while (str_split(&rest, '.', &label))
        if (!label_fits(label))
            return err_set(err, ERR_CONFIG,
                           "\"%s\" is no name in the DNS: letters, digits, \"-\" and \"_\" between "
                           "dots are expected (international names in their xn-- form)",
                           buf_cstr(&shown));
    if (name.len > ZONE_MAX)
        return err_set(err, ERR_CONFIG, "\"%s\" is longer than 253 bytes", buf_cstr(&shown));
    *ret_name = mem_strndup(name.p, name.len);
    return true;
}
