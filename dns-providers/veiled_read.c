#include "dns-providers/veiled_inside.h"

/* ---- reading an expression ---- */

struct cursor {
    struct arena *arena;
    struct str rest;
    int depth;
};

static char cursor_peek(const struct cursor *c)
{
    return c->rest.len > 0 ? c->rest.p[0] : '\0';
}

static void cursor_skip(struct cursor *c, size_t n)
{
    c->rest = str_mem(c->rest.p + n, c->rest.len - n);
}

static bool is_name_char(char c)
{
    return c == '_' || c == '.' || c == '-' || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}

static int hex_digit(char c)
{
    return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Behind a backslash; the length of what was read, 0 when it is nothing known. */
static size_t escape_read(struct str text, char *ret)
{
    static const char plain[] = "\"\\nrt", meant[] = "\"\\\n\r\t";
    const char *at = text.len > 0 && text.p[0] != '\0' ? strchr(plain, text.p[0]) : NULL;
    if (at != NULL) {
        *ret = meant[at - plain];
        return 1;
    }
    if (text.len < 3 || text.p[0] != 'x' || hex_digit(text.p[1]) < 0 || hex_digit(text.p[2]) < 0)
        return 0;
    *ret = (char)(hex_digit(text.p[1]) << 4 | hex_digit(text.p[2]));
    return 3;
}

static bool quoted_read(struct cursor *c, const struct veiled **ret)
{
    AUTO(buf_fini)
    struct buf text = BUF(VEILED_TEXT_MAX);
    for (cursor_skip(c, 1); c->rest.len > 0 && cursor_peek(c) != '"';) {
        char byte = cursor_peek(c);
        size_t len = 1;
        if (byte == '\\') {
            cursor_skip(c, 1);
            len = escape_read(c->rest, &byte);
        }
        if (len == 0)
            return false;
        buf_add_char(&text, byte);
        cursor_skip(c, len);
    }
    if (cursor_peek(c) != '"' || text.overflow)
        return false;
    cursor_skip(c, 1);
    *ret = veiled_text(c->arena, buf_str(&text));
    return true;
}

static bool expression_read(struct cursor *c, const struct veiled **ret);

static bool list_read(struct cursor *c, const struct veiled **list, size_t *ret_n)
{
    *ret_n = 0;
    do {
        cursor_skip(c, 1); /* "(" or "," */
        if (*ret_n == VEILED_ARGUMENTS_MAX || !expression_read(c, &list[*ret_n]))
            return false;
        (*ret_n)++;
    } while (cursor_peek(c) == ',');
    if (cursor_peek(c) != ')')
        return false;
    cursor_skip(c, 1);
    return true;
}

static const struct veiled *list_join(struct arena *arena, const struct veiled *const *list,
                                      size_t n)
{
    const struct veiled *all = NULL;
    for (size_t i = 0; i < n; i++)
        all = veiled_join(arena, all, list[i]);
    return all;
}

static bool named_read(struct cursor *c, const struct veiled **ret)
{
    const struct veiled *list[VEILED_ARGUMENTS_MAX];
    enum veiled_function function;
    size_t len = 0, n;
    while (len < c->rest.len && is_name_char(c->rest.p[len]))
        len++;
    struct str name = str_mem(c->rest.p, len);
    cursor_skip(c, len);
    if (cursor_peek(c) != '(') {
        *ret = len > 0 ? veiled_secret(c->arena, arena_strndup(c->arena, name.p, name.len)) : NULL;
        return len > 0;
    }
    if (len == 0) {
        if (!list_read(c, list, &n))
            return false;
        *ret = list_join(c->arena, list, n);
        return true;
    }
    return veiled_function_find(name, &function) && list_read(c, list, &n) &&
           veiled_call(c->arena, function, list, n, ret, NULL);
}

static bool expression_read(struct cursor *c, const struct veiled **ret)
{
    if (++c->depth > VEILED_DEPTH_MAX)
        return false;
    bool ok = cursor_peek(c) == '"' ? quoted_read(c, ret) : named_read(c, ret);
    c->depth--;
    return ok;
}

/* Length of "{{expression}}" at the start of text; 0 when it is something else: braces are at home in JSON. */
static size_t place_read(struct arena *arena, struct str text, const struct veiled **ret)
{
    struct cursor c = {.arena = arena};
    if (!str_starts(text, STR("{{")))
        return 0;
    c.rest = str_mem(text.p + 2, text.len - 2);
    if (!expression_read(&c, ret) || !str_starts(c.rest, STR("}}")))
        return 0;
    return text.len - c.rest.len + 2;
}

bool veiled_parse(struct arena *arena, struct str text, const struct veiled **ret, struct err *err)
{
    const struct veiled *all = NULL, *part;
    if (text.len > VEILED_TEXT_MAX)
        return err_set(err, ERR_BROKEN, "the text is too large");
    for (size_t i = 0, from = 0; i <= text.len;) {
        part = NULL;
        size_t len = i < text.len ? place_read(arena, str_mem(text.p + i, text.len - i), &part) : 0;
        if (len == 0 && i < text.len) {
            i++;
            continue;
        }
        all = veiled_join(arena, all, veiled_text(arena, str_mem(text.p + from, i - from)));
        all = veiled_join(arena, all, part);
        i += len;
        from = i;
        i += i == text.len ? 1 : 0;
    }
    *ret = all;
    return true;
}

bool veiled_has_secret(struct str text)
{
    struct arena *arena = arena_new();
    bool has = false;
    for (size_t i = 0; i < text.len && !has; i++) {
        const struct veiled *part = NULL;
        if (text.p[i] == '{')
            has = place_read(arena, str_mem(text.p + i, text.len - i), &part) > 0 &&
                  !veiled_is_plain(part);
    }
    arena_free(arena);
    return has;
}

/* ---- filling in ---- */

struct filling {
    veiled_resolve *resolve;
    void *arg;
};

static bool unveil(const struct filling *f, const struct veiled *v, struct buf *out,
                   struct err *err);

static const char *first_secret(const struct veiled *v)
{
    const char *found = NULL;
    if (v == NULL || !v->has_secret)
        return NULL;
    if (v->kind == VEILED_SECRET)
        return v->text.p;
    for (size_t i = 0; i < v->n && found == NULL; i++)
        found = first_secret(v->parts[i]);
    return found;
}

static bool call_unveil(const struct filling *f, const struct veiled *v, struct buf *out,
                        struct err *err)
{
    struct buf arguments[2] = {BUF(VEILED_TEXT_MAX), BUF(VEILED_TEXT_MAX)};
    struct str texts[2] = {STR(""), STR("")};
    bool ok = true;
    for (size_t i = 0; i < v->n && ok; i++) {
        ok = unveil(f, v->parts[i], &arguments[i], err);
        texts[i] = buf_str(&arguments[i]);
    }
    if (ok && !veiled_function_run(v->function, texts, out, err))
        ok = err_wrap(err, "%s", first_secret(v));
    buf_fini(&arguments[0]);
    buf_fini(&arguments[1]);
    return ok;
}

static bool unveil(const struct filling *f, const struct veiled *v, struct buf *out,
                   struct err *err)
{
    const struct secret *secret;
    if (veiled_is_plain(v)) {
        buf_add_str(out, veiled_plain(v));
        return true;
    }
    if (v->kind == VEILED_SECRET) {
        if (!f->resolve(f->arg, v->text, &secret, err))
            return false;
        buf_add_str(out, secret_str(secret));
        return true;
    }
    if (v->kind == VEILED_CALL)
        return call_unveil(f, v, out, err);
    for (size_t i = 0; i < v->n; i++)
        if (!unveil(f, v->parts[i], out, err))
            return false;
    return true;
}

static bool fits_header(struct str text)
{
    for (size_t i = 0; i < text.len; i++)
        if ((unsigned char)text.p[i] < ' ' || text.p[i] == 0x7f)
            return false;
    return true;
}

static bool encoded_add(struct str bytes, const struct veiled *v, enum veiled_place place,
                        struct buf *out, struct err *err)
{
    switch (place) {
    case VEILED_IN_URL:
    case VEILED_IN_FORM:
        return veiled_function_run(VEILED_ENC, &bytes, out, err);
    case VEILED_IN_JSON:
        return veiled_function_run(VEILED_JSON, &bytes, out, err);
    case VEILED_IN_HEADER:
        if (!fits_header(bytes))
            return err_set(
                err, ERR_CONFIG,
                "%s holds a line break or another control byte and cannot stand in a header",
                first_secret(v) != NULL ? first_secret(v) : "a text");
        break;
    case VEILED_IN_BODY:
        break;
    }
    buf_add_str(out, bytes);
    return true;
}

bool veiled_fill(struct str text, enum veiled_place place, veiled_resolve *resolve, void *arg,
                 struct buf *out, struct err *err)
{
    struct filling f = {resolve, arg};
    struct arena *arena = arena_new();
    bool ok = true;
    for (size_t i = 0; i < text.len && ok;) {
        const struct veiled *v = NULL;
        size_t len =
            text.p[i] == '{' ? place_read(arena, str_mem(text.p + i, text.len - i), &v) : 0;
        if (len == 0) {
            buf_add_char(out, text.p[i++]);
            continue;
        }
        AUTO(buf_fini)
        struct buf bytes = BUF(VEILED_TEXT_MAX);
        ok = unveil(&f, v, &bytes, err);
        /* A protected "{" is text: it stands as the provider encoded it. */
        enum veiled_place where = veiled_is_plain(v) ? VEILED_IN_BODY : place;
        ok = ok && encoded_add(buf_str(&bytes), v, where, out, err);
        i += len;
    }
    arena_free(arena);
    return ok && (!out->overflow || err_set(err, ERR_BROKEN, "the request is too large"));
}
